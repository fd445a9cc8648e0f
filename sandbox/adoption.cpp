#include "sandbox/adoption.h"

#include <algorithm>
#include <string>

#include "sandbox/base/error.h"
#include "sandbox/base/log.h"
#include "sandbox/base/time.h"
#include "sandbox/db/postgres_uri.h"
#include "sandbox/db/sqlite.h"

namespace sandbox {
namespace {

[[noreturn]] void refuse(const std::string& uri, bool is_postgres) {
  throw Error(Code::invalid_state,
              "'" + db::without_password(uri) +
                  "' is a database of MLflow that no lab has used yet. Nothing in it was changed. "
                  "To use it in place, which adds indexes to MLflow's tables" +
                  (is_postgres ? ", take a copy (pg_dump), then start with --adopt."
                               : " (a copy of the file is made first), start with --adopt.") +
                  " `import mlflow-db` takes its contents into a lab of their own instead.");
}

// "mlflow.db.before-adoption-20261127T155100Z".
std::string copy_name(const std::string& file, std::int64_t now_ms) {
  std::string time = iso8601_ms(now_ms).substr(0, 19) + "Z";
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  return file + ".before-adoption-" + time;
}

}  // namespace

std::unique_ptr<db::Database> open_metadata(Env& env, const Config& config) {
  const std::string& uri = config.backend_store_uri;
  if (db::is_unadopted(uri)) {
    const bool is_postgres = db::is_postgres_uri(uri);
    if (!config.adopt) refuse(uri, is_postgres);
    if (!is_postgres) {
      const std::string file = db::sqlite_file(uri);
      const std::string copy = copy_name(file, env.now_ms());
      db::hold_file(file, [] {})->copy_to(copy);
      log::info("the database was copied before it is adopted", {{"copy", copy}});
    }
  }
  return db::open_database(uri);
}

}  // namespace sandbox
