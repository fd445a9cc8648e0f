// What a lab has, as far as a cluster wants to know it. No secret is in it: it may be written down.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "sandbox/base/fields.h"
#include "sandbox/jobs/job.h"

namespace sandbox::cluster_export {

struct LabExperiment {
  std::string experiment_id;
  std::string name;
  std::string artifact_location;
  static constexpr auto fields() {
    return std::tuple{field("experiment_id", &LabExperiment::experiment_id),
                      field("name", &LabExperiment::name),
                      field("artifact_location", &LabExperiment::artifact_location)};
  }
};

// A version that a cluster may serve.
struct LabModelVersion {
  std::int64_t version = 0;
  std::vector<std::string> aliases;  // in the order of their names
  std::string run_id;                // "" where none made it
  std::string bucket;                // where its files lie in the lab; "" where that cannot be told
  std::string key;
  std::vector<std::string> flavors;  // of its MLmodel file; empty where there is none
  std::vector<std::string> files;    // at the top of its folder, in the order of their names
  static constexpr auto fields() {
    return std::tuple{
        field("version", &LabModelVersion::version), field("aliases", &LabModelVersion::aliases),
        field("run_id", &LabModelVersion::run_id),   field("bucket", &LabModelVersion::bucket),
        field("key", &LabModelVersion::key),         field("flavors", &LabModelVersion::flavors),
        field("files", &LabModelVersion::files)};
  }
};

struct LabModel {
  std::string name;
  std::vector<LabModelVersion> versions;  // with an alias, and the newest one; the newest first
  static constexpr auto fields() {
    return std::tuple{field("name", &LabModel::name), field("versions", &LabModel::versions)};
  }
};

struct LabUser {
  std::string username;
  bool is_admin = false;
  static constexpr auto fields() {
    return std::tuple{field("username", &LabUser::username), field("is_admin", &LabUser::is_admin)};
  }
};

struct Lab {
  std::string version;         // of this program
  std::string mlflow_version;  // that it answers as: whose schema its database has
  std::string tracking_url;
  std::string s3_url;   // "" with --no-s3
  std::string backend;  // "sqlite" or "postgresql"
  std::string auth;     // "none" or "basic"
  std::string default_artifact_root;
  std::string artifacts_destination;
  std::string artifacts_endpoint;              // of the store that is not the lab's own, else ""
  std::vector<LabExperiment> experiments;      // the active ones, oldest first
  std::vector<std::string> buckets;            // in the order of their names
  std::vector<LabModel> models;                // in the order of their names; no prompts
  std::vector<LabUser> users;                  // in the order of their names
  std::vector<jobs::Job> jobs;                 // the newest first
  std::vector<tracking::KeyValue> job_config;  // kept for jobs, in the order of their names
  std::vector<std::string> job_secrets;        // names of what is kept for jobs, likewise
  static constexpr auto fields() {
    return std::tuple{field("version", &Lab::version),
                      field("mlflow_version", &Lab::mlflow_version),
                      field("tracking_url", &Lab::tracking_url),
                      field("s3_url", &Lab::s3_url),
                      field("backend", &Lab::backend),
                      field("auth", &Lab::auth),
                      field("default_artifact_root", &Lab::default_artifact_root),
                      field("artifacts_destination", &Lab::artifacts_destination),
                      field("artifacts_endpoint", &Lab::artifacts_endpoint),
                      field("experiments", &Lab::experiments),
                      field("buckets", &Lab::buckets),
                      field("models", &Lab::models),
                      field("users", &Lab::users),
                      field("jobs", &Lab::jobs),
                      field("job_config", &Lab::job_config),
                      field("job_secrets", &Lab::job_secrets)};
  }
};

}  // namespace sandbox::cluster_export
