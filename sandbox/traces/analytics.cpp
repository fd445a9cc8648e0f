#include "sandbox/traces/analytics.h"

#include <algorithm>
#include <cmath>

#include "sandbox/base/error.h"
#include "sandbox/base/python_json.h"
#include "sandbox/base/text.h"

namespace sandbox::traces {
namespace {

// Calls `read(view)` when the text is a JSON object.
template <class Read>
void with_object(std::string_view json, Read read) {
  try {
    const JsonDocument document(json);
    if (document.root().is_object()) read(document.root());
  } catch (const Error&) {  // a text that is no JSON says nothing about the numbers
  }
}

template <class Values, class Keys, class Write>
std::string object_text(const Values& values, const Keys& keys, Write write) {
  std::string json;
  PythonJsonWriter writer(json);
  writer.begin_object();
  bool is_empty = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) continue;
    writer.member(keys[i]);
    write(writer, *values[i]);
    is_empty = false;
  }
  writer.end_object();
  return is_empty ? "" : json;
}

}  // namespace

std::optional<std::int64_t> token_count(const JsonView& value) {
  std::int64_t count = 0;
  double real = 0;
  std::string text;
  if (value.is_bool()) return std::nullopt;
  if (value.read(count)) return count;
  constexpr double beyond_64_bits = 9223372036854775808.0;
  if (value.is_string() && value.read(text)) {
    const auto number = parse_double(trim(text));
    if (!number) return std::nullopt;
    real = *number;
    if (std::isfinite(real) && real == std::floor(real) && std::abs(real) < beyond_64_bits) {
      return static_cast<std::int64_t>(real);
    }
  }
  return std::nullopt;
}

std::optional<double> finite_number(const JsonView& value) {
  double number = 0;
  if (value.is_bool() || !value.read(number) || !std::isfinite(number)) return std::nullopt;
  return number;
}

TokenCounts token_counts_of(std::string_view json) {
  TokenCounts counts;
  with_object(json, [&](const JsonView& object) {
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (const auto value = object.member(token_keys[i])) counts[i] = token_count(*value);
    }
  });
  return counts;
}

Costs costs_of(std::string_view json) {
  Costs costs;
  with_object(json, [&](const JsonView& object) {
    for (std::size_t i = 0; i < costs.size(); ++i) {
      if (const auto value = object.member(cost_keys[i])) costs[i] = finite_number(*value);
    }
  });
  return costs;
}

std::string to_json(const TokenCounts& counts) {
  return object_text(counts, token_keys,
                     [](PythonJsonWriter& writer, std::int64_t count) { writer.integer(count); });
}

std::string to_json(const Costs& costs) {
  return object_text(costs, cost_keys,
                     [](PythonJsonWriter& writer, double cost) { writer.real(cost); });
}

void update_token_counts(db::Tx& tx, const std::string& trace_id, const TokenCounts& counts) {
  tx.execute(
      "UPDATE trace_info SET input_tokens = COALESCE(?, input_tokens), output_tokens = COALESCE(?, "
      "output_tokens), total_tokens = COALESCE(?, total_tokens), cache_read_input_tokens = "
      "COALESCE(?, cache_read_input_tokens), cache_creation_input_tokens = COALESCE(?, "
      "cache_creation_input_tokens), cache_creation_input_tokens_above_1hr = COALESCE(?, "
      "cache_creation_input_tokens_above_1hr) WHERE request_id = ?",
      counts[0], counts[1], counts[2], counts[3], counts[4], counts[5], trace_id);
}

void update_costs(db::Tx& tx, const std::string& trace_id, const Costs& costs) {
  tx.execute(
      "UPDATE trace_info SET input_cost = COALESCE(?, input_cost), output_cost = COALESCE(?, "
      "output_cost), total_cost = COALESCE(?, total_cost) WHERE request_id = ?",
      costs[0], costs[1], costs[2], trace_id);
}

}  // namespace sandbox::traces
