// The operator REGEXP for SQLite, which has the word but no function behind it: text REGEXP pattern
// is true when the pattern matches somewhere in the text. A broken pattern matches nothing, as in
// MLflow's own function. The time is linear in the text, whatever the pattern.
#pragma once

#include <sqlite3.h>

namespace sandbox::db {

void add_regexp(sqlite3* connection);

}  // namespace sandbox::db
