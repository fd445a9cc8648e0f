#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/text.h"
#include "sandbox/tracking/experiments.h"
#include "sandbox/tracking/filter.h"
#include "sandbox/tracking/names.h"
#include "sandbox/tracking/search_sql.h"

namespace sandbox::tracking {
namespace {

constexpr std::int64_t experiments_page_max = 50'000;

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

bool is_tag(const std::string& prefix) {
  return prefix == "tag" || prefix == "tags";
}

// The column an attribute names; throws for a key that is none.
std::string attribute_column(const std::string& prefix, const std::string& key) {
  if (!prefix.empty() && prefix != "attribute") {
    refuse("Invalid entity type '" + prefix +
           "'. Valid entity types are ('attribute', 'tag', 'tags')");
  }
  if (key == "name" || key == "experiment_id" || key == "creation_time" ||
      key == "last_update_time") {
    return key;
  }
  refuse("Invalid attribute key '" + key +
         "' specified. Valid keys are '{'creation_time', 'experiment_id', 'last_update_time', "
         "'name'}'");
}

void add_experiment_id(SearchSql& sql, const Comparison& comparison) {
  const std::string& comparator = comparison.comparator;
  if (comparator != "=" && comparator != "!=" && comparator != "IN" && comparator != "NOT IN") {
    refuse("Invalid comparator for experiment_id: " + comparator);
  }
  if (comparison.is_list) text_condition("experiment_id", comparison);  // checks its values
  std::string marks;
  for (const Comparison::Operand& value : comparison.values) {
    if (!value.is_text) {
      refuse("Expected a quoted string value for attributes. Got value " + value.written);
    }
    marks += marks.empty() ? "?" : ",?";
    sql.bind(parse_experiment_id(value.text));
  }
  sql.where("experiment_id " + comparator +
            (comparison.is_list ? " (" + marks + ")" : " " + marks));
}

void add_comparison(SearchSql& sql, const Comparison& comparison) {
  constexpr std::string_view tag_exists =
      "EXISTS (SELECT 1 FROM experiment_tags t WHERE t.experiment_id = experiments.experiment_id "
      "AND t.key = ?";
  const bool is_presence = comparison.comparator.starts_with("IS");
  if (is_tag(comparison.prefix)) {
    if (is_presence) {
      sql.where((comparison.comparator == "IS NULL" ? "NOT " : "") + std::string(tag_exists) + ")");
      sql.bind(comparison.key);
      return;
    }
    if (comparison.is_list) {
      refuse("Expected a quoted string value for tag (e.g. 'my-value'). Got value " +
             comparison.written);
    }
    if (comparison.comparator.find_first_of("<>N") == 0) {
      refuse("Invalid comparator for tag: " + comparison.comparator);
    }
    sql.where_exists(tag_exists, comparison.key,
                     text_condition("t.value", comparison, "tag (e.g. 'my-value')"));
    return;
  }
  const std::string column = attribute_column(comparison.prefix, comparison.key);
  if (is_presence) {
    refuse("IS NULL / IS NOT NULL is only supported for tags, not for attribute '" +
           comparison.key + "'");
  }
  if (column == "experiment_id") {
    add_experiment_id(sql, comparison);
  } else if (column == "name") {
    if (comparison.comparator.ends_with("IN")) {
      refuse(
          "Only ['experiment_id'] attributes support comparison with a list of quoted string "
          "values.");
    }
    sql.where(text_condition(column, comparison));
  } else {
    const Condition condition = number_condition(column, comparison);
    if (!parse_int64(comparison.values.front().text)) {
      std::string number;
      JsonWriter(number).value(condition.numbers.front());
      refuse("Invalid value for numeric attribute '" + comparison.key + "': '" + number + "'");
    }
    sql.where(condition);
  }
}

std::string order_sql(const std::vector<std::string>& order_by) {
  if (order_by.empty()) return "creation_time DESC, experiment_id ASC";
  std::string sql;
  bool by_id = false;
  for (const std::string& clause : order_by) {
    const OrderClause order = parse_order_by(clause);
    if (is_tag(order.prefix)) refuse("Invalid order_by entity: tag");
    const std::string column = attribute_column(order.prefix, order.key);
    by_id = by_id || column == "experiment_id";
    sql += (sql.empty() ? "" : ", ") + column + (order.ascending ? " ASC" : " DESC");
  }
  return by_id ? sql : sql + ", experiment_id DESC";
}

}  // namespace

ExperimentPage Experiments::search(std::string_view filter,
                                   const std::vector<std::string>& order_by,
                                   std::string_view view_type,
                                   std::int64_t max_results,
                                   std::string_view page_token) {
  check_max_results(max_results, experiments_page_max);
  const std::int64_t offset = token_offset(page_token);
  SearchSql sql;
  sql.where("workspace = 'default' AND lifecycle_stage IN " + std::string(stages_of(view_type)));
  for (const Comparison& comparison : parse_filter(filter, "")) add_comparison(sql, comparison);
  const std::string statement = "SELECT " + std::string(experiment_columns) +
                                " FROM experiments WHERE " + sql.text() + " ORDER BY " +
                                order_sql(order_by) + " LIMIT ? OFFSET ?";
  return database_.read([&](db::Tx& tx) {
    ExperimentPage page;
    page.next_page_token =
        read_page(tx, statement, sql, max_results, offset, page.experiments, experiment_of);
    for (Experiment& experiment : page.experiments) read_tags(tx, experiment);
    return page;
  });
}

}  // namespace sandbox::tracking
