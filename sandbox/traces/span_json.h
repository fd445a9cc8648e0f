// A stored span in OpenTelemetry's JSON form, as the 3.0 endpoints answer it. Pure.
#pragma once

#include <string_view>

#include "sandbox/base/fields_json.h"

namespace sandbox::traces {

// `content` is the text of the column; one that cannot be understood is written as an empty span.
void write_span(JsonWriter& writer, std::string_view content);

}  // namespace sandbox::traces
