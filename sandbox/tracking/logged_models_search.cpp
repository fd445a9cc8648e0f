// Source of the rules: mlflow/utils/search_logged_model_utils.py and search_logged_models of the
// reference's tracking store.
#include <algorithm>
#include <array>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/text.h"
#include "sandbox/tracking/filter.h"
#include "sandbox/tracking/logged_models.h"
#include "sandbox/tracking/names.h"
#include "sandbox/tracking/search_sql.h"

namespace sandbox::tracking {
namespace {

constexpr std::int64_t page_default = 100;
constexpr std::int64_t page_max = 50'000;  // a longer page is cut and gets a token

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

// An attribute of a logged model. `key` is the reference's column and appears in its sentences.
struct Attribute {
  std::string_view key;
  std::string_view column;  // the SQL to compare
  bool is_number = false;
};
constexpr std::array attributes{
    Attribute{"name", "name"},
    Attribute{"model_id", "model_id"},
    Attribute{"model_type", "model_type"},
    Attribute{"status", "CAST(status AS TEXT)"},
    Attribute{"source_run_id", "source_run_id"},
    Attribute{"experiment_id", "CAST(experiment_id AS TEXT)"},
    Attribute{"artifact_location", "artifact_location"},
    Attribute{"lifecycle_stage", "lifecycle_stage"},
    Attribute{"status_message", "status_message"},
    Attribute{"creation_timestamp_ms", "creation_timestamp_ms", true},
    Attribute{"last_updated_timestamp_ms", "last_updated_timestamp_ms", true},
};

const Attribute* find_attribute(std::string_view key) {
  if (key == "creation_timestamp" || key == "creation_time") key = "creation_timestamp_ms";
  if (key == "last_updated_timestamp") key = "last_updated_timestamp_ms";
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&](const Attribute& one) { return one.key == key; });
  return found == attributes.end() ? nullptr : &*found;
}

void check_comparator(const std::string& entity, const std::string& comparator, bool is_number) {
  constexpr std::array<std::string_view, 6> for_numbers{"<", "<=", ">", ">=", "=", "!="};
  constexpr std::array<std::string_view, 6> for_texts{"=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"};
  const auto& allowed = is_number ? for_numbers : for_texts;
  if (std::find(allowed.begin(), allowed.end(), comparator) != allowed.end()) return;
  std::vector<std::string> shown;
  for (const std::string_view one : allowed) shown.push_back("'" + std::string(one) + "'");
  refuse("Invalid comparison operator for " + entity + ": '" + comparator + "'. Expected one of (" +
         join(shown, ", ") + ").");
}

// Texts may stand without quotes here: params.lr = 0.01.
Comparison as_text(Comparison comparison) {
  for (Comparison::Operand& value : comparison.values) value.is_text = true;
  return comparison;
}

void add_attribute(SearchSql& sql, Comparison comparison) {
  const Attribute* attribute = find_attribute(comparison.key);
  if (attribute == nullptr) {
    refuse("Invalid attribute key '" + comparison.key + "' in '" + comparison.clause + "'.");
  }
  check_comparator("attributes." + std::string(attribute->key), comparison.comparator,
                   attribute->is_number);
  if (attribute->is_number) {
    sql.where(number_condition(std::string(attribute->column), comparison));
    return;
  }
  if (attribute->key == "status") {
    for (Comparison::Operand& value : comparison.values) {
      if (const auto number = logged_model_status(value.text)) value.text = std::to_string(*number);
    }
  }
  sql.where(text_condition(std::string(attribute->column), as_text(std::move(comparison))));
}

// "(… OR …)" over the datasets; a dataset without a digest means metrics without one.
std::string dataset_condition(const std::vector<LoggedModelDataset>& datasets) {
  std::string sql;
  for (std::size_t i = 0; i < datasets.size(); ++i) {
    sql += sql.empty() ? "(" : " OR ";
    sql += "(m.dataset_name = ? AND COALESCE(m.dataset_digest, '') = ?)";
  }
  return sql + ")";
}

void bind_datasets(SearchSql& sql, const std::vector<LoggedModelDataset>& datasets) {
  for (const LoggedModelDataset& dataset : datasets) {
    sql.bind(dataset.dataset_name);
    sql.bind(dataset.dataset_digest);
  }
}

void add_metric(SearchSql& sql,
                const Comparison& comparison,
                const std::vector<LoggedModelDataset>& datasets) {
  const Condition condition = number_condition("m.metric_value", comparison);
  sql.where(
      "EXISTS (SELECT 1 FROM logged_model_metrics m WHERE m.model_id = logged_models.model_id AND "
      "m.metric_name = ? AND " +
      condition.sql + (datasets.empty() ? "" : " AND " + dataset_condition(datasets)) + ")");
  sql.bind(comparison.key);
  sql.bind(condition);
  bind_datasets(sql, datasets);
}

