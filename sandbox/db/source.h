// Databases that are no lab's own: one of another program, which is only read, and one for the time
// of some work, gone when it is closed.
#pragma once

#include <memory>
#include <string>

#include "sandbox/db/database.h"

namespace sandbox::db {

// Opens a database made by any MLflow, whatever its revision: `uri` is what open_database takes, or
// the path of an SQLite file. Nothing of it is changed; one reader at a time; writing throws.
//
// Of SQLite no file is made beside it, and a write-ahead log that lies there is honoured. Throws
// Error(invalid_parameter_value) for a file that is not there, is no SQLite database or is damaged.
// Of PostgreSQL, a replica included, all reads see the one moment at which it was opened, in one
// transaction (READ ONLY, REPEATABLE READ) that is as long as this lives. Throws PostgresFailure
// where it cannot be connected to, and Error(invalid_parameter_value) where the user of the URI may
// not read its tables. A connection that is lost later is an Error(temporarily_unavailable).
std::unique_ptr<Database> open_source_database(const std::string& uri);

// An empty database with MLflow's schema, in memory as far as it is small and in a file without a
// name beyond that. One user at a time.
std::unique_ptr<Database> open_scratch_database();

}  // namespace sandbox::db
