// The one door to SQL. A room writes one text with `?` parameters; reading and writing happen
// inside functions that get a Tx.
//
// SQLite: one connection writes, and one durable commit (WAL, synchronous FULL) serves all callers
// that wait for it; readers use their own connections and never wait for the writer.
// PostgreSQL: a bounded pool of connections, which several processes may use on one database. Write
// transactions are READ COMMITTED and run beside each other: work that reads, computes and writes
// back takes Tx::lock first.
//
// Both speak the texts of the rooms: UPSERT, RETURNING, CTE, window functions; REGEXP; flags are
// bool values and compared with TRUE and FALSE, never with 0 and 1.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace sandbox::db {

// One parameter of a statement. Text is not copied: it must outlive the call.
class Value {
 public:
  enum class Kind { null, boolean, integer, real, text };
  // Implicit, so that statements read tx.query(sql, name, 3).
  // NOLINTBEGIN(google-explicit-constructor)
  Value(std::nullptr_t /*null*/) {}
  Value(std::int64_t number) : kind_(Kind::integer), integer_(number) {}
  Value(int number) : Value(static_cast<std::int64_t>(number)) {}
  Value(bool flag) : kind_(Kind::boolean), integer_(flag ? 1 : 0) {}
  Value(double number) : kind_(Kind::real), real_(number) {}
  Value(std::string_view text) : kind_(Kind::text), text_(text) {}
  Value(const std::string& text) : Value(std::string_view(text)) {}
  Value(const char* text) : Value(std::string_view(text)) {}
  template <class Type>
  Value(const std::optional<Type>& maybe) {
    if (maybe) *this = Value(*maybe);
  }
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] std::int64_t integer() const { return integer_; }  // a boolean's is 0 or 1
  [[nodiscard]] double real() const { return real_; }
  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  Kind kind_ = Kind::null;
  std::int64_t integer_ = 0;
  double real_ = 0;
  std::string_view text_;
};

// A running SELECT (or RETURNING). `while (rows.next()) rows.text(0)`. Columns count from 0. Text
// views live until the next call of next().
class Rows {
 public:
  class Cursor {
   public:
    virtual ~Cursor() = default;
    virtual bool next() = 0;
    [[nodiscard]] virtual bool is_null(int column) const = 0;
    [[nodiscard]] virtual std::int64_t integer(int column) const = 0;
    [[nodiscard]] virtual double real(int column) const = 0;
    [[nodiscard]] virtual std::string_view text(int column) const = 0;
  };
  explicit Rows(std::unique_ptr<Cursor> cursor) : cursor_(std::move(cursor)) {}

  bool next() { return cursor_->next(); }
  [[nodiscard]] bool is_null(int column) const { return cursor_->is_null(column); }
  [[nodiscard]] std::int64_t integer(int column) const { return cursor_->integer(column); }
  [[nodiscard]] double real(int column) const { return cursor_->real(column); }
  [[nodiscard]] std::string_view view(int column) const { return cursor_->text(column); }
  [[nodiscard]] std::string text(int column) const {
    return std::string(view(column));
  }  // NULL is ""
  [[nodiscard]] std::optional<std::string> maybe_text(int column) const {
    return is_null(column) ? std::nullopt : std::optional(text(column));
  }
  [[nodiscard]] std::optional<std::int64_t> maybe_integer(int column) const {
    return is_null(column) ? std::nullopt : std::optional(integer(column));
  }

 private:
  std::unique_ptr<Cursor> cursor_;
};

// A column of a table as it can be written; generated ones are none.
struct Column {
  std::string name;
  Value::Kind kind = Value::Kind::text;  // boolean, integer, real or text
};

// A transaction. Statements are prepared once per connection and cached by their text, so texts
// should be literals or come from a small set.
class Tx {
 public:
  virtual ~Tx() = default;
  virtual Rows query_values(std::string_view sql, const std::vector<Value>& values) = 0;
  // The number of rows changed.
  virtual std::int64_t execute_values(std::string_view sql, const std::vector<Value>& values) = 0;
  // Runs several statements separated by ';' without parameters (migrations).
  virtual void script(std::string_view sql) = 0;
  // What the database holds: names of its tables, and the columns of one in their order; none for
  // a table that is not there. As written here they ask SQL's information schema.
  virtual std::vector<std::string> tables();
  virtual std::vector<Column> columns(std::string_view table);
  // Runs an INSERT … VALUES (?, …) … once for each row, in few round trips; returns the number of
  // rows changed. All rows have equally many values of equal kinds (or NULL). Two rows must not
  // meet in an ON CONFLICT DO UPDATE.
  virtual std::int64_t execute_many(std::string_view sql,
                                    const std::vector<std::vector<Value>>& rows) {
    std::int64_t changed = 0;
    for (const std::vector<Value>& row : rows) changed += execute_values(sql, row);
    return changed;
  }
  // The answer of a SELECT that may have very many rows, fetched in pieces: memory stays flat. The
  // engine that steps through its answers anyway does no more than query_values.
  virtual Rows query_long_values(std::string_view sql, const std::vector<Value>& values) {
    return query_values(sql, values);
  }
  // What follows a text column in ORDER BY to sort by its UTF-8 bytes, as SQLite does anyway.
  [[nodiscard]] virtual std::string_view byte_order() const { return ""; }
  // The greatest id that experiments.experiment_id and its like can keep.
  [[nodiscard]] virtual std::int64_t id_max() const {
    return std::numeric_limits<std::int64_t>::max();
  }
  // Lets the ids that the database itself gives to new rows begin after the greatest there is, when
  // rows were written with ids of their own. SQLite looks at the rows anyway.
  virtual void advance_ids(std::string_view /*table*/, std::string_view /*column*/) {}
  // Counts anew what plans are chosen by, after very many rows were written. SQLite plans by fixed
  // numbers (0003_sqlite_statistics.sql).
  virtual void analyze() {}
  // From here to its end no other transaction that locks the same name runs, in any process.
  // SQLite has one writer at a time, which is that already.
  virtual void lock(std::string_view /*name*/) {}
  // Servers in other processes that have this database open now, as far as it knows them: MLflow's
  // and others of this program. SQLite does not know.
  virtual std::vector<std::string> other_servers() { return {}; }

