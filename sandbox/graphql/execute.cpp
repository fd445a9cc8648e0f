#include "sandbox/graphql/execute.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "sandbox/base/error.h"
#include "sandbox/graphql/check.h"
#include "sandbox/graphql/values.h"

namespace sandbox::graphql {
namespace {

using Selections = std::vector<Selection>;
using Sets = std::vector<const Selections*>;

// "startTime" to "start_time".
std::string snake_case(std::string_view camel) {
  std::string out;
  for (const char c : camel) {
    if (c >= 'A' && c <= 'Z') {
      out += '_';
      out += static_cast<char>(c - 'A' + 'a');
    } else {
      out += c;
    }
  }
  return out;
}

bool same_arguments(std::vector<Argument> left, std::vector<Argument> right) {
  const auto by_name = [](const Argument& a, const Argument& b) { return a.name < b.name; };
  std::sort(left.begin(), left.end(), by_name);
  std::sort(right.begin(), right.end(), by_name);
  return left == right;
}

class Execution {
 public:
  Execution(const Schema& schema,
            const Document& document,
            const Variables& variables,
            const Resolve& resolve,
            std::vector<std::string>& errors)
      : schema_(schema),
        document_(document),
        variables_(variables),
        resolve_(resolve),
        errors_(errors) {}

  // The answer, or nullopt when two fields cannot both have the name they ask for.
  std::optional<std::string> run(const Operation& operation) {
    std::string data;
    JsonWriter writer(data);
    write_object(writer, *schema_.root(operation.kind), {&operation.selections}, nothing_.root());
    if (conflict_.empty()) return data;
    errors_ = {conflict_};
    return std::nullopt;
  }

 private:
  // Fields of one name in the answer; what each of them selects is put together.
  struct Collected {
    const Selection* field;
    Sets selections;
  };

  void collect(const SchemaType& type,
               const Selections& selections,
               std::vector<const Selection*>& fragments,
               std::vector<Collected>& fields) {
    for (const Selection& one : selections) {
      if (!is_included(one)) continue;
      if (one.kind == Selection::Kind::field) {
        add(one, fields);
      } else if (one.kind == Selection::Kind::inline_fragment) {
        collect(type, one.selections, fragments, fields);
      } else if (std::none_of(fragments.begin(), fragments.end(),
                              [&](const Selection* seen) { return seen->name == one.name; })) {
        fragments.push_back(&one);
        collect(type, document_.fragment(one.name)->selections, fragments, fields);
      }
    }
  }

  void add(const Selection& one, std::vector<Collected>& fields) {
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const Collected& other) {
      return other.field->response_name() == one.response_name();
    });
    if (found == fields.end()) {
      fields.push_back({&one, {&one.selections}});
      return;
    }
    std::string reason;
    if (found->field->name != one.name) {
      reason = "'" + found->field->name + "' and '" + one.name + "' are different fields";
    } else if (!same_arguments(found->field->arguments, one.arguments)) {
      reason = "they have differing arguments";
    }
    if (!reason.empty()) {
      conflict_ = "Fields '" + one.response_name() + "' conflict because " + reason +
                  ". Use different aliases on the fields to fetch both if this was intentional.";
    }
    found->selections.push_back(&one.selections);
  }

  [[nodiscard]] bool is_included(const Selection& one) const {
    return std::all_of(one.directives.begin(), one.directives.end(), [&](const Directive& each) {
      if (each.name != "skip" && each.name != "include") return true;
      return condition(each) == (each.name == "include");
    });
  }

  [[nodiscard]] bool condition(const Directive& directive) const {
    const Value& value = directive.arguments.front().value;
    if (value.kind != Value::Kind::variable) return value.text == "true";
    const auto found = variables_.find(value.text);
    return found != variables_.end() && found->second == "true";
  }

  void write_object(JsonWriter& writer,
                    const SchemaType& type,
                    const Sets& selections,
                    const JsonView& object) {
    std::vector<Collected> fields;
    std::vector<const Selection*> fragments;
    for (const Selections* set : selections) collect(type, *set, fragments, fields);
    writer.begin_object();
    for (const Collected& one : fields) {
      writer.name(one.field->response_name());
      if (one.field->name == "__typename") {
        writer.value(type.name);
      } else {
        write_field(writer, type, *type.field(one.field->name), one, object);
      }
    }
    writer.end_object();
  }

