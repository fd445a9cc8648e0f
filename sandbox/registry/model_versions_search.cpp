#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/registry/batches.h"
#include "sandbox/registry/model_versions.h"
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

std::string attribute_column(const std::string& key) {
  if (key == "name" || key == "run_id") return "v." + key;
  if (key == "source_path") return "v.source";
  if (key == "version_number") return "v.version";
  refuse_key(key, "'name', 'run_id', 'source_path', 'version_number'");
}

void add_version_number(SearchSql& sql, const Comparison& comparison) {
  const std::string& comparator = comparison.comparator;
  if (comparator != "=" && comparator != "!=" && comparator != ">" && comparator != ">=" &&
      comparator != "<" && comparator != "<=") {
    refuse("Invalid comparator for attribute version_number: " + comparator);
  }
  const Comparison::Operand& value = comparison.values[0];
  // Quoted numbers are accepted too.
  const auto number = parse_int64(trim(value.text));
  if (!number) {
    refuse("Invalid value for numeric attribute 'version_number': " +
           (value.is_text ? "'" + value.text + "'" : value.text));
  }
  sql.where("v.version " + comparator + " ?");
  sql.bind(*number);
}

void add_attribute(SearchSql& sql, const Comparison& comparison) {
  const std::string& key = comparison.key;
  const std::string column = attribute_column(key);
  if (comparison.is_list && key != "name" && key != "run_id") {
    refuse(
        "Only ['name', 'run_id'] attributes support comparison with a list of quoted string "
        "values.");
  }
  check_attribute_value(comparison);
  if (key == "version_number") {
    add_version_number(sql, comparison);
    return;
  }
  if (!comparison.values.empty() && comparison.values[0].is_number) {
    refuse(
        "Only the '{'creation_timestamp', 'last_updated_timestamp', 'version_number'}' "
        "attributes support comparison with numeric values.");
  }
  check_text_comparator(comparison);
  sql.where(text_condition(column, comparison));
}

void add_comparisons(SearchSql& sql, const std::vector<Comparison>& comparisons) {
  constexpr std::string_view tag_exists =
      "EXISTS (SELECT 1 FROM model_version_tags t WHERE t.workspace = v.workspace AND t.name = "
      "v.name AND t.version = v.version AND t.key = ?";
  const bool with_prompts = asks_for_prompts(comparisons);
  if (!with_prompts) {
    // One prompt version hides all versions of that name, as in the reference.
    sql.where(
        "NOT EXISTS (SELECT 1 FROM model_version_tags p WHERE p.workspace = v.workspace AND p.key "
        "= 'mlflow.prompt.is_prompt' AND p.name = v.name AND p.value = 'true')");
  }
  for (const Comparison& comparison : comparisons) {
    if (!is_on_tag(comparison)) {
      add_attribute(sql, comparison);
      continue;
    }
    check_tag_comparison(comparison);
    if (!with_prompts && comparison.key == prompt_tag) continue;
    sql.where_exists(tag_exists, comparison.key, text_condition("t.value", comparison));
  }
}

std::string order_column(const std::string& clause, const tracking::OrderClause& order) {
  constexpr std::string_view keys =
      "'creation_timestamp', 'last_updated_timestamp', 'name', 'version_number'";
  if (order.prefix == "tag" || order.prefix == "tags") {
    refuse("Invalid order by key '" + order.key + "' specified. Valid keys are {" +
           std::string(keys) + "}");
  }
  if (!order.prefix.empty() && order.prefix != "attribute" && order.prefix != "attributes") {
    refuse("Invalid entity type '" + order.prefix + "' in order_by clause '" + clause + "'.");
  }
  if (order.key == "name") return "v.name";
  if (order.key == "version_number") return "v.version";
  if (order.key == "creation_timestamp") return "v.creation_time";
  if (order.key == "last_updated_timestamp") return "v.last_updated_time";
  refuse_key(order.key, keys);
}

std::string order_sql(const std::vector<std::string>& order_by) {
  if (order_by.empty()) return "v.last_updated_time DESC, v.name ASC, v.version DESC";
  std::string sql;
  for (const std::string& clause : order_by) {
    const tracking::OrderClause order = tracking::parse_order_by(clause);
    const std::string column = order_column(clause, order) + " ";
    if (sql.find(column) != std::string::npos) refuse_duplicate_order(order_by);
    sql += (sql.empty() ? "" : ", ") + column + (order.ascending ? "ASC" : "DESC");
  }
  if (sql.find("v.name ") == std::string::npos) sql += ", v.name ASC";
  if (sql.find("v.version ") == std::string::npos) sql += ", v.version DESC";
  return sql;
}

}  // namespace

ModelVersionPage ModelVersions::search(std::string_view filter,
                                       const std::vector<std::string>& order_by,
                                       std::int64_t max_results,
                                       std::string_view page_token) {
  check_page_size_limit(max_results, model_versions_page_max);
  if (max_results < 1) {
    refuse("Invalid value for max_results. It must be a positive integer, but got " +
           std::to_string(max_results));
  }
  SearchSql sql;
  sql.where("v.workspace = 'default' AND v.current_stage != 'Deleted_Internal'");
  add_comparisons(sql, tracking::parse_filter(filter, ""));
  const std::string statement = "SELECT " + std::string(version_columns) +
                                " FROM model_versions v WHERE " + sql.text() + " ORDER BY " +
                                order_sql(order_by) + " LIMIT ? OFFSET ?";
  const std::int64_t offset = tracking::token_offset(page_token);
  return database_.read([&](db::Tx& tx) {
    ModelVersionPage page;
    page.next_page_token = tracking::read_page(tx, statement, sql, max_results, offset,
                                               page.model_versions, version_of);
    read_tags(tx, page.model_versions);
    return page;
  });
}

}  // namespace sandbox::registry
