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

// "mlflow.db.before-adoption-20261127T155100Z".
std::string copy_name(Env& env, const Config& config) {
  const std::string& uri = config.backend_store_uri;
  const std::string file =
      db::is_postgres_uri(uri) ? config.data_dir + "/postgresql.db" : db::sqlite_file(uri);
  std::string time = iso8601_ms(env.now_ms()).substr(0, 19) + "Z";
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  return file + ".before-adoption-" + time;
}

[[noreturn]] void refuse(const Config& config) {
  const std::string& uri = config.backend_store_uri;
  const std::string copy = db::is_postgres_uri(uri)
                               ? "its tables are copied to an SQLite file in " + config.data_dir
                               : "a copy of the file is made";
  throw Error(
      Code::invalid_state,
      "'" + db::without_password(uri) +
          "' is a database of MLflow that no lab has used yet. Nothing in it was changed. "
          "To use it in place, which adds indexes to MLflow's tables (" +
          copy +
          " first), start with --adopt. `import mlflow-db` takes its contents into a lab of "
          "their own instead.");
}

}  // namespace

std::unique_ptr<db::Database> open_metadata(Env& env, const Config& config) {
  if (db::is_unadopted(config.backend_store_uri)) {
    if (!config.adopt) refuse(config);
    const std::string copy = copy_name(env, config);
    db::hold_unadopted(config.backend_store_uri)->copy_to(copy);
    log::info("the database was copied before it is adopted", {{"copy", copy}});
  }
  return db::open_database(config.backend_store_uri);
}

}  // namespace sandbox
