#include "sandbox/graphql/check.h"

#include <algorithm>
#include <map>
#include <set>

#include "sandbox/base/text.h"
#include "sandbox/graphql/values.h"

namespace sandbox::graphql {
namespace {

using Names = std::set<std::string, std::less<>>;
using Selections = std::vector<Selection>;

// The fields of one level, those of its fragments among them, and how many of these have aliases.
void collect_level(const Document& document,
                   const Selections& selections,
                   Names& seen,
                   std::vector<const Selection*>& fields,
                   std::size_t& aliases) {
  for (const Selection& one : selections) {
    if (fields.size() > selections_max) return;
    if (one.kind == Selection::Kind::field) {
      fields.push_back(&one);
      if (!one.alias.empty()) ++aliases;
    } else if (one.kind == Selection::Kind::inline_fragment) {
      collect_level(document, one.selections, seen, fields, aliases);
    } else if (seen.insert(one.name).second) {
      const Fragment* fragment = document.fragment(one.name);
      if (fragment != nullptr) {
        collect_level(document, fragment->selections, seen, fields, aliases);
      }
    }
  }
}

struct Size {
  std::size_t root_fields = 0;
  std::size_t aliases = 0;
  std::size_t depth = 0;
  std::size_t selections = 0;
};

void measure(const Document& document,
             const Selections& selections,
             std::size_t depth,
             Size& size) {
  size.depth = std::max(size.depth, depth);
  if (depth > query_depth_max || size.selections > selections_max) return;
  Names seen;
  std::vector<const Selection*> fields;
  std::size_t aliases = 0;
  collect_level(document, selections, seen, fields, aliases);
  size.aliases = std::max(size.aliases, aliases);
  size.selections += fields.size();
  if (depth == 1) size.root_fields += fields.size();
  for (const Selection* field : fields) {
    if (!field->selections.empty()) measure(document, field->selections, depth + 1, size);
  }
}

std::string too_many(std::size_t limit, std::size_t found, const std::string& what) {
  return "GraphQL queries should have at most " + std::to_string(limit) + " " + what + ", got " +
         std::to_string(found) + " " + what + ".";
}

// The directives this server knows, as the field they would be.
const std::vector<SchemaField>& directives() {
  static const std::vector<SchemaField> known =
      parse_schema(
          "input directives { skip(if: Boolean!): Boolean include(if: Boolean!): Boolean "
          "component(name: String!): Boolean }")
          .front()
          .fields;
  return known;
}

const SchemaField* find(const std::vector<SchemaField>& fields, std::string_view name) {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const SchemaField& one) { return one.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

// What an operation or a fragment makes use of.
struct Uses {
  std::vector<std::string> fragments;
  std::vector<std::pair<std::string, TypeReference>> variables;  // and the type of their place
};

bool fits(const TypeReference& variable, const TypeReference& place) {
  if (place.is_required && !variable.is_required) return false;
  if (place.is_list() != variable.is_list()) return false;
  return place.is_list() ? fits(variable.item[0], place.item[0]) : variable.name == place.name;
}

class Checker {
 public:
  Checker(const Schema& schema, const Document& document) : schema_(schema), document_(document) {}

  std::vector<std::string> check() {
    check_names();
    for (const Fragment& fragment : document_.fragments) check_fragment(fragment);
    for (const Operation& operation : document_.operations) check_operation(operation);
    for (const Fragment& fragment : document_.fragments) {
      if (!used_.contains(fragment.name)) {
        mistake("Fragment '" + fragment.name + "' is never used.");
      }
    }
    return std::move(mistakes_);
  }

 private:
  void mistake(std::string sentence) {
    constexpr std::size_t mistakes_max = 100;
    if (mistakes_.size() < mistakes_max) mistakes_.push_back(std::move(sentence));
  }

  void check_names() {
    Names names;
    for (const Operation& operation : document_.operations) {
      if (operation.name.empty() && document_.operations.size() > 1) {
        mistake("This anonymous operation must be the only defined operation.");
      }
      if (!operation.name.empty() && !names.insert(operation.name).second) {
        mistake("There can be only one operation named '" + operation.name + "'.");
      }
    }
    for (const Fragment& fragment : document_.fragments) {
      if (!fragments_.emplace(fragment.name, Uses{}).second) {
        mistake("There can be only one fragment named '" + fragment.name + "'.");
      }
    }
  }

  void check_fragment(const Fragment& fragment) {
    Uses uses;
    check_directives(fragment.directives, uses);
    if (const SchemaType* type = composite(fragment.type_condition, fragment.name)) {
      check_selections(fragment.selections, *type, uses);
    }
    fragments_[fragment.name] = std::move(uses);
  }

  // An object type a fragment may be on; `fragment` is "" for an inline one.
  const SchemaType* composite(const std::string& name, const std::string& fragment) {
    const SchemaType* type = schema_.type(name);
    if (type == nullptr) {
      mistake("Unknown type '" + name + "'.");
    } else if (type->kind != "type") {
      mistake("Fragment " + (fragment.empty() ? "" : "'" + fragment + "' ") +
              "cannot condition on non composite type '" + name + "'.");
      return nullptr;
    }
    return type;
  }

  void check_operation(const Operation& operation) {
    const SchemaType* root = schema_.root(operation.kind);
    if (root == nullptr) {
      mistake("Schema is not configured to execute " + operation.kind + " operation.");
      return;
    }
    for (const VariableDefinition& variable : operation.variables) check_declaration(variable);
    Uses uses;
    check_directives(operation.directives, uses);
    check_selections(operation.selections, *root, uses);
    Names path;
    Names reached;
    for (const std::string& fragment : uses.fragments) follow(fragment, path, reached, uses);
    check_variables(operation, uses);
  }

  void check_declaration(const VariableDefinition& variable) {
    const SchemaType* type = schema_.type(variable.type.named());
    if (type == nullptr) {
      mistake("Unknown type '" + variable.type.named() + "'.");
    } else if (type->kind == "type") {
      mistake("Variable '$" + variable.name + "' cannot be non-input type '" +
              variable.type.written() + "'.");
    } else if (variable.standard) {
      json_of(schema_, *variable.standard, variable.type, nullptr, mistakes_);
    }
  }

  // Adds what the fragment, and those it spreads, make use of. `path` are the fragments around.
  void follow(const std::string& name, Names& path, Names& reached, Uses& uses) {
    const auto found = fragments_.find(name);
    if (found == fragments_.end()) return;
    used_.insert(name);
    if (path.contains(name)) {
      if (cyclic_.insert(name).second) {
        mistake("Cannot spread fragment '" + name + "' within itself.");
      }
      return;
    }
    if (!reached.insert(name).second) return;
    path.insert(name);
    const auto& variables = found->second.variables;
    uses.variables.insert(uses.variables.end(), variables.begin(), variables.end());
    for (const std::string& inner : found->second.fragments) follow(inner, path, reached, uses);
    path.erase(name);
  }

  void check_variables(const Operation& operation, const Uses& uses) {
    const std::string by = operation.name.empty() ? "" : " by operation '" + operation.name + "'";
    const std::string in = operation.name.empty() ? "" : " in operation '" + operation.name + "'";
    Names used;
    for (const auto& [name, place] : uses.variables) {
      used.insert(name);
      const auto variable =
          std::find_if(operation.variables.begin(), operation.variables.end(),
                       [&](const VariableDefinition& one) { return one.name == name; });
      if (variable == operation.variables.end()) {
        mistake("Variable '$" + name + "' is not defined" + by + ".");
        continue;
      }
      TypeReference type = variable->type;
      if (variable->standard && variable->standard->kind != Value::Kind::null) {
        type.is_required = true;
      }
      if (!fits(type, place)) {
        mistake("Variable '$" + name + "' of type '" + variable->type.written() +
                "' used in position expecting type '" + place.written() + "'.");
      }
    }
    for (const VariableDefinition& variable : operation.variables) {
      if (!used.contains(variable.name)) {
        mistake("Variable '$" + variable.name + "' is never used" + in + ".");
      }
    }
  }

  void check_selections(const Selections& selections, const SchemaType& type, Uses& uses) {
    for (const Selection& one : selections) {
      check_directives(one.directives, uses);
      switch (one.kind) {
        case Selection::Kind::field: check_field(one, type, uses); break;
        case Selection::Kind::spread: check_spread(one, type, uses); break;
        case Selection::Kind::inline_fragment: check_inline(one, type, uses); break;
      }
    }
  }

  void check_field(const Selection& one, const SchemaType& type, Uses& uses) {
    if (one.name == "__typename") return;
    const SchemaField* field = type.field(one.name);
    if (field == nullptr) {
      mistake("Cannot query field '" + one.name + "' on type '" + type.name + "'." +
              did_you_mean(one.name, type.fields));
      return;
    }
    check_arguments(one.arguments, field->arguments, "field '" + type.name + "." + one.name + "'",
                    "Field '" + one.name + "'", uses);
    const SchemaType& result = *schema_.type(field->type.named());
    if (result.kind != "type" && !one.selections.empty()) {
      mistake("Field '" + one.name + "' must not have a selection since type '" +
              field->type.written() + "' has no subfields.");
    } else if (result.kind == "type" && one.selections.empty()) {
      mistake("Field '" + one.name + "' of type '" + field->type.written() +
              "' must have a selection of subfields. Did you mean '" + one.name + " { ... }'?");
    } else if (result.kind == "type") {
      check_selections(one.selections, result, uses);
    }
  }

  void check_spread(const Selection& one, const SchemaType& type, Uses& uses) {
    const Fragment* fragment = document_.fragment(one.name);
    if (fragment == nullptr) {
      mistake("Unknown fragment '" + one.name + "'.");
      return;
    }
    uses.fragments.push_back(one.name);
    check_overlap("Fragment '" + one.name + "'", fragment->type_condition, type);
  }

  void check_inline(const Selection& one, const SchemaType& type, Uses& uses) {
    if (one.type_condition.empty()) {
      check_selections(one.selections, type, uses);
    } else if (const SchemaType* wanted = composite(one.type_condition, "")) {
      check_overlap("Fragment", one.type_condition, type);
      check_selections(one.selections, *wanted, uses);
    }
  }

  void check_overlap(const std::string& what, const std::string& wanted, const SchemaType& type) {
    if (wanted == type.name || schema_.type(wanted) == nullptr) return;
    mistake(what + " cannot be spread here as objects of type '" + type.name +
            "' can never be of type '" + wanted + "'.");
  }

  void check_directives(const std::vector<Directive>& given, Uses& uses) {
    for (const Directive& directive : given) {
      const std::string name = "'@" + directive.name + "'";
      if (const SchemaField* known = find(directives(), directive.name)) {
        check_arguments(directive.arguments, known->arguments, "directive " + name,
                        "Directive " + name, uses);
      } else {
        mistake("Unknown directive " + name + ".");
      }
    }
  }

  void check_arguments(const std::vector<Argument>& given,
                       const std::vector<SchemaField>& declared,
                       const std::string& of,
                       const std::string& subject,
                       Uses& uses) {
    Names names;
    for (const Argument& argument : given) {
      if (!names.insert(argument.name).second) {
        mistake("There can be only one argument named '" + argument.name + "'.");
      }
      if (const SchemaField* known = find(declared, argument.name)) {
        check_value(argument.value, known->type, uses);
      } else {
        mistake("Unknown argument '" + argument.name + "' on " + of + "." +
                did_you_mean(argument.name, declared));
      }
    }
    for (const SchemaField& one : declared) {
      if (one.type.is_required && !names.contains(one.name)) {
        mistake(subject + " argument '" + one.name + "' of type '" + one.type.written() +
                "' is required, but it was not provided.");
      }
    }
  }

  void check_value(const Value& value, const TypeReference& type, Uses& uses) {
    json_of(schema_, value, type, nullptr, mistakes_);
    note_variables(value, type, uses);
  }

  void note_variables(const Value& value, const TypeReference& type, Uses& uses) {
    if (value.kind == Value::Kind::variable) uses.variables.emplace_back(value.text, type);
    const SchemaType* named = type.is_list() ? nullptr : schema_.type(type.name);
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      if (value.kind == Value::Kind::list && type.is_list()) {
        note_variables(value.items[i], type.item[0], uses);
      } else if (value.kind == Value::Kind::object && named != nullptr) {
        const SchemaField* field = named->field(value.names[i]);
        if (field != nullptr) note_variables(value.items[i], field->type, uses);
      }
    }
  }

  const Schema& schema_;
  const Document& document_;
  std::vector<std::string> mistakes_;
  std::map<std::string, Uses, std::less<>> fragments_;
  Names used_;
  Names cyclic_;
};

}  // namespace

std::string find_excess(const Document& document) {
  if (document.fragments.size() > fragments_max) {
    return "Query exceeds maximum total fragments of " + std::to_string(fragments_max);
  }
  Size size;
  for (const Operation& operation : document.operations) {
    measure(document, operation.selections, 1, size);
  }
  if (size.depth > query_depth_max) {
    return "Query exceeds maximum depth of " + std::to_string(query_depth_max);
  }
  if (size.selections > selections_max) {
    return "Query exceeds maximum total selections of " + std::to_string(selections_max);
  }
  if (size.root_fields > root_fields_max) {
    return too_many(root_fields_max, size.root_fields, "root fields");
  }
  return size.aliases > aliases_max ? too_many(aliases_max, size.aliases, "aliases") : "";
}

std::vector<std::string> find_mistakes(const Schema& schema, const Document& document) {
  return Checker(schema, document).check();
}

}  // namespace sandbox::graphql
