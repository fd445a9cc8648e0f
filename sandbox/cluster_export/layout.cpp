#include "sandbox/cluster_export/layout.h"

#include <algorithm>

#include "sandbox/artifacts/artifact_location.h"
#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/python_json.h"
#include "sandbox/base/text.h"
#include "sandbox/cluster_export/lab.h"
#include "sandbox/cluster_export/names.h"

namespace sandbox::cluster_export {
namespace {

// S0 and S2: the Kubeflow course and its project.
Layout lab_layout() {
  return {};
}

// S1: the platform on premises, with PostgreSQL, NFS and AWS S3 outside the cluster.
Layout onprem_layout() {
  Layout layout;
  layout.mlflow_namespace = "mlflow";
  layout.mlflow_name = "mlflow";
  layout.mlflow_service = "mlflow";
  layout.mlflow_replicas = 2;
  layout.database = "external";
  layout.database_host = "postgres.example.org";
  layout.database_name = "mlflow_db";
  layout.database_user = "mlflow_user";
  layout.objects = "aws";
  layout.objects_region = "ap-northeast-2";
  layout.objects_secret = "aws-credentials";
  layout.bucket = "mlflow-artifacts-keonho";
  layout.jobs_namespace = "airflow";
  layout.serving_namespace = "serving";
  layout.serving_account = "model-server";
  layout.serving_mode = "RawDeployment";
  return layout;
}

// S3: the vision training system.
Layout vision_layout() {
  Layout layout;
  layout.mlflow_namespace = "mlflow";
  layout.mlflow_service = "mlflow-server";
  layout.mlflow_host_port = 5001;
  layout.database_namespace = "mlflow";
  layout.database_service = "postgres";
  layout.objects_namespace = "mlflow";
  layout.objects_service = "minio";
  layout.jobs_namespace = "training";
  layout.trainer_image = "ghcr.io/your-name/mlflow-study:0.1.0";
  layout.serving_namespace = "serving";
  layout.serving_account = "model-server";
  layout.serving_mode = "RawDeployment";
  layout.project = "mlflow-study";
  return layout;
}

// S4: from Docker Desktop to Kubernetes.
Layout docker_desktop_layout() {
  Layout layout;
  layout.mlflow_namespace = "monitoring";
  layout.mlflow_name = "mlflow";
  layout.mlflow_service = "mlflow";
  layout.mlflow_node_port = 30500;
  layout.database = "sqlite";
  layout.database_namespace = "monitoring";
  layout.objects_namespace = "storage";
  layout.objects_service = "minio";
  layout.objects_secret = "r2-credentials";
  layout.bucket = "mlflow-artifacts";
  layout.jobs_namespace = "training";
  layout.serving_namespace = "serving";
  layout.serving_account = "model-server";
  layout.serving_mode = "RawDeployment";
  return layout;
}

struct Check {
  std::string Layout::*member;
  bool (*is_right)(std::string_view text);
  std::string_view wanted;
};

bool is_label(std::string_view text) {
  return is_dns_label(text);
}
// A Service's name is an RFC 1035 label: it begins with a letter.
bool is_service(std::string_view text) {
  return is_dns_label(text) && text[0] >= 'a';
}
bool is_url(std::string_view text) {
  const auto slashes = text.find("://");
  if (slashes == text.npos) return false;
  const std::string_view scheme = text.substr(0, slashes);
  std::string_view rest = text.substr(slashes + 3);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const auto colon = rest.rfind(':');
  const bool has_port = colon != rest.npos && parse_int64(rest.substr(colon + 1));
  return (scheme == "http" || scheme == "https") &&
         is_host_name(has_port ? rest.substr(0, colon) : rest);
}
bool is_repository(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) {
                       return static_cast<unsigned char>(c) > 0x20 &&
                              static_cast<unsigned char>(c) < 0x7f && c != '"' && c != '\'' &&
                              c != '\\' && c != '$' && c != '`';
                     }) &&
         (text.starts_with("https://") || text.starts_with("ssh://") || text.starts_with("git@"));
}
bool is_cidr(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == text.npos || !is_host_name(text.substr(0, slash))) return false;
  const auto bits = parse_int64(text.substr(slash + 1));
  return bits && *bits >= 0 && *bits <= 32;
}
bool is_directory(std::string_view text) {
  return text.starts_with('/') && text.find("..") == text.npos &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/' || c == '_' ||
                  c == '-' || c == '.';
         });
}
bool is_dag(std::string_view text) {
  return !text.empty() && text.size() <= 250 && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
  });
}
bool is_region(std::string_view text) {
  return is_dns_label(text);
}

