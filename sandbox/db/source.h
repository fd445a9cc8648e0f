// Databases that are no lab's own: one of another program, which is only read, and one for the time
// of some work, gone when it is closed.
#pragma once

#include <memory>
#include <string>

#include "sandbox/db/database.h"

namespace sandbox::db {

// Opens a database made by any MLflow, whatever its revision: `uri` is what open_database takes, or
// the path of an SQLite file. Nothing of it is changed, no file is made beside it, and a
// write-ahead log that lies there is honoured. One reader at a time; writing throws. Throws
// Error(invalid_parameter_value) for a file that is not there, is no SQLite database or is damaged.
std::unique_ptr<Database> open_source_database(const std::string& uri);

// An empty database with MLflow's schema, in memory as far as it is small and in a file without a
// name beyond that. One user at a time.
std::unique_ptr<Database> open_scratch_database();

}  // namespace sandbox::db
