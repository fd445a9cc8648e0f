#include "sandbox/base/yaml.h"

#include <algorithm>
#include <array>
#include <limits>

#include <yaml-cpp/yaml.h>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox {
namespace {

constexpr int depth_max = 50;

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

PythonJson plain(const std::string& text) {
  if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return {};
  if (is_one_of(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) {
    return PythonJson::of(true);
  }
  if (is_one_of(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})) {
    return PythonJson::of(false);
  }
  if (const auto integer = parse_int64(text)) return PythonJson::of(*integer);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (is_one_of(text, {".inf", ".Inf", ".INF"})) return PythonJson::of(infinity);
  if (is_one_of(text, {"-.inf", "-.Inf", "-.INF"})) return PythonJson::of(-infinity);
  if (is_one_of(text, {".nan", ".NaN", ".NAN"})) {
    return PythonJson::of(std::numeric_limits<double>::quiet_NaN());
  }
  // A number without a point is text in YAML 1.1: 1e5 is one, 1.0e+5 is not.
  if (text.find('.') != std::string::npos) {
    if (const auto real = parse_double(text)) return PythonJson::of(*real);
  }
  return PythonJson::of(text);
}

PythonJson value_of(const YAML::Node& node, int depth) {
  if (depth > depth_max) {
    throw Error(Code::invalid_parameter_value, "it is nested too deeply");
  }
  PythonJson value;
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      // "!" is what the library says of a quoted scalar.
      return node.Tag() == "!" ? PythonJson::of(node.Scalar()) : plain(node.Scalar());
    case YAML::NodeType::Sequence:
      value.kind = PythonJson::Kind::list;
      for (const YAML::Node& item : node) value.items.push_back(value_of(item, depth + 1));
      return value;
    case YAML::NodeType::Map:
      value = PythonJson::object();
      for (const auto& member : node) {
        value.set(member.first.Scalar(), value_of(member.second, depth + 1));
      }
      return value;
    default: return value;
  }
}

}  // namespace

PythonJson read_yaml(std::string_view text) {
  try {
    return value_of(YAML::Load(std::string(text)), 0);
  } catch (const YAML::Exception& failure) {
    throw Error(Code::invalid_parameter_value, std::string("it is no YAML: ") + failure.what());
  }
}

}  // namespace sandbox
