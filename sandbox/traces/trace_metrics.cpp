#include "sandbox/traces/trace_metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "sandbox/base/error.h"
#include "sandbox/base/python_json.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"
#include "sandbox/traces/id_batches.h"
#include "sandbox/tracking/names.h"

namespace sandbox::traces {
namespace {

constexpr std::string_view time_bucket = "time_bucket";
constexpr std::int64_t interval_seconds_max = 1'000'000'000;  // its nanoseconds fit in 64 bits

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

struct View {
  MetricView view;
  std::string_view name;
  std::string_view from;
  std::string_view experiment;
  std::string_view timestamp_ms;
  std::string_view bucket;  // two `?`: the interval in the unit of the column, and in ms
  std::int64_t units_a_second;
};
constexpr std::array views{
    View{MetricView::traces, "TRACES", "trace_info t", "t.experiment_id", "t.timestamp_ms",
         "t.timestamp_ms / ? * ?", 1000},
    // Spans are charted by their own start, but a range of time selects by the start of the trace.
    View{MetricView::spans, "SPANS", "trace_info t JOIN spans s ON s.trace_id = t.request_id",
         "t.experiment_id", "t.timestamp_ms", "s.start_time_unix_nano / ? * ?", 1'000'000'000},
    View{MetricView::assessments, "ASSESSMENTS", "assessments a", "a.experiment_id",
         "a.trace_timestamp_ms", "a.trace_timestamp_ms / ? * ?", 1000},
};

// Lists are in order of the alphabet, as error sentences show them.
struct Metric {
  MetricView view;
  std::string_view name;
  std::string_view value;
  std::string_view aggregations;
  std::string_view dimensions;
  bool is_span_cost = false;
};
constexpr std::string_view spread = "AVG,MAX,MIN,PERCENTILE";
constexpr std::string_view spread_and_sum = "AVG,MAX,MIN,PERCENTILE,SUM";
constexpr std::string_view models = "span_model_name,span_model_provider";
constexpr std::array metrics{
    Metric{MetricView::traces, "trace_count", "t.request_id", "COUNT", "trace_name,trace_status"},
    Metric{MetricView::traces, "session_count", "t.session_id", "COUNT", ""},
    Metric{MetricView::traces, "latency", "t.execution_time_ms", spread, "trace_name"},
    Metric{MetricView::traces, "input_tokens", "t.input_tokens", spread_and_sum, "trace_name"},
    Metric{MetricView::traces, "output_tokens", "t.output_tokens", spread_and_sum, "trace_name"},
    Metric{MetricView::traces, "total_tokens", "t.total_tokens", spread_and_sum, "trace_name"},
    Metric{MetricView::traces, "cache_read_input_tokens", "t.cache_read_input_tokens",
           spread_and_sum, "trace_name"},
    Metric{MetricView::traces, "cache_creation_input_tokens", "t.cache_creation_input_tokens",
           spread_and_sum, "trace_name"},
    Metric{MetricView::spans, "span_count", "s.span_id", "COUNT",
           "span_model_name,span_model_provider,span_name,span_status,span_type"},
    Metric{MetricView::spans, "latency",
           "(s.end_time_unix_nano - s.start_time_unix_nano) / 1000000", spread,
           "span_name,span_status"},
    Metric{MetricView::spans, "input_cost", "s.input_cost", spread_and_sum, models, true},
    Metric{MetricView::spans, "output_cost", "s.output_cost", spread_and_sum, models, true},
    Metric{MetricView::spans, "total_cost", "s.total_cost", spread_and_sum, models, true},
    Metric{MetricView::assessments, "assessment_count", "a.assessment_id", "COUNT",
           "assessment_name,assessment_value"},
    Metric{MetricView::assessments, "assessment_value", "a.aggregate_value", spread,
           "assessment_name"},
};

struct Dimension {
  std::string_view name;
  std::string_view column;
};
constexpr std::array dimension_columns{
    Dimension{"trace_name", "t.trace_name"},
    Dimension{"trace_status", "t.status"},
    Dimension{"span_name", "s.name"},
    Dimension{"span_type", "s.type"},
    Dimension{"span_status", "s.status"},
    Dimension{"span_model_name", "s.model_name"},
    Dimension{"span_model_provider", "s.model_provider"},
    Dimension{"assessment_name", "a.name"},
    Dimension{"assessment_value", "a.value"},
};

std::vector<std::string> words_of(std::string_view list) {
  return list.empty() ? std::vector<std::string>{} : split(list, ',');
}

// Those of `given` that are not in `allowed`, in order and each once.
std::vector<std::string> strangers(std::vector<std::string> given,
                                   const std::vector<std::string>& allowed) {
  std::erase_if(given, [&](const std::string& one) {
    return std::find(allowed.begin(), allowed.end(), one) != allowed.end();
  });
  std::sort(given.begin(), given.end());
  given.erase(std::unique(given.begin(), given.end()), given.end());
  return given;
}

const View& find_view(std::string_view name) {
  for (const View& view : views) {
    if (view.name == name) return view;
  }
  refuse("view_type must be one of ['TRACES', 'SPANS', 'ASSESSMENTS']");
}

const Metric& find_metric(const View& view, const std::string& name) {
  std::vector<std::string> names;
  for (const Metric& metric : metrics) {
    if (metric.view != view.view) continue;
    if (metric.name == name) return metric;
    names.emplace_back(metric.name);
  }
  refuse("metric_name must be one of " + python_repr(names) + ", got '" + name + "'");
}

void check_percentile(const MetricAggregation& aggregation) {
  const auto& value = aggregation.percentile_value;
  const std::string type(aggregation.aggregation_type.name);
  if (type.empty()) {
    refuse("aggregation_type must be one of COUNT, SUM, AVG, PERCENTILE, MIN and MAX.");
  }
  if (type != "PERCENTILE") {
    if (value) {
      refuse("Percentile value is only allowed for PERCENTILE aggregation type, got " + type);
    }
  } else if (!value) {
    refuse("Percentile value is required for PERCENTILE aggregation");
  } else if (!(*value >= 0 && *value <= 100)) {
    refuse("Percentile value must be between 0 and 100, got " + python_real(*value));
  }
}

void check_request(const QueryTraceMetrics& in, const Metric& metric) {
  if (in.aggregations.empty()) refuse("No aggregation was asked for. Name one in `aggregations`.");
  std::vector<std::string> types;
  for (const MetricAggregation& aggregation : in.aggregations) {
    check_percentile(aggregation);
    types.emplace_back(aggregation.aggregation_type.name);
  }
  const auto aggregations = words_of(metric.aggregations);
  if (const auto wrong = strangers(types, aggregations); !wrong.empty()) {
    refuse("Found invalid aggregation_type(s): " + python_repr(wrong) +
           ". Supported aggregation types: " + python_repr(aggregations));
  }
  const auto dimensions = words_of(metric.dimensions);
  if (const auto wrong = strangers(in.dimensions, dimensions); !wrong.empty()) {
    refuse("Found invalid dimension(s): " + python_repr(wrong) +
           ". Supported dimensions: " + python_repr(dimensions));
  }
  const std::int64_t interval = in.time_interval_seconds.value_or(0);
  if (interval != 0 && (!in.start_time_ms || !in.end_time_ms)) {
    refuse("start_time_ms and end_time_ms are required if time_interval_seconds is set");
  }
  if (interval < 0 || interval > interval_seconds_max) {
    refuse("time_interval_seconds must be between 0 and " + std::to_string(interval_seconds_max) +
           ", got " + std::to_string(interval));
  }
}

// AVG, P50.0
std::string label(const MetricAggregation& aggregation) {
  return aggregation.percentile_value ? "P" + python_real(*aggregation.percentile_value)
                                      : std::string(aggregation.aggregation_type.name);
}

// The columns to group by, and their `?`, which come first in the statement.
struct Grouping {
  std::vector<std::string_view> names;
  std::string columns;   // "a, b, "
  std::string ordinals;  // "1, 2"
};

Grouping group(const QueryTraceMetrics& in, const View& view, tracking::SearchSql& sql) {
  Grouping grouping;
  const auto add = [&](std::string_view name, std::string_view column) {
    grouping.names.push_back(name);
    grouping.columns.append(column).append(", ");
    grouping.ordinals.append(grouping.ordinals.empty() ? "" : ", ")
        .append(std::to_string(grouping.names.size()));
  };
  if (const std::int64_t seconds = in.time_interval_seconds.value_or(0); seconds != 0) {
    add(time_bucket, view.bucket);
    sql.bind(seconds * view.units_a_second);
    sql.bind(seconds * 1000);
  }
  for (const std::string& name : in.dimensions) {
    const auto* found = std::find_if(dimension_columns.begin(), dimension_columns.end(),
                                     [&](const Dimension& one) { return one.name == name; });
    add(found->name, found->column);
  }
  return grouping;
}

// A range of milliseconds on a column of nanoseconds; both ends belong to it.
void add_nanosecond_range(const QueryTraceMetrics& in, tracking::SearchSql& sql) {
  constexpr std::int64_t ns_a_ms = 1'000'000;
  constexpr std::int64_t ms_max = std::numeric_limits<std::int64_t>::max() / ns_a_ms - 1;
  if (in.start_time_ms) {
    sql.where("s.start_time_unix_nano >= ?");
    sql.bind(std::clamp(*in.start_time_ms, -ms_max, ms_max) * ns_a_ms);
  }
  if (in.end_time_ms) {
    sql.where("s.start_time_unix_nano < ?");
    sql.bind((std::clamp(*in.end_time_ms, -ms_max, ms_max) + 1) * ns_a_ms);
  }
}

void add_conditions(const QueryTraceMetrics& in,
                    const View& view,
                    const Metric& metric,
                    tracking::SearchSql& sql) {
  sql.where(in.experiment_ids.empty() ? std::string("1 = 0")
                                      : std::string(view.experiment) + " IN (" +
                                            question_marks(in.experiment_ids.size()) + ")");
  for (const std::string& id : in.experiment_ids) sql.bind(tracking::parse_experiment_id(id));
  // Assessments that were overridden do not count.
  if (view.view == MetricView::assessments) sql.where("a.valid = TRUE");
  for (const std::string& filter : in.filters) add_metric_filter(sql, view.view, filter);
  if (metric.is_span_cost) {
    add_nanosecond_range(in, sql);
  } else {
    const std::string column(view.timestamp_ms);
    if (in.start_time_ms) {
      sql.where(column + " >= ?");
      sql.bind(*in.start_time_ms);
    }
    if (in.end_time_ms) {
      sql.where(column + " <= ?");
      sql.bind(*in.end_time_ms);
    }
  }
  sql.where(std::string(metric.value) + " IS NOT NULL");
  for (const std::string& name : in.dimensions) {
    const auto* found = std::find_if(dimension_columns.begin(), dimension_columns.end(),
                                     [&](const Dimension& one) { return one.name == name; });
    sql.where(std::string(found->column) + " IS NOT NULL");
  }
}

TextMap dimensions_of(const db::Rows& row, const Grouping& grouping) {
  TextMap dimensions;
  for (std::size_t i = 0; i < grouping.names.size(); ++i) {
    const int column = static_cast<int>(i);
    std::string text;
    if (grouping.names[i] == time_bucket) {
      // Whole seconds, with an offset as Python's isoformat writes it.
      text = iso8601_ms(row.integer(column));
      text.replace(text.size() - 5, 5, "+00:00");
    } else {
      text = row.text(column);
    }
    dimensions.emplace(grouping.names[i], std::move(text));
  }
  return dimensions;
}

// Names and numbers as they grow to a JSON object; a label that comes twice counts once.
class Values {
 public:
  Values() : writer_(json_) { writer_.begin_object(); }
  void add(const std::string& name, double value) {
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) return;
    names_.push_back(name);
    writer_.name(name);
    writer_.value(value);
  }
  [[nodiscard]] bool empty() const { return names_.empty(); }
  std::string finish() {
    writer_.end_object();
    return std::move(json_);
  }

 private:
  std::string json_;
  JsonWriter writer_;
  std::vector<std::string> names_;
};

// Linear interpolation between the two neighbours, as numpy's quantile does.
double percentile(const std::vector<double>& sorted, double percent) {
  const double index = percent / 100.0 * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(index);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (index - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

double aggregate(const std::vector<double>& sorted, const MetricAggregation& aggregation) {
  const std::string_view type = aggregation.aggregation_type.name;
  if (type == "PERCENTILE") return percentile(sorted, *aggregation.percentile_value);
  if (type == "MIN") return sorted.front();
  if (type == "MAX") return sorted.back();
  const auto count = static_cast<double>(sorted.size());
  if (type == "COUNT") return count;
  const double sum = std::accumulate(sorted.begin(), sorted.end(), 0.0);
  return type == "AVG" ? sum / count : sum;
}

// Databases differ in percentiles, so the values come here, sorted within their group.
MetricDataPoints query_sorted(db::Tx& tx,
                              const QueryTraceMetrics& in,
                              const Metric& metric,
                              const Grouping& grouping,
                              const std::string& rest,
                              const tracking::SearchSql& sql) {
  const std::string order = grouping.ordinals + (grouping.ordinals.empty() ? "" : ", ") +
                            std::to_string(grouping.names.size() + 1);
  db::Rows rows = tx.query_values(
      "SELECT " + grouping.columns + std::string(metric.value) + rest + " ORDER BY " + order,
      sql.values());
  MetricDataPoints out;
  std::vector<std::string> group_cells(grouping.names.size());  // of the rows in `values`
  TextMap dimensions;
  std::vector<double> values;
  const auto is_of_group = [&] {
    for (std::size_t i = 0; i < group_cells.size(); ++i) {
      if (rows.view(static_cast<int>(i)) != group_cells[i]) return false;
    }
    return true;
  };
  const auto finish = [&] {
    if (values.empty()) return;
    Values shown;
    for (const MetricAggregation& one : in.aggregations)
      shown.add(label(one), aggregate(values, one));
    out.data_points.push_back({in.metric_name, std::move(dimensions), {shown.finish()}});
    values.clear();
  };
  const auto is_full = [&] {
    return in.max_results >= 0 &&
           static_cast<std::int64_t>(out.data_points.size()) >= in.max_results;
  };
  while (rows.next() && !is_full()) {
    if (values.empty() || !is_of_group()) {
      finish();
      for (std::size_t i = 0; i < group_cells.size(); ++i) {
        group_cells[i] = rows.text(static_cast<int>(i));
      }
      dimensions = dimensions_of(rows, grouping);
    }
    values.push_back(rows.real(static_cast<int>(grouping.names.size())));
  }
  if (!is_full()) finish();
  return out;
}

MetricDataPoints query_grouped(db::Tx& tx,
                               const QueryTraceMetrics& in,
                               const Metric& metric,
                               const Grouping& grouping,
                               const std::string& rest,
                               const tracking::SearchSql& sql) {
  std::string columns = grouping.columns;
  for (const MetricAggregation& one : in.aggregations) {
    columns.append(one.aggregation_type.name)
        .append(metric.name == "session_count" ? "(DISTINCT " : "(")
        .append(metric.value)
        .append(&one == &in.aggregations.back() ? ")" : "), ");
  }
  const std::string by = grouping.ordinals.empty()
                             ? ""
                             : " GROUP BY " + grouping.ordinals + " ORDER BY " + grouping.ordinals;
  std::vector<db::Value> values = sql.values();
  values.emplace_back(in.max_results < 0 ? std::numeric_limits<std::int64_t>::max()
                                         : in.max_results);
  db::Rows rows = tx.query_values("SELECT " + columns + rest + by + " LIMIT ?", values);
  MetricDataPoints out;
  while (rows.next()) {
    Values shown;
    int column = static_cast<int>(grouping.names.size());
    for (const MetricAggregation& one : in.aggregations) {
      if (!rows.is_null(column)) shown.add(label(one), rows.real(column));
      ++column;
    }
    if (shown.empty()) continue;
    out.data_points.push_back({in.metric_name, dimensions_of(rows, grouping), {shown.finish()}});
  }
  return out;
}

}  // namespace

MetricDataPoints TraceMetrics::query(const QueryTraceMetrics& in) {
  const View& view = find_view(in.view_type.name);
  const Metric& metric = find_metric(view, in.metric_name);
  check_request(in, metric);
  tracking::SearchSql sql;
  const Grouping grouping = group(in, view, sql);
  add_conditions(in, view, metric, sql);
  const std::string rest = " FROM " + std::string(view.from) + " WHERE " + sql.text();
  const bool has_percentile =
      std::any_of(in.aggregations.begin(), in.aggregations.end(),
                  [](const MetricAggregation& one) { return one.percentile_value.has_value(); });
  return database_.read([&](db::Tx& tx) {
    return has_percentile ? query_sorted(tx, in, metric, grouping, rest, sql)
                          : query_grouped(tx, in, metric, grouping, rest, sql);
  });
}

}  // namespace sandbox::traces
