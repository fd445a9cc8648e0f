// Ages as `mlflow gc --older-than` takes them: "30d", "8h", "1d2h3m4s", "1.5d". Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace sandbox::upkeep {

// Milliseconds. Throws Error(invalid_parameter_value) with the reference's sentence.
std::int64_t parse_age(std::string_view text);

}  // namespace sandbox::upkeep
