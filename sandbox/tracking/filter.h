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
    bool is_text = false;  // was quoted
    std::string text;      // without quotes, or the number as written
  };
  std::string prefix;      // as written, "" when there was none: "metrics" in metrics.acc
  std::string key;         // without quotes or backticks
  std::string comparator;  // upper case: = != > >= < <= LIKE ILIKE RLIKE IN "NOT IN" "IS NULL" "IS
                           // NOT NULL"
  std::vector<Operand> values;  // one; several for IN; none for IS NULL
  std::string clause;           // the clause as written, for error sentences
};

// Throws Error(invalid_parameter_value) naming the clause for OR, parentheses outside IN lists,
// unbalanced quotes and everything else that is no list of comparisons. Blank text is no clause.
std::vector<Comparison> parse_filter(std::string_view filter);

struct OrderClause {
  std::string prefix;
  std::string key;
  bool ascending = true;
};

// "metrics.acc DESC", "name", "`attributes`.`start_time` asc". Throws like parse_filter.
OrderClause parse_order_by(std::string_view clause);

// A comparison as SQL on `column` (an SQL expression of ours, never user text): fills `sql` with
// the condition and `arguments` with what its `?` stand for. Comparators: = != LIKE ILIKE IN "NOT
// IN" on text, = != > >= < <= on numbers.
struct Condition {
  std::string sql;
  std::vector<std::string> texts;
  std::vector<double> numbers;  // exactly one of both lists is used
};
Condition text_condition(const std::string& column, const Comparison& comparison);
Condition number_condition(const std::string& column, const Comparison& comparison);

// Page tokens of searches that page by offset: base64 of {"offset": N}.
std::string offset_token(std::int64_t offset);
// Throws Error(invalid_parameter_value) for a token of another form; 0 for "".
std::int64_t token_offset(std::string_view token);

}  // namespace sandbox::tracking
