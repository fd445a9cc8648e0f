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
}

}  // namespace sandbox::tracking
