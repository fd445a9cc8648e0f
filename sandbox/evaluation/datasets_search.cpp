// Source of the rules: SearchEvaluationDatasetsUtils of mlflow/utils/search_utils.py.
#include <algorithm>
#include <array>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/evaluation/datasets.h"
#include "sandbox/evaluation/lookups.h"
#include "sandbox/tracking/experiments.h"
#include "sandbox/tracking/filter.h"
#include "sandbox/tracking/search_sql.h"

namespace sandbox::evaluation {
namespace {

using tracking::Comparison;
using tracking::SearchSql;

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

constexpr std::array<std::string_view, 5> filter_keys{"name", "created_by", "last_updated_by",
                                                      "created_time", "last_update_time"};
constexpr std::array<std::string_view, 3> order_keys{"name", "created_time", "last_update_time"};

bool is_time(std::string_view key) {
  return key == "created_time" || key == "last_update_time";
}

// Whether prefix.key is a tag; else the key has to be one of `keys`.
template <class Keys>
bool is_tag(const std::string& prefix, const std::string& key, const Keys& keys) {
  if (prefix == "tags") return true;
  if (!prefix.empty()) refuse("Invalid identifier token '" + prefix + "' specified");
  if (std::find(keys.begin(), keys.end(), key) != keys.end()) return false;
  std::vector<std::string> shown;
  shown.reserve(keys.size());
  for (const std::string_view one : keys) shown.push_back("'" + std::string(one) + "'");
  refuse("Invalid attribute key '" + key + "' specified. Valid keys are: {" + join(shown, ", ") +
         "}");
}

void add_tag(SearchSql& sql, const Comparison& comparison) {
  constexpr std::array<std::string_view, 4> allowed{"=", "!=", "LIKE", "ILIKE"};
  if (comparison.is_list) {
    refuse("Expected a quoted string value for tag (e.g. 'my-value'). Got value " +
           comparison.written);
  }
  if (std::find(allowed.begin(), allowed.end(), comparison.comparator) == allowed.end()) {
    refuse("Invalid comparator for tag: " + comparison.comparator);
  }
  sql.where_exists(
      "EXISTS (SELECT 1 FROM evaluation_dataset_tags t WHERE t.dataset_id = "
      "evaluation_datasets.dataset_id AND t.key = ?",
      comparison.key, tracking::text_condition("t.value", comparison, "tag (e.g. 'my-value')"));
}

void add_time(SearchSql& sql, const Comparison& comparison) {
  const bool is_number =
      !comparison.is_list && !comparison.values.empty() && comparison.values.front().is_number;
  const bool is_pattern = comparison.comparator == "LIKE" || comparison.comparator == "ILIKE";
  if (is_number && is_pattern) {
    refuse("Invalid comparator for numeric attribute: " + comparison.comparator);
  }
  const tracking::Condition condition = tracking::number_condition(comparison.key, comparison);
  if (!parse_int64(comparison.values.front().text)) {
    refuse("Invalid value for numeric attribute '" + comparison.key + "': '" +
           comparison.values.front().text + "'");
  }
  sql.where(condition);
}

void add_text(SearchSql& sql, Comparison comparison) {
  const std::string comparator = comparison.comparator;
  if (comparison.is_list && comparison.key != "name") {
    refuse("Only ['name'] attributes support comparison with a list of quoted string values.");
  }
  if (comparison.is_list && comparator != "IN") {
    refuse("List values for 'name' are only supported with the IN comparator.");
  }
  constexpr std::array<std::string_view, 4> of_order{"<", "<=", ">", ">="};
  const bool is_order = std::find(of_order.begin(), of_order.end(), comparator) != of_order.end();
  // The reference lets texts be compared by their order.
  if (is_order) comparison.comparator = "=";
  tracking::Condition condition = tracking::text_condition(comparison.key, comparison);
  if (is_order) condition.sql = comparison.key + " " + comparator + " ?";
  sql.where(condition);
}

void add_filter(SearchSql& sql, const std::string& filter) {
  for (const Comparison& comparison : tracking::parse_filter(filter, "")) {
    if (is_tag(comparison.prefix, comparison.key, filter_keys)) {
      add_tag(sql, comparison);
    } else if (is_time(comparison.key)) {
      add_time(sql, comparison);
    } else {
      add_text(sql, comparison);
    }
  }
}

void add_ties(SearchSql& sql, const std::vector<std::string>& ids) {
  if (ids.empty()) return;
  std::string marks;
  for (const std::string& id : ids) {
    marks += marks.empty() ? "?" : ",?";
    sql.bind(id);
  }
  sql.where(
      "dataset_id IN (SELECT source_id FROM entity_associations WHERE destination_type = "
      "'experiment' AND destination_id IN (" +
      marks + ") AND source_type = 'evaluation_dataset')");
}

std::string order_of(std::vector<std::string> clauses) {
  if (clauses.empty()) clauses = {"created_time DESC"};
  std::string order;
  for (const std::string& clause : clauses) {
    const tracking::OrderClause parsed = tracking::parse_order_by(clause);
    if (is_tag(parsed.prefix, parsed.key, order_keys)) refuse("Invalid order_by entity: tag");
    order += parsed.key + (parsed.ascending ? " ASC, " : " DESC, ");
  }
  return order + "dataset_id DESC";
}

}  // namespace

DatasetPage Datasets::search(const SearchDatasets& in) {
  tracking::check_max_results(in.max_results, max_results_max);
  const std::int64_t offset = tracking::token_offset(in.page_token);
  SearchSql sql;
  sql.where("1 = 1");
  add_filter(sql, in.filter_string);
  add_ties(sql, in.experiment_ids);
  const std::string statement = "SELECT " + std::string(dataset_columns) +
                                " FROM evaluation_datasets WHERE " + sql.text() + " ORDER BY " +
                                order_of(in.order_by) + " LIMIT ? OFFSET ?";
  return database_.read([&](db::Tx& tx) {
    DatasetPage page;
    page.next_page_token =
        tracking::read_page(tx, statement, sql, in.max_results, offset, page.datasets, dataset_of);
    read_dataset_tags(tx, page.datasets);
    return page;
  });
}

}  // namespace sandbox::evaluation
