// The traces room's endpoints: each noun adds its rows to the one table.
#pragma once

#include <functional>
#include <string>

#include "sandbox/http/api.h"
#include "sandbox/http/router.h"

namespace sandbox::traces {

class Assessments;
class Spans;
class TraceCorrelation;
class TraceMetrics;
class Traces;

// The collaborators must outlive the Api.
void install_traces(http::Api& api, Traces& traces);
void install_assessments(http::Api& api, Assessments& assessments);
void install_trace_correlation(http::Api& api, TraceCorrelation& correlation);
void install_trace_metrics(http::Api& api, TraceMetrics& metrics);
// What clients before 3.0 call.
void install_traces_v2(http::Api& api, Traces& traces);

// Answers a request with the file at `path` below an artifact URI. Throws
// Error(resource_does_not_exist) when there is none.
using OpenTraceFile = std::function<http::Response(
    http::Request& request, const std::string& root, const std::string& path)>;
void install_spans(
    http::Api& api, http::Router& router, Traces& traces, Spans& spans, OpenTraceFile open);
// OpenTelemetry's own address for spans, which lies below no prefix.
void install_otlp(http::Router& router, Spans& spans);

}  // namespace sandbox::traces
