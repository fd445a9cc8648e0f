#include "sandbox/cluster_export/containers.h"

#include "sandbox/cluster_export/server.h"

namespace sandbox::cluster_export {
namespace {

std::string database_uri(const Layout& layout, const std::string& database) {
  const std::string host = layout.database == "in-cluster"
                               ? std::string(database_container_host) + ":5432"
                               : layout.database_host + ":" + std::to_string(layout.database_port);
  return "postgresql+psycopg2://" + layout.database_user + "@" + host + "/" + database +
         "?sslmode=" + layout.database_sslmode;
}

std::string settings_of(const Scene& scene) {
  const Layout& layout = scene.layout;
  return auth_settings() +
         (layout.database == "sqlite" ? "sqlite:////mlflow/basic_auth.db"
                                      : database_uri(layout, auth_database(layout))) +
         "\n";
}

}  // namespace

Containers containers_of(const Scene& scene) {
  const Layout& layout = scene.layout;
  const bool is_mlflow = layout.server == "mlflow";
  const bool is_file = layout.database == "sqlite";
  Containers all;
  all.has_postgres = layout.database == "in-cluster";
  all.has_minio = layout.objects == "in-cluster";
  all.has_upgrade = is_mlflow;
  all.s3_address =
      all.has_minio ? "http://" + std::string(objects_host) + ":9000" : objects_address(layout);
  all.backend_uri =
      is_file ? "sqlite:////mlflow/mlflow.db" : database_uri(layout, layout.database_name);
  if (is_mlflow && has_users(scene)) all.settings = settings_of(scene);
  all.command = server_command(scene);
  all.environment = server_variables(
      scene, {all.s3_address,
              allowed_hosts_of({server_host, layout.ingress_host, "host.docker.internal"})});
  all.health = {"python", "-c",
                "import urllib.request; urllib.request.urlopen('http://localhost:5000/health')"};
  if (!is_mlflow) all.health = {"mlops-sandbox", "status", "--data-dir", "/data"};
  if (is_file) all.server_volume = "/mlflow";
  if (!is_mlflow) all.server_volume = "/data";
  all.server_user = all.server_volume.empty() ? "10001:10001" : "0:0";
  return all;
}

}  // namespace sandbox::cluster_export
