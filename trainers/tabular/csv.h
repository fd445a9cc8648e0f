// Comma-separated text as RFC 4180 and spreadsheets write it: fields in double quotes may hold
// separators, line ends and doubled quotes; lines end with LF or CRLF; a byte order mark is
// skipped.
#pragma once

#include <cstdint>
#include <istream>
#include <streambuf>
#include <string>
#include <vector>

namespace trainers::tabular {

class CsvReader {
 public:
  // `name` is what messages call the text, which can be read from its beginning again. The
  // separator is the one of comma, semicolon and tab that the first line has most of.
  CsvReader(std::istream& in, std::string name);

  // The next line that is not empty, into `fields`; false at the end. Throws
  // Error(invalid_parameter_value) naming the line for a quote that is never closed and for a field
  // of more than `field_bytes_max`.
  bool next(std::vector<std::string>& fields);
  // The line of the text on which the last fields began, from 1.
  [[nodiscard]] std::int64_t line() const { return begin_line_; }
  [[nodiscard]] const std::string& name() const { return name_; }

  static constexpr std::size_t field_bytes_max = std::size_t{1} << 20;

 private:
  void find_separator();
  void read_quoted(std::string& field);
  [[noreturn]] void refuse(const std::string& what) const;

  std::streambuf& in_;
  std::string name_;
  char separator_ = ',';
  std::int64_t next_line_ = 1;
  std::int64_t begin_line_ = 0;
};

}  // namespace trainers::tabular
