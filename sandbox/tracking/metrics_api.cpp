#include "sandbox/base/error.h"
#include "sandbox/tracking/api.h"
#include "sandbox/tracking/metrics.h"

namespace sandbox::tracking {
namespace {

struct LogMetric {
  std::string run_id;
  std::string key;
  double value = 0;
  std::int64_t timestamp = 0;
  std::int64_t step = 0;
  std::optional<std::string> model_id;
  std::optional<std::string> dataset_name;
  std::optional<std::string> dataset_digest;
  static constexpr auto fields() {
    return std::tuple{required("run_id", &LogMetric::run_id, "The run to log into.", "run_uuid"),
                      required("key", &LogMetric::key, "At most 250 characters."),
                      required("value", &LogMetric::value, "NaN and Infinity travel as text."),
                      required("timestamp", &LogMetric::timestamp, "Milliseconds since 1970."),
                      field("step", &LogMetric::step),
                      field("model_id", &LogMetric::model_id),
                      field("dataset_name", &LogMetric::dataset_name),
                      field("dataset_digest", &LogMetric::dataset_digest)};
  }
};

struct GetHistory {
  std::string run_id;
  std::string metric_key;
  std::optional<std::int64_t> max_results;
  std::string page_token;
  static constexpr auto fields() {
    return std::tuple{required("run_id", &GetHistory::run_id, "", "run_uuid"),
                      required("metric_key", &GetHistory::metric_key),
                      field("max_results", &GetHistory::max_results, "At most 25000 a page."),
                      field("page_token", &GetHistory::page_token)};
  }
};

struct GetHistoryInBulk {
  std::vector<std::string> run_id;
  std::optional<std::string> metric_key;
  std::int64_t max_results = history_points_max;
  static constexpr auto fields() {
    return std::tuple{field("run_id", &GetHistoryInBulk::run_id, "1 to 100 of them."),
                      field("metric_key", &GetHistoryInBulk::metric_key),
                      field("max_results", &GetHistoryInBulk::max_results, "At most 25000.")};
  }
};

struct GetHistoryInterval {
  std::vector<std::string> run_ids;
  std::string metric_key;
  std::optional<std::int64_t> start_step;
  std::optional<std::int64_t> end_step;
  std::int64_t max_results = interval_points_max;
  static constexpr auto fields() {
    return std::tuple{
        required("run_ids", &GetHistoryInterval::run_ids, "1 to 100 of them."),
        required("metric_key", &GetHistoryInterval::metric_key),
        field("start_step", &GetHistoryInterval::start_step, "Only together with end_step."),
        field("end_step", &GetHistoryInterval::end_step),
        field("max_results", &GetHistoryInterval::max_results, "Points of each run, 1 to 2500.")};
  }
};

struct RunMetrics {
  std::vector<RunMetric> metrics;
  static constexpr auto fields() { return std::tuple{field("metrics", &RunMetrics::metrics)}; }
};

// The reference writes this answer by hand: the list is there when it is empty, too.
struct RunMetricsInBulk {
  JsonText metrics;
  static constexpr auto fields() {
    return std::tuple{field("metrics", &RunMetricsInBulk::metrics)};
  }
};

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

RunMetricsInBulk history_in_bulk(Metrics& metrics, const GetHistoryInBulk& in) {
  if (in.run_id.empty()) {
    refuse("GetMetricHistoryBulk request must specify at least one run_id.");
  }
  if (in.run_id.size() > history_runs_max) {
    refuse("GetMetricHistoryBulk request cannot specify more than " +
           std::to_string(history_runs_max) + " run_ids. Received " +
           std::to_string(in.run_id.size()) + " run_ids.");
  }
  if (!in.metric_key) refuse("GetMetricHistoryBulk request must specify a metric_key.");
  if (in.max_results < 0) refuse("max_results must not be negative.");
  RunMetricsInBulk out;
  JsonWriter writer(out.metrics.json);
  write_value(writer, metrics.history_in_bulk(in.run_id, *in.metric_key, in.max_results));
  return out;
}

RunMetrics history_interval(Metrics& metrics, const GetHistoryInterval& in) {
  const std::string see_docs = " See the API docs for more information about request parameters.";
  if (in.run_ids.size() > history_runs_max) {
    refuse("GetMetricHistoryBulkInterval request must specify at most " +
           std::to_string(history_runs_max) + " run_ids. Received " +
           std::to_string(in.run_ids.size()) + " run_ids." + see_docs);
  }
  if (in.max_results < 1 || in.max_results > interval_points_max) {
    refuse("max_results must be between 1 and " + std::to_string(interval_points_max) + "." +
           see_docs);
  }
  if (in.start_step.has_value() != in.end_step.has_value()) {
    refuse("If either start step or end step are specified, both must be specified.");
  }
  std::optional<StepRange> steps;
  if (in.start_step) {
    steps = {*in.start_step, *in.end_step};
    if (steps->first > steps->last) {
      refuse("end_step must be greater than start_step. Found start_step=" +
             std::to_string(steps->first) + " and end_step=" + std::to_string(steps->last) + ".");
    }
  }
  return {metrics.history_interval(in.run_ids, in.metric_key, in.max_results, steps)};
}

}  // namespace

void install_metrics(http::Api& api, Metrics& metrics) {
  api.post<LogMetric, Empty>(
      "2.0/mlflow/runs/log-metric", "Log one point of a metric.", [&](const LogMetric& in) {
        metrics.log(in.run_id, {in.key, in.value, in.timestamp, in.step, in.dataset_name,
                                in.dataset_digest, in.model_id});
        return Empty{};
      });
  api.get<GetHistory, MetricPage>("2.0/mlflow/metrics/get-history",
                                  "All points of one metric of a run.", [&](const GetHistory& in) {
                                    return metrics.history(in.run_id, in.metric_key, in.max_results,
                                                           in.page_token);
                                  });
  api.get<GetHistoryInBulk, RunMetricsInBulk>(
      "2.0/mlflow/metrics/get-history-bulk", "All points of one metric of several runs.",
      [&](const GetHistoryInBulk& in) { return history_in_bulk(metrics, in); });
  api.get<GetHistoryInterval, RunMetrics>(
      "2.0/mlflow/metrics/get-history-bulk-interval",
      "Evenly taken points of one metric of several runs, for charts.",
      [&](const GetHistoryInterval& in) { return history_interval(metrics, in); });
}

}  // namespace sandbox::tracking
