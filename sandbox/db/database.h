// The one door to SQL. A room writes one text with `?` parameters; reading and writing happen
// inside functions that get a Tx.
//
// SQLite: one connection writes, and one durable commit (WAL, synchronous FULL) serves all callers
// that wait for it; readers use their own connections and never wait for the writer.
#pragma once

#include <cstdint>
#include <functional>
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
  enum class Kind { null, integer, real, text };
  // Implicit, so that statements read tx.query(sql, name, 3).
  // NOLINTBEGIN(google-explicit-constructor)
  Value(std::nullptr_t /*null*/) {}
  Value(std::int64_t number) : kind_(Kind::integer), integer_(number) {}
  Value(int number) : Value(static_cast<std::int64_t>(number)) {}
  Value(bool flag) : Value(static_cast<std::int64_t>(flag)) {}
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
  [[nodiscard]] std::int64_t integer() const { return integer_; }
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
  Value::Kind kind = Value::Kind::text;  // integer (flags too), real or text
  bool is_flag = false;
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

  template <class... Args>
  Rows query(std::string_view sql, const Args&... args) {
    return query_values(sql, std::vector<Value>{Value(args)...});
  }
  template <class... Args>
  std::int64_t execute(std::string_view sql, const Args&... args) {
    return execute_values(sql, std::vector<Value>{Value(args)...});
  }
};

class Database {
 public:
  virtual ~Database() = default;

  // Runs `work` in a write transaction and returns when it is durable. Work may be run again on a
  // conflict, so it touches nothing outside but its own captures, which it overwrites. An exception
  // from work rolls back this work alone, and is thrown to its caller.
  virtual void write_work(const std::function<void(Tx&)>& work) = 0;
  // Runs `work` on one consistent snapshot. Writing inside fails.
  virtual void read_work(const std::function<void(Tx&)>& work) = 0;

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

// Opens (creating when absent) the database a backend-store URI names: sqlite:///relative/path,
// sqlite:////absolute/path, or sqlite:// for one in memory. A fresh one gets MLflow's schema; one
// of MLflow's at the same revision is opened as it is; another revision is refused with the command
// that upgrades it. Throws Error(invalid_parameter_value) for other URIs.
std::unique_ptr<Database> open_database(const std::string& backend_store_uri);

// Opens (creating when absent) the file with MLflow's basic-auth tables, the one that
// `mlflow server --app-name basic-auth` keeps; "" is one in memory. A file at another revision is
// refused with the command that upgrades it.
std::unique_ptr<Database> open_auth_database(const std::string& file);

}  // namespace sandbox::db
