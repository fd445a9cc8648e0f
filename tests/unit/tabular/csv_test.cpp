// The text of a CSV file, field by field.
#include "trainers/tabular/csv.h"

#include <sstream>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"

using trainers::tabular::CsvReader;

namespace {

using Catch::Contains;
using Lines = std::vector<std::vector<std::string>>;

Lines read(const std::string& text) {
  std::istringstream in(text);
  CsvReader reader(in, "a.csv");
  Lines lines;
  std::vector<std::string> fields;
  while (reader.next(fields)) lines.push_back(fields);
  return lines;
}

}  // namespace

TEST_CASE("fields are told apart by the separator that the first line has most of", "[tabular]") {
  CHECK(read("a,b\n1,2\n") == Lines{{"a", "b"}, {"1", "2"}});
  CHECK(read("a;b;c\n1,5;2;3") == Lines{{"a", "b", "c"}, {"1,5", "2", "3"}});
  CHECK(read("a\tb\n1\t2\n") == Lines{{"a", "b"}, {"1", "2"}});
}

TEST_CASE("quoted fields hold separators, line ends and quotes", "[tabular]") {
  CHECK(read("name,\"a, \"\"b\"\"\"\n\"two\nlines\",\"\"\n") ==
        Lines{{"name", "a, \"b\""}, {"two\nlines", ""}});
  CHECK(read("\"\"\n") == Lines{{""}});
}

TEST_CASE("line ends of Windows, a byte order mark and empty lines are no part of the fields",
          "[tabular]") {
  CHECK(read("\xEF\xBB\xBF"
             "a,b\r\n\r\n1,\r\n") == Lines{{"a", "b"}, {"1", ""}});
  CHECK(read("\"a\",\"b\"\r\n") == Lines{{"a", "b"}});
  CHECK(read("").empty());
  CHECK(read("\n\n").empty());
}

TEST_CASE("each line knows its number in the file", "[tabular]") {
  std::istringstream in("a\n\n\"1\n2\"\n3\n");
  CsvReader reader(in, "a.csv");
  std::vector<std::string> fields;
  std::vector<std::int64_t> numbers;
  while (reader.next(fields)) numbers.push_back(reader.line());
  CHECK(numbers == std::vector<std::int64_t>{1, 3, 5});
}

TEST_CASE("a quote that is never closed is refused with the line it begins in", "[tabular]") {
  CHECK_THROWS_WITH(read("a,b\n1,2\n\"3,4\n5,6\n"),
                    Contains("a.csv, line 3") && Contains("never closed"));
  CHECK_THROWS_WITH(read("a\n\"" + std::string(CsvReader::field_bytes_max + 1, 'x') + "\"\n"),
                    Contains("line 2") && Contains("longer than 1 MiB"));
}
