#include "sandbox/cluster_export/compose/compose.h"

#include "sandbox/base/text.h"
#include "sandbox/cluster_export/containers.h"
#include "sandbox/cluster_export/secrets.h"
#include "sandbox/cluster_export/server.h"
#include "sandbox/cluster_export/tree.h"

namespace sandbox::cluster_export {
namespace {

constexpr const char* upgrade_service = "upgrade-database";
constexpr const char* buckets_service = "make-buckets";
constexpr const char* auth_file = "basic-auth.ini";

// Compose puts variables in place of $NAME; "$$" is a plain "$".
std::string literal(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c;
    if (c == '$') out += '$';
  }
  return out;
}

std::vector<std::string> literals(const std::vector<std::string>& texts) {
  std::vector<std::string> out;
  for (const std::string& text : texts) out.push_back(literal(text));
  return out;
}

std::string secret(std::string_view variable) {
  return "${" + std::string(variable) + ":?make-env.sh makes it}";
}

std::string own_port(const std::string& variable, std::int64_t usual, int inside) {
  return "127.0.0.1:${" + variable + ":-" + std::to_string(usual) + "}:" + std::to_string(inside);
}

// What the services are made from.
struct Stack {
  const Scene& scene;
  const Layout& layout;
  Containers containers;
};

void add_database(const Stack& stack, Tree& environment) {
  const bool has_password = stack.layout.database != "sqlite";
  add(environment, {{"MLFLOW_BACKEND_STORE_URI", literal(stack.containers.backend_uri)},
                    {"PGPASSWORD", only_if(has_password, secret("DATABASE_PASSWORD"))}});
}

void add_object_keys(Tree& environment) {
  add(environment, {{"AWS_ACCESS_KEY_ID", secret("S3_ACCESS_KEY")},
                    {"AWS_SECRET_ACCESS_KEY", secret("S3_SECRET_KEY")}});
}

// What every container may not do. A user of its own, where no fresh volume belongs to root.
void add_limits(Tree& service, const std::string& user, const std::vector<std::string>& writable) {
  add(service, {{"user", only_if(!user.empty(), user)},
                {"read_only", true},
                {"tmpfs", list(writable)},
                {"cap_drop", list({"ALL"})},
                {"security_opt", list({"no-new-privileges:true"})}});
}

Tree bound_file(const std::string& file, const std::string& place) {
  return map({{"type", "bind"}, {"source", file}, {"target", place}, {"read_only", true}});
}

Tree volume(const std::string& name, const std::string& place) {
  return map({{"type", "volume"}, {"source", name}, {"target", place}});
}

Tree server_volumes(const Stack& stack) {
  const std::string& place = stack.containers.server_volume;
  return list({only_if(!place.empty(), volume("mlflow-data", place)),
               only_if(!stack.containers.settings.empty(),
                       bound_file(std::string("./") + auth_file,
                                  std::string(auth_directory) + "/" + auth_file))});
}

Tree after(const char* condition) {
  return map({{"condition", condition}});
}

Tree healthcheck(Tree test, const char* interval) {
  return map({{"test", std::move(test)},
              {"interval", interval},
              {"timeout", "5s"},
              {"retries", 6},
              {"start_period", "5m"}});
}

Tree health_command(const std::vector<std::string>& words) {
  std::vector<std::string> test{"CMD"};
  for (const std::string& word : words) test.push_back(literal(word));
  return list(test);
}

Tree server(const Stack& stack) {
  const Containers& containers = stack.containers;
  const bool is_mlflow = stack.layout.server == "mlflow";
  Tree environment = Tree::object();
  add_database(stack, environment);
  add_object_keys(environment);
  if (has_users(stack.scene)) {
    add(environment,
        {{"MLFLOW_AUTH_ADMIN_PASSWORD", secret("MLFLOW_ADMIN_PASSWORD")},
         {"MLFLOW_FLASK_SERVER_SECRET_KEY", only_if(is_mlflow, secret("MLFLOW_FLASK_KEY"))}});
  }
  for (const auto& [name, value] : containers.environment) {
    add(environment, {{name, literal(value)}});
  }
  const Tree volumes = server_volumes(stack);
  const bool waits_for_postgres = containers.has_postgres && !containers.has_upgrade;
  Tree service = map(
      {{"image", server_image(stack.layout)},
       {"entrypoint", list(literals(containers.command))},
       {"environment", environment},
       {"depends_on",
        map({{upgrade_service,
              only_if(containers.has_upgrade, after("service_completed_successfully"))},
             {buckets_service, after("service_completed_successfully")},
             {database_container_host, only_if(waits_for_postgres, after("service_healthy"))}})},
       {"healthcheck", healthcheck(health_command(containers.health), "10s")},
       {"ports", list({own_port("MLFLOW_HOST_PORT", stack.layout.mlflow_host_port, 5000)})},
       {"volumes", only_if(!volumes.items.empty(), volumes)},
       {"restart", "unless-stopped"}});
  add_limits(service, containers.server_user, {"/tmp"});
  return service;
}

Tree upgrade(const Stack& stack) {
  const Containers& containers = stack.containers;
  Tree environment = map({{"HOME", "/tmp"}});
  add_database(stack, environment);
  if (!containers.settings.empty()) {
    add(environment, {{"MLFLOW_AUTH_CONFIG_PATH", std::string(auth_directory) + "/" + auth_file}});
  }
  Tree volumes = list({bound_file("./scripts", "/scripts")});
  for (const Tree& each : server_volumes(stack).items) append(volumes, each);
  const Tree first = map({{database_container_host, after("service_healthy")}});
  Tree service = map({{"image", stack.layout.mlflow_image},
                      {"entrypoint", list({"python", "/scripts/upgrade_database.py"})},
                      {"environment", environment},
                      {"depends_on", only_if(containers.has_postgres, first)},
                      {"volumes", volumes},
                      {"restart", "on-failure"}});
  add_limits(service, containers.server_user, {"/tmp"});
  return service;
}

Tree buckets(const Stack& stack) {
  const Layout& layout = stack.layout;
  std::vector<std::string> command{"python", "/scripts/make_buckets.py"};
  for (const std::string& name : bucket_names(stack.scene.lab, layout)) {
    command.push_back(literal(name));
  }
  const std::string& address = stack.containers.s3_address;
  Tree environment = map({{"HOME", "/tmp"},
                          {"AWS_DEFAULT_REGION", layout.objects_region},
                          {"MLFLOW_S3_ENDPOINT_URL", only_if(!address.empty(), address)}});
  add_object_keys(environment);
  const Tree first = map({{objects_host, after("service_healthy")}});
  Tree service = map({{"image", layout.mlflow_image},
                      {"entrypoint", list(command)},
                      {"environment", environment},
                      {"depends_on", only_if(stack.containers.has_minio, first)},
                      {"volumes", list({bound_file("./scripts", "/scripts")})},
                      {"restart", "on-failure"}});
  add_limits(service, "10001:10001", {"/tmp"});
  return service;
}

Tree postgres(const Layout& layout) {
  Tree service =
      map({{"image", layout.postgres_image},
           {"environment", map({{"POSTGRES_USER", layout.database_user},
                                {"POSTGRES_DB", layout.database_name},
                                {"POSTGRES_PASSWORD", secret("DATABASE_PASSWORD")},
                                {"PGDATA", "/var/lib/postgresql/data/pgdata"}})},
           {"healthcheck", healthcheck(list({"CMD", "pg_isready", "-h", "127.0.0.1", "-U",
                                             layout.database_user, "-d", layout.database_name}),
                                       "5s")},
           {"volumes", list({volume("postgres-data", "/var/lib/postgresql/data")})},
           {"restart", "unless-stopped"}});
  add_limits(service, "999:999", {"/tmp", "/var/run/postgresql"});
  return service;
}

Tree minio(const Layout& layout) {
  Tree service = map({{"image", layout.minio_image},
                      {"command", list({"server", "/data", "--console-address", ":9001"})},
                      {"environment", map({{"MINIO_ROOT_USER", secret("S3_ACCESS_KEY")},
                                           {"MINIO_ROOT_PASSWORD", secret("S3_SECRET_KEY")},
                                           {"MINIO_REGION", layout.objects_region},
                                           {"HOME", "/tmp"}})},
                      {"healthcheck", healthcheck(list({"CMD", "mc", "ready", "local"}), "5s")},
                      {"ports", list({own_port("MINIO_HOST_PORT", 9000, 9000),
                                      own_port("MINIO_CONSOLE_HOST_PORT", 9001, 9001)})},
                      {"volumes", list({volume("minio-data", "/data")})},
                      {"restart", "unless-stopped"}});
  add_limits(service, "", {"/tmp"});
  return service;
}

File project_file(const Stack& stack) {
  const Containers& containers = stack.containers;
  const Value usual = Tree::object();
  const Tree project = map(
      {{"name", stack.layout.project},
       {"services",
        map({{server_host, server(stack)},
             {upgrade_service, only_if(containers.has_upgrade, upgrade(stack))},
             {buckets_service, buckets(stack)},
             {database_container_host, only_if(containers.has_postgres, postgres(stack.layout))},
             {objects_host, only_if(containers.has_minio, minio(stack.layout))}})},
       {"volumes", map({{"mlflow-data", only_if(!containers.server_volume.empty(), usual)},
                        {"postgres-data", only_if(containers.has_postgres, usual)},
                        {"minio-data", only_if(containers.has_minio, usual)}})}});
  return {yaml_file("The lab on one machine: docker compose up --detach", {project})};
}

// Whoever moves data wants PostgreSQL on this machine too; nobody else does.
File data_file() {
  const Tree project =
      map({{"services",
            map({{database_container_host,
                  map({{"ports", list({own_port("DATABASE_HOST_PORT", 5433, 5432)})}})}})}});
  return {yaml_file("Beside docker-compose.yml: PostgreSQL on the loopback address, to move data.",
                    {project})};
}

// Whose value this lab may choose: that of a service it starts itself.
bool is_own(const Containers& containers, const Needed& one) {
  if (one.variable == "DATABASE_PASSWORD") return containers.has_postgres;
  if (one.variable.starts_with("S3_")) return containers.has_minio;
  return true;
}

std::string env_script(const Containers& containers, const Secrets& secrets) {
  std::string values;
  for (const Needed& one : secrets.needed) {
    // S3's keys are as long as those of AWS.
    const bool is_short = one.variable == "S3_ACCESS_KEY";
    values += is_own(containers, one) ? "own " + one.variable + (is_short ? " 10" : " 20") + "\n"
                                      : "need " + one.variable + " " + shell_word(one.about) + "\n";
  }
  return filled(own_file("compose/make-env.sh"), {{"values", values}});
}

std::string env_example(const Secrets& secrets) {
  std::string text = "# make-env.sh makes .env, with random values where this lab may choose.\n";
  for (const Needed& one : secrets.needed) {
    text += "# " + one.about + "\n" + one.variable + "=\n";
  }
  return text;
}

std::string data_steps(const Stack& stack) {
  const Layout& layout = stack.layout;
  const std::string artifacts = artifacts_uri(stack.scene.lab, layout);
  if (!stack.containers.has_postgres || !stack.containers.has_minio) {
    const char* name =
        layout.database == "sqlite" ? "compose/data-sqlite.md" : "compose/data-outside.md";
    return filled(own_file(name), {{"artifacts", shell_word(artifacts)}});
  }
  return filled(own_file("compose/data.md"), {{"user", layout.database_user},
                                              {"database", layout.database_name},
                                              {"artifacts", shell_word(artifacts)}});
}

std::string readme(const Stack& stack) {
  const Layout& layout = stack.layout;
  std::string addresses =
      "- MLflow: http://localhost:" + std::to_string(layout.mlflow_host_port) + "\n";
  if (stack.containers.has_minio) {
    addresses += "- MinIO: http://localhost:9000, its console http://localhost:9001\n";
  }
  return filled(
      own_file("compose/README.md"),
      {{"project", layout.project},
       {"addresses", addresses},
       {"build", stack.containers.has_upgrade ? ""
                                              : "\n`Dockerfile` makes the server's image in the "
                                                "directory of the source of mlops-sandbox.\n"},
       {"data", data_steps(stack)},
       {"port", std::to_string(layout.mlflow_host_port)}});
}

}  // namespace

Files compose_files(const Scene& scene) {
  const Stack stack{scene, scene.layout, containers_of(scene)};
  const Secrets secrets = secrets_of(scene);
  Files files;
  files["docker-compose.yml"] = project_file(stack);
  if (stack.containers.has_postgres) files["docker-compose.data.yml"] = data_file();
  files[".env.example"] = {env_example(secrets)};
  files[".gitignore"] = {".env\n.env.??????\n"};
  files["make-env.sh"] = {env_script(stack.containers, secrets), true};
  if (!stack.containers.settings.empty()) files[auth_file] = {stack.containers.settings};
  for (const char* script : {"scripts/make_buckets.py", "scripts/upgrade_database.py"}) {
    files[script] = {std::string(own_file(script))};
  }
  if (!stack.containers.has_upgrade) {
    files["Dockerfile"] = {std::string(own_file("k8s/Dockerfile"))};
  }
  files["README.md"] = {readme(stack)};
  return files;
}

}  // namespace sandbox::cluster_export
