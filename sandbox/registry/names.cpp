#include "sandbox/registry/names.h"

#include <array>
#include <limits>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/tracking/names.h"

namespace sandbox::registry {
namespace {

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_alias_character(char c) {
  // Letters of other scripts are judged by check_key.
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

void check_model_name(std::string_view name) {
  if (trim(name).empty()) refuse("Missing value for required parameter 'name'.");
  if (name.find_first_of("/:") != std::string_view::npos) {
    refuse("Invalid model name '" + std::string(name) + "'. Names cannot contain '/' or ':'.");
  }
  // Without slashes only these two are other names when treated as paths.
  if (name == "." || name == "..") {
    refuse("Invalid value " + tracking::quoted(name) +
           " for parameter 'name' supplied: Names may be treated as files in certain cases, and "
           "must not resolve to other names when treated as such. This name would resolve to '" +
           std::string(name) + "'");
  }
}

void check_new_model_name(std::string_view new_name) {
  if (trim(new_name).empty()) refuse("Missing value for required parameter 'new_name'.");
  check_model_name(new_name);
}

std::int64_t parse_version(std::string_view version) {
  std::string_view digits = trim(version);
  if (const auto number = parse_int64(digits)) return *number;
  if (digits.starts_with('-') || digits.starts_with('+')) digits.remove_prefix(1);
  if (is_digits(digits)) return std::numeric_limits<std::int64_t>::max();
  refuse("Parameter 'version' must be an integer, got '" + std::string(version) + "'.");
}

void check_alias(std::string_view alias) {
  if (alias.empty()) refuse("Registered model alias name cannot be empty.");
  for (const char c : alias) {
    if (is_alias_character(c)) continue;
    refuse("Invalid alias name: '" + std::string(alias) +
           "'. Names may only contain alphanumerics, underscores (_), and dashes (-).");
  }
  tracking::check_key("alias", alias);
  tracking::check_length("Registered model alias name", alias, alias_max);
}

void check_alias_is_free(std::string_view alias) {
  if (is_latest(alias)) refuse("'latest' alias name (case insensitive) is reserved.");
  if ((alias[0] == 'v' || alias[0] == 'V') && is_digits(alias.substr(1))) {
    refuse("Version alias name '" + std::string(alias) + "' is reserved.");
  }
}

bool is_latest(std::string_view alias) {
  return equal_ignoring_case(alias, "latest");
}

std::string canonical_stage(std::string_view stage) {
  constexpr std::array<std::string_view, 4> stages{"None", "Staging", "Production", "Archived"};
  for (const std::string_view one : stages) {
    if (equal_ignoring_case(one, stage)) return std::string(one);
  }
  refuse("Invalid Model Version stage: " + std::string(stage) +
         ". Value must be one of None, Staging, Production, Archived.");
}

}  // namespace sandbox::registry
