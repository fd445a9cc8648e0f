// How the answers of `sql` are printed: as psql's aligned tables, or as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/db/console.h"

namespace sandbox::cli {

// psql's table. Widths are taken from the first rows; those after them are printed as they come and
// may be wider, so an answer of any length takes no more memory than these.
class TableReader final : public db::ConsoleReader {
 public:
  void begin(const std::string& title, const std::vector<db::ConsoleColumn>& columns) override;
  void row(const std::vector<db::ConsoleCell>& cells) override;
  void end() override;
  void note(const std::string& line) override;
  // After an answer that ended early: what came of it is shown.
  void abandon();

 private:
  void print_head();
  void print_row(const std::vector<std::string>& cells) const;

  std::string title_;
  std::vector<db::ConsoleColumn> columns_;
  std::vector<bool> has_text_;  // columns that are not all numbers
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> kept_;
  std::int64_t rows_ = 0;
  bool is_open_ = false;
  bool has_head_ = false;
};

// One array of objects for each answer, a row a line.
class JsonReader final : public db::ConsoleReader {
 public:
  void begin(const std::string& title, const std::vector<db::ConsoleColumn>& columns) override;
  void row(const std::vector<db::ConsoleCell>& cells) override;
  void end() override;
  void note(const std::string& line) override;

 private:
  std::vector<std::string> names_;
  bool has_rows_ = false;
};

}  // namespace sandbox::cli
