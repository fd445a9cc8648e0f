// Reads and writes Messages (fields.h) as JSON and query strings, with MLflow's rules: int64 as a
// number or decimal text, snake_case and camelCase names, unknown fields ignored, NaN and
// infinities as text. The JSON library itself stays behind this door.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "sandbox/base/fields.h"

namespace sandbox {

// A value inside a JsonDocument, valid as long as the document. Cheap to copy.
class JsonView {
 public:
  explicit JsonView(const void* value) : value_(value) {}
  [[nodiscard]] bool is_null() const;
  [[nodiscard]] bool is_object() const;
  [[nodiscard]] bool is_array() const;
  [[nodiscard]] bool is_string() const;
  [[nodiscard]] bool is_number() const;
  [[nodiscard]] bool is_bool() const;
  // A member of an object; nullopt when absent or when this is no object.
  [[nodiscard]] std::optional<JsonView> member(std::string_view name) const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] JsonView at(std::size_t index) const;  // of an array
  // Names of an object's members.
  [[nodiscard]] std::vector<std::string> names() const;
  // Each answers false (and leaves `out`) when the value has another type. Integers accept integral
  // numbers, decimal text and true/false as 1/0; doubles also "NaN", "Infinity", "-Infinity",
  // "nan", "inf".
  bool read(std::string& out) const;
  bool read(std::int64_t& out) const;
  bool read(double& out) const;
  bool read(bool& out) const;
  [[nodiscard]] std::string dump() const;  // the value as compact JSON

 private:
  const void* value_;
};

class JsonDocument {
 public:
  // Throws Error(bad_request) naming the place when the text is not JSON. NaN and Infinity tokens,
  // which Python writes, are refused as the reference refuses them.
  explicit JsonDocument(std::string_view text);
  ~JsonDocument();
  JsonDocument(JsonDocument&&) noexcept;
  JsonDocument& operator=(JsonDocument&&) noexcept;
  [[nodiscard]] JsonView root() const;

 private:
  struct Tree;
  std::unique_ptr<Tree> tree_;
};

// Appends JSON to a string: begin/end, name(), value(). Commas are its own business.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}
  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  void name(std::string_view text);
  void value(std::string_view text);
  void value(const char* text) { value(std::string_view(text)); }
  void value(const std::string& text) { value(std::string_view(text)); }
  void value(std::int64_t number);
  void value(int number) { value(static_cast<std::int64_t>(number)); }
  void value(std::uint64_t number);
  void value(double number);  // "NaN" as text; infinities as ±1.7976931348623157e+308
  void value(bool flag);
  void null();
  void raw(std::string_view json);  // a finished JSON value

 private:
  void open(char bracket);
  void close(char bracket);
  void separate();
  std::string& out_;
  bool first_ = true;
};

// JSON kept as text inside a message (free-form objects).
struct JsonText {
  std::string json;
};

// An object whose values are all text (protobuf's map<string, string>).
using TextMap = std::map<std::string, std::string>;

// What a JSON text consists of, in the order of the text. A number with a fraction or an exponent,
// and an integer beyond 64 bits, is real.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  virtual void null() = 0;
  virtual void flag(bool value) = 0;
  virtual void integer(std::int64_t value) = 0;
  virtual void real(double value) = 0;
  virtual void text(std::string& value) = 0;
  virtual void begin_object() = 0;
  virtual void name(std::string& text) = 0;
  virtual void end_object() = 0;
  virtual void begin_array() = 0;
  virtual void end_array() = 0;
};
// Walks over the text without building a tree, and without recursion. False, after some events
// perhaps, when it is not JSON or nested too deeply.
bool walk_json(std::string_view text, JsonEvents& events);

