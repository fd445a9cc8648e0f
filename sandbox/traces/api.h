// The traces room's endpoints: each noun adds its rows to the one table.
#pragma once

#include "sandbox/http/api.h"
#include "sandbox/http/router.h"

namespace sandbox::traces {

class Spans;
class Traces;

// The collaborators must outlive the Api.
void install_traces(http::Api& api, Traces& traces);

// OpenTelemetry's own address for spans, which lies below no prefix.
void install_otlp(http::Router& router, Spans& spans);

}  // namespace sandbox::traces
