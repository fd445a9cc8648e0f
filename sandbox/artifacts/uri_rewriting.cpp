#include "sandbox/artifacts/uri_rewriting.h"

#include <array>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::artifacts {
namespace {

struct Place {
  std::string_view table;
  std::string_view column;
  std::string_view name;
  std::string_view only;            // a further condition, "" for none
  std::int64_t characters_max = 0;  // of the column, 0 for any number
  bool is_json = false;
};

constexpr std::array places{
    Place{"experiments", "artifact_location", "experiments.artifact_location", "", 256},
    Place{"runs", "artifact_uri", "runs.artifact_uri", "", 200},
    Place{"logged_models", "artifact_location", "logged_models.artifact_location", "", 1000},
    Place{"model_versions", "source", "model_versions.source", "", 500},
    Place{"model_versions", "storage_location", "model_versions.storage_location", "", 500},
    Place{"trace_tags", "value", "trace_tags.value", "key = 'mlflow.artifactLocation'", 8000},
    Place{"datasets", "dataset_source", "datasets.dataset_source", "", 0, true},
    Place{"tags", "value", "tags.value", "key = 'mlflow.log-model.history'", 8000, true},
};

// A URI in the forms that statements take. Parameters are views: it must outlive them.
struct Uri {
  explicit Uri(std::string_view text)
      : whole(text),
        with_slash(whole + "/"),
        quoted("\"" + whole + "\""),
        quoted_with_slash("\"" + with_slash),
        characters(static_cast<std::int64_t>(utf8_length(text))) {}
  std::string whole;
  std::string with_slash;
  std::string quoted;
  std::string quoted_with_slash;
  std::int64_t characters;
};

// SQL that is true for the rows to rewrite, with the parameters it takes.
struct Condition {
  std::string sql;
  std::vector<db::Value> values;
};

Condition condition_of(const Place& place, const Uri& from) {
  Condition condition;
  const std::string column(place.column);
  if (place.is_json) {
    condition.sql = "(replace(" + column + ", CAST(? AS TEXT), '') <> " + column + " OR replace(" +
                    column + ", CAST(? AS TEXT), '') <> " + column + ")";
    condition.values = {from.quoted_with_slash, from.quoted};
  } else {
    condition.sql = "(" + column + " = CAST(? AS TEXT) OR substr(" + column +
                    ", 1, CAST(? AS INTEGER)) = CAST(? AS TEXT))";
    condition.values = {from.whole, from.characters + 1, from.with_slash};
  }
  if (!place.only.empty()) condition.sql += " AND " + std::string(place.only);
  return condition;
}

std::int64_t count(db::Tx& tx, const Place& place, const Condition& condition) {
  const std::string sql =
      "SELECT COUNT(*) FROM " + std::string(place.table) + " WHERE " + condition.sql;
  db::Rows rows = tx.query_values(sql, condition.values);
  return rows.next() ? rows.integer(0) : 0;
}

void check_lengths(db::Tx& tx, const Place& place, const Uri& from, const Uri& to) {
  if (place.characters_max == 0 || place.is_json) return;
  const std::int64_t growth = to.characters - from.characters;
  if (growth <= 0) return;
  Condition condition = condition_of(place, from);
  condition.sql += " AND length(" + std::string(place.column) + ") > CAST(? AS INTEGER)";
  condition.values.emplace_back(place.characters_max - growth);
  if (count(tx, place, condition) == 0) return;
  throw Error(Code::invalid_parameter_value,
              "'" + to.whole + "' is too long: " + std::string(place.name) + " takes " +
                  std::to_string(place.characters_max) +
                  " characters, and some addresses would have more. Choose a shorter place.");
}

void rewrite(db::Tx& tx, const Place& place, const Uri& from, const Uri& to) {
  const Condition condition = condition_of(place, from);
  const std::string column(place.column);
  std::string sql = "UPDATE " + std::string(place.table) + " SET " + column + " = ";
  std::vector<db::Value> values;
  if (place.is_json) {
    sql += "replace(replace(" + column +
           ", CAST(? AS TEXT), CAST(? AS TEXT)), CAST(? AS TEXT), CAST(? AS TEXT))";
    values = {from.quoted_with_slash, to.quoted_with_slash, from.quoted, to.quoted};
  } else {
    sql += "CAST(? AS TEXT) || substr(" + column + ", CAST(? AS INTEGER))";
    values = {to.whole, from.characters + 1};
  }
  values.insert(values.end(), condition.values.begin(), condition.values.end());
  sql += " WHERE " + condition.sql;
  tx.execute_values(sql, values);
}

std::vector<RewrittenColumn> count_columns(db::Tx& tx, const Uri& from, const Uri& to) {
  std::vector<RewrittenColumn> columns;
  for (const Place& place : places) {
    check_lengths(tx, place, from, to);
    const std::int64_t rows = count(tx, place, condition_of(place, from));
    if (rows > 0) columns.push_back({place.name, rows});
  }
  return columns;
}

}  // namespace

std::vector<RewrittenColumn> count_uris(db::Tx& tx, std::string_view from, std::string_view to) {
  return count_columns(tx, Uri(from), Uri(to));
}

std::vector<RewrittenColumn> rewrite_uris(db::Tx& tx, std::string_view from, std::string_view to) {
  const Uri old(from);
  const Uri fresh(to);
  std::vector<RewrittenColumn> columns = count_columns(tx, old, fresh);
  for (const Place& place : places) rewrite(tx, place, old, fresh);
  return columns;
}

}  // namespace sandbox::artifacts
