#include "sandbox/traces/span_tree.h"

#include <string_view>
#include <unordered_map>
#include <utility>

#include "sandbox/base/arithmetic.h"

namespace sandbox::traces {
namespace {

std::int64_t plus(std::int64_t left, std::int64_t right) {
  return saturating_add(left, right);
}
double plus(double left, double right) {
  return left + right;
}

// `always` leading members of the sum are there even when no span names them.
template <class Numbers>
std::optional<Numbers> sum(const std::vector<SpanNumbers>& spans,
                           std::optional<Numbers> SpanNumbers::*member,
                           std::size_t always) {
  std::unordered_map<std::string_view, std::size_t> by_id;
  for (std::size_t i = 0; i < spans.size(); ++i) by_id.emplace(spans[i].span_id, i);
  std::vector<std::vector<std::size_t>> children(spans.size());
  std::vector<std::pair<std::size_t, bool>> open;  // a span, and whether one above it was counted
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const auto parent = by_id.find(spans[i].parent_id);
    if (spans[i].parent_id.empty() || parent == by_id.end()) {
      open.emplace_back(i, false);
    } else {
      children[parent->second].push_back(i);
    }
  }
  std::optional<Numbers> total;
  while (!open.empty()) {
    const auto [i, is_counted] = open.back();
    open.pop_back();
    const std::optional<Numbers>& numbers = spans[i].*member;
    if (numbers && !is_counted) {
      if (!total) {
        total.emplace();
        for (std::size_t k = 0; k < always; ++k) (*total)[k] = 0;
      }
      for (std::size_t k = 0; k < total->size(); ++k) {
        const auto& one = (*numbers)[k];
        if (one) (*total)[k] = plus((*total)[k].value_or(0), *one);
      }
    }
    for (const std::size_t child : children[i]) {
      open.emplace_back(child, is_counted || numbers.has_value());
    }
  }
  return total;
}

}  // namespace

std::optional<TokenCounts> sum_tokens(const std::vector<SpanNumbers>& spans) {
  constexpr std::size_t without_cache = 3;
  return sum(spans, &SpanNumbers::tokens, without_cache);
}

std::optional<Costs> sum_costs(const std::vector<SpanNumbers>& spans) {
  return sum(spans, &SpanNumbers::costs, cost_keys.size());
}

}  // namespace sandbox::traces
