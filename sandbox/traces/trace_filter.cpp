#include "sandbox/traces/trace_filter.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "sandbox/base/error.h"
#include "sandbox/base/python_json.h"
#include "sandbox/base/text.h"
#include "sandbox/traces/analytics.h"
#include "sandbox/traces/id_batches.h"
#include "sandbox/traces/trace_info.h"
#include "sandbox/tracking/filter.h"

namespace sandbox::traces {
namespace {

using tracking::Comparison;
using tracking::Condition;
using tracking::SearchSql;
using Type = TraceKey::Type;

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

constexpr std::array<std::string_view, 9> attribute_keys{
    "request_id", "timestamp",   "timestamp_ms", "execution_time",   "execution_time_ms",
    "end_time",   "end_time_ms", "status",       "client_request_id"};
constexpr std::array<std::string_view, 4> mapped_keys{"name", "run_id", "prompt", "text"};
constexpr std::array<std::string_view, 10> order_keys{
    "experiment_id", "timestamp",   "timestamp_ms", "execution_time", "execution_time_ms",
    "end_time",      "end_time_ms", "status",       "request_id",     "name"};
constexpr std::string_view run_key = "run_id";

template <class List>
bool has(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

template <class List>
std::string shown(const List& list) {
  std::string out;
  for (const std::string_view one : list) {
    out.append(out.empty() ? "" : ", ").append("'").append(one).append("'");
  }
  return "{" + out + "}";
}

Type type_of(std::string_view prefix) {
  struct Row {
    std::string_view prefix;
    Type type;
  };
  constexpr std::array rows{
      Row{"", Type::attribute},
      Row{"attribute", Type::attribute},
      Row{"attributes", Type::attribute},
      Row{"trace", Type::attribute},
      Row{"tag", Type::tag},
      Row{"tags", Type::tag},
      Row{"metadata", Type::metadata},
      Row{"request_metadata", Type::metadata},
      Row{"span", Type::span},
      Row{"feedback", Type::feedback},
      Row{"expectation", Type::expectation},
      Row{"issue", Type::issue},
  };
  for (const Row& row : rows) {
    if (row.prefix == prefix) return row.type;
  }
  refuse("Invalid entity type '" + std::string(prefix) +
         "'. Valid values are {'tag', 'request_metadata', 'attribute', 'span', 'feedback', "
         "'expectation', 'issue', 'tags', 'attributes', 'trace', 'metadata'}");
}

void check_attribute_key(std::string_view key, bool is_order) {
  const bool is_known = is_order ? has(order_keys, key) || key == run_key
                                 : has(attribute_keys, key) || has(mapped_keys, key);
  if (is_known) return;
  std::vector<std::string_view> keys;
  if (is_order) {
    keys.assign(order_keys.begin(), order_keys.end());
    keys.push_back(run_key);
  } else {
    keys.assign(attribute_keys.begin(), attribute_keys.end());
    keys.insert(keys.end(), mapped_keys.begin(), mapped_keys.end());
  }
  refuse("Invalid attribute key '" + std::string(key) + "' specified. Valid keys are '" +
         shown(keys) + "'");
}

bool is_number_attribute(std::string_view key) {
  return key == "timestamp_ms" || key == "execution_time_ms" || key == "end_time_ms";
}

constexpr std::array<std::string_view, 7> text_comparators{"!=",   "=",     "IN",   "NOT IN",
                                                           "LIKE", "ILIKE", "RLIKE"};
constexpr std::array<std::string_view, 7> pair_comparators{
    "!=", "=", "LIKE", "ILIKE", "RLIKE", "IS NULL", "IS NOT NULL"};
constexpr std::array<std::string_view, 6> number_comparators{"!=", "=", ">", ">=", "<", "<="};
constexpr std::array<std::string_view, 4> order_comparators{">", ">=", "<", "<="};
constexpr std::array<std::string_view, 2> content_comparators{"LIKE", "ILIKE"};

template <class List>
void check_comparator(const Comparison& comparison, const List& allowed) {
  if (has(allowed, comparison.comparator)) return;
  refuse("Invalid comparator '" + comparison.comparator + "' not one of '" + shown(allowed) + "'");
}

// The condition of a text comparison on a column of ours; the operand was checked before.
Condition comparison_on(const std::string& column, const Comparison& comparison) {
  Condition condition;
  for (const Comparison::Operand& value : comparison.values) condition.texts.push_back(value.text);
  const std::string& comparator = comparison.comparator;
  const bool wants_list = comparator == "IN" || comparator == "NOT IN";
  if (wants_list != comparison.is_list || condition.texts.empty()) {
    refuse("The comparator '" + comparator + "' of " + comparison.clause +
           (wants_list ? " needs a list of texts in parentheses." : " takes one text, no list."));
  }
  if (wants_list) {
    condition.sql = column + " " + comparator + " (" + question_marks(condition.texts.size()) + ")";
  } else if (comparator == "ILIKE") {
    condition.sql = "lower(" + column + ") LIKE lower(?)";
  } else if (comparator == "RLIKE") {
    condition.sql = column + " REGEXP ?";
  } else {
    condition.sql = column + " " + comparator + " ?";
  }
  return condition;
}

// Every value must be quoted text; lists only where `may_be_list`.
void check_texts(const Comparison& comparison, std::string_view subject, bool may_be_list) {
  const auto refuse_value = [&] {
    refuse("Expected a quoted string value for " + std::string(subject) +
           " (e.g. 'my-value'). Got value " + comparison.written);
  };
  if (comparison.is_list && !may_be_list) refuse_value();
  for (const Comparison::Operand& value : comparison.values) {
    if (value.is_text) continue;
    if (comparison.is_list) {
      refuse(
          "While parsing a list in the query, expected string value, punctuation, or whitespace, "
          "but got different type in list: " +
          comparison.written);
    }
    if (value.is_number) refuse_value();
    refuse(
        "Parameter value is either not quoted or unidentified quote types used for string value " +
        value.written + ". Use either single or double quotes.");
  }
}

// Collects the conditions; those on spans have to hold for one and the same span.
class FilterBuilder {
 public:
  FilterBuilder(SearchSql& sql, const std::vector<std::int64_t>& experiment_ids)
      : sql_(sql), experiment_ids_(experiment_ids) {}

  void add(Comparison comparison);
  void finish();

 private:
  void add_attribute(const Comparison& comparison, const std::string& key);
  void add_tag(const Comparison& comparison, const std::string& key);
  void add_metadata(const Comparison& comparison, const std::string& key);
  void add_analytics(const Comparison& comparison, const std::string& key);
  void add_column(const Comparison& comparison, const std::string& column);
  void add_pair(const Comparison& comparison, std::string_view table, const std::string& key);
  void add_prompt(const Comparison& comparison);
  void add_run(const Comparison& comparison);
  void add_span(const Comparison& comparison, const std::string& key);
  void add_span_attribute(const Comparison& comparison, const std::string& name);
  void add_assessment(const Comparison& comparison, std::string_view type, const std::string& key);
  void add_issue(const Comparison& comparison, const std::string& key);

  SearchSql& sql_;
  const std::vector<std::int64_t>& experiment_ids_;
  std::vector<Condition> span_conditions_;
  std::optional<double> earliest_ms_;
};

void FilterBuilder::add_column(const Comparison& comparison, const std::string& column) {
  if (comparison.comparator.starts_with("IS")) {
    sql_.where(column + " " + comparison.comparator);
  } else {
    sql_.where(comparison_on(column, comparison));
  }
}

void FilterBuilder::add_attribute(const Comparison& comparison, const std::string& key) {
  const bool is_number = is_number_attribute(key);
  if (comparison.is_list) {
    if (is_number) {
      refuse(
          "Only attributes in {'name', 'status', 'request_id', 'run_id', 'client_request_id'} "
          "supports comparison with a list of quoted string values.");
    }
    check_texts(comparison, "attribute", true);
  }
  if (!is_number) {
    if (!comparison.values.empty() && comparison.values.front().is_number) {
      refuse(
          "Only the '{'timestamp_ms', 'timestamp', 'execution_time_ms', 'execution_time', "
          "'end_time_ms', 'end_time'}' attributes support comparison with numeric values.");
    }
    check_comparator(comparison, text_comparators);
    check_texts(comparison, "attribute", true);
    sql_.where(comparison_on("trace_info." + key, comparison));
    return;
  }
  check_comparator(comparison, number_comparators);
  const std::string column =
      key == "end_time_ms" ? "(trace_info.timestamp_ms + COALESCE(trace_info.execution_time_ms, 0))"
                           : "trace_info." + key;
  const Condition condition = tracking::number_condition(column, comparison);
  if (key == "timestamp_ms" && comparison.comparator.starts_with('>')) {
    earliest_ms_ = std::max(earliest_ms_.value_or(condition.numbers[0]), condition.numbers[0]);
  }
  sql_.where(condition);
}

void FilterBuilder::add_pair(const Comparison& comparison,
                             std::string_view table,
                             const std::string& key) {
  const std::string exists = "EXISTS (SELECT 1 FROM " + std::string(table) +
                             " p WHERE p.request_id = trace_info.request_id AND p.\"key\" = ?";
  if (comparison.comparator.starts_with("IS")) {
    sql_.where((comparison.comparator == "IS NULL" ? "NOT " : "") + exists + ")");
    sql_.bind(key);
    return;
  }
  sql_.where_exists(exists, key, comparison_on("p.value", comparison));
}

void FilterBuilder::add_prompt(const Comparison& comparison) {
  if (comparison.comparator != "=") {
    refuse("Invalid comparator '" + comparison.comparator +
           "' for prompts filter. Only '=' is supported with format: prompt = \"name/version\"");
  }
  const std::string& value = comparison.values.front().text;
  if (std::count(value.begin(), value.end(), '/') != 1) {
    refuse("Invalid prompts filter value '" + value +
           "'. Expected format: prompt = \"name/version\"");
  }
  sql_.where(
      "trace_info.request_id IN (SELECT source_id FROM entity_associations WHERE destination_type "
      "= "
      "'prompt_version' AND destination_id = ? AND source_type = 'trace')");
  sql_.bind(value);
}

void FilterBuilder::add_tag(const Comparison& comparison, const std::string& key) {
  check_texts(comparison, "tag", true);
  check_comparator(comparison, pair_comparators);
  if (key == trace_name_tag) {
    add_column(comparison, "trace_info.trace_name");
  } else if (key == linked_prompts_tag) {
    add_prompt(comparison);
  } else {
    add_pair(comparison, "trace_tags", key);
  }
}

// Traces that ran in the run, and those that were linked to it.
void FilterBuilder::add_run(const Comparison& comparison) {
  sql_.where(
      "trace_info.request_id IN (SELECT source_id FROM entity_associations WHERE destination_type "
      "= "
      "'run' AND destination_id = ? AND source_type = 'trace' UNION SELECT request_id FROM "
      "trace_request_metadata WHERE \"key\" = 'mlflow.sourceRun' AND value = ?)");
  sql_.bind(comparison.values.front().text);
  sql_.bind(comparison.values.front().text);
}

// Token usage and cost are columns; as metadata they equal the text they are shown as.
void FilterBuilder::add_analytics(const Comparison& comparison, const std::string& key) {
  std::string columns;
  std::string equal;
  const auto name_columns = [&](const auto& names) {
    for (const std::string_view name : names) {
      columns.append(columns.empty() ? "" : ", ").append("trace_info.").append(name);
      equal.append(equal.empty() ? "" : " AND ")
          .append("trace_info.")
          .append(name)
          .append(" IS NOT DISTINCT FROM ?");
    }
  };
  const bool is_usage = key == token_usage_metadata;
  is_usage ? name_columns(token_keys) : name_columns(cost_keys);
  const std::string exists = "COALESCE(" + columns + ") IS NOT NULL";
  const std::string& comparator = comparison.comparator;
  if (comparator == "IS NULL") return sql_.where("NOT (" + exists + ")");
  if (comparator == "IS NOT NULL") return sql_.where(exists);
  if (comparator != "=" && comparator != "!=") {
    refuse("Comparator '" + comparator + "' is not supported for reserved metadata '" + key +
           "'. Only '=', '!=', 'IS NULL', and 'IS NOT NULL' are supported.");
  }
  const std::string& value = comparison.values.front().text;
  const TokenCounts counts = token_counts_of(value);
  const Costs costs = costs_of(value);
  const bool is_shown_so = value == (is_usage ? to_json(counts) : to_json(costs));
  if (!is_shown_so) return sql_.where(comparator == "=" ? "1 = 0" : exists);
  sql_.where(comparator == "=" ? equal : exists + " AND NOT (" + equal + ")");
  if (is_usage) {
    for (const auto& count : counts) sql_.bind_value(db::Value(count));
  } else {
    for (const auto& cost : costs) sql_.bind_value(db::Value(cost));
  }
}

void FilterBuilder::add_metadata(const Comparison& comparison, const std::string& key) {
  check_texts(comparison, "request_metadata", false);
  check_comparator(comparison, pair_comparators);
  if (key == session_metadata) {
    add_column(comparison, "trace_info.session_id");
  } else if (is_column_metadata(key)) {
    add_analytics(comparison, key);
  } else if (key == source_run_metadata && comparison.comparator == "=") {
    add_run(comparison);
  } else {
    add_pair(comparison, "trace_request_metadata", key);
  }
}

void check_span_comparator(const Comparison& comparison, const std::string& key) {
  const bool is_content = key == "content";
  if (is_content ? has(content_comparators, comparison.comparator)
                 : has(text_comparators, comparison.comparator)) {
    return;
  }
  refuse("span." + key + " comparator '" + comparison.comparator + "' not one of '" +
         (is_content ? shown(content_comparators) : shown(text_comparators)) + "'");
}

// Attributes stand in the content as "name": "<JSON text>", so a comparison looks for that piece.
void FilterBuilder::add_span_attribute(const Comparison& comparison, const std::string& name) {
  if (comparison.is_list) return span_conditions_.push_back(comparison_on("s.content", comparison));
  Comparison piece = comparison;
  std::string& value = piece.values.front().text;
  if (comparison.comparator == "RLIKE") {
    const bool from_start = value.starts_with('^');
    const bool to_end = value.ends_with('$');
    if (from_start) value.erase(0, 1);
    if (to_end) value.pop_back();
    value = '"' + name + "\": " + (from_start ? R"("\\")" : R"("\\".*)") + value +
            (to_end ? R"(\\")" : "");
  } else {
    value = "%\"" + name + '"' + value + '%';
  }
  span_conditions_.push_back(comparison_on("s.content", piece));
}

void FilterBuilder::add_span(const Comparison& comparison, const std::string& key) {
  constexpr std::string_view attributes = "attributes.";
  check_texts(comparison, "span", true);
  if (key.starts_with(attributes)) {
    std::string name = key.substr(attributes.size());
    if (name.empty()) refuse("Span attribute name cannot be empty after 'attributes.'");
    check_span_comparator(comparison, key);
    if (name.size() > 1 && name.front() == '`' && name.back() == '`') {
      name = name.substr(1, name.size() - 2);
    }
    return add_span_attribute(comparison, name);
  }
  if (key != "name" && key != "type" && key != "status" && key != "content") {
    refuse("Invalid span attribute '" + key +
           "'. Supported attributes: name, status, type, attributes.<attribute_name>.");
  }
  check_span_comparator(comparison, key);
  span_conditions_.push_back(comparison_on("s." + key, comparison));
}

// What an assessment's value has to be.
Condition value_condition(const Comparison& comparison) {
  if (has(order_comparators, comparison.comparator)) {
    Condition condition = tracking::number_condition("a.aggregate_value", comparison);
    condition.sql = "a.is_numeric_value = TRUE AND " + condition.sql;
    return condition;
  }
  if (comparison.comparator != "=" && comparison.comparator != "!=") {
    return comparison_on("a.value", comparison);
  }
  // Values are JSON: numbers and flags equal the text as it is, texts the quoted one.
  const std::string& value = comparison.values.front().text;
  const std::string json = python_quoted(value);
  const bool is_equal = comparison.comparator == "=";
  return {std::string(is_equal ? "" : "NOT ") + "(a.value = ? OR a.value = ?)", {value, json}, {}};
}

void FilterBuilder::add_assessment(const Comparison& comparison,
                                   std::string_view type,
                                   const std::string& key) {
  if (key.empty()) refuse("Assessment field name cannot be empty");
  const bool wants_number = has(order_comparators, comparison.comparator);
  if (wants_number && !comparison.is_list && !comparison.values.front().is_number) {
    refuse("Expected a numeric value for " + std::string(type) + " when using comparator '" +
           comparison.comparator + "'. Got value " + comparison.written);
  }
  if (!wants_number) check_texts(comparison, type, false);
  if (!wants_number && !has(pair_comparators, comparison.comparator)) {
    refuse("assessment." + key + " comparator '" + comparison.comparator + "' not one of '" +
           shown(pair_comparators) + "'");
  }
  const bool is_about_presence = comparison.comparator.starts_with("IS");
  const Condition value =
      is_about_presence ? Condition{"1 = 1", {}, {}} : value_condition(comparison);
  const std::string matching =
      "a.name = ? AND a.assessment_type = ? AND a.valid = TRUE AND " + value.sql;
  // Of the trace itself, or of the whole session it belongs to.
  sql_.where(
      std::string(comparison.comparator == "IS NULL" ? "NOT " : "") +
      "(trace_info.request_id IN (SELECT a.trace_id FROM assessments a WHERE " + matching +
      ") OR (trace_info.session_id IS NOT NULL AND trace_info.session_id IN (SELECT "
      "o.session_id FROM assessments a JOIN trace_info o ON o.request_id = a.trace_id WHERE " +
      matching +
      " AND a.assessment_metadata LIKE '%\"mlflow.trace.session\":%' AND o.session_id IS NOT "
      "NULL AND o.experiment_id IN (" +
      (experiment_ids_.empty() ? "NULL" : question_marks(experiment_ids_.size())) + "))))");
  for (int time = 0; time < 2; ++time) {
    sql_.bind(key);
    sql_.bind(std::string(type));
    sql_.bind(value);
  }
  for (const std::int64_t id : experiment_ids_) sql_.bind(id);
}

void FilterBuilder::add_issue(const Comparison& comparison, const std::string& key) {
  check_texts(comparison, "issue", false);
  if (key != "id") refuse("Invalid issue attribute '" + key + "'. Supported attributes: id");
  if (comparison.comparator != "=") {
    refuse("issue." + key + " comparator '" + comparison.comparator + "' not one of '{'='}'");
  }
  sql_.where(
      "trace_info.request_id IN (SELECT trace_id FROM assessments WHERE assessment_type = 'issue' "
      "AND name = ?)");
  sql_.bind(comparison.values.front().text);
}

void FilterBuilder::add(Comparison comparison) {
  const TraceKey key = trace_key_of(comparison.prefix, comparison.key, false);
  comparison.key = key.key;
  switch (key.type) {
    case Type::attribute: return add_attribute(comparison, key.key);
    case Type::tag: return add_tag(comparison, key.key);
    case Type::metadata: return add_metadata(comparison, key.key);
    case Type::span: return add_span(comparison, key.key);
    case Type::feedback:
    case Type::expectation: return add_assessment(comparison, word_of(key.type), key.key);
    case Type::issue: return add_issue(comparison, key.key);
  }
}

void FilterBuilder::finish() {
  if (span_conditions_.empty()) return;
  // The plus keeps the planner from the indexes that begin with the experiment: it would read all
  // spans of the experiment for each trace.
  std::string exists =
      "EXISTS (SELECT 1 FROM spans s WHERE s.trace_id = trace_info.request_id AND "
      "+s.experiment_id = trace_info.experiment_id";
  if (earliest_ms_) exists += " AND s.start_time_unix_nano >= ?";
  for (const Condition& condition : span_conditions_) exists += " AND " + condition.sql;
  sql_.where(exists + ")");
  if (earliest_ms_) {
    constexpr double tolerance_ms = 10'000;  // clocks of clients differ a little
    constexpr double ns_per_ms = 1'000'000;
    sql_.bind_value(db::Value((*earliest_ms_ - tolerance_ms) * ns_per_ms));
  }
  for (const Condition& condition : span_conditions_) sql_.bind(condition);
}

}  // namespace

std::string_view word_of(TraceKey::Type type) {
  constexpr std::array<std::string_view, 7> words{
      "attribute", "tag", "request_metadata", "span", "feedback", "expectation", "issue"};
  return words.at(static_cast<std::size_t>(type));
}

TraceKey trace_key_of(const std::string& prefix, const std::string& key, bool is_order) {
  TraceKey out{type_of(prefix), key};
  if (out.type == Type::attribute) check_attribute_key(key, is_order);
  if (out.type == Type::span) return out;
  // As in the reference, whatever stands before the name.
  const std::string word = lower(key);
  if (word == "name") return {Type::tag, std::string(trace_name_tag)};
  if (word == "prompt") return {Type::tag, std::string(linked_prompts_tag)};
  if (word == run_key) return {Type::metadata, std::string(source_run_metadata)};
  if (word == "text") return {Type::span, "content"};
  if (word == "timestamp" || word == "execution_time" || word == "end_time") out.key = word + "_ms";
  return out;
}

void add_trace_filter(SearchSql& sql,
                      std::string_view filter,
                      const std::vector<std::int64_t>& experiment_ids) {
  FilterBuilder builder(sql, experiment_ids);
  for (Comparison& comparison : tracking::parse_filter(filter)) builder.add(std::move(comparison));
  builder.finish();
}

}  // namespace sandbox::traces
