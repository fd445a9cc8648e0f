// Numbers of a trace that stand in columns of their own for analytics: token counts and costs. On
// the wire they are metadata holding a JSON object.
// Source of the rules: store/tracking/utils/trace_analytics.py of MLflow 3.17.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sandbox/base/fields_json.h"
#include "sandbox/db/database.h"

namespace sandbox::traces {

// Names of the members, and of the columns of trace_info.
inline constexpr std::array<std::string_view, 6> token_keys{
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation_input_tokens_above_1hr"};
inline constexpr std::array<std::string_view, 3> cost_keys{"input_cost", "output_cost",
                                                           "total_cost"};

using TokenCounts = std::array<std::optional<std::int64_t>, token_keys.size()>;
using Costs = std::array<std::optional<double>, cost_keys.size()>;

// A whole number of 64 bits, also as text; nullopt for everything else.
std::optional<std::int64_t> token_count(const JsonView& value);
// A finite number, also as text.
std::optional<double> finite_number(const JsonView& value);

// The members of a JSON object text; none for another text.
TokenCounts token_counts_of(std::string_view json);
Costs costs_of(std::string_view json);

// As Python writes the object; "" when nothing is known.
std::string to_json(const TokenCounts& counts);
std::string to_json(const Costs& costs);

// Into the columns of the trace; what is not known leaves its column.
void update_token_counts(db::Tx& tx, const std::string& trace_id, const TokenCounts& counts);
void update_costs(db::Tx& tx, const std::string& trace_id, const Costs& costs);

}  // namespace sandbox::traces
