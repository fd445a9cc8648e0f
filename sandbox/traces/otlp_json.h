// OpenTelemetry's JSON form of an export request.
#pragma once

#include <string_view>

namespace sandbox::otlp {
class ExportRequest;
}

namespace sandbox::traces {

// Throws Error(bad_request) for text that is no such request.
void read_otlp_json(std::string_view body, otlp::ExportRequest& out);

}  // namespace sandbox::traces
