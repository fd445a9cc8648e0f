#include "sandbox/upkeep/collector.h"

#include <algorithm>
#include <limits>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/tracking/names.h"
#include "sandbox/upkeep/age.h"
#include "sandbox/upkeep/purge.h"
#include "sandbox/upkeep/strays.h"

namespace sandbox::upkeep {
namespace {

constexpr std::int64_t page_ids = 100;

bool names_anything(const Selection& selection) {
  return !selection.run_ids.empty() || !selection.experiment_ids.empty() ||
         !selection.logged_model_ids.empty();
}

std::int64_t until(const Selection& selection, std::int64_t now) {
  return selection.older_than.empty() ? now : now - parse_age(selection.older_than);
}

Ripeness ripeness_of(const Selection& selection, std::int64_t now) {
  const std::int64_t ms = until(selection, now);
  return {ms, ms, !selection.older_than.empty()};
}

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

void check_run(db::Tx& tx, const std::string& id, const Selection& selection, std::int64_t now) {
  db::Rows rows = tx.query("SELECT lifecycle_stage, deleted_time FROM runs WHERE run_uuid = ?", id);
  if (!rows.next()) {
    throw Error(Code::resource_does_not_exist, "Run with id=" + id + " not found");
  }
  if (rows.view(0) != "deleted") {
    refuse("Run " + id +
           " is not in `deleted` lifecycle stage. Only runs in `deleted` lifecycle stage can be "
           "deleted.");
  }
  if (!selection.older_than.empty() &&
      (rows.is_null(1) || rows.integer(1) > until(selection, now))) {
    refuse("Run " + id + " is not older than the required age. Only runs older than " +
           selection.older_than + " can be deleted.");
  }
}

void check_model(db::Tx& tx, const std::string& id, const Selection& selection, std::int64_t now) {
  db::Rows rows = tx.query(
      "SELECT lifecycle_stage, last_updated_timestamp_ms FROM logged_models WHERE model_id = ?",
      id);
  if (!rows.next()) {
    throw Error(Code::resource_does_not_exist, "Logged model with ID '" + id + "' not found.");
  }
  if (rows.view(0) != "deleted") {
    refuse("Logged model " + id +
           " is not in `deleted` lifecycle stage. Only logged models in `deleted` lifecycle stage "
           "can be deleted.");
  }
  if (!selection.older_than.empty() && rows.integer(1) > until(selection, now)) {
    refuse("Logged model " + id +
           " is not older than the required age. Only logged models older than " +
           selection.older_than + " can be deleted.");
  }
}

void check_experiments(db::Tx& tx, const Selection& selection, std::int64_t now) {
  std::vector<std::string> active;
  std::vector<std::string> young;
  for (const std::string& id : selection.experiment_ids) {
    db::Rows rows = tx.query(
        "SELECT lifecycle_stage, last_update_time FROM experiments WHERE experiment_id = ?",
        tracking::parse_experiment_id(id));
    if (!rows.next()) {
      throw Error(Code::resource_does_not_exist, "No Experiment with id=" + id + " exists");
    }
    if (rows.view(0) != "deleted") active.push_back("'" + id + "'");
    if (!selection.older_than.empty() &&
        (rows.is_null(1) || rows.integer(1) >= until(selection, now))) {
      young.push_back("'" + id + "'");
    }
  }
  if (!active.empty()) {
    refuse("Experiments [" + join(active, ", ") +
           "] are not in the deleted lifecycle stage. Only experiments in the deleted lifecycle "
           "stage can be hard-deleted.");
  }
  if (!young.empty()) {
    refuse("Experiments [" + join(young, ", ") +
           "] are not older than the required age. Only experiments older than " +
           selection.older_than + " can be deleted.");
  }
}

// Ids of deleted things in the order they were deleted, page by page; a page starts after the last
// one, so that what is kept is not met twice.
void for_each_deleted(db::Database& database,
                      std::string_view sql,
                      std::int64_t until_ms,
                      const std::stop_token& stop,
                      const std::function<void(const std::vector<std::string>&)>& take) {
  std::int64_t time = std::numeric_limits<std::int64_t>::min();
  std::string after;
  while (!stop.stop_requested()) {
    std::vector<std::string> ids;
    database.read([&](db::Tx& tx) {
      db::Rows rows = tx.query(sql, until_ms, time, after, page_ids);
      while (rows.next()) {
        ids.push_back(rows.text(0));
        time = rows.integer(1);
      }
    });
    if (ids.empty()) return;
    after = ids.back();
    take(ids);
  }
}

std::vector<std::string> deleted_experiments(db::Database& database, const Ripeness& ripeness) {
  return database.read([&](db::Tx& tx) {
    std::vector<std::string> ids;
    db::Rows rows = tx.query(
        "SELECT experiment_id FROM experiments WHERE lifecycle_stage = 'deleted' AND (? = 0 OR "
        "last_update_time < ?) ORDER BY experiment_id",
        ripeness.has_age ? 1 : 0, ripeness.runs_deleted_until_ms);
    while (rows.next()) ids.push_back(rows.text(0));
    return ids;
  });
}

// Passes findings on and counts them.
class Counting {
 public:
  explicit Counting(const Report& report) : report_(report) {
    total.kind = "total";
    total.runs = total.logged_models = total.experiments = total.orphans = total.missing = 0;
  }
  void operator()(const Finding& finding) {
    if (finding.kind == "run") ++*total.runs;
    if (finding.kind == "logged_model") ++*total.logged_models;
    if (finding.kind == "experiment") ++*total.experiments;
    if (finding.kind == "orphan") ++*total.orphans;
    if (finding.kind == "missing") ++*total.missing;
    total.objects += finding.objects;
    total.bytes += finding.bytes;
    report_(finding);
  }
  Finding total;

