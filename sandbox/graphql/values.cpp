#include "sandbox/graphql/values.h"

#include <algorithm>
#include <limits>

#include "sandbox/base/text.h"

namespace sandbox::graphql {
namespace {

using Kind = Value::Kind;

// As sentences show it: with Python's marks when it came beside the query, which is how the
// reference shows those.
std::string shown(const Value& value, bool is_variable) {
  std::vector<std::string> parts;
  switch (value.kind) {
    case Kind::null: return is_variable ? "None" : "null";
    case Kind::boolean: return !is_variable ? value.text : value.text == "true" ? "True" : "False";
    case Kind::text: {
      if (is_variable) return "'" + value.text + "'";
      std::string quoted;
      JsonWriter(quoted).value(value.text);
      return quoted;
    }
    case Kind::list:
      for (const Value& item : value.items) parts.push_back(shown(item, is_variable));
      return "[" + join(parts, ", ") + "]";
    case Kind::object:
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        const std::string name = is_variable ? "'" + value.names[i] + "'" : value.names[i];
        parts.push_back(name + ": " + shown(value.items[i], is_variable));
      }
      return "{" + join(parts, ", ") + "}";
    case Kind::variable: return "$" + value.text;
    case Kind::integer:
    case Kind::floating:
    case Kind::enumeration: break;
  }
  return value.text;
}

// What is nested deeper than any input type counts as null.
Value value_of(const JsonView& json, int levels_left = 20) {
  Value value;
  if (levels_left == 0) return value;
  if (json.is_object()) {
    value.kind = Kind::object;
    for (const std::string& name : json.names()) {
      value.names.push_back(name);
      value.items.push_back(value_of(*json.member(name), levels_left - 1));
    }
  } else if (json.is_array()) {
    value.kind = Kind::list;
    for (std::size_t i = 0; i < json.size(); ++i) {
      value.items.push_back(value_of(json.at(i), levels_left - 1));
    }
  } else if (json.is_string()) {
    value.kind = Kind::text;
    json.read(value.text);
  } else if (json.is_bool()) {
    value.kind = Kind::boolean;
    value.text = json.dump();
  } else if (json.is_number()) {
    value.text = json.dump();
    const bool is_whole = value.text.find_first_of(".eE") == std::string::npos;
    value.kind = is_whole ? Kind::integer : Kind::floating;
  }
  return value;
}

class Coercion {
 public:
  // `variable` names the one whose value this is; "" for a value of the query itself.
  Coercion(const Schema& schema,
           const Variables* variables,
           std::string_view variable,
           std::vector<std::string>& errors)
      : schema_(schema), variables_(variables), variable_(variable), errors_(errors) {}

  std::string json(const Value& value, const TypeReference& type, const std::string& path) {
    if (value.kind == Kind::variable) return of_variable(value.text);
    if (value.kind == Kind::null) {
      if (type.is_required) {
        refuse(value, path, expected(type.written(), "null"));
      }
      return "null";
    }
    if (type.is_list()) return list(value, type.item[0], path);
    const SchemaType* named = schema_.type(type.name);
    if (named == nullptr) return "null";  // the declaration was refused
    if (named->kind == "input") return object(value, *named, path);
    if (named->kind == "enum") return enumeration(value, *named, path);
    return scalar(value, type.name, path);
  }

 private:
  [[nodiscard]] bool is_variable() const { return !variable_.empty(); }

  static std::string expected(const std::string& type, const std::string& found) {
    return "Expected value of type '" + type + "', found " + found + ".";
  }

  void refuse(const Value& value, const std::string& path, const std::string& sentence) {
    if (!is_variable()) {
      errors_.push_back(sentence);
      return;
    }
    std::string where = "Variable '$" + std::string(variable_) + "' got invalid value " +
                        shown(value, true).substr(0, 500);
    if (path != variable_) where += " at '" + path + "'";
    errors_.push_back(where + "; " + sentence);
  }

  std::string of_variable(const std::string& name) {
    if (variables_ == nullptr) return "";
    const auto found = variables_->find(name);
    return found == variables_->end() ? "" : found->second;
  }

  std::string list(const Value& value, const TypeReference& item, const std::string& path) {
    std::string out;
    JsonWriter writer(out);
    writer.begin_array();
    const auto add = [&](const Value& one, const std::string& where) {
      const std::string json = this->json(one, item, where);
      writer.raw(json.empty() ? "null" : json);
    };
    if (value.kind == Kind::list) {
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        add(value.items[i], path + "[" + std::to_string(i) + "]");
      }
    } else {
      add(value, path);  // one item stands for a list of one
    }
    writer.end_array();
    return out;
  }

