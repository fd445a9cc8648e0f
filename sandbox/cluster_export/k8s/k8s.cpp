#include "sandbox/cluster_export/k8s/k8s.h"

#include <algorithm>

#include "sandbox/base/text.h"
#include "sandbox/cluster_export/manifests.h"
#include "sandbox/cluster_export/names.h"
#include "sandbox/cluster_export/secrets.h"
#include "sandbox/cluster_export/server.h"

namespace sandbox::cluster_export {
namespace {

constexpr int mlflow_user = 10001;
constexpr int postgres_user = 999;  // of the official image
constexpr int minio_user = 1000;
constexpr const char* scripts_config = "mlflow-scripts";

bool is_mlflow(const Layout& layout) {
  return layout.server == "mlflow";
}

// Of the file that the metadata, or the users of mlops-sandbox, are in.
bool has_claim(const Scene& scene) {
  return scene.layout.database == "sqlite" || (!is_mlflow(scene.layout) && has_users(scene));
}

const char* data_directory(const Layout& layout) {
  return is_mlflow(layout) ? "/mlflow" : "/data";
}

Named server_named(const Layout& layout) {
  return {layout.mlflow_name, layout.mlflow_namespace, layout.mlflow_name};
}

// Keys of the object store, under the names that boto3 and MLflow read.
void add_object_keys(const Layout& layout, Tree& variables) {
  append(variables, env_of_secret("AWS_ACCESS_KEY_ID", layout.objects_secret, "access-key"));
  append(variables, env_of_secret("AWS_SECRET_ACCESS_KEY", layout.objects_secret, "secret-key"));
}

void add_database_uri(const Layout& layout, Tree& variables) {
  append(variables, layout.database == "sqlite"
                        ? env("BACKEND_STORE_URI", "sqlite:////mlflow/mlflow.db")
                        : env_of_secret("BACKEND_STORE_URI", layout.mlflow_secret, "backend-uri"));
  append(variables, env("MLFLOW_BACKEND_STORE_URI", "$(BACKEND_STORE_URI)"));
}

void add_user_keys(const Scene& scene, Tree& variables) {
  if (!has_users(scene)) return;
  append(variables, env_of_secret("MLFLOW_AUTH_ADMIN_PASSWORD", auth_secret, "admin-password"));
  if (is_mlflow(scene.layout)) {
    append(variables, env_of_secret("MLFLOW_FLASK_SERVER_SECRET_KEY", auth_secret, "flask-key"));
  }
}

Tree server_env(const Scene& scene) {
  const Layout& layout = scene.layout;
  Tree variables = list(std::vector<Tree>{});
  add_database_uri(layout, variables);
  add_object_keys(layout, variables);
  add_user_keys(scene, variables);
  for (const auto& [name, value] :
       server_variables(scene, {objects_address(layout), allowed_hosts(layout)})) {
    append(variables, env(name, value));
  }
  return variables;
}

bool has_settings_file(const Scene& scene) {
  return is_mlflow(scene.layout) && has_users(scene);
}

Tree server_mounts(const Scene& scene) {
  const Layout& layout = scene.layout;
  const bool has_data = has_claim(scene) || !is_mlflow(layout);
  return list({mount("tmp", "/tmp"), only_if(has_data, mount("data", data_directory(layout))),
               only_if(is_mlflow(layout), mount("scripts", "/scripts", true)),
               only_if(has_settings_file(scene), mount("settings", auth_directory, true))});
}

Tree server_volumes(const Scene& scene) {
  const Layout& layout = scene.layout;
  const Tree settings = map(
      {{"name", "settings"},
       {"secret",
        map({{"secretName", auth_secret},
             {"items", list({map({{"key", "basic-auth.ini"}, {"path", "basic-auth.ini"}})})}})}});
  return list({empty_volume("tmp"),
               only_if(has_claim(scene), claim_volume("data", layout.mlflow_claim)),
               only_if(!has_claim(scene) && !is_mlflow(layout), empty_volume("data")),
               only_if(is_mlflow(layout),
                       map({{"name", "scripts"}, {"configMap", map({{"name", scripts_config}})}})),
               only_if(has_settings_file(scene), settings)});
}

Tree upgrade_container(const Scene& scene) {
  const Layout& layout = scene.layout;
  Tree variables = list({env("HOME", "/tmp")});
  add_database_uri(layout, variables);
  if (has_settings_file(scene)) {
    append(variables,
           env("MLFLOW_AUTH_CONFIG_PATH", std::string(auth_directory) + "/basic-auth.ini"));
  }
  return map({{"name", "upgrade-database"},
              {"image", layout.mlflow_image},
              {"command", list({"python", "/scripts/upgrade_database.py"})},
              {"env", variables},
              {"securityContext", container_security()},
              {"resources", resources({"100m", "256Mi", "1Gi"})},
              {"volumeMounts", server_mounts(scene)}});
}

Tree server_container(const Scene& scene) {
  const Layout& layout = scene.layout;
  return map({{"name", "mlflow"},
              {"image", server_image(layout)},
              {"command", list(server_command(scene))},
              {"env", server_env(scene)},
              {"ports", list({map({{"name", "http"}, {"containerPort", 5000}})})},
              {"startupProbe", http_probe("/health", "http", 10, 30)},
              {"readinessProbe", http_probe("/health", "http", 10, 3)},
              {"livenessProbe", http_probe("/health", "http", 20, 6)},
              {"securityContext", container_security()},
              {"resources", resources({"250m", "512Mi", "2Gi"})},
              {"volumeMounts", server_mounts(scene)}});
}

Tree server_deployment(const Scene& scene) {
  const Layout& layout = scene.layout;
  const Named named = server_named(layout);
  Tree pod = map({{"serviceAccountName", layout.mlflow_name},
                  {"automountServiceAccountToken", false},
                  {"securityContext", pod_security(mlflow_user)},
                  {"initContainers", only_if(is_mlflow(layout), list({upgrade_container(scene)}))},
                  {"containers", list({server_container(scene)})},
                  {"volumes", server_volumes(scene)}});
  Tree deployment = object("apps/v1", "Deployment", metadata(layout, named));
  add(deployment,
      {{"spec", map({{"replicas", layout.mlflow_replicas},
                     {"strategy", map({{"type", has_claim(scene) ? "Recreate" : "RollingUpdate"}})},
                     {"selector", map({{"matchLabels", selector(named.app)}})},
                     {"template", map({{"metadata", map({{"labels", labels(layout, named.app)}})},
                                       {"spec", pod}})}})}});
  return deployment;
}

// Who asks the tracking server: training, serving, and whoever comes in through an Ingress or by a
// port of the nodes, whose addresses no policy can name.
Tree server_policy(const Layout& layout) {
  std::vector<Opening> egress;
  if (layout.database == "in-cluster") {
    egress.push_back({{{layout.database_namespace, layout.database_deployment}}, {5432}});
  } else if (layout.database == "external") {
    egress.push_back({{}, {layout.database_port}});
  }
  if (layout.objects == "in-cluster") {
    egress.push_back({{{layout.objects_namespace, layout.objects_deployment}}, {9000}});
  } else {
    egress.push_back({{}, {443, 9000}});
  }
  return network_policy(layout, server_named(layout), {{{}, {5000}}}, egress);
}

File server_file(const Scene& scene) {
  const Layout& layout = scene.layout;
  const Named named = server_named(layout);
  std::vector<Tree> documents;
  documents.push_back(service_account(layout, named));
  if (has_claim(scene)) {
    documents.push_back(claim(layout, {layout.mlflow_claim, layout.mlflow_namespace, named.app},
                              layout.database_storage));
  }
  documents.push_back(server_deployment(scene));
  documents.push_back(service(layout, {layout.mlflow_service, layout.mlflow_namespace, named.app},
                              {{"http", layout.mlflow_port, layout.mlflow_node_port}}));
  documents.push_back(disruption_budget(layout, named));
  documents.push_back(server_policy(layout));
  return {yaml_file("The tracking server.", documents)};
}

File scripts_file(const Layout& layout) {
  Tree config =
      object("v1", "ConfigMap",
             metadata(layout, {scripts_config, layout.mlflow_namespace, layout.mlflow_name}));
  add(config, {{"data", map({{"make_buckets.py", own_file("scripts/make_buckets.py")},
                             {"upgrade_database.py", own_file("scripts/upgrade_database.py")}})}});
  return {yaml_file("Programs that prepare the stores.", {config})};
}

// A Job cannot be changed once it is there, so its name changes with what it does.
File buckets_file(const Scene& scene) {
  const Layout& layout = scene.layout;
  const std::vector<std::string> buckets = bucket_names(scene.lab, layout);
  std::vector<std::string> command{"python", "/scripts/make_buckets.py"};
  command.insert(command.end(), buckets.begin(), buckets.end());
  const std::string name = "make-buckets-" + short_digest(layout.mlflow_image + join(command, " ") +
                                                          objects_address(layout));
  Tree variables = list({env("HOME", "/tmp"), env("AWS_DEFAULT_REGION", layout.objects_region)});
  if (!objects_address(layout).empty()) {
    append(variables, env("MLFLOW_S3_ENDPOINT_URL", objects_address(layout)));
  }
  add_object_keys(layout, variables);
  const Tree container =
      map({{"name", "make-buckets"},
           {"image", layout.mlflow_image},
           {"command", list(command)},
           {"env", variables},
           {"securityContext", container_security()},
           {"resources", resources({"100m", "128Mi", "512Mi"})},
           {"volumeMounts", list({mount("tmp", "/tmp"), mount("scripts", "/scripts", true)})}});
  const Tree pod =
      map({{"restartPolicy", "Never"},
           {"automountServiceAccountToken", false},
           {"securityContext", pod_security(mlflow_user)},
           {"containers", list({container})},
           {"volumes",
            list({empty_volume("tmp"),
                  map({{"name", "scripts"}, {"configMap", map({{"name", scripts_config}})}})})}});
  Tree job = object("batch/v1", "Job",
                    metadata(layout, {name, layout.mlflow_namespace, layout.mlflow_name}));
  add(job, {{"spec",
             map({{"backoffLimit", 6},
                  {"template", map({{"metadata", map({{"labels", labels(layout, "make-buckets")}})},
                                    {"spec", pod}})}})}});
  return {yaml_file("Makes the lab's buckets; those that are there stay.", {job})};
}

// A store of one pod with its claim.
struct Store {
  Named named;
  std::string service;
  std::vector<Port> ports;
  std::string claim;
  std::string size;
  int user = 0;
  Tree container;
  Tree volumes;
  std::vector<Opening> ingress;
};

std::vector<Tree> store_documents(const Layout& layout, const Store& store) {
  const Named& named = store.named;
  Tree volumes = store.volumes;
  append(volumes, claim_volume("data", store.claim));
  const Tree pod = map({{"serviceAccountName", named.name},
                        {"automountServiceAccountToken", false},
                        {"securityContext", pod_security(store.user)},
                        {"containers", list({store.container})},
                        {"volumes", volumes}});
  Tree deployment = object("apps/v1", "Deployment", metadata(layout, named));
  add(deployment,
      {{"spec", map({{"replicas", 1},
                     {"strategy", map({{"type", "Recreate"}})},
                     {"selector", map({{"matchLabels", selector(named.app)}})},
                     {"template", map({{"metadata", map({{"labels", labels(layout, named.app)}})},
                                       {"spec", pod}})}})}});
  return {service_account(layout, named),
          claim(layout, {store.claim, named.name_space, named.app}, store.size),
          deployment,
          service(layout, {store.service, named.name_space, named.app}, store.ports),
          disruption_budget(layout, named),
          network_policy(layout, named, store.ingress, {})};
}

File postgres_file(const Layout& layout) {
  const std::vector<std::string> is_ready{"pg_isready", "-U", layout.database_user, "-d",
                                          layout.database_name};
  Store store;
  // The documents' commands name the Deployment `postgres` and the label app=postgres.
  store.named = {layout.database_deployment, layout.database_namespace, layout.database_deployment};
  store.service = layout.database_service;
  store.ports = {{"postgres", layout.database_port}};
  store.claim = layout.database_deployment + "-data";
  store.size = layout.database_storage;
  store.user = postgres_user;
  store.container =
      map({{"name", "postgres"},
           {"image", layout.postgres_image},
           {"env", list({env("POSTGRES_USER", layout.database_user),
                         env("POSTGRES_DB", layout.database_name),
                         env_of_secret("POSTGRES_PASSWORD", layout.database_secret, "password"),
                         env("PGDATA", "/var/lib/postgresql/data/pgdata")})},
           {"ports", list({map({{"name", "postgres"}, {"containerPort", 5432}})})},
           {"startupProbe", exec_probe(is_ready, 5, 60)},
           {"readinessProbe", exec_probe(is_ready, 10, 3)},
           {"livenessProbe", exec_probe(is_ready, 20, 6)},
           {"securityContext", container_security()},
           {"resources", resources({"250m", "256Mi", "1Gi"})},
           {"volumeMounts", list({mount("data", "/var/lib/postgresql/data"),
                                  mount("run", "/var/run/postgresql"), mount("tmp", "/tmp")})}});
  store.volumes = list({empty_volume("run"), empty_volume("tmp")});
  store.ingress = {{{{layout.mlflow_namespace, layout.mlflow_name}}, {5432}}};
  return {yaml_file("PostgreSQL, the metadata.", store_documents(layout, store))};
}

File minio_file(const Layout& layout) {
  Store store;
  store.named = {layout.objects_deployment, layout.objects_namespace, layout.objects_deployment};
  store.service = layout.objects_service;
  store.ports = {{"api", 9000}, {"console", 9001}};
  store.claim = layout.objects_deployment + "-data";
  store.size = layout.objects_storage;
  store.user = minio_user;
  store.container =
      map({{"name", "minio"},
           {"image", layout.minio_image},
           {"args", list({"server", "/data", "--console-address", ":9001"})},
           {"env", list({env_of_secret("MINIO_ROOT_USER", layout.objects_secret, "access-key"),
                         env_of_secret("MINIO_ROOT_PASSWORD", layout.objects_secret, "secret-key"),
                         env("MINIO_REGION", layout.objects_region), env("HOME", "/tmp")})},
           {"ports", list({map({{"name", "api"}, {"containerPort", 9000}}),
                           map({{"name", "console"}, {"containerPort", 9001}})})},
           {"startupProbe", http_probe("/minio/health/live", "api", 5, 60)},
           {"readinessProbe", http_probe("/minio/health/ready", "api", 10, 3)},
           {"livenessProbe", http_probe("/minio/health/live", "api", 20, 6)},
           {"securityContext", container_security()},
           {"resources", resources({"250m", "512Mi", "2Gi"})},
           {"volumeMounts", list({mount("data", "/data"), mount("tmp", "/tmp")})}});
  store.volumes = list({empty_volume("tmp")});
  std::vector<Peer> peers;
  for (const std::string& name : namespaces_of(layout)) peers.push_back({name});
  store.ingress = {{peers, {9000, 9001}}};
  return {yaml_file("MinIO, the files of runs and models.", store_documents(layout, store))};
}

// What jobs read: the addresses, under the keys of the documents.
File clients_file(const Scene& scene) {
  const Layout& layout = scene.layout;
  const std::string s3 = objects_address(layout);
  Tree config =
      object("v1", "ConfigMap",
             metadata(layout, {layout.jobs_config, layout.jobs_namespace, layout.mlflow_name}));
  add(config, {{"data", map({{"mlflow-tracking-uri", mlflow_address(layout)},
                             {"mlflow-s3-endpoint-url", only_if(!s3.empty(), s3)},
                             {"aws-default-region", layout.objects_region}})}});
  return {yaml_file("Where training jobs find everything.", {config})};
}

File kustomization(const char* comment, const char* kind, Members members) {
  Tree tree = map(
      {{"apiVersion", std::string_view(kind) == "Component" ? "kustomize.config.k8s.io/v1alpha1"
                                                            : "kustomize.config.k8s.io/v1beta1"},
       {"kind", kind}});
  add(tree, members);
  return {yaml_file(comment, {tree})};
}

File ingress_file(const Layout& layout) {
  Tree ingress = object("networking.k8s.io/v1", "Ingress", metadata(layout, server_named(layout)));
  const Tree backend =
      map({{"service", map({{"name", layout.mlflow_service}, {"port", map({{"name", "http"}})}})}});
  add(ingress,
      {{"spec",
        map({{"tls", list({map({{"hosts", list({layout.ingress_host})},
                                {"secretName", layout.mlflow_name + "-tls"}})})},
             {"rules",
              list({map({{"host", layout.ingress_host},
                         {"http", map({{"paths", list({map({{"path", "/"},
                                                            {"pathType", "Prefix"},
                                                            {"backend", backend}})})}})}})})}})}});
  return {yaml_file("The tracking server for people outside of the cluster.", {ingress})};
}

File node_port_patch(const Layout& layout) {
  const std::int64_t port = layout.mlflow_node_port > 0 ? layout.mlflow_node_port : 30500;
  Tree patch =
      object("v1", "Service",
             map({{"name", layout.mlflow_service}, {"namespace", layout.mlflow_namespace}}));
  add(patch, {{"spec", map({{"type", "NodePort"},
                            {"ports", list({map({{"name", "http"},
                                                 {"port", layout.mlflow_port},
                                                 {"targetPort", "http"},
                                                 {"nodePort", port}})})}})}});
  return {yaml_file("A port of each node for the tracking server: http://localhost:" +
                        std::to_string(port) + " on a cluster of one machine.",
                    {patch})};
}

void add_base(const Scene& scene, Files& files) {
  const Layout& layout = scene.layout;
  std::vector<Tree> namespaces;
  for (const std::string& name : namespaces_of(layout)) {
    namespaces.push_back(namespace_object(layout, name));
  }
  files["base/namespaces.yaml"] = {yaml_file("", namespaces)};
  files["base/mlflow.yaml"] = server_file(scene);
  files["base/clients.yaml"] = clients_file(scene);
  files["base/scripts.yaml"] = scripts_file(layout);
  files["base/buckets.yaml"] = buckets_file(scene);
  if (layout.database == "in-cluster") files["base/postgres.yaml"] = postgres_file(layout);
  if (layout.objects == "in-cluster") files["base/minio.yaml"] = minio_file(layout);
  std::vector<std::string> resources;
  for (const auto& [path, file] : files) {
    if (path.starts_with("base/")) resources.push_back(path.substr(5));
  }
  files["base/kustomization.yaml"] =
      kustomization("kubectl apply -k base", "Kustomization", {{"resources", list(resources)}});
}

void add_overlays(const Scene& scene, Files& files, const Secrets& secrets) {
  const Layout& layout = scene.layout;
  files["components/ingress/kustomization.yaml"] =
      kustomization("", "Component", {{"resources", list({"ingress.yaml"})}});
  files["components/ingress/ingress.yaml"] = ingress_file(layout);
  files["components/external-secrets/kustomization.yaml"] =
      kustomization("", "Component", {{"resources", list({"external-secrets.yaml"})}});
  files["components/external-secrets/external-secrets.yaml"] = {yaml_file(
      "For clusters with the External Secrets Operator: in place of make-secrets.sh. The\n"
      "store's name and its entries are yours to change.",
      external_secrets(scene, secrets))};
  files["overlays/local/kustomization.yaml"] =
      kustomization("A cluster on one machine: kubectl apply -k overlays/local", "Kustomization",
                    {{"resources", list({"../../base"})},
                     {"patches", list({map({{"path", "node-port.yaml"}})})}});
  files["overlays/local/node-port.yaml"] = node_port_patch(layout);
  files["overlays/production/kustomization.yaml"] = kustomization(
      "A shared cluster: kubectl apply -k overlays/production", "Kustomization",
      {{"resources", list({"../../base"})}, {"components", list({"../../components/ingress"})}});
}

std::string readme(const Scene& scene, const Secrets& secrets) {
  const Layout& layout = scene.layout;
  return filled(own_file("k8s/README.md"),
                {{"exports", secrets_exports(secrets)},
                 {"mlflow_namespace", layout.mlflow_namespace},
                 {"mlflow_name", layout.mlflow_name},
                 {"mlflow_service", layout.mlflow_service},
                 {"mlflow_port", std::to_string(layout.mlflow_port)},
                 {"jobs_namespace", layout.jobs_namespace},
                 {"address", mlflow_address(layout)},
                 {"image", server_image(layout)},
                 {"artifacts", artifacts_uri(scene.lab, layout)},
                 {"data", data_steps_for_cluster(scene)},
                 {"build", is_mlflow(layout)
                               ? ""
                               : " `Dockerfile` makes the server's image in the directory of the "
                                 "source of mlops-sandbox."}});
}

}  // namespace

std::string data_steps_for_cluster(const Scene& scene) {
  const Layout& layout = scene.layout;
  const std::string target = artifacts_uri(scene.lab, layout);
  if (layout.database == "sqlite") {
    return filled(
        own_file("k8s/data-sqlite.md"),
        {{"target", target}, {"namespace", layout.mlflow_namespace}, {"name", layout.mlflow_name}});
  }
  return filled(own_file("k8s/data.md"), {{"target", target}});
}

Files k8s_files(const Scene& scene) {
  Files files;
  const Secrets secrets = secrets_of(scene);
  add_base(scene, files);
  add_overlays(scene, files, secrets);
  files["make-secrets.sh"] = {secrets_script(secrets), true};
  if (!is_mlflow(scene.layout)) files["Dockerfile"] = {std::string(own_file("k8s/Dockerfile"))};
  files["README.md"] = {readme(scene, secrets)};
  return files;
}

}  // namespace sandbox::cluster_export