namespace fields_detail {

[[noreturn]] void missing(std::string_view name);
// Names the value and its Python type, as the reference does.
[[noreturn]] void invalid(std::string_view name, const JsonView& value);
[[noreturn]] void invalid_text(std::string_view name, const std::string& text);
std::string camel_case(std::string_view snake);
// The member of that name, else of the alias, else (unless it is required) in camelCase, as the
// reference does. Throws Error(invalid_parameter_value) when both spellings are given.
std::optional<JsonView> find(const JsonView& object,
                             std::string_view name,
                             std::string_view alias,
                             bool is_required);
// "" where something is required counts as absent.
bool is_blank_text(const JsonView& value);

template <class Type>
struct IsOptional : std::false_type {};
template <class Type>
struct IsOptional<std::optional<Type>> : std::true_type {};
template <class Type>
struct IsEnum : std::false_type {};
template <class Words>
struct IsEnum<Enum<Words>> : std::true_type {
  static constexpr std::span<const EnumWord> words{Words::words};
  static constexpr bool takes_any_number = std::is_base_of_v<AnyNumber, Words>;
};
// The word for a word, its number, or its number as text; "" for other texts, and where
// `takes_any_number` for other numbers. Throws Error(invalid_parameter_value) for other values.
std::string_view read_enum(std::string_view name,
                           const JsonView& json,
                           std::span<const EnumWord> words,
                           bool takes_any_number);
template <class Type>
struct IsVector : std::false_type {};
template <class Type>
struct IsVector<std::vector<Type>> : std::true_type {};

}  // namespace fields_detail

// Fills a message from an object; throws Error(invalid_parameter_value) naming the field.
template <Message Type>
void read_message(const JsonView& json, Type& out);

template <class Type>
void read_value(std::string_view name, const JsonView& json, Type& out) {
  if constexpr (std::is_same_v<Type, JsonText>) {
    out.json = json.dump();
  } else if constexpr (fields_detail::IsEnum<Type>::value) {
    using Kind = fields_detail::IsEnum<Type>;
    out.name = fields_detail::read_enum(name, json, Kind::words, Kind::takes_any_number);
  } else if constexpr (fields_detail::IsOptional<Type>::value) {
    typename Type::value_type inner{};
    read_value(name, json, inner);
    out = std::move(inner);
  } else if constexpr (fields_detail::IsVector<Type>::value) {
    if (!json.is_array()) fields_detail::invalid(name, json);
    out.clear();
    out.reserve(json.size());
    for (std::size_t i = 0; i < json.size(); ++i) {
      typename Type::value_type item{};
      // A wrong element is reported as a wrong list, the way the reference checks lists.
      if constexpr (Message<typename Type::value_type>) {
        if (!json.at(i).is_object()) fields_detail::invalid(name, json);
        read_message(json.at(i), item);
      } else {
        if (!json.at(i).read(item)) fields_detail::invalid(name, json);
      }
      out.push_back(std::move(item));
    }
  } else if constexpr (Message<Type>) {
    if (!json.is_object()) fields_detail::invalid(name, json);
    read_message(json, out);
  } else if constexpr (std::is_same_v<Type, TextMap>) {
    if (!json.is_object()) fields_detail::invalid(name, json);
    out.clear();
    for (const std::string& key : json.names()) {
      if (!json.member(key)->read(out[key])) fields_detail::invalid(name, json);
    }
  } else {
    if (!json.read(out)) fields_detail::invalid(name, json);
  }
}

template <Message Type>
void read_message(const JsonView& json, Type& out) {
  std::apply(
      [&](const auto&... fields) {
        [[maybe_unused]] auto read_one = [&](const auto& one) {
          if (one.is_in_path) return;
          const auto found = fields_detail::find(json, one.name, one.alias, one.is_required);
          if (one.is_required && (!found || fields_detail::is_blank_text(*found))) {
            fields_detail::missing(one.name);
          }
          if (!found || found->is_null()) return;
          read_value(one.name, *found, out.*(one.member));
        };
        (read_one(fields), ...);
      },
      Type::fields());
}

template <Message Type>
void write_message(JsonWriter& writer, const Type& message);

