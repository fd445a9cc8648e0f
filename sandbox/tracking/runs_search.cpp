#include <array>
#include <set>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/tracking/filter.h"
#include "sandbox/tracking/names.h"
#include "sandbox/tracking/runs.h"
#include "sandbox/tracking/search_sql.h"

namespace sandbox::tracking {
namespace {

constexpr std::int64_t runs_page_max = 50'000;
// A condition on a metric that so few runs meet is looked up by value; others are met so often that
// going through the runs in their order soon fills a page.
constexpr std::int64_t rare_runs_max = 2'000;
// Pages that end so early in an order by a metric are looked for along the metric's values, among
// at least so many runs for each wanted one.
constexpr std::int64_t along_metric_runs_max = 5'000;
constexpr std::int64_t candidates_per_run = 16;

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

enum class Entity { attribute, metric, param, tag, dataset };

Entity entity_of(std::string_view prefix) {
  struct Row {
    std::string_view prefix;
    Entity entity;
  };
  constexpr std::array rows{
      Row{"", Entity::attribute},
      Row{"attribute", Entity::attribute},
      Row{"attributes", Entity::attribute},
      Row{"attr", Entity::attribute},
      Row{"run", Entity::attribute},
      Row{"metric", Entity::metric},
      Row{"metrics", Entity::metric},
      Row{"param", Entity::param},
      Row{"params", Entity::param},
      Row{"parameter", Entity::param},
      Row{"parameters", Entity::param},
      Row{"tag", Entity::tag},
      Row{"tags", Entity::tag},
      Row{"dataset", Entity::dataset},
      Row{"datasets", Entity::dataset},
  };
  for (const Row& row : rows) {
    if (row.prefix == prefix) return row.entity;
  }
  refuse("Invalid entity type '" + std::string(prefix) +
         "'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']");
}

std::string_view name_of(Entity entity) {
  return entity == Entity::attribute ? "attribute"
         : entity == Entity::metric  ? "metric"
                                     : "dataset";
}

struct Attribute {
  std::string_view key;
  std::string_view column;
  bool is_number;
};

const Attribute& attribute_of(std::string_view key) {
  static constexpr std::array rows{
      Attribute{"status", "runs.status", false},
      Attribute{"artifact_uri", "runs.artifact_uri", false},
      Attribute{"user_id", "runs.user_id", false},
      Attribute{"run_id", "runs.run_uuid", false},
      Attribute{"run_name", "runs.name", false},
      Attribute{"run name", "runs.name", false},
      Attribute{"Run name", "runs.name", false},
      Attribute{"Run Name", "runs.name", false},
      Attribute{"start_time", "runs.start_time", true},
      Attribute{"created", "runs.start_time", true},
      Attribute{"Created", "runs.start_time", true},
      Attribute{"end_time", "runs.end_time", true},
  };
  for (const Attribute& row : rows) {
    if (row.key == key) return row;
  }
  refuse("Invalid attribute key '" + std::string(key) +
         "' specified. Valid keys are '{'Created', 'Run Name', 'Run name', 'artifact_uri', "
         "'created', 'end_time', 'run name', 'run_id', 'run_name', 'start_time', 'status', "
         "'user_id'}'");
}

// Orders know no names of two words.
const Attribute& ordering_attribute_of(const std::string& key) {
  if (key.find(' ') == std::string::npos) {
    try {
      return attribute_of(key);
    } catch (const Error&) {
    }
  }
  refuse("Invalid attribute key '" + key +
         "' specified. Valid keys are '{'Created', 'artifact_uri', 'created', 'end_time', "
         "'run_id', 'run_name', 'start_time', 'status', 'user_id'}'");
}

void add_attribute(SearchSql& sql, const Comparison& comparison) {
  const Attribute& attribute = attribute_of(comparison.key);
  if (attribute.is_number) {
    sql.where(number_condition(std::string(attribute.column), comparison));
    return;
  }
  if (comparison.is_list && attribute.key != "run_id") {
    refuse("Only ['run_id'] attributes support comparison with a list of quoted string values.");
  }
  sql.where(text_condition(std::string(attribute.column), comparison));
}

// EXISTS over one of the key-value tables, up to the key.
std::string exists_in(std::string_view table) {
  return "EXISTS (SELECT 1 FROM " + std::string(table) +
         " e WHERE e.run_uuid = runs.run_uuid AND e.key = ?";
}

// What the row `e` of latest_metrics has to meet.
Condition metric_condition(const Comparison& comparison) {
  Condition condition = number_condition("e.value", comparison, "metric");
  // NaN is stored as 0 with a flag: it differs from every number and equals none.
  condition.sql = comparison.comparator == "!=" ? "(" + condition.sql + " OR e.is_nan = TRUE)"
                                                : condition.sql + " AND e.is_nan = FALSE";
  return condition;
}

// The order is that of an index, which PostgreSQL would not take otherwise: it does not know how
// many of one key's values a condition holds for. The limit, which is not reached, tells it.
const std::string as_few_rows = " ORDER BY e.value LIMIT " + std::to_string(rare_runs_max);

constexpr std::string_view latest_of_key = "FROM latest_metrics e WHERE e.key = ?";

bool is_rare(db::Tx& tx, const Comparison& comparison) {
  if (comparison.comparator == "!=") return false;
  const Condition condition = metric_condition(comparison);
  SearchSql sql;
  sql.bind(comparison.key);
  sql.bind(condition);
  sql.bind(rare_runs_max + 1);
  db::Rows rows =
      tx.query_values("SELECT COUNT(*) FROM (SELECT 1 " + std::string(latest_of_key) + " AND " +
                          condition.sql + " ORDER BY e.value LIMIT ?) matches",
                      sql.values());
  rows.next();
  return rows.integer(0) <= rare_runs_max;
}

void add_metric(db::Tx& tx, SearchSql& sql, const Comparison& comparison) {
  const Condition condition = metric_condition(comparison);
  if (is_rare(tx, comparison)) {
    sql.where("runs.run_uuid IN (SELECT e.run_uuid " + std::string(latest_of_key) + " AND " +
              condition.sql + as_few_rows + ")");
    sql.bind(comparison.key);
    sql.bind(condition);
  } else {
    sql.where_exists(exists_in("latest_metrics"), comparison.key, condition);
  }
}

// A quoted value with a comparator these do not know; other values are told by text_condition.
void check_text_comparator(const Comparison& comparison, const std::string& last_quote) {
  const std::string& comparator = comparison.comparator;
  const bool is_known =
      comparator == "=" || comparator == "!=" || comparator == "LIKE" || comparator == "ILIKE";
  if (is_known || comparison.is_list || !comparison.values.front().is_text) return;
  refuse("Invalid comparator '" + comparator +
         "' not one of '{'!=', '=', 'ILIKE', 'IS NOT NULL', 'IS NULL', 'LIKE'}" + last_quote);
}

void add_text_entity(SearchSql& sql,
                     std::string_view table,
                     const std::string& kind,
                     const Comparison& comparison) {
  if (comparison.comparator.starts_with("IS")) {
    sql.where((comparison.comparator == "IS NULL" ? "NOT " : "") + exists_in(table) + ")");
    sql.bind(comparison.key);
    return;
  }
  check_text_comparator(comparison, kind == "tag" ? "" : "'");
  const std::string subject = kind + " (e.g. 'my-value')";
  if (comparison.is_list) {
    refuse("Expected a quoted string value for " + subject + ". Got value " + comparison.written);
  }
  sql.where_exists(exists_in(table), comparison.key,
                   text_condition("e.value", comparison, subject));
}

void add_dataset(SearchSql& sql, const Comparison& comparison) {
  if (comparison.key != "name" && comparison.key != "digest" && comparison.key != "context") {
    refuse("Invalid dataset key '" + comparison.key +
           "' specified. Valid keys are '{'context', 'digest', 'name'}'");
  }
  const bool is_context = comparison.key == "context";
  const Condition condition = text_condition(is_context ? "t.value" : "d." + comparison.key,
                                             comparison, "dataset attributes");
  sql.where(
      "EXISTS (SELECT 1 FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id" +
      std::string(is_context ? " JOIN input_tags t ON t.input_uuid = i.input_uuid AND t.name = "
                               "'mlflow.data.context'"
                             : "") +
      " WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' AND i.destination_id = "
      "runs.run_uuid AND " +
      condition.sql + ")");
  sql.bind(condition);
}

void add_comparison(db::Tx& tx, SearchSql& sql, const Comparison& comparison) {
  const Entity entity = entity_of(comparison.prefix);
  if (comparison.comparator.starts_with("IS") && entity != Entity::tag && entity != Entity::param) {
    refuse("IS NULL / IS NOT NULL is only supported for tags and params, not for '" +
           std::string(name_of(entity)) + "' '" + comparison.key + "'");
  }
  switch (entity) {
    case Entity::attribute: return add_attribute(sql, comparison);
    case Entity::metric: return add_metric(tx, sql, comparison);
    case Entity::param: return add_text_entity(sql, "params", "parameter", comparison);
    case Entity::tag: return add_text_entity(sql, "tags", "tag", comparison);
    case Entity::dataset: return add_dataset(sql, comparison);
  }
}

// The JOINs an order needs (absent values are kept) and the ORDER BY itself.
struct Order {
  std::string joins;
  std::vector<std::string> keys;  // what the joins' `?` stand for
  std::string clauses;
  // When the first clause is a metric, which is then named o0 and has the first of the keys.
  enum class Leading { none, ascending_metric, descending_metric };
  Leading leading = Leading::none;
  std::string other_joins;    // all but that metric's
  std::string later_clauses;  // what follows the metric's, each after ", "
};

void append_clause(Order& order,
                   const std::string& absence,
                   const std::string& value,
                   bool ascending) {
  order.clauses +=
      (order.clauses.empty() ? "" : ", ") + absence + ", " + value + (ascending ? " ASC" : " DESC");
}

[[noreturn]] void refuse_duplicates(const std::vector<std::string>& order_by) {
  refuse("`order_by` contains duplicate fields: ['" + join(order_by, "', '") + "']");
}

Order order_of(const std::vector<std::string>& order_by) {
  Order order;
  std::set<std::pair<Entity, std::string>> seen;
  bool by_start_time = false;
  std::size_t leading_characters = 0;  // of the clause of a leading metric
  for (const std::string& text : order_by) {
    const OrderClause clause = parse_order_by(text);
    const Entity entity = entity_of(clause.prefix);
    if (entity == Entity::dataset) refuse("Invalid identifier type 'dataset'");
    if (entity == Entity::attribute) {
      const std::string column(ordering_attribute_of(clause.key).column);
      if (!seen.emplace(entity, column).second) refuse_duplicates(order_by);
      by_start_time = by_start_time || column == "runs.start_time";
      append_clause(order, "(" + column + " IS NULL)", column, clause.ascending);
      continue;
    }
    if (!seen.emplace(entity, clause.key).second) refuse_duplicates(order_by);
    const std::string name = "o" + std::to_string(order.keys.size());
    const std::string_view table = entity == Entity::metric  ? "latest_metrics"
                                   : entity == Entity::param ? "params"
                                                             : "tags";
    const std::string join = " LEFT JOIN " + std::string(table) + " " + name + " ON " + name +
                             ".run_uuid = runs.run_uuid AND " + name + ".key = ?";
    order.joins += join;
    if (entity == Entity::metric && order.clauses.empty()) {
      order.leading =
          clause.ascending ? Order::Leading::ascending_metric : Order::Leading::descending_metric;
    } else {
      order.other_joins += join;
    }
    order.keys.push_back(clause.key);
    const std::string value = name + ".value";
    // Numbers first, then NaN, then runs without the key, in both directions.
    append_clause(order,
                  entity == Entity::metric ? "CASE WHEN " + name + ".is_nan = TRUE THEN 1 WHEN " +
                                                 value + " IS NULL THEN 2 ELSE 0 END"
                                           : "(" + value + " IS NULL)",
                  value, clause.ascending);
    if (order.leading != Order::Leading::none && leading_characters == 0) {
      leading_characters = order.clauses.size();
    }
  }
  if (!by_start_time) {
    order.clauses += order.clauses.empty() ? "runs.start_time DESC" : ", runs.start_time DESC";
  }
  order.clauses += ", runs.run_uuid";
  order.later_clauses = order.clauses.substr(leading_characters);
  return order;
}

struct IdPage {
  std::vector<std::string> ids;
  std::optional<std::string> next_page_token;
};

// What the searched runs have to meet.
void add_conditions(db::Tx& tx, SearchSql& sql, const RunSearch& search) {
  std::string marks;
  for (const std::string& id : search.experiment_ids) {
    marks += marks.empty() ? "?" : ",?";
    sql.bind(parse_experiment_id(id));
  }
  // Runs of no experiment are none; PostgreSQL knows no empty list.
  const std::string chosen =
      marks.empty() ? std::string("1 = 0") : "runs.experiment_id IN (" + marks + ")";
  sql.where(chosen + " AND runs.lifecycle_stage IN " +
            std::string(stages_of(search.run_view_type)));
  for (const Comparison& comparison : parse_filter(search.filter)) {
    add_comparison(tx, sql, comparison);
  }
}

IdPage ids_in_order(db::Tx& tx, const RunSearch& search, const Order& order, std::int64_t offset) {
  SearchSql sql;
  for (const std::string& key : order.keys) sql.bind(key);
  add_conditions(tx, sql, search);
  // Ids alone: sorting and skipping then stay within the indexes, and only the page is read.
  const std::string statement = "SELECT runs.run_uuid FROM runs" + order.joins + " WHERE " +
                                sql.text() + " ORDER BY " + order.clauses + " LIMIT ? OFFSET ?";
  IdPage page;
  page.next_page_token = read_page(tx, statement, sql, search.max_results, offset, page.ids,
                                   [](const db::Rows& row) { return row.text(0); });
  return page;
}

// The value that so many of a metric's runs reach in that direction; nullopt when fewer have one.
std::optional<double> value_reached(db::Tx& tx,
                                    const std::string& key,
                                    std::string_view direction,
                                    std::int64_t runs) {
  db::Rows rows = tx.query("SELECT e.value " + std::string(latest_of_key) +
                               " AND e.is_nan = FALSE ORDER BY e.value " + std::string(direction) +
                               " LIMIT 1 OFFSET ?",
                           key, runs - 1);
  return rows.next() ? std::optional(rows.real(0)) : std::nullopt;
}

// The same page where a metric leads the order, from the first values of the metric's index alone:
// numbers come before NaN and before runs without the metric. nullopt when too few of the runs
// there are searched ones.
std::optional<IdPage> ids_along_metric(db::Tx& tx,
                                       const RunSearch& search,
                                       const Order& order,
                                       std::int64_t offset) {
  const std::int64_t wanted = offset + search.max_results + 1;
  if (order.leading == Order::Leading::none || wanted > along_metric_runs_max) return std::nullopt;
  const bool is_ascending = order.leading == Order::Leading::ascending_metric;
  const std::string_view direction = is_ascending ? "ASC" : "DESC";
  const std::string& key = order.keys.front();
  const auto last = value_reached(tx, key, direction, wanted * candidates_per_run);
  SearchSql sql;
  for (std::size_t i = 1; i < order.keys.size(); ++i) sql.bind(order.keys[i]);
  sql.where("runs.run_uuid = o0.run_uuid AND o0.key = ? AND o0.is_nan = FALSE");
  sql.bind(key);
  if (last) {
    sql.where(is_ascending ? "o0.value <= ?" : "o0.value >= ?");
    sql.bind_value(*last);
  }
  add_conditions(tx, sql, search);
  // The written order of the join is the one in which the index tells the order.
  const std::string statement = "SELECT runs.run_uuid FROM latest_metrics o0 CROSS JOIN runs" +
                                order.other_joins + " WHERE " + sql.text() + " ORDER BY o0.value " +
                                std::string(direction) + order.later_clauses + " LIMIT ? OFFSET ?";
  IdPage page;
  page.next_page_token = read_page(tx, statement, sql, search.max_results, offset, page.ids,
                                   [](const db::Rows& row) { return row.text(0); });
  return page.next_page_token ? std::optional(std::move(page)) : std::nullopt;
}

}  // namespace

RunPage Runs::search(const RunSearch& search) {
  check_max_results(search.max_results, runs_page_max);
  const std::int64_t offset = token_offset(search.page_token);
  const Order order = order_of(search.order_by);
  return database_.read([&](db::Tx& tx) {
    std::optional<IdPage> found = ids_along_metric(tx, search, order, offset);
    if (!found) found = ids_in_order(tx, search, order, offset);
    RunPage page;
    page.next_page_token = found->next_page_token;
    page.runs = read_runs(tx, found->ids);
    // The reference tells them of one run only.
    for (Run& run : page.runs) run.inputs.model_inputs.clear();
    return page;
  });
}

}  // namespace sandbox::tracking
