#include "sandbox/cluster_export/env/env.h"

#include "sandbox/base/text.h"
#include "sandbox/cluster_export/manifests.h"

namespace sandbox::cluster_export {
namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

// `outside`: for programs that are not in the cluster.
Variables variables_of(const Layout& layout, bool outside) {
  Variables all{
      {"MLFLOW_TRACKING_URI", outside ? "https://" + layout.ingress_host : mlflow_address(layout)},
      {"AWS_DEFAULT_REGION", layout.objects_region}};
  const std::string s3 = objects_address(layout);
  // MinIO in the cluster has no address outside: files go through the tracking server there.
  const bool is_reachable = !s3.empty() && (!outside || layout.objects == "external");
  if (is_reachable) {
    all.emplace_back("MLFLOW_S3_ENDPOINT_URL", s3);
    all.emplace_back("AWS_ENDPOINT_URL_S3", s3);
  }
  return all;
}

std::string dotenv(const Variables& variables) {
  std::string out;
  for (const auto& [name, value] : variables) out += name + "=" + value + "\n";
  return out;
}

std::string shell(const Variables& variables) {
  std::string out = "# shellcheck shell=sh\n";
  for (const auto& [name, value] : variables) {
    out += "export " + name + "=" + shell_word(value) + "\n";
  }
  return out;
}

std::string powershell(const Variables& variables) {
  std::string out;
  for (const auto& [name, value] : variables) out += "$env:" + name + " = '" + value + "'\n";
  return out;
}

}  // namespace

Files env_files(const Scene& scene) {
  const Layout& layout = scene.layout;
  Files files;
  for (const bool outside : {false, true}) {
    const Variables variables = variables_of(layout, outside);
    const std::string name = outside ? "outside" : "in-cluster";
    files[name + ".env"] = {dotenv(variables)};
    files[name + ".sh"] = {shell(variables)};
    files[name + ".ps1"] = {powershell(variables)};
  }
  Tree config = object(
      "v1", "ConfigMap",
      metadata(layout, {layout.jobs_config + "-env", layout.jobs_namespace, layout.mlflow_name}));
  add(config, {{"data", map(variables_of(layout, false))}});
  files["configmap.yaml"] = {
      yaml_file("For pods that take all variables at once: envFrom.configMapRef.", {config})};
  files["README.md"] = {filled(own_file("env/README.md"), {{"config", layout.jobs_config + "-env"},
                                                           {"secret", layout.objects_secret},
                                                           {"namespace", layout.jobs_namespace}})};
  return files;
}

}  // namespace sandbox::cluster_export
