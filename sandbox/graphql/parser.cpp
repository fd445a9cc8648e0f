#include <algorithm>

#include "sandbox/base/error.h"
#include "sandbox/graphql/document.h"
#include "sandbox/graphql/lexer.h"

namespace sandbox::graphql {
namespace {

constexpr int nesting_max = 200;  // of braces and brackets: the parser calls itself for each

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text), token_(lexer_.next()) {}

  Document document() {
    Document document;
    do {
      if (is_punctuator("{") || is_name("query") || is_name("mutation") ||
          is_name("subscription")) {
        document.operations.push_back(operation());
      } else if (is_name("fragment")) {
        document.fragments.push_back(fragment());
      } else {
        unexpected();
      }
    } while (token_.kind != Token::Kind::end);
    return document;
  }

  std::vector<SchemaType> schema() {
    std::vector<SchemaType> types;
    while (token_.kind != Token::Kind::end) {
      SchemaType type{name(), name(), {}};
      if (type.kind == "enum") {
        expect("{");
        while (!take("}")) type.fields.push_back({name(), {}, {}, directives()});
      } else if (type.kind != "scalar") {
        type.fields = schema_fields("{", "}");
      }
      types.push_back(std::move(type));
    }
    return types;
  }

 private:
  // Counts how deep the caller is nested.
  class Level {
   public:
    explicit Level(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > nesting_max) {
        parser_.lexer_.refuse("Nested too deep", parser_.token_.at);
      }
    }
    ~Level() { --parser_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Parser& parser_;
  };

  Operation operation() {
    Operation operation;
    if (token_.kind == Token::Kind::name) {
      operation.kind = name();
      if (token_.kind == Token::Kind::name) operation.name = name();
      if (take("(")) {
        do {
          operation.variables.push_back(variable());
        } while (!take(")"));
      }
      operation.directives = directives();
    }
    operation.selections = selections();
    return operation;
  }

  VariableDefinition variable() {
    expect("$");
    VariableDefinition variable;
    variable.name = name();
    expect(":");
    variable.type = type();
    if (take("=")) variable.standard = value(true);
    directives();
    return variable;
  }

  Fragment fragment() {
    name();
    Fragment fragment;
    if (is_name("on")) unexpected();
    fragment.name = name();
    fragment.type_condition = type_condition();
    fragment.directives = directives();
    fragment.selections = selections();
    return fragment;
  }

  std::string type_condition() {
    if (!is_name("on")) lexer_.refuse("Expected 'on', found " + shown(), token_.at);
    advance();
    return name();
  }

  std::vector<Selection> selections() {
    const Level level(*this);
    std::vector<Selection> selections;
    expect("{");
    do {
      selections.push_back(take("...") ? spread() : field());
    } while (!take("}"));
    return selections;
  }

  Selection spread() {
    Selection spread;
    if (token_.kind == Token::Kind::name && token_.text != "on") {
      spread.kind = Selection::Kind::spread;
      spread.name = name();
      spread.directives = directives();
      return spread;
    }
    spread.kind = Selection::Kind::inline_fragment;
    if (is_name("on")) spread.type_condition = type_condition();
    spread.directives = directives();
    spread.selections = selections();
    return spread;
  }

  Selection field() {
    Selection field;
    field.name = name();
    if (take(":")) {
      field.alias = field.name;
      field.name = name();
    }
    field.arguments = arguments();
    field.directives = directives();
    if (is_punctuator("{")) field.selections = selections();
    return field;
  }

  std::vector<Argument> arguments(bool is_constant = false) {
    std::vector<Argument> arguments;
    if (!take("(")) return arguments;
    do {
      Argument argument;
      argument.name = name();
      expect(":");
      argument.value = value(is_constant);
      arguments.push_back(std::move(argument));
    } while (!take(")"));
    return arguments;
  }

  std::vector<Directive> directives() {
    std::vector<Directive> directives;
    while (take("@")) {
      Directive directive;
      directive.name = name();
      directive.arguments = arguments();
      directives.push_back(std::move(directive));
    }
    return directives;
  }

