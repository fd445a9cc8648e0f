#include "sandbox/import/rows.h"

#include <algorithm>
#include <cstring>

namespace sandbox::import {
namespace {

constexpr std::size_t insert_rows = 40;  // of one statement

std::string marks(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += i == 0 ? "?" : ",?";
  return text;
}

// FNV-1a over 64 bits, with a last mixing so that sums of hashes tell rows apart.
class Hash {
 public:
  void add(std::string_view bytes) {
    for (const char byte : bytes) {
      state_ = (state_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
    }
  }
  void add_number(std::uint64_t number) {
    state_ = (state_ ^ number) * 0x9e3779b97f4a7c15ULL;
    state_ ^= state_ >> 32;
  }
  [[nodiscard]] std::uint64_t value() const {
    std::uint64_t mixed = state_ ^ (state_ >> 33);
    mixed *= 0xff51afd7ed558ccdULL;
    return mixed ^ (mixed >> 33);
  }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325ULL;
};

// Writes rows many at a time.
class Inserter {
 public:
  Inserter(db::Tx& tx, const std::string& head, const std::string& row_marks, std::size_t cells)
      : tx_(tx), head_(head), row_marks_(row_marks), cells_(cells) {
    for (std::size_t i = 0; i < insert_rows; ++i) many_ += (i == 0 ? "" : ",") + row_marks_;
    many_ = head_ + many_ + " ON CONFLICT DO NOTHING";
  }

  void add(const Row& row) {
    for (const db::Value& cell : row.cells) {
      if (cell.kind() == db::Value::Kind::text) {
        texts_.emplace_back(cell.text());
        values_.emplace_back(texts_.back());
      } else {
        values_.push_back(cell);
      }
    }
    if (values_.size() < insert_rows * cells_) return;
    written_ += tx_.execute_values(many_, values_);
    values_.clear();
    texts_.clear();
  }

  std::int64_t finish() {
    const std::string one = head_ + row_marks_ + " ON CONFLICT DO NOTHING";
    for (std::size_t i = 0; i < values_.size(); i += cells_) {
      const auto begin = values_.begin() + static_cast<std::ptrdiff_t>(i);
      written_ += tx_.execute_values(
          one, std::vector<db::Value>(begin, begin + static_cast<std::ptrdiff_t>(cells_)));
    }
    values_.clear();
    return written_;
  }

 private:
  db::Tx& tx_;
  const std::string& head_;
  const std::string& row_marks_;
  std::size_t cells_;
  std::string many_;
  std::vector<db::Value> values_;
  std::deque<std::string> texts_;
  std::int64_t written_ = 0;
};

}  // namespace

const std::string& page_marks() {
  static const std::string text = marks(page_ids);
  return text;
}

std::vector<db::Value> page_values(const Ids& ids) {
  std::vector<db::Value> values;
  values.reserve(page_ids);
  for (std::size_t i = 0; i < page_ids; ++i) {
    values.emplace_back(std::string_view(ids[std::min(i, ids.size() - 1)]));
  }
  return values;
}

PartRows::PartRows(db::Tx& source, db::Tx& target, Part part) : part_(std::move(part)) {
  std::vector<db::Column> theirs = source.columns(part_.table);
  if (!part_.needs.empty() && source.columns(part_.needs).empty()) theirs.clear();
  if (part_.from.empty()) part_.from = part_.table;
  std::string names;
  std::string selected = part_.owner;
  for (const db::Column& column : target.columns(part_.table)) {
    // A workspace is this lab's only one, whatever the source calls its own.
    if (column.name == "workspace") continue;
    const auto same = std::find_if(theirs.begin(), theirs.end(),
                                   [&](const db::Column& one) { return one.name == column.name; });
    if (same == theirs.end()) continue;
    names.append(names.empty() ? "" : ", ").append("\"" + column.name + "\"");
    selected += ", " + part_.table + ".\"" + column.name + "\"";
    columns_.push_back(column);
  }
  select_ = "SELECT " + selected + " FROM " + part_.from + " WHERE " + part_.owner + " IN (" +
            page_marks() + ")" + (part_.condition.empty() ? "" : " AND " + part_.condition);
  insert_head_ = "INSERT INTO " + part_.table + " (" + names + ") VALUES ";
  row_marks_ = "(" + marks(columns_.size()) + ")";
}

std::optional<std::size_t> PartRows::cell_of(std::string_view column) const {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].name == column) return i;
  }
  return std::nullopt;
}

void PartRows::read(db::Rows& rows, Row& row) const {
  row.cells.clear();
  row.texts.clear();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const int column = static_cast<int>(i) + 1;
    if (rows.is_null(column)) {
      row.cells.emplace_back(nullptr);
      continue;
    }
    if (columns_[i].kind == db::Value::Kind::boolean) {
      row.cells.emplace_back(rows.integer(column) != 0);
    } else if (columns_[i].kind == db::Value::Kind::integer) {
      row.cells.emplace_back(rows.integer(column));
    } else if (columns_[i].kind == db::Value::Kind::real) {
      row.cells.emplace_back(rows.real(column));
    } else {
      row.cells.emplace_back(rows.view(column));
    }
  }
}

std::uint64_t PartRows::hash_of(const Row& row) const {
  Hash hash;
  for (std::size_t i = 0; i < row.cells.size(); ++i) {
    const db::Value& cell = row.cells[i];
    if (unknown_cell == i) continue;
    hash.add_number(static_cast<std::uint64_t>(cell.kind()) + 1);
    if (cell.kind() == db::Value::Kind::null) continue;
    if (cell.kind() == db::Value::Kind::text) {
      hash.add_number(cell.text().size());
      hash.add(cell.text());
    } else if (cell.kind() == db::Value::Kind::real) {
      std::uint64_t bits = 0;
      const double number = cell.real();
      std::memcpy(&bits, &number, sizeof bits);
      hash.add_number(bits);
    } else {
      hash.add_number(static_cast<std::uint64_t>(cell.integer()));
    }
  }
  return hash.value();
}

std::int64_t PartRows::copy(db::Tx& source, db::Tx& target, const Ids& ids) const {
  if (!is_in_source() || ids.empty()) return 0;
  Inserter inserter(target, insert_head_, row_marks_, columns_.size());
  db::Rows rows = source.query_long_values(select_, page_values(ids));
  Row row;
  while (rows.next()) {
    read(rows, row);
    if (!change || change(row)) inserter.add(row);
  }
  return inserter.finish();
}

void PartRows::for_each_in_source(db::Tx& source, const Ids& ids, const Take& take) const {
  if (!is_in_source() || ids.empty()) return;
  db::Rows rows = source.query_long_values(select_, page_values(ids));
  Row row;
  while (rows.next()) {
    read(rows, row);
    if (!change || change(row)) take(rows.view(0), hash_of(row));
  }
}

void PartRows::for_each_in_target(db::Tx& target, const Ids& ids, const Take& take) const {
  if (!is_in_source() || ids.empty()) return;
  db::Rows rows = target.query_long_values(select_, page_values(ids));
  Row row;
  while (rows.next()) {
    read(rows, row);
    take(rows.view(0), hash_of(row));
  }
}

}  // namespace sandbox::import
