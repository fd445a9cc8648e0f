#include "sandbox/live_migration.h"

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/base/log.h"
#include "sandbox/db/database.h"
#include "sandbox/db/postgres_uri.h"
#include "sandbox/migrate/migration.h"
#include "sandbox/object_stores.h"

namespace sandbox {
namespace {

// So much may be left for the moment in which writes wait…
constexpr std::int64_t last_rows_wanted = 10'000;
constexpr std::int64_t last_bytes_wanted = 64 << 20;
constexpr std::size_t last_rows_max = 100'000;
// …which clients would not outwait if it were longer: MLflow's give up after 120 seconds.
constexpr std::int64_t hold_ms_max = 90'000;
constexpr int passes_max = 20;
constexpr int writer_patience_ms = 10'000;
constexpr int closings_max = 30;
constexpr std::chrono::seconds between_closings{2};

// Opens it again however a function ends.
struct Opening {
  http::Turnstile& turnstile;
  ~Opening() { turnstile.open(); }
};

// Work beside the requests begins again unless the lab has moved.
struct Resuming {
  MlflowServer* mlflow;
  ~Resuming() {
    if (mlflow != nullptr) mlflow->start();
  }
};

}  // namespace

struct LiveMigration::Move {
  Move(const migrate::Order& wanted, Backend& backend)
      : order(wanted),
        from(backend),
        to(migrate::config_after(wanted, backend.config())),
        mark(wanted, backend.config()) {}

  const migrate::Order& order;
  Backend& from;
  const Config to;
  const migrate::Mark mark;
  std::unique_ptr<db::Database> database;     // until `next` has them
  std::unique_ptr<store::ObjectStore> other;  // null where the files go to the built-in store
  db::Database* target = nullptr;
  store::ObjectStore* target_store = nullptr;
  std::optional<migrate::ObjectSync> objects;  // without one the files stay
  std::vector<migrate::ObjectMove> moves;
  migrate::Result result;
  std::int64_t closed_ns = 0;

