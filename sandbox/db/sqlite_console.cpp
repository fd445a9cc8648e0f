#include "sandbox/db/sqlite_console.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <memory>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::db {
namespace {

constexpr int busy_timeout_ms = 5'000;
constexpr int steps_between_looks = 10'000;
constexpr std::int64_t counted_rows_max = 1'000'000;

struct Finalizer {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalizer>;

// Pragmas that tell and change nothing, even with an argument.
constexpr std::array<std::string_view, 12> reading_pragmas{
    "table_info",    "table_xinfo",     "table_list",       "index_list",
    "index_info",    "index_xinfo",     "foreign_key_list", "foreign_key_check",
    "database_list", "integrity_check", "quick_check",      "compile_options"};
// Those that tell without an argument and change something with one.
constexpr std::array<std::string_view, 8> asking_pragmas{
    "page_count",   "page_size",    "freelist_count", "encoding",
    "journal_mode", "user_version", "schema_version", "application_id"};

bool may_ask(const char* pragma, const char* argument) {
  const std::string_view name = pragma == nullptr ? "" : pragma;
  const auto is_in = [&](const auto& names) {
    return std::find(names.begin(), names.end(), lower(name)) != names.end();
  };
  return is_in(reading_pragmas) || (argument == nullptr && is_in(asking_pragmas));
}

const char* word_for(int action) {
  switch (action) {
    case SQLITE_INSERT: return "INSERT";
    case SQLITE_UPDATE: return "UPDATE";
    case SQLITE_DELETE: return "DELETE";
    case SQLITE_ATTACH: return "ATTACH";
    case SQLITE_DETACH: return "DETACH";
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT: return "a transaction";
    case SQLITE_PRAGMA: return "this PRAGMA";
    case SQLITE_FUNCTION: return "this function";
    default: return "changing tables";
  }
}

// Asked by SQLite for everything a statement would do, before it runs.
int authorize(
    void* refused, int action, const char* first, const char* second, const char*, const char*) {
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE: return SQLITE_OK;
    case SQLITE_FUNCTION:
      if (second == nullptr || std::strcmp(second, "load_extension") != 0) return SQLITE_OK;
      break;
    case SQLITE_PRAGMA:
      if (may_ask(first, second)) return SQLITE_OK;
      break;
    case SQLITE_UPDATE:
      // SQLite asks this when it first meets a pragma_… table; nobody may update that one anyway.
      if (first != nullptr && std::strcmp(first, "sqlite_master") == 0) return SQLITE_OK;
      break;
    default: break;
  }
  *static_cast<std::string*>(refused) = word_for(action);
  return SQLITE_DENY;
}

ConsoleColumn::Kind kind_of(const char* declared) {
  if (declared == nullptr) return ConsoleColumn::Kind::unknown;
  const std::string type = upper(declared);
  for (const char* word : {"INT", "REAL", "FLOA", "DOUB", "NUM", "DEC"}) {
    if (type.find(word) != std::string::npos) return ConsoleColumn::Kind::number;
  }
  return ConsoleColumn::Kind::text;
}

ConsoleCell cell_of(sqlite3_stmt* statement, int column) {
  ConsoleCell cell;
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_NULL: return cell;
    case SQLITE_INTEGER:
      cell.kind = ConsoleCell::Kind::integer;
      cell.integer = sqlite3_column_int64(statement, column);
      break;
    case SQLITE_FLOAT:
      cell.kind = ConsoleCell::Kind::real;
      cell.real = sqlite3_column_double(statement, column);
      break;
    case SQLITE_BLOB: {
      cell.kind = ConsoleCell::Kind::bytes;
      const void* bytes = sqlite3_column_blob(statement, column);
      if (bytes != nullptr) {
        cell.text = {static_cast<const char*>(bytes),
                     static_cast<std::size_t>(sqlite3_column_bytes(statement, column))};
      }
      return cell;
    }
    default: cell.kind = ConsoleCell::Kind::text;
  }
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
  cell.text = {text, static_cast<std::size_t>(sqlite3_column_bytes(statement, column))};
  return cell;
}

std::string quoted_name(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

ConsoleCell text_cell(const std::string& text) {
  ConsoleCell cell;
  cell.kind = ConsoleCell::Kind::text;
  cell.text = text;
  return cell;
}

// An answer made here instead of by the database.
void show(ConsoleReader& reader,
          const std::string& title,
          const std::vector<ConsoleColumn>& columns,
          const std::vector<std::vector<std::string>>& rows) {
  reader.begin(title, columns);
  for (const auto& row : rows) {
    std::vector<ConsoleCell> cells;
    for (const std::string& text : row) cells.push_back(text_cell(text));
    reader.row(cells);
  }
  reader.end();
}

std::vector<ConsoleColumn> text_columns(const std::vector<std::string>& names) {
  std::vector<ConsoleColumn> columns;
  for (const std::string& name : names) columns.push_back({name, ConsoleColumn::Kind::text});
  return columns;
}

}  // namespace

