#include "sandbox/app.h"

#include <thread>
#include <vector>

#include "embedded_store/object_store.h"
#include "embedded_store/s3/presign.h"
#include "embedded_store/s3/service.h"
#include "sandbox/base/env.h"
#include "sandbox/base/error.h"
#include "sandbox/base/fernet.h"
#include "sandbox/base/log.h"
#include "sandbox/base/ports.h"
#include "sandbox/base/text.h"
#include "sandbox/console/page.h"
#include "sandbox/db/database.h"
#include "sandbox/http/access_log.h"
#include "sandbox/http/guard.h"
#include "sandbox/http/prefix.h"
#include "sandbox/http/server.h"
#include "sandbox/mlflow_server.h"
#include "sandbox/mlflow_ui/front_end.h"

namespace sandbox {
namespace {

constexpr const char* region = "us-east-1";

std::unique_ptr<store::ObjectStore> open_objects(Env& env, const Config& config) {
  try {
    auto objects = store::open_object_store(env, config.data_dir + "/objects");
    for (const std::string& bucket : config.buckets) {
      if (!objects->find_bucket(bucket)) objects->create_bucket(bucket, region);
    }
    return objects;
  } catch (const store::Fault& fault) {
    throw Error(Code::invalid_parameter_value,
                std::string("The buckets could not be made: ") + fault.what());
  } catch (const std::runtime_error& failure) {
    throw Error(Code::invalid_state, "The object store in " + config.data_dir +
                                         "/objects cannot be opened: " + failure.what());
  }
}

std::unique_ptr<http::Server> bind_port(const Config& config,
                                        const std::string& setting,
                                        std::int64_t port,
                                        http::Handler handler) {
  http::ServerOptions options;
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
  return options;
}

store::s3::S3Options s3_options(const Config& config) {
  store::s3::S3Options options;
  options.region = region;
  options.access_keys.push_back({config.access_key, config.secret_key});
  return options;
}

}  // namespace

struct App::Parts {
  explicit Parts(const Config& config)
      : objects(open_objects(env, config)),
        database(db::open_database(config.backend_store_uri)),
        mlflow(env, *database, *objects, mlflow_options(config)),
        s3(env, *objects, s3_options(config)) {
    const http::Handler tracking = [this](http::Request& request) {
      return mlflow.handle(request);
    };
    const http::Handler storage = [this](http::Request& request) { return s3.handle(request); };
    const http::Handler console = [this](http::Request& request) { return page.handle(request); };
    tracking_server = bind_port(
        config, "port", config.port,
        http::logged(env, "tracking",
                     http::also_below("/mlflow", http::guarded(guard_options(config), tracking))));
    s3_server = bind_port(config, "s3-port", config.s3_port, http::logged(env, "s3", storage));
    console_server =
        bind_port(config, "console-port", config.console_port,
                  http::logged(env, "console", http::guarded(guard_options(config), console)));
    page.show({local_url(config.host, tracking_server->port()),
               local_url(config.host, s3_server->port()),
               local_url(config.host, console_server->port()), config.data_dir});
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

  MlflowServerOptions mlflow_options(const Config& config) {
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
        .webhooks = webhook_options(config)};
    // Where clients come by names this process does not know, a URL made here might not be one they
    // can reach; they then go through the proxy.
    if (config.host == "0.0.0.0" || config.host == "::" || config.host.empty()) return options;
    options.presign = [this, host = config.host,
                       key = store::s3::AccessKey{config.access_key, config.secret_key}](
                          const artifacts::Presigning& wanted) {
      const store::s3::PresignedRequest request{.method = wanted.method,
                                                .endpoint = local_url(host, s3_server->port()),
                                                .bucket = wanted.bucket,
                                                .key = wanted.key,
                                                .query = wanted.query,
                                                .content_type = wanted.content_type,
                                                .expires_s = wanted.expires_s};
      return store::s3::presigned_url(key, region, env.now_ms(), request);
    };
    return options;
  }

  SystemEnv env;
  std::unique_ptr<store::ObjectStore> objects;
  std::unique_ptr<db::Database> database;
  MlflowServer mlflow;
  store::s3::S3Service s3;
  console::Page page;
  std::unique_ptr<http::Server> tracking_server;
  std::unique_ptr<http::Server> s3_server;
  std::unique_ptr<http::Server> console_server;
};

App::App(const Config& config) : parts_(std::make_unique<Parts>(config)) {}

App::~App() = default;

void App::start() {
  parts_->s3_server->start();
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
    stopping.emplace_back([server] { server->stop(); });
  }
}

int App::port() const {
  return parts_->tracking_server->port();
}
int App::s3_port() const {
  return parts_->s3_server->port();
}
int App::console_port() const {
  return parts_->console_server->port();
}

std::optional<std::filesystem::path> find_mlflow_ui(const std::string& place) {
  return place.empty() ? mlflow_ui::find_front_end(process_environment())
                       : mlflow_ui::front_end_of(place);
}

std::string local_url(const std::string& host, int port) {
  std::string name = host;
  if (host == "0.0.0.0" || host.empty()) name = "127.0.0.1";
  if (host == "::") name = "::1";
  if (name.find(':') != std::string::npos) name = "[" + name + "]";
  return "http://" + name + ":" + std::to_string(port);
}

}  // namespace sandbox
