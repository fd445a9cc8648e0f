#include "sandbox/cluster_export/server.h"

#include "sandbox/base/text.h"

namespace sandbox::cluster_export {
namespace {

// Of AWS' own service, for a client that wants one named.
std::string aws_endpoint(const Layout& layout) {
  return "https://s3." + layout.objects_region + ".amazonaws.com";
}

}  // namespace

std::vector<std::string> server_command(const Scene& scene) {
  std::vector<std::string> command{"mlflow", "server", "--workers", "2"};
  if (scene.layout.server == "mlops-sandbox") {
    command = {"mlops-sandbox", "server", "--no-s3", "--data-dir", "/data"};
  }
  if (has_users(scene)) {
    command.emplace_back("--app-name");
    command.emplace_back("basic-auth");
  }
  return command;
}

std::vector<std::pair<std::string, std::string>> server_variables(const Scene& scene,
                                                                  const ServerPlace& place) {
  const Layout& layout = scene.layout;
  std::vector<std::pair<std::string, std::string>> all{
      {"MLFLOW_HOST", "0.0.0.0"},
      {"MLFLOW_PORT", "5000"},
      {"MLFLOW_ARTIFACTS_DESTINATION", artifacts_uri(scene.lab, layout)},
      {"MLFLOW_DEFAULT_ARTIFACT_ROOT", "mlflow-artifacts:/"},
      {"MLFLOW_SERVER_ALLOWED_HOSTS", join(place.allowed_hosts, ",")},
      {"AWS_DEFAULT_REGION", layout.objects_region}};
  if (layout.server == "mlops-sandbox") {
    all.emplace_back("MLOPS_SANDBOX_ARTIFACTS_ENDPOINT",
                     place.objects_address.empty() ? aws_endpoint(layout) : place.objects_address);
    return all;
  }
  if (!place.objects_address.empty()) {
    all.emplace_back("MLFLOW_S3_ENDPOINT_URL", place.objects_address);
  }
  // It would want a writable disk and processes of its own.
  all.emplace_back("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false");
  all.emplace_back("HOME", "/tmp");
  if (has_users(scene)) {
    all.emplace_back("MLFLOW_AUTH_CONFIG_PATH", std::string(auth_directory) + "/basic-auth.ini");
  }
  return all;
}

bool has_users(const Scene& scene) {
  return scene.lab.auth == "basic";
}

std::string auth_settings() {
  return "[mlflow]\n"
         "default_permission = READ\n"
         "admin_username = admin\n"
         "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
         "database_uri = ";
}

std::string auth_database(const Layout& layout) {
  return layout.database_name + "_auth";
}

}  // namespace sandbox::cluster_export
