// Every setting of a lab, described once. The same name is a flag (--s3-port), an environment
// variable (MLOPS_SANDBOX_S3_PORT) and a line of the settings file (s3-port = 9000). A flag wins
// over the environment, the environment over the file, the file over what the program chooses.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "sandbox/base/fields.h"
#include "sandbox/base/log.h"

namespace sandbox {

struct Config {
  std::string host = "127.0.0.1";
  std::int64_t port = 5000;
  std::int64_t s3_port = 9000;
  std::int64_t console_port = 9001;
  std::string data_dir;  // absolute once loaded
  // sqlite:///… with an absolute file once loaded, or postgresql://… with its password.
  std::string backend_store_uri;
  std::string default_artifact_root = "mlflow-artifacts:/";
  std::string artifacts_destination = "s3://mlflow";
  std::string artifacts_endpoint;  // of the object store that is not ours; empty: the built-in one
  std::string artifacts_access_key;  // these three from AWS_* where the first is not set
  Secret artifacts_secret_key;
  Secret artifacts_session_token;
  std::string artifacts_region = "us-east-1";
  std::string artifacts_addressing = "path";  // or "virtual"
  std::string artifacts_ca_file;              // absolute once loaded
  bool artifacts_ignore_tls = false;
  bool no_s3 = false;
  std::vector<std::string>
      buckets;  // in the built-in store, mlflow and mlflow-artifacts are among them once loaded
  std::string access_key = "minioadmin";
  Secret secret_key{"minioadmin"};
  std::string mlflow_ui;                          // empty: looked for
  std::vector<std::string> allowed_hosts;         // empty: MLflow's own list
  std::vector<std::string> cors_allowed_origins;  // empty: pages of this machine only
  bool enable_custom_scorers = false;
  std::int64_t trash_days = 0;
  std::int64_t presigned_download_url_ttl_seconds = 300;
  std::vector<std::string> webhook_allowed_schemes{"https"};
  bool webhook_allow_private_ips = false;
  std::int64_t webhook_request_timeout = 30;
  std::int64_t webhook_request_max_retries = 3;
  std::int64_t webhook_delivery_max_workers = 10;
  Secret webhook_secret_encryption_key;  // empty: one is kept in the data directory
  bool disable_security_middleware = false;
  std::string x_frame_options = "SAMEORIGIN";
  std::string auth = "none";  // or "basic"
  std::string app_name;
  std::string admin_username = "admin";
  Secret admin_password;
  std::string default_permission = "READ";
  bool adopt = false;
  bool insecure_no_auth = false;
  std::string tls_cert;  // absolute once loaded
  std::string tls_key;
  bool detach = false;
  bool ci = false;

