// What a trainer can be told, described once: name, default, allowed values and a sentence. Flags,
// .env lines, checks, help and the listing are derived from the description. Standard headers only
// apart from the errors; no Torch.
//
// A trainer's settings are a struct whose members hold the defaults:
//
//   struct ForestSettings {
//     std::int64_t trees = 100;
//     std::string criterion = "gini";
//     static constexpr auto parameters() {
//       return std::tuple{
//           number("trees", &ForestSettings::trees, {1, 100'000}, "How many trees"),
//           one_of("criterion", &ForestSettings::criterion, criteria, "How splits are judged"),
//       };
//     }
//   };
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace trainers {

// Both ends belong to it, unless `is_above` leaves the lower one out.
struct Range {
  double least = std::numeric_limits<double>::lowest();
  double most = std::numeric_limits<double>::max();
  bool is_above = false;
};

// `Type` is std::string, std::int64_t, double or bool.
template <class Owner, class Type>
struct Parameter {
  std::string_view name;  // snake_case: --batch-size, --batch_size, BATCH_SIZE in .env
  Type Owner::*member;
  std::string_view about;  // half a sentence for help, without a full stop
  // Of a text, the only values there are; a word that ends in ':' begins any longer text.
  std::span<const std::string_view> allowed{};
  Range range{};  // of a number
};

template <class Owner>
constexpr Parameter<Owner, std::string> text(std::string_view name,
                                             std::string Owner::*member,
                                             std::string_view about) {
  return {name, member, about};
}

// `allowed` has to live as long as the program: a constexpr std::array at namespace scope.
template <class Owner>
constexpr Parameter<Owner, std::string> one_of(std::string_view name,
                                               std::string Owner::*member,
                                               std::span<const std::string_view> allowed,
                                               std::string_view about) {
  return {name, member, about, allowed};
}

template <class Owner, class Number>
constexpr Parameter<Owner, Number> number(std::string_view name,
                                          Number Owner::*member,
                                          Range range,
                                          std::string_view about) {
  return {name, member, about, {}, range};
}

template <class Owner>
constexpr Parameter<Owner, bool> flag(std::string_view name,
                                      bool Owner::*member,
                                      std::string_view about) {
  return {name, member, about};
}

// A parameter without its type: what help, listings and checks need.
struct ParameterRow {
  enum class Kind { text, integer, number, flag };
  std::string name;
  std::string about;
  Kind kind = Kind::text;
  std::string standard;  // the default as it would be typed
  std::vector<std::string> allowed;
  Range range;

  // "one of a, b, c", "a whole number from 1 to 64", "true or false"; "" where every text is right.
  [[nodiscard]] std::string allowed_text() const;
  // Throws Error(invalid_parameter_value) that names the parameter, the value and what it may be.
  void check(std::string_view value) const;
};

// Values as they were typed, by parameter name.
using Texts = std::map<std::string, std::string>;

// A number as it would be typed, with no digit more than it needs: "0.001".
std::string number_text(double number);

// Each throws as ParameterRow::check does.
void read_value(const ParameterRow& row, std::string_view text, std::string& into);
void read_value(const ParameterRow& row, std::string_view text, std::int64_t& into);
void read_value(const ParameterRow& row, std::string_view text, double& into);
void read_value(const ParameterRow& row, std::string_view text, bool& into);

inline std::string value_text(const std::string& value) {
  return value;
}
inline std::string value_text(std::int64_t value) {
  return std::to_string(value);
}
inline std::string value_text(double value) {
  return number_text(value);
}
inline std::string value_text(bool value) {
  return value ? "true" : "false";
}

template <class Owner, class Type>
ParameterRow row_of(const Parameter<Owner, Type>& parameter) {
  using Kind = ParameterRow::Kind;
  ParameterRow row;
  row.name = parameter.name;
  row.about = parameter.about;
  if constexpr (std::is_same_v<Type, std::int64_t>) row.kind = Kind::integer;
  if constexpr (std::is_same_v<Type, double>) row.kind = Kind::number;
  if constexpr (std::is_same_v<Type, bool>) row.kind = Kind::flag;
  row.standard = value_text(Owner{}.*(parameter.member));
  row.allowed.assign(parameter.allowed.begin(), parameter.allowed.end());
  row.range = parameter.range;
  return row;
}

template <class Settings>
std::vector<ParameterRow> rows_of() {
  return std::apply([](const auto&... each) { return std::vector<ParameterRow>{row_of(each)...}; },
                    Settings::parameters());
}

// The settings with every value of `texts` that bears the name of one of their parameters; others
// are left to whom they belong. Throws as ParameterRow::check does.
template <class Settings>
Settings settings_of(const Texts& texts) {
  Settings settings;
  const auto take = [&](const auto& parameter) {
    const auto found = texts.find(std::string(parameter.name));
    if (found != texts.end()) {
      read_value(row_of(parameter), found->second, settings.*(parameter.member));
    }
  };
  std::apply([&](const auto&... each) { (take(each), ...); }, Settings::parameters());
  return settings;
}

// Every value of the settings as it would be typed.
template <class Settings>
Texts texts_of(const Settings& settings) {
  Texts texts;
  std::apply(
      [&](const auto&... each) {
        ((texts[std::string(each.name)] = value_text(settings.*(each.member))), ...);
      },
      Settings::parameters());
  return texts;
}

}  // namespace trainers
