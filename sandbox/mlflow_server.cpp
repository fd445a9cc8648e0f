#include "sandbox/mlflow_server.h"

#include "sandbox/artifacts/api.h"
#include "sandbox/artifacts/artifact_location.h"
#include "sandbox/artifacts/artifacts.h"
#include "sandbox/artifacts/download.h"
#include "sandbox/auth/api.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/cluster_export/read_lab.h"
#include "sandbox/evaluation/api.h"
#include "sandbox/evaluation/dataset_records.h"
#include "sandbox/evaluation/datasets.h"
#include "sandbox/evaluation/issues.h"
#include "sandbox/evaluation/label_schemas.h"
#include "sandbox/evaluation/online_configs.h"
#include "sandbox/evaluation/review_items.h"
#include "sandbox/evaluation/review_queues.h"
#include "sandbox/evaluation/scorers.h"
#include "sandbox/graphql/api.h"
#include "sandbox/http/api.h"
#include "sandbox/http/router.h"
#include "sandbox/import/api.h"
#include "sandbox/import/importer.h"
#include "sandbox/jobs/api.h"
#include "sandbox/jobs/jobs.h"
#include "sandbox/jobs/lab_id.h"
#include "sandbox/mlflow_ui/api.h"
#include "sandbox/mlflow_ui/pages.h"
#include "sandbox/registry/aliases.h"
#include "sandbox/registry/api.h"
#include "sandbox/registry/model_versions.h"
#include "sandbox/registry/registered_models.h"
#include "sandbox/run_archive/api.h"
#include "sandbox/run_archive/run_archive.h"
#include "sandbox/snapshots/api.h"
#include "sandbox/traces/api.h"
#include "sandbox/traces/assessments.h"
#include "sandbox/traces/correlation.h"
#include "sandbox/traces/spans.h"
#include "sandbox/traces/trace_filter.h"
#include "sandbox/traces/trace_metrics.h"
#include "sandbox/traces/traces.h"
#include "sandbox/tracking/api.h"
#include "sandbox/tracking/experiments.h"
#include "sandbox/tracking/inputs.h"
#include "sandbox/tracking/logged_models.h"
#include "sandbox/tracking/metrics.h"
#include "sandbox/tracking/runs.h"
#include "sandbox/upkeep/api.h"
#include "sandbox/upkeep/collector.h"
#include "sandbox/upkeep/relocation.h"
#include "sandbox/upkeep/trash.h"
#include "sandbox/webhooks/api.h"

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

void check_trace_filter(const std::string& filter) {
  tracking::SearchSql unused;
  traces::add_trace_filter(unused, filter, {});
}

constexpr const char* no_workspaces =
    "Workspace APIs are not available: workspaces are not enabled on this server";

