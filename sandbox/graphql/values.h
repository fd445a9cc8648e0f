// Values a client gives, written in the query or sent beside it, against the types they must have.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/fields_json.h"
#include "sandbox/graphql/document.h"
#include "sandbox/graphql/schema.h"

namespace sandbox::graphql {

// The variables of a request, name to JSON.
using Variables = std::map<std::string, std::string, std::less<>>;

// A value as JSON of the type, with the names of the schema. "" for a variable that is absent; what
// does not fit adds a sentence to `errors`. Without `variables` every variable counts as fitting.
std::string json_of(const Schema& schema,
                    const Value& value,
                    const TypeReference& type,
                    const Variables* variables,
                    std::vector<std::string>& errors);

// The variables an operation declares, from what the request gives and from their defaults.
Variables read_variables(const Schema& schema,
                         const Operation& operation,
                         const std::optional<JsonView>& given,
                         std::vector<std::string>& errors);

// The arguments of a field or directive as a JSON object.
std::string arguments_json(const Schema& schema,
                           const std::vector<Argument>& arguments,
                           const std::vector<SchemaField>& declared,
                           const Variables& variables);

}  // namespace sandbox::graphql