SqliteConsole::SqliteConsole(Env& env, const std::string& file, std::int64_t timeout_ms)
    : env_(env), file_(file), timeout_ms_(timeout_ms) {
  open();
  sqlite3_busy_timeout(handle_, busy_timeout_ms);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_limit(handle_, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_exec(handle_, "PRAGMA query_only = ON; PRAGMA case_sensitive_like = ON", nullptr, nullptr,
               nullptr);
  sqlite3_set_authorizer(handle_, authorize, &refused_);
  // A sort has no rows to wait for, so the clock is looked at in between.
  sqlite3_progress_handler(
      handle_, steps_between_looks,
      [](void* self) {
        const auto* console = static_cast<SqliteConsole*>(self);
        const bool is_late =
            console->timeout_ms_ > 0 &&
            (console->env_.monotonic_ns() - console->began_ns_) / 1'000'000 > console->timeout_ms_;
        return is_late || console->interrupted_ ? 1 : 0;
      },
      this);
}

SqliteConsole::~SqliteConsole() {
  sqlite3_close_v2(handle_);
}

// Beside a server the file is read through its log. A stopped lab in a directory nobody can write
// to has no log, and SQLite cannot make one: then the file alone is all there is.
void SqliteConsole::open() {
  if (!std::filesystem::exists(file_)) {
    throw Error(Code::not_found, "There is no metadata database at " + file_ + ".");
  }
  const auto attempt = [&](const std::string& how) {
    const std::string uri = "file:" + percent_encode(file_, "/") + how;
    const int result =
        sqlite3_open_v2(uri.c_str(), &handle_,
                        SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr);
    // Nothing is read before the first statement.
    return result == SQLITE_OK
               ? sqlite3_exec(handle_, "SELECT 1 FROM sqlite_master", nullptr, nullptr, nullptr)
               : result;
  };
  int result = attempt("?mode=ro");
  if (result == SQLITE_CANTOPEN && !std::filesystem::exists(file_ + "-wal")) {
    sqlite3_close_v2(handle_);
    result = attempt("?mode=ro&immutable=1");
  }
  if (result != SQLITE_OK) {
    const std::string reason = sqlite3_errmsg(handle_);
    sqlite3_close_v2(handle_);
    throw Error(Code::invalid_state,
                "The metadata database " + file_ + " cannot be read: " + reason + ".");
  }
}

void SqliteConsole::interrupt() noexcept {
  interrupted_ = true;
}

bool SqliteConsole::is_whole(const std::string& text) const {
  return sqlite3_complete(text.c_str()) != 0;
}

std::string SqliteConsole::name() const {
  return std::filesystem::path(file_).stem().string();
}

void SqliteConsole::begin_statement() {
  began_ns_ = env_.monotonic_ns();
  interrupted_ = false;
  refused_.clear();
}

void SqliteConsole::check_time() const {
  if (interrupted_) throw Error(Code::invalid_parameter_value, "canceled");
  if (timeout_ms_ > 0 && (env_.monotonic_ns() - began_ns_) / 1'000'000 > timeout_ms_) {
    throw Error(Code::invalid_parameter_value, "the statement took longer than " +
                                                   std::to_string(timeout_ms_ / 1000) +
                                                   " s. --timeout allows more (0 is no limit).");
  }
}

void SqliteConsole::fail() {
  const int code = sqlite3_errcode(handle_);
  if (code == SQLITE_INTERRUPT) check_time();
  if (code == SQLITE_AUTH || code == SQLITE_READONLY) {
    throw Error(Code::invalid_parameter_value,
                (refused_.empty() ? std::string("writing") : refused_) +
                    " is refused: this shell only reads. Change things through the tracking "
                    "server, or with `mlops-sandbox experiments` and `gc`.");
  }
  throw Error(Code::invalid_parameter_value, sqlite3_errmsg(handle_));
}

sqlite3_stmt* SqliteConsole::prepare(std::string_view text, std::string_view& rest) {
  sqlite3_stmt* statement = nullptr;
  const char* tail = nullptr;
  if (sqlite3_prepare_v2(handle_, text.data(), static_cast<int>(text.size()), &statement, &tail) !=
      SQLITE_OK) {
    fail();
  }
  rest = text.substr(static_cast<std::size_t>(tail - text.data()));
  return statement;
}

void SqliteConsole::run(const std::string& statements, ConsoleReader& reader) {
  std::string_view rest = statements;
  while (!trim(rest).empty()) {
    begin_statement();
    const Statement statement(prepare(rest, rest));
    if (statement == nullptr) continue;
    if (sqlite3_stmt_readonly(statement.get()) == 0) {
      throw Error(Code::invalid_parameter_value, "writing is refused: this shell only reads.");
    }
    step_through(statement.get(), "", reader);
  }
}

void SqliteConsole::step_through(sqlite3_stmt* statement,
                                 const std::string& title,
                                 ConsoleReader& reader) {
  const int count = sqlite3_column_count(statement);
  std::vector<ConsoleColumn> columns;
  for (int i = 0; i < count; ++i) {
    columns.push_back(
        {sqlite3_column_name(statement, i), kind_of(sqlite3_column_decltype(statement, i))});
  }
  int result = sqlite3_step(statement);
  if (result != SQLITE_ROW && result != SQLITE_DONE) fail();
  if (count == 0) return;
  reader.begin(title, columns);
  std::vector<ConsoleCell> cells(static_cast<std::size_t>(count));
  for (; result == SQLITE_ROW; result = sqlite3_step(statement)) {
    for (int i = 0; i < count; ++i) cells[static_cast<std::size_t>(i)] = cell_of(statement, i);
    reader.row(cells);
    check_time();
  }
  if (result != SQLITE_DONE) fail();
  reader.end();
}

std::vector<std::vector<std::string>> SqliteConsole::ask(const std::string& sql,
                                                         const std::string& value) {
  std::string_view rest;
  const Statement statement(prepare(sql, rest));
  if (sqlite3_bind_parameter_count(statement.get()) > 0) {
    sqlite3_bind_text(statement.get(), 1, value.c_str(), -1, SQLITE_TRANSIENT);
  }
  std::vector<std::vector<std::string>> rows;
  int result = sqlite3_step(statement.get());
  for (; result == SQLITE_ROW; result = sqlite3_step(statement.get())) {
    auto& row = rows.emplace_back();
    for (int i = 0; i < sqlite3_column_count(statement.get()); ++i) {
      row.emplace_back(cell_of(statement.get(), i).text);
    }
  }
  if (result != SQLITE_DONE) fail();
  return rows;
}

void SqliteConsole::databases(ConsoleReader& reader) {
  begin_statement();
  std::uintmax_t bytes = 0;
  for (const char* ending : {"", "-wal"}) {
    std::error_code missing;
    const auto size = std::filesystem::file_size(file_ + ending, missing);
    if (!missing) bytes += size;
  }
  std::vector<ConsoleColumn> columns = text_columns({"Name", "Engine", "Encoding", "Size", "File"});
  columns[3].kind = ConsoleColumn::Kind::number;
  show(reader, "List of databases", columns,
       {{name(), std::string("SQLite ") + sqlite3_libversion(), ask("PRAGMA encoding")[0][0],
         std::to_string((bytes + 1023) / 1024) + " kB", file_}});
}

void SqliteConsole::tables(ConsoleReader& reader) {
  begin_statement();
  std::vector<std::vector<std::string>> rows;
  for (const auto& found :
       ask("SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE "
           "'sqlite\\_%' ESCAPE '\\' ORDER BY name")) {
    const std::string& table = found[0];
    // Counting reads the table, so a huge one is counted up to a limit.
    const auto count = ask("SELECT COUNT(*) FROM (SELECT 1 FROM " + quoted_name(table) + " LIMIT " +
                           std::to_string(counted_rows_max + 1) + ")")[0][0];
    const bool is_more = parse_int64(count).value_or(0) > counted_rows_max;
    rows.push_back(
        {"main", table, found[1], is_more ? "> " + std::to_string(counted_rows_max) : count});
  }
  std::vector<ConsoleColumn> columns = text_columns({"Schema", "Name", "Type", "Rows"});
  columns[3].kind = ConsoleColumn::Kind::number;
  show(reader, "List of tables", columns, rows);
}

void SqliteConsole::describe(const std::string& table, ConsoleReader& reader) {
  begin_statement();
  std::vector<std::vector<std::string>> rows;
  for (const auto& column :
       ask("SELECT name, type, \"notnull\", dflt_value FROM pragma_table_xinfo(?)", table)) {
    rows.push_back({column[0], lower(column[1]), column[2] == "1" ? "not null" : "", column[3]});
  }
  if (rows.empty()) {
    throw Error(Code::invalid_parameter_value,
                "Did not find any table named \"" + table + "\". \\dt lists them.");
  }
  show(reader, "Table \"main." + table + "\"",
       text_columns({"Column", "Type", "Nullable", "Default"}), rows);
  std::string heading = "Indexes:";
  for (const auto& index :
       ask("SELECT l.name, l.origin, l.\"unique\", (SELECT group_concat(COALESCE(i.name, "
           "'expression'), ', ') FROM pragma_index_info(l.name) i) FROM pragma_index_list(?) l "
           "ORDER BY l.origin <> 'pk', l.name",
           table)) {
    if (!heading.empty()) reader.note(heading);
    heading.clear();
    const std::string kind = index[1] == "pk" ? "PRIMARY KEY, " : index[2] == "1" ? "UNIQUE, " : "";
    reader.note("    \"" + index[0] + "\" " + kind + "(" + index[3] + ")");
  }
  heading = "Foreign-key constraints:";
  for (const auto& key :
       ask("SELECT group_concat(\"from\", ', '), \"table\", group_concat(COALESCE(\"to\", ''), "
           "', '), on_delete FROM pragma_foreign_key_list(?) GROUP BY id ORDER BY id DESC",
           table)) {
    if (!heading.empty()) reader.note(heading);
    heading.clear();
    reader.note("    FOREIGN KEY (" + key[0] + ") REFERENCES " + key[1] + "(" + key[2] + ")" +
                (key[3] == "NO ACTION" ? "" : " ON DELETE " + key[3]));
  }
  reader.note("");
}

}  // namespace sandbox::db