// Clients ask server-info first, whatever workspace they want.
bool names_workspace(const http::Request& request) {
  return !trim(request.headers.get("x-mlflow-workspace")).empty() &&
         !request.path.ends_with("/mlflow/server-info");
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
        traces(env, database),
        assessments(env, database),
        trace_metrics(database),
        trace_correlation(database),
        spans(env, database),
        webhooks(env, database, sealing(env, options.webhooks.key), options.webhooks.urls),
        deliveries(env, webhooks, options.webhooks.deliveries),
        registered_models(env, database, announce()),
        model_versions(env, database, {}, announce()),
        aliases(database, announce()),
        artifacts(database,
                  objects,
                  artifacts::parse_s3_uri(options.artifacts_destination),
                  options.presign,
                  options.download_url_expires_s),
        datasets(env, database),
        dataset_records(env, database),
        scorers(env, database, options.allow_custom_scorers),
        online_configs(env, database, check_trace_filter),
        issues(env, database),
        label_schemas(env, database),
        review_queues(env, database),
        review_items(env, database),
        collector(env, database, objects, artifacts, options.default_artifact_root),
        relocation(database, objects, artifacts),
        trash(collector, options.trash_days),
        snapshots(env, database, objects, options.lab),
        run_archive(env, database, objects, experiments, artifacts),
        importer(env,
                 {database, objects, artifacts::parse_s3_uri(options.artifacts_destination),
                  options.default_artifact_root}),
        passes(options.passes != nullptr ? *options.passes : no_passes),
        jobs(env, database, experiments, runs, jobs::lab_id(env, options.jobs.directory)),
        job_secrets(jobs::KeptVariables::Kind::secret, options.lab.data_dir),
        job_config(jobs::KeptVariables::Kind::config, options.lab.data_dir),
        supervisor(env, jobs, runs, artifacts, passes, job_secrets, job_config, options.jobs),
        pages(options.find_front_end),
        gate(options.gate) {
    if (gate != nullptr) {
      router.wrap_with(
          [this](std::string_view method, std::string_view pattern, http::Handler handler) {
            return gate->protect(method, pattern, std::move(handler));
          });
    }
  }

  static Fernet sealing(Env& env, const Secret& key) {
    return Fernet(key.empty() ? new_fernet_key(env) : key);
  }

  registry::Announce announce() {
    return [this](const registry::Event& event) {
      deliveries.announce(event.entity, event.action, event.payload);
    };
  }

  tracking::Experiments experiments;
  tracking::Runs runs;
  tracking::Metrics metrics;
  tracking::Inputs inputs;
  tracking::LoggedModels logged_models;
  traces::Traces traces;
  traces::Assessments assessments;
  traces::TraceMetrics trace_metrics;
  traces::TraceCorrelation trace_correlation;
  traces::Spans spans;
  webhooks::Webhooks webhooks;
  webhooks::Deliveries deliveries;
  registry::RegisteredModels registered_models;
  registry::ModelVersions model_versions;
  registry::Aliases aliases;
  artifacts::Artifacts artifacts;
  evaluation::Datasets datasets;
  evaluation::DatasetRecords dataset_records;
  evaluation::Scorers scorers;
  evaluation::OnlineConfigs online_configs;
  evaluation::Issues issues;
  evaluation::LabelSchemas label_schemas;
  evaluation::ReviewQueues review_queues;
  evaluation::ReviewItems review_items;
  upkeep::Collector collector;
  upkeep::Relocation relocation;
  upkeep::Trash trash;
  snapshots::Snapshots snapshots;
  run_archive::RunArchive run_archive;
  import::Importer importer;
  jobs::Passes no_passes;
  jobs::Passes& passes;
  jobs::Jobs jobs;
  jobs::KeptVariables job_secrets;
  jobs::KeptVariables job_config;
  jobs::Supervisor supervisor;
  mlflow_ui::Pages pages;
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
  traces::install_traces(api, parts_->traces);
  traces::install_assessments(api, parts_->assessments);
  traces::install_trace_metrics(api, parts_->trace_metrics);
  traces::install_trace_correlation(api, parts_->trace_correlation);
  traces::install_traces_v2(api, parts_->traces);
  traces::install_spans(
      api, parts_->router, parts_->traces, parts_->spans,
      [&files = parts_->artifacts](http::Request& request, const std::string& root,
                                   const std::string& path) {
        const artifacts::Location file = files.locate_uri(root).below(artifacts::safe_path(path));
        return artifacts::download(request, files.open(file));
      });
  traces::install_otlp(parts_->router, parts_->spans);
  registry::install_registered_models(api, parts_->registered_models);
  registry::install_model_versions(api, parts_->model_versions);
  registry::install_aliases(api, parts_->aliases);
  webhooks::install_webhooks(api, parts_->webhooks, parts_->deliveries);
  artifacts::install_artifacts(api, parts_->router, parts_->artifacts);
  artifacts::install_promptlab(api, env, parts_->runs, parts_->artifacts);
  evaluation::install_datasets(api, parts_->datasets);
  evaluation::install_dataset_records(api, parts_->dataset_records);
  evaluation::install_scorers(api, parts_->scorers);
  evaluation::install_online_configs(api, parts_->online_configs);
  evaluation::install_issues(api, parts_->issues);
  evaluation::install_label_schemas(api, parts_->label_schemas);
  evaluation::install_review_queues(api, parts_->review_queues);
  evaluation::install_review_items(api, parts_->review_items);
  upkeep::install_upkeep(api, parts_->collector, parts_->relocation);
  snapshots::install_snapshots(api, parts_->snapshots);
  run_archive::install_run_archive(api, parts_->run_archive);
  import::install_import(api, parts_->importer, options.local_token);
  migrate::install_migrate(api, options.migrate, options.local_token);
  jobs::install_jobs(api, parts_->jobs, parts_->supervisor, parts_->passes, options.local_token);
  cluster_export::install_lab(
      api,
      {parts_->experiments, parts_->registered_models, parts_->model_versions, parts_->artifacts,
       parts_->jobs, parts_->job_secrets, parts_->job_config, objects,
       options.gate == nullptr ? nullptr : &options.gate->accounts()},
      {.mlflow_version = std::string(mlflow_version),
       .backend = options.lab.backend,
       .auth = options.lab.auth,
       .default_artifact_root = options.default_artifact_root,
       .artifacts_destination = options.artifacts_destination,
       .artifacts_endpoint = options.lab.artifacts_endpoint});
  jobs::install_kept_variables(api, parts_->job_secrets, parts_->job_config, parts_->passes,
                               options.local_token);
  mlflow_ui::install_absent_features(api);
  tracking::refuse_the_rest(api);
  api.get<Empty, ServerInfo>("3.0/mlflow/server-info", "What this server can do.",
                             [can_presign = parts_->artifacts.can_presign()](const Empty&) {
                               ServerInfo info;
                               info.multipart_uploads_enabled = can_presign;
                               info.presigned_upload_run_id_supported = can_presign;
                               info.presigned_upload_model_id_supported = can_presign;
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
  graphql::install_graphql(router, {parts_->experiments, parts_->runs, parts_->metrics,
                                    parts_->inputs, parts_->model_versions, parts_->artifacts});
  router.add("GET", "/health", [](http::Request&) { return http::Response::text(200, "OK"); });
  router.add("GET", "/version", [](http::Request&) {
    return http::Response::text(200, std::string(mlflow_version), "text/html; charset=utf-8");
  });
  parts_->pages.install(router);
  router.add("GET", "/sandbox/api.json",
             [&api](http::Request&) { return http::Response::json(200, api.table_json()); });
}

MlflowServer::~MlflowServer() = default;

void MlflowServer::start() {
  parts_->supervisor.start();
  parts_->trash.start();
}

void MlflowServer::pause() {
  parts_->supervisor.pause();
  parts_->trash.stop();
}

void MlflowServer::stop() {
  parts_->supervisor.stop();
  parts_->collector.stop();
  parts_->importer.stop();
  parts_->relocation.stop();
  parts_->trash.stop();
  parts_->deliveries.stop();
}

http::Response MlflowServer::handle(http::Request& request) const {
  if (names_workspace(request)) {
    return http::json_error(request, Error(Code::feature_disabled, no_workspaces));
  }
  http::Response response = parts_->gate == nullptr
                                ? parts_->router.handle(request)
                                : parts_->gate->admit(request, [this](http::Request& admitted) {
                                    return parts_->router.handle(admitted);
                                  });
  if (const std::string job = parts_->passes.job_of(http::bearer(request)); !job.empty()) {
    jobs::follow(parts_->jobs, job, request, response);
  }
  return response;
}

std::string MlflowServer::endpoints_json() const {
  return parts_->api.table_json();
}

}  // namespace sandbox
