// MLflow's tables of any engine as one SQLite file.
#pragma once

#include <string>

#include "sandbox/db/database.h"

namespace sandbox::db {

// Writes MLflow's tables, as `source` sees them, into `file`, which must not exist: a whole
// database that open_database and a real MLflow open. Durable on return, readable by its owner
// alone; a failure leaves no file. The source must be at this program's revision; `is_adopted`
// says that it has this program's indexes, which the copy then has too. Throws Error.
void copy_to_sqlite(Tx& source, bool is_adopted, const std::string& file);

}  // namespace sandbox::db
