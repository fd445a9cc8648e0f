// The lab as containers on one machine, without a cluster: what Compose and Terraform's Docker
// provider are told alike.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sandbox/cluster_export/export.h"

namespace sandbox::cluster_export {

// Names of the containers in their network: as the documents have them.
inline constexpr const char* server_host = "mlflow";
inline constexpr const char* database_container_host = "postgres";
inline constexpr const char* objects_host = "minio";

struct Containers {
  bool has_postgres = false;
  bool has_minio = false;
  bool has_upgrade = false;  // of MLflow's tables; mlops-sandbox does that itself
  std::string s3_address;    // "" for AWS
  // Without the password, which libpq reads from PGPASSWORD, so that no character of it has to be
  // encoded.
  std::string backend_uri;
  std::string settings;              // text of basic-auth.ini; "" where there is none
  std::vector<std::string> command;  // of the server: its entry point and arguments
  std::vector<std::pair<std::string, std::string>> environment;  // of the server, no secrets
  std::vector<std::string> health;                               // a command
  std::string server_volume;  // where the server's volume goes; "" for none
  std::string server_user;    // root where there is one: a fresh volume belongs to it
};

Containers containers_of(const Scene& scene);

}  // namespace sandbox::cluster_export
