#include "sandbox/db/sqlite_copy.h"

#include <cerrno>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/db/migrations/mlflow_schema.h"
#include "sandbox/db/sqlite_connection.h"

namespace sandbox::db {
namespace {

struct CopiedColumn {
  std::string name;
  Value::Kind kind = Value::Kind::text;
  bool is_bytes = false;  // travels as hexadecimal text
};

std::vector<CopiedColumn> columns_of(SqliteConnection& copy, const std::string& table) {
  std::vector<CopiedColumn> columns;
  for (const Column& column : copy.columns(table)) {
    const bool is_bytes =
        copy.query("SELECT 1 FROM pragma_table_info(?) WHERE name = ? AND type = 'BLOB'", table,
                   column.name)
            .next();
    columns.push_back({column.name, column.kind, is_bytes});
  }
  return columns;
}

std::string bytes_of_hex(std::string_view digits) {
  const auto value = [](char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; };
  std::string bytes;
  bytes.reserve(digits.size() / 2);
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(value(digits[i]) * 16 + value(digits[i + 1]));
  }
  return bytes;
}

void copy_table(Tx& source, SqliteConnection& copy, const std::string& table) {
  const std::vector<CopiedColumn> columns = columns_of(copy, table);
  std::vector<std::string> names;
  std::vector<std::string> read;
  std::vector<std::string> marks;
  for (const CopiedColumn& column : columns) {
    const std::string name = "\"" + column.name + "\"";
    names.push_back(name);
    read.push_back(column.is_bytes ? "encode(" + name + ", 'hex')" : name);
    marks.emplace_back(column.is_bytes ? "CAST(? AS BLOB)" : "?");
  }
  const std::string insert = "INSERT INTO \"" + table + "\" (" + join(names, ", ") + ") VALUES (" +
                             join(marks, ", ") + ")";
  Rows rows = source.query_long("SELECT " + join(read, ", ") + " FROM \"" + table + "\"");
  std::vector<std::string> bytes(columns.size());
  while (rows.next()) {
    std::vector<Value> values;
    values.reserve(columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const int at = static_cast<int>(i);
      if (rows.is_null(at)) {
        values.emplace_back(nullptr);
      } else if (columns[i].is_bytes) {
        bytes[i] = bytes_of_hex(rows.view(at));
        values.emplace_back(bytes[i]);
      } else if (columns[i].kind == Value::Kind::real) {
        values.emplace_back(rows.real(at));
      } else if (columns[i].kind == Value::Kind::text) {
        values.emplace_back(rows.view(at));
      } else {
        values.emplace_back(rows.integer(at));
      }
    }
    copy.execute_values(insert, values);
  }
}

void make_private_file(const std::string& file) {
  const int made = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made < 0) {
    throw Error(Code::invalid_state, "The copy of the database cannot be made as '" + file +
                                         "': " + std::strerror(errno) + ".");
  }
  ::close(made);
}

}  // namespace

void copy_to_sqlite(Tx& source, bool is_adopted, const std::string& file) {
  // Indexes, which come after the tables, are made much quicker over all rows at once than row by
  // row.
  const std::size_t end_of_tables = mlflow_schema_sql.find("\nCREATE INDEX ");
  make_private_file(file);
  try {
    SqliteConnection copy(file, false);
    // Nobody else looks at the file before it is whole, and rows come as they lie, not those first
    // that others refer to: the source's own keys hold.
    copy.script(
        "PRAGMA journal_mode = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -64000;");
    copy.execute_values("BEGIN", {});
    copy.script(mlflow_schema_sql.substr(0, end_of_tables));
    for (const std::string& table : copy.tables()) copy_table(source, copy, table);
    copy.script(mlflow_schema_sql.substr(end_of_tables));
    if (is_adopted) copy.script(sandbox_indexes_sql);
    copy.execute_values("COMMIT", {});
  } catch (...) {
    ::unlink(file.c_str());
    throw;
  }
}

}  // namespace sandbox::db
