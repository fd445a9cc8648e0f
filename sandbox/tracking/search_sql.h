// The WHERE and ORDER BY of a search as they grow: SQL text of ours with `?`, and the values
// behind.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/db/database.h"
#include "sandbox/tracking/filter.h"

namespace sandbox::tracking {

class SearchSql {
 public:
  SearchSql() = default;
  SearchSql(const SearchSql&) = delete;  // values_ points into texts_
  SearchSql& operator=(const SearchSql&) = delete;

  // Joined by AND; `sql` must not hold user text.
  void where(std::string_view sql) { where_.append(where_.empty() ? "" : " AND ").append(sql); }
  // Values in the order of their `?` in the whole statement.
  void bind(std::string text) {
    values_.emplace_back(std::string_view(texts_.emplace_back(std::move(text))));
  }
  void bind(std::int64_t number) { values_.emplace_back(number); }
  // NULL or a number.
  void bind_value(const db::Value& value) { values_.push_back(value); }
  void bind(const Condition& condition) {
    for (const std::string& text : condition.texts) bind(text);
    for (const double number : condition.numbers) values_.emplace_back(number);
  }
  // A condition on a column of the searched table itself.
  void where(const Condition& condition) {
    where(condition.sql);
    bind(condition);
  }
  // A row of a key-value table must exist whose value meets the condition. `exists` ends inside an
  // open EXISTS( … AND key = ?.
  void where_exists(std::string_view exists, const std::string& key, const Condition& condition) {
    where(std::string(exists) + " AND " + condition.sql + ")");
    bind(key);
    bind(condition);
  }

  [[nodiscard]] const std::string& text() const { return where_; }
  [[nodiscard]] const std::vector<db::Value>& values() const { return values_; }

 private:
  std::string where_;
  std::deque<std::string> texts_;  // a deque: values_ points into its elements
  std::vector<db::Value> values_;
};

// Runs a statement that ends in "LIMIT ? OFFSET ?" (bound here, after all other values) and
// collects one page of items. The token of the next page, when there is one.
template <class Item, class ItemOf>
std::optional<std::string> read_page(db::Tx& tx,
                                     const std::string& statement,
                                     const SearchSql& sql,
                                     std::int64_t max_results,
                                     std::int64_t offset,
                                     std::vector<Item>& items,
                                     ItemOf item_of) {
  // One more than wanted tells whether there is a next page.
  std::vector<db::Value> values = sql.values();
  values.emplace_back(max_results + 1);
  values.emplace_back(offset);
  db::Rows rows = tx.query_values(statement, values);
  while (rows.next()) {
    if (static_cast<std::int64_t>(items.size()) == max_results) {
      return offset_token(offset + max_results);
    }
    items.push_back(item_of(rows));
  }
  return std::nullopt;
}

}  // namespace sandbox::tracking
