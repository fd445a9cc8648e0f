// MLflow's tables in a PostgreSQL database.
#pragma once

#include <string>
#include <string_view>

#include "sandbox/db/database.h"
#include "sandbox/db/postgres_uri.h"

namespace sandbox::db {

// Whether the schema that new tables go to has a table or index of that name.
bool has_postgres_relation(Tx& tx, std::string_view name);

// Refuses a database that has_postgres_relation "experiments" at another revision than this
// program's. Throws Error(invalid_state) with the command that upgrades it; `shown_uri` is the URI
// that command names, without a password.
void check_postgres_revision(Tx& tx, const PostgresAddress& address, const std::string& shown_uri);

// Makes MLflow's tables in an empty database, and this server's indexes where they are missing.
// Processes that come at the same time wait for each other. Throws Error(invalid_state) for a
// database of another program or at another revision.
void prepare_postgres_schema(Tx& tx, const PostgresAddress& address, const std::string& shown_uri);

}  // namespace sandbox::db
