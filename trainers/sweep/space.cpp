#include "trainers/sweep/space.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace trainers {
namespace {

using sandbox::Code;
using sandbox::Error;

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
  throw Error(Code::invalid_parameter_value,
              "--sweep '" + std::string(text) + "': " + why +
                  ". Write NAME=log(1e-4,1e-1), NAME=uniform(0,1), NAME=int(1,10) or "
                  "NAME=choice(a,b,c).");
}

std::vector<std::string> words_of(std::string_view list) {
  std::vector<std::string> words;
  for (const std::string& word : sandbox::split(list, ',')) {
    words.emplace_back(sandbox::trim(word));
  }
  return words;
}

// Six digits are enough to try, and to read.
std::string short_text(double number) {
  std::array<char, 32> out{};
  std::snprintf(out.data(), out.size(), "%.6g", number);
  return number_text(std::strtod(out.data(), nullptr));
}

// A parameter's name as flags may spell it.
std::string plain_name(std::string_view name) {
  std::string out(sandbox::trim(name));
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

}  // namespace

Dimension Dimension::parse(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) refuse(text, "it names no parameter");
  Dimension out;
  out.parameter_ = plain_name(text.substr(0, equals));
  const std::string_view rest = sandbox::trim(text.substr(equals + 1));
  const std::size_t bracket = rest.find('(');
  const bool has_kind = bracket != std::string_view::npos && rest.ends_with(')');
  const std::string_view kind = has_kind ? rest.substr(0, bracket) : "choice";
  out.choices_ = words_of(has_kind ? rest.substr(bracket + 1, rest.size() - bracket - 2) : rest);
  if (kind == "choice") {
    out.kind_ = Kind::choice;
    const std::set<std::string> unique(out.choices_.begin(), out.choices_.end());
    if (unique.contains("") || unique.size() != out.choices_.size()) {
      refuse(text, "a choice is empty or comes twice");
    }
    return out;
  }
  if (kind == "log") {
    out.kind_ = Kind::log;
  } else if (kind == "int") {
    out.kind_ = Kind::integer;
  } else if (kind != "uniform") {
    refuse(text, "'" + std::string(kind) + "' is no way to vary a parameter");
  }
  const auto least = sandbox::parse_double(out.choices_[0]);
  const auto greatest =
      out.choices_.size() == 2 ? sandbox::parse_double(out.choices_[1]) : std::nullopt;
  if (!least || !greatest || !(*least < *greatest)) {
    refuse(text, "it wants two numbers, the smaller one first");
  }
  if (out.kind_ == Kind::log && *least <= 0) refuse(text, "a logarithm wants numbers above 0");
  out.least_ = *least;
  out.greatest_ = *greatest;
  out.choices_.clear();
  return out;
}

std::string Dimension::value_at(double place) const {
  place = std::clamp(place, 0.0, 1.0);
  switch (kind_) {
    case Kind::choice: {
      const auto count = static_cast<double>(choices_.size());
      const auto index = static_cast<std::size_t>(std::min(place * count, count - 1));
      return choices_[index];
    }
    case Kind::integer: {
      const double count = std::floor(greatest_) - std::ceil(least_) + 1;
      return std::to_string(
          std::llround(std::ceil(least_) + std::floor(std::min(place * count, count - 1))));
    }
    case Kind::log:
      return short_text(
          std::exp(std::log(least_) + place * (std::log(greatest_) - std::log(least_))));
    case Kind::uniform: return short_text(least_ + place * (greatest_ - least_));
  }
  return "";
}

double Dimension::place_of(std::string_view value) const {
  if (kind_ == Kind::choice) {
    const auto at = std::find(choices_.begin(), choices_.end(), value);
    if (at == choices_.end()) return 0.5;
    return (static_cast<double>(at - choices_.begin()) + 0.5) /
           static_cast<double>(choices_.size());
  }
  const auto number = sandbox::parse_double(value);
  if (!number) return 0.5;
  double place = (*number - least_) / (greatest_ - least_);
  if (kind_ == Kind::log) {
    place = *number > 0
                ? (std::log(*number) - std::log(least_)) / (std::log(greatest_) - std::log(least_))
                : 0;
  }
  if (kind_ == Kind::integer) {
    place = (*number - std::ceil(least_) + 0.5) / (std::floor(greatest_) - std::ceil(least_) + 1);
  }
  return std::clamp(place, 0.0, 1.0);
}

std::vector<double> Dimension::grid(std::size_t most) const {
  std::size_t count = std::max<std::size_t>(most, 2);
  bool is_counted = kind_ == Kind::choice;
  if (is_counted) count = choices_.size();
  if (kind_ == Kind::integer) {
    const auto whole = static_cast<std::size_t>(std::floor(greatest_) - std::ceil(least_) + 1);
    is_counted = whole <= count;
    if (is_counted) count = whole;
  }
  std::vector<double> places;
  for (std::size_t i = 0; i < count; ++i) {
    const auto index = static_cast<double>(i);
    const auto all = static_cast<double>(count);
    places.push_back(is_counted ? (index + 0.5) / all : index / (all - 1));
  }
  return places;
}

void check(const Space& space, const std::vector<ParameterRow>& rows) {
  std::set<std::string> seen;
  for (const Dimension& dimension : space) {
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const ParameterRow& one) {
      return one.name == dimension.parameter();
    });
    if (row == rows.end()) {
      std::vector<std::string> names;
      for (const ParameterRow& one : rows) names.push_back(one.name);
      throw Error(Code::invalid_parameter_value,
                  "--sweep: there is no parameter '" + dimension.parameter() +
                      "'. There are: " + sandbox::join(names, ", ") + ".");
    }
    if (!seen.insert(row->name).second) {
      throw Error(Code::invalid_parameter_value, "--sweep: " + row->name + " comes twice.");
    }
    const std::size_t count = std::max<std::size_t>(dimension.choices(), 2);
    for (std::size_t i = 0; i < count; ++i) {
      const double place = dimension.choices() > 0
                               ? (static_cast<double>(i) + 0.5) / static_cast<double>(count)
                               : static_cast<double>(i);
      row->check(dimension.value_at(place));
    }
  }
}

Texts values_at(const Space& space, const Point& point) {
  Texts values;
  for (std::size_t i = 0; i < space.size(); ++i) {
    values[space[i].parameter()] = space[i].value_at(point[i]);
  }
  return values;
}

Point point_of(const Space& space, const Texts& values) {
  Point point;
  for (const Dimension& dimension : space) {
    const auto found = values.find(dimension.parameter());
    point.push_back(found == values.end() ? 0.5 : dimension.place_of(found->second));
  }
  return point;
}

}  // namespace trainers
