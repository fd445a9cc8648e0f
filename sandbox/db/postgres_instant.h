// A PostgreSQL database as it was at one moment: a connection of its own whose transaction keeps
// seeing that moment.
#pragma once

#include <string>

#include "sandbox/db/postgres_connection.h"

namespace sandbox::db {

class PostgresInstant final : public Instant {
 public:
  // Connects; the moment is that of begin(). Both throw PostgresFailure.
  explicit PostgresInstant(PostgresAddress address);
  void begin();

  Tx& tx() override { return connection_; }
  // As an SQLite file.
  void copy_to(const std::string& file) override;

 private:
  const PostgresAddress address_;
  PostgresConnection connection_;
};

}  // namespace sandbox::db
