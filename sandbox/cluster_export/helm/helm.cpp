#include "sandbox/cluster_export/helm/helm.h"

#include "sandbox/cluster_export/k8s/k8s.h"
#include "sandbox/cluster_export/manifests.h"
#include "sandbox/cluster_export/secrets.h"
#include "sandbox/cluster_export/server.h"

namespace sandbox::cluster_export {
namespace {

// The templates add what `users.enabled` brings; everything else of the server is told here.
Tree server_env(const Scene& scene) {
  Tree variables = Tree::object();
  Lab lab = scene.lab;
  lab.auth = "none";
  for (const auto& [name, value] : server_variables({lab, scene.layout}, {})) {
    const bool is_a_templates =
        name == "MLFLOW_ARTIFACTS_DESTINATION" || name == "MLFLOW_SERVER_ALLOWED_HOSTS" ||
        name == "AWS_DEFAULT_REGION" || name == "MLOPS_SANDBOX_ARTIFACTS_ENDPOINT";
    if (!is_a_templates) add(variables, {{name, value}});
  }
  return variables;
}

std::vector<std::string> command_of(const Scene& scene) {
  Lab lab = scene.lab;
  lab.auth = "none";
  return server_command({lab, scene.layout});
}

Tree claim_values(const std::string& name, const std::string& size) {
  return map({{"name", name}, {"size", size}, {"storageClass", ""}});
}

Tree server_values(const Scene& scene) {
  const Layout& layout = scene.layout;
  return map({{"kind", layout.server},
              {"name", layout.mlflow_name},
              {"namespace", layout.mlflow_namespace},
              {"replicas", layout.mlflow_replicas},
              {"image", server_image(layout)},
              {"command", list(command_of(scene))},
              {"env", server_env(scene)},
              {"allowedHosts", list(allowed_hosts(layout))},
              {"resources", resources({"250m", "512Mi", "2Gi"})},
              {"service", map({{"name", layout.mlflow_service},
                               {"port", layout.mlflow_port},
                               {"nodePort", layout.mlflow_node_port}})},
              {"ingress", map({{"enabled", false},
                               {"className", ""},
                               {"host", layout.ingress_host},
                               {"tlsSecret", layout.mlflow_name + "-tls"}})},
              {"claim", claim_values(layout.mlflow_claim, layout.database_storage)}});
}

Tree postgresql_values(const Layout& layout) {
  return map(
      {{"enabled", layout.database == "in-cluster"},
       {"name", layout.database_deployment},
       {"namespace", layout.database_namespace},
       {"image", layout.postgres_image},
       {"user", layout.database_user},
       {"database", layout.database_name},
       {"existingSecret", layout.database_secret},
       {"service", map({{"name", layout.database_service}, {"port", layout.database_port}})},
       {"claim", claim_values(layout.database_deployment + "-data", layout.database_storage)},
       {"resources", resources({"250m", "256Mi", "1Gi"})}});
}

Tree minio_values(const Layout& layout) {
  return map({{"enabled", layout.objects == "in-cluster"},
              {"name", layout.objects_deployment},
              {"namespace", layout.objects_namespace},
              {"image", layout.minio_image},
              {"clientNamespaces", list(namespaces_of(layout))},
              {"service", map({{"name", layout.objects_service}})},
              {"claim", claim_values(layout.objects_deployment + "-data", layout.objects_storage)},
              {"resources", resources({"250m", "512Mi", "2Gi"})}});
}

File chart_file(const Scene& scene) {
  return {yaml_file("", {map({{"apiVersion", "v2"},
                              {"name", scene.layout.project},
                              {"description", "An MLOps lab: tracking server, metadata, files"},
                              {"type", "application"},
                              {"version", scene.lab.version},
                              {"appVersion", scene.lab.mlflow_version},
                              {"kubeVersion", ">=1.25.0-0"}})})};
}

std::string readme(const Scene& scene, const Secrets& secrets) {
  const Layout& layout = scene.layout;
  const std::string build = layout.server == "mlflow"
                                ? ""
                                : " `Dockerfile` makes the server's\nimage in the directory of the "
                                  "source of mlops-sandbox.";
  return filled(own_file("helm/README.md"), {{"project", layout.project},
                                             {"exports", secrets_exports(secrets)},
                                             {"mlflow_namespace", layout.mlflow_namespace},
                                             {"mlflow_name", layout.mlflow_name},
                                             {"data", data_steps_for_cluster(scene)},
                                             {"build", build}});
}

}  // namespace

Tree helm_values(const Scene& scene) {
  const Layout& layout = scene.layout;
  return map(
      {{"partOf", layout.project},
       {"server", server_values(scene)},
       {"users", map({{"enabled", has_users(scene)}, {"existingSecret", auth_secret}})},
       {"database", map({{"kind", layout.database == "sqlite" ? "sqlite" : "postgresql"},
                         {"existingSecret", layout.mlflow_secret},
                         {"port", layout.database_port}})},
       {"s3", map({{"endpoint", layout.objects == "external" ? layout.objects_endpoint : ""},
                   {"region", layout.objects_region},
                   {"existingSecret", layout.objects_secret},
                   {"artifacts", artifacts_uri(scene.lab, layout)},
                   {"buckets", list(bucket_names(scene.lab, layout))}})},
       {"tools", map({{"image", layout.mlflow_image},
                      {"upgradeResources", resources({"100m", "256Mi", "1Gi"})},
                      {"bucketsResources", resources({"100m", "128Mi", "512Mi"})}})},
       {"postgresql", postgresql_values(layout)},
       {"minio", minio_values(layout)},
       {"clients", map({{"namespace", layout.jobs_namespace}, {"configMap", layout.jobs_config}})},
       {"networkPolicies", map({{"enabled", true}})}});
}

Files helm_files(const Scene& scene) {
  const Layout& layout = scene.layout;
  const Secrets secrets = secrets_of(scene);
  Files chart = own_files("helm/chart/");
  chart["Chart.yaml"] = chart_file(scene);
  chart["values.yaml"] = {yaml_file(
      "What is this lab's own. values.schema.json says what each is for.", {helm_values(scene)})};
  for (const char* script : {"scripts/make_buckets.py", "scripts/upgrade_database.py"}) {
    chart[script] = {std::string(own_file(script))};
  }
  Files files;
  add_files(files, layout.project, chart);
  std::vector<Tree> namespaces;
  for (const std::string& name : namespaces_of(layout)) {
    namespaces.push_back(namespace_object(layout, name));
  }
  files["namespaces.yaml"] = {yaml_file("", namespaces)};
  files["make-secrets.sh"] = {secrets_script(secrets), true};
  if (layout.server != "mlflow") files["Dockerfile"] = {std::string(own_file("k8s/Dockerfile"))};
  files["README.md"] = {readme(scene, secrets)};
  return files;
}

}  // namespace sandbox::cluster_export
