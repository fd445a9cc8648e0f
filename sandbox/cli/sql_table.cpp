#include "sandbox/cli/sql_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <span>

#include "sandbox/base/fields_json.h"
#include "sandbox/base/text.h"
#include "sandbox/cli/text_width.h"

namespace sandbox::cli {
namespace {

constexpr std::size_t measured_rows = 500;

std::string bytes_text(std::string_view bytes) {
  return "\\x" + hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

// The shortest digits that stand for the number, as PostgreSQL writes it.
std::string real_text(double number) {
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  std::array<char, 40> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return {text.data(), end};
}

std::string shown(const db::ConsoleCell& cell) {
  using Kind = db::ConsoleCell::Kind;
  switch (cell.kind) {
    case Kind::null: return "";
    case Kind::real: return real_text(cell.real);
    case Kind::bytes: return bytes_text(cell.text);
    default: return one_line(cell.text);
  }
}

void put(const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
}

std::string blanks(std::size_t wanted, std::size_t taken) {
  return std::string(wanted > taken ? wanted - taken : 0, ' ');
}

std::string centered(const std::string& text, std::size_t width) {
  const std::size_t taken = text_width(text);
  const std::size_t left = width > taken ? (width - taken) / 2 : 0;
  return std::string(left, ' ') + text + blanks(width, taken + left);
}

}  // namespace

void TableReader::begin(const std::string& title, const std::vector<db::ConsoleColumn>& columns) {
  title_ = title;
  columns_ = columns;
  has_text_.assign(columns.size(), false);
  widths_.clear();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    columns_[i].name = one_line(columns[i].name);
    has_text_[i] = columns[i].kind == db::ConsoleColumn::Kind::text;
    widths_.push_back(text_width(columns_[i].name));
  }
  kept_.clear();
  rows_ = 0;
  is_open_ = true;
  has_head_ = false;
}

void TableReader::row(const std::vector<db::ConsoleCell>& cells) {
  ++rows_;
  std::vector<std::string> texts;
  texts.reserve(cells.size());
  for (const db::ConsoleCell& cell : cells) texts.push_back(shown(cell));
  if (has_head_) {
    print_row(texts);
    return;
  }
  using Kind = db::ConsoleCell::Kind;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    widths_[i] = std::max(widths_[i], text_width(texts[i]));
    const bool is_text = cells[i].kind == Kind::text || cells[i].kind == Kind::bytes;
    if (columns_[i].kind == db::ConsoleColumn::Kind::unknown && is_text) has_text_[i] = true;
  }
  kept_.push_back(std::move(texts));
  if (kept_.size() == measured_rows) print_head();
}

void TableReader::print_head() {
  std::size_t whole = widths_.empty() ? 0 : widths_.size() - 1;
  for (const std::size_t width : widths_) whole += width + 2;
  if (!title_.empty()) put(centered(title_, whole));
  std::string names;
  std::string rule;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) {
      names += '|';
      rule += '+';
    }
    names += " " + centered(columns_[i].name, widths_[i]) + " ";
    rule.append(widths_[i] + 2, '-');
  }
  put(names);
  put(rule);
  for (const auto& row : kept_) print_row(row);
  kept_.clear();
  has_head_ = true;
}

void TableReader::print_row(const std::vector<std::string>& cells) const {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string fill = blanks(widths_[i], text_width(cells[i]));
    if (i > 0) line += '|';
    line += ' ';
    if (!has_text_[i]) line += fill;
    line += cells[i];
    if (i + 1 < cells.size()) line += (has_text_[i] ? fill : "") + " ";
  }
  put(line);
}

void TableReader::end() {
  if (!has_head_) print_head();
  is_open_ = false;
  put("(" + std::to_string(rows_) + (rows_ == 1 ? " row)" : " rows)") + "\n");
  std::fflush(stdout);
}

void TableReader::abandon() {
  if (is_open_ && !has_head_ && rows_ > 0) print_head();
  is_open_ = false;
  std::fflush(stdout);
}

void TableReader::note(const std::string& line) {
  put(line);
}

void JsonReader::begin(const std::string& /*title*/,
                       const std::vector<db::ConsoleColumn>& columns) {
  names_.clear();
  for (const db::ConsoleColumn& column : columns) names_.push_back(column.name);
  has_rows_ = false;
  std::fputc('[', stdout);
}

void JsonReader::row(const std::vector<db::ConsoleCell>& cells) {
  using Kind = db::ConsoleCell::Kind;
  std::string line = has_rows_ ? ",\n" : "\n";
  JsonWriter writer(line);
  writer.begin_object();
  for (std::size_t i = 0; i < cells.size(); ++i) {
    writer.name(names_[i]);
    switch (cells[i].kind) {
      case Kind::null: writer.null(); break;
      case Kind::integer: writer.value(cells[i].integer); break;
      case Kind::real: writer.value(cells[i].real); break;
      case Kind::text: writer.value(cells[i].text); break;
      case Kind::bytes: writer.value(bytes_text(cells[i].text)); break;
    }
  }
  writer.end_object();
  has_rows_ = true;
  std::fwrite(line.data(), 1, line.size(), stdout);
}

void JsonReader::end() {
  std::fputs(has_rows_ ? "\n]\n" : "]\n", stdout);
  std::fflush(stdout);
}

// Not a part of the JSON.
void JsonReader::note(const std::string& /*line*/) {}

}  // namespace sandbox::cli
