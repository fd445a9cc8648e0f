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
