// Removing one thing for ever: its files first, then its rows, so that whatever stops it in between
// leaves something a later clean-up finds and finishes. Rows go in slices: no transaction holds the
// writer for long, whatever the size of a run, and memory stays flat.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "embedded_store/object_store.h"
#include "sandbox/artifacts/artifact_location.h"
#include "sandbox/db/database.h"
#include "sandbox/upkeep/finding.h"

namespace sandbox::upkeep {

// What a run or experiment must be to go; an age of 0 asks for the deleted stage only.
struct Ripeness {
  std::int64_t runs_deleted_until_ms = 0;    // runs.deleted_time at most this
  std::int64_t models_deleted_until_ms = 0;  // logged_models.last_updated_timestamp_ms likewise
  bool has_age = false;
};

class Purge {
 public:
  // With `dry_run` nothing changes and the findings say what would go.
  Purge(db::Database& database,
        store::ObjectStore& store,
        artifacts::Location destination,
        bool dry_run,
        std::stop_token stop,
        Report report)
      : database_(database),
        store_(store),
        destination_(std::move(destination)),
        dry_run_(dry_run),
        stop_(std::move(stop)),
        report_(std::move(report)) {}

  // Those of the runs that are in the deleted stage (and old enough) at this moment; the others are
  // left alone without a word.
  void runs(const std::vector<std::string>& run_ids, const Ripeness& ripeness);
  void logged_models(const std::vector<std::string>& model_ids, const Ripeness& ripeness);
  // With its runs, logged models, traces and all else. Kept, with a finding that says why, when a
  // run in it is active or not old enough.
  void experiment(std::int64_t experiment_id, const Ripeness& ripeness);

 private:
  struct Owner {
    std::string id;
    std::string artifact_uri;
  };
  enum class Kind { run, logged_model, trace };

  // Marks them, so that none comes back half removed.
  std::vector<Owner> claim_runs(const std::vector<std::string>& run_ids,
                                const Ripeness& ripeness,
                                bool with_experiment);
  bool claim_experiment(std::int64_t experiment_id, const Ripeness& ripeness);
  void remove_owners(Kind kind, const std::vector<Owner>& owners);
  void rows_of(Kind kind, const std::vector<Owner>& owners);
  void contents_of(std::int64_t experiment_id);
  void pages(std::string_view sql,
             std::int64_t experiment_id,
             const std::function<bool(const std::vector<Owner>&)>& take);

  db::Database& database_;
  store::ObjectStore& store_;
  artifacts::Location destination_;
  bool dry_run_;
  std::stop_token stop_;
  Report report_;
  // Files of the traces and models that went with the present experiment.
  Finding experiment_;
  // Experiments a dry run has spoken of, with all that is in them.
  std::set<std::int64_t> seen_;
};

}  // namespace sandbox::upkeep
