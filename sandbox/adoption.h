// A database that MLflow made becomes a lab's only when the person who owns it agrees.
#pragma once

#include <memory>

#include "sandbox/base/config.h"
#include "sandbox/base/env.h"
#include "sandbox/db/database.h"

namespace sandbox {

// Opens the lab's metadata database. One that MLflow made and no lab has used is refused with the
// words to type and nothing in it is changed, unless config.adopt says yes. Then it is copied
// first, as it is at one moment: an SQLite file beside itself, PostgreSQL's tables into an SQLite
// file in the data directory, which needs no pg_dump of the server's version and which MLflow opens.
// Throws Error(invalid_state).
std::unique_ptr<db::Database> open_metadata(Env& env, const Config& config);

}  // namespace sandbox
