// Reads a lab for an export.
#pragma once

#include <string>

#include "embedded_store/object_store.h"
#include "sandbox/artifacts/artifacts.h"
#include "sandbox/auth/accounts.h"
#include "sandbox/cluster_export/lab.h"
#include "sandbox/http/api.h"
#include "sandbox/jobs/jobs.h"
#include "sandbox/jobs/secrets.h"
#include "sandbox/registry/registered_models.h"
#include "sandbox/tracking/experiments.h"

namespace sandbox::cluster_export {

// As the lab was started.
struct LabFacts {
  std::string mlflow_version;
  std::string backend;  // "sqlite" or "postgresql"
  std::string auth;
  std::string default_artifact_root;
  std::string artifacts_destination;
  std::string artifacts_endpoint;
};

struct Rooms {
  tracking::Experiments& experiments;
  registry::RegisteredModels& models;
  registry::ModelVersions& versions;
  artifacts::Artifacts& artifacts;
  jobs::Jobs& jobs;
  jobs::KeptVariables& job_secrets;
  jobs::KeptVariables& job_config;
  store::ObjectStore& objects;
  const auth::Accounts* accounts;  // null without users
};

// The addresses stay empty: who asks knows where the lab answers. Of jobs the newest
// jobs::jobs_listed_max. Files that cannot be read leave a version without flavors or place.
Lab read_lab(const Rooms& rooms, const LabFacts& facts);

// GET sandbox/lab answers the Lab. The rooms must outlive the Api.
void install_lab(http::Api& api, const Rooms& rooms, const LabFacts& facts);

}  // namespace sandbox::cluster_export
