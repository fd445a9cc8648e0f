#include "sandbox/db/postgres_connection.h"

#include <algorithm>
#include <charconv>

#include "sandbox/db/postgres_statement.h"

namespace sandbox::db {
namespace {

constexpr std::size_t prepared_statements_max = 400;    // each keeps a plan in the server's memory
constexpr std::size_t values_of_statement_max = 8'000;  // the protocol's own limit is 65,535
// A long answer comes in pieces of so many rows, fewer where they are large.
constexpr std::size_t fetched_rows_first = 250;
constexpr std::size_t fetched_rows_max = 10'000;
constexpr std::size_t fetched_bytes_aim = 4 << 20;
constexpr int oldest_version = 13'00'00;  // the first with pg_current_xact_id
constexpr pqxx::oid boolean_type = 16;
// The number of a lock that all write transactions share and hold_writers() has alone; nothing else
// in the database bears it.
constexpr std::string_view writers_lock = "7884799576383124084";
constexpr std::string_view hold_wait = "'1s'";

// libpqxx 6 would otherwise connect again by itself and run the rest of a transaction outside it.
void stay_broken(pqxx::connection& connection) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  connection.inhibit_reactivation(true);
#pragma GCC diagnostic pop
}

pqxx::connection connected(const PostgresAddress& address, PostgresConnection::Use use) {
  try {
    return pqxx::connection(address.connection);
  } catch (const std::exception& failure) {
    if (use == PostgresConnection::Use::foreign) {
      throw foreign_connection_failure(address, failure.what());
    }
    throw connection_failure(address, failure.what());
  }
}

template <class Failure>
bool is(const pqxx::failure& failure) {
  return dynamic_cast<const Failure*>(&failure) != nullptr;
}

// Some of libpqxx 6's exceptions keep their SQLSTATE, others are told apart by their class alone.
std::string sqlstate_of(const pqxx::failure& failure) {
  if (const auto* told = dynamic_cast<const pqxx::sql_error*>(&failure)) {
    if (!told->sqlstate().empty()) return told->sqlstate();
  }
  if (is<pqxx::deadlock_detected>(failure)) return "40P01";
  if (is<pqxx::serialization_failure>(failure)) return "40001";
  if (is<pqxx::statement_completion_unknown>(failure)) return "08007";
  if (is<pqxx::insufficient_privilege>(failure)) return "42501";
  if (is<pqxx::unique_violation>(failure)) return "23505";
  if (is<pqxx::foreign_key_violation>(failure)) return "23503";
  if (is<pqxx::integrity_constraint_violation>(failure)) return "23000";
  if (is<pqxx::data_exception>(failure)) return "22000";
  if (is<pqxx::disk_full>(failure)) return "53100";
  if (is<pqxx::out_of_memory>(failure)) return "53200";
  if (is<pqxx::insufficient_resources>(failure)) return "53000";
  if (is<pqxx::too_many_connections>(failure)) return "53300";
  return is<pqxx::broken_connection>(failure) ? "08006" : "";
}

class ResultCells {
 public:
  explicit ResultCells(pqxx::result result) : result_(std::move(result)) {}
  bool next() { return ++row_ < static_cast<std::int64_t>(result_.size()); }
  void replace(pqxx::result result) {
    result_ = std::move(result);
    row_ = -1;
    bytes_read_ = 0;
  }
  // Of the texts that were looked at.
  [[nodiscard]] std::size_t bytes_read() const { return bytes_read_; }
  [[nodiscard]] bool is_empty() const { return result_.empty(); }
  [[nodiscard]] bool is_null(int column) const { return field(column).is_null(); }
  [[nodiscard]] std::string_view text(int column) const {
    const pqxx::field cell = field(column);
    if (cell.is_null()) return {};
    bytes_read_ += cell.size();
    if (is_boolean(column)) return cell.c_str()[0] == 't' ? "1" : "0";
    return {cell.c_str(), cell.size()};
  }
  [[nodiscard]] double real(int column) const {
    const std::string_view written = text(column);
    double number = 0;
    std::from_chars(written.data(), written.data() + written.size(), number);
    return number;
  }
  [[nodiscard]] std::int64_t integer(int column) const {
    const std::string_view written = text(column);
    const char* const end = written.data() + written.size();
    std::int64_t number = 0;
    const auto read = std::from_chars(written.data(), end, number);
    // 3.5 and 1e+20, as SUM and AVG may answer.
    return read.ptr == end ? number : static_cast<std::int64_t>(real(column));
  }

