// PostgreSQL behind the Database door: a bounded pool of connections, transactions that run again
// when others were in the way, and patience with a server that restarts.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "sandbox/db/database.h"
#include "sandbox/db/postgres_connection.h"

namespace sandbox::db {

inline constexpr std::size_t postgres_connections_max = 16;

// How long a caller waits, in all, for a free connection and for a server that is away.
inline constexpr std::int64_t postgres_patience_ms = 30'000;

class PostgresDatabase final : public Database {
 public:
  // Connects once, so that a wrong address is told at once: throws PostgresFailure.
  explicit PostgresDatabase(PostgresAddress address,
                            std::int64_t patience_ms = postgres_patience_ms);

  // READ COMMITTED. When the connection is lost during COMMIT, the outcome is asked on a new one:
  // an acknowledged write is durable, and none is applied twice. Throws
  // Error(temporarily_unavailable) when the server stays away.
  void write_work(const std::function<void(Tx&)>& work) override;
  // REPEATABLE READ READ ONLY.
  void read_work(const std::function<void(Tx&)>& work) override;
  // Holds back the write transactions of every process of this program on the database; what other
  // programs write meanwhile is not in it. Throws Error(temporarily_unavailable) when one at work
  // does not end in time.
  std::unique_ptr<Instant> hold(const std::function<void()>& meanwhile) override;

 private:
  using Connection = std::unique_ptr<PostgresConnection>;
  class Lease;
  class Patience;

  // Each runs the work once on a connection of the pool.
  void write_once(const std::function<void(Tx&)>& work, Patience& patience);
  void read_once(const std::function<void(Tx&)>& work, Patience& patience);
  // Runs `once` until it succeeds, fails for good, or patience ends.
  template <class Once>
  void persist(Once once);

  Connection take(const Patience& patience);
  void give_back(Connection connection);
  // A connection was lost: the idle ones are most likely as dead.
  void drop_idle();
  bool was_committed(const PostgresConnection::Mark& mark, Patience& patience);

  const PostgresAddress address_;
  const std::int64_t patience_ms_;
  std::mutex pool_mutex_;  // guards idle_ and taken_
  std::condition_variable returned_;
  std::vector<Connection> idle_;
  std::size_t taken_ = 0;
};

}  // namespace sandbox::db
