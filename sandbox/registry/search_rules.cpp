#include "sandbox/registry/search_rules.h"

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/registry/tags.h"

namespace sandbox::registry {
namespace {

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

bool is_equality_or_pattern(const std::string& comparator) {
  return comparator == "=" || comparator == "!=" || comparator == "LIKE" || comparator == "ILIKE";
}

bool has_number(const tracking::Comparison& comparison) {
  return !comparison.is_list && comparison.values.size() == 1 && comparison.values[0].is_number;
}

void check_quotes(const tracking::Comparison& comparison) {
  for (const tracking::Comparison::Operand& value : comparison.values) {
    if (value.is_text || value.is_number) continue;
    refuse(
        "Parameter value is either not quoted or unidentified quote types used for string value " +
        value.written + ". Use either single or double quotes.");
  }
}

}  // namespace

bool is_on_tag(const tracking::Comparison& comparison) {
  const std::string& prefix = comparison.prefix;
  if (prefix == "tag" || prefix == "tags") return true;
  if (prefix.empty() || prefix == "attribute") return false;
  refuse("Invalid entity type '" + prefix +
         "'. Valid entity types are ('attribute', 'tag', 'tags')");
}

void check_tag_comparison(const tracking::Comparison& comparison) {
  if (comparison.is_list || has_number(comparison)) {
    refuse("Expected a quoted string value for tag (e.g. 'my-value'). Got value " +
           comparison.written);
  }
  check_quotes(comparison);
  if (!is_equality_or_pattern(comparison.comparator)) {
    refuse("Invalid comparator for tag: " + comparison.comparator);
  }
}

void check_attribute_value(const tracking::Comparison& comparison) {
  if (!comparison.is_list) {
    check_quotes(comparison);
    return;
  }
  if (comparison.values.empty()) {
    refuse(
        "While parsing a list in the query, expected a non-empty list of string values, but got "
        "empty list");
  }
  for (const tracking::Comparison::Operand& value : comparison.values) {
    if (value.is_text) continue;
    refuse(
        "While parsing a list in the query, expected string value, punctuation, or whitespace, "
        "but got different type in list: " +
        comparison.written);
  }
}

void check_text_comparator(const tracking::Comparison& comparison) {
  const std::string& comparator = comparison.comparator;
  const bool fits = comparison.is_list ? comparator == "IN" || comparator == "NOT IN"
                                       : is_equality_or_pattern(comparator);
  if (!fits) refuse("Invalid comparator for attribute: " + comparator);
}

bool asks_for_prompts(const std::vector<tracking::Comparison>& comparisons) {
  for (const tracking::Comparison& comparison : comparisons) {
    if (comparison.key != prompt_tag || !is_on_tag(comparison)) continue;
    const std::string value = comparison.values.empty() ? "" : lower(comparison.values[0].text);
    return (comparison.comparator == "=" && value == "true") ||
           (comparison.comparator == "!=" && value == "false");
  }
  return false;
}

void check_page_size_limit(std::int64_t max_results, std::int64_t limit) {
  if (max_results <= limit) return;
  // The sentence of the reference, which has read the number from a query.
  refuse(
      "Invalid value \"" + std::to_string(max_results) +
      "\" for parameter 'max_results' supplied:  Hint: Value was of type 'str'. See the API docs "
      "for more information about request parameters.");
}

void refuse_duplicate_order(const std::vector<std::string>& order_by) {
  refuse("`order_by` contains duplicate fields: ['" + join(order_by, "', '") + "']");
}

void refuse_key(const std::string& key, std::string_view valid_keys) {
  refuse("Invalid attribute key '" + key + "' specified. Valid keys are '{" +
         std::string(valid_keys) + "}'");
}

}  // namespace sandbox::registry
