// The traces of clients from 2.14 to 2.22: what 3.0 says in texts they say in numbers, what it says
// in maps in lists. They keep spans as a file, in the place the artifact location's tag names.
#include <array>

#include "sandbox/base/error.h"
#include "sandbox/traces/api.h"
#include "sandbox/traces/traces.h"
#include "sandbox/traces/traces_search.h"
#include "sandbox/tracking/experiments.h"

namespace sandbox::traces {
namespace {

using tracking::KeyValue;

struct TraceInfoV2 {
  std::string request_id;
  std::string experiment_id;
  std::int64_t timestamp_ms = 0;
  std::int64_t execution_time_ms = 0;  // 0 while it runs
  std::string status;                  // TRACE_STATUS_UNSPECIFIED, OK, ERROR, IN_PROGRESS
  std::vector<KeyValue> request_metadata;
  std::vector<KeyValue> tags;
  static constexpr auto fields() {
    return std::tuple{field("request_id", &TraceInfoV2::request_id),
                      field("experiment_id", &TraceInfoV2::experiment_id),
                      field("timestamp_ms", &TraceInfoV2::timestamp_ms),
                      field("execution_time_ms", &TraceInfoV2::execution_time_ms),
                      field("status", &TraceInfoV2::status),
                      field("request_metadata", &TraceInfoV2::request_metadata),
                      field("tags", &TraceInfoV2::tags)};
  }
};

struct TraceInfoV2Answer {
  TraceInfoV2 trace_info;
  static constexpr auto fields() {
    return std::tuple{field("trace_info", &TraceInfoV2Answer::trace_info)};
  }
};

struct StartTraceV2 {
  std::string experiment_id;
  std::int64_t timestamp_ms = 0;
  std::vector<KeyValue> request_metadata;
  std::vector<KeyValue> tags;
  static constexpr auto fields() {
    return std::tuple{field("experiment_id", &StartTraceV2::experiment_id),
                      field("timestamp_ms", &StartTraceV2::timestamp_ms),
                      field("request_metadata", &StartTraceV2::request_metadata),
                      field("tags", &StartTraceV2::tags)};
  }
};

struct TraceStatusWords : AnyNumber {
  static constexpr std::array<EnumWord, 4> words{
      {{"TRACE_STATUS_UNSPECIFIED", 0}, {"OK", 1}, {"ERROR", 2}, {"IN_PROGRESS", 3}}};
};

struct EndTraceV2 {
  std::string request_id;
  std::int64_t timestamp_ms = 0;
  Enum<TraceStatusWords> status;
  std::vector<KeyValue> request_metadata;
  std::vector<KeyValue> tags;
  static constexpr auto fields() {
    return std::tuple{in_path("trace_id", &EndTraceV2::request_id),
                      field("timestamp_ms", &EndTraceV2::timestamp_ms),
                      field("status", &EndTraceV2::status, "OK, ERROR or IN_PROGRESS."),
                      field("request_metadata", &EndTraceV2::request_metadata),
                      field("tags", &EndTraceV2::tags)};
  }
};

struct OneTraceV2 {
  std::string request_id;
  static constexpr auto fields() {
    return std::tuple{in_path("trace_id", &OneTraceV2::request_id)};
  }
};

struct SearchTracesV2 {
  std::vector<std::string> experiment_ids;
  std::string filter;
  std::int64_t max_results = search_page_default;
  std::vector<std::string> order_by;
  std::string page_token;
  static constexpr auto fields() {
    return std::tuple{required("experiment_ids", &SearchTracesV2::experiment_ids),
                      field("filter", &SearchTracesV2::filter),
                      field("max_results", &SearchTracesV2::max_results, "At most 500."),
                      field("order_by", &SearchTracesV2::order_by),
                      field("page_token", &SearchTracesV2::page_token)};
  }
};

struct TracePageV2 {
  std::vector<TraceInfoV2> traces;
  std::optional<std::string> next_page_token;
  static constexpr auto fields() {
    return std::tuple{field("traces", &TracePageV2::traces),
                      field("next_page_token", &TracePageV2::next_page_token)};
  }
};

std::vector<KeyValue> list_of(const TextMap& map) {
  std::vector<KeyValue> list;
  for (const auto& [key, value] : map) list.push_back({key, value});
  return list;
}

TextMap map_of(const std::vector<KeyValue>& list) {
  TextMap map;
  for (const KeyValue& pair : list) map[pair.key] = pair.value;
  return map;
}

TraceInfoV2 shown(const TraceInfo& info) {
  return {info.trace_id,
          info.trace_location.mlflow_experiment->experiment_id,
          info.timestamp_ms,
          info.execution_time_ms.value_or(0),
          info.state.name == "STATE_UNSPECIFIED" ? "TRACE_STATUS_UNSPECIFIED"
                                                 : std::string(info.state.name),
          list_of(info.trace_metadata),
          list_of(info.tags)};
}

}  // namespace

void install_traces_v2(http::Api& api, Traces& traces) {
  const std::string root = "2.0/mlflow/traces";
  api.post<StartTraceV2, TraceInfoV2Answer>(
      root, "Begin a trace (clients before 3.0).", [&](const StartTraceV2& in) {
        return TraceInfoV2Answer{shown(traces.begin(in.experiment_id, in.timestamp_ms,
                                                    map_of(in.request_metadata), map_of(in.tags)))};
      });
  api.patch<EndTraceV2, TraceInfoV2Answer>(
      root + "/{trace_id}", "End a trace (clients before 3.0).", [&](const EndTraceV2& in) {
        return TraceInfoV2Answer{shown(traces.end(in.request_id, in.timestamp_ms, in.status.name,
                                                  map_of(in.request_metadata), map_of(in.tags)))};
      });
  api.get<OneTraceV2, TraceInfoV2Answer>(
      root + "/{trace_id}/info", "What is known of a trace (clients before 3.0).",
      [&](const OneTraceV2& in) {
        return TraceInfoV2Answer{shown(traces.get_info(in.request_id))};
      });
  api.get<SearchTracesV2, TracePageV2>(
      root, "Search traces (clients before 3.0).", [&](const SearchTracesV2& in) {
        TracePage page = traces.search(
            {in.experiment_ids, in.filter, in.max_results, in.order_by, in.page_token});
        TracePageV2 out;
        for (const TraceInfo& info : page.traces) out.traces.push_back(shown(info));
        out.next_page_token = std::move(page.next_page_token);
        return out;
      });
}

}  // namespace sandbox::traces
