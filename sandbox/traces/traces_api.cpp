#include <array>

#include "sandbox/base/error.h"
#include "sandbox/traces/api.h"
#include "sandbox/traces/traces.h"

namespace sandbox::traces {
namespace {

struct Trace {
  std::optional<TraceInfo> trace_info;
  static constexpr auto fields() { return std::tuple{field("trace_info", &Trace::trace_info)}; }
};

struct StartTrace {
  Trace trace;
  static constexpr auto fields() { return std::tuple{required("trace", &StartTrace::trace)}; }
};

struct TraceAnswer {
  Trace trace;
  static constexpr auto fields() { return std::tuple{field("trace", &TraceAnswer::trace)}; }
};

struct OneTrace {
  std::string trace_id;
  static constexpr auto fields() { return std::tuple{in_path("trace_id", &OneTrace::trace_id)}; }
};

struct BatchGetInfos {
  std::vector<std::string> trace_ids;
  std::optional<std::vector<std::string>> experiment_ids;
  static constexpr auto fields() {
    return std::tuple{required("trace_ids", &BatchGetInfos::trace_ids),
                      field("experiment_ids", &BatchGetInfos::experiment_ids)};
  }
};

struct TraceInfos {
  std::vector<TraceInfo> trace_infos;
  static constexpr auto fields() {
    return std::tuple{field("trace_infos", &TraceInfos::trace_infos)};
  }
};

struct SetTraceTag {
  std::string trace_id;
  std::string key;
  std::string value;
  static constexpr auto fields() {
    return std::tuple{in_path("trace_id", &SetTraceTag::trace_id),
                      required("key", &SetTraceTag::key), field("value", &SetTraceTag::value)};
  }
};

struct DeleteTraceTag {
  std::string trace_id;
  std::string key;
  static constexpr auto fields() {
    return std::tuple{in_path("trace_id", &DeleteTraceTag::trace_id),
                      required("key", &DeleteTraceTag::key)};
  }
};

struct TracesDeleted {
  std::int64_t traces_deleted = 0;
  static constexpr auto fields() {
    return std::tuple{field("traces_deleted", &TracesDeleted::traces_deleted)};
  }
};

struct LinkTracesToRun {
  std::vector<std::string> trace_ids;
  std::string run_id;
  static constexpr auto fields() {
    return std::tuple{required("trace_ids", &LinkTracesToRun::trace_ids),
                      required("run_id", &LinkTracesToRun::run_id)};
  }
};

struct LinkPrompts {
  std::string trace_id;
  std::vector<PromptVersion> prompt_versions;
  static constexpr auto fields() {
    return std::tuple{required("trace_id", &LinkPrompts::trace_id),
                      required("prompt_versions", &LinkPrompts::prompt_versions)};
  }
};

struct SearchTraces {
  std::vector<TraceLocation> locations;
  std::string filter;
  std::int64_t max_results = search_page_default;
  std::vector<std::string> order_by;
  std::string page_token;
  static constexpr auto fields() {
    return std::tuple{
        required("locations", &SearchTraces::locations, "Where to search: experiments."),
        field("filter", &SearchTraces::filter),
        field("max_results", &SearchTraces::max_results, "At most 500."),
        field("order_by", &SearchTraces::order_by), field("page_token", &SearchTraces::page_token)};
  }
};

TraceSearch search_of(const SearchTraces& in) {
  TraceSearch search{{}, in.filter, in.max_results, in.order_by, in.page_token};
  for (const TraceLocation& location : in.locations) {
    if (location.mlflow_experiment) {
      search.experiment_ids.push_back(location.mlflow_experiment->experiment_id);
    }
  }
  return search;
}

// Tags that say where a trace's data is; clients may clear the last of them, but set none.
void check_client_may(std::string_view operation, std::string_view key) {
  constexpr std::string_view failure_tag = "mlflow.trace.archivalFailure";
  constexpr std::array<std::string_view, 3> kept{spans_location_tag, "mlflow.trace.archiveLocation",
                                                 failure_tag};
  for (const std::string_view one : kept) {
    if (key != one || (key == failure_tag && operation == "deleted")) continue;
    throw Error(Code::invalid_parameter_value, "Tag '" + std::string(key) +
                                                   "' is immutable and cannot be " +
                                                   std::string(operation) + " on a trace.");
  }
}

// The same below both versions of the API.
void install_twins(http::Api& api, Traces& traces, const std::string& root) {
  api.patch<SetTraceTag, Empty>(root + "/{trace_id}/tags", "Set a tag of a trace.",
                                [&](const SetTraceTag& in) {
                                  check_client_may("set", in.key);
                                  traces.set_tag(in.trace_id, in.key, in.value);
                                  return Empty{};
                                });
  api.remove<DeleteTraceTag, Empty>(root + "/{trace_id}/tags", "Delete a tag of a trace.",
                                    [&](const DeleteTraceTag& in) {
                                      check_client_may("deleted", in.key);
                                      traces.delete_tag(in.trace_id, in.key);
                                      return Empty{};
                                    });
  api.post<DeleteTraces, TracesDeleted>(
      root + "/delete-traces", "Delete traces by id or by age.",
      [&](const DeleteTraces& in) { return TracesDeleted{traces.remove(in)}; });
}

void install_links(http::Api& api, Traces& traces) {
  const std::string root = "2.0/mlflow/traces";
  api.post<LinkTracesToRun, Empty>(root + "/link-to-run", "Link traces to a run.",
                                   [&](const LinkTracesToRun& in) {
                                     traces.link_to_run(in.trace_ids, in.run_id);
                                     return Empty{};
                                   });
  api.post<LinkPrompts, Empty>(root + "/link-prompts", "Link prompt versions to a trace.",
                               [&](const LinkPrompts& in) {
                                 traces.link_prompts(in.trace_id, in.prompt_versions);
                                 return Empty{};
                               });
}

}  // namespace

void install_traces(http::Api& api, Traces& traces) {
  const std::string root = "3.0/mlflow/traces";
  api.post<StartTrace, TraceAnswer>(
      root, "Create a trace, or complete one whose spans came first.", [&](const StartTrace& in) {
        const TraceInfo info = in.trace.trace_info.value_or(TraceInfo{});
        return TraceAnswer{{traces.start(info)}};
      });
  api.get<OneTrace, TraceAnswer>(
      root + "/{trace_id}", "What is known of a trace, without its spans.",
      [&](const OneTrace& in) { return TraceAnswer{{traces.get_info(in.trace_id)}}; });
  api.post<BatchGetInfos, TraceInfos>(
      root + "/batchGetInfos", "What is known of several traces, without their spans.",
      [&](const BatchGetInfos& in) {
        return TraceInfos{traces.get_infos(in.trace_ids, in.experiment_ids)};
      });
  api.post<SearchTraces, TracePage>(
      root + "/search", "Search traces.",
      [&](const SearchTraces& in) { return traces.search(search_of(in)); });
  install_twins(api, traces, root);
  install_twins(api, traces, "2.0/mlflow/traces");
  install_links(api, traces);
}

}  // namespace sandbox::traces
