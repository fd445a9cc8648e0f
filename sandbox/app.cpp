#include "sandbox/app.h"

#include <thread>
#include <vector>

#include "embedded_store/object_store.h"
#include "embedded_store/s3/presign.h"
#include "embedded_store/s3/service.h"
#include "sandbox/adoption.h"
#include "sandbox/artifacts/artifact_location.h"
#include "sandbox/auth/gate.h"
#include "sandbox/base/env.h"
#include "sandbox/base/error.h"
#include "sandbox/base/fernet.h"
#include "sandbox/base/log.h"
#include "sandbox/base/ports.h"
#include "sandbox/base/text.h"
#include "sandbox/base/tls.h"
#include "sandbox/console/page.h"
#include "sandbox/db/database.h"
#include "sandbox/http/access_log.h"
#include "sandbox/http/guard.h"
#include "sandbox/http/prefix.h"
#include "sandbox/http/server.h"
#include "sandbox/mlflow_server.h"
#include "sandbox/mlflow_ui/front_end.h"
#include "sandbox/object_stores.h"

namespace sandbox {
namespace {

std::unique_ptr<http::Server> bind_port(const Config& config,
                                        const std::string& setting,
                                        std::int64_t port,
                                        TlsContext* tls,
                                        http::Handler handler) {
  http::ServerOptions options;
  options.tls = tls;
  options.host = config.host;
  options.port = static_cast<int>(port);
  try {
    return std::make_unique<http::Server>(options, std::move(handler));
  } catch (const Error& error) {
    const auto holder = port_holder(options.port);
    const int other =
        free_port_after(options.host, options.port,
                        {static_cast<int>(config.port), static_cast<int>(config.s3_port),
                         static_cast<int>(config.console_port)});
    if (options.port == 0 || other == 0) throw;
    std::string message = "Port " + std::to_string(options.port) + " on " + options.host;
    if (holder) {
      message +=
          " is held by process " + std::to_string(holder->pid) + " (" + holder->command + ").";
    } else {
      message += std::string(" cannot be had: ") + error.what();
    }
    throw Error(Code::invalid_state, message + " Stop that program, or use a free port: --" +
                                         setting + " " + std::to_string(other));
  }
}

http::GuardOptions guard_options(const Config& config) {
  http::GuardOptions options{config.allowed_hosts, config.cors_allowed_origins};
  options.x_frame_options = config.x_frame_options;
  options.is_off = config.disable_security_middleware;
  return options;
}

store::s3::S3Options s3_options(const Config& config) {
  store::s3::S3Options options;
  options.region = built_in_region;
  options.access_keys.push_back({config.access_key, config.secret_key});
  return options;
}

}  // namespace

struct App::Parts {
  Parts(const Config& config, const std::string& local_token)
      : tls(config.tls_cert.empty()
                ? nullptr
                : std::make_unique<TlsContext>(config.tls_cert, config.tls_key)),
        built_in(needs_built_in(config) ? open_built_in_store(env, config) : nullptr),
        other(config.artifacts_endpoint.empty() ? nullptr : open_other_store(env, config)),
        database(open_metadata(env, config)),
        users(open_users(config)),
        gate(make_gate(config, local_token)),
        mlflow(env, *database, other ? *other : *built_in, mlflow_options(config, local_token)) {
    const http::Handler tracking = [this](http::Request& request) {
      return mlflow.handle(request);
    };
    const http::Handler console = [this](http::Request& request) { return page.handle(request); };
    tracking_server = bind_port(
        config, "port", config.port, tls.get(),
        http::logged(env, "tracking",
                     http::also_below("/mlflow", http::guarded(guard_options(config), tracking))));
    if (!config.no_s3) {
      s3 = std::make_unique<store::s3::S3Service>(env, *built_in, s3_options(config));
      s3_server = bind_port(
          config, "s3-port", config.s3_port, tls.get(),
          http::logged(env, "s3", [this](http::Request& request) { return s3->handle(request); }));
    }
    console_server =
        bind_port(config, "console-port", config.console_port, tls.get(),
                  http::logged(env, "console", http::guarded(guard_options(config), console)));
    page.show({local_url(config, tracking_server->port()),
               s3_server ? local_url(config, s3_server->port()) : "",
               local_url(config, console_server->port()), config.data_dir,
               config.artifacts_endpoint});
  }

  static bool needs_built_in(const Config& config) {
    return !config.no_s3 || config.artifacts_endpoint.empty();
  }

  static std::unique_ptr<db::Database> open_users(const Config& config) {
    if (config.auth == "none") return nullptr;
    return db::open_auth_database(config.data_dir + "/basic_auth.db");
  }

  std::unique_ptr<auth::Gate> make_gate(const Config& config, const std::string& local_token) {
    if (!users) return nullptr;
    auth::GateOptions options;
    options.default_permission =
        auth::find_permission(config.default_permission).value_or(auth::Permission::read);
    options.local_secret = local_token;
    options.plain_artifact_path = [](std::string_view path) {
      return artifacts::plain_path(artifacts::safe_path(path));
    };
    auto made = std::make_unique<auth::Gate>(env, *database, *users, std::move(options));
    auth::make_first_administrator(made->accounts(), config.admin_username,
                                   config.admin_password.reveal());
    return made;
  }

  WebhookOptions webhook_options(const Config& config) {
    WebhookOptions options;
    options.urls = {config.webhook_allowed_schemes, config.webhook_allow_private_ips};
    options.deliveries = {.timeout_ms = config.webhook_request_timeout * 1000,
                          .retries_max = config.webhook_request_max_retries,
                          .workers_max = config.webhook_delivery_max_workers};
    options.key = config.webhook_secret_encryption_key.empty()
                      ? fernet_key_in(env, config.data_dir + "/webhooks.key")
                      : config.webhook_secret_encryption_key;
    return options;
  }