 private:
  [[nodiscard]] pqxx::field field(int column) const {
    return pqxx::row(result_[static_cast<pqxx::result::size_type>(row_)])[column];
  }
  [[nodiscard]] bool is_boolean(int column) const {
    return result_.column_type(column) == boolean_type;
  }
  pqxx::result result_;
  std::int64_t row_ = -1;
  mutable std::size_t bytes_read_ = 0;
};

class PostgresCursor : public Rows::Cursor {
 public:
  explicit PostgresCursor(pqxx::result result) : cells_(std::move(result)) {}
  bool next() override { return cells_.next(); }
  [[nodiscard]] bool is_null(int column) const override { return cells_.is_null(column); }
  [[nodiscard]] std::int64_t integer(int column) const override { return cells_.integer(column); }
  [[nodiscard]] double real(int column) const override { return cells_.real(column); }
  [[nodiscard]] std::string_view text(int column) const override { return cells_.text(column); }

 protected:
  ResultCells& cells() { return cells_; }

 private:
  ResultCells cells_;
};

}  // namespace

// Fetches the rows of a server-side cursor in pieces. The transaction's end closes one that was not
// read to its end.
class PostgresLongCursor final : public PostgresCursor {
 public:
  PostgresLongCursor(PostgresConnection& connection, const std::string& name)
      : PostgresCursor(pqxx::result()), connection_(connection), name_(name) {
    fetch();
  }
  bool next() override {
    if (PostgresCursor::next()) return true;
    if (is_closed_) return false;
    fetch();
    return PostgresCursor::next();
  }

 private:
  void fetch() {
    if (cells().bytes_read() > fetched_bytes_aim) {
      rows_ = std::max<std::size_t>(rows_ / 4, 1);
    } else if (cells().bytes_read() < fetched_bytes_aim / 4) {
      rows_ = std::min(rows_ * 2, fetched_rows_max);
    }
    cells().replace(
        connection_.run_plain("FETCH " + std::to_string(rows_) + " FROM " + name_, "reading"));
    if (!cells().is_empty()) return;
    connection_.run_plain("CLOSE " + name_, "reading");
    is_closed_ = true;
  }
  PostgresConnection& connection_;
  std::string name_;
  std::size_t rows_ = fetched_rows_first;
  bool is_closed_ = false;
};

