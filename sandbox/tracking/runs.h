// Runs: creating, reading, renaming, ending, deleting them, and their tags and params. Metrics have
// a file of their own. Source of the rules: MLflow 3.17's tracking store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "sandbox/base/env.h"
#include "sandbox/base/fields.h"
#include "sandbox/db/database.h"
#include "sandbox/tracking/experiments.h"
#include "sandbox/tracking/inputs.h"
#include "sandbox/tracking/metrics.h"

namespace sandbox::tracking {

struct RunInfo {
  std::string run_uuid;  // the deprecated twin of run_id; clients still read it
  std::string experiment_id;
  std::string run_name;
  std::string user_id;
  std::string status;                      // RUNNING SCHEDULED FINISHED FAILED KILLED
  std::optional<std::int64_t> start_time;  // epoch ms
  std::optional<std::int64_t> end_time;    // epoch ms
  std::string artifact_uri;
  std::string lifecycle_stage;
  std::string run_id;
  static constexpr auto fields() {
    return std::tuple{field("run_uuid", &RunInfo::run_uuid),
                      field("experiment_id", &RunInfo::experiment_id),
                      field("run_name", &RunInfo::run_name),
                      field("user_id", &RunInfo::user_id),
                      field("status", &RunInfo::status),
                      field("start_time", &RunInfo::start_time),
                      field("end_time", &RunInfo::end_time),
                      field("artifact_uri", &RunInfo::artifact_uri),
                      field("lifecycle_stage", &RunInfo::lifecycle_stage),
                      field("run_id", &RunInfo::run_id)};
  }
};

struct RunData {
  std::vector<Metric> metrics;  // the latest point of each key
  std::vector<KeyValue> params;
  std::vector<KeyValue> tags;
  static constexpr auto fields() {
    return std::tuple{field("metrics", &RunData::metrics), field("params", &RunData::params),
                      field("tags", &RunData::tags)};
  }
};

struct Run {
  RunInfo info;
  RunData data;
  RunInputs inputs;
  std::optional<RunOutputs> outputs;  // absent only in the answer of runs/create
  static constexpr auto fields() {
    return std::tuple{field("info", &Run::info), field("data", &Run::data),
                      field("inputs", &Run::inputs), field("outputs", &Run::outputs)};
  }
};

struct RunPage {
  std::vector<Run> runs;
  std::optional<std::string> next_page_token;
  static constexpr auto fields() {
    return std::tuple{field("runs", &RunPage::runs),
                      field("next_page_token", &RunPage::next_page_token)};
  }
};

struct NewRun {
  std::string experiment_id;
  std::string user_id;
  std::string run_name;         // "" : from the tag mlflow.runName, else generated
  std::int64_t start_time = 0;  // epoch ms
  std::vector<KeyValue> tags;
  static constexpr auto fields() {
    return std::tuple{field("experiment_id", &NewRun::experiment_id),
                      field("user_id", &NewRun::user_id), field("run_name", &NewRun::run_name),
                      field("start_time", &NewRun::start_time, "Milliseconds since 1970."),
                      field("tags", &NewRun::tags)};
  }
};

struct RunUpdate {
  std::optional<std::string> status{};  // one of the five names
  std::optional<std::int64_t> end_time{};
  std::string run_name{};  // "" leaves the name
};

struct RunSearch {
  std::vector<std::string> experiment_ids;
  std::string filter;
  std::string run_view_type;
  std::int64_t max_results = 1000;  // at most 50000
  std::vector<std::string> order_by;
  std::string page_token;
};

class Runs {
 public:
  Runs(Env& env, db::Database& database) : env_(env), database_(database) {}

  Run create(const NewRun& run);
  Run get(const std::string& run_id);
  RunInfo update(const std::string& run_id, const RunUpdate& update);
  void remove(const std::string& run_id);  // soft
  void restore(const std::string& run_id);
  // A param is written once: another value is refused, the same one is no error.
  void log_param(const std::string& run_id, const std::string& key, const std::string& value);
  void set_tag(const std::string& run_id, const std::string& key, const std::string& value);
  void delete_tag(const std::string& run_id, const std::string& key);
  // All of it in one transaction, or nothing (limits in names.h).
  void log_batch(const std::string& run_id,
                 const std::vector<Metric>& metrics,
                 const std::vector<KeyValue>& params,
                 const std::vector<KeyValue>& tags);
  // The 2.x clients' log-model: keeps the model's description in the tag mlflow.log-model.history.
  void log_model(const std::string& run_id, const std::string& model_json);
  RunPage search(const RunSearch& search);

 private:
  Env& env_;
  db::Database& database_;
};

// Runs with all that is shown of them, in the order of their ids, none of them twice; throws
// RESOURCE_DOES_NOT_EXIST.
std::vector<Run> read_runs(db::Tx& tx, const std::vector<std::string>& run_ids);
Run read_run(db::Tx& tx, const std::string& run_id);
RunInfo read_run_info(db::Tx& tx, const std::string& run_id);

// A name like "brave-otter-417": adjective, noun, number, at most 20 characters.
std::string generate_run_name(Env& env);

}  // namespace sandbox::tracking
