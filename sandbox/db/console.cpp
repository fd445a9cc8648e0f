#include "sandbox/db/console.h"

#include "sandbox/base/error.h"
#include "sandbox/db/postgres_console.h"
#include "sandbox/db/sqlite.h"
#include "sandbox/db/sqlite_console.h"

namespace sandbox::db {

std::unique_ptr<Console> open_console(Env& env,
                                      const std::string& backend_store_uri,
                                      std::int64_t timeout_ms) {
  if (is_postgres_uri(backend_store_uri)) {
    return std::make_unique<PostgresConsole>(postgres_address(backend_store_uri), timeout_ms);
  }
  const std::string file = sqlite_file(backend_store_uri);
  if (file.empty()) {
    throw Error(Code::invalid_parameter_value,
                "A database in memory can be asked by nobody but the process it lives in.");
  }
  return std::make_unique<SqliteConsole>(env, file, timeout_ms);
}

}  // namespace sandbox::db
