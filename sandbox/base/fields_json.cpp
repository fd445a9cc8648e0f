#include "sandbox/base/fields_json.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox {
namespace {

using Json = nlohmann::json;

constexpr int depth_max = 100;  // a deeper body would only serve to exhaust the stack

const Json& json_of(const void* value) {
  return *static_cast<const Json*>(value);
}

// A scan of its own, because the library's depth callback doubles the cost of every parse.
void refuse_deep_nesting(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > depth_max) {
        throw Error(Code::bad_request,
                    "The JSON is nested deeper than " + std::to_string(depth_max) + " levels.");
      }
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
}

void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::size_t clean = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7F) continue;
    out.append(text, clean, i - clean);
    clean = i + 1;
    switch (byte) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        out += "\\u00";
        out += digits[byte >> 4];
        out += digits[byte & 0x0F];
    }
  }
  out.append(text, clean);
}

}  // namespace

bool JsonView::is_null() const {
  return json_of(value_).is_null();
}
bool JsonView::is_object() const {
  return json_of(value_).is_object();
}
bool JsonView::is_array() const {
  return json_of(value_).is_array();
}
bool JsonView::is_string() const {
  return json_of(value_).is_string();
}
bool JsonView::is_number() const {
  return json_of(value_).is_number();
}
bool JsonView::is_bool() const {
  return json_of(value_).is_boolean();
}

std::optional<JsonView> JsonView::member(std::string_view name) const {
  const Json& json = json_of(value_);
  if (!json.is_object()) return std::nullopt;
  const auto found = json.find(name);
  if (found == json.end()) return std::nullopt;
  return JsonView(&*found);
}

std::size_t JsonView::size() const {
  return json_of(value_).size();
}
JsonView JsonView::at(std::size_t index) const {
  return JsonView(&json_of(value_)[index]);
}

std::vector<std::string> JsonView::names() const {
  std::vector<std::string> out;
  for (const auto& item : json_of(value_).items()) out.push_back(item.key());
  return out;
}

bool JsonView::read(std::string& out) const {
  const auto* text = json_of(value_).get_ptr<const std::string*>();
  if (text == nullptr) return false;
  out = *text;
  return true;
}

bool JsonView::read(std::int64_t& out) const {
  const Json& json = json_of(value_);
  if (json.is_number_unsigned() &&
      json.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
    return false;
  }
  if (json.is_number_integer()) {
    out = json.get<std::int64_t>();
    return true;
  }
  if (json.is_number_float()) {
    const double number = json.get<double>();
    if (number != std::floor(number) || std::abs(number) >= 9223372036854775808.0) return false;
    out = static_cast<std::int64_t>(number);
    return true;
  }
  if (json.is_boolean()) {
    out = json.get<bool>() ? 1 : 0;
    return true;
  }
  if (const auto* text = json.get_ptr<const std::string*>()) {
    const auto number = parse_int64(*text);
    if (!number) return false;
    out = *number;
    return true;
  }
  return false;
}

bool JsonView::read(double& out) const {
  const Json& json = json_of(value_);
  if (json.is_number()) {
    out = json.get<double>();
    return true;
  }
  if (json.is_boolean()) {
    out = json.get<bool>() ? 1 : 0;
    return true;
  }
  const auto* text = json.get_ptr<const std::string*>();
  if (text == nullptr) return false;
  if (*text == "NaN" || *text == "nan") {
    out = std::numeric_limits<double>::quiet_NaN();
  } else if (*text == "Infinity" || *text == "inf") {
    out = std::numeric_limits<double>::infinity();
  } else if (*text == "-Infinity" || *text == "-inf") {
    out = -std::numeric_limits<double>::infinity();
  } else {
    const auto number = parse_double(*text);
    if (!number || !std::isfinite(*number)) return false;
    out = *number;
  }
  return true;
}

bool JsonView::read(bool& out) const {
  const Json& json = json_of(value_);
  if (!json.is_boolean()) return false;
  out = json.get<bool>();
  return true;
}

std::string JsonView::dump() const {
  return json_of(value_).dump(-1, ' ', false, Json::error_handler_t::replace);
}

struct JsonDocument::Tree {
  Json json;
};

JsonDocument::JsonDocument(std::string_view text) : tree_(std::make_unique<Tree>()) {
  try {
    refuse_deep_nesting(text);
    tree_->json = Json::parse(text);
  } catch (const Json::exception& failure) {
    std::string reason = failure.what();
    if (const std::size_t end = reason.find("] "); end != std::string::npos) {
      reason.erase(0, end + 2);
    }
    throw Error(Code::bad_request, "The text is not valid JSON: " + reason);
  }
}

JsonDocument::~JsonDocument() = default;
JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument& JsonDocument::operator=(JsonDocument&&) noexcept = default;
JsonView JsonDocument::root() const {
  return JsonView(&tree_->json);
}

namespace {

// The library's own visitor, told further. Its `bool` answers whether to go on.
class EventTeller final : public nlohmann::json_sax<Json> {
 public:
  explicit EventTeller(JsonEvents& events) : events_(events) {}
  bool null() override {
    events_.null();
    return true;
  }
  bool boolean(bool value) override {
    events_.flag(value);
    return true;
  }
  bool number_integer(number_integer_t value) override {
    events_.integer(value);
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) {
      events_.real(static_cast<double>(value));
    } else {
      events_.integer(static_cast<std::int64_t>(value));
    }
    return true;
  }
  bool number_float(number_float_t value, const string_t& /*written*/) override {
    events_.real(value);
    return true;
  }
  bool string(string_t& value) override {
    events_.text(value);
    return true;
  }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*elements*/) override {
    if (++depth_ > depth_max) return false;
    events_.begin_object();
    return true;
  }
  bool key(string_t& value) override {
    events_.name(value);
    return true;
  }
  bool end_object() override {
    --depth_;
    events_.end_object();
    return true;
  }
  bool start_array(std::size_t /*elements*/) override {
    if (++depth_ > depth_max) return false;
    events_.begin_array();
    return true;
  }
  bool end_array() override {
    --depth_;
    events_.end_array();
    return true;
  }
  bool parse_error(std::size_t /*position*/,
                   const std::string& /*last_token*/,
                   const Json::exception& /*failure*/) override {
    return false;
  }

 private:
  JsonEvents& events_;
  int depth_ = 0;
};

}  // namespace