PostgresConnection::PostgresConnection(const PostgresAddress& address, Use use)
    : address_(address), connection_(connected(address, use)), channel_(connection_) {
  stay_broken(connection_);
  if (use == Use::own && connection_.server_version() < oldest_version) {
    throw PostgresFailure(PostgresFailure::Kind::refused, Code::invalid_state,
                          "PostgreSQL's " + address_.shown() + " has version " +
                              std::to_string(connection_.server_version() / 10'000) +
                              "; this server needs 13 or later.");
  }
  const pqxx::result answer = run_plain(
      "SET client_min_messages = error; SET extra_float_digits = 1; SET "
      "standard_conforming_strings "
      "= on; SELECT pg_is_in_recovery()",
      "connecting");
  if (use == Use::own && answer.at(0).at(0).as<bool>()) {
    throw PostgresFailure(PostgresFailure::Kind::unreachable, Code::temporarily_unavailable,
                          "PostgreSQL's " + address_.shown() +
                              " is a replica that only reads, or recovers from a crash. Name the "
                              "primary server; with several hosts in the URI add "
                              "?target_session_attrs=read-write.");
  }
}

void PostgresConnection::begin_write() {
  failure_.reset();
  const pqxx::result answer = run_plain(
      "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_current_xact_id(), "
      "pg_current_wal_flush_lsn(), pg_advisory_xact_lock_shared(" +
          std::string(writers_lock) + ")",
      "beginning to write");
  mark_ = {answer.at(0).at(0).as<std::string>(), answer.at(0).at(1).as<std::string>()};
}

void PostgresConnection::begin_read() {
  failure_.reset();
  run_plain("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "beginning to read");
}

bool PostgresConnection::hold_writers() {
  failure_.reset();
  run_plain("BEGIN; SET LOCAL lock_timeout = " + std::string(hold_wait), "beginning to wait");
  try {
    run_plain("SELECT pg_advisory_xact_lock(" + std::string(writers_lock) + ")",
              "waiting for those who write");
    return true;
  } catch (const PostgresFailure& failure) {
    if (!failure.is_lock_timeout()) throw;
    return false;
  }
}

void PostgresConnection::commit() {
  if (failure_) throw PostgresFailure(*failure_);
  run_plain("COMMIT", "making changes durable");
}

void PostgresConnection::roll_back() {
  run_plain("ROLLBACK", "undoing changes");
}

// A crash takes back transactions whose log had not reached the disk, and their numbers are given
// to others then. Recovery ends with a checkpoint, which tells the next number: one that is no
// larger says that the transaction is lost, whatever became of the other with its number.
PostgresConnection::Outcome PostgresConnection::outcome_of(const Mark& mark) {
  const std::string doing = "asking what became of a transaction";
  const pqxx::result lost =
      run_plain("SELECT checkpoint_lsn >= '" + mark.place +
                    "'::pg_lsn AND CAST(split_part(next_xid, ':', 1) AS numeric) * 4294967296 + "
                    "CAST(split_part(next_xid, ':', 2) AS numeric) <= " +
                    mark.id + " FROM pg_control_checkpoint()",
                doing);
  if (lost.at(0).at(0).as<bool>()) return Outcome::rolled_back;
  const pqxx::result answer = run_plain("SELECT pg_xact_status('" + mark.id + "'::xid8)", doing);
  const pqxx::field status = answer.at(0).at(0);
  if (status.is_null()) return Outcome::unknown;
  const auto word = status.as<std::string>();
  if (word == "committed") return Outcome::committed;
  return word == "aborted" ? Outcome::rolled_back : Outcome::in_progress;
}

Rows PostgresConnection::query_values(std::string_view sql, const std::vector<Value>& values) {
  return Rows(std::make_unique<PostgresCursor>(run(sql, values, "reading")));
}

std::int64_t PostgresConnection::execute_values(std::string_view sql,
                                                const std::vector<Value>& values) {
  return static_cast<std::int64_t>(run(sql, values, "writing").affected_rows());
}

void PostgresConnection::script(std::string_view sql) {
  run_plain(std::string(sql), "preparing its tables");
}

// Rows go in powers of four, so that few texts have to be prepared.
std::int64_t PostgresConnection::execute_many(std::string_view sql,
                                              const std::vector<std::vector<Value>>& rows) {
  if (rows.empty()) return 0;
  const std::size_t width = std::max<std::size_t>(rows.front().size(), 1);
  std::int64_t changed = 0;
  for (std::size_t at = 0; at < rows.size();) {
    std::size_t count = 1;
    while (count * 4 <= rows.size() - at && count * 4 * width <= values_of_statement_max) {
      count *= 4;
    }
    std::vector<Value> values;
    values.reserve(count * width);
    for (std::size_t i = at; i < at + count; ++i) {
      values.insert(values.end(), rows[i].begin(), rows[i].end());
    }
    changed += execute_values(repeat_values(sql, count), values);
    at += count;
  }
  return changed;
}

Rows PostgresConnection::query_long_values(std::string_view sql, const std::vector<Value>& values) {
  const std::string name = "long_" + std::to_string(++cursors_made_);
  std::vector<std::string> texts;
  std::vector<const char*> parameters;
  for (const Value& value : values) texts.push_back(parameter_text(value));
  for (std::size_t i = 0; i < values.size(); ++i) {
    parameters.push_back(values[i].kind() == Value::Kind::null ? nullptr : texts[i].c_str());
  }
  const std::string text =
      "DECLARE " + name + " NO SCROLL CURSOR FOR " + postgres_text(sql, values);
  translated("reading", [&] {
    return channel_.exec_params(text, pqxx::prepare::make_dynamic_params(parameters));
  });
  return Rows(std::make_unique<PostgresLongCursor>(*this, name));
}

void PostgresConnection::advance_ids(std::string_view table, std::string_view column) {
  // An empty table's next id is the first: the sequence's value counts as not yet given.
  const std::string greatest =
      "(SELECT MAX(" + std::string(column) + ") FROM " + std::string(table) + ")";
  run("SELECT setval(pg_get_serial_sequence(?, ?), GREATEST(COALESCE(" + greatest +
          ", 1), 1), COALESCE(" + greatest + ", 0) >= 1)",
      {Value(table), Value(column)}, "advancing ids");
}

void PostgresConnection::analyze() {
  run_plain("ANALYZE", "counting rows");
}

void PostgresConnection::lock(std::string_view name) {
  run("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", {Value(name)}, "waiting for a lock");
}

std::vector<std::string> PostgresConnection::other_servers() {
  // Those of this process have its mark (postgres_uri.cpp); MLflow's say no name.
  const pqxx::result found = run(
      "SELECT DISTINCT COALESCE(NULLIF(split_part(application_name, ' ', 1), ''), 'a program that "
      "tells no name') || ' at ' || COALESCE(host(client_addr), 'the database''s machine') FROM "
      "pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND "
      "pid <> pg_backend_pid() AND application_name <> current_setting('application_name') AND "
      "(application_name = '' OR application_name LIKE 'mlops-sandbox%') ORDER BY 1",
      {}, "looking for other servers");
  std::vector<std::string> servers;
  for (const pqxx::row& row : found) servers.push_back(row[0].as<std::string>());
  return servers;
}

pqxx::result PostgresConnection::run(std::string_view sql,
                                     const std::vector<Value>& values,
                                     const std::string& doing) {
  std::vector<std::string> texts;
  std::vector<const char*> parameters;
  texts.reserve(values.size());
  parameters.reserve(values.size());
  for (const Value& value : values) texts.push_back(parameter_text(value));
  for (std::size_t i = 0; i < values.size(); ++i) {
    parameters.push_back(values[i].kind() == Value::Kind::null ? nullptr : texts[i].c_str());
  }
  return translated(doing, [&] {
    return channel_.exec_prepared(prepared(sql, values),
                                  pqxx::prepare::make_dynamic_params(parameters));
  });
}

pqxx::result PostgresConnection::run_plain(const std::string& sql, const std::string& doing) {
  return translated(doing, [&] { return channel_.exec(sql); });
}

const std::string& PostgresConnection::prepared(std::string_view sql,
                                                const std::vector<Value>& values) {
  std::string key;
  key.reserve(sql.size() + values.size() + 1);
  for (const Value& value : values) key += static_cast<char>('a' + static_cast<int>(value.kind()));
  key.append(" ").append(sql);
  if (const auto found = names_.find(key); found != names_.end()) return found->second;
  if (names_.size() >= prepared_statements_max) {
    connection_.unprepare(names_.at(names_by_age_.front()));
    names_.erase(names_by_age_.front());
    names_by_age_.pop_front();
  }
  const std::string name = "s" + std::to_string(++names_made_);
  connection_.prepare(name, postgres_text(sql, values));
  connection_.prepare_now(name);
  names_by_age_.push_back(key);
  return names_.emplace(std::move(key), name).first->second;
}

pqxx::result PostgresConnection::translated(const std::string& doing,
                                            const std::function<pqxx::result()>& work) {
  try {
    return work();
  } catch (const pqxx::failure& failure) {
    // Whatever was said last, without a connection there is nothing but to try again on another.
    failure_ = statement_failure(address_, connection_.is_open() ? sqlstate_of(failure) : "08006",
                                 failure.what(), doing);
  }
  throw PostgresFailure(*failure_);
}

}  // namespace sandbox::db
