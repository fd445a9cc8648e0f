// Numbers about many traces at once, for the charts of MLflow's pages: counts, sums, percentiles of
// traces, spans and assessments by time and by other dimensions.
// Source of the rules: store/tracking/utils/sql_trace_metrics_utils.py of MLflow 3.17.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "sandbox/base/fields.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/db/database.h"
#include "sandbox/tracking/search_sql.h"

namespace sandbox::traces {

inline constexpr std::int64_t metric_points_default = 1000;

struct AggregationWords : AnyNumber {
  static constexpr std::array<EnumWord, 6> words{
      {{"COUNT", 1}, {"SUM", 2}, {"AVG", 3}, {"PERCENTILE", 4}, {"MIN", 5}, {"MAX", 6}}};
};

struct MetricAggregation {
  Enum<AggregationWords> aggregation_type;
  std::optional<double> percentile_value;  // 0 to 100, with PERCENTILE only
  static constexpr auto fields() {
    return std::tuple{required("aggregation_type", &MetricAggregation::aggregation_type,
                               "COUNT, SUM, AVG, PERCENTILE, MIN or MAX."),
                      field("percentile_value", &MetricAggregation::percentile_value, "0 to 100.")};
  }
};

struct MetricViewWords : AnyNumber {
  static constexpr std::array<EnumWord, 3> words{{{"TRACES", 1}, {"SPANS", 2}, {"ASSESSMENTS", 3}}};
};

struct QueryTraceMetrics {
  std::vector<std::string> experiment_ids;
  Enum<MetricViewWords> view_type;
  std::string metric_name;
  std::vector<MetricAggregation> aggregations;
  std::vector<std::string> dimensions;
  std::vector<std::string> filters;  // one clause each; all of them hold
  std::optional<std::int64_t> time_interval_seconds;
  std::optional<std::int64_t> start_time_ms;
  std::optional<std::int64_t> end_time_ms;
  std::int64_t max_results = metric_points_default;
  static constexpr auto fields() {
    return std::tuple{
        required("experiment_ids", &QueryTraceMetrics::experiment_ids),
        required("view_type", &QueryTraceMetrics::view_type, "TRACES, SPANS or ASSESSMENTS."),
        required("metric_name", &QueryTraceMetrics::metric_name, "e.g. latency."),
        required("aggregations", &QueryTraceMetrics::aggregations),
        field("dimensions", &QueryTraceMetrics::dimensions, "e.g. trace_name."),
        field("filters", &QueryTraceMetrics::filters, "e.g. trace.status = 'OK'."),
        field("time_interval_seconds", &QueryTraceMetrics::time_interval_seconds,
              "Also group by spans of time this long."),
        field("start_time_ms", &QueryTraceMetrics::start_time_ms),
        field("end_time_ms", &QueryTraceMetrics::end_time_ms),
        field("max_results", &QueryTraceMetrics::max_results)};
  }
};

struct MetricDataPoint {
  std::string metric_name;
  TextMap dimensions;
  JsonText values;  // {"AVG": 1.5, "P99.0": 3.0}
  static constexpr auto fields() {
    return std::tuple{field("metric_name", &MetricDataPoint::metric_name),
                      field("dimensions", &MetricDataPoint::dimensions),
                      field("values", &MetricDataPoint::values)};
  }
};

struct MetricDataPoints {
  std::vector<MetricDataPoint> data_points;  // by time, then by dimensions
  static constexpr auto fields() {
    return std::tuple{field("data_points", &MetricDataPoints::data_points)};
  }
};

// May be called from every thread.
class TraceMetrics {
 public:
  explicit TraceMetrics(db::Database& database) : database_(database) {}

  // INVALID_PARAMETER_VALUE, naming what is possible, for a metric the view does not have and for
  // an aggregation or dimension the metric does not have.
  MetricDataPoints query(const QueryTraceMetrics& in);

 private:
  db::Database& database_;
};

enum class MetricView { traces, spans, assessments };

// Adds the condition of a clause such as trace.tag.key = 'value' to the WHERE of a query about
// trace_info t (and spans s), or about assessments a.
void add_metric_filter(tracking::SearchSql& sql, MetricView view, std::string_view filter);

}  // namespace sandbox::traces
