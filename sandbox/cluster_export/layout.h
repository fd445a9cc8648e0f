// How things are called and where they stand on the target. A preset is one of the users'
// documents; each name can be set by itself.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "sandbox/base/fields.h"

namespace sandbox::cluster_export {

// The names of clusters are DNS labels: lower-case letters, digits and '-'.
struct Layout {
  // The tracking server.
  std::string mlflow_namespace = "mlflow-system";
  std::string mlflow_name = "mlflow-server";  // of the Deployment and its pods' label
  std::string mlflow_service = "mlflow-server-service";
  std::int64_t mlflow_port = 5000;
  std::int64_t mlflow_node_port = 0;     // 0: the Service is inside the cluster only
  std::int64_t mlflow_host_port = 5000;  // of compose, on the loopback address
  std::int64_t mlflow_replicas = 1;
  std::string mlflow_image;  // "" takes the one of the lab's schema
  std::string mlflow_secret = "mlflow-secrets";
  std::string mlflow_claim = "mlflow-pvc";  // of the SQLite file
  std::string ingress_host = "mlflow.example.org";
  std::string server = "mlflow";  // or "mlops-sandbox", the lab's own program

  // Metadata: "in-cluster" PostgreSQL, an "external" one, or a "sqlite" file on a claim.
  std::string database = "in-cluster";
  std::string database_host = "postgres.example.org";  // of an external one
  std::string database_namespace = "mlflow-system";
  std::string database_deployment = "postgres";
  std::string database_service = "postgres-service";
  std::int64_t database_port = 5432;
  std::string database_name = "mlflow";
  std::string database_user = "mlflow";
  std::string database_sslmode = "prefer";
  std::string database_secret = "postgres-credentials";
  std::string database_storage = "10Gi";
  std::string postgres_image = "docker.io/library/postgres:16.10";

  // Objects: "in-cluster" MinIO, "aws", or "external" for every other S3 service.
  std::string objects = "in-cluster";
  std::string objects_endpoint = "https://s3.example.org";  // of an external one
  std::string objects_namespace = "kubeflow";
  std::string objects_deployment = "minio";
  std::string objects_service = "minio-service";
  std::string objects_storage = "20Gi";
  std::string objects_region = "us-east-1";
  std::string objects_secret = "minio-credentials";
  std::string bucket;  // of the artifacts; "" takes the lab's
  std::string minio_image = "quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z";

  // Training.
  std::string jobs_namespace = "kubeflow-user-example-com";
  std::string jobs_config = "mlflow-config";  // the ConfigMap with the addresses
  std::string jobs_claim = "training-data";   // at /data
  std::string jobs_storage = "10Gi";
  std::string trainer_image = "ghcr.io/your-name/trainer-image:1.0.0";
  std::string pipeline_image = "ghcr.io/your-name/e2e-pipeline:1.0.0";
  std::string sandbox_image;  // "" takes ghcr.io/your-name/mlops-sandbox of this version

  // Serving.
  std::string serving_namespace = "kubeflow-user-example-com";
  std::string serving_account = "default-editor";
  std::string predict_name = "model-server";  // of FastAPI's Deployment and Service
  std::string predict_image = "ghcr.io/your-name/model-server:1.0.0";
  std::string predict_host = "models.example.org";
  std::string deployer_account = "default-editor";  // of jobs and pipelines
  std::int64_t canary_percent = 10;
  std::string serving_mode = "Serverless";  // KServe's; or "RawDeployment"

  // Airflow and NFS.
  std::string airflow_namespace = "airflow";
  std::string airflow_dag = "vision_training_pipeline";
  std::string airflow_logs = "nfs";  // or "s3"
  std::string airflow_git_repo = "https://github.com/your-name/mlops-dags.git";
  std::string airflow_database = "airflow_db";
  std::string airflow_user = "airflow_user";
  std::string nfs_server = "192.168.18.141";
  std::string network_cidr = "192.168.18.0/24";
  std::string nfs_root = "/mnt/nfs_share/mlops";
  std::string nfs_storage = "5Gi";

  std::string project = "mlops";  // of compose, Helm, Terraform and images

