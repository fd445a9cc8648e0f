#include "sandbox/migrate/table_sync.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::migrate {
namespace {

constexpr std::size_t batch_rows_max = 2'000;

std::string quoted(const std::string& name) {
  return "\"" + name + "\"";
}

std::vector<std::string> quoted_columns(const Table& table) {
  std::vector<std::string> names;
  for (const Column& column : table.columns) names.push_back(quoted(column.name));
  return names;
}

std::string select_in_key_order(db::Tx& tx, const Table& table) {
  std::vector<std::string> order;
  for (const std::size_t position : table.key) {
    const Column& column = table.columns[position];
    std::string term = quoted(column.name);
    if (column.kind == Column::Kind::text) term += tx.byte_order();
    order.push_back(std::move(term));
  }
  return "SELECT " + join(quoted_columns(table), ", ") + " FROM " + quoted(table.name) +
         " ORDER BY " + join(order, ", ");
}

std::string upsert(const Table& table) {
  std::vector<std::string> key;
  std::vector<bool> is_key(table.columns.size());
  for (const std::size_t position : table.key) {
    key.push_back(quoted(table.columns[position].name));
    is_key[position] = true;
  }
  std::vector<std::string> marks(table.columns.size(), "?");
  std::vector<std::string> set;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const std::string name = quoted(table.columns[i].name);
    if (!is_key[i]) set.push_back(name + " = excluded." + name);
  }
  return "INSERT INTO " + quoted(table.name) + " (" + join(quoted_columns(table), ", ") +
         ") VALUES (" + join(marks, ", ") + ") ON CONFLICT (" + join(key, ", ") + ") DO " +
         (set.empty() ? "NOTHING" : "UPDATE SET " + join(set, ", "));
}

std::string delete_by_key(const Table& table) {
  std::vector<std::string> terms;
  for (const std::size_t position : table.key) {
    terms.push_back(quoted(table.columns[position].name) + " = ?");
  }
  return "DELETE FROM " + quoted(table.name) + " WHERE " + join(terms, " AND ");
}

// One side's rows in the order of their keys.
class Side {
 public:
  Side(db::Tx& tx, const Table& table, const RowChange* change)
      : table_(table), rows_(tx.query_long(select_in_key_order(tx, table))), change_(change) {
    advance();
  }
  // nullopt at the end.
  [[nodiscard]] const std::optional<Row>& row() const { return row_; }
  void advance() {
    if (!rows_.next()) {
      row_.reset();
      return;
    }
    row_ = read_row(table_, rows_);
    if (change_ != nullptr && *change_) (*change_)(table_, *row_);
  }

 private:
  const Table& table_;
  db::Rows rows_;
  const RowChange* change_;
  std::optional<Row> row_;
};

struct Meeting {
  std::function<void(const Row&)> on_missing;
  std::function<void(const Row&)> on_different;
  std::function<void(const Row&)> on_surplus;
};

// Walks both sides together.
Difference meet(const Table& table, Side& source, Side& target, const Meeting& meeting) {
  Difference difference;
  const auto note = [&](std::int64_t& count, const Row& row) {
    if (difference.first.empty()) difference.first = key_text(table, row);
    ++count;
  };
  while (source.row() || target.row()) {
    std::partial_ordering order = std::partial_ordering::equivalent;
    if (!target.row()) order = std::partial_ordering::less;
    if (!source.row()) order = std::partial_ordering::greater;
    if (source.row() && target.row()) order = compare_keys(table, *source.row(), *target.row());
    if (order == std::partial_ordering::greater) {
      note(difference.surplus, *target.row());
      if (meeting.on_surplus) meeting.on_surplus(*target.row());
      target.advance();
      continue;
    }
    ++difference.rows;
    if (order == std::partial_ordering::less) {
      note(difference.missing, *source.row());
      if (meeting.on_missing) meeting.on_missing(*source.row());
    } else {
      if (*source.row() != *target.row()) {
        note(difference.different, *source.row());
        if (meeting.on_different) meeting.on_different(*source.row());
      }
      target.advance();
    }
    source.advance();
  }
  return difference;
}

// Rows that wait for their transaction.
class Batch {
 public:
  Batch(db::Database& database, const Table& table, RowsWritten written)
      : database_(database),
        table_(table),
        statement_(upsert(table)),
        written_(std::move(written)) {}

  void add(Row row) {
    rows_.push_back(std::move(row));
    if (rows_.size() >= batch_rows_max) flush();
  }
  void flush() {
    if (rows_.empty()) return;
    std::vector<std::vector<db::Value>> values;
    values.reserve(rows_.size());
    for (const Row& row : rows_) values.push_back(values_of(row));
    try {
      database_.write([&](db::Tx& tx) { tx.execute_many(statement_, values); });
    } catch (const Error& failure) {
      throw Error(failure.code(), "Rows from " + key_text(table_, rows_.front()) + " to " +
                                      key_text(table_, rows_.back()) +
                                      " cannot be written: " + failure.what());
    }
    if (written_) written_(static_cast<std::int64_t>(rows_.size()));
    rows_.clear();
  }

 private:
  db::Database& database_;
  const Table& table_;
  std::string statement_;
  RowsWritten written_;
  std::vector<Row> rows_;
};

}  // namespace

std::int64_t TableSync::remove_surplus(const Table& table) {
  std::vector<Row> surplus;
  target_.read([&](db::Tx& tx) {
    surplus.clear();
    Side source(source_, table, nullptr);
    Side target(tx, table, nullptr);
    meet(table, source, target, {{}, {}, [&](const Row& row) { surplus.push_back(row); }});
  });
  const std::string statement = delete_by_key(table);
  for (std::size_t begin = 0; begin < surplus.size(); begin += batch_rows_max) {
    target_.write([&](db::Tx& tx) {
      for (std::size_t i = begin; i < std::min(surplus.size(), begin + batch_rows_max); ++i) {
        tx.execute_values(statement, key_values(table, surplus[i]));
      }
    });
  }
  return static_cast<std::int64_t>(surplus.size());
}

Difference TableSync::write(const Table& table, const RowsWritten& written) {
  return target_.read([&](db::Tx& tx) {
    Batch batch(target_, table, written);
    const auto add = [&](const Row& row) { batch.add(row); };
    Side source(source_, table, &change_);
    Side target(tx, table, nullptr);
    const Difference difference = meet(table, source, target, {add, add, {}});
    batch.flush();
    return difference;
  });
}

Difference TableSync::compare(const Table& table) {
  return target_.read([&](db::Tx& tx) {
    Side source(source_, table, &change_);
    Side target(tx, table, nullptr);
    return meet(table, source, target, {});
  });
}

}  // namespace sandbox::migrate
