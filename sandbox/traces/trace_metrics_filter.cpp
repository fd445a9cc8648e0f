#include <array>
#include <string>
#include <string_view>

#include "sandbox/base/error.h"
#include "sandbox/traces/analytics.h"
#include "sandbox/traces/trace_info.h"
#include "sandbox/traces/trace_metrics.h"
#include "sandbox/tracking/filter.h"

namespace sandbox::traces {
namespace {

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

// What may stand on the left-hand side: <view>.<entity>, with .<key> where one is needed.
struct Entity {
  std::string_view view;
  std::string_view name;
  bool has_key;
  std::string_view column;  // "": needs more than a comparison
};
constexpr std::array entities{
    Entity{"trace", "status", false, "t.status"},
    Entity{"trace", "tag", true, ""},
    Entity{"trace", "metadata", true, ""},
    Entity{"span", "name", false, "s.name"},
    Entity{"span", "status", false, "s.status"},
    Entity{"span", "type", false, "s.type"},
    Entity{"assessment", "name", false, "a.name"},
    Entity{"assessment", "type", false, "a.assessment_type"},
};

struct Clause {
  Entity entity;
  std::string key;
  std::string value;
};

std::string without_quotes(std::string_view text) {
  const bool is_quoted = text.size() >= 2 && text.front() == text.back() &&
                         std::string_view("`\"'").find(text.front()) != std::string_view::npos;
  return std::string(is_quoted ? text.substr(1, text.size() - 2) : text);
}

Entity find_entity(const std::string& view, const std::string& name) {
  std::string valid;
  for (const Entity& entity : entities) {
    if (entity.view != view) continue;
    if (entity.name == name) return entity;
    valid.append(valid.empty() ? "'" : ", '").append(entity.name).append("'");
  }
  if (valid.empty()) {
    refuse("Invalid view type '" + view +
           "'. Valid values are dict_keys(['trace', 'span', 'assessment'])");
  }
  refuse("Invalid entity '" + name + "' specified for view type '" + view +
         "'. Valid entities are [" + valid + "]");
}

Clause parse_clause(std::string_view filter) {
  const auto comparisons = tracking::parse_filter(filter, "");
  if (comparisons.empty()) {
    refuse("Invalid filter: '" + std::string(filter) + "'. Expected one filter clause.");
  }
  if (comparisons.size() > 1) refuse("Invalid clause(s) in filter string: AND");
  const tracking::Comparison& comparison = comparisons.front();
  if (comparison.prefix.empty()) {
    refuse("Invalid identifier '" + comparison.key +
           "'. Columns should be specified as 'trace.<key>', 'span.<key>', 'assessment.<key>'.");
  }
  const std::size_t dot = comparison.key.find('.');
  const std::string name = comparison.key.substr(0, dot);
  Clause clause{find_entity(comparison.prefix, name), "", ""};
  if (clause.entity.has_key && dot == std::string::npos) {
    refuse("Filtering by " + name + " requires a key, e.g. '" + comparison.prefix + "." + name +
           ".<key> = <value>'");
  }
  if (!clause.entity.has_key && dot != std::string::npos) {
    refuse("Filtering by " + name + " does not require a key, use '" + comparison.prefix + "." +
           name + "' instead");
  }
  if (dot != std::string::npos) clause.key = without_quotes(comparison.key.substr(dot + 1));
  if (comparison.comparator != "=") {
    refuse("Invalid comparator: '" + comparison.comparator + "', only '=' operator is supported");
  }
  const tracking::Comparison::Operand& value = comparison.values.front();
  if (!value.is_text) {
    refuse(value.is_number || comparison.is_list
               ? "Expected a quoted string value for " + name +
                     " value (e.g. 'my-value'). Got value " + comparison.written
               : "Parameter value is either not quoted or unidentified quote types used for "
                 "string value " +
                     value.written + ". Use either single or double quotes.");
  }
  clause.value = value.text;
  return clause;
}

// A condition on trace_info t as it grows: all of it binds text.
struct TraceCondition {
  std::string sql;
  std::vector<std::string> texts;
};

// Token counts and costs live in columns. Only the very text they are shown as equals them.
template <class Numbers, class Keys>
TraceCondition numbers_condition(const Numbers& numbers, const Keys& keys, std::string_view value) {
  const std::string shown = to_json(numbers);
  if (shown.empty() || shown != value) return {"1 = 0", {}};
  TraceCondition condition;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::string column = "t." + std::string(keys[i]);
    condition.sql += condition.sql.empty() ? "" : " AND ";
    if (!numbers[i]) {
      condition.sql += column + " IS NULL";
    } else {
      condition.sql += column + " = CAST(? AS DOUBLE PRECISION)";
      std::string text;
      JsonWriter(text).value(*numbers[i]);
      condition.texts.push_back(std::move(text));
    }
  }
  return condition;
}

TraceCondition metadata_condition(const Clause& clause) {
  if (clause.key == session_metadata) return {"t.session_id = ?", {clause.value}};
  if (clause.key == token_usage_metadata) {
    return numbers_condition(token_counts_of(clause.value), token_keys, clause.value);
  }
  if (clause.key == cost_metadata) {
    return numbers_condition(costs_of(clause.value), cost_keys, clause.value);
  }
  TraceCondition condition{
      "EXISTS (SELECT 1 FROM trace_request_metadata m WHERE m.request_id = t.request_id AND m.key "
      "= ? AND m.value = ?)",
      {clause.key, clause.value}};
  if (clause.key == source_run_metadata) {
    // Traces that were linked to a run later have no metadata that says so.
    condition.sql = "(" + condition.sql +
                    " OR EXISTS (SELECT 1 FROM entity_associations e WHERE e.source_id = "
                    "t.request_id AND e.source_type = 'trace' AND e.destination_type = 'run' AND "
                    "e.destination_id = ?))";
    condition.texts.push_back(clause.value);
  }
  return condition;
}

TraceCondition trace_condition(const Clause& clause) {
  if (!clause.entity.column.empty()) {
    return {std::string(clause.entity.column) + " = ?", {clause.value}};
  }
  if (clause.entity.name == "metadata") return metadata_condition(clause);
  if (clause.key == trace_name_tag) return {"t.trace_name = ?", {clause.value}};
  return {
      "EXISTS (SELECT 1 FROM trace_tags g WHERE g.request_id = t.request_id AND g.key = ? AND "
      "g.value = ?)",
      {clause.key, clause.value}};
}

void check_view(const Clause& clause, MetricView view) {
  constexpr std::array<std::string_view, 3> names{"TRACES", "SPANS", "ASSESSMENTS"};
  const auto wanted = clause.entity.view == "span" ? MetricView::spans : MetricView::assessments;
  if (view == wanted) return;
  refuse("Filtering by " + std::string(clause.entity.view) + " is only supported for " +
         std::string(names.at(static_cast<std::size_t>(wanted))) + " view type, got " +
         std::string(names.at(static_cast<std::size_t>(view))));
}

}  // namespace

void add_metric_filter(tracking::SearchSql& sql, MetricView view, std::string_view filter) {
  const Clause clause = parse_clause(filter);
  if (clause.entity.view != "trace") {
    check_view(clause, view);
    sql.where(std::string(clause.entity.column) + " = ?");
    sql.bind(clause.value);
    return;
  }
  TraceCondition condition = trace_condition(clause);
  sql.where(view == MetricView::assessments
                ? "EXISTS (SELECT 1 FROM trace_info t WHERE t.request_id = a.trace_id AND " +
                      condition.sql + ")"
                : condition.sql);
  for (std::string& text : condition.texts) sql.bind(std::move(text));
}

}  // namespace sandbox::traces