  TypeReference type() {
    const Level level(*this);
    TypeReference type;
    if (take("[")) {
      type.item.push_back(this->type());
      expect("]");
    } else {
      type.name = name();
    }
    type.is_required = take("!");
    return type;
  }

  Value value(bool is_constant) {
    const Level level(*this);
    Value value;
    if (take("[")) {
      value.kind = Value::Kind::list;
      while (!take("]")) value.items.push_back(this->value(is_constant));
    } else if (take("{")) {
      value.kind = Value::Kind::object;
      while (!take("}")) {
        value.names.push_back(name());
        expect(":");
        value.items.push_back(this->value(is_constant));
      }
    } else if (is_punctuator("$") && !is_constant) {
      advance();
      value.kind = Value::Kind::variable;
      value.text = name();
    } else {
      value.kind = simple_kind();
      value.text = token_.text;
      advance();
    }
    return value;
  }

  Value::Kind simple_kind() const {
    switch (token_.kind) {
      case Token::Kind::integer: return Value::Kind::integer;
      case Token::Kind::floating: return Value::Kind::floating;
      case Token::Kind::text: return Value::Kind::text;
      case Token::Kind::name: break;
      case Token::Kind::end:
      case Token::Kind::punctuator: unexpected();
    }
    if (token_.text == "null") return Value::Kind::null;
    const bool is_boolean = token_.text == "true" || token_.text == "false";
    return is_boolean ? Value::Kind::boolean : Value::Kind::enumeration;
  }

  std::vector<SchemaField> schema_fields(std::string_view open, std::string_view close) {
    std::vector<SchemaField> fields;
    expect(open);
    while (!take(close)) {
      SchemaField field;
      field.name = name();
      if (is_punctuator("(")) field.arguments = schema_fields("(", ")");
      expect(":");
      field.type = type();
      field.directives = directives();
      fields.push_back(std::move(field));
    }
    return fields;
  }

  void advance() { token_ = lexer_.next(); }
  bool is_punctuator(std::string_view text) const {
    return token_.kind == Token::Kind::punctuator && token_.text == text;
  }
  bool is_name(std::string_view text) const {
    return token_.kind == Token::Kind::name && token_.text == text;
  }
  bool take(std::string_view punctuator) {
    if (!is_punctuator(punctuator)) return false;
    advance();
    return true;
  }
  void expect(std::string_view punctuator) {
    if (take(punctuator)) return;
    lexer_.refuse("Expected '" + std::string(punctuator) + "', found " + shown(), token_.at);
  }
  std::string name() {
    if (token_.kind != Token::Kind::name) {
      lexer_.refuse("Expected Name, found " + shown(), token_.at);
    }
    std::string text = std::move(token_.text);
    advance();
    return text;
  }
  std::string shown() const {
    return token_.kind == Token::Kind::end ? "<EOF>" : "'" + token_.text.substr(0, 100) + "'";
  }
  [[noreturn]] void unexpected() const { lexer_.refuse("Unexpected " + shown(), token_.at); }

  Lexer lexer_;
  Token token_;
  int depth_ = 0;
};

}  // namespace

std::string TypeReference::written() const {
  return (is_list() ? "[" + item[0].written() + "]" : name) + (is_required ? "!" : "");
}

const Fragment* Document::fragment(std::string_view name) const {
  const auto found = std::find_if(fragments.begin(), fragments.end(),
                                  [&](const Fragment& one) { return one.name == name; });
  return found == fragments.end() ? nullptr : &*found;
}

bool SchemaField::has_directive(std::string_view directive) const {
  return std::any_of(directives.begin(), directives.end(),
                     [&](const Directive& one) { return one.name == directive; });
}

const SchemaField* SchemaType::field(std::string_view field_name) const {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const SchemaField& one) { return one.name == field_name; });
  return found == fields.end() ? nullptr : &*found;
}

Document parse_document(std::string_view text) {
  return Parser(text).document();
}

std::vector<SchemaType> parse_schema(std::string_view text) {
  return Parser(text).schema();
}

}  // namespace sandbox::graphql
