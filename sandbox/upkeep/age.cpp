#include "sandbox/upkeep/age.h"

#include <array>
#include <string>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::upkeep {
namespace {

constexpr double age_ms_max = 1e15;  // thirty thousand years

struct Unit {
  char letter;
  double ms;
};
constexpr std::array units{Unit{'d', 86'400'000.0}, Unit{'h', 3'600'000.0}, Unit{'m', 60'000.0},
                           Unit{'s', 1'000.0}};

}  // namespace

std::int64_t parse_age(std::string_view text) {
  double ms = 0;
  std::string_view rest = text;
  for (const Unit& unit : units) {
    const std::size_t digits = rest.find_first_not_of("0123456789.");
    if (digits == 0 || digits == std::string_view::npos || rest[digits] != unit.letter) continue;
    const auto number = parse_double(rest.substr(0, digits));
    if (!number) break;
    ms += *number * unit.ms;
    rest.remove_prefix(digits + 1);
  }
  if (text.empty() || !rest.empty() || ms > age_ms_max) {
    throw Error(Code::invalid_parameter_value,
                "Could not parse any time information from '" + std::string(text) +
                    "'. Examples of valid strings: '8h', '2d8h5m20s', '2m4s'");
  }
  return static_cast<std::int64_t>(ms);
}

}  // namespace sandbox::upkeep
