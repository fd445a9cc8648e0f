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
constexpr std::int64_t tick_rows = 4'096;

std::string quoted(const std::string& name) {
  return "\"" + name + "\"";
}

std::vector<std::string> quoted_columns(const Table& table) {
  std::vector<std::string> names;
  for (const Column& column : table.columns) names.push_back(quoted(column.name));
  return names;
}

std::string where_key(const Table& table) {
  std::vector<std::string> terms;
  for (const std::size_t position : table.key) {
    terms.push_back(quoted(table.columns[position].name) + " = ?");
  }
  return " WHERE " + join(terms, " AND ");
}

std::string select_all(const Table& table) {
  return "SELECT " + join(quoted_columns(table), ", ") + " FROM " + quoted(table.name);
}

std::string select_in_key_order(db::Tx& tx, const Table& table) {
  std::vector<std::string> order;
  for (const std::size_t position : table.key) {
    const Column& column = table.columns[position];
    std::string term = quoted(column.name);
    if (column.kind == Column::Kind::text) term += tx.byte_order();
    order.push_back(std::move(term));
  }
  return select_all(table) + " ORDER BY " + join(order, ", ");
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
  return "DELETE FROM " + quoted(table.name) + where_key(table);
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
  Tick tick = nullptr;
  std::function<bool()> is_enough = nullptr;
};

// Walks both sides together, to their ends or until it is enough.
Difference meet(const Table& table, Side& source, Side& target, const Meeting& meeting) {
  Difference difference;
  const auto note = [&](std::int64_t& count, const Row& row) {
    if (difference.first.empty()) difference.first = key_text(table, row);
    ++count;
  };
  while (source.row() || target.row()) {
    if (meeting.is_enough && meeting.is_enough()) break;
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
    if (++difference.rows % tick_rows == 0 && meeting.tick) meeting.tick();
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

std::int64_t TableSync::make_room(const Table& table) {
  Changes changes;
  target_.read([&](db::Tx& tx) {
    changes = {};
    Side target(tx, table, nullptr);
    if (!target.row()) return;
    Side source(source_, table, &change_);
    const auto renamed = [&](const Row& row) {
      if (table.unique) changes.written.push_back(row);
    };
    const auto removed = [&](const Row& row) { changes.removed.push_back(row); };
    meet(table, source, target, {{}, renamed, removed});
  });
  target_.write([&](db::Tx& tx) { make_room(tx, table, changes); });
  return std::ssize(changes.removed);
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

std::optional<std::int64_t> TableSync::find(const Table& table,
                                            std::size_t rows_max,
                                            Changes& changes,
                                            const Tick& tick) {
  const auto is_too_much = [&] {
    return changes.written.size() + changes.removed.size() > rows_max;
  };
  return target_.read([&](db::Tx& tx) -> std::optional<std::int64_t> {
    changes = {};
    Side source(source_, table, &change_);
    Side target(tx, table, nullptr);
    const auto written = [&](const Row& row) { changes.written.push_back(row); };
    const auto removed = [&](const Row& row) { changes.removed.push_back(row); };
    const Difference met =
        meet(table, source, target, {written, written, removed, tick, is_too_much});
    if (is_too_much()) return std::nullopt;
    return met.rows;
  });
}

void TableSync::make_room(db::Tx& target, const Table& table, const Changes& changes) {
  const std::string deletion = delete_by_key(table);
  for (const Row& row : changes.removed) target.execute_values(deletion, key_values(table, row));
  if (!table.unique) return;
  const std::string renaming = "UPDATE " + quoted(table.name) + " SET " +
                               quoted(table.columns[*table.unique].name) + " = ?" +
                               where_key(table);
  for (const Row& row : changes.written) {
    const std::string name = "moving " + key_text(table, row);
    std::vector<db::Value> values = key_values(table, row);
    values.insert(values.begin(), db::Value(name));
    target.execute_values(renaming, values);
  }
}

void TableSync::write(db::Tx& target, const Table& table, const std::vector<Row>& rows) {
  std::vector<std::vector<db::Value>> values;
  values.reserve(rows.size());
  for (const Row& row : rows) values.push_back(values_of(row));
  target.execute_many(upsert(table), values);
  const std::string statement = select_all(table) + where_key(table);
  for (const Row& row : rows) {
    db::Rows found = target.query_values(statement, key_values(table, row));
    if (!found.next() || read_row(table, found) != row) {
      throw Error(Code::invalid_state,
                  "The row " + key_text(table, row) + " is not on the target as it was written.");
    }
  }
}

}  // namespace sandbox::migrate
