#include "sandbox/migrate/row.h"

namespace sandbox::migrate {
namespace {

constexpr std::size_t shown_bytes_max = 80;

Cell read_cell(const Column& column, const db::Rows& rows, int at) {
  if (rows.is_null(at)) return {};
  switch (column.kind) {
    case Column::Kind::integer: return rows.integer(at);
    case Column::Kind::real: return rows.real(at);
    case Column::Kind::boolean: return rows.integer(at) != 0;
    case Column::Kind::text:
    case Column::Kind::date: break;
  }
  return rows.text(at);
}

struct ToValue {
  db::Value operator()(std::monostate /*null*/) const { return nullptr; }
  template <class Type>
  db::Value operator()(const Type& cell) const {
    return db::Value(cell);
  }
};

struct ToText {
  std::string operator()(std::monostate /*null*/) const { return "NULL"; }
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(const std::string& text) const { return text.substr(0, shown_bytes_max); }
  template <class Number>
  std::string operator()(Number number) const {
    return std::to_string(number);
  }
};

}  // namespace

Row read_row(const Table& table, const db::Rows& rows) {
  Row row;
  row.reserve(table.columns.size());
  for (const Column& column : table.columns) {
    row.push_back(read_cell(column, rows, static_cast<int>(row.size())));
  }
  return row;
}

std::vector<db::Value> values_of(const Row& row) {
  std::vector<db::Value> values;
  values.reserve(row.size());
  for (const Cell& cell : row) values.push_back(std::visit(ToValue(), cell));
  return values;
}

std::vector<db::Value> key_values(const Table& table, const Row& row) {
  std::vector<db::Value> values;
  values.reserve(table.key.size());
  for (const std::size_t position : table.key)
    values.push_back(std::visit(ToValue(), row[position]));
  return values;
}

std::partial_ordering compare_keys(const Table& table, const Row& left, const Row& right) {
  for (const std::size_t position : table.key) {
    const std::partial_ordering order = left[position] <=> right[position];
    if (order != std::partial_ordering::equivalent) return order;
  }
  return std::partial_ordering::equivalent;
}

std::string key_text(const Table& table, const Row& row) {
  std::string text = table.name + "(";
  for (const std::size_t position : table.key) {
    if (text.back() != '(') text += ", ";
    text += table.columns[position].name + "=" + std::visit(ToText(), row[position]);
  }
  return text + ")";
}

}  // namespace sandbox::migrate
