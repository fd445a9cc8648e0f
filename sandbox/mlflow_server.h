// What answers on the tracking port: MLflow's endpoints under /api and /ajax-api, /graphql,
// /health, /version, MLflow's own pages, and this server's own table of endpoints. Owns the rooms
// behind them.
#pragma once

#include <memory>
#include <string>

#include "embedded_store/object_store.h"
#include "sandbox/artifacts/artifacts.h"
#include "sandbox/auth/gate.h"
#include "sandbox/base/env.h"
#include "sandbox/db/database.h"
#include "sandbox/http/request.h"
#include "sandbox/jobs/passes.h"
#include "sandbox/jobs/supervisor.h"
#include "sandbox/migrate/api.h"
#include "sandbox/mlflow_ui/pages.h"
#include "sandbox/snapshots/snapshots.h"
#include "sandbox/webhooks/deliveries.h"

namespace sandbox {

// The version of MLflow whose behaviour this server has; clients read it from /version.
inline constexpr std::string_view mlflow_version = "3.17.2";

struct WebhookOptions {
  webhooks::UrlRules urls;
  webhooks::DeliveryOptions deliveries;
  // Of Fernet's form; seals the webhooks' secrets. Empty: one that ends with the server.
  Secret key;
};

struct MlflowServerOptions {
  std::string default_artifact_root = "mlflow-artifacts:/";
  std::string artifacts_destination = "s3://mlflow";  // where mlflow-artifacts:/ keeps its files
  bool allow_custom_scorers = false;                  // scorers that carry code may be registered
  // Deleted runs, experiments and logged models go for ever after so many days; 0 keeps them.
  std::int64_t trash_days = 0;
  mlflow_ui::Pages::Find find_front_end{};  // where MLflow's own pages are
  // Without it multipart uploads and presigned URLs are refused.
  artifacts::Presign presign{};
  std::int64_t download_url_expires_s = 300;
  WebhookOptions webhooks{};
  // Whoever shows it as a Bearer is the person who runs this lab, and may have it read files of
  // this machine (imports). "" is nobody.
  std::string local_token{};
  migrate::Migrate migrate{};  // how this lab is moved; empty refuses it
  // Where users have to log in; it must outlive the server. Null lets everybody do everything.
  auth::Gate* gate = nullptr;
  snapshots::LabFacts lab{};  // what snapshots are taken of
  jobs::SupervisorOptions jobs{};
  jobs::Passes* passes = nullptr;  // what jobs show at the doors; null where none can run
};

class MlflowServer {
 public:
  // The collaborators must outlive it.
  MlflowServer(Env& env,
               db::Database& database,
               store::ObjectStore& objects,
               const MlflowServerOptions& options);
  ~MlflowServer();

  // Begins what runs beside the requests: emptying the trash, jobs. pause() ends that until the
  // next start(); jobs that run go on meanwhile.
  void start();
  void pause();
  // Ends it, running jobs, deliveries to webhooks, and a clean-up that a request began, so that no
  // request is waited for; requests are still answered.
  void stop();
  // Safe from every thread.
  http::Response handle(http::Request& request) const;
  // The table of endpoints as JSON, what GET /sandbox/api.json answers.
  [[nodiscard]] std::string endpoints_json() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace sandbox
