#include "sandbox/cluster_export/terraform/terraform.h"

#include <algorithm>

#include "sandbox/base/text.h"
#include "sandbox/cluster_export/containers.h"
#include "sandbox/cluster_export/helm/helm.h"
#include "sandbox/cluster_export/secrets.h"
#include "sandbox/cluster_export/server.h"
#include "sandbox/cluster_export/tree.h"

namespace sandbox::cluster_export {
namespace {

// RDS has none that are smaller.
constexpr std::int64_t storage_gib_min = 20;

// Of a quantity such as 10Gi, rounded up.
std::int64_t gib_of(const std::string& quantity) {
  const std::int64_t number = parse_int64(quantity.substr(0, quantity.size() - 2)).value_or(0);
  constexpr std::int64_t step = 1024;
  if (quantity.ends_with("Ti")) return number * step;
  if (quantity.ends_with("Gi")) return number;
  if (quantity.ends_with("Mi")) return (number + step - 1) / step;
  return (number + step * step - 1) / (step * step);
}

Value or_null(const std::string& text) {
  return text.empty() ? Value(Tree()) : Value(text);
}

Tree local_values(const Scene& scene) {
  const Layout& layout = scene.layout;
  const Containers all = containers_of(scene);
  return map({{"project", layout.project},
              {"tools_image", layout.mlflow_image},
              {"server", map({{"image", server_image(layout)},
                              {"command", list(all.command)},
                              {"environment", map(all.environment)},
                              {"backend_uri", all.backend_uri},
                              {"health", list(all.health)},
                              {"port", layout.mlflow_host_port},
                              {"user", all.server_user},
                              {"volume", or_null(all.server_volume)},
                              {"upgrade", all.has_upgrade},
                              {"users", has_users(scene)},
                              {"settings_file", !all.settings.empty()}})},
              {"s3", map({{"endpoint", all.s3_address},
                          {"region", layout.objects_region},
                          {"buckets", list(bucket_names(scene.lab, layout))}})},
              {"postgres", map({{"enabled", all.has_postgres},
                                {"image", layout.postgres_image},
                                {"user", layout.database_user},
                                {"database", layout.database_name}})},
              {"minio", map({{"enabled", all.has_minio},
                             {"image", layout.minio_image},
                             {"port", 9000},
                             {"console_port", 9001}})}});
}

Tree cluster_values(const Layout& layout) {
  return map({{"project", layout.project},
              {"chart", "../../helm/" + layout.project},
              {"namespaces", list(namespaces_of(layout))},
              {"release_namespace", layout.mlflow_namespace},
              {"service", map({{"name", layout.mlflow_service},
                               {"namespace", layout.mlflow_namespace},
                               {"port", layout.mlflow_port}})}});
}

Tree aws_values(const Scene& scene) {
  const Layout& layout = scene.layout;
  return map({{"project", layout.project},
              {"region", layout.objects_region},
              {"buckets", list(bucket_names(scene.lab, layout))},
              {"database",
               map({{"name", layout.database_name},
                    {"user", layout.database_user},
                    {"port", layout.database_port},
                    {"storage_gib", std::max(storage_gib_min, gib_of(layout.database_storage))}})},
              {"client_networks", list({layout.network_cidr})}});
}

// What a tracking server does with its buckets, and no more.
Tree bucket_policy(const std::vector<std::string>& buckets) {
  Tree whole = list(std::vector<Tree>{});
  Tree objects = list(std::vector<Tree>{});
  for (const std::string& bucket : buckets) {
    append(whole, "arn:aws:s3:::" + bucket);
    append(objects, "arn:aws:s3:::" + bucket + "/*");
  }
  return map({{"Version", "2012-10-17"},
              {"Statement",
               list({map({{"Sid", "Objects"},
                          {"Effect", "Allow"},
                          {"Action", list({"s3:PutObject", "s3:GetObject", "s3:DeleteObject"})},
                          {"Resource", objects}}),
                     map({{"Sid", "Buckets"},
                          {"Effect", "Allow"},
                          {"Action", list({"s3:ListBucket"})},
                          {"Resource", whole}})})}});
}

std::string local_exports(const Secrets& secrets) {
  std::string lines;
  for (const Needed& one : secrets.needed) {
    lines += "    export TF_VAR_" + lower(one.variable) + "=…    # " + one.about + "\n";
  }
  return lines;
}

}  // namespace

Files terraform_files(const Scene& scene) {
  const Layout& layout = scene.layout;
  const Secrets secrets = secrets_of(scene);
  const Containers containers = containers_of(scene);
  Files files;
  for (const char* folder : {"local", "cluster", "aws"}) {
    const std::string name(folder);
    add_files(files, name, own_files("terraform/" + name + "/"));
    files[name + "/.gitignore"] = {std::string(own_file("terraform/gitignore"))};
  }
  files["local/terraform.tfvars.json"] = {json_file(local_values(scene))};
  for (const char* script : {"scripts/make_buckets.py", "scripts/upgrade_database.py"}) {
    files["local/" + std::string(script)] = {std::string(own_file(script))};
  }
  if (!containers.has_upgrade) {
    files["local/Dockerfile"] = {std::string(own_file("k8s/Dockerfile"))};
  }
  if (!containers.settings.empty()) files["local/basic-auth.ini"] = {containers.settings};
  files["cluster/terraform.tfvars.json"] = {json_file(cluster_values(layout))};
  files["cluster/values.yaml"] = {
      yaml_file("What is this lab's own, as the chart takes it.", {helm_values(scene)})};
  files["aws/terraform.tfvars.json"] = {json_file(aws_values(scene))};
  files["aws/mlflow-s3-access.json"] = {json_file(bucket_policy(bucket_names(scene.lab, layout)))};
  files["README.md"] = {
      filled(own_file("terraform/README.md"),
             {{"local_exports", local_exports(secrets)}, {"exports", secrets_exports(secrets)}})};
  return files;
}

}  // namespace sandbox::cluster_export
