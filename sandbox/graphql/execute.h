// Answers a checked query. Most fields are members of a tree the server made: "startTime" is the
// member start_time of a JSON object, and an absent one is what protobuf would say (text "", number
// 0, list [], object without members). Fields marked @resolved are asked for one by one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/fields_json.h"
#include "sandbox/graphql/document.h"
#include "sandbox/graphql/schema.h"

namespace sandbox::graphql {

// A @resolved field as JSON. `field` is e.g. "Query.mlflowGetRun", `parent` the object it belongs
// to, `arguments` an object with the names of the schema. An Error thrown here makes the field null
// and its sentence one of the answer's errors.
using Resolve = std::function<std::string(
    std::string_view field, const JsonView& parent, const JsonView& arguments)>;

struct Query {
  std::string text;
  std::string operation_name;         // "" : the only one
  std::optional<JsonView> variables;  // an object
};

// {"data": {…} or null, "errors": ["…"] or null}. Throws Error(bad_request) for a text that is no
// query.
std::string answer(const Schema& schema, const Query& query, const Resolve& resolve);

}  // namespace sandbox::graphql
