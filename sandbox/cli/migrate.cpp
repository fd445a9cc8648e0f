#include <cinttypes>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <unistd.h>

#include "sandbox/adoption.h"
#include "sandbox/base/env.h"
#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/cli/arguments.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/lab.h"
#include "sandbox/cli/settings_file.h"
#include "sandbox/cli/tracking_door.h"
#include "sandbox/db/database.h"
#include "sandbox/db/postgres_uri.h"
#include "sandbox/migrate/api.h"
#include "sandbox/migrate/migration.h"
#include "sandbox/migrate/order.h"
#include "sandbox/migrate/report.h"
#include "sandbox/object_stores.h"

namespace sandbox::cli {
namespace {

using migrate::Order;
using migrate::Told;

constexpr const char* help_footer =
    "Copies everything a lab has: runs, models, traces, all of MLflow's tables, and with --to-s3\n"
    "its files. Then both sides are compared, row by row and file by file. Only when nothing\n"
    "differs, the lab's settings are changed. The old place stays as it was. Interrupted "
    "anywhere,\n"
    "the same command goes on.\n"
    "\n"
    "A running lab goes on meanwhile. For the last step requests that write wait, some seconds\n"
    "for each million rows, and the lab answers from the new place; what clients then still write\n"
    "to its own S3 port is refused. A database that other servers have open is not left. A "
    "stopped\n"
    "lab works on the new place with the next `up`.\n"
    "\n"
    "  --to-db   postgresql://user:password@host:5432/database (which must exist and be empty), "
    "or\n"
    "            sqlite:////absolute/path.db\n"
    "  --to-s3   s3://bucket/path in the S3 server at --endpoint; the bucket must exist. Without\n"
    "            --endpoint it is the lab's built-in store. Keys come from --access-key and\n"
    "            --secret-key, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.\n"
    "\n"
    "Addresses of files (s3://...) are rewritten to where the files are. mlflow-artifacts:/ "
    "stays:\n"
    "a real MLflow server on the new place is started with\n"
    "  mlflow server --backend-store-uri URI --artifacts-destination s3://bucket/path\n"
    "\n"
    "Examples:\n"
    "  mlops-sandbox migrate --to-db postgresql://mlflow_user:...@db/mlflow_db\n"
    "  mlops-sandbox migrate --to-db postgresql://... --to-s3 s3://lab/mlflow --endpoint "
    "https://s3\n"
    "  mlops-sandbox migrate --to-db sqlite:////home/me/mlflow.db --to-s3 s3://mlflow\n";

// What a command line says.
struct Wishes {
  Order order;
  bool dry_run = false;
  bool as_json = false;
};

class ProgressLine {
 public:
  void show(const std::string& what, std::int64_t count) {
    if (!is_terminal_) return;
    std::fprintf(stderr, "\r\033[K%s: %" PRId64, what.c_str(), count);
    std::fflush(stderr);
  }
  ~ProgressLine() {
    if (is_terminal_) std::fprintf(stderr, "\r\033[K");
  }