  std::string object(const Value& value, const SchemaType& type, const std::string& path) {
    if (value.kind != Kind::object) {
      refuse(value, path,
             is_variable() ? "Expected type '" + type.name + "' to be a mapping."
                           : expected(type.name, shown(value, false)));
      return "null";
    }
    std::string out;
    JsonWriter writer(out);
    writer.begin_object();
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const std::string& name = value.names[i];
      const SchemaField* field = type.field(name);
      if (field == nullptr) {
        refuse(value, path,
               "Field '" + name + "' is not defined by type '" + type.name + "'." +
                   did_you_mean(name, type.fields));
        continue;
      }
      const std::string json = this->json(value.items[i], field->type, path + "." + name);
      if (json.empty() || json == "null") continue;
      writer.name(name);
      writer.raw(json);
    }
    for (const SchemaField& field : type.fields) {
      const bool is_given =
          std::find(value.names.begin(), value.names.end(), field.name) != value.names.end();
      if (field.type.is_required && !is_given) {
        refuse(value, path,
               "Field '" + type.name + "." + field.name + "' of required type '" +
                   field.type.written() + "' was not provided.");
      }
    }
    writer.end_object();
    return out;
  }

  std::string enumeration(const Value& value, const SchemaType& type, const std::string& path) {
    const bool is_name =
        value.kind == Kind::enumeration || (is_variable() && value.kind == Kind::text);
    if (!is_name) {
      refuse(value, path,
             "Enum '" + type.name +
                 "' cannot represent non-enum value: " + shown(value, is_variable()) + ".");
    } else if (type.field(value.text) == nullptr) {
      refuse(value, path,
             "Value '" + value.text + "' does not exist in '" + type.name + "' enum." +
                 did_you_mean(value.text, type.fields));
    }
    return text_json(value.text);
  }

  std::string scalar(const Value& value, const std::string& type, const std::string& path) {
    const std::string found = shown(value, is_variable());
    if (type == "String") {
      if (value.kind != Kind::text) {
        refuse(value, path, "String cannot represent a non string value: " + found);
      }
      return text_json(value.text);
    }
    if (type == "Boolean") {
      if (value.kind == Kind::boolean) return value.text;
      refuse(value, path, "Boolean cannot represent a non boolean value: " + found);
      return "null";
    }
    if (type == "LongString") {
      const auto number = parse_int64(value.text);
      if (number && (value.kind == Kind::integer || is_variable())) return std::to_string(*number);
      if (is_variable()) refuse(value, path, "LongString cannot represent value: " + found);
      return "null";
    }
    const auto number = parse_int64(value.text);
    if (value.kind != Kind::integer) {
      refuse(value, path, "Int cannot represent non-integer value: " + found);
    } else if (!number || *number > std::numeric_limits<std::int32_t>::max() ||
               *number < std::numeric_limits<std::int32_t>::min()) {
      refuse(value, path, "Int cannot represent non 32-bit signed integer value: " + found);
    }
    return number ? std::to_string(*number) : "null";
  }

  static std::string text_json(const std::string& text) {
    std::string out;
    JsonWriter(out).value(text);
    return out;
  }

  const Schema& schema_;
  const Variables* variables_;
  std::string_view variable_;
  std::vector<std::string>& errors_;
};

}  // namespace

std::string json_of(const Schema& schema,
                    const Value& value,
                    const TypeReference& type,
                    const Variables* variables,
                    std::vector<std::string>& errors) {
  return Coercion(schema, variables, "", errors).json(value, type, "");
}

Variables read_variables(const Schema& schema,
                         const Operation& operation,
                         const std::optional<JsonView>& given,
                         std::vector<std::string>& errors) {
  Variables variables;
  for (const VariableDefinition& variable : operation.variables) {
    const auto json = given ? given->member(variable.name) : std::nullopt;
    if (json) {
      variables[variable.name] = Coercion(schema, nullptr, variable.name, errors)
                                     .json(value_of(*json), variable.type, variable.name);
    } else if (variable.standard) {
      variables[variable.name] =
          json_of(schema, *variable.standard, variable.type, nullptr, errors);
    } else if (variable.type.is_required) {
      errors.push_back("Variable '$" + variable.name + "' of required type '" +
                       variable.type.written() + "' was not provided.");
    }
  }
  return variables;
}

std::string arguments_json(const Schema& schema,
                           const std::vector<Argument>& arguments,
                           const std::vector<SchemaField>& declared,
                           const Variables& variables) {
  std::string out;
  JsonWriter writer(out);
  std::vector<std::string> errors;  // the document was checked before
  writer.begin_object();
  for (const Argument& argument : arguments) {
    const auto field = std::find_if(declared.begin(), declared.end(), [&](const SchemaField& one) {
      return one.name == argument.name;
    });
    if (field == declared.end()) continue;
    const std::string json = json_of(schema, argument.value, field->type, &variables, errors);
    if (json.empty()) continue;
    writer.name(argument.name);
    writer.raw(json);
  }
  writer.end_object();
  return out;
}

}  // namespace sandbox::graphql
