// The types a server answers about, from schema-language text. Two directives of our own say how a
// field is filled (execute.h): @resolved is asked for by itself, @optional is null when absent.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/graphql/document.h"

namespace sandbox::graphql {

class Schema {
 public:
  // A type that a field names and the text does not describe is a broken invariant (assert).
  explicit Schema(std::string_view text);

  // nullptr for an unknown one.
  [[nodiscard]] const SchemaType* type(std::string_view name) const;
  // "Query" or "Mutation"; nullptr for subscriptions.
  [[nodiscard]] const SchemaType* root(std::string_view operation_kind) const;

 private:
  std::map<std::string, SchemaType, std::less<>> types_;
};

// " Did you mean 'output'?" when some of the names are close to `wrong`, else "".
std::string did_you_mean(std::string_view wrong, const std::vector<SchemaField>& known);

}  // namespace sandbox::graphql