  static constexpr auto fields() {
    return std::tuple{
        field("mlflow_namespace", &Layout::mlflow_namespace, "Namespace of the tracking server"),
        field("mlflow_name", &Layout::mlflow_name, "Its Deployment"),
        field("mlflow_service", &Layout::mlflow_service, "Its Service"),
        field("mlflow_port", &Layout::mlflow_port, "The Service's port"),
        field("mlflow_node_port", &Layout::mlflow_node_port,
              "Port on every node, 30000 to 32767; 0 for none"),
        field("mlflow_host_port", &Layout::mlflow_host_port, "Port on this machine, for compose"),
        field("mlflow_replicas", &Layout::mlflow_replicas, "Pods of the tracking server"),
        field("mlflow_image", &Layout::mlflow_image, "Image of MLflow"),
        field("mlflow_secret", &Layout::mlflow_secret, "Secret with the key backend-uri"),
        field("mlflow_claim", &Layout::mlflow_claim, "Claim at /mlflow, where SQLite is used"),
        field("ingress_host", &Layout::ingress_host, "Host name people type, for the Ingress"),
        field("server", &Layout::server, "mlflow, or mlops-sandbox itself"),
        field("database", &Layout::database, "in-cluster, external or sqlite"),
        field("database_host", &Layout::database_host, "Host of an external PostgreSQL"),
        field("database_namespace", &Layout::database_namespace, "Namespace of PostgreSQL"),
        field("database_deployment", &Layout::database_deployment, "Its Deployment"),
        field("database_service", &Layout::database_service, "Its Service"),
        field("database_port", &Layout::database_port, "Its port"),
        field("database_name", &Layout::database_name, "Database of the metadata"),
        field("database_user", &Layout::database_user, "Its owner"),
        field("database_sslmode", &Layout::database_sslmode, "libpq's sslmode"),
        field("database_secret", &Layout::database_secret, "Secret with the key password"),
        field("database_storage", &Layout::database_storage, "Size of its claim"),
        field("postgres_image", &Layout::postgres_image, "Image of PostgreSQL"),
        field("objects", &Layout::objects, "in-cluster, aws or external"),
        field("objects_endpoint", &Layout::objects_endpoint, "URL of an external S3 service"),
        field("objects_namespace", &Layout::objects_namespace, "Namespace of MinIO"),
        field("objects_deployment", &Layout::objects_deployment, "Its Deployment"),
        field("objects_service", &Layout::objects_service, "Its Service, ports 9000 and 9001"),
        field("objects_storage", &Layout::objects_storage, "Size of its claim"),
        field("objects_region", &Layout::objects_region, "Region of the buckets"),
        field("objects_secret", &Layout::objects_secret,
              "Secret with the keys access-key and secret-key"),
        field("bucket", &Layout::bucket, "Bucket of the artifacts; the lab's when empty"),
        field("minio_image", &Layout::minio_image, "Image of MinIO"),
        field("jobs_namespace", &Layout::jobs_namespace, "Namespace of training jobs"),
        field("jobs_config", &Layout::jobs_config, "ConfigMap with the addresses for jobs"),
        field("jobs_claim", &Layout::jobs_claim, "Claim at /data of training jobs"),
        field("jobs_storage", &Layout::jobs_storage, "Its size"),
        field("trainer_image", &Layout::trainer_image, "Image of training jobs"),
        field("pipeline_image", &Layout::pipeline_image, "Image of Kubeflow pipelines' components"),
        field("sandbox_image", &Layout::sandbox_image, "Image of mlops-sandbox"),
        field("serving_namespace", &Layout::serving_namespace, "Namespace of InferenceServices"),
        field("serving_account", &Layout::serving_account, "Their ServiceAccount"),
        field("predict_name", &Layout::predict_name, "Predict service of FastAPI"),
        field("predict_image", &Layout::predict_image, "Its image"),
        field("predict_host", &Layout::predict_host, "Host name people type, for its Ingress"),
        field("deployer_account", &Layout::deployer_account,
              "ServiceAccount of jobs and pipelines that deploy models"),
        field("canary_percent", &Layout::canary_percent, "Requests that the newest version gets"),
        field("serving_mode", &Layout::serving_mode, "KServe's Serverless or RawDeployment"),
        field("airflow_namespace", &Layout::airflow_namespace, "Namespace of Airflow"),
        field("airflow_dag", &Layout::airflow_dag, "Id of the DAG"),
        field("airflow_logs", &Layout::airflow_logs, "Where logs of tasks go: nfs or s3"),
        field("airflow_git_repo", &Layout::airflow_git_repo, "Repository of the DAGs"),
        field("airflow_database", &Layout::airflow_database, "Airflow's own database"),
        field("airflow_user", &Layout::airflow_user, "Its owner"),
        field("nfs_server", &Layout::nfs_server, "Address of the NFS server"),
        field("network_cidr", &Layout::network_cidr,
              "Network of the nodes: who may mount and connect"),
        field("nfs_root", &Layout::nfs_root, "Directory that it exports"),
        field("nfs_storage", &Layout::nfs_storage, "Size of the volume for Airflow's logs"),
        field("project", &Layout::project, "Name of the compose project, the chart and images")};
  }
};

struct Lab;

struct Preset {
  std::string_view name;
  std::string_view about;
  Layout (*layout)();
};
// lab, onprem, vision, docker-desktop; the first is what is taken when nobody says.
const std::vector<Preset>& presets();

// The preset's layout with `settings` (name, text) put into it, what is "" filled in from the lab,
// and every value checked. Throws Error(invalid_parameter_value) naming the setting, and what would
// be allowed.
Layout make_layout(const Lab& lab,
                   std::string_view preset,
                   const std::vector<std::pair<std::string, std::string>>& settings);

// http://SERVICE.NAMESPACE.svc.cluster.local:PORT as programs in the cluster ask for it.
std::string mlflow_address(const Layout& layout);
// The S3 endpoint's URL as they do; "" for AWS, whose SDKs know it.
std::string objects_address(const Layout& layout);
// HOST of PostgreSQL as the tracking server reaches it.
std::string database_host(const Layout& layout);
// s3://bucket/prefix of the artifacts on the target: the lab's prefix stays, so that each file
// keeps its key.
std::string artifacts_uri(const Lab& lab, const Layout& layout);
// All buckets that have to be there, that of the artifacts first.
std::vector<std::string> bucket_names(const Lab& lab, const Layout& layout);
// Those that the installation has things in, in the order of their names.
std::vector<std::string> namespaces_of(const Layout& layout);
// The image of the tracking server.
std::string server_image(const Layout& layout);
// What MLflow's check of the Host header must let pass: every name of the Service, with and without
// port, the Ingress host, loopback and private addresses. Source:
// mlflow/server/fastapi_security.py.
std::vector<std::string> allowed_hosts(const Layout& layout);
// The same for a server that is called by these names.
std::vector<std::string> allowed_hosts_of(std::vector<std::string> names);

}  // namespace sandbox::cluster_export