template <class Type>
void write_value(JsonWriter& writer, const Type& value) {
  if constexpr (std::is_same_v<Type, JsonText>) {
    writer.raw(value.json);
  } else if constexpr (fields_detail::IsEnum<Type>::value) {
    writer.value(value.name);
  } else if constexpr (fields_detail::IsOptional<Type>::value) {
    write_value(writer, *value);
  } else if constexpr (fields_detail::IsVector<Type>::value) {
    writer.begin_array();
    for (const auto& item : value) write_value(writer, item);
    writer.end_array();
  } else if constexpr (Message<Type>) {
    write_message(writer, value);
  } else if constexpr (std::is_same_v<Type, TextMap>) {
    writer.begin_object();
    for (const auto& [key, text] : value) {
      writer.name(key);
      writer.value(text);
    }
    writer.end_object();
  } else {
    writer.value(value);
  }
}

// proto2 presence: empty optionals, lists and maps are absent, everything else is written.
template <Message Type>
void write_message(JsonWriter& writer, const Type& message) {
  writer.begin_object();
  std::apply(
      [&](const auto&... fields) {
        [[maybe_unused]] auto write_one = [&](const auto& one) {
          const auto& member = message.*(one.member);
          using Member = std::remove_cvref_t<decltype(member)>;
          if constexpr (fields_detail::IsOptional<Member>::value) {
            if (!member) return;
          }
          if constexpr (fields_detail::IsVector<Member>::value || std::is_same_v<Member, TextMap>) {
            if (member.empty()) return;
          }
          writer.name(one.name);
          write_value(writer, member);
        };
        (write_one(fields), ...);
      },
      Type::fields());
  writer.end_object();
}

template <Message Type>
std::string to_json(const Type& message) {
  std::string out;
  JsonWriter writer(out);
  write_message(writer, message);
  return out;
}

// An absent or malformed body is {}, so that the error is about the first missing parameter, as the
// reference's; a JSON string holding JSON is decoded a second time (very old clients). Throws
// Error(invalid_parameter_value) for JSON that is no object.
JsonDocument parse_body(std::string_view body);

template <Message Type>
Type from_json(std::string_view body) {
  const JsonDocument document = parse_body(body);
  Type message{};
  read_message(document.root(), message);
  return message;
}

// Query parameters as the JSON object they stand for, so that GET and POST share one reader:
// repeated names become lists where the field is one, numbers and bools are read from text.
template <Message Type>
Type from_query(const std::vector<std::pair<std::string, std::string>>& pairs);

// Fills the fields that are declared as in_path from what the path pattern matched.
template <Message Type>
void read_path(const std::vector<std::pair<std::string, std::string>>& parameters, Type& out);

// The published shape of a message: {"name": {"type": …, "required": …, "in": "path", "about": …},
// …}. A list has its "items", an object of known shape its "fields", an enum its "values".
template <Message Type>
void write_schema(JsonWriter& writer);

namespace fields_detail {

template <class Type>
void read_text(std::string_view name, const std::string& text, Type& out) {
  if constexpr (IsOptional<Type>::value) {
    typename Type::value_type inner{};
    read_text(name, text, inner);
    out = std::move(inner);
  } else if constexpr (IsVector<Type>::value) {
    typename Type::value_type inner{};
    read_text(name, text, inner);
    out.push_back(std::move(inner));
  } else if constexpr (std::is_same_v<Type, std::string>) {
    out = text;
  } else if constexpr (std::is_same_v<Type, bool>) {
    if (text != "true" && text != "false" && text != "True" && text != "False")
      invalid_text(name, text);
    out = text == "true" || text == "True";
  } else if constexpr (Message<Type> || std::is_same_v<Type, JsonText> ||
                       std::is_same_v<Type, TextMap>) {
    const JsonDocument document(text);
    read_value(name, document.root(), out);
  } else {
    std::string quoted;
    JsonWriter(quoted).value(text);
    const JsonDocument document(quoted);
    read_value(name, document.root(), out);
  }
}

template <class Type>
constexpr std::string_view type_name() {
  if constexpr (IsOptional<Type>::value) {
    return type_name<typename Type::value_type>();
  } else if constexpr (IsVector<Type>::value) {
    return "list";
  } else if constexpr (std::is_same_v<Type, std::string>) {
    return "string";
  } else if constexpr (std::is_same_v<Type, bool>) {
    return "bool";
  } else if constexpr (std::is_same_v<Type, double>) {
    return "double";
  } else if constexpr (std::is_same_v<Type, std::int64_t>) {
    return "int64";
  } else if constexpr (IsEnum<Type>::value) {
    return "enum";
  } else {
    return "object";
  }
}

}  // namespace fields_detail

