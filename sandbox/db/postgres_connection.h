// One PostgreSQL connection with its prepared statements. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <pqxx/pqxx>

#include "sandbox/db/database.h"
#include "sandbox/db/postgres_failures.h"
#include "sandbox/db/postgres_uri.h"

namespace sandbox::db {

class PostgresConnection final : public Tx {
 public:
  // What it is for. Somebody else's database is only read: a replica serves as well, and so does a
  // server older than this program needs for its own.
  enum class Use { own, foreign };
  // Connects. Throws PostgresFailure. `address` outlives the connection.
  explicit PostgresConnection(const PostgresAddress& address, Use use = Use::own);

  // Each throws PostgresFailure. After one nothing but roll_back may follow.
  // Waits where hold_writers() does.
  void begin_write();
  void begin_read();
  // Begins a transaction until whose end no other write transaction of this program runs, in any
  // process. False when those at work do not end soon; others must not be made to wait for longer.
  bool hold_writers();
  // Throws the failure of an earlier statement that somebody swallowed: PostgreSQL answers such a
  // COMMIT with a rollback.
  void commit();
  void roll_back();

  // What a write transaction is known by on another connection.
  struct Mark {
    std::string id;     // its number
    std::string place;  // of the log on disk when it began: what a crash cannot take back
  };
  [[nodiscard]] const Mark& mark() const { return mark_; }
  enum class Outcome { committed, rolled_back, in_progress, unknown };
  Outcome outcome_of(const Mark& mark);

  [[nodiscard]] bool is_open() const { return connection_.is_open(); }
  // Whether a statement of this transaction has failed, so that the transaction is lost.
  [[nodiscard]] bool has_failed() const { return failure_.has_value(); }

  Rows query_values(std::string_view sql, const std::vector<Value>& values) override;
  std::int64_t execute_values(std::string_view sql, const std::vector<Value>& values) override;
  void script(std::string_view sql) override;
  std::int64_t execute_many(std::string_view sql,
                            const std::vector<std::vector<Value>>& rows) override;
  Rows query_long_values(std::string_view sql, const std::vector<Value>& values) override;
  [[nodiscard]] std::string_view byte_order() const override { return " COLLATE \"C\""; }
  [[nodiscard]] std::int64_t id_max() const override {
    return std::numeric_limits<std::int32_t>::max();
  }
  void advance_ids(std::string_view table, std::string_view column) override;
  void analyze() override;
  void lock(std::string_view name) override;
  std::vector<std::string> other_servers() override;

 private:
  friend class PostgresLongCursor;

  pqxx::result run(std::string_view sql,
                   const std::vector<Value>& values,
                   const std::string& doing);
  pqxx::result run_plain(const std::string& sql, const std::string& doing);
  // The name this connection has prepared the statement under.
  const std::string& prepared(std::string_view sql, const std::vector<Value>& values);
  // Calls `work`, and tells what it throws as a PostgresFailure.
  pqxx::result translated(const std::string& doing, const std::function<pqxx::result()>& work);

  const PostgresAddress& address_;
  pqxx::connection connection_;
  // libpqxx sends statements through a transaction; the real ones are begun and ended by hand, so
  // that BEGIN and the transaction's number share a round trip.
  pqxx::nontransaction channel_;
  Mark mark_;
  std::optional<PostgresFailure> failure_;  // of a statement of this transaction
  std::unordered_map<std::string, std::string> names_;
  std::deque<std::string> names_by_age_;  // keys of names_
  std::int64_t names_made_ = 0;
  std::int64_t cursors_made_ = 0;
};

}  // namespace sandbox::db