  // A field's alias lists further environment variables, other programs' names for the same thing.
  static constexpr auto fields() {
    return std::tuple{
        field("host", &Config::host, "Address to listen on; 0.0.0.0 is every IPv4 one",
              "MLFLOW_HOST"),
        field("port", &Config::port, "Port of the tracking server; 0 takes a free one",
              "MLFLOW_PORT"),
        field("s3-port", &Config::s3_port, "Port of the S3 server; 0 takes a free one"),
        field("console-port", &Config::console_port, "Port of the console; 0 takes a free one"),
        field("data-dir", &Config::data_dir, "Directory that holds everything of this lab"),
        field("backend-store-uri", &Config::backend_store_uri,
              "Where runs are kept: sqlite:///file.db", "MLFLOW_BACKEND_STORE_URI"),
        field(
            "default-artifact-root", &Config::default_artifact_root,
            "Where new experiments keep files: mlflow-artifacts:/ (through the tracking server) or "
            "s3://bucket/path (clients go to S3 themselves)",
            "MLFLOW_DEFAULT_ARTIFACT_ROOT"),
        field("artifacts-destination", &Config::artifacts_destination,
              "What mlflow-artifacts:/ stands for, s3://bucket/path",
              "MLFLOW_ARTIFACTS_DESTINATION"),
        field("artifacts-endpoint", &Config::artifacts_endpoint,
              "Keep files in another object store, at this URL (https://host or http://host:9000), "
              "instead of the built-in one; MLFLOW_S3_ENDPOINT_URL does not do that"),
        field("artifacts-access-key", &Config::artifacts_access_key,
              "Its access key; without it the three of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY "
              "and AWS_SESSION_TOKEN are taken"),
        field("artifacts-secret-key", &Config::artifacts_secret_key,
              "Its secret key; better set in the environment"),
        field("artifacts-session-token", &Config::artifacts_session_token,
              "The session token of temporary keys"),
        field("artifacts-region", &Config::artifacts_region, "Its region",
              "AWS_REGION AWS_DEFAULT_REGION"),
        field("artifacts-addressing", &Config::artifacts_addressing,
              "path: https://host/bucket/key; virtual: https://bucket.host/key"),
        field("artifacts-ca-file", &Config::artifacts_ca_file,
              "Who signed its certificate (PEM), instead of the system's authorities",
              "AWS_CA_BUNDLE"),
        field("artifacts-ignore-tls", &Config::artifacts_ignore_tls, "Do not check its certificate",
              "MLFLOW_S3_IGNORE_TLS"),
        field("no-s3", &Config::no_s3, "No S3 port: files go through the tracking server only"),
        field("bucket", &Config::buckets, "A further bucket to make; may be given several times"),
        field("access-key", &Config::access_key, "S3 user name",
              "MINIO_ROOT_USER MINIO_ACCESS_KEY"),
        field("secret-key", &Config::secret_key, "S3 password",
              "MINIO_ROOT_PASSWORD MINIO_SECRET_KEY"),
        field("presigned-download-url-ttl-seconds", &Config::presigned_download_url_ttl_seconds,
              "How long a URL that gives a file is good",
              "MLFLOW_PRESIGNED_DOWNLOAD_URL_TTL_SECONDS"),
        field("allowed-hosts", &Config::allowed_hosts,
              "Host names the tracking server answers to, * matches anything; replaces the usual "
              "list",
              "MLFLOW_SERVER_ALLOWED_HOSTS"),
        field("cors-allowed-origins", &Config::cors_allowed_origins,
              "Web pages of other hosts that may change things, e.g. https://lab.example.org",
              "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"),
        field("enable-custom-scorers", &Config::enable_custom_scorers,
              "Keep scorers that carry code; this server never runs it, another one on the same "
              "database may",
              "MLFLOW_SERVER_ENABLE_CUSTOM_SCORERS"),
        field("trash-days", &Config::trash_days,
              "Days after which what was deleted goes for ever by itself; 0 keeps it"),
        field("mlflow-ui", &Config::mlflow_ui,
              "Python environment with MLflow, whose web pages are shown at /mlflow/"),
        field("webhook-allowed-schemes", &Config::webhook_allowed_schemes,
              "Schemes of the addresses webhooks may have; https when none is given",
              "MLFLOW_WEBHOOK_ALLOWED_SCHEMES"),
        field("webhook-allow-private-ips", &Config::webhook_allow_private_ips,
              "Let webhooks reach addresses that are not on the public internet",
              "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS"),
        field("webhook-request-timeout", &Config::webhook_request_timeout,
              "Seconds a webhook may take to answer", "MLFLOW_WEBHOOK_REQUEST_TIMEOUT"),
        field("webhook-request-max-retries", &Config::webhook_request_max_retries,
              "How often a failed delivery to a webhook is tried again",
              "MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES"),
        field("webhook-delivery-max-workers", &Config::webhook_delivery_max_workers,
              "Deliveries to webhooks at a time", "MLFLOW_WEBHOOK_DELIVERY_MAX_WORKERS"),
        field("webhook-secret-encryption-key", &Config::webhook_secret_encryption_key,
              "Seals the secrets of webhooks in the database; without it a key is kept in the data "
              "directory",
              "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"),
        field("disable-security-middleware", &Config::disable_security_middleware,
              "No check of host names and origins, no safety headers",
              "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE"),
        field("x-frame-options", &Config::x_frame_options,
              "Who may show the pages in a frame: SAMEORIGIN, DENY or NONE (everybody)",
              "MLFLOW_SERVER_X_FRAME_OPTIONS"),
        field("auth", &Config::auth,
              "basic: users log in to the tracking server, with MLflow's permissions; none"),
        field("app-name", &Config::app_name, "basic-auth is MLflow's way to say --auth basic"),
        field("admin-username", &Config::admin_username,
              "The administrator that the first start with --auth basic makes",
              "MLFLOW_AUTH_ADMIN_USERNAME"),
        field("admin-password", &Config::admin_password,
              "Its password, at least 12 characters; better set in the environment",
              "MLFLOW_AUTH_ADMIN_PASSWORD"),
        field("default-permission", &Config::default_permission,
              "What users may do where nothing is granted: READ, USE, EDIT, MANAGE or "
              "NO_PERMISSIONS"),
        field("adopt", &Config::adopt,
              "Use a database that MLflow made and no lab has used yet; it is copied first"),
        field("insecure-no-auth", &Config::insecure_no_auth,
              "Let other machines in without a login"),
        field("tls-cert", &Config::tls_cert,
              "Certificate (PEM, with its chain): all ports speak HTTPS"),
        field("tls-key", &Config::tls_key, "The certificate's private key (PEM)"),
        field("detach", &Config::detach, "Run in the background"),
        field("ci", &Config::ci,
              "For test runs: free ports, one line of JSON, end with the parent"),
    };
  }
};

// A setting as help and documents show it.
struct SettingRow {
  enum class Kind { text, number, list, flag };
  std::string name;
  std::string about;
  std::vector<std::string> environment;  // the first is our own
  std::string standard;                  // what it is when nobody sets it, "" when that is computed
  Kind kind = Kind::text;
};
std::vector<SettingRow> setting_rows();

// The value of an environment variable; absent and empty are the same.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();
// What the flags said: setting to values, in the order they came.
using SettingTexts = std::map<std::string, std::vector<std::string>>;

// Puts flags, environment, file and defaults together and checks the whole. The file is
// <data-dir>/mlops-sandbox.conf, or the one `config_file` names. With `ci` the ports default to 0,
// and without a data-dir no file is read and data_dir stays empty: the caller makes a temporary
// one. Throws Error(invalid_parameter_value) naming the setting and where it came from.
Config load_config(const SettingTexts& flags,
                   const Environment& environment,
                   const std::string& config_file = "");

// Whether programs of other machines can reach that address.
bool is_open_to_others(const std::string& host);

// Only the place of the lab, for commands that look at a running one.
std::string find_data_dir(const std::string& flag, const Environment& environment);

// "s3://bucket/a/b" to {"bucket", "a/b"}; nullopt for anything else.
struct S3Place {
  std::string bucket;
  std::string prefix;  // without slashes at its ends
};
std::optional<S3Place> parse_s3_place(std::string_view uri);

}  // namespace sandbox
