#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include "sandbox/adoption.h"
#include "sandbox/base/env.h"
#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/log.h"
#include "sandbox/cli/arguments.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/lab.h"
#include "sandbox/cli/settings_file.h"
#include "sandbox/cli/tracking_door.h"
#include "sandbox/db/database.h"
#include "sandbox/db/postgres_uri.h"
#include "sandbox/migrate/locations.h"
#include "sandbox/migrate/migration.h"
#include "sandbox/object_stores.h"

namespace sandbox::cli {
namespace {

constexpr const char* help_footer =
    "Copies everything a stopped lab has: runs, models, traces, all of MLflow's tables, and with\n"
    "--to-s3 its files. Then both sides are compared, row by row and file by file. Only when\n"
    "nothing differs, the lab's settings are changed, so that the next `up` works on the new\n"
    "place. The old place stays as it was. Interrupted anywhere, the same command goes on.\n"
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

struct Wishes {
  std::string to_db;
  std::string to_s3;
  std::string endpoint;
  std::string region;
  std::string access_key;
  std::string secret_key;
  bool dry_run = false;
  bool no_switch = false;
  bool as_json = false;
};

// <data>/migration.json: where an unfinished migration goes, so that its half-filled target is
// known again. Without keys and passwords.
struct Unfinished {
  std::string to_db;
  std::string to_s3;
  std::string endpoint;
  static constexpr auto fields() {
    return std::tuple{field("to_db", &Unfinished::to_db), field("to_s3", &Unfinished::to_s3),
                      field("endpoint", &Unfinished::endpoint)};
  }
};

struct TableLine {
  std::string table;
  std::int64_t rows = 0;
  std::int64_t different = 0;
  static constexpr auto fields() {
    return std::tuple{field("table", &TableLine::table), field("rows", &TableLine::rows),
                      field("different", &TableLine::different)};
  }
};

struct FilesLine {
  std::string from;
  std::string to;
  std::int64_t objects = 0;
  std::int64_t bytes = 0;
  std::int64_t different = 0;
  static constexpr auto fields() {
    return std::tuple{field("from", &FilesLine::from), field("to", &FilesLine::to),
                      field("objects", &FilesLine::objects), field("bytes", &FilesLine::bytes),
                      field("different", &FilesLine::different)};
  }
};

struct Told {
  bool is_equal = false;
  bool is_switched = false;
  std::vector<TableLine> tables;
  std::vector<FilesLine> files;
  static constexpr auto fields() {
    return std::tuple{field("is_equal", &Told::is_equal), field("is_switched", &Told::is_switched),
                      field("tables", &Told::tables), field("files", &Told::files)};
  }
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

std::string prefix_of(const S3Place& place) {
  return place.prefix.empty() ? "" : place.prefix + "/";
}

S3Place need_place(const std::string& uri) {
  const auto place = parse_s3_place(uri);
  if (place) return *place;
  throw Error(Code::invalid_parameter_value,
              "--to-s3 must be s3://bucket or s3://bucket/path, not '" + uri + "'.");
}

// What becomes of the place that artifacts lie in.
migrate::ObjectMove move_of_artifacts(const Config& from, const std::string& to_s3) {
  const S3Place old_place = need_place(from.artifacts_destination);
  const S3Place new_place = need_place(to_s3);
  return {old_place.bucket, prefix_of(old_place), new_place.bucket, prefix_of(new_place)};
}

// The settings that make `up` work on the new place.
std::map<std::string, std::string> new_settings(const Wishes& wishes, const Config& from) {
  std::map<std::string, std::string> settings;
  if (!wishes.to_db.empty()) settings["backend-store-uri"] = wishes.to_db;
  if (wishes.to_s3.empty()) return settings;
  settings["artifacts-destination"] = wishes.to_s3;
  settings["artifacts-endpoint"] = wishes.endpoint;
  settings["artifacts-region"] = wishes.region;
  settings["artifacts-access-key"] = wishes.access_key;
  settings["artifacts-secret-key"] = wishes.secret_key;
  const std::string root =
      migrate::moved_uri(from.default_artifact_root, {move_of_artifacts(from, wishes.to_s3)});
  if (root != from.default_artifact_root) settings["default-artifact-root"] = root;
  return settings;
}

// The artifacts' place, and from the built-in store every other bucket that has something in it.
std::vector<migrate::ObjectMove> moves_between(const Config& from,
                                               const Config& to,
                                               store::ObjectStore& source) {
  std::vector<migrate::ObjectMove> moves{move_of_artifacts(from, to.artifacts_destination)};
  if (!from.artifacts_endpoint.empty()) return moves;
  for (const store::BucketInfo& bucket : source.buckets()) {
    if (bucket.name == moves.front().from_bucket || source.usage(bucket.name).objects == 0)
      continue;
    moves.push_back({bucket.name, "", bucket.name, ""});
  }
  return moves;
}

// Other buckets keep their names; one that is missing is made.
void make_buckets(store::ObjectStore& target,
                  const std::vector<migrate::ObjectMove>& moves,
                  const Config& to) {
  for (const migrate::ObjectMove& move : moves) {
    if (!target.find_bucket(move.to_bucket)) {
      target.create_bucket(move.to_bucket, to.artifacts_region);
    }
  }
}

class Migrating {
 public:
  Migrating(const Wishes& wishes, const LabFlags& lab)
      : wishes_(wishes),
        from_(stopped_lab_config(lab, {})),
        to_(stopped_lab_config(lab, as_texts(new_settings(wishes, from_)))),
        lock_(from_.data_dir),
        source_(open_metadata(env_, from_)),
        objects_(open_artifact_store(env_, from_)) {}