  template <class... Args>
  Rows query(std::string_view sql, const Args&... args) {
    return query_values(sql, std::vector<Value>{Value(args)...});
  }
  template <class... Args>
  Rows query_long(std::string_view sql, const Args&... args) {
    return query_long_values(sql, std::vector<Value>{Value(args)...});
  }
  template <class... Args>
  std::int64_t execute(std::string_view sql, const Args&... args) {
    return execute_values(sql, std::vector<Value>{Value(args)...});
  }
};

// A database as it was at one moment, for as long as this lives, whatever is written meanwhile.
// Used by one thread at a time.
class Instant {
 public:
  virtual ~Instant() = default;
  // Reads of that moment.
  virtual Tx& tx() = 0;
  // Writes all of it into `file`, an SQLite database whatever the engine, which must not exist;
  // durable on return. Of PostgreSQL that is MLflow's tables.
  virtual void copy_to(const std::string& file) = 0;
};

class Database {
 public:
  virtual ~Database() = default;

  // Runs `work` in a write transaction and returns when it is durable. Work may be run again on a
  // conflict, so it touches nothing outside but its own captures, which it overwrites. An exception
  // from work rolls back this work alone, and is thrown to its caller. Work that meets an error of
  // the database itself must let it pass: on PostgreSQL the transaction is lost with it.
  virtual void write_work(const std::function<void(Tx&)>& work) = 0;
  // Runs `work` on one consistent snapshot. Writing inside fails. It may be run again as well.
  virtual void read_work(const std::function<void(Tx&)>& work) = 0;
  // Holds the present moment. `meanwhile` runs while nobody can commit, so what it looks at
  // elsewhere belongs to the same moment; it should be quick. Throws Error(not_implemented) where
  // the database cannot.
  virtual std::unique_ptr<Instant> hold(const std::function<void()>& meanwhile);

  template <class Function>
  auto write(Function work) {
    using Result = std::invoke_result_t<Function, Tx&>;
    if constexpr (std::is_void_v<Result>) {
      write_work([&](Tx& tx) { work(tx); });
    } else {
      std::optional<Result> result;
      write_work([&](Tx& tx) { result.emplace(work(tx)); });
      return std::move(*result);
    }
  }
  template <class Function>
  auto read(Function work) {
    using Result = std::invoke_result_t<Function, Tx&>;
    if constexpr (std::is_void_v<Result>) {
      read_work([&](Tx& tx) { work(tx); });
    } else {
      std::optional<Result> result;
      read_work([&](Tx& tx) { result.emplace(work(tx)); });
      return std::move(*result);
    }
  }
};

// Opens the database a backend-store URI names: sqlite:///relative/path, sqlite:////absolute/path
// (created when absent), sqlite:// for one in memory, or postgresql://user:password@host:port/name
// (which must exist). A fresh one gets MLflow's schema; one of MLflow's at the same revision is
// opened as it is; another revision is refused with the command that upgrades it, and so is the
// database of another program. Throws Error(invalid_parameter_value) for other URIs. No sentence
// holds a password.
std::unique_ptr<Database> open_database(const std::string& backend_store_uri);

// Whether that database is one that MLflow made and open_database has never opened: it would add
// indexes. False for one that is empty or not there. Changes nothing. Throws as open_database does
// for one at another revision.
bool is_unadopted(const std::string& backend_store_uri);

// The present moment of a database that is_unadopted(), as it is; others may go on writing to it.
std::unique_ptr<Instant> hold_unadopted(const std::string& backend_store_uri);

// Opens (creating when absent) the file with MLflow's basic-auth tables, the one that
// `mlflow server --app-name basic-auth` keeps; "" is one in memory. A file at another revision is
// refused with the command that upgrades it.
std::unique_ptr<Database> open_auth_database(const std::string& file);

// Database::hold() of an SQLite file that somebody else has open, as it is: no schema is asked for.
std::unique_ptr<Instant> hold_file(const std::string& file, const std::function<void()>& meanwhile);

}  // namespace sandbox::db