  // Buckets come at any time: each pass looks for them.
  void find_moves() {
    moves = migrate::moves_between(from.config(), to, from.artifact_store());
    migrate::make_buckets(*target_store, moves, to);
  }
};

void LiveMigration::run(const migrate::Order& order, const migrate::Report& report) {
  const std::unique_lock busy(migrating_, std::try_to_lock);
  if (!busy) throw Error(Code::resource_conflict, "This lab is being moved already.");
  Move move(order, lab_.backend());
  open_target(move);
  for (bool is_settled = false; !is_settled;) {
    follow(move, report);
    close_turnstile(move, report);
    const Opening opening{lab_.turnstile};
    is_settled = settle(move);
  }
  Env& env = lab_.surroundings.env;
  migrate::Told told = migrate::told_of(move.result);
  told.is_switched = !order.no_switch;
  told.waited_ms = (env.monotonic_ns() - move.closed_ns) / 1'000'000;
  log::info("the lab was moved", {{"database", db::without_password(order.to_db)},
                                  {"files", order.to_s3},
                                  {"rows", move.result.rows()},
                                  {"objects", move.result.objects()},
                                  {"switched", told.is_switched ? "yes" : "no"},
                                  {"waited_ms", told.waited_ms}});
  migrate::Line total;
  total.kind = "total";
  total.told = std::move(told);
  report(total);
}

void LiveMigration::open_target(Move& move) {
  migrate::check_movable(move.from.database());
  if (move.to.artifacts_endpoint.empty()) {
    lab_.open_built_in();
  } else if (move.to.artifacts_endpoint == lab_.surroundings.s3_url()) {
    throw Error(Code::invalid_parameter_value,
                "--endpoint is this lab's own S3 port, where its files are.");
  } else {
    move.other = open_other_store(lab_.surroundings.env, move.to);
  }
  move.database = db::open_database(move.to.backend_store_uri);
  move.target = move.database.get();
  migrate::need_free_target(*move.target, move.mark);
  move.mark.write();
  if (!migrate::moves_files(move.from.config(), move.to)) return;
  move.target_store = move.other ? move.other.get() : lab_.surroundings.built_in;
  move.objects.emplace(move.from.artifact_store(), *move.target_store);
}

// Returns the number of rows that changed. Where little did, one walk is enough.
std::int64_t LiveMigration::copy_pass(Move& move, int pass, const migrate::Progress& progress) {
  if (pass > 1) {
    const auto settled = migrate::settle_rows(move.from.database(), *move.target, move.moves,
                                              last_rows_max, [this] { check_stop(); });
    if (settled) return settled->changed;
  }
  return migrate::copy_rows(move.from.database(), *move.target, move.moves, progress);
}

// Copies again and again what changed since, until that is little.
void LiveMigration::follow(Move& move, const migrate::Report& report) {
  const auto progress = [&](const std::string& what, std::int64_t count) {
    check_stop();
    migrate::Line line;
    line.kind = "progress";
    line.what = what;
    line.count = count;
    report(line);
  };
  std::int64_t rows = 0;
  for (int pass = 1; pass <= passes_max; ++pass) {
    migrate::ObjectCount objects;
    if (move.objects) {
      move.find_moves();
      objects = migrate::copy_objects(*move.objects, move.moves, progress);
    }
    rows = copy_pass(move, pass, progress);
    migrate::Line line;
    line.kind = "pass";
    line.count = rows + objects.copied;
    report(line);
    if (rows <= last_rows_wanted && objects.copied_bytes <= last_bytes_wanted) return;
  }
  throw Error(Code::invalid_state,
              "Clients write faster than their rows can be copied: " + std::to_string(rows) +
                  " changed during the last pass. The lab stays where it was. Stop some of them, "
                  "or the lab, and run the same command again.");
}

void LiveMigration::close_turnstile(Move& move, const migrate::Report& report) {
  std::string inside;
  for (int closing = 0; closing < closings_max; ++closing) {
    check_stop();
    move.closed_ns = lab_.surroundings.env.monotonic_ns();
    const auto still = lab_.turnstile.close(writer_patience_ms);
    if (!still) return;
    inside = *still;
    migrate::Line line;
    line.kind = "waiting";
    line.note = inside;
    report(line);
    std::this_thread::sleep_for(between_closings);
  }
  throw Error(Code::invalid_state,
              "A request that writes does not end: " + inside +
                  ". The lab stays where it was. Wait for it, or stop the lab, and run the same "
                  "command again.");
}

// While no request writes. False when too much is left for that.
bool LiveMigration::settle(Move& move) {
  Env& env = lab_.surroundings.env;
  const auto tick = [&] {
    check_stop();
    if (env.monotonic_ns() - move.closed_ns < hold_ms_max * 1'000'000) return;
    throw Error(Code::invalid_state,
                "The lab has too many rows to be compared while its clients wait. It stays where "
                "it was. Stop it and run the same command again: it goes on where this ended.");
  };
  migrate::check_movable(move.from.database());
  Resuming resuming{&move.from.mlflow()};
  move.from.mlflow().pause();
  if (move.objects) {
    move.find_moves();
    move.result.moves = migrate::move_objects(*move.objects, move.moves,
                                              [&](const std::string&, std::int64_t) { tick(); });
  }
  auto settled =
      migrate::settle_rows(move.from.database(), *move.target, move.moves, last_rows_max, tick);
  if (!settled) return false;
  move.result.tables = std::move(settled->tables);
  if (!move.result.is_equal()) {
    throw Error(Code::invalid_state,
                "The two sides differ, at " + migrate::told_of(move.result).first_different +
                    ". The lab stays where it was. Run the same command again.");
  }
  if (!move.order.no_switch) {
    auto next = std::make_unique<Backend>(lab_.surroundings, move.to, std::move(move.database),
                                          std::move(move.other));
    lab_.keep_place(move.to, migrate::settings_after(move.order, move.from.config()));
    lab_.take_over(std::move(next));
    resuming.mlflow = nullptr;
  }
  move.mark.remove();
  return true;
}

void LiveMigration::check_stop() const {
  if (!stopping_.stop_requested()) return;
  throw Error(Code::invalid_state,
              "The lab is being stopped. It stays where it was; the same command goes on.");
}

}  // namespace sandbox