constexpr std::string_view label_rule =
    "lower-case letters, digits and '-', at most 63, a letter or digit at both ends";
constexpr std::string_view service_rule =
    "lower-case letters, digits and '-', at most 63, beginning with a letter";
constexpr std::string_view image_rule = "an image with a tag that is not 'latest', or a digest";
constexpr std::string_view host_rule = "a host name";
constexpr std::string_view sql_rule = "lower-case letters, digits and '_', at most 63";
constexpr std::string_view size_rule = "a size such as 10Gi";

const std::vector<Check>& checks() {
  using L = Layout;
  static const std::vector<Check> all{
      {&L::mlflow_namespace, is_label, label_rule},
      {&L::mlflow_name, is_label, label_rule},
      {&L::mlflow_service, is_service, service_rule},
      {&L::mlflow_image, is_pinned_image, image_rule},
      {&L::mlflow_secret, is_label, label_rule},
      {&L::mlflow_claim, is_label, label_rule},
      {&L::ingress_host, is_host_name, host_rule},
      {&L::database_host, is_host_name, host_rule},
      {&L::database_namespace, is_label, label_rule},
      {&L::database_deployment, is_label, label_rule},
      {&L::database_service, is_service, service_rule},
      {&L::database_name, is_sql_name, sql_rule},
      {&L::database_user, is_sql_name, sql_rule},
      {&L::database_secret, is_label, label_rule},
      {&L::database_storage, is_quantity, size_rule},
      {&L::postgres_image, is_pinned_image, image_rule},
      {&L::objects_endpoint, is_url, "a URL such as https://s3.example.org:9000"},
      {&L::objects_namespace, is_label, label_rule},
      {&L::objects_deployment, is_label, label_rule},
      {&L::objects_service, is_service, service_rule},
      {&L::objects_storage, is_quantity, size_rule},
      {&L::objects_region, is_region, "a region such as ap-northeast-2"},
      {&L::objects_secret, is_label, label_rule},
      {&L::bucket, is_bucket_name,
       "an S3 bucket's name: 3 to 63 lower-case letters, digits, '-' "
       "and '.'"},
      {&L::minio_image, is_pinned_image, image_rule},
      {&L::jobs_namespace, is_label, label_rule},
      {&L::jobs_config, is_label, label_rule},
      {&L::jobs_claim, is_label, label_rule},
      {&L::jobs_storage, is_quantity, size_rule},
      {&L::trainer_image, is_pinned_image, image_rule},
      {&L::pipeline_image, is_pinned_image, image_rule},
      {&L::sandbox_image, is_pinned_image, image_rule},
      {&L::serving_namespace, is_label, label_rule},
      {&L::serving_account, is_label, label_rule},
      {&L::predict_name, is_service, service_rule},
      {&L::predict_image, is_pinned_image, image_rule},
      {&L::predict_host, is_host_name, host_rule},
      {&L::deployer_account, is_label, label_rule},
      {&L::airflow_namespace, is_label, label_rule},
      {&L::airflow_dag, is_dag, "letters, digits, '_', '-' and '.'"},
      {&L::airflow_git_repo, is_repository, "a repository such as https://host/name/dags.git"},
      {&L::airflow_database, is_sql_name, sql_rule},
      {&L::airflow_user, is_sql_name, sql_rule},
      {&L::nfs_server, is_host_name, "a host name or address"},
      {&L::network_cidr, is_cidr, "a network such as 192.168.18.0/24"},
      {&L::nfs_root, is_directory, "an absolute path of letters, digits, '/', '_', '-' and '.'"},
      {&L::nfs_storage, is_quantity, size_rule},
      {&L::project, is_service, service_rule}};
  return all;
}

