// The clean-up as a whole, MLflow's `gc`: which deleted runs, logged models and experiments go, in
// which order, and what a dry run or a search for stray files tells beside it.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <tuple>
#include <vector>

#include "embedded_store/object_store.h"
#include "sandbox/artifacts/artifacts.h"
#include "sandbox/base/env.h"
#include "sandbox/base/fields.h"
#include "sandbox/db/database.h"
#include "sandbox/upkeep/finding.h"

namespace sandbox::upkeep {

struct Selection {
  std::string older_than;  // "1d2h3m4s": only what was deleted at least so long ago
  // Where any of the three names something, only what they name goes; else all that is deleted.
  std::vector<std::string> run_ids;
  std::vector<std::string> experiment_ids;
  std::vector<std::string> logged_model_ids;
  bool dry_run = false;  // change nothing; name strays and missing files too
  bool orphans = false;  // remove files whose run, model or trace is gone
  std::string orphan_age = "1h";
  static constexpr auto fields() {
    return std::tuple{
        field("older_than", &Selection::older_than,
              "Only what was deleted at least so long ago: 30d, 1d2h3m4s."),
        field("run_ids", &Selection::run_ids, "Only these runs."),
        field("experiment_ids", &Selection::experiment_ids, "Only these experiments."),
        field("logged_model_ids", &Selection::logged_model_ids, "Only these logged models."),
        field("dry_run", &Selection::dry_run, "Change nothing, tell what would go."),
        field("orphans", &Selection::orphans,
              "Remove files whose run, logged model or trace is gone."),
        field("orphan_age", &Selection::orphan_age, "Younger files are never orphans.")};
  }
};

class Collector {
 public:
  Collector(Env& env,
            db::Database& database,
            store::ObjectStore& store,
            artifacts::Artifacts& artifacts,
            std::string default_artifact_root)
      : env_(env),
        database_(database),
        store_(store),
        artifacts_(artifacts),
        default_artifact_root_(std::move(default_artifact_root)) {}

  // Whether the selection can be collected at all; throws the sentence for whoever asked.
  void check(const Selection& selection);
  // One at a time: a second caller gets Error(resource_conflict). Reports each thing once it is
  // gone, and the total last. May be stopped or killed anywhere: the next one finishes the work.
  void collect(const Selection& selection, const std::stop_token& stop, const Report& report);
  // Ends a collection that runs, soon, and every later one at once.
  void stop() { stopping_.request_stop(); }

 private:
  Env& env_;
  db::Database& database_;
  store::ObjectStore& store_;
  artifacts::Artifacts& artifacts_;
  std::string default_artifact_root_;
  std::mutex collecting_;  // held by the one collection that runs
  std::stop_source stopping_;
};

}  // namespace sandbox::upkeep
