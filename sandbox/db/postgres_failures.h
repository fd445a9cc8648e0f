// PostgreSQL's refusals as sentences: which server, database and user, and what to do.
#pragma once

#include <string>
#include <utility>

#include "sandbox/base/error.h"
#include "sandbox/db/postgres_uri.h"

namespace sandbox::db {

class PostgresFailure : public Error {
 public:
  enum class Kind {
    unreachable,  // the connection is lost, or cannot be made just now: another try may succeed
    conflict,     // another transaction was in the way: the work runs again
    collision,    // the same, where a second try that fails as well says that it is no accident
    refused,      // trying again changes nothing
  };
  PostgresFailure(Kind kind, Code code, const std::string& message, std::string sqlstate = "")
      : Error(code, message), kind_(kind), sqlstate_(std::move(sqlstate)) {}
  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool is_lock_timeout() const { return sqlstate_ == "55P03"; }

 private:
  Kind kind_;
  std::string sqlstate_;
};

// A statement's failure; `doing` is what was being done ("reading"), `message` PostgreSQL's words.
PostgresFailure statement_failure(const PostgresAddress& address,
                                  const std::string& sqlstate,
                                  const std::string& message,
                                  const std::string& doing);

// A connection that could not be made. libpq tells its reasons in words alone.
PostgresFailure connection_failure(const PostgresAddress& address, const std::string& message);

// The same for a database of somebody else, which nobody is told to make.
PostgresFailure foreign_connection_failure(const PostgresAddress& address,
                                           const std::string& message);

}  // namespace sandbox::db
