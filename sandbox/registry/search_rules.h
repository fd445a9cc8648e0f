// What the searches of registered models and of model versions have in common. The functions throw
// Error(invalid_parameter_value) with the reference's sentence.
// Source: mlflow/utils/search_utils.py and the model registry store of MLflow 3.17.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/tracking/filter.h"

namespace sandbox::registry {

// True for tag(s).<key>, false for an attribute; other prefixes are refused.
bool is_on_tag(const tracking::Comparison& comparison);
// = != LIKE ILIKE with quoted text.
void check_tag_comparison(const tracking::Comparison& comparison);
// The right-hand side of an attribute: quoted text, a number, or a list of quoted texts.
void check_attribute_value(const tracking::Comparison& comparison);
// = != LIKE ILIKE with one text, IN NOT IN with a list.
void check_text_comparator(const tracking::Comparison& comparison);

// Whether a filter looks for prompts. When it does not, prompts are hidden and its comparisons of
// the prompt tag have no effect.
bool asks_for_prompts(const std::vector<tracking::Comparison>& comparisons);

void check_page_size_limit(std::int64_t max_results, std::int64_t limit);
[[noreturn]] void refuse_duplicate_order(const std::vector<std::string>& order_by);
[[noreturn]] void refuse_key(const std::string& key, std::string_view valid_keys);

}  // namespace sandbox::registry
