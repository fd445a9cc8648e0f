#include "sandbox/cluster_export/postgres_init/postgres_init.h"

#include "sandbox/cluster_export/server.h"

namespace sandbox::cluster_export {
namespace {

struct Database {
  std::string name;
  std::string owner;
  std::string variable;  // of its owner's password
};

std::vector<Database> databases_of(const Scene& scene) {
  const Layout& layout = scene.layout;
  std::vector<Database> all{{layout.database_name, layout.database_user, "MLFLOW_DB_PASSWORD"}};
  if (has_users(scene)) {
    all.push_back({auth_database(layout), layout.database_user, "MLFLOW_DB_PASSWORD"});
  }
  all.push_back({layout.airflow_database, layout.airflow_user, "AIRFLOW_DB_PASSWORD"});
  return all;
}

}  // namespace

Files postgres_init_files(const Scene& scene) {
  const Layout& layout = scene.layout;
  std::string statements;
  std::string access;
  for (const Database& one : databases_of(scene)) {
    // Names are checked to be plain ones (is_sql_name), so they are words of SQL and of psql.
    statements +=
        filled(own_file("postgres_init/database.sql"),
               {{"database", one.name}, {"owner", one.owner}, {"variable", one.variable}});
    access += "host    " + one.name + "    " + one.owner + "    " + layout.network_cidr +
              "    scram-sha-256\n";
  }
  Files files;
  files["init.sql"] = {std::string(own_file("postgres_init/head.sql")) + statements};
  files["pg_hba.conf"] = {std::string(own_file("postgres_init/pg_hba.conf")) + access};
  files["init.sh"] = {std::string(own_file("postgres_init/init.sh")), true};
  files["README.md"] = {
      filled(own_file("postgres_init/README.md"), {{"database", layout.database_name},
                                                   {"user", layout.database_user},
                                                   {"airflow_database", layout.airflow_database},
                                                   {"airflow_user", layout.airflow_user}})};
  return files;
}

}  // namespace sandbox::cluster_export
