// The database a unit test works on: SQLite in memory, or a fresh one of the PostgreSQL cluster
// that SANDBOX_TEST_POSTGRES names (the directory of its socket). ctest runs the rooms' tests on
// both.
#pragma once

#include <memory>
#include <string>

#include "sandbox/db/database.h"

namespace sandbox {

// With MLflow's schema. A database of PostgreSQL goes when the object does.
// `sqlite` is the URI where SQLite is used.
std::unique_ptr<db::Database> open_test_database(const std::string& sqlite = "sqlite://");

// By which it can be opened a second time; "" where it is SQLite.
std::string uri_of_test_database(const db::Database& database);

}  // namespace sandbox
