#include "sandbox/app.h"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "embedded_store/object_store.h"
#include "embedded_store/s3/errors.h"
#include "embedded_store/s3/service.h"
#include "sandbox/adoption.h"
#include "sandbox/backend.h"
#include "sandbox/base/env.h"
#include "sandbox/base/error.h"
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
#include "sandbox/http/turnstile.h"
#include "sandbox/live_migration.h"
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

store::s3::S3Options s3_options(const Config& config, const jobs::Passes& passes) {
  store::s3::S3Options options;
  options.region = built_in_region;
  options.access_keys.push_back({config.access_key, config.secret_key});
  options.find_secret = [&passes](std::string_view key) { return passes.s3_secret(key); };
  return options;
}

}  // namespace

struct App::Parts {
  Parts(const Config& config, const AppOptions& options)
      : tls(config.tls_cert.empty()
                ? nullptr
                : std::make_unique<TlsContext>(config.tls_cert, config.tls_key)),
        built_in(needs_built_in(config) ? open_built_in_store(env, config) : nullptr),
        users(open_users(config)),
        surroundings{
            env,
            built_in.get(),
            users.get(),
            options.local_token,
            [this] { return local_url(backend.load()->config(), tracking_server->port()); },
            [this] { return s3_url(); },
            [this](const migrate::Order& order, const migrate::Report& report) {
              migration.run(order, report);
            },
            passes,
            options.shim},
        migration({surroundings, turnstile, [this]() -> Backend& { return *backend; },
                   [this] { need_built_in(); }, options.keep_place,
                   [this](std::unique_ptr<Backend> next) { take_over(std::move(next)); }}) {
    auto other = config.artifacts_endpoint.empty() ? nullptr : open_other_store(env, config);
    set_backend(std::make_unique<Backend>(surroundings, config, open_metadata(env, config),
                                          std::move(other)));
    bind_ports(config);
    show_places();
  }

  static bool needs_built_in(const Config& config) {
    return !config.no_s3 || config.artifacts_endpoint.empty();
  }

  static std::unique_ptr<db::Database> open_users(const Config& config) {
    if (config.auth == "none") return nullptr;
    return db::open_auth_database(config.data_dir + "/basic_auth.db");
  }

  void bind_ports(const Config& config) {
    const auto track = turnstile.around(
        [this](http::Request& request) { return backend.load()->mlflow().handle(request); },
        [](const http::Request& request) { return is_migration(request); });
    const http::Handler console = [this](http::Request& request) { return page.handle(request); };
    tracking_server = bind_port(
        config, "port", config.port, tls.get(),
        http::logged(env, "tracking",
                     http::also_below("/mlflow", http::guarded(tracking_guard(config), track))));
    if (!config.no_s3) {
      s3 = std::make_unique<store::s3::S3Service>(env, *built_in, s3_options(config, passes));
      const auto serve =
          turnstile.around([this](http::Request& request) { return ask_s3(request); },
                           [](const http::Request&) { return false; });
      s3_server =
          bind_port(config, "s3-port", config.s3_port, tls.get(), http::logged(env, "s3", serve));
    }
    console_server =
        bind_port(config, "console-port", config.console_port, tls.get(),
                  http::logged(env, "console", http::guarded(guard_options(config), console)));
  }

  // A job may ask for the lab by a name of a cluster.
  http::GuardOptions tracking_guard(const Config& config) {
    http::GuardOptions options = guard_options(config);
    options.is_known = [this](const http::Request& request) {
      return !passes.job_of(http::bearer(request)).empty();
    };
    return options;
  }

  // It makes the others wait, so it must not wait itself.
  static bool is_migration(const http::Request& request) {
    return request.path == "/api/" + std::string(migrate::migrate_path) ||
           request.path == "/ajax-api/" + std::string(migrate::migrate_path);
  }

  // What a client still writes to the store that the lab has left would be missing on the new one.
  http::Response ask_s3(http::Request& request) {
    if (!has_left_built_in || request.method == "GET" || request.method == "HEAD") {
      return s3->handle(request);
    }
    return store::s3::error_response(
        store::s3::fault("AccessDenied", "The files of this lab were moved to " +
                                             backend.load()->config().artifacts_endpoint +
                                             ". This store can be read, and written again once "
                                             "the lab is started again."),
        request);
  }

  [[nodiscard]] std::string s3_url() const {
    return s3_server ? local_url(backend.load()->config(), s3_server->port()) : "";
  }

  void need_built_in() {
    if (built_in) return;
    Config config = backend.load()->config();
    config.artifacts_endpoint.clear();
    built_in = open_built_in_store(env, config);
    surroundings.built_in = built_in.get();
  }

  void set_backend(std::unique_ptr<Backend> next) {
    backend = next.get();
    backends.push_back(std::move(next));
  }

  void take_over(std::unique_ptr<Backend> next) {
    const bool was_built_in = backend.load()->config().artifacts_endpoint.empty();
    const bool is_built_in = next->config().artifacts_endpoint.empty();
    set_backend(std::move(next));
    if (is_built_in) has_left_built_in = false;
    if (was_built_in && !is_built_in) has_left_built_in = true;
    backend.load()->mlflow().start();
    show_places();
  }

  void show_places() {
    const Config& config = backend.load()->config();
    page.show({local_url(config, tracking_server->port()), s3_url(),
               local_url(config, console_server->port()), config.data_dir,
               config.artifacts_endpoint});
  }

  SystemEnv env;
  std::unique_ptr<TlsContext> tls;               // null without --tls-cert
  std::unique_ptr<store::ObjectStore> built_in;  // null when nothing lies in it
  std::unique_ptr<db::Database> users;           // null without --auth basic
  jobs::Passes passes;
  Surroundings surroundings;
  http::Turnstile turnstile;
  LiveMigration migration;
  // The last one answers. Requests that only read may still be at work in those before it, so they
  // stay until the end.
  std::vector<std::unique_ptr<Backend>> backends;
  std::atomic<Backend*> backend = nullptr;
  std::atomic<bool> has_left_built_in = false;  // by a live migration
  std::unique_ptr<store::s3::S3Service> s3;     // null with --no-s3
  console::Page page;
  std::unique_ptr<http::Server> tracking_server;
  std::unique_ptr<http::Server> s3_server;  // null with --no-s3
  std::unique_ptr<http::Server> console_server;
};

App::App(const Config& config, const AppOptions& options)
    : parts_(std::make_unique<Parts>(config, options)) {}

App::~App() = default;

void App::start() {
  // Before the first request, which may bring a job.
  parts_->backend.load()->mlflow().start();
  if (parts_->s3_server) parts_->s3_server->start();
  parts_->console_server->start();
  parts_->tracking_server->start();
}

void App::stop() {
  parts_->migration.stop();
  for (const auto& backend : parts_->backends) backend->mlflow().stop();
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