  MlflowServerOptions mlflow_options(const Config& config, const std::string& local_token) {
    if (!config.mlflow_ui.empty() && !find_mlflow_ui(config.mlflow_ui)) {
      throw Error(Code::invalid_parameter_value,
                  "--mlflow-ui: there is no MLflow with its web pages in '" + config.mlflow_ui +
                      "'. Give the directory of a Python environment in which `pip install "
                      "mlflow` was run.");
    }
    MlflowServerOptions options{
        .default_artifact_root = config.default_artifact_root,
        .artifacts_destination = config.artifacts_destination,
        .allow_custom_scorers = config.enable_custom_scorers,
        .trash_days = config.trash_days,
        .find_front_end = [place = config.mlflow_ui] { return find_mlflow_ui(place); },
        .download_url_expires_s = config.presigned_download_url_ttl_seconds,
        .webhooks = webhook_options(config),
        .local_token = local_token,
        .gate = gate.get(),
        .lab = snapshots::lab_facts(config)};
    options.presign = presign(config);
    return options;
  }

  // Null where clients could not use such a URL; they then go through the proxy.
  artifacts::Presign presign(const Config& config) {
    // Where clients come by names this process does not know, a URL made here might not be one they
    // can reach.
    const bool is_everywhere =
        config.host == "0.0.0.0" || config.host == "::" || config.host.empty();
    if (!config.artifacts_endpoint.empty()) {
      // Nor do they know the authorities this process was told to trust.
      const bool is_public = config.artifacts_endpoint.starts_with("https://");
      const bool is_checked = config.artifacts_ca_file.empty() && !config.artifacts_ignore_tls;
      if (!is_checked || (is_open_to_others(config.host) && !is_public)) return nullptr;
      return [this, options = remote_store_options(config)](const artifacts::Presigning& wanted) {
        return store::presigned_url(options, env.now_ms(), presigned_request(wanted));
      };
    }
    // They check a certificate on it without the one they were given for this port.
    if (config.no_s3 || is_everywhere || !config.tls_cert.empty()) return nullptr;
    return [this, config, key = store::s3::AccessKey{config.access_key, config.secret_key}](
               const artifacts::Presigning& wanted) {
      store::s3::PresignedRequest request = presigned_request(wanted);
      request.endpoint = local_url(config, s3_server->port());
      return store::s3::presigned_url(key, built_in_region, env.now_ms(), request);
    };
  }

  static store::s3::PresignedRequest presigned_request(const artifacts::Presigning& wanted) {
    store::s3::PresignedRequest request;
    request.method = wanted.method;
    request.bucket = wanted.bucket;
    request.key = wanted.key;
    request.query = wanted.query;
    request.content_type = wanted.content_type;
    request.expires_s = wanted.expires_s;
    return request;
  }

  SystemEnv env;
  std::unique_ptr<TlsContext> tls;               // null without --tls-cert
  std::unique_ptr<store::ObjectStore> built_in;  // null when nothing lies in it
  std::unique_ptr<store::ObjectStore> other;     // null without --artifacts-endpoint
  std::unique_ptr<db::Database> database;
  std::unique_ptr<db::Database> users;  // null without --auth basic
  std::unique_ptr<auth::Gate> gate;
  MlflowServer mlflow;
  std::unique_ptr<store::s3::S3Service> s3;  // null with --no-s3
  console::Page page;
  std::unique_ptr<http::Server> tracking_server;
  std::unique_ptr<http::Server> s3_server;  // null with --no-s3
  std::unique_ptr<http::Server> console_server;
};

App::App(const Config& config, const std::string& local_token)
    : parts_(std::make_unique<Parts>(config, local_token)) {}

App::~App() = default;

void App::start() {
  if (parts_->s3_server) parts_->s3_server->start();
  parts_->console_server->start();
  parts_->tracking_server->start();
  parts_->mlflow.start();
}

void App::stop() {
  parts_->mlflow.stop();
  // Together, so that three slow clients do not add up their grace.
  std::vector<std::jthread> stopping;
  for (http::Server* server :
       {parts_->console_server.get(), parts_->tracking_server.get(), parts_->s3_server.get()}) {
    if (server != nullptr) stopping.emplace_back([server] { server->stop(); });
  }
}

int App::port() const {
  return parts_->tracking_server->port();
}
int App::s3_port() const {
  return parts_->s3_server ? parts_->s3_server->port() : 0;
}
int App::console_port() const {
  return parts_->console_server->port();
}

std::optional<std::filesystem::path> find_mlflow_ui(const std::string& place) {
  return place.empty() ? mlflow_ui::find_front_end(process_environment())
                       : mlflow_ui::front_end_of(place);
}

void App::reload_certificate() {
  if (!parts_->tls) return;
  try {
    parts_->tls->reload();
    log::info("certificate read again");
  } catch (const Error& failure) {
    log::error("the certificate could not be read again", {{"reason", failure.what()}});
  }
}

std::string local_url(const Config& config, int port) {
  std::string name = config.host;
  if (name == "0.0.0.0" || name.empty()) name = "127.0.0.1";
  if (name == "::") name = "::1";
  const bool is_encrypted = !config.tls_cert.empty();
  if (is_encrypted) name = name_in_certificate(config.tls_cert, name);
  if (name.find(':') != std::string::npos) name = "[" + name + "]";
  return (is_encrypted ? "https://" : "http://") + name + ":" + std::to_string(port);
}

}  // namespace sandbox