 private:
  const Report& report_;
};

}  // namespace

void Collector::check(const Selection& selection) {
  const std::int64_t now = env_.now_ms();
  until(selection, now);
  if (parse_age(selection.orphan_age) < 0) refuse("orphan_age must not be negative.");
  database_.read([&](db::Tx& tx) {
    for (const std::string& id : selection.run_ids) check_run(tx, id, selection, now);
    for (const std::string& id : selection.logged_model_ids) check_model(tx, id, selection, now);
    check_experiments(tx, selection, now);
  });
}

void Collector::collect(const Selection& selection,
                        const std::stop_token& stop,
                        const Report& report) {
  const std::unique_lock one(collecting_, std::try_to_lock);
  if (!one) {
    throw Error(Code::resource_conflict, "A clean-up is running already. Wait until it has ended.");
  }
  // Either may end it: the caller, or the server that stops.
  std::stop_source either;
  const auto end = [&] { either.request_stop(); };
  const std::stop_callback by_caller(stop, end);
  const std::stop_callback by_server(stopping_.get_token(), end);
  const std::stop_token stopped = either.get_token();

  const std::int64_t now = env_.now_ms();
  const Ripeness ripeness = ripeness_of(selection, now);
  Counting counting(report);
  const Report counted = std::ref(counting);
  Purge purge(database_, store_, artifacts_.destination(), selection.dry_run, stopped, counted);
  const bool is_limited = names_anything(selection);
  // Experiments first: what is in them goes with them.
  const auto experiments =
      is_limited ? selection.experiment_ids : deleted_experiments(database_, ripeness);
  for (const std::string& id : experiments) {
    if (stopped.stop_requested()) break;
    purge.experiment(tracking::parse_experiment_id(id), ripeness);
  }
  if (is_limited) {
    purge.runs(selection.run_ids, ripeness);
    purge.logged_models(selection.logged_model_ids, ripeness);
  } else {
    for_each_deleted(
        database_,
        "SELECT run_uuid, deleted_time FROM runs WHERE lifecycle_stage = 'deleted' AND "
        "deleted_time <= ? AND (deleted_time, run_uuid) > (?, ?) ORDER BY deleted_time, run_uuid "
        "LIMIT ?",
        ripeness.runs_deleted_until_ms, stopped,
        [&](const std::vector<std::string>& ids) { purge.runs(ids, ripeness); });
    for_each_deleted(
        database_,
        "SELECT model_id, last_updated_timestamp_ms FROM logged_models WHERE lifecycle_stage = "
        "'deleted' AND last_updated_timestamp_ms <= ? AND (last_updated_timestamp_ms, model_id) > "
        "(?, ?) ORDER BY last_updated_timestamp_ms, model_id LIMIT ?",
        ripeness.models_deleted_until_ms, stopped,
        [&](const std::vector<std::string>& ids) { purge.logged_models(ids, ripeness); });
  }
  Strays strays(database_, store_, artifacts_, default_artifact_root_, stopped, counted);
  if (selection.orphans || selection.dry_run) {
    strays.orphans(now - parse_age(selection.orphan_age), selection.dry_run);
  }
  if (selection.dry_run) strays.missing();
  if (stopped.stop_requested()) {
    counting.total.note = "The server is stopping: what is left goes the next time.";
  }
  report(counting.total);
}

}  // namespace sandbox::upkeep
