// The traces room's endpoints: each noun adds its rows to the one table.
#pragma once

#include "sandbox/http/api.h"
#include "sandbox/http/router.h"

namespace sandbox::traces {

class Assessments;
class Spans;
class TraceMetrics;
class Traces;

// The collaborators must outlive the Api.
void install_traces(http::Api& api, Traces& traces);
void install_assessments(http::Api& api, Assessments& assessments);
void install_trace_metrics(http::Api& api, TraceMetrics& metrics);

// OpenTelemetry's own address for spans, which lies below no prefix.
void install_otlp(http::Router& router, Spans& spans);

}  // namespace sandbox::traces
