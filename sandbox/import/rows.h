// Rows that two databases with MLflow's schema hold, of whatever revisions: read by the columns
// both have, changed on the way where ids or URIs differ, written in batches, and compared.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/db/database.h"

namespace sandbox::import {

using Ids = std::vector<std::string>;

inline constexpr std::size_t page_ids = 100;  // things that are read, written and compared at once

// "?,?,…" for one page.
const std::string& page_marks();
// The ids as parameters for page_marks(), filled up with the last one. At most page_ids.
std::vector<db::Value> page_values(const Ids& ids);

// Some rows of a table and the thing each belongs to.
struct Part {
  std::string table;
  std::string owner;         // the column with the thing's id, e.g. "params.run_uuid"
  std::string counted = "";  // the word under which the report counts them; "" does not
  std::string from = "";     // what to select from, when it is more than the table
  std::string condition = "";
  std::string needs = "";  // another table that is read as well
};

// One row on its way.
struct Row {
  std::vector<db::Value> cells;
  std::deque<std::string> texts;  // what changed cells refer to

  void set(std::size_t cell, std::string text) {
    texts.push_back(std::move(text));
    cells[cell] = db::Value(texts.back());
  }
};

// Order-independent digest of rows: how many, and the sum of their hashes.
struct Digest {
  std::int64_t rows = 0;
  std::uint64_t sum = 0;
  bool operator==(const Digest&) const = default;
};

class PartRows {
 public:
  // Asks both databases for their columns.
  PartRows(db::Tx& source, db::Tx& target, Part part);

  [[nodiscard]] const Part& part() const { return part_; }
  [[nodiscard]] bool is_in_source() const { return !columns_.empty(); }
  [[nodiscard]] std::optional<std::size_t> cell_of(std::string_view column) const;
  // What is done to each row of the source; answers false for one that is left out.
  std::function<bool(Row& row)> change;
  // A cell that counts for nothing when rows are compared: the source does not know it.
  std::optional<std::size_t> unknown_cell;

  // Writes the source's rows of these things that the target does not have. The rows written.
  std::int64_t copy(db::Tx& source, db::Tx& target, const Ids& ids) const;
  // One call a row, with the hash of its content; the source's as they would be written.
  using Take = std::function<void(std::string_view owner, std::uint64_t hash)>;
  void for_each_in_source(db::Tx& source, const Ids& ids, const Take& take) const;
  void for_each_in_target(db::Tx& target, const Ids& ids, const Take& take) const;

 private:
  void read(db::Rows& rows, Row& row) const;
  [[nodiscard]] std::uint64_t hash_of(const Row& row) const;

  Part part_;
  std::vector<db::Column> columns_;  // those both have
  std::string select_;               // with page_marks(); the owner comes first
  std::string insert_head_;
  std::string row_marks_;
};

}  // namespace sandbox::import
