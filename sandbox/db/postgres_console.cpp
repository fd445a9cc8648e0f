#include "sandbox/db/postgres_console.h"

#include <utility>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/db/postgres_failures.h"
#include "sandbox/db/postgres_statement.h"

namespace sandbox::db {
namespace {

constexpr std::string_view fetched_rows = "1000";

pqxx::connection connected(const PostgresAddress& address) {
  try {
    return pqxx::connection(address.connection);
  } catch (const std::exception& failure) {
    throw connection_failure(address, failure.what());
  }
}

enum class Type { text, integer, real };

Type type_of(pqxx::oid type) {
  switch (type) {
    case 20:
    case 21:
    case 23:
    case 26: return Type::integer;
    case 700:
    case 701: return Type::real;
    default: return Type::text;
  }
}

ConsoleCell cell_of(const pqxx::field& field, Type type) {
  ConsoleCell cell;
  if (field.is_null()) return cell;
  cell.text = {field.c_str(), field.size()};
  cell.kind = ConsoleCell::Kind::text;
  if (type == Type::integer) {
    cell.kind = ConsoleCell::Kind::integer;
    cell.integer = parse_int64(cell.text).value_or(0);
  } else if (const auto number = parse_double(cell.text); type == Type::real && number) {
    cell.kind = ConsoleCell::Kind::real;
    cell.real = *number;
  }
  return cell;
}

std::vector<ConsoleColumn> columns_of(const pqxx::result& answer) {
  std::vector<ConsoleColumn> columns;
  for (pqxx::row::size_type i = 0; i < answer.columns(); ++i) {
    const bool is_number = type_of(answer.column_type(i)) != Type::text;
    columns.push_back({answer.column_name(i),
                       is_number ? ConsoleColumn::Kind::number : ConsoleColumn::Kind::text});
  }
  return columns;
}

void show_rows(const pqxx::result& answer, ConsoleReader& reader) {
  std::vector<ConsoleCell> cells(answer.columns());
  for (const pqxx::row& row : answer) {
    for (pqxx::row::size_type i = 0; i < row.size(); ++i) {
      cells[static_cast<std::size_t>(i)] = cell_of(row[i], type_of(answer.column_type(i)));
    }
    reader.row(cells);
  }
}

[[noreturn]] void fail(const pqxx::failure& failure) {
  std::string said(trim(failure.what()));
  if (said.starts_with("ERROR:")) said = trim(said.substr(6));
  if (said.find("read-only transaction") != std::string::npos) {
    said +=
        ". This shell only reads. Change things through the tracking server, or with "
        "`mlops-sandbox experiments` and `gc`.";
  }
  throw Error(Code::invalid_parameter_value, said);
}

// Whether a cursor can give its rows: then they come in pieces.
bool may_have_cursor(std::string_view statement) {
  const std::string word = upper(statement.substr(0, 8));
  return word.starts_with("SELECT") || word.starts_with("WITH") || word.starts_with("VALUES") ||
         word.starts_with("TABLE ");
}

}  // namespace

PostgresConsole::PostgresConsole(PostgresAddress address, std::int64_t timeout_ms)
    : address_(std::move(address)), connection_(connected(address_)) {
  ask("SET client_min_messages = error");
  ask("SET statement_timeout = " + std::to_string(timeout_ms));
}

pqxx::result PostgresConsole::ask(const std::string& sql) {
  try {
    return pqxx::nontransaction(connection_).exec(sql);
  } catch (const pqxx::failure& failure) {
    fail(failure);
  }
}

// The same for a statement a person typed: the protocol takes one statement this way, never more.
pqxx::result PostgresConsole::ask_one(const std::string& statement) {
  try {
    return pqxx::nontransaction(connection_).exec_params(statement);
  } catch (const pqxx::failure& failure) {
    fail(failure);
  }
}

void PostgresConsole::show(const std::string& title,
                           const pqxx::result& answer,
                           ConsoleReader& reader) {
  reader.begin(title, columns_of(answer));
  show_rows(answer, reader);
  reader.end();
}

void PostgresConsole::run(const std::string& statements, ConsoleReader& reader) {
  for (const std::string& statement : split_statements(statements)) run_one(statement, reader);
}

void PostgresConsole::run_one(const std::string& statement, ConsoleReader& reader) {
  is_running_ = true;
  struct Ended {
    PostgresConsole& console;
    ~Ended() {
      console.is_running_ = false;
      try {
        pqxx::nontransaction(console.connection_).exec("ROLLBACK");
      } catch (const std::exception&) {
        // The next statement says that the connection is gone.
      }
    }
  } ended{*this};
  // After its first query a transaction that only reads cannot be made to write.
  ask("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1");
  if (!may_have_cursor(statement)) {
    const pqxx::result answer = ask_one(statement);
    if (answer.columns() > 0) show("", answer, reader);
    return;
  }
  ask_one("DECLARE shown NO SCROLL CURSOR FOR " + statement);
  pqxx::result answer = ask("FETCH " + std::string(fetched_rows) + " FROM shown");
  reader.begin("", columns_of(answer));
  while (!answer.empty()) {
    show_rows(answer, reader);
    answer = ask("FETCH " + std::string(fetched_rows) + " FROM shown");
  }
  reader.end();
}

bool PostgresConsole::is_whole(const std::string& text) const {
  return ends_statement(text);
}

std::string PostgresConsole::name() const {
  return address_.database;
}

void PostgresConsole::interrupt() noexcept {
  if (!is_running_) return;
  try {
    connection_.cancel_query();
  } catch (const std::exception&) {
    // It has ended meanwhile.
  }
}

void PostgresConsole::databases(ConsoleReader& reader) {
  show("List of databases",
       ask("SELECT datname AS \"Name\", pg_get_userbyid(datdba) AS \"Owner\", "
           "pg_encoding_to_char(encoding) AS \"Encoding\", datcollate AS \"Collate\", CASE WHEN "
           "has_database_privilege(datname, 'CONNECT') THEN "
           "pg_size_pretty(pg_database_size(datname)) END AS \"Size\" FROM pg_database ORDER BY 1"),
       reader);
}

void PostgresConsole::tables(ConsoleReader& reader) {
  show(
      "List of tables",
      ask("SELECT n.nspname AS \"Schema\", c.relname AS \"Name\", CASE c.relkind WHEN 'v' THEN "
          "'view' WHEN 'm' THEN 'materialized view' ELSE 'table' END AS \"Type\", "
          "pg_get_userbyid(c.relowner) AS \"Owner\" FROM pg_class c JOIN pg_namespace n ON n.oid = "
          "c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname NOT LIKE 'pg\\_%' "
          "AND n.nspname <> 'information_schema' AND pg_table_is_visible(c.oid) ORDER BY 1, 2"),
      reader);
}

void PostgresConsole::describe(const std::string& table, ConsoleReader& reader) {
  const std::string name = connection_.quote(table);
  const std::string relation =
      "(SELECT c.oid FROM pg_class c WHERE c.relname = " + name +
      " AND pg_table_is_visible(c.oid) AND c.relkind IN ('r', 'p', 'v', 'm'))";
  const pqxx::result columns =
      ask("SELECT a.attname AS \"Column\", format_type(a.atttypid, a.atttypmod) AS \"Type\", CASE "
          "WHEN a.attnotnull THEN 'not null' ELSE '' END AS \"Nullable\", "
          "COALESCE(pg_get_expr(d.adbin, d.adrelid), '') AS \"Default\" FROM pg_attribute a LEFT "
          "JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = " +
          relation + " AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum");
  if (columns.empty()) {
    throw Error(Code::invalid_parameter_value,
                "Did not find any table named \"" + table + "\". \\dt lists them.");
  }
  show("Table \"" + table + "\"", columns, reader);
  const auto note_all = [&](std::string heading, const pqxx::result& lines) {
    for (const pqxx::row& line : lines) {
      if (!heading.empty()) reader.note(std::exchange(heading, ""));
      reader.note("    " + line[0].as<std::string>());
    }
  };
  note_all("Indexes:",
           ask("SELECT '\"' || c.relname || '\" ' || CASE WHEN i.indisprimary THEN 'PRIMARY KEY, ' "
               "WHEN i.indisunique THEN 'UNIQUE, ' ELSE '' END || "
               "regexp_replace(pg_get_indexdef(i.indexrelid), '^.* USING ', '') FROM pg_index i "
               "JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = " +
               relation + " ORDER BY NOT i.indisprimary, c.relname"));
  note_all("Foreign-key constraints:",
           ask("SELECT '\"' || conname || '\" ' || pg_get_constraintdef(oid) FROM pg_constraint "
               "WHERE contype = 'f' AND conrelid = " +
               relation + " ORDER BY conname"));
  reader.note("");
}

}  // namespace sandbox::db
