#include "sandbox/artifacts/uri_rewriting.h"

#include "sandbox/artifacts/uri_columns.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::artifacts {
namespace {

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

// The column's value as text.
std::string text_of(const UriColumn& place) {
  const std::string column(place.column);
  return place.has_json_type ? "CAST(" + column + " AS TEXT)" : column;
}

Condition condition_of(const UriColumn& place, const Uri& from) {
  Condition condition;
  const std::string column = text_of(place);
  if (place.is_json) {
    condition.sql = "(replace(" + column + ", CAST(? AS TEXT), '') <> " + column + " OR replace(" +
                    column + ", CAST(? AS TEXT), '') <> " + column + ")";
    condition.values = {from.quoted_with_slash, from.quoted};
  } else {
    condition.sql = "(" + column + " = CAST(? AS TEXT) OR substr(" + column +
                    ", 1, CAST(? AS INTEGER)) = CAST(? AS TEXT))";
    condition.values = {from.whole, from.characters + 1, from.with_slash};
  }
  if (!place.only_key.empty()) {
    condition.sql += " AND key = '" + std::string(place.only_key) + "'";
  }
  return condition;
}

std::int64_t count(db::Tx& tx, const UriColumn& place, const Condition& condition) {
  const std::string sql =
      "SELECT COUNT(*) FROM " + std::string(place.table) + " WHERE " + condition.sql;
  db::Rows rows = tx.query_values(sql, condition.values);
  return rows.next() ? rows.integer(0) : 0;
}

void check_lengths(db::Tx& tx, const UriColumn& place, const Uri& from, const Uri& to) {
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

void rewrite(db::Tx& tx, const UriColumn& place, const Uri& from, const Uri& to) {
  const Condition condition = condition_of(place, from);
  const std::string column(place.column);
  std::string sql = "UPDATE " + std::string(place.table) + " SET " + column + " = ";
  std::vector<db::Value> values;
  if (place.is_json) {
    const std::string replaced =
        "replace(replace(" + text_of(place) +
        ", CAST(? AS TEXT), CAST(? AS TEXT)), CAST(? AS TEXT), CAST(? AS TEXT))";
    // Both databases know json(text); SQLite would make a number of CAST(… AS JSON).
    sql += place.has_json_type ? "json(" + replaced + ")" : replaced;
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
  for (const UriColumn& place : uri_columns) {
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
  for (const UriColumn& place : uri_columns) rewrite(tx, place, old, fresh);
  return columns;
}

}  // namespace sandbox::artifacts
