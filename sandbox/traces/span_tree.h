// Sums over the spans of a trace. Some programs write the sum of all calls below a span at that
// span, so a span that has numbers stands for everything below it.
// Source of the rules: tracing/utils/__init__.py of MLflow 3.17.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sandbox/traces/analytics.h"

namespace sandbox::traces {

struct SpanNumbers {
  std::string span_id;
  std::string parent_id;  // "" for a root
  std::optional<TokenCounts> tokens;
  std::optional<Costs> costs;
};

// nullopt when no span has any.
std::optional<TokenCounts> sum_tokens(const std::vector<SpanNumbers>& spans);
std::optional<Costs> sum_costs(const std::vector<SpanNumbers>& spans);

}  // namespace sandbox::traces
