// Enumerations of the wire: a value comes as its name or its number, goes as its name in capitals,
// and is kept in the tables in small letters.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "sandbox/base/fields_json.h"
#include "sandbox/base/text.h"

namespace sandbox::evaluation {

// `names` are those of the numbers 1, 2, 3…; number 0 is "unspecified". The word for the table, or
// nullopt for nothing, 0, and what is no value at all, as the reference reads them.
template <std::size_t Count>
std::optional<std::string> enum_word(const JsonText& value,
                                     const std::array<std::string_view, Count>& names) {
  std::string_view text = value.json;
  if (text.size() >= 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (text == names.at(i) || text == std::to_string(i + 1)) return lower(names.at(i));
  }
  return std::nullopt;
}

}  // namespace sandbox::evaluation
