// The few characters of a trace's request and response that lists show.
// Source of the rules: tracing/utils/truncation.py of MLflow 3.17.
#pragma once

#include <string>
#include <string_view>

namespace sandbox::traces {

// At most 1000 characters of `json`; of a chat, the last message of `role` ("user", "assistant").
std::string preview_of(std::string_view json, std::string_view role);

}  // namespace sandbox::traces