template <Message Type>
Type from_query(const std::vector<std::pair<std::string, std::string>>& pairs) {
  Type message{};
  std::apply(
      [&](const auto&... fields) {
        [[maybe_unused]] auto read_one = [&](const auto& one) {
          using Member = std::remove_cvref_t<decltype(message.*(one.member))>;
          if (one.is_in_path) return;
          bool found = false;
          for (const auto& [name, text] : pairs) {
            if (name != one.name && (one.alias.empty() || name != one.alias)) continue;
            // Only lists take more than the first of repeated names.
            if (found && !fields_detail::IsVector<Member>::value) break;
            if (one.is_required && text.empty()) fields_detail::missing(one.name);
            fields_detail::read_text(one.name, text, message.*(one.member));
            found = true;
          }
          if (one.is_required && !found) fields_detail::missing(one.name);
        };
        (read_one(fields), ...);
      },
      Type::fields());
  return message;
}

template <Message Type>
void read_path(const std::vector<std::pair<std::string, std::string>>& parameters, Type& out) {
  std::apply(
      [&](const auto&... fields) {
        [[maybe_unused]] auto read_one = [&](const auto& one) {
          if (!one.is_in_path) return;
          for (const auto& [name, text] : parameters) {
            if (name == one.name) fields_detail::read_text(one.name, text, out.*(one.member));
          }
        };
        (read_one(fields), ...);
      },
      Type::fields());
}

namespace fields_detail {

template <class Type>
void write_type(JsonWriter& writer) {
  if constexpr (IsOptional<Type>::value) {
    write_type<typename Type::value_type>(writer);
  } else {
    writer.name("type");
    writer.value(type_name<Type>());
    if constexpr (IsVector<Type>::value) {
      writer.name("items");
      writer.begin_object();
      write_type<typename Type::value_type>(writer);
      writer.end_object();
    } else if constexpr (IsEnum<Type>::value) {
      writer.name("values");
      writer.begin_object();
      for (const EnumWord& word : IsEnum<Type>::words) {
        writer.name(word.name);
        writer.value(word.number);
      }
      writer.end_object();
    } else if constexpr (Message<Type>) {
      writer.name("fields");
      write_schema<Type>(writer);
    }
  }
}

}  // namespace fields_detail

template <Message Type>
void write_schema(JsonWriter& writer) {
  writer.begin_object();
  std::apply(
      [&](const auto&... fields) {
        [[maybe_unused]] auto write_one = [&](const auto& one) {
          using Member = std::remove_cvref_t<decltype(std::declval<Type>().*(one.member))>;
          writer.name(one.name);
          writer.begin_object();
          fields_detail::write_type<Member>(writer);
          if (one.is_required) {
            writer.name("required");
            writer.value(true);
          }
          if (!one.alias.empty()) {
            writer.name("alias");
            writer.value(one.alias);
          }
          if (one.is_in_path) {
            writer.name("in");
            writer.value("path");
          }
          if (!one.about.empty()) {
            writer.name("about");
            writer.value(one.about);
          }
          writer.end_object();
        };
        (write_one(fields), ...);
      },
      Type::fields());
  writer.end_object();
}

}  // namespace sandbox
