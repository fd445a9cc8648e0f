// Whether a query makes sense to a schema, before any of it is answered.
#pragma once

#include <string>
#include <vector>

#include "sandbox/graphql/document.h"
#include "sandbox/graphql/schema.h"

namespace sandbox::graphql {

inline constexpr std::size_t root_fields_max = 10;
inline constexpr std::size_t aliases_max = 10;  // side by side
inline constexpr std::size_t query_depth_max = 10;
inline constexpr std::size_t selections_max = 1000;
inline constexpr std::size_t fragments_max = 200;

// The sentence for a query that asks for too much, "" for others.
std::string find_excess(const Document& document);

// One sentence for each mistake, in the words of graphql-core, which the reference uses.
std::vector<std::string> find_mistakes(const Schema& schema, const Document& document);

}  // namespace sandbox::graphql