 private:
  bool is_terminal_ = isatty(STDERR_FILENO) == 1;
};

SettingTexts as_texts(const migrate::Settings& settings) {
  SettingTexts texts;
  for (const auto& [name, value] : settings) texts[name] = {value};
  return texts;
}

// The order with what the environment and the settings file add to it, checked as `up` checks its
// settings.
Order completed(const Order& typed, const LabFlags& lab, bool is_running) {
  SettingTexts texts = as_texts(migrate::settings_after(typed, Config()));
  if (typed.to_s3.empty()) texts["artifacts-endpoint"] = {""};
  if (typed.region.empty()) texts.erase("artifacts-region");
  // Which S3 port a running lab has it knows itself.
  if (is_running && !typed.endpoint.empty()) texts["no-s3"] = {"true"};
  const Config checked = stopped_lab_config(lab, texts);
  Order order = typed;
  order.to_db = checked.backend_store_uri;
  if (order.endpoint.empty()) return order;
  order.endpoint = checked.artifacts_endpoint;
  order.region = checked.artifacts_region;
  order.access_key = checked.artifacts_access_key;
  order.secret_key = checked.artifacts_secret_key.reveal();
  order.session_token = checked.artifacts_session_token.reveal();
  order.addressing = checked.artifacts_addressing;
  order.ca_file = checked.artifacts_ca_file;
  order.ignore_tls = checked.artifacts_ignore_tls;
  return order;
}

// `moves`: places of files, and where they go.
int tell_plan(const std::string& from_db,
              const Order& order,
              const std::vector<std::pair<std::string, std::string>>& moves) {
  std::printf("Would move the rows of %s to %s.\n", db::without_password(from_db).c_str(),
              db::without_password(order.to_db).c_str());
  for (const auto& [from, to] : moves) {
    std::printf("Would copy %s to %s.\n", from.c_str(), to.c_str());
  }
  std::printf("Nothing was changed.\n");
  return 0;
}

// Moves a lab that does not run.
class Migrating {
 public:
  Migrating(const Order& order, const LabFlags& lab)
      : order_(order),
        from_(stopped_lab_config(lab, {})),
        to_(migrate::config_after(order, from_)),
        mark_(order, from_),
        lock_(from_.data_dir),
        source_(open_metadata(env_, from_)),
        objects_(open_artifact_store(env_, from_)) {
    migrate::check_movable(*source_);
    if (migrate::moves_files(from_, to_)) target_objects_ = open_artifact_store(env_, to_);
    moves_ = migrate::moves_between(from_, to_, *objects_);
    target_ = db::open_database(to_.backend_store_uri);
    migrate::need_free_target(*target_, mark_);
  }

  [[nodiscard]] int plan() const {
    std::vector<std::pair<std::string, std::string>> places;
    for (const migrate::ObjectMove& move : moves_) {
      places.emplace_back("s3://" + move.from_bucket + "/" + move.from_prefix,
                          "s3://" + move.to_bucket + "/" + move.to_prefix);
    }
    return tell_plan(from_.backend_store_uri, order_, places);
  }

  Told run() {
    mark_.write();
    ProgressLine line;
    const auto progress = [&](const std::string& what, std::int64_t count) {
      line.show(what, count);
    };
    migrate::Result result;
    if (target_objects_) {
      migrate::make_buckets(*target_objects_, moves_, to_);
      migrate::ObjectSync sync(*objects_, *target_objects_);
      result.moves = migrate::move_objects(sync, moves_, progress);
    }
    result.tables = migrate::move_rows(*source_, *target_, moves_, progress);
    return finished(result);
  }

 private:
  Told finished(const migrate::Result& result) const {
    Told told = migrate::told_of(result);
    if (!told.is_equal) return told;
    if (!order_.no_switch) {
      change_settings(from_.data_dir, migrate::settings_after(order_, from_));
      write_places(from_.data_dir,
                   {to_.backend_store_uri, to_.default_artifact_root, to_.artifacts_destination,
                    to_.artifacts_endpoint, to_.artifacts_region, to_.artifacts_addressing,
                    to_.artifacts_ca_file, to_.auth});
      told.is_switched = true;
    }
    mark_.remove();
    return told;
  }

