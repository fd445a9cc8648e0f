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

// Quotes when in doubt: a plain text begins with a letter, '/', '_' or '.', has no character that
// means something in YAML, and is no word or number of any of its versions.
bool can_be_plain(std::string_view text) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  constexpr std::string_view others = "0123456789_./@+-";
  if (text.empty() || text.size() > 200) return false;
  if (letters.find(text[0]) == text.npos && text[0] != '/' && text[0] != '_') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool is_inner_colon = c == ':' && i + 1 < text.size() && text[i + 1] != ' ';
    const bool is_inner_blank = c == ' ' && i + 1 < text.size() && text[i + 1] != '#';
    if (letters.find(c) == text.npos && others.find(c) == text.npos && !is_inner_colon &&
        !is_inner_blank) {
      return false;
    }
  }
  return !is_one_of(lower(text), {"true", "false", "yes", "no", "on", "off", "y", "n", "t", "f",
                                  "null", "nan", "inf", "infinity", "none"});
}

// A literal block keeps neither blanks at the ends of lines for the eye nor control characters.
bool can_be_block(std::string_view text) {
  if (text.find('\n') == text.npos || text.back() != '\n' || text.front() == ' ' ||
      text.front() == '\n' || text.ends_with("\n\n")) {
    return false;
  }
  if (text.find(" \n") != text.npos) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  });
}

void write_text(YAML::Emitter& out, const std::string& given) {
  const std::string text = is_valid_utf8(given) ? given : with_valid_utf8(given);
  if (can_be_plain(text)) {
    out << YAML::Auto << text;
  } else if (can_be_block(text)) {
    out << YAML::Literal << text;
  } else {
    out << YAML::DoubleQuoted << text;
  }
}

void write_value(YAML::Emitter& out, const PythonJson& value) {
  switch (value.kind) {
    case PythonJson::Kind::null: out << YAML::Null; break;
    case PythonJson::Kind::boolean: out << value.flag; break;
    case PythonJson::Kind::integer: out << YAML::Auto << value.text; break;
    case PythonJson::Kind::real: out << YAML::Auto << python_float(value.number); break;
    case PythonJson::Kind::text: write_text(out, value.text); break;
    case PythonJson::Kind::list:
      if (value.items.empty()) out << YAML::Flow;
      out << YAML::BeginSeq;
      for (const PythonJson& item : value.items) write_value(out, item);
      out << YAML::EndSeq;
      break;
    case PythonJson::Kind::object:
      if (value.members.empty()) out << YAML::Flow;
      out << YAML::BeginMap;
      for (const PythonJson::Member& member : value.members) {
        out << YAML::Key;
        write_text(out, member.name);
        out << YAML::Value;
        write_value(out, member.value);
      }
      out << YAML::EndMap;
      break;
  }
}

}  // namespace

std::string write_yaml(const PythonJson& tree) {
  YAML::Emitter out;
  write_value(out, tree);
  std::string text = out.c_str();
  if (!text.ends_with('\n')) text += '\n';  // a literal block has ended its last line
  return text;
}

PythonJson read_yaml(std::string_view text) {
  try {
    return value_of(YAML::Load(std::string(text)), 0);
  } catch (const YAML::Exception& failure) {
    throw Error(Code::invalid_parameter_value, std::string("it is no YAML: ") + failure.what());
  }
}

}  // namespace sandbox
