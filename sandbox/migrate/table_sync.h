// Makes one table equal to another, whatever it held: rows that are missing are added, different
// ones replaced, and those the source does not have removed. Both sides are read once, side by
// side in the order of their keys, so that memory stays flat, and what was interrupted goes on
// where it differs. Reading does not change the source.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/db/database.h"
#include "sandbox/migrate/row.h"
#include "sandbox/migrate/tables.h"

namespace sandbox::migrate {

struct Difference {
  std::int64_t rows = 0;       // of the source
  std::int64_t missing = 0;    // in the target
  std::int64_t different = 0;  // of the same key
  std::int64_t surplus = 0;    // in the target only
  std::string first;           // the key of one that differs; "" when none does

  [[nodiscard]] bool is_none() const { return missing == 0 && different == 0 && surplus == 0; }
};

// Called after each batch of written rows.
using RowsWritten = std::function<void(std::int64_t rows)>;

// Called every few thousand rows that were looked at; may throw to end the work.
using Tick = std::function<void()>;

// What makes a table equal, held in memory.
struct Changes {
  std::vector<Row> written;
  std::vector<Row> removed;
};

class TableSync {
 public:
  // `source` is one snapshot; all must outlive this. The databases must not be the same.
  TableSync(db::Tx& source, db::Database& target, RowChange change)
      : source_(source), target_(target), change_(std::move(change)) {}

  // Removes what only the target has, and takes the names of rows that differ out of the way, so
  // that they can change places. Tables that refer to others go first. Returns the number of rows
  // that were removed.
  std::int64_t make_room(const Table& table);
  // Adds and replaces. Tables that are referred to go first.
  Difference write(const Table& table, const RowsWritten& written);
  // Changes nothing.
  Difference compare(const Table& table);
  // Compares, and keeps in `changes` what differs. Returns the number of the source's rows, or
  // nullopt once the changes would be more than `rows_max`.
  std::optional<std::int64_t> find(const Table& table,
                                   std::size_t rows_max,
                                   Changes& changes,
                                   const Tick& tick);
  // The same two as parts of a transaction on the target that makes those changes. What was written
  // is read again; throws Error(invalid_state) naming a row that did not arrive as it is.
  static void make_room(db::Tx& target, const Table& table, const Changes& changes);
  static void write(db::Tx& target, const Table& table, const std::vector<Row>& rows);

 private:
  db::Tx& source_;
  db::Database& target_;
  RowChange change_;
};

}  // namespace sandbox::migrate