  SystemEnv env_;
  const Order order_;
  const Config from_;
  const Config to_;
  const migrate::Mark mark_;
  LabLock lock_;
  std::unique_ptr<db::Database> source_;
  std::unique_ptr<store::ObjectStore> objects_;
  std::unique_ptr<db::Database> target_;
  std::unique_ptr<store::ObjectStore> target_objects_;  // null where the files stay
  std::vector<migrate::ObjectMove> moves_;
};

// Has a running lab move itself.
Told move_running(const Order& order, const LabFlags& lab) {
  TrackingDoor door(lab);
  ProgressLine progress;
  std::optional<Told> told;
  std::string reason = "The lab ended in the middle of it.";
  int pass = 1;
  const auto take = [&](std::string_view text) {
    const auto line = from_json<migrate::Line>(text);
    if (line.kind == "progress") {
      progress.show("pass " + std::to_string(pass) + ", " + line.what, line.count);
    } else if (line.kind == "pass") {
      ++pass;
    } else if (line.kind == "waiting") {
      progress.show("waiting for " + line.note, 1);
    } else if (line.kind == "total") {
      told = line.told;
    } else if (line.kind == "error") {
      reason = line.note;
    }
  };
  try {
    door.post_for_lines(std::string(migrate::migrate_path), to_json(order), take);
  } catch (const Error& failure) {
    // Only its settings know whether it had moved already.
    throw Error(failure.code(), failure.message() +
                                    " Start the lab again if it does not run, and run the same "
                                    "command: it goes on, or says that the lab has moved.");
  }
  if (!told) throw Error(Code::invalid_state, reason);
  return *told;
}

void print(const Told& told, bool was_running) {
  for (const migrate::TableLine& line : told.tables) {
    if (line.rows == 0 && line.different == 0) continue;
    std::printf("%-34s %12" PRId64 " rows%s\n", line.table.c_str(), line.rows,
                line.different == 0 ? "" : "  DIFFERS");
  }
  for (const migrate::FilesLine& line : told.files) {
    std::printf("%s -> %s  %" PRId64 " files, %.1f MB%s\n", line.from.c_str(), line.to.c_str(),
                line.objects, static_cast<double>(line.bytes) / 1e6,
                line.different == 0 ? "" : "  DIFFERS");
  }
  if (!told.is_equal) {
    std::printf(
        "The first that differs: %s\n\nThe two sides differ; the lab stays where it was. Run the "
        "same command again.\n",
        told.first_different.c_str());
  } else if (!told.is_switched) {
    std::printf("\nBoth sides are equal. The lab stays where it was, as --no-switch says.\n");
  } else if (was_running) {
    std::printf(
        "\nBoth sides are equal. The lab works on the new place now; writes waited %.1f seconds. "
        "From now on start it without --backend-store-uri and --artifacts-...: they win over its "
        "settings.\n",
        static_cast<double>(told.waited_ms) / 1e3);
  } else {
    std::printf("\nBoth sides are equal. `%s up` now works on the new place.\n", program().c_str());
  }
}

int move_lab(const Wishes& wishes, const LabFlags& lab) {
  const std::string data_dir = find_data_dir(lab.data_dir, process_environment());
  const auto running = running_lab(data_dir);
  const Order order = completed(wishes.order, lab, running.has_value());
  if (wishes.dry_run && running) {
    std::vector<std::pair<std::string, std::string>> places;
    if (!order.to_s3.empty()) places.emplace_back(running->artifacts_destination, order.to_s3);
    return tell_plan(running->backend_store_uri, order, places);
  }
  Told told;
  if (running) {
    told = move_running(order, lab);
  } else {
    Migrating stopped(order, lab);
    if (wishes.dry_run) return stopped.plan();
    told = stopped.run();
  }
  if (wishes.as_json) {
    std::printf("%s\n", to_json(told).c_str());
  } else {
    print(told, running.has_value());
  }
  return told.is_equal ? 0 : 1;
}

}  // namespace

int migrate(const Words& words) {
  Wishes wishes;
  Order& order = wishes.order;
  LabFlags lab;
  Arguments arguments("migrate", "Moves a lab to another database and object store.");
  arguments.text("--to-db", order.to_db, "The database it moves to");
  arguments.text("--to-s3", order.to_s3, "The place its files move to, s3://bucket/path");
  arguments.text("--endpoint", order.endpoint, "URL of the S3 server --to-s3 is in");
  arguments.text("--region", order.region, "Its region");
  arguments.text("--access-key", order.access_key, "Its access key");
  arguments.text("--secret-key", order.secret_key, "Its secret key; better in the environment");
  arguments.flag("--dry-run,-n", wishes.dry_run, "Change nothing; say what would be done");
  arguments.flag("--no-switch", order.no_switch, "Copy and compare, but leave the settings");
  arguments.flag("--json", wishes.as_json, "The result as JSON");
  lab.declare(arguments);
  arguments.footer(help_footer);
  if (!arguments.parse(words)) return 0;
  if (order.to_db.empty()) {
    throw Error(Code::invalid_parameter_value,
                "Say where to: --to-db postgresql://user:password@host:5432/database, and --to-s3 "
                "s3://bucket/path --endpoint URL for the files.");
  }
  order.keep_keys = !order.access_key.empty();
  try {
    return move_lab(wishes, lab);
  } catch (const store::Fault& fault) {
    throw Error(Code::invalid_state, std::string("The files could not be moved: ") + fault.what() +
                                         " The lab stays where it was; the same command goes on.");
  }
}

}  // namespace sandbox::cli
