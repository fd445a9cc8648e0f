#include "sandbox/cluster_export/airflow/airflow.h"

#include "sandbox/base/text.h"
#include "sandbox/cluster_export/job/job.h"
#include "sandbox/cluster_export/manifests.h"
#include "sandbox/cluster_export/secrets.h"
#include "sandbox/cluster_export/server.h"

// Source of the names: values.yaml of the chart apache-airflow/airflow 1.18.
namespace sandbox::cluster_export {
namespace {

constexpr const char* airflow_version = "2.11.2";
constexpr int airflow_uid = 50000;
constexpr int trainer_user = 10001;
constexpr const char* database_secret = "airflow-database";
constexpr const char* fernet_secret = "airflow-fernet-key";
constexpr const char* webserver_secret = "airflow-webserver-secret-key";
constexpr const char* connections_secret = "airflow-connections";
constexpr const char* git_secret = "airflow-git-key";
constexpr const char* logs_claim = "airflow-logs-pvc";  // of the target nfs
constexpr const char* experiment = "production-training";

bool logs_to_s3(const Layout& layout) {
  return layout.airflow_logs == "s3";
}

bool is_ssh(const Layout& layout) {
  return !layout.airflow_git_repo.starts_with("https://");
}

// Airflow wants a server even where MLflow has a file.
std::string database_host_of_airflow(const Layout& layout) {
  return layout.database == "sqlite" ? layout.database_host : database_host(layout);
}

// Scripts and servers write where they run.
Tree writable_container_security() {
  Tree security = container_security();
  security.set("readOnlyRootFilesystem", Tree::of(false));
  return security;
}

Tree training(const Scene& scene) {
  const Layout& layout = scene.layout;
  return map({{"dag_id", layout.airflow_dag},
              {"image", layout.trainer_image},
              {"experiment_name", experiment},
              {"config_map", layout.jobs_config + "-env"},
              {"secret", layout.objects_secret},
              {"login_secret", has_users(scene) ? login_secret : ""},
              {"resources", resources({"1", "2Gi", "4Gi", {}})},
              {"pod_security", pod_security(trainer_user)},
              {"container_security", writable_container_security()}});
}

std::string settings_file(const Scene& scene) {
  const Layout& layout = scene.layout;
  Tree jobs = list(std::vector<Tree>{});
  for (const ScheduledJob& job : scheduled_jobs(scene)) {
    append(jobs, map({{"dag_id", job.name},
                      {"name", job.original_name},
                      {"schedule", job.cron},
                      {"retries", job.retries},
                      {"timeout_s", job.timeout_s},
                      {"container", job.container},
                      {"pod", job.pod}}));
  }
  return json_file(map({{"project", layout.project},
                        {"namespace", layout.jobs_namespace},
                        {"training", training(scene)},
                        {"jobs", jobs}}));
}

Tree git_sync(const Layout& layout) {
  return map({{"enabled", true},
              {"repo", layout.airflow_git_repo},
              {"branch", "main"},
              {"rev", "HEAD"},
              {"ref", "main"},  // what git-sync 4 reads in place of the two
              {"depth", 1},
              {"subPath", "dags"},
              {"sshKeySecret", only_if(is_ssh(layout), git_secret)}});
}

// Of tasks: in the bucket, or on the claim that the target nfs makes.
Tree logs_persistence(const Layout& layout) {
  return logs_to_s3(layout)
             ? map({{"persistence", map({{"enabled", false}})}})
             : map({{"persistence", map({{"enabled", true}, {"existingClaim", logs_claim}})}});
}

Tree logging(const Scene& scene) {
  const Layout& layout = scene.layout;
  if (!logs_to_s3(layout)) return map({{"remote_logging", "False"}});
  return map({{"remote_logging", "True"},
              {"remote_base_log_folder", "s3://" + layout.bucket + "/airflow/logs"},
              {"remote_log_conn_id", "s3_logs"},
              {"encrypt_s3_logs", "False"}});
}

// The chart's group is 0, as its image's files are.
Tree airflow_pod_security() {
  Tree security = pod_security(airflow_uid);
  security.set("runAsGroup", Tree::of(std::int64_t{0}));
  security.set("fsGroup", Tree::of(std::int64_t{0}));
  return security;
}

Tree values(const Scene& scene) {
  const Layout& layout = scene.layout;
  const bool is_elsewhere = layout.jobs_namespace != layout.airflow_namespace;
  return map(
      {{"airflowVersion", airflow_version},
       {"defaultAirflowTag", airflow_version},
       {"executor", "KubernetesExecutor"},
       // Pods of training run beside the keys that they need.
       {"multiNamespaceMode", only_if(is_elsewhere, true)},
       {"postgresql", map({{"enabled", false}})},
       {"data", map({{"metadataSecretName", database_secret}})},
       {"fernetKeySecretName", fernet_secret},
       {"webserverSecretKeySecretName", webserver_secret},
       {"webserver", map({{"defaultUser", map({{"enabled", false}})}})},
       {"statsd", map({{"enabled", false}})},
       {"securityContexts",
        map({{"pod", airflow_pod_security()}, {"containers", writable_container_security()}})},
       {"dags", map({{"gitSync", git_sync(layout)}})},
       {"logs", logs_persistence(layout)},
       {"config", map({{"logging", logging(scene)}})},
       {"env",
        list({map({{"name", "AIRFLOW_VAR_MLFLOW_URI"}, {"value", mlflow_address(layout)}})})},
       {"secret", only_if(logs_to_s3(layout), list({map({{"envName", "AIRFLOW_CONN_S3_LOGS"},
                                                         {"secretName", connections_secret},
                                                         {"secretKey", "s3-logs"}})}))}});
}

std::string database_uri(const Layout& layout) {
  return "postgresql+psycopg2://" + layout.airflow_user + ":$(encoded \"$AIRFLOW_DB_PASSWORD\")@" +
         database_host_of_airflow(layout) + ":" + std::to_string(layout.database_port) + "/" +
         layout.airflow_database + "?sslmode=" + layout.database_sslmode;
}

// A connection of Airflow as a URI; its settings are the query.
std::string logs_connection(const Layout& layout) {
  std::string query = "region_name=" + layout.objects_region;
  const std::string address = objects_address(layout);
  if (!address.empty()) query += "&endpoint_url=" + percent_encode(address);
  return "aws://$(encoded \"$S3_ACCESS_KEY\"):$(encoded \"$S3_SECRET_KEY\")@/?" + query;
}

Secrets secrets_of_airflow(const Layout& layout) {
  const std::vector<std::string> here{layout.airflow_namespace};
  Secrets all;
  all.needed = {
      {"AIRFLOW_DB_PASSWORD", "password of PostgreSQL's role " + layout.airflow_user},
      {"AIRFLOW_FERNET_KEY", "32 random bytes in URL-safe base64: it seals what Airflow stores"},
      {"AIRFLOW_SECRET_KEY", "any long random text: it signs sessions"}};
  all.secrets = {{database_secret, here, {{"connection", database_uri(layout)}}},
                 {fernet_secret, here, {{"fernet-key", "$AIRFLOW_FERNET_KEY"}}},
                 {webserver_secret, here, {{"webserver-secret-key", "$AIRFLOW_SECRET_KEY"}}}};
  if (logs_to_s3(layout)) {
    all.needed.push_back({"S3_ACCESS_KEY", "access key that may write logs"});
    all.needed.push_back({"S3_SECRET_KEY", "its secret key"});
    all.secrets.push_back({connections_secret, here, {{"s3-logs", logs_connection(layout)}}});
  }
  if (is_ssh(layout)) {
    all.needed.push_back({"GIT_SSH_KEY", "private key that may read the repository"});
    all.secrets.push_back({git_secret, here, {{"gitSshKey", "$GIT_SSH_KEY"}}});
  }
  return all;
}

std::string readme(const Layout& layout) {
  const std::string logs = logs_to_s3(layout) ? "Logs of tasks go to `s3://" + layout.bucket +
                                                    "/airflow/logs`: the bucket has to be there."
                                              : "The claim `" + std::string(logs_claim) +
                                                    "` for logs of tasks: target `nfs`.";
  return filled(own_file("airflow/README.md"), {{"repository", layout.airflow_git_repo},
                                                {"dag", layout.airflow_dag},
                                                {"database", layout.airflow_database},
                                                {"database_host", database_host_of_airflow(layout)},
                                                {"jobs_namespace", layout.jobs_namespace},
                                                {"namespace", layout.airflow_namespace},
                                                {"logs", logs}});
}

}  // namespace

Files airflow_files(const Scene& scene) {
  const Layout& layout = scene.layout;
  Files files;
  files["dags/" + layout.airflow_dag + ".py"] = {std::string(own_file("airflow/training.py"))};
  files["dags/mlops_jobs.py"] = {std::string(own_file("airflow/jobs.py"))};
  files["dags/mlops_lab.json"] = {settings_file(scene)};
  files["values.yaml"] = {yaml_file("For the chart apache-airflow/airflow.", {values(scene)})};
  files["make-secrets.sh"] = {secrets_script(secrets_of_airflow(layout)), true};
  files["README.md"] = {readme(layout)};
  return files;
}

}  // namespace sandbox::cluster_export
