#include "trainers/parameters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace trainers {
namespace {

using Kind = ParameterRow::Kind;

constexpr double without_end = 1e300;  // ends beyond this are not worth naming

bool is_allowed(const std::vector<std::string>& allowed, std::string_view value) {
  return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& word) {
    return word.ends_with(':') ? value.starts_with(word) && value.size() > word.size()
                               : value == word;
  });
}

std::optional<bool> parse_flag(std::string_view text) {
  const std::string word = sandbox::lower(text);
  if (word == "true" || word == "1" || word == "yes" || word == "on") return true;
  if (word == "false" || word == "0" || word == "no" || word == "off") return false;
  return std::nullopt;
}

bool is_inside(const Range& range, double value) {
  return std::isfinite(value) && value <= range.most &&
         (range.is_above ? value > range.least : value >= range.least);
}

bool is_right(const ParameterRow& row, std::string_view value) {
  switch (row.kind) {
    case Kind::text: return row.allowed.empty() || is_allowed(row.allowed, value);
    case Kind::flag: return parse_flag(value).has_value();
    case Kind::integer: {
      const auto number = sandbox::parse_int64(value);
      return number && is_inside(row.range, static_cast<double>(*number));
    }
    case Kind::number: {
      const auto number = sandbox::parse_double(value);
      return number && is_inside(row.range, *number);
    }
  }
  return false;
}

std::string range_text(const Range& range) {
  const bool has_least = range.least > -without_end;
  const bool has_most = range.most < without_end;
  std::string out;
  if (has_least) out += (range.is_above ? " above " : " from ") + number_text(range.least);
  if (has_most) {
    const bool follows_from = has_least && !range.is_above;
    out += (follows_from ? " to "
            : has_least  ? " and at most "
                         : " up to ") +
           number_text(range.most);
  } else if (has_least && !range.is_above) {
    out += " up";
  }
  return out;
}

}  // namespace

std::string number_text(double number) {
  std::array<char, 64> digits{};
  const bool is_short_whole = number == std::floor(number) && std::abs(number) < 1e15;
  const auto end = is_short_whole
                       ? std::to_chars(digits.data(), digits.data() + digits.size(),
                                       static_cast<std::int64_t>(number))
                       : std::to_chars(digits.data(), digits.data() + digits.size(), number);
  return {digits.data(), end.ptr};
}

std::string ParameterRow::allowed_text() const {
  switch (kind) {
    case Kind::flag: return "true or false";
    case Kind::integer: return "a whole number" + range_text(range);
    case Kind::number: return "a number" + range_text(range);
    case Kind::text: break;
  }
  if (allowed.empty()) return "";
  std::vector<std::string> words = allowed;
  for (std::string& word : words) {
    if (word.ends_with(':')) word += "…";
  }
  return "one of " + sandbox::join(words, ", ");
}

void ParameterRow::check(std::string_view value) const {
  if (is_right(*this, value)) return;
  throw sandbox::Error(
      sandbox::Code::invalid_parameter_value,
      name + " cannot be '" + std::string(value) + "': it has to be " + allowed_text() + ".");
}

void read_value(const ParameterRow& row, std::string_view text, std::string& into) {
  row.check(text);
  into = text;
}

void read_value(const ParameterRow& row, std::string_view text, std::int64_t& into) {
  row.check(text);
  into = *sandbox::parse_int64(text);
}

void read_value(const ParameterRow& row, std::string_view text, double& into) {
  row.check(text);
  into = *sandbox::parse_double(text);
}

void read_value(const ParameterRow& row, std::string_view text, bool& into) {
  row.check(text);
  into = *parse_flag(text);
}

}  // namespace trainers
