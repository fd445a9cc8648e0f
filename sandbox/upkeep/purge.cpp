#include "sandbox/upkeep/purge.h"

#include <algorithm>

#include "sandbox/base/error.h"
#include "sandbox/tracking/names.h"
#include "sandbox/upkeep/objects.h"
#include "sandbox/upkeep/rows.h"

namespace sandbox::upkeep {
namespace {

// Holds the writer for some 20 ms; beside each slice the commits of the clients get their turn.
constexpr std::int64_t slice_rows_max = 2000;
constexpr std::int64_t page_owners = 100;

const char* reason_to_keep(db::Tx& tx, std::int64_t experiment_id, const Ripeness& ripeness) {
  if (tx.query("SELECT 1 FROM runs WHERE experiment_id = ? AND lifecycle_stage = 'active' LIMIT 1",
               experiment_id)
          .next()) {
    return "a run in it was restored and is active; delete that run first";
  }
  if (ripeness.has_age &&
      tx.query("SELECT 1 FROM runs WHERE experiment_id = ? AND lifecycle_stage = 'deleted' AND "
               "(deleted_time IS NULL OR deleted_time > ?) LIMIT 1",
               experiment_id, ripeness.runs_deleted_until_ms)
          .next()) {
    return "a run in it was deleted later than the experiment and is not old enough";
  }
  if (tx.query("SELECT 1 FROM guardrails g JOIN scorers s ON s.scorer_id = g.scorer_id WHERE "
               "s.experiment_id = ? LIMIT 1",
               experiment_id)
          .next()) {
    return "a guardrail of the gateway uses one of its scorers; delete the guardrail first";
  }
  return nullptr;
}

}  // namespace

std::vector<Purge::Owner> Purge::claim_runs(const std::vector<std::string>& run_ids,
                                            const Ripeness& ripeness,
                                            bool with_experiment) {
  std::vector<Owner> owners;
  const auto choose = [&](db::Tx& tx) {
    owners.clear();
    for (const std::string& id : run_ids) {
      db::Rows rows = tx.query(
          "SELECT artifact_uri, deleted_time, experiment_id FROM runs WHERE run_uuid = ? "
          "AND lifecycle_stage = 'deleted'",
          id);
      if (!rows.next() || (!with_experiment && seen_.contains(rows.integer(2)))) continue;
      const bool is_ripe = !ripeness.has_age ||
                           (!rows.is_null(1) && rows.integer(1) <= ripeness.runs_deleted_until_ms);
      if (is_ripe) owners.push_back({id, rows.text(0)});
    }
  };
  if (dry_run_) {
    database_.read(choose);
    return owners;
  }
  database_.write([&](db::Tx& tx) {
    tx.lock(tracking::trash_lock);
    choose(tx);
    for (const Owner& owner : owners) {
      tx.execute(
          "INSERT INTO tags (key, value, run_uuid) VALUES (?, 'true', ?) ON CONFLICT DO "
          "NOTHING",
          tracking::purging_tag, owner.id);
    }
  });
  return owners;
}

bool Purge::claim_experiment(std::int64_t experiment_id, const Ripeness& ripeness) {
  const char* reason = nullptr;
  bool is_deleted = false;
  const auto look = [&](db::Tx& tx) {
    reason = nullptr;
    is_deleted = tx.query(
                       "SELECT 1 FROM experiments WHERE experiment_id = ? AND lifecycle_stage = "
                       "'deleted'",
                       experiment_id)
                     .next();
    if (is_deleted) reason = reason_to_keep(tx, experiment_id, ripeness);
  };
  if (dry_run_) {
    database_.read(look);
  } else {
    database_.write([&](db::Tx& tx) {
      tx.lock(tracking::trash_lock);
      look(tx);
      if (!is_deleted || reason != nullptr) return;
      tx.execute(
          "INSERT INTO experiment_tags (key, value, experiment_id) VALUES (?, 'true', ?) ON "
          "CONFLICT DO NOTHING",
          tracking::purging_tag, experiment_id);
    });
  }
  if (reason != nullptr) {
    Finding kept;
    kept.kind = "kept";
    kept.id = std::to_string(experiment_id);
    kept.note = "Experiment " + kept.id + ": " + reason + ".";
    report_(kept);
  }
  return is_deleted && reason == nullptr;
}

void Purge::rows_of(Kind kind, const std::vector<Owner>& owners) {
  const Slices slices = kind == Kind::run            ? run_rows
                        : kind == Kind::logged_model ? logged_model_rows
                                                     : trace_rows;
  std::size_t done = 0;
  while (done < owners.size() && !stop_.stop_requested()) {
    done = database_.write([&](db::Tx& tx) {
      std::size_t at = done;
      std::int64_t budget = slice_rows_max;
      while (at < owners.size() && remove_rows(tx, slices, owners[at].id, budget)) ++at;
      return at;
    });
  }
}

void Purge::remove_owners(Kind kind, const std::vector<Owner>& owners) {
  std::vector<Finding> findings;
  for (const Owner& owner : owners) {
    if (stop_.stop_requested()) return;
    Finding finding;
    finding.kind = kind == Kind::run ? "run" : "logged_model";
    finding.id = owner.id;
    // A trace without a location of its own has its spans in the database.
    if (!owner.artifact_uri.empty()) {
      const auto place = own_place(destination_, owner.artifact_uri, owner.id, finding.note);
      if (place) {
        const Tally tally =
            dry_run_ ? count_below(store_, *place) : remove_below(store_, *place, stop_);
        finding.place = uri_of(*place);
        finding.objects = tally.objects;
        finding.bytes = tally.bytes;
      }
    }
    findings.push_back(std::move(finding));
  }
  // Half the files of one may be there still: its rows wait for the next time.
  if (stop_.stop_requested()) return;
  if (!dry_run_) rows_of(kind, owners);
  if (stop_.stop_requested()) return;
  for (const Finding& finding : findings) {
    if (kind == Kind::trace) {
      experiment_.objects += finding.objects;
      experiment_.bytes += finding.bytes;
    } else {
      report_(finding);
    }
  }
}

void Purge::runs(const std::vector<std::string>& run_ids, const Ripeness& ripeness) {
  remove_owners(Kind::run, claim_runs(run_ids, ripeness, false));
}

void Purge::logged_models(const std::vector<std::string>& model_ids, const Ripeness& ripeness) {
  std::vector<Owner> owners;
  database_.read([&](db::Tx& tx) {
    for (const std::string& id : model_ids) {
      db::Rows rows = tx.query(
          "SELECT artifact_location, last_updated_timestamp_ms, experiment_id FROM "
          "logged_models WHERE model_id = ? AND lifecycle_stage = 'deleted'",
          id);
      if (!rows.next() || seen_.contains(rows.integer(2))) continue;
      if (ripeness.has_age && rows.integer(1) > ripeness.models_deleted_until_ms) continue;
      owners.push_back({id, rows.text(0)});
    }
  });
  remove_owners(Kind::logged_model, owners);
}

// What has been removed is not there the next time; in a dry run all of it is, and is passed over.
// `take` says whether it made any headway.
void Purge::pages(std::string_view sql,
                  std::int64_t experiment_id,
                  const std::function<bool(const std::vector<Owner>&)>& take) {
  std::int64_t passed = 0;
  while (!stop_.stop_requested()) {
    const auto owners = database_.read([&](db::Tx& tx) {
      std::vector<Owner> page;
      db::Rows rows = tx.query(sql, experiment_id, page_owners, dry_run_ ? passed : 0);
      while (rows.next()) page.push_back({rows.text(0), rows.text(1)});
      return page;
    });
    if (owners.empty() || !take(owners)) return;
    passed += static_cast<std::int64_t>(owners.size());
  }
}

void Purge::contents_of(std::int64_t experiment_id) {
  pages("SELECT run_uuid, artifact_uri FROM runs WHERE experiment_id = ? LIMIT ? OFFSET ?",
        experiment_id, [&](const std::vector<Owner>& owners) {
          std::vector<std::string> ids;
          for (const Owner& owner : owners) ids.push_back(owner.id);
          const auto claimed = claim_runs(ids, {}, true);
          remove_owners(Kind::run, claimed);
          return !claimed.empty();
        });
  pages(
      "SELECT model_id, artifact_location FROM logged_models WHERE experiment_id = ? LIMIT ? "
      "OFFSET ?",
      experiment_id, [&](const std::vector<Owner>& owners) {
        remove_owners(Kind::logged_model, owners);
        return true;
      });
  pages(
      "SELECT i.request_id, t.value FROM trace_info i LEFT JOIN trace_tags t ON t.request_id = "
      "i.request_id AND t.key = 'mlflow.artifactLocation' WHERE i.experiment_id = ? LIMIT ? OFFSET "
      "?",
      experiment_id, [&](const std::vector<Owner>& owners) {
        remove_owners(Kind::trace, owners);
        return true;
      });
}

void Purge::experiment(std::int64_t experiment_id, const Ripeness& ripeness) {
  if (!claim_experiment(experiment_id, ripeness)) return;
  experiment_ = {};
  experiment_.kind = "experiment";
  experiment_.id = std::to_string(experiment_id);
  contents_of(experiment_id);
  if (dry_run_) seen_.insert(experiment_id);
  bool is_gone = dry_run_;
  while (!is_gone && !stop_.stop_requested()) {
    is_gone = database_.write([&](db::Tx& tx) {
      std::int64_t budget = slice_rows_max;
      return remove_rows(tx, experiment_rows, experiment_id, budget);
    });
  }
  if (is_gone && !stop_.stop_requested()) report_(experiment_);
}

}  // namespace sandbox::upkeep
