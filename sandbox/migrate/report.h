// What a migration tells while it works, and at its end.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "sandbox/base/fields.h"
#include "sandbox/migrate/migration.h"

namespace sandbox::migrate {

struct TableLine {
  std::string table;
  std::int64_t rows = 0;
  std::int64_t different = 0;
  static constexpr auto fields() {
    return std::tuple{field("table", &TableLine::table), field("rows", &TableLine::rows),
                      field("different", &TableLine::different)};
  }
};

struct FilesLine {
  std::string from;
  std::string to;
  std::int64_t objects = 0;
  std::int64_t bytes = 0;
  std::int64_t different = 0;
  static constexpr auto fields() {
    return std::tuple{field("from", &FilesLine::from), field("to", &FilesLine::to),
                      field("objects", &FilesLine::objects), field("bytes", &FilesLine::bytes),
                      field("different", &FilesLine::different)};
  }
};

struct Told {
  bool is_equal = false;
  bool is_switched = false;
  std::string first_different;  // the key of a row or object; "" when none differs
  std::int64_t waited_ms = 0;   // how long writes to a running lab waited
  std::vector<TableLine> tables;
  std::vector<FilesLine> files;
  static constexpr auto fields() {
    return std::tuple{field("is_equal", &Told::is_equal),
                      field("is_switched", &Told::is_switched),
                      field("first_different", &Told::first_different),
                      field("waited_ms", &Told::waited_ms),
                      field("tables", &Told::tables),
                      field("files", &Told::files)};
  }
};
Told told_of(const Result& result);

// A line of a running lab's answer.
struct Line {
  // "progress": so many rows of a table, or objects of a bucket, in this pass. "pass": one is
  // finished, in which `count` rows and objects changed. "waiting": a request that writes still
  // runs. "total": the last line. "error": the last line: why it ended early.
  std::string kind;
  std::string what;
  std::int64_t count = 0;
  std::string note;
  std::optional<Told> told;  // of "total"
  static constexpr auto fields() {
    return std::tuple{field("kind", &Line::kind), field("what", &Line::what),
                      field("count", &Line::count), field("note", &Line::note),
                      field("told", &Line::told)};
  }
};
using Report = std::function<void(const Line&)>;

}  // namespace sandbox::migrate
