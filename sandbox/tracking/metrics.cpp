#include "sandbox/tracking/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/tracking/names.h"

namespace sandbox::tracking {
namespace {

// A value as the tables keep it: NaN is 0 with a flag, infinities are the largest finite numbers.
struct StoredValue {
  double value = 0;
  bool is_nan = false;
};

StoredValue stored(double value) {
  if (std::isnan(value)) return {0, true};
  if (std::isinf(value)) return {std::copysign(std::numeric_limits<double>::max(), value), false};
  return {value, false};
}

void insert_points(db::Tx& tx,
                   const std::string& run_id,
                   const std::vector<const Metric*>& points) {
  std::vector<std::vector<db::Value>> rows;
  rows.reserve(points.size());
  for (const Metric* metric : points) {
    const StoredValue kept = stored(metric->value);
    rows.push_back({metric->key, kept.value, metric->timestamp, run_id, metric->step, kept.is_nan});
  }
  tx.execute_many(
      "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, ?, "
      "?) "
      "ON CONFLICT DO NOTHING",
      rows);
}

// One metric a key.
void update_latest(db::Tx& tx,
                   const std::string& run_id,
                   const std::vector<const Metric*>& latest) {
  std::vector<std::vector<db::Value>> rows;
  rows.reserve(latest.size());
  for (const Metric* metric : latest) {
    const StoredValue kept = stored(metric->value);
    rows.push_back({metric->key, kept.value, metric->timestamp, metric->step, kept.is_nan, run_id});
  }
  tx.execute_many(
      "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, ?, "
      "?, "
      "?, ?) ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value, timestamp = "
      "excluded.timestamp, step = excluded.step, is_nan = excluded.is_nan WHERE (excluded.step, "
      "excluded.timestamp, excluded.value) > (latest_metrics.step, latest_metrics.timestamp, "
      "latest_metrics.value)",
      rows);
}

void insert_model_metric(db::Tx& tx,
                         const std::string& run_id,
                         const ActiveRun& run,
                         const Metric& metric) {
  if (!tx.query("SELECT 1 FROM logged_models WHERE model_id = ?", *metric.model_id).next()) {
    throw Error(Code::bad_request, "The metric '" + metric.key + "' names the logged model '" +
                                       *metric.model_id + "', which does not exist.");
  }
  tx.execute(
      "INSERT INTO logged_model_metrics (model_id, metric_name, metric_timestamp_ms, metric_step, "
      "metric_value, experiment_id, run_id, dataset_name, dataset_digest) VALUES (?, ?, ?, ?, ?, "
      "?, "
      "?, ?, ?) ON CONFLICT DO NOTHING",
      *metric.model_id, metric.key, metric.timestamp, metric.step, stored(metric.value).value,
      run.experiment_id, run_id, metric.dataset_name, metric.dataset_digest);
}

std::string number_text(double value) {
  std::string out;
  JsonWriter(out).value(value);
  return out;
}

bool is_newer(const Metric& left, const Metric& right) {
  return std::tuple(left.step, left.timestamp, stored(left.value).value) >
         std::tuple(right.step, right.timestamp, stored(right.value).value);
}

}  // namespace

void check_metric(const Metric& metric, const std::string& path) {
  const std::string dotted = path.empty() ? "" : path + ".";
  check_entity_key(dotted + "name", "Metric name", metric.key);
  if (metric.timestamp < 0) {
    throw Error(Code::invalid_parameter_value,
                "Invalid value " + std::to_string(metric.timestamp) + " for parameter '" + dotted +
                    "timestamp' supplied: metric '" + metric.key +
                    "' (value=" + number_text(metric.value) +
                    "). Timestamp must be a nonnegative long (64-bit integer) ");
  }
}

ActiveRun active_run(db::Tx& tx, const std::string& run_id) {
  db::Rows rows =
      tx.query("SELECT experiment_id, lifecycle_stage FROM runs WHERE run_uuid = ?", run_id);
  if (!rows.next()) {
    throw Error(Code::resource_does_not_exist, "Run with id=" + run_id + " not found");
  }
  if (rows.view(1) != "active") {
    throw Error(Code::invalid_parameter_value, "The run " + run_id +
                                                   " must be in the 'active' state. Current state "
                                                   "is " +
                                                   rows.text(1) + ".");
  }
  return {rows.integer(0)};
}

void insert_metrics(db::Tx& tx,
                    const std::string& run_id,
                    const ActiveRun& run,
                    const std::vector<Metric>& metrics) {
  // In the order of the indexes, so that neighbours meet on the same pages.
  std::vector<const Metric*> points;
  points.reserve(metrics.size());
  for (const Metric& metric : metrics) points.push_back(&metric);
  std::stable_sort(points.begin(), points.end(), [](const Metric* left, const Metric* right) {
    return std::tie(left->key, left->timestamp, left->step) <
           std::tie(right->key, right->timestamp, right->step);
  });
  insert_points(tx, run_id, points);
  std::map<std::string_view, const Metric*> latest;  // one upsert a key, however many points it has
  for (const Metric& metric : metrics) {
    if (metric.model_id && !metric.model_id->empty()) insert_model_metric(tx, run_id, run, metric);
    const Metric*& best = latest[metric.key];
    if (best == nullptr || is_newer(metric, *best)) best = &metric;
  }
  // In the order they came, which is the order they are shown in.
  std::vector<const Metric*> shown;
  for (const Metric& metric : metrics) {
    if (latest[metric.key] == &metric) shown.push_back(&metric);
  }
  update_latest(tx, run_id, shown);
}

void Metrics::log(const std::string& run_id, const Metric& metric) {
  check_metric(metric, "");
  const std::vector<Metric> metrics{metric};
  database_.write([&](db::Tx& tx) { insert_metrics(tx, run_id, active_run(tx, run_id), metrics); });
}

}  // namespace sandbox::tracking