  void write_field(JsonWriter& writer,
                   const SchemaType& type,
                   const SchemaField& field,
                   const Collected& one,
                   const JsonView& object) {
    if (!field.has_directive("resolved")) {
      const auto value = object.member(snake_case(field.name));
      if (!value && field.has_directive("optional")) {
        writer.null();
      } else {
        write_value(writer, field.type, one.selections, value);
      }
      return;
    }
    const auto document = resolved(type, field, *one.field, object);
    if (document && !document->root().is_null()) {
      write_value(writer, field.type, one.selections, document->root());
    } else {
      writer.null();
    }
  }

  std::optional<JsonDocument> resolved(const SchemaType& type,
                                       const SchemaField& field,
                                       const Selection& selection,
                                       const JsonView& object) {
    const JsonDocument arguments(
        arguments_json(schema_, selection.arguments, field.arguments, variables_));
    try {
      return JsonDocument(resolve_(type.name + "." + field.name, object, arguments.root()));
    } catch (const Error& error) {
      errors_.push_back(error.message());
      return std::nullopt;
    }
  }

  void write_value(JsonWriter& writer,
                   const TypeReference& type,
                   const Sets& selections,
                   const std::optional<JsonView>& value) {
    if (type.is_list()) {
      writer.begin_array();
      for (std::size_t i = 0; value && i < value->size(); ++i) {
        write_value(writer, type.item[0], selections, value->at(i));
      }
      writer.end_array();
      return;
    }
    const SchemaType& named = *schema_.type(type.name);
    if (named.kind == "type") {
      write_object(writer, named, selections, value.value_or(nothing_.root()));
    } else {
      write_leaf(writer, named, value);
    }
  }

  static void write_leaf(JsonWriter& writer,
                         const SchemaType& type,
                         const std::optional<JsonView>& value) {
    if (type.name == "String") {
      std::string text;
      if (value) value->read(text);
      writer.value(text);
    } else if (type.name == "LongString") {
      std::int64_t number = 0;
      if (value) value->read(number);
      writer.value(std::to_string(number));
    } else if (type.name == "Float") {
      double number = 0;
      if (value) value->read(number);
      // The language has no word for NaN.
      if (std::isnan(number)) {
        writer.null();
      } else {
        writer.value(number);
      }
    } else if (type.name == "Boolean") {
      bool flag = false;
      if (value) value->read(flag);
      writer.value(flag);
    } else if (std::string text; value && value->read(text) && type.field(text) != nullptr) {
      writer.value(text);
    } else {
      writer.null();  // a word the enum does not have
    }
  }

  const Schema& schema_;
  const Document& document_;
  const Variables& variables_;
  const Resolve& resolve_;
  std::vector<std::string>& errors_;
  std::string conflict_;
  JsonDocument nothing_{"{}"};
};

const Operation* pick(const Document& document,
                      const std::string& name,
                      std::vector<std::string>& errors) {
  if (name.empty()) {
    if (document.operations.size() == 1) return &document.operations.front();
    errors.emplace_back(document.operations.empty()
                            ? "Must provide an operation."
                            : "Must provide operation name if query contains multiple operations.");
    return nullptr;
  }
  for (const Operation& operation : document.operations) {
    if (operation.name == name) return &operation;
  }
  errors.push_back("Unknown operation named '" + name + "'.");
  return nullptr;
}

// The "data" of the answer; "null" when there are errors that concern all of it.
std::string data_json(const Schema& schema,
                      const Query& query,
                      const Resolve& resolve,
                      std::vector<std::string>& errors) {
  const Document document = parse_document(query.text);
  if (std::string excess = find_excess(document); !excess.empty()) {
    errors.push_back(std::move(excess));
    return "null";
  }
  errors = find_mistakes(schema, document);
  if (!errors.empty()) return "null";
  const Operation* operation = pick(document, query.operation_name, errors);
  if (operation == nullptr) return "null";
  const Variables variables = read_variables(schema, *operation, query.variables, errors);
  if (!errors.empty()) return "null";
  return Execution(schema, document, variables, resolve, errors).run(*operation).value_or("null");
}

}  // namespace

std::string answer(const Schema& schema, const Query& query, const Resolve& resolve) {
  std::vector<std::string> errors;
  const std::string data = data_json(schema, query, resolve, errors);
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  writer.name("data");
  writer.raw(data);
  writer.name("errors");
  if (errors.empty()) {
    writer.null();
  } else {
    writer.begin_array();
    for (const std::string& error : errors) writer.value(error);
    writer.end_array();
  }
  writer.end_object();
  return out;
}

}  // namespace sandbox::graphql
