// The GraphQL language as text to values: what a client's query says (Document), and the words of a
// schema (schema.h reads those). Source: the GraphQL specification of October 2021. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::graphql {

// "[String!]!" : a list type has one `item`, a named type none.
struct TypeReference {
  std::string name;
  bool is_required = false;
  std::vector<TypeReference> item;

  [[nodiscard]] bool is_list() const { return !item.empty(); }
  // The named type at the bottom.
  [[nodiscard]] const std::string& named() const { return is_list() ? item[0].named() : name; }
  [[nodiscard]] std::string written() const;
};

struct Value {
  enum class Kind { null, boolean, integer, floating, text, enumeration, list, object, variable };
  Kind kind = Kind::null;
  std::string text;                // decoded; of a variable its name, of a boolean true or false
  std::vector<std::string> names;  // of an object's items
  std::vector<Value> items;

  friend bool operator==(const Value&, const Value&) = default;
};

struct Argument {
  std::string name;
  Value value;
  friend bool operator==(const Argument&, const Argument&) = default;
};

struct Directive {
  std::string name;
  std::vector<Argument> arguments;
};

struct Selection {
  enum class Kind { field, spread, inline_fragment };
  Kind kind = Kind::field;
  std::string name;            // of the field or of the fragment to spread
  std::string alias;           // "" : none
  std::string type_condition;  // of an inline fragment; "" : none
  std::vector<Argument> arguments;
  std::vector<Directive> directives;
  std::vector<Selection> selections;

  [[nodiscard]] const std::string& response_name() const { return alias.empty() ? name : alias; }
};

struct VariableDefinition {
  std::string name;
  TypeReference type;
  std::optional<Value> standard;  // what it is when the request does not say
};

struct Operation {
  std::string kind = "query";  // query, mutation or subscription
  std::string name;            // "" : anonymous
  std::vector<VariableDefinition> variables;
  std::vector<Directive> directives;
  std::vector<Selection> selections;
};

struct Fragment {
  std::string name;
  std::string type_condition;
  std::vector<Directive> directives;
  std::vector<Selection> selections;
};

struct Document {
  std::vector<Operation> operations;
  std::vector<Fragment> fragments;

  [[nodiscard]] const Fragment* fragment(std::string_view name) const;
};

// Throws Error(bad_request) "Syntax Error: …" naming the place.
Document parse_document(std::string_view text);

// A member of an object or input type of a schema.
struct SchemaField {
  std::string name;
  TypeReference type;
  std::vector<SchemaField> arguments;
  std::vector<Directive> directives;

  [[nodiscard]] bool has_directive(std::string_view directive) const;
};

struct SchemaType {
  std::string kind;  // type, input, enum or scalar
  std::string name;
  std::vector<SchemaField> fields;  // of an enum its values, without a type

  [[nodiscard]] const SchemaField* field(std::string_view field_name) const;
};

// The subset of the schema language that has object, input, enum and scalar types. Throws like
// parse_document.
std::vector<SchemaType> parse_schema(std::string_view text);

}  // namespace sandbox::graphql