struct Words {
  std::string Layout::*member;
  std::vector<std::string> words;
};
const std::vector<Words>& closed_words() {
  using L = Layout;
  static const std::vector<Words> all{
      {&L::server, {"mlflow", "mlops-sandbox"}},
      {&L::database, {"in-cluster", "external", "sqlite"}},
      {&L::database_sslmode, {"disable", "prefer", "require", "verify-ca", "verify-full"}},
      {&L::objects, {"in-cluster", "aws", "external"}},
      {&L::serving_mode, {"Serverless", "RawDeployment"}},
      {&L::airflow_logs, {"nfs", "s3"}}};
  return all;
}

struct Range {
  std::int64_t Layout::*member;
  std::int64_t min;
  std::int64_t max;
};
constexpr std::array ranges{
    Range{&Layout::mlflow_port, 1, 65535}, Range{&Layout::mlflow_host_port, 1, 65535},
    Range{&Layout::database_port, 1, 65535}, Range{&Layout::mlflow_replicas, 1, 100},
    Range{&Layout::canary_percent, 0, 100}};

template <class Member>
std::string name_of(Member member) {
  std::string name;
  std::apply(
      [&](const auto&... row) {
        const auto look = [&](const auto& one) {
          if constexpr (std::is_same_v<std::decay_t<decltype(one.member)>, Member>) {
            if (one.member == member) name = one.name;
          }
        };
        (look(row), ...);
      },
      Layout::fields());
  return name;
}

[[noreturn]] void refuse(const std::string& name,
                         const std::string& value,
                         const std::string& wanted) {
  throw Error(Code::invalid_parameter_value, "The setting " + name + " cannot be '" + value +
                                                 "': it has to be " + wanted +
                                                 ". Set it with --set " + name + "=…");
}

void check(const Lab& lab, const Layout& layout) {
  for (const Check& one : checks()) {
    const std::string& value = layout.*one.member;
    if (!one.is_right(value)) refuse(name_of(one.member), value, std::string(one.wanted));
  }
  for (const Words& one : closed_words()) {
    const std::string& value = layout.*one.member;
    if (std::find(one.words.begin(), one.words.end(), value) == one.words.end()) {
      refuse(name_of(one.member), value, join(one.words, ", "));
    }
  }
  for (const Range& one : ranges) {
    const std::int64_t value = layout.*one.member;
    if (value < one.min || value > one.max) {
      refuse(name_of(one.member), std::to_string(value),
             std::to_string(one.min) + " to " + std::to_string(one.max));
    }
  }
  const std::int64_t port = layout.mlflow_node_port;
  if (port != 0 && (port < 30'000 || port > 32'767)) {
    refuse("mlflow_node_port", std::to_string(port), "0 or 30000 to 32767");
  }
  if (layout.database == "sqlite" && layout.mlflow_replicas > 1) {
    refuse("mlflow_replicas", std::to_string(layout.mlflow_replicas),
           "1 with database=sqlite: a file has one server");
  }
  if (layout.server == "mlops-sandbox" && lab.auth == "basic" && layout.mlflow_replicas > 1) {
    refuse("mlflow_replicas", std::to_string(layout.mlflow_replicas),
           "1 with server=mlops-sandbox and users who log in: they are in a file");
  }
  if (layout.database == "sqlite" && layout.server != "mlflow") {
    refuse("database", "sqlite", "in-cluster or external with server=mlops-sandbox");
  }
}

void set(Layout& layout, const std::string& name, const std::string& text) {
  bool is_known = false;
  std::apply(
      [&](const auto&... row) {
        const auto look = [&](const auto& one) {
          if (one.name != name) return;
          is_known = true;
          if constexpr (std::is_same_v<std::decay_t<decltype(layout.*one.member)>, std::string>) {
            layout.*one.member = text;
          } else {
            const auto number = parse_int64(text);
            if (!number) refuse(name, text, "a whole number");
            layout.*one.member = *number;
          }
        };
        (look(row), ...);
      },
      Layout::fields());
  if (!is_known) {
    throw Error(Code::invalid_parameter_value,
                "There is no setting '" + name + "'. `export --settings` lists them all.");
  }
}

