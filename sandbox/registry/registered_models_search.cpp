#include "sandbox/base/error.h"
#include "sandbox/registry/batches.h"
#include "sandbox/registry/registered_models.h"
#include "sandbox/registry/search_rules.h"
#include "sandbox/tracking/filter.h"
#include "sandbox/tracking/search_sql.h"

namespace sandbox::registry {
namespace {

using tracking::Comparison;
using tracking::SearchSql;

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

void add_name(SearchSql& sql, const Comparison& comparison) {
  if (comparison.key != "name") refuse_key(comparison.key, "'name'");
  check_attribute_value(comparison);
  if (!comparison.values.empty() && comparison.values[0].is_number) {
    refuse(
        "Expected a quoted string value or a list of quoted string values for attributes. Got "
        "value " +
        comparison.values[0].text);
  }
  check_text_comparator(comparison);
  sql.where(text_condition("registered_models.name", comparison));
}

void add_comparisons(SearchSql& sql, const std::vector<Comparison>& comparisons) {
  constexpr std::string_view tag_exists =
      "EXISTS (SELECT 1 FROM registered_model_tags t WHERE t.workspace = "
      "registered_models.workspace AND t.name = registered_models.name AND t.key = ?";
  const bool with_prompts = asks_for_prompts(comparisons);
  if (!with_prompts) {
    sql.where(
        "NOT EXISTS (SELECT 1 FROM registered_model_tags p WHERE p.workspace = "
        "registered_models.workspace AND p.key = 'mlflow.prompt.is_prompt' AND p.name = "
        "registered_models.name AND p.value = 'true')");
  }
  for (const Comparison& comparison : comparisons) {
    if (!is_on_tag(comparison)) {
      add_name(sql, comparison);
      continue;
    }
    check_tag_comparison(comparison);
    if (!with_prompts && comparison.key == prompt_tag) continue;
    sql.where_exists(tag_exists, comparison.key, text_condition("t.value", comparison));
  }
}

std::string order_column(const tracking::OrderClause& order) {
  if (order.prefix.empty() && order.key == "name") return "name";
  if (order.prefix.empty() && (order.key == "timestamp" || order.key == "last_updated_timestamp")) {
    return "last_updated_time";
  }
  refuse("Invalid order by key '" + (order.prefix.empty() ? "" : order.prefix + ".") + order.key +
         "' specified. Valid keys are '{'name', 'timestamp'}'");
}

std::string order_sql(const std::vector<std::string>& order_by) {
  std::string sql;
  for (const std::string& clause : order_by) {
    const tracking::OrderClause order = tracking::parse_order_by(clause);
    const std::string column = order_column(order) + " ";
    if (sql.find(column) != std::string::npos) refuse_duplicate_order(order_by);
    sql += (sql.empty() ? "" : ", ") + column + (order.ascending ? "ASC" : "DESC");
  }
  if (sql.find("name ") == std::string::npos) sql += sql.empty() ? "name ASC" : ", name ASC";
  return sql;
}

}  // namespace

RegisteredModelPage RegisteredModels::search(std::string_view filter,
                                             const std::vector<std::string>& order_by,
                                             std::int64_t max_results,
                                             std::string_view page_token) {
  check_page_size_limit(max_results, registered_models_page_max);
  if (max_results < 0) {
    refuse("Invalid value for max_results. It must not be negative, but got " +
           std::to_string(max_results));
  }
  SearchSql sql;
  sql.where("registered_models.workspace = 'default'");
  add_comparisons(sql, tracking::parse_filter(filter, ""));
  const std::string statement = "SELECT " + std::string(model_columns) +
                                " FROM registered_models WHERE " + sql.text() + " ORDER BY " +
                                order_sql(order_by) + " LIMIT ? OFFSET ?";
  const std::int64_t offset = tracking::token_offset(page_token);
  return database_.read([&](db::Tx& tx) {
    RegisteredModelPage page;
    page.next_page_token = tracking::read_page(tx, statement, sql, max_results, offset,
                                               page.registered_models, model_of);
    read_details(tx, page.registered_models);
    return page;
  });
}

}  // namespace sandbox::registry
