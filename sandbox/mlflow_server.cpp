#include "sandbox/mlflow_server.h"

#include "sandbox/artifacts/api.h"
#include "sandbox/artifacts/artifacts.h"
#include "sandbox/auth/api.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/http/api.h"
#include "sandbox/http/router.h"
#include "sandbox/registry/aliases.h"
#include "sandbox/registry/api.h"
#include "sandbox/registry/model_versions.h"
#include "sandbox/registry/registered_models.h"
#include "sandbox/tracking/api.h"
#include "sandbox/tracking/experiments.h"
#include "sandbox/tracking/inputs.h"
#include "sandbox/tracking/logged_models.h"
#include "sandbox/tracking/metrics.h"
#include "sandbox/tracking/runs.h"

namespace sandbox {
namespace {

struct Features {
  bool gateway = false;
  static constexpr auto fields() { return std::tuple{field("gateway", &Features::gateway)}; }
};

struct ServerInfo {
  std::string store_type = "SqlStore";
  bool workspaces_enabled = false;
  bool trace_archival_enabled = false;
  bool multipart_uploads_enabled = false;
  bool multipart_downloads_enabled = false;
  bool presigned_upload_run_id_supported = false;
  bool presigned_upload_model_id_supported = false;
  Features features_enabled;
  static constexpr auto fields() {
    return std::tuple{
        field("store_type", &ServerInfo::store_type),
        field("workspaces_enabled", &ServerInfo::workspaces_enabled),
        field("trace_archival_enabled", &ServerInfo::trace_archival_enabled),
        field("multipart_uploads_enabled", &ServerInfo::multipart_uploads_enabled),
        field("multipart_downloads_enabled", &ServerInfo::multipart_downloads_enabled),
        field("presigned_upload_run_id_supported", &ServerInfo::presigned_upload_run_id_supported),
        field("presigned_upload_model_id_supported",
              &ServerInfo::presigned_upload_model_id_supported),
        field("features_enabled", &ServerInfo::features_enabled)};
  }
};

constexpr const char* front_page =
    "<!doctype html>\n<html lang=\"en\">\n<title>mlops-sandbox tracking server</title>\n"
    "<h1>mlops-sandbox tracking server</h1>\n"
    "<p>MLflow clients connect here: "
    "<code>mlflow.set_tracking_uri(\"http://this-address\")</code>.</p>\n"
    "<p><a href=\"/sandbox/api.json\">The endpoints it answers</a>. MLflow's own pages come with a "
    "later version.</p>\n</html>\n";

constexpr const char* no_workspaces =
    "Workspace APIs are not available: workspaces are not enabled on this server";

// Clients ask server-info first, whatever workspace they want.
bool names_workspace(const http::Request& request) {
  return !trim(request.headers.get("x-mlflow-workspace")).empty() &&
         !request.path.ends_with("/mlflow/server-info");
}

// The reference answers 503, which its clients would ask again for minutes.
void refuse_workspaces(http::Api& api) {
  const std::string path = "3.0/mlflow/workspaces";
  const auto refuse = [&](const char* method, const std::string& where) {
    api.add_raw(method, where, "Refused: this server has one workspace.",
                [](http::Request& request) -> http::Response {
                  throw Error(Code::feature_disabled,
                              "Endpoint: " + request.path +
                                  " disabled because the server is running without workspaces "
                                  "support. To enable workspace, run `mlflow server` with "
                                  "`--enable-workspaces`");
                });
  };
  for (const char* method : {"GET", "POST"}) refuse(method, path);
  for (const char* method : {"GET", "PATCH", "DELETE"}) refuse(method, path + "/{workspace_name}");
}

}  // namespace

struct MlflowServer::Parts {
  Parts(Env& env,
        db::Database& database,
        store::ObjectStore& objects,
        const MlflowServerOptions& options)
      : experiments(env, database, options.default_artifact_root),
        runs(env, database),
        metrics(database),
        inputs(env, database),
        logged_models(env, database),
        registered_models(env, database),
        model_versions(env, database),
        aliases(database),
        artifacts(database,
                  objects,
                  artifacts::parse_s3_uri(options.artifacts_destination),
                  options.presign_part),
        gate(options.gate) {
    if (gate != nullptr) {
      router.wrap_with(
          [this](std::string_view method, std::string_view pattern, http::Handler handler) {
            return gate->protect(method, pattern, std::move(handler));
          });
    }
  }

  tracking::Experiments experiments;
  tracking::Runs runs;
  tracking::Metrics metrics;
  tracking::Inputs inputs;
  tracking::LoggedModels logged_models;
  registry::RegisteredModels registered_models;
  registry::ModelVersions model_versions;
  registry::Aliases aliases;
  artifacts::Artifacts artifacts;
  auth::Gate* gate;
  http::Api api{{"/api", "/ajax-api"}};
  http::Router router{http::json_error};
};

MlflowServer::MlflowServer(Env& env,
                           db::Database& database,
                           store::ObjectStore& objects,
                           const MlflowServerOptions& options)
    : parts_(std::make_unique<Parts>(env, database, objects, options)) {
  http::Api& api = parts_->api;
  tracking::install_experiments(api, parts_->experiments);
  tracking::install_runs(api, parts_->runs);
  tracking::install_metrics(api, parts_->metrics);
  tracking::install_inputs(api, parts_->inputs);
  tracking::install_logged_models(api, parts_->logged_models);
  registry::install_registered_models(api, parts_->registered_models);
  registry::install_model_versions(api, parts_->model_versions);
  registry::install_aliases(api, parts_->aliases);
  artifacts::install_artifacts(api, parts_->router, parts_->artifacts);
  refuse_workspaces(api);
  tracking::refuse_the_rest(api);
  api.get<Empty, ServerInfo>("3.0/mlflow/server-info", "What this server can do.",
                             [has_multipart = parts_->artifacts.has_multipart()](const Empty&) {
                               ServerInfo info;
                               info.multipart_uploads_enabled = has_multipart;
                               return info;
                             });
  if (parts_->gate != nullptr) {
    auth::install_users(api, *parts_->gate);
    auth::install_roles(api, *parts_->gate);
    auth::install_signup(env, api, parts_->router, *parts_->gate);
    auth::install_tokens(env, parts_->router, *parts_->gate);
  }
  api.install(parts_->router);

  http::Router& router = parts_->router;
  router.add("GET", "/health", [](http::Request&) { return http::Response::text(200, "OK"); });
  router.add("GET", "/version",
             [](http::Request&) { return http::Response::text(200, std::string(mlflow_version)); });
  router.add("GET", "/", [](http::Request&) {
    return http::Response::text(200, front_page, "text/html; charset=utf-8");
  });
  router.add("GET", "/sandbox/api.json",
             [&api](http::Request&) { return http::Response::json(200, api.table_json()); });
}

MlflowServer::~MlflowServer() = default;

http::Response MlflowServer::handle(http::Request& request) const {
  if (names_workspace(request)) {
    return http::json_error(request, Error(Code::feature_disabled, no_workspaces));
  }
  if (parts_->gate == nullptr) return parts_->router.handle(request);
  return parts_->gate->admit(
      request, [this](http::Request& admitted) { return parts_->router.handle(admitted); });
}

std::string MlflowServer::endpoints_json() const {
  return parts_->api.table_json();
}

}  // namespace sandbox
