// The tracking server as a container: what every target tells it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sandbox/cluster_export/export.h"

namespace sandbox::cluster_export {

// Where its parts are, as the server's container reaches them.
struct ServerPlace {
  std::string objects_address;  // "" for AWS
  std::vector<std::string> allowed_hosts;
};

// Program and arguments. Source: `mlflow server --help` of 3.17.
std::vector<std::string> server_command(const Scene& scene);

// The variables that are no secrets. MLFLOW_BACKEND_STORE_URI, AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY come beside them.
std::vector<std::pair<std::string, std::string>> server_variables(const Scene& scene,
                                                                  const ServerPlace& place);

// Where users log in: the Secret with the keys admin-password, flask-key and basic-auth.ini, and
// the directory that the last one is mounted to.
inline constexpr const char* auth_secret = "mlflow-auth";
inline constexpr const char* auth_directory = "/etc/mlflow";
bool has_users(const Scene& scene);
// basic-auth.ini up to where the URI of the users' database begins; the URI ends it. A database of
// its own: MLflow's migrations of users and of runs cannot share one (mlflow#26928).
std::string auth_settings();
std::string auth_database(const Layout& layout);

}  // namespace sandbox::cluster_export
