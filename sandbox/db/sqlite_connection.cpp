#include "sandbox/db/sqlite_connection.h"

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/db/regexp.h"

namespace sandbox::db {
namespace {

constexpr std::size_t idle_statements_max = 300;
constexpr int busy_timeout_ms = 20'000;  // another process may hold the file (a real MLflow server)

// SQLite counts its memory under one lock for all connections unless it is told not to, before its
// first use.
void leave_memory_uncounted() {
  static const int result = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(result);  // refused only when SQLite is in use already: slower, not wrong
}

}  // namespace

// Owns a running statement and hands it back, reset, when the Rows go.
class SqliteCursor final : public Rows::Cursor {
 public:
  SqliteCursor(SqliteConnection& connection, std::string_view sql, sqlite3_stmt* statement)
      : connection_(connection), sql_(sql), statement_(statement) {}
  ~SqliteCursor() override { connection_.give_back(sql_, statement_); }
  SqliteCursor(const SqliteCursor&) = delete;
  SqliteCursor& operator=(const SqliteCursor&) = delete;

  bool next() override {
    const int result = sqlite3_step(statement_);
    if (result == SQLITE_ROW) return true;
    if (result != SQLITE_DONE) connection_.fail("reading");
    return false;
  }
  [[nodiscard]] bool is_null(int column) const override {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  [[nodiscard]] std::int64_t integer(int column) const override {
    return sqlite3_column_int64(statement_, column);
  }
  [[nodiscard]] double real(int column) const override {
    return sqlite3_column_double(statement_, column);
  }
  [[nodiscard]] std::string_view text(int column) const override {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (bytes == nullptr) return {};
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  SqliteConnection& connection_;
  std::string sql_;
  sqlite3_stmt* statement_;
};

SqliteConnection::SqliteConnection(const std::string& file, bool read_only) : file_(file) {
  leave_memory_uncounted();
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  if (sqlite3_open_v2(file.c_str(), &handle_, flags, nullptr) != SQLITE_OK) {
    const std::string reason = sqlite3_errmsg(handle_);
    sqlite3_close_v2(handle_);
    throw Error(Code::invalid_state, "Cannot open the metadata database '" + file + "': " + reason +
                                         ". Check that its directory exists and is writable.");
  }
  sqlite3_busy_timeout(handle_, busy_timeout_ms);
  sqlite3_extended_result_codes(handle_, 1);
  add_regexp(handle_);
  // MLflow's LIKE is case-sensitive; FULL makes every commit survive a power cut.
  script(
      "PRAGMA foreign_keys = ON; PRAGMA case_sensitive_like = ON; PRAGMA synchronous = FULL;"
      "PRAGMA temp_store = MEMORY;");
  // KiB, taken as needed: a batch of metrics touches four B-trees, a read few pages.
  script(read_only ? "PRAGMA query_only = ON; PRAGMA cache_size = -4000;"
                   : "PRAGMA cache_size = -16000;");
}

SqliteConnection::SqliteConnection(const std::string& file, Foreign foreign) : file_(file) {
  leave_memory_uncounted();
  const std::string uri = "file:" + percent_encode(file, "/") + "?mode=ro" +
                          (foreign == Foreign::frozen ? "&immutable=1" : "");
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
  if (sqlite3_open_v2(uri.c_str(), &handle_, flags, nullptr) != SQLITE_OK) {
    const std::string reason = sqlite3_errmsg(handle_);
    sqlite3_close_v2(handle_);
    throw Error(Code::invalid_state, "Cannot open the database '" + file + "': " + reason +
                                         ". Check that it exists and may be read.");
  }
  sqlite3_busy_timeout(handle_, busy_timeout_ms);
  sqlite3_extended_result_codes(handle_, 1);
  script("PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000;");
}

SqliteConnection::~SqliteConnection() {
  for (auto& [sql, statements] : idle_) {
    for (sqlite3_stmt* statement : statements) sqlite3_finalize(statement);
  }
  sqlite3_close_v2(handle_);
}

Rows SqliteConnection::query_values(std::string_view sql, const std::vector<Value>& values) {
  sqlite3_stmt* statement = take(sql);
  auto cursor = std::make_unique<SqliteCursor>(*this, sql, statement);
  // The rows are read after this call, when the caller's temporaries are gone: text is copied.
  bind(statement, values, true);
  return Rows(std::move(cursor));
}

std::int64_t SqliteConnection::execute_values(std::string_view sql,
                                              const std::vector<Value>& values) {
  sqlite3_stmt* statement = take(sql);
  bind(statement, values, false);
  int result = sqlite3_step(statement);
  while (result == SQLITE_ROW) result = sqlite3_step(statement);
  if (result != SQLITE_DONE) {
    try {
      fail("writing");
    } catch (...) {
      give_back(sql, statement);
      throw;
    }
  }
  give_back(sql, statement);
  return sqlite3_changes64(handle_);
}

void SqliteConnection::script(std::string_view sql) {
  const std::string text(sql);
  if (sqlite3_exec(handle_, text.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    fail("preparing it");
  }
}

std::vector<std::string> SqliteConnection::tables() {
  std::vector<std::string> names;
  Rows rows = query(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY "
      "name");
  while (rows.next()) names.push_back(rows.text(0));
  return names;
}

std::vector<Column> SqliteConnection::columns(std::string_view table) {
  std::vector<Column> columns;
  Rows rows =
      query("SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden = 0 ORDER BY cid", table);
  while (rows.next()) {
    const std::string type = upper(rows.view(1));
    Value::Kind kind = Value::Kind::text;
    if (type.find("INT") != std::string::npos || type == "BOOLEAN") {
      kind = Value::Kind::integer;
    } else if (type.starts_with("FLOAT") || type.starts_with("DOUBLE") || type == "REAL") {
      kind = Value::Kind::real;
    }
    columns.push_back({rows.text(0), kind, type == "BOOLEAN"});
  }
  return columns;
}

sqlite3_stmt* SqliteConnection::take(std::string_view sql) {
  if (const auto found = idle_.find(sql); found != idle_.end() && !found->second.empty()) {
    sqlite3_stmt* statement = found->second.back();
    found->second.pop_back();
    --idle_count_;
    return statement;
  }
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    fail("understanding a statement");
  }
  return statement;
}

void SqliteConnection::give_back(std::string_view sql, sqlite3_stmt* statement) {
  sqlite3_reset(statement);
  if (idle_count_ >= idle_statements_max) {
    for (auto& [text, statements] : idle_) {
      for (sqlite3_stmt* one : statements) sqlite3_finalize(one);
    }
    idle_.clear();
    idle_count_ = 0;
  }
  auto found = idle_.find(sql);
  if (found == idle_.end())
    found = idle_.emplace(std::string(sql), std::vector<sqlite3_stmt*>{}).first;
  found->second.push_back(statement);
  ++idle_count_;
}

void SqliteConnection::bind(sqlite3_stmt* statement,
                            const std::vector<Value>& values,
                            bool copy_text) {
  int index = 0;
  for (const Value& value : values) {
    ++index;
    switch (value.kind()) {
      case Value::Kind::null: sqlite3_bind_null(statement, index); break;
      case Value::Kind::integer: sqlite3_bind_int64(statement, index, value.integer()); break;
      case Value::Kind::real: sqlite3_bind_double(statement, index, value.real()); break;
      case Value::Kind::text:
        // A null pointer would bind NULL where an empty text is meant.
        sqlite3_bind_text64(statement, index, value.text().empty() ? "" : value.text().data(),
                            value.text().size(), copy_text ? SQLITE_TRANSIENT : SQLITE_STATIC,
                            SQLITE_UTF8);
    }
  }
}

void SqliteConnection::fail(const std::string& doing) const {
  const int code = sqlite3_extended_errcode(handle_);
  const std::string what = "The metadata database '" + file_ + "' failed while " + doing + ": " +
                           sqlite3_errmsg(handle_);
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Error(Code::temporarily_unavailable,
                  what + ". Another program holds it; try again, or stop that program.");
    case SQLITE_FULL:
      throw Error(Code::temporarily_unavailable, what + ". Free some disk space and try again.");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      throw Error(Code::internal_error,
                  what + ". The file is damaged or no SQLite database; restore a copy of it.");
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
      throw Error(Code::internal_error,
                  what + ". Check that the file, its directory and its disk can be written.");
    default: throw Error(Code::internal_error, what);
  }
}

}  // namespace sandbox::db
