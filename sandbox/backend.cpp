#include "sandbox/backend.h"

#include <filesystem>
#include <optional>
#include <utility>

#include "embedded_store/s3/presign.h"
#include "sandbox/artifacts/artifact_location.h"
#include "sandbox/base/error.h"
#include "sandbox/base/fernet.h"
#include "sandbox/base/text.h"
#include "sandbox/base/tls.h"
#include "sandbox/jobs/aliases.h"
#include "sandbox/jobs/gpus.h"
#include "sandbox/jobs/machine.h"
#include "sandbox/mlflow_ui/front_end.h"
#include "sandbox/object_stores.h"

namespace sandbox {
namespace {

store::s3::PresignedRequest presigned_request(const artifacts::Presigning& wanted) {
  store::s3::PresignedRequest request;
  request.method = wanted.method;
  request.bucket = wanted.bucket;
  request.key = wanted.key;
  request.query = wanted.query;
  request.content_type = wanted.content_type;
  request.expires_s = wanted.expires_s;
  return request;
}

// "http://host:port" to "host:port".
std::string address_of(const std::string& url) {
  const std::size_t slashes = url.find("//");
  return slashes == std::string::npos ? "" : url.substr(slashes + 2);
}

// Beside the program.
std::string names_library() {
  std::error_code failed;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
  return (program.parent_path() / "mlops-sandbox-names.so").string();
}

}  // namespace

Backend::Backend(const Surroundings& surroundings,
                 const Config& config,
                 std::unique_ptr<db::Database> database,
                 std::unique_ptr<store::ObjectStore> other)
    : surroundings_(surroundings),
      config_(config),
      database_(std::move(database)),
      other_(std::move(other)),
      gate_(make_gate()),
      mlflow_(std::make_unique<MlflowServer>(
          surroundings.env, *database_, artifact_store(), mlflow_options())) {}

std::unique_ptr<auth::Gate> Backend::make_gate() {
  if (surroundings_.users == nullptr) return nullptr;
  auth::GateOptions options;
  options.default_permission =
      auth::find_permission(config_.default_permission).value_or(auth::Permission::read);
  options.is_local = [this](std::string_view token) {
    const std::string& local = surroundings_.local_token;
    return (!local.empty() && equal_in_constant_time(token, local)) ||
           !surroundings_.passes.job_of(token).empty();
  };
  options.plain_artifact_path = [](std::string_view path) {
    return artifacts::plain_path(artifacts::safe_path(path));
  };
  auto made = std::make_unique<auth::Gate>(surroundings_.env, *database_, *surroundings_.users,
                                           std::move(options));
  auth::make_first_administrator(made->accounts(), config_.admin_username,
                                 config_.admin_password.reveal());
  return made;
}

WebhookOptions Backend::webhook_options() {
  WebhookOptions options;
  options.urls = {config_.webhook_allowed_schemes, config_.webhook_allow_private_ips};
  options.deliveries = {.timeout_ms = config_.webhook_request_timeout * 1000,
                        .retries_max = config_.webhook_request_max_retries,
                        .workers_max = config_.webhook_delivery_max_workers};
  options.key = config_.webhook_secret_encryption_key.empty()
                    ? fernet_key_in(surroundings_.env, config_.data_dir + "/webhooks.key")
                    : config_.webhook_secret_encryption_key;
  return options;
}

MlflowServerOptions Backend::mlflow_options() {
  if (!config_.mlflow_ui.empty() && !find_mlflow_ui(config_.mlflow_ui)) {
    throw Error(Code::invalid_parameter_value,
                "--mlflow-ui: there is no MLflow with its web pages in '" + config_.mlflow_ui +
                    "'. Give the directory of a Python environment in which `pip install "
                    "mlflow` was run.");
  }
  MlflowServerOptions options{
      .default_artifact_root = config_.default_artifact_root,
      .artifacts_destination = config_.artifacts_destination,
      .allow_custom_scorers = config_.enable_custom_scorers,
      .trash_days = config_.trash_days,
      .find_front_end = [place = config_.mlflow_ui] { return find_mlflow_ui(place); },
      .download_url_expires_s = config_.presigned_download_url_ttl_seconds,
      .webhooks = webhook_options(),
      .local_token = surroundings_.local_token,
      .migrate = surroundings_.migrate,
      .gate = gate_.get(),
      .lab = snapshots::lab_facts(config_)};
  options.presign = presign();
  options.jobs = job_options();
  options.passes = &surroundings_.passes;
  return options;
}

jobs::SupervisorOptions Backend::job_options() {
  jobs::SupervisorOptions options;
  options.directory = config_.data_dir + "/jobs";
  options.shim = surroundings_.shim;
  options.room = {jobs::machine_cpus(), jobs::machine_memory_bytes(), jobs::machine_gpus()};
  options.environment = [this](const jobs::JobSpec& spec, const jobs::Pass& pass) {
    return job_environment(spec, pass);
  };
  return options;
}

// As `env` prints it, with keys of the job's own. Those of another store stay in the server: a job
// is told where that is, and reaches it through the tracking server or with keys of its own.
jobs::Variables Backend::job_environment(const jobs::JobSpec& spec, const jobs::Pass& pass) {
  jobs::Variables variables{{"MLFLOW_TRACKING_URI", surroundings_.tracking_url()},
                            {"MLFLOW_TRACKING_TOKEN", pass.token}};
  const std::string s3_url = config_.artifacts_endpoint.empty() ? surroundings_.s3_url() : "";
  if (!s3_url.empty()) {
    variables.insert(variables.end(), {{"MLFLOW_S3_ENDPOINT_URL", s3_url},
                                       {"AWS_ENDPOINT_URL_S3", s3_url},
                                       {"AWS_ACCESS_KEY_ID", pass.access_key},
                                       {"AWS_SECRET_ACCESS_KEY", pass.secret_key},
                                       {"AWS_DEFAULT_REGION", std::string(built_in_region)}});
  }
  if (!config_.artifacts_endpoint.empty()) {
    variables.insert(variables.end(), {{"MLFLOW_S3_ENDPOINT_URL", config_.artifacts_endpoint},
                                       {"AWS_ENDPOINT_URL_S3", config_.artifacts_endpoint},
                                       {"AWS_DEFAULT_REGION", config_.artifacts_region}});
  }
  if (!config_.tls_cert.empty() && is_self_signed(config_.tls_cert)) {
    variables.emplace_back("MLFLOW_TRACKING_SERVER_CERT_PATH", config_.tls_cert);
    if (!s3_url.empty()) variables.emplace_back("AWS_CA_BUNDLE", config_.tls_cert);
  }
  const jobs::LabPorts ports{address_of(surroundings_.tracking_url()),
                             address_of(surroundings_.s3_url())};
  for (auto& variable : jobs::alias_variables(spec.aliases, ports, names_library())) {
    variables.push_back(std::move(variable));
  }
  return variables;
}

// Null where clients could not use such a URL; they then go through the proxy.
artifacts::Presign Backend::presign() {
  // Where clients come by names this process does not know, a URL made here might not be one they
  // can reach.
  const bool is_everywhere =
      config_.host == "0.0.0.0" || config_.host == "::" || config_.host.empty();
  if (!config_.artifacts_endpoint.empty()) {
    // Nor do they know the authorities this process was told to trust.
    const bool is_public = config_.artifacts_endpoint.starts_with("https://");
    const bool is_checked = config_.artifacts_ca_file.empty() && !config_.artifacts_ignore_tls;
    if (!is_checked || (is_open_to_others(config_.host) && !is_public)) return nullptr;
    return [this, options = remote_store_options(config_)](const artifacts::Presigning& wanted) {
      return store::presigned_url(options, surroundings_.env.now_ms(), presigned_request(wanted));
    };
  }
  // They check a certificate on it without the one they were given for this port.
  if (config_.no_s3 || is_everywhere || !config_.tls_cert.empty()) return nullptr;
  return [this, key = store::s3::AccessKey{config_.access_key, config_.secret_key}](
             const artifacts::Presigning& wanted) {
    store::s3::PresignedRequest request = presigned_request(wanted);
    request.endpoint = surroundings_.s3_url();
    return store::s3::presigned_url(key, built_in_region, surroundings_.env.now_ms(), request);
  };
}

std::optional<std::filesystem::path> find_mlflow_ui(const std::string& place) {
  return place.empty() ? mlflow_ui::find_front_end(process_environment())
                       : mlflow_ui::front_end_of(place);
}

}  // namespace sandbox
