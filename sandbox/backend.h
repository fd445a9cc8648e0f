// What the tracking port answers from: metadata, the object store that artifacts lie in, and the
// MLflow server over them, for one set of settings. A live migration makes a second one beside it,
// which takes over.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "embedded_store/object_store.h"
#include "sandbox/auth/gate.h"
#include "sandbox/base/config.h"
#include "sandbox/base/env.h"
#include "sandbox/db/database.h"
#include "sandbox/http/request.h"
#include "sandbox/jobs/passes.h"
#include "sandbox/jobs/supervisor.h"
#include "sandbox/migrate/api.h"
#include "sandbox/mlflow_server.h"

namespace sandbox {

// What stays the same whatever place the lab keeps its things in; must outlive every Backend.
struct Surroundings {
  Env& env;
  store::ObjectStore* built_in = nullptr;  // null when nothing lies in it
  db::Database* users = nullptr;           // null without --auth basic
  std::string local_token;
  std::function<std::string()> tracking_url;  // asked once requests come
  std::function<std::string()> s3_url;        // the same; "" with --no-s3
  migrate::Migrate migrate;
  jobs::Passes& passes;
  std::vector<std::string> shim;  // the command that looks after a job's command
};

class Backend {
 public:
  // `other` is the store at config.artifacts_endpoint, null without. Throws Error with a sentence
  // for the person who started the lab.
  Backend(const Surroundings& surroundings,
          const Config& config,
          std::unique_ptr<db::Database> database,
          std::unique_ptr<store::ObjectStore> other);

  [[nodiscard]] const Config& config() const { return config_; }
  db::Database& database() { return *database_; }
  // The one that artifacts lie in.
  store::ObjectStore& artifact_store() { return other_ ? *other_ : *surroundings_.built_in; }
  MlflowServer& mlflow() { return *mlflow_; }

 private:
  std::unique_ptr<auth::Gate> make_gate();
  MlflowServerOptions mlflow_options();
  WebhookOptions webhook_options();
  artifacts::Presign presign();
  jobs::SupervisorOptions job_options();
  jobs::Variables job_environment(const jobs::JobSpec& spec, const jobs::Pass& pass);

  const Surroundings& surroundings_;
  const Config config_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<store::ObjectStore> other_;
  std::unique_ptr<auth::Gate> gate_;  // null where nobody has to log in
  std::unique_ptr<MlflowServer> mlflow_;
};

// Where MLflow's own pages are: where the setting mlflow-ui says, or, when that is empty, where
// this machine has them. nullopt when there are none.
std::optional<std::filesystem::path> find_mlflow_ui(const std::string& place);

}  // namespace sandbox