bool walk_json(std::string_view text, JsonEvents& events) {
  EventTeller teller(events);
  return Json::sax_parse(text.begin(), text.end(), &teller);
}

void JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  first_ = true;
}

void JsonWriter::close(char bracket) {
  out_ += bracket;
  first_ = false;
}

void JsonWriter::separate() {
  if (!first_) out_ += ',';
  first_ = false;
}

void JsonWriter::name(std::string_view text) {
  separate();
  out_ += '"';
  append_escaped(out_, text);
  out_ += "\":";
  first_ = true;
}

void JsonWriter::value(std::string_view text) {
  separate();
  out_ += '"';
  append_escaped(out_, text);
  out_ += '"';
}

void JsonWriter::value(std::int64_t number) {
  separate();
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out_.append(digits.data(), end);
}

void JsonWriter::value(std::uint64_t number) {
  separate();
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out_.append(digits.data(), end);
}

void JsonWriter::value(double number) {
  if (std::isnan(number)) {
    value(std::string_view("NaN"));
    return;
  }
  separate();
  if (std::isinf(number)) {
    number = std::copysign(std::numeric_limits<double>::max(), number);
  }
  std::array<char, 40> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
  out_ += text;
  // Python's json reads 1 as int and 1.0 as float; clients compare types.
  if (text.find_first_of(".eE") == std::string_view::npos) out_ += ".0";
}

void JsonWriter::value(bool flag) {
  raw(flag ? "true" : "false");
}
void JsonWriter::null() {
  raw("null");
}

void JsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
}

JsonDocument parse_body(std::string_view body) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (body.starts_with(byte_order_mark)) body.remove_prefix(byte_order_mark.size());
  try {
    JsonDocument document(body);
    if (std::string inner; document.root().read(inner)) document = JsonDocument(inner);
    if (document.root().is_null()) return JsonDocument("{}");
    if (!document.root().is_object()) {
      throw Error(Code::invalid_parameter_value, "The request body must be a JSON object.");
    }
    return document;
  } catch (const Error& failure) {
    if (failure.code() != Code::bad_request) throw;
    return JsonDocument("{}");
  }
}

namespace fields_detail {
namespace {

constexpr const char* hint = " See the API docs for more information about request parameters.";

std::string_view python_type(const JsonView& value) {
  if (value.is_string()) return "str";
  if (value.is_bool()) return "bool";
  if (value.is_array()) return "list";
  if (value.is_object()) return "dict";
  if (value.is_null()) return "NoneType";
  return value.dump().find_first_of(".eE") == std::string::npos ? "int" : "float";
}

}  // namespace

void missing(std::string_view name) {
  throw Error(Code::invalid_parameter_value,
              "Missing value for required parameter '" + std::string(name) + "'." + hint);
}

void invalid(std::string_view name, const JsonView& value) {
  constexpr std::size_t shown_characters = 200;
  const std::string json = value.dump();
  std::string shown(utf8_prefix(json, shown_characters));
  if (shown.size() < json.size()) shown += "…";
  throw Error(Code::invalid_parameter_value, "Invalid value " + shown + " for parameter '" +
                                                 std::string(name) +
                                                 "' supplied:  Hint: Value was of type '" +
                                                 std::string(python_type(value)) + "'." + hint);
}

void invalid_text(std::string_view name, const std::string& text) {
  std::string quoted;
  JsonWriter(quoted).value(text);
  invalid(name, JsonDocument(quoted).root());
}

std::string camel_case(std::string_view snake) {
  std::string out;
  bool raise = false;
  for (const char c : snake) {
    if (c == '_') {
      raise = true;
    } else {
      out += raise && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      raise = false;
    }
  }
  return out;
}

std::optional<JsonView> find(const JsonView& object,
                             std::string_view name,
                             std::string_view alias,
                             bool is_required) {
  std::optional<JsonView> found = object.member(name);
  if (name.find('_') != std::string_view::npos) {
    const std::string camel = camel_case(name);
    if (const auto other = object.member(camel)) {
      if (found) {
        throw Error(Code::invalid_parameter_value, "Request specifies both '" + std::string(name) +
                                                       "' and '" + camel +
                                                       "'; provide only one of them.");
      }
      if (!is_required) found = other;
    }
  }
  if (!found && !alias.empty()) found = object.member(alias);
  return found;
}

std::string_view read_enum(std::string_view name,
                           const JsonView& json,
                           std::span<const EnumWord> words,
                           bool takes_any_number) {
  std::string text;
  const bool is_text = json.read(text);
  std::int64_t number = 0;
  const bool is_number = (is_text || json.is_number()) && json.read(number);
  for (const EnumWord& word : words) {
    if (is_text ? word.name == text || (is_number && word.number == number)
                : is_number && word.number == number) {
      return word.name;
    }
  }
  if (is_number ? takes_any_number : is_text) return "";
  invalid(name, json);
}

bool is_blank_text(const JsonView& value) {
  std::string text;
  return value.is_null() || (value.read(text) && text.empty());
}

}  // namespace fields_detail
}  // namespace sandbox