  int run() {
    migrate::check_movable(*source_);
    open_target_store();
    open_target_database();
    if (wishes_.dry_run) return tell_plan();
    remember();
    migrate::Result result;
    {
      ProgressLine line;
      const auto progress = [&](const std::string& what, std::int64_t count) {
        line.show(what, count);
      };
      if (target_objects_) {
        make_buckets(*target_objects_, moves_, to_);
        result.moves = migrate::move_objects(*objects_, *target_objects_, moves_, progress);
      }
      result.tables = migrate::move_rows(*source_, *target_, moves_, progress);
    }
    return finish(result);
  }

 private:
  static SettingTexts as_texts(const std::map<std::string, std::string>& settings) {
    SettingTexts texts;
    for (const auto& [name, value] : settings) texts[name] = {value};
    return texts;
  }

  void open_target_store() {
    if (wishes_.to_s3.empty()) return;
    const bool is_same_store = from_.artifacts_endpoint == to_.artifacts_endpoint;
    if (is_same_store && from_.artifacts_destination == to_.artifacts_destination) return;
    if (is_same_store) {
      throw Error(Code::invalid_parameter_value,
                  "The files are in that store already, at " + from_.artifacts_destination + ". `" +
                      program() + " relocate` moves them inside it.");
    }
    target_objects_ = open_artifact_store(env_, to_);
    moves_ = moves_between(from_, to_, *objects_);
  }

  void open_target_database() {
    if (from_.backend_store_uri == to_.backend_store_uri) {
      throw Error(Code::invalid_parameter_value,
                  "The lab keeps its metadata at that --to-db already.");
    }
    target_ = db::open_database(to_.backend_store_uri);
    if (migrate::is_unused(*target_) || is_ours()) return;
    throw Error(Code::invalid_state,
                "The database --to-db names holds experiments or runs of its own, which would be "
                "lost. Name an empty one.");
  }

  [[nodiscard]] Unfinished target_mark() const {
    return {db::without_password(to_.backend_store_uri), wishes_.to_s3, wishes_.endpoint};
  }
  [[nodiscard]] std::string mark_file() const { return from_.data_dir + "/migration.json"; }
  [[nodiscard]] bool is_ours() const {
    std::ifstream file(mark_file());
    std::stringstream text;
    text << file.rdbuf();
    return file && text.str() == to_json(target_mark()) + "\n";
  }
  void remember() const { write_private_file(mark_file(), to_json(target_mark()) + "\n"); }

  int tell_plan() {
    std::printf("Would move the rows of %s to %s.\n",
                db::without_password(from_.backend_store_uri).c_str(),
                db::without_password(to_.backend_store_uri).c_str());
    for (const migrate::ObjectMove& move : moves_) {
      std::printf("Would copy s3://%s/%s to s3://%s/%s.\n", move.from_bucket.c_str(),
                  move.from_prefix.c_str(), move.to_bucket.c_str(), move.to_prefix.c_str());
    }
    std::printf("Nothing was changed.\n");
    return 0;
  }

  int finish(const migrate::Result& result) {
    Told told = told_of(result);
    if (told.is_equal && !wishes_.no_switch) {
      change_settings(from_.data_dir, new_settings(wishes_, from_));
      write_places(from_.data_dir,
                   {to_.backend_store_uri, to_.default_artifact_root, to_.artifacts_destination,
                    to_.artifacts_endpoint, to_.artifacts_region, to_.artifacts_addressing,
                    to_.artifacts_ca_file, to_.auth});
      told.is_switched = true;
    }
    if (told.is_equal) std::filesystem::remove(mark_file());
    if (wishes_.as_json) {
      std::printf("%s\n", to_json(told).c_str());
    } else {
      print(told, result);
    }
    return told.is_equal ? 0 : 1;
  }

