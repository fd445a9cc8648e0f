#include "sandbox/base/error.h"
#include "sandbox/traces/api.h"
#include "sandbox/traces/span_json.h"
#include "sandbox/traces/spans.h"
#include "sandbox/traces/traces.h"

namespace sandbox::traces {
namespace {

struct GetTrace {
  std::string trace_id;
  bool allow_partial = false;
  static constexpr auto fields() {
    return std::tuple{required("trace_id", &GetTrace::trace_id),
                      field("allow_partial", &GetTrace::allow_partial,
                            "Answer a trace whose spans are not all there yet.")};
  }
};

struct BatchGetTraces {
  std::vector<std::string> trace_ids;
  std::optional<std::vector<std::string>> experiment_ids;
  static constexpr auto fields() {
    return std::tuple{required("trace_ids", &BatchGetTraces::trace_ids),
                      field("experiment_ids", &BatchGetTraces::experiment_ids)};
  }
};

struct TraceWithSpans {
  TraceInfo trace_info;
  std::vector<JsonText> spans;  // OpenTelemetry's JSON form
  static constexpr auto fields() {
    return std::tuple{field("trace_info", &TraceWithSpans::trace_info),
                      field("spans", &TraceWithSpans::spans)};
  }
};

struct GetTraceAnswer {
  TraceWithSpans trace;
  static constexpr auto fields() { return std::tuple{field("trace", &GetTraceAnswer::trace)}; }
};

struct BatchGetAnswer {
  std::vector<TraceWithSpans> traces;
  static constexpr auto fields() { return std::tuple{field("traces", &BatchGetAnswer::traces)}; }
};

TraceWithSpans shown(WholeTrace trace) {
  TraceWithSpans out{std::move(trace.info), {}};
  out.spans.reserve(trace.spans.size());
  for (const std::string& content : trace.spans) {
    JsonWriter writer(out.spans.emplace_back().json);
    write_span(writer, content);
  }
  return out;
}

http::Response trace_file(const WholeTrace& trace) {
  std::string json = "{\"spans\":[";
  for (const std::string& content : trace.spans) {
    if (json.back() != '[') json += ',';
    json += content;
  }
  http::Response answer = http::Response::text(200, json + "]}", "text/plain");
  answer.headers.set("Content-Disposition", "attachment; filename=traces.json");
  answer.headers.set("X-Content-Type-Options", "nosniff");
  return answer;
}

// The file an older client, or an attachment, left in the trace's directory.
http::Response stored_file(http::Request& request,
                           const TraceInfo& info,
                           const OpenTraceFile& open,
                           const std::string& path) {
  const auto root = info.tags.find(std::string(artifact_location_tag));
  try {
    if (root != info.tags.end()) return open(request, root->second, path);
  } catch (const Error& failure) {  // no such file: the sentence below says more of the trace
    if (failure.code() != Code::resource_does_not_exist) throw;
  }
  throw Error(Code::not_found, "Trace data not found for path=" + path);
}

}  // namespace

void install_spans(
    http::Api& api, http::Router& router, Traces& traces, Spans& spans, OpenTraceFile open) {
  const std::string root = "3.0/mlflow/traces";
  api.get<GetTrace, GetTraceAnswer>(
      root + "/get", "A trace with its spans.", [&](const GetTrace& in) {
        auto trace = spans.find(in.trace_id, in.allow_partial);
        if (!trace) {
          throw Error(Code::invalid_parameter_value,
                      "Trace data not stored in tracking store: the spans of trace '" +
                          in.trace_id + "' are kept as an artifact. Read them from there.");
        }
        return GetTraceAnswer{shown(std::move(*trace))};
      });
  api.get<BatchGetTraces, BatchGetAnswer>(
      root + "/batchGet", "Several traces with their spans.", [&](const BatchGetTraces& in) {
        BatchGetAnswer answer;
        for (WholeTrace& trace : spans.find_all(in.trace_ids, in.experiment_ids)) {
          answer.traces.push_back(shown(std::move(trace)));
        }
        return answer;
      });
  const http::Handler artifact = [&, open = std::move(open)](http::Request& request) {
    const std::string trace_id(request.query.get("request_id"));
    if (trace_id.empty()) {
      throw Error(Code::bad_request, "Request must include the \"request_id\" query parameter.");
    }
    if (const std::string_view path = request.query.get("path"); !path.empty()) {
      return stored_file(request, traces.get_info(trace_id), open,
                         "attachments/" + std::string(path));
    }
    if (const auto trace = spans.find(trace_id, true)) return trace_file(*trace);
    return stored_file(request, traces.get_info(trace_id), open, "traces.json");
  };
  // The browser's endpoints have the prefix /ajax-api only.
  router.add("GET", "/ajax-api/2.0/mlflow/get-trace-artifact", artifact);
  router.add("GET", "/ajax-api/3.0/mlflow/get-trace-artifact", artifact);
}

}  // namespace sandbox::traces
