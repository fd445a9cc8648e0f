#include "sandbox/traces/traces_search.h"

#include <set>

#include "sandbox/base/error.h"
#include "sandbox/traces/id_batches.h"
#include "sandbox/traces/trace_filter.h"
#include "sandbox/traces/traces.h"
#include "sandbox/tracking/experiments.h"
#include "sandbox/tracking/filter.h"
#include "sandbox/tracking/names.h"
#include "sandbox/tracking/search_sql.h"

namespace sandbox::traces {
namespace {

using Type = TraceKey::Type;

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

// The JOINs an order needs (absent values are kept) and the ORDER BY itself.
struct Order {
  std::string joins;
  std::vector<std::string> keys;  // what the joins' `?` stand for
  std::string clauses;

  void add(const std::string& value, bool ascending, bool may_be_null) {
    if (!clauses.empty()) clauses += ", ";
    if (may_be_null) clauses += "CASE WHEN " + value + " IS NULL THEN 1 ELSE 0 END, ";
    clauses += value + (ascending ? " ASC" : " DESC");
  }
};

// The value to order by; of tags and metadata that have no column, a JOIN's.
std::string value_of(Order& order, const TraceKey& key) {
  if (key.type == Type::attribute) {
    return key.key == "end_time_ms"
               ? "(trace_info.timestamp_ms + COALESCE(trace_info.execution_time_ms, 0))"
               : "trace_info." + key.key;
  }
  if (key.type != Type::tag && key.type != Type::metadata) {
    refuse("Invalid identifier type '" + std::string(word_of(key.type)) + "'");
  }
  if (key.type == Type::tag && key.key == trace_name_tag) return "trace_info.trace_name";
  if (key.type == Type::metadata && key.key == session_metadata) return "trace_info.session_id";
  if (key.type == Type::metadata && is_column_metadata(key.key)) {
    refuse("Ordering by reserved metadata '" + key.key +
           "' is not supported because it is represented by multiple columns.");
  }
  const std::string name = "o" + std::to_string(order.keys.size());
  order.joins += std::string(" LEFT JOIN ") +
                 (key.type == Type::tag ? "trace_tags " : "trace_request_metadata ") + name +
                 " ON " + name + ".request_id = trace_info.request_id AND " + name + ".\"key\" = ?";
  order.keys.push_back(key.key);
  return name + ".value";
}

Order order_of(const std::vector<std::string>& order_by) {
  Order order;
  std::set<std::pair<Type, std::string>> seen;
  for (const std::string& text : order_by) {
    const tracking::OrderClause clause = tracking::parse_order_by(text);
    const TraceKey key = trace_key_of(clause.prefix, clause.key, true);
    const bool is_never_null =
        key.type == Type::attribute && (key.key == "timestamp_ms" || key.key == "request_id" ||
                                        key.key == "experiment_id" || key.key == "status");
    const std::string value = value_of(order, key);
    if (!seen.emplace(key.type, key.key).second) {
      refuse("`order_by` contains duplicate fields: " + text);
    }
    order.add(value, clause.ascending, !is_never_null);
  }
  if (seen.count({Type::attribute, "timestamp_ms"}) == 0) {
    order.add("trace_info.timestamp_ms", false, false);
  }
  if (seen.count({Type::attribute, "request_id"}) == 0) {
    order.add("trace_info.request_id", true, false);
  }
  return order;
}

}  // namespace

TracePage Traces::search(const TraceSearch& search) {
  if (search.max_results > search_page_max) {
    refuse(
        "Invalid value " + std::to_string(search.max_results) +
        " for parameter 'max_results' supplied:  Hint: Value was of type 'int'. See the API docs "
        "for more information about request parameters.");
  }
  tracking::check_max_results(search.max_results, search_page_max);
  const std::int64_t offset = tracking::token_offset(search.page_token);
  const Order order = order_of(search.order_by);
  std::vector<std::int64_t> experiments;
  for (const std::string& id : search.experiment_ids) {
    experiments.push_back(tracking::parse_experiment_id(id));
  }
  tracking::SearchSql sql;
  for (const std::string& key : order.keys) sql.bind(key);
  for (const std::int64_t id : experiments) sql.bind(id);
  sql.where("trace_info.experiment_id IN (" + question_marks(experiments.size()) + ")");
  add_trace_filter(sql, search.filter, experiments);
  if (experiments.empty()) return {};
  const std::string statement = "SELECT " + std::string(trace_info_columns) + " FROM trace_info" +
                                order.joins + " WHERE " + sql.text() + " ORDER BY " +
                                order.clauses + " LIMIT ? OFFSET ?";
  sql.bind(search.max_results);
  sql.bind(offset);
  return database_.read([&](db::Tx& tx) {
    TracePage page;
    for (db::Rows rows = tx.query_values(statement, sql.values()); rows.next();) {
      page.traces.push_back(trace_info_of(rows));
    }
    if (static_cast<std::int64_t>(page.traces.size()) == search.max_results) {
      page.next_page_token = tracking::offset_token(offset + search.max_results);
    }
    read_trace_details(tx, page.traces);
    return page;
  });
}

}  // namespace sandbox::traces
