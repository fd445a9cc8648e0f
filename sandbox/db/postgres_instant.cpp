#include "sandbox/db/postgres_instant.h"

#include <utility>

#include "sandbox/db/migrations/mlflow_schema.h"
#include "sandbox/db/postgres_schema.h"
#include "sandbox/db/sqlite_copy.h"

namespace sandbox::db {

PostgresInstant::PostgresInstant(PostgresAddress address)
    : address_(std::move(address)), connection_(address_) {}

void PostgresInstant::begin() {
  connection_.begin_read();
  // A transaction sees what there is when it first reads.
  connection_.query("SELECT 1");
}

void PostgresInstant::copy_to(const std::string& file) {
  copy_to_sqlite(connection_, has_postgres_relation(connection_, own_index), file);
}

}  // namespace sandbox::db
