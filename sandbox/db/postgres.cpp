#include "sandbox/db/postgres.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "sandbox/db/postgres_instant.h"

namespace sandbox::db {
namespace {

using Kind = PostgresFailure::Kind;
using Clock = std::chrono::steady_clock;

constexpr int conflicts_max = 20;
// The second try meets what the first collided with and says so itself; a third is for luck.
constexpr int collisions_max = 3;
constexpr std::chrono::milliseconds first_pause{20};
constexpr std::chrono::milliseconds longest_pause{1'000};

}  // namespace

// How long one call may go on trying, and its growing pauses.
class PostgresDatabase::Patience {
 public:
  explicit Patience(std::int64_t patience_ms)
      : end_(Clock::now() + std::chrono::milliseconds(patience_ms)) {}
  [[nodiscard]] Clock::time_point end() const { return end_; }
  // False when there is no time left.
  bool pause() {
    if (Clock::now() + pause_ > end_) return false;
    std::this_thread::sleep_for(pause_);
    pause_ = std::min(pause_ * 2, longest_pause);
    return true;
  }
  // Whether a failure of this kind may be tried again; waits where waiting helps.
  bool allows(Kind kind) {
    switch (kind) {
      case Kind::unreachable: return pause();
      case Kind::conflict: return ++conflicts_ < conflicts_max && pause();
      case Kind::collision: return ++collisions_ < collisions_max;
      case Kind::refused: return false;
    }
    return false;
  }

 private:
  Clock::time_point end_;
  std::chrono::milliseconds pause_ = first_pause;
  int conflicts_ = 0;
  int collisions_ = 0;
};

// A connection of the pool and its transaction, which is undone unless it was finished.
class PostgresDatabase::Lease {
 public:
  Lease(PostgresDatabase& database, const Patience& patience)
      : database_(database), connection_(database.take(patience)) {}
  ~Lease() {
    try {
      if (!is_finished_ && connection_->is_open()) connection_->roll_back();
    } catch (const std::exception&) {
      // Whatever it was, this connection is not used again.
      connection_.reset();
    }
    if (connection_ && !connection_->is_open()) connection_.reset();
    database_.give_back(std::move(connection_));
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  PostgresConnection& operator*() { return *connection_; }
  PostgresConnection* operator->() { return connection_.get(); }
  void finish() { is_finished_ = true; }

 private:
  PostgresDatabase& database_;
  Connection connection_;
  bool is_finished_ = false;
};

PostgresDatabase::PostgresDatabase(PostgresAddress address, std::int64_t patience_ms)
    : address_(std::move(address)), patience_ms_(patience_ms) {
  idle_.push_back(std::make_unique<PostgresConnection>(address_));
}

void PostgresDatabase::write_work(const std::function<void(Tx&)>& work) {
  persist([&](Patience& patience) { write_once(work, patience); });
}

void PostgresDatabase::read_work(const std::function<void(Tx&)>& work) {
  persist([&](Patience& patience) { read_once(work, patience); });
}

template <class Once>
void PostgresDatabase::persist(Once once) {
  Patience patience(patience_ms_);
  while (true) {
    try {
      once(patience);
      return;
    } catch (const PostgresFailure& failure) {
      if (failure.kind() == Kind::unreachable) drop_idle();
      if (!patience.allows(failure.kind())) throw;
    }
  }
}

void PostgresDatabase::write_once(const std::function<void(Tx&)>& work, Patience& patience) {
  std::optional<PostgresConnection::Mark> unsure;
  try {
    Lease lease(*this, patience);
    lease->begin_write();
    work(*lease);
    const PostgresConnection::Mark mark = lease->mark();
    try {
      lease->commit();
      lease.finish();
    } catch (const PostgresFailure& failure) {
      if (lease->is_open() && failure.kind() != Kind::unreachable) throw;
      unsure = mark;
    }
  } catch (const PostgresFailure&) {
    if (!unsure) throw;
  }
  if (!unsure || was_committed(*unsure, patience)) return;
  throw PostgresFailure(Kind::unreachable, Code::temporarily_unavailable,
                        "PostgreSQL's " + address_.shown() +
                            " went away while changes were made durable, and has undone them. Try "
                            "again.");
}

void PostgresDatabase::read_once(const std::function<void(Tx&)>& work, Patience& patience) {
  Lease lease(*this, patience);
  lease->begin_read();
  work(*lease);
}

// The rows are held first: files that other programs' rows speak of are there before those rows.
std::unique_ptr<Instant> PostgresDatabase::hold(const std::function<void()>& meanwhile) {
  auto instant = std::make_unique<PostgresInstant>(address_);
  Patience patience(patience_ms_);
  do {
    Lease lease(*this, patience);
    try {
      if (!lease->hold_writers()) continue;
    } catch (const PostgresFailure& failure) {
      if (failure.kind() != Kind::unreachable) throw;
      drop_idle();
      continue;
    }
    instant->begin();
    meanwhile();
    return instant;
  } while (patience.pause());
  throw Error(Code::temporarily_unavailable,
              "Somebody writes to PostgreSQL's " + address_.shown() +
                  " in one long piece of work, such as a clean-up or an import. Try again when it "
                  "has ended.");
}

bool PostgresDatabase::was_committed(const PostgresConnection::Mark& mark, Patience& patience) {
  using Outcome = PostgresConnection::Outcome;
  drop_idle();
  do {
    try {
      PostgresConnection connection(address_);
      switch (connection.outcome_of(mark)) {
        case Outcome::committed: return true;
        case Outcome::rolled_back: return false;
        case Outcome::in_progress:
        case Outcome::unknown: break;
      }
    } catch (const PostgresFailure& failure) {
      if (failure.kind() == Kind::refused) break;
    }
  } while (patience.pause());
  throw Error(
      Code::temporarily_unavailable,
      "PostgreSQL's " + address_.shown() +
          " went away while changes were made durable, and did not come back in time to say "
          "whether they are. Look before you try again.");
}

PostgresDatabase::Connection PostgresDatabase::take(const Patience& patience) {
  {
    std::unique_lock lock(pool_mutex_);
    if (!returned_.wait_until(lock, patience.end(), [&] {
          return !idle_.empty() || taken_ < postgres_connections_max;
        })) {
      throw Error(Code::temporarily_unavailable,
                  "All " + std::to_string(postgres_connections_max) +
                      " connections to PostgreSQL's " + address_.shown() +
                      " are busy. Try again later, or start another server on the same database.");
    }
    ++taken_;
    if (!idle_.empty()) {
      Connection connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  try {
    return std::make_unique<PostgresConnection>(address_);
  } catch (...) {
    give_back(nullptr);
    throw;
  }
}

void PostgresDatabase::give_back(Connection connection) {
  const std::lock_guard lock(pool_mutex_);
  --taken_;
  if (connection) idle_.push_back(std::move(connection));
  returned_.notify_one();
}

void PostgresDatabase::drop_idle() {
  std::vector<Connection> dropped;
  const std::lock_guard lock(pool_mutex_);
  dropped.swap(idle_);
}

}  // namespace sandbox::db