  static Told told_of(const migrate::Result& result) {
    Told told;
    told.is_equal = result.is_equal();
    for (const migrate::TableResult& one : result.tables) {
      const migrate::Difference& left = one.left;
      told.tables.push_back({one.table, left.rows, left.missing + left.different + left.surplus});
    }
    for (const migrate::MoveResult& one : result.moves) {
      told.files.push_back({"s3://" + one.move.from_bucket + "/" + one.move.from_prefix,
                            "s3://" + one.move.to_bucket + "/" + one.move.to_prefix,
                            one.left.objects, one.left.bytes, one.left.different});
    }
    return told;
  }

  void print(const Told& told, const migrate::Result& result) const {
    for (const TableLine& line : told.tables) {
      if (line.rows == 0 && line.different == 0) continue;
      std::printf("%-34s %12" PRId64 " rows%s\n", line.table.c_str(), line.rows,
                  line.different == 0 ? "" : "  DIFFERS");
    }
    for (const FilesLine& line : told.files) {
      std::printf("%s -> %s  %" PRId64 " files, %.1f MB%s\n", line.from.c_str(), line.to.c_str(),
                  line.objects, static_cast<double>(line.bytes) / 1e6,
                  line.different == 0 ? "" : "  DIFFERS");
    }
    for (const migrate::TableResult& one : result.tables) {
      if (!one.left.first.empty()) {
        std::printf("The first that differs: %s\n", one.left.first.c_str());
      }
    }
    if (!told.is_equal) {
      std::printf(
          "\nThe two sides differ; the lab stays where it was. Run the same command again.\n");
    } else if (told.is_switched) {
      std::printf("\nBoth sides are equal. `%s up` now works on the new place.\n",
                  program().c_str());
    } else {
      std::printf("\nBoth sides are equal. The lab stays where it was, as --no-switch says.\n");
    }
  }

  const Wishes& wishes_;
  SystemEnv env_;
  const Config from_;
  const Config to_;
  LabLock lock_;
  std::unique_ptr<db::Database> source_;
  std::unique_ptr<store::ObjectStore> objects_;
  std::unique_ptr<db::Database> target_;
  std::unique_ptr<store::ObjectStore> target_objects_;
  std::vector<migrate::ObjectMove> moves_;
};

}  // namespace

int migrate(const Words& words) {
  Wishes wishes;
  LabFlags lab;
  Arguments arguments("migrate", "Moves a stopped lab to another database and object store.");
  arguments.text("--to-db", wishes.to_db, "The database it moves to");
  arguments.text("--to-s3", wishes.to_s3, "The place its files move to, s3://bucket/path");
  arguments.text("--endpoint", wishes.endpoint, "URL of the S3 server --to-s3 is in");
  arguments.text("--region", wishes.region, "Its region");
  arguments.text("--access-key", wishes.access_key, "Its access key");
  arguments.text("--secret-key", wishes.secret_key, "Its secret key; better in the environment");
  arguments.flag("--dry-run,-n", wishes.dry_run, "Change nothing; say what would be done");
  arguments.flag("--no-switch", wishes.no_switch, "Copy and compare, but leave the settings");
  arguments.flag("--json", wishes.as_json, "The result as JSON");
  lab.declare(arguments);
  arguments.footer(help_footer);
  if (!arguments.parse(words)) return 0;
  if (wishes.to_db.empty()) {
    throw Error(Code::invalid_parameter_value,
                "Say where to: --to-db postgresql://user:password@host:5432/database, and --to-s3 "
                "s3://bucket/path --endpoint URL for the files.");
  }
  const std::string data_dir = find_data_dir(lab.data_dir, process_environment());
  if (running_lab(data_dir)) {
    throw Error(Code::invalid_state, "The lab in " + data_dir + " is running. Stop it with `" +
                                         program() + data_dir_flag(data_dir) +
                                         " down`, move it, and start it again.");
  }
  try {
    return Migrating(wishes, lab).run();
  } catch (const store::Fault& fault) {
    throw Error(Code::invalid_state, std::string("The files could not be moved: ") + fault.what() +
                                         " The lab stays where it was; the same command goes on.");
  }
}

}  // namespace sandbox::cli