void fill_in(const Lab& lab, Layout& layout) {
  if (layout.mlflow_image.empty()) {
    // The one with the drivers of PostgreSQL and S3, of the version whose tables the lab has.
    layout.mlflow_image = "ghcr.io/mlflow/mlflow:v" + lab.mlflow_version + "-full";
  }
  if (layout.sandbox_image.empty()) {
    layout.sandbox_image = "ghcr.io/your-name/mlops-sandbox:" + lab.version;
  }
  if (layout.bucket.empty()) {
    layout.bucket = artifacts::parse_s3_uri(lab.artifacts_destination).bucket;
  }
}

}  // namespace

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all{
      {"lab", "Kubeflow course: mlflow-system, kubeflow, KServe in a profile", lab_layout},
      {"onprem", "cluster of one's own: PostgreSQL and NFS outside, AWS S3, Airflow",
       onprem_layout},
      {"vision", "vision training system: port 5001, PostgreSQL and MinIO, Airflow DAG",
       vision_layout},
      {"docker-desktop", "from Docker Desktop to Kubernetes: monitoring, training, storage",
       docker_desktop_layout}};
  return all;
}

Layout make_layout(const Lab& lab,
                   std::string_view preset,
                   const std::vector<std::pair<std::string, std::string>>& settings) {
  const auto found = std::find_if(presets().begin(), presets().end(),
                                  [&](const Preset& one) { return one.name == preset; });
  if (found == presets().end()) {
    std::vector<std::string> names;
    for (const Preset& one : presets()) names.emplace_back(one.name);
    throw Error(Code::invalid_parameter_value, "There is no preset '" + std::string(preset) +
                                                   "'. There are " + join(names, ", ") + ".");
  }
  Layout layout = found->layout();
  for (const auto& [name, text] : settings) set(layout, name, text);
  fill_in(lab, layout);
  check(lab, layout);
  return layout;
}

std::string mlflow_address(const Layout& layout) {
  return "http://" + layout.mlflow_service + "." + layout.mlflow_namespace +
         ".svc.cluster.local:" + std::to_string(layout.mlflow_port);
}

std::string objects_address(const Layout& layout) {
  if (layout.objects == "aws") return "";
  if (layout.objects == "external") return layout.objects_endpoint;
  return "http://" + layout.objects_service + "." + layout.objects_namespace +
         ".svc.cluster.local:9000";
}

std::string database_host(const Layout& layout) {
  if (layout.database == "external") return layout.database_host;
  return layout.database_service + "." + layout.database_namespace + ".svc.cluster.local";
}

std::string artifacts_uri(const Lab& lab, const Layout& layout) {
  const std::string prefix = artifacts::parse_s3_uri(lab.artifacts_destination).key;
  return "s3://" + layout.bucket + (prefix.empty() ? "" : "/" + prefix);
}

std::vector<std::string> bucket_names(const Lab& lab, const Layout& layout) {
  const std::string old = artifacts::parse_s3_uri(lab.artifacts_destination).bucket;
  std::vector<std::string> names{layout.bucket};
  for (const std::string& bucket : lab.buckets) {
    // The artifacts' one is called as the layout says.
    if (bucket != old && bucket != layout.bucket) names.push_back(bucket);
  }
  return names;
}

std::vector<std::string> namespaces_of(const Layout& layout) {
  std::vector<std::string> names{layout.mlflow_namespace, layout.jobs_namespace,
                                 layout.serving_namespace};
  if (layout.database == "in-cluster") names.push_back(layout.database_namespace);
  if (layout.objects == "in-cluster") names.push_back(layout.objects_namespace);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::string server_image(const Layout& layout) {
  return layout.server == "mlflow" ? layout.mlflow_image : layout.sandbox_image;
}

std::vector<std::string> allowed_hosts_of(std::vector<std::string> names) {
  for (const char* own : {"localhost", "127.0.0.1", "[::1]"}) names.emplace_back(own);
  std::vector<std::string> hosts;
  for (const std::string& name : names) {
    hosts.push_back(name);
    hosts.push_back(name + ":*");
  }
  // Probes and the NodePort come with addresses of pods and nodes.
  for (const char* network : {"10.*", "192.168.*"}) hosts.emplace_back(network);
  for (int second = 16; second < 32; ++second) {
    hosts.push_back("172." + std::to_string(second) + ".*");
  }
  return hosts;
}

std::vector<std::string> allowed_hosts(const Layout& layout) {
  const std::string& service = layout.mlflow_service;
  const std::string in_namespace = service + "." + layout.mlflow_namespace;
  return allowed_hosts_of({service, in_namespace, in_namespace + ".svc",
                           in_namespace + ".svc.cluster.local", layout.ingress_host});
}

}  // namespace sandbox::cluster_export