void add_comparison(SearchSql& sql,
                    const Comparison& comparison,
                    const std::vector<LoggedModelDataset>& datasets) {
  const std::string& prefix = comparison.prefix;
  if (prefix.empty() || prefix == "attributes") {
    add_attribute(sql, comparison);
    return;
  }
  if (prefix != "metrics" && prefix != "params" && prefix != "tags") {
    refuse("Invalid entity type: '" + prefix +
           "'. Expected one of ['attributes', 'metrics', 'params', 'tags'].");
  }
  check_comparator(prefix + "." + comparison.key, comparison.comparator, prefix == "metrics");
  if (prefix == "metrics") {
    add_metric(sql, comparison, datasets);
  } else if (prefix == "params") {
    sql.where_exists(
        "EXISTS (SELECT 1 FROM logged_model_params p WHERE p.model_id = logged_models.model_id AND "
        "p.param_key = ?",
        comparison.key, text_condition("p.param_value", as_text(comparison)));
  } else {
    sql.where_exists(
        "EXISTS (SELECT 1 FROM logged_model_tags t WHERE t.model_id = logged_models.model_id AND "
        "t.tag_key = ?",
        comparison.key, text_condition("t.tag_value", as_text(comparison)));
  }
}

// The one sentence this search has for every text that is no list of comparisons.
std::vector<Comparison> parse_comparisons(const std::string& filter) {
  try {
    return parse_filter(filter);
  } catch (const Error&) {
    refuse("Invalid filter string: " + python_text(filter) +
           ". Expected a list of comparisons separated by 'AND' (e.g. 'metrics.loss > 0.1 AND "
           "params.lr = 0.01').");
  }
}

void add_filter(SearchSql& sql, const SearchLoggedModels& in) {
  std::string marks;
  for (const std::string& id : in.experiment_ids) {
    marks += marks.empty() ? "?" : ",?";
    sql.bind(parse_experiment_id(id));
  }
  sql.where("lifecycle_stage != 'deleted' AND experiment_id IN (" + marks + ")");
  bool has_metrics = false;
  for (const Comparison& comparison : parse_comparisons(in.filter)) {
    has_metrics = has_metrics || comparison.prefix == "metrics";
    add_comparison(sql, comparison, in.datasets);
  }
  if (!in.datasets.empty() && !has_metrics) {
    sql.where(
        "EXISTS (SELECT 1 FROM logged_model_metrics m WHERE m.model_id = logged_models.model_id "
        "AND " +
        dataset_condition(in.datasets) + ")");
    bind_datasets(sql, in.datasets);
  }
}

// The SELECT's further columns, one for each metric that orders, and the ORDER BY.
struct Order {
  std::string columns;
  std::string by;

  void add(const std::string& column, bool ascending) {
    by += (by.empty() ? "" : ", ") + ("CASE WHEN " + column + " IS NULL THEN 1 ELSE 0 END, ") +
          column + (ascending ? " ASC" : " DESC");
  }
};

// The newest value of the metric, by timestamp, then step.
void add_metric_order(SearchSql& sql, Order& order, const LoggedModelOrder& clause, std::size_t n) {
  const std::string column = "ordering_" + std::to_string(n);
  order.columns +=
      ", (SELECT m.metric_value FROM logged_model_metrics m WHERE m.model_id = "
      "logged_models.model_id AND m.metric_name = ?" +
      std::string(clause.dataset_name.empty() ? "" : " AND m.dataset_name = ?") +
      (clause.dataset_digest.empty() ? "" : " AND m.dataset_digest = ?") +
      " ORDER BY m.metric_timestamp_ms DESC, m.metric_step DESC, m.run_id LIMIT 1) AS " + column;
  sql.bind(clause.field_name.substr(clause.field_name.find('.') + 1));
  if (!clause.dataset_name.empty()) sql.bind(clause.dataset_name);
  if (!clause.dataset_digest.empty()) sql.bind(clause.dataset_digest);
  order.add(column, clause.ascending);
}

Order order_of(SearchSql& sql, const std::vector<LoggedModelOrder>& clauses) {
  Order order;
  bool by_creation = false;
  bool by_id = false;
  for (std::size_t i = 0; i < clauses.size(); ++i) {
    const std::string& name = clauses[i].field_name;
    if (name.starts_with("metrics.")) {
      add_metric_order(sql, order, clauses[i], i);
      continue;
    }
    if (name.find('.') != std::string::npos) {
      refuse("Invalid order by field name: " + name + ". Only metrics are supported.");
    }
    const Attribute* attribute = find_attribute(name);
    if (attribute == nullptr) refuse("Invalid order by field name: " + name);
    by_creation = by_creation || attribute->key == "creation_timestamp_ms";
    by_id = by_id || attribute->key == "model_id";
    order.add(std::string(attribute->key), clauses[i].ascending);
  }
  if (!by_creation)
    order.by += (order.by.empty() ? "" : ", ") + std::string("creation_timestamp_ms DESC");
  if (!by_id) order.by += ", model_id ASC";
  return order;
}

