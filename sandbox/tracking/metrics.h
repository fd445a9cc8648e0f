// Metrics: points of a run's curves. The history keeps every distinct point, latest_metrics the
// greatest (step, timestamp, value) of each key. Source of the rules: MLflow 3.17's tracking store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "sandbox/base/fields.h"
#include "sandbox/db/database.h"

namespace sandbox::tracking {

struct Metric {
  std::string key;
  double value = 0;            // NaN is kept; infinities become the largest finite number
  std::int64_t timestamp = 0;  // epoch ms, not negative
  std::int64_t step = 0;
  std::optional<std::string> dataset_name;
  std::optional<std::string> dataset_digest;
  std::optional<std::string> model_id;  // also a metric of this logged model
  static constexpr auto fields() {
    return std::tuple{field("key", &Metric::key),
                      field("value", &Metric::value),
                      field("timestamp", &Metric::timestamp),
                      field("step", &Metric::step),
                      field("dataset_name", &Metric::dataset_name),
                      field("dataset_digest", &Metric::dataset_digest),
                      field("model_id", &Metric::model_id)};
  }
};

struct MetricPage {
  std::vector<Metric> metrics;
  std::optional<std::string> next_page_token;
  static constexpr auto fields() {
    return std::tuple{field("metrics", &MetricPage::metrics),
                      field("next_page_token", &MetricPage::next_page_token)};
  }
};

// A point of one of several runs' curves.
struct RunMetric {
  std::string key;
  double value = 0;
  std::int64_t timestamp = 0;
  std::int64_t step = 0;
  std::string run_id;
  static constexpr auto fields() {
    return std::tuple{field("key", &RunMetric::key), field("value", &RunMetric::value),
                      field("timestamp", &RunMetric::timestamp), field("step", &RunMetric::step),
                      field("run_id", &RunMetric::run_id)};
  }
};

inline constexpr std::size_t history_runs_max = 100;        // of one bulk request
inline constexpr std::int64_t history_points_max = 25'000;  // of one bulk answer
inline constexpr std::int64_t interval_points_max = 2'500;  // of one run in an interval answer

// Part of the steps, both ends included.
struct StepRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

class Metrics {
 public:
  explicit Metrics(db::Database& database) : database_(database) {}

  void log(const std::string& run_id, const Metric& metric);
  // In order of (timestamp, step, value). Without max_results everything from the token's offset
  // on.
  MetricPage history(const std::string& run_id,
                     const std::string& metric_key,
                     std::optional<std::int64_t> max_results,
                     std::string_view page_token);
  // The curves of several runs one after the other by run id, each in order of (timestamp, step,
  // value); the first max_results points of all. Unknown runs have none.
  std::vector<RunMetric> history_in_bulk(std::vector<std::string> run_ids,
                                         const std::string& metric_key,
                                         std::int64_t max_results);
  // Curves for charts, in the order of run_ids: of each run at most points_max (1 or more) points,
  // evenly taken by their rank in the order of (step, timestamp, value), the first and the last
  // always among them (the last alone when points_max is 1).
  std::vector<RunMetric> history_interval(const std::vector<std::string>& run_ids,
                                          const std::string& metric_key,
                                          std::int64_t points_max,
                                          const std::optional<StepRange>& steps);

 private:
  db::Database& database_;
};

// Key rules and a timestamp that is not negative; `path` is "" or "metrics[3]".
void check_metric(const Metric& metric, const std::string& path);

// A run that may be written to; throws RESOURCE_DOES_NOT_EXIST or, when deleted,
// INVALID_PARAMETER_VALUE.
struct ActiveRun {
  std::int64_t experiment_id = 0;
};
ActiveRun active_run(db::Tx& tx, const std::string& run_id);

// Inserts points that were checked, keeps latest_metrics and logged_model_metrics in step.
void insert_metrics(db::Tx& tx,
                    const std::string& run_id,
                    const ActiveRun& run,
                    const std::vector<Metric>& metrics);

}  // namespace sandbox::tracking
