// The search language of MLflow's filters and order_by lists, as text to values. What prefixes,
// keys and comparators a search allows is decided by the search itself (runs_search.cpp, …). Source
// of the rules: mlflow/utils/search_utils.py of MLflow 3.17.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sandbox::tracking {

// One clause of `a AND b AND c`.
struct Comparison {
  struct Operand {
    bool is_text = false;    // was quoted
    bool is_number = false;  // neither: a bare word
    std::string text;        // without quotes, or the number or bare word as written
    std::string written;     // with its quotes
  };
  std::string prefix;      // as written, "" when there was none: "metrics" in metrics.acc
  std::string key;         // without quotes or backticks
  std::string comparator;  // upper case, e.g. = != LIKE "NOT IN" "IS NOT NULL"; not checked yet
  bool is_list = false;    // the value was a list in parentheses
  std::vector<Operand> values;  // one; several for a list; none for IS NULL
  std::string written;          // the right-hand side as written, for error sentences
  std::string clause;           // the whole comparison as written
};

// Throws Error(invalid_parameter_value) naming what is no comparison: OR, parentheses outside
// lists, unbalanced quotes. `quote` stands around each named part, as the searches of the reference
// differ in it. "" is no clause; blank text is refused.
std::vector<Comparison> parse_filter(std::string_view filter, std::string_view quote = "'");

struct OrderClause {
  std::string prefix;
  std::string key;
  bool ascending = true;
};

// "metrics.acc DESC", "name", "`attributes`.`start_time` asc". Throws like parse_filter.
OrderClause parse_order_by(std::string_view clause);

// A comparison as SQL on a column (an SQL expression of ours, never user text), with what its `?`
// stand for.
struct Condition {
  std::string sql;
  std::vector<std::string> texts;
  std::vector<double> numbers;  // exactly one of both lists is used
};
// = != LIKE ILIKE, and IN "NOT IN" with a list of texts. `subject` is what the sentence calls the
// left-hand side: "Expected a quoted string value for <subject>. Got value 5".
Condition text_condition(const std::string& column,
                         const Comparison& comparison,
                         std::string_view subject = "attributes");
// = != > >= < <=. "Expected numeric value type for <subject>. Found 'x'"; "" names the attribute.
Condition number_condition(const std::string& column,
                           const Comparison& comparison,
                           std::string_view subject = "");

// Throws "Invalid comparator …, not one of …" with the reference's words.
[[noreturn]] void refuse_comparator(const Comparison& comparison, std::string_view allowed);

// Page tokens of searches that page by offset: base64 of {"offset": N}.
std::string offset_token(std::int64_t offset);
// Throws Error(invalid_parameter_value) for a token of another form; 0 for "".
std::int64_t token_offset(std::string_view token);

}  // namespace sandbox::tracking