// What a token belongs to: a search with other arguments refuses it.
struct Token {
  std::vector<std::string> experiment_ids;
  std::optional<std::string> filter_string;
  std::vector<LoggedModelOrder> order_by;
  std::int64_t offset = 0;
  static constexpr auto fields() {
    return std::tuple{field("experiment_ids", &Token::experiment_ids),
                      field("filter_string", &Token::filter_string),
                      field("order_by", &Token::order_by), field("offset", &Token::offset)};
  }
};

// The reference's form, in which absent parts are null.
std::string encode(const SearchLoggedModels& in, std::int64_t offset) {
  std::string json;
  JsonWriter writer(json);
  const auto text_or_null = [&](std::string_view name, const std::string& text) {
    writer.name(name);
    if (text.empty()) {
      writer.null();
    } else {
      writer.value(text);
    }
  };
  writer.begin_object();
  writer.name("experiment_ids");
  write_value(writer, in.experiment_ids);
  text_or_null("filter_string", in.filter);
  writer.name("order_by");
  if (in.order_by.empty()) {
    writer.null();
  } else {
    writer.begin_array();
    for (const LoggedModelOrder& one : in.order_by) {
      writer.begin_object();
      writer.name("field_name");
      writer.value(one.field_name);
      writer.name("ascending");
      writer.value(one.ascending);
      text_or_null("dataset_name", one.dataset_name);
      text_or_null("dataset_digest", one.dataset_digest);
      writer.end_object();
    }
    writer.end_array();
  }
  writer.name("offset");
  writer.value(offset);
  writer.end_object();
  return base64(json);
}

Token decode(const std::string& text) {
  const auto json = unbase64(text);
  try {
    Token token;
    read_message(JsonDocument(json.value_or("")).root(), token);
    if (token.offset >= 0) return token;
  } catch (const Error&) {  // told below, naming the token
  }
  refuse("Invalid page token: " + text +
         ". Use the next_page_token of the previous answer, with the same search.");
}

std::string shown(const std::vector<std::string>& ids) {
  std::vector<std::string> texts;
  for (const std::string& id : ids) texts.push_back(python_text(id));
  return "[" + join(texts, ", ") + "]";
}

std::string shown(const std::vector<LoggedModelOrder>& order) {
  std::vector<std::string> texts;
  for (const LoggedModelOrder& one : order) texts.push_back(to_json(one));
  return texts.empty() ? "None" : "[" + join(texts, ", ") + "]";
}

std::int64_t offset_of(const SearchLoggedModels& in) {
  if (in.page_token.empty()) return 0;
  const Token token = decode(in.page_token);
  const auto check = [](const char* what, const char* requested, const std::string& wanted,
                        const std::string& found) {
    if (wanted == found) return;
    refuse(std::string(what) + " not match the requested " + requested + ". Expected: " + wanted +
           ". Found: " + found);
  };
  check("Experiment IDs in the page token do", "experiment IDs", shown(in.experiment_ids),
        shown(token.experiment_ids));
  check("Filter string in the page token does", "filter string",
        in.filter.empty() ? "None" : in.filter, token.filter_string.value_or("None"));
  check("Order by in the page token does", "order by", shown(in.order_by), shown(token.order_by));
  return token.offset;
}

}  // namespace

LoggedModelPage LoggedModels::search(const SearchLoggedModels& in) {
  for (const LoggedModelDataset& dataset : in.datasets) {
    if (dataset.dataset_name.empty()) {
      refuse("`dataset_name` in the `datasets` clause must be specified.");
    }
  }
  if (in.max_results < 0) {
    refuse("Invalid value " + std::to_string(in.max_results) +
           " for parameter 'max_results' supplied. It must be a positive integer");
  }
  const std::int64_t offset = offset_of(in);
  const std::int64_t page_size =
      in.max_results == 0 ? page_default : std::min(in.max_results, page_max);
  SearchSql sql;
  const Order order = order_of(sql, in.order_by);  // its values stand before the filter's
  add_filter(sql, in);
  if (in.experiment_ids.empty()) return {};
  const std::string columns(logged_model_columns);
  const std::string statement = "SELECT " + columns + " FROM (SELECT " + columns +
                                ", lifecycle_stage" + order.columns + " FROM logged_models WHERE " +
                                sql.text() + ") AS found ORDER BY " + order.by +
                                " LIMIT ? OFFSET ?";
  sql.bind(page_size + 1);
  sql.bind(offset);
  return database_.read([&](db::Tx& tx) {
    LoggedModelPage page;
    for (db::Rows rows = tx.query_values(statement, sql.values()); rows.next();) {
      page.models.push_back(logged_model_of(rows));
    }
    if (static_cast<std::int64_t>(page.models.size()) > page_size) {
      page.models.pop_back();
      page.next_page_token = encode(in, offset + page_size);
    }
    read_logged_model_details(tx, page.models);
    return page;
  });
}

}  // namespace sandbox::tracking
