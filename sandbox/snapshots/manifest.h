// What a snapshot is: a directory with the whole lab as it was at one moment, and a manifest, the
// last file that is written.
//
//   snapshot.json        the manifest; without it nothing here counts
//   metadata.db          runs, models, traces: a whole SQLite database, also of a lab on PostgreSQL
//   objects/             all buckets, as open_object_store() opens them; large files are shared
//                        with the lab while both lie in one file system. Not there when the files
//                        of runs lie in another object store, which the manifest names
//   basic_auth.db        users, grants and tokens, where the lab has them
//   job-secrets.json     what the lab keeps for jobs that ask for it, readable by its owner alone
//   job-config.json
//   webhooks.key         opens the webhooks' secrets in the metadata, where the lab keeps a key
//   mlops-sandbox.conf   the settings file of the data directory, where there is one
//
// Not in it: logs, other snapshots, and what was set by flags or variables (S3 keys, TLS).
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "sandbox/base/fields.h"

namespace sandbox::snapshots {

inline constexpr std::int64_t format_version = 1;

inline constexpr const char* manifest_name = "snapshot.json";
inline constexpr const char* metadata_name = "metadata.db";
inline constexpr const char* objects_name = "objects";
inline constexpr const char* users_name = "basic_auth.db";
inline constexpr const char* job_secrets_name = "job-secrets.json";
inline constexpr const char* job_config_name = "job-config.json";
inline constexpr const char* webhooks_key_name = "webhooks.key";
inline constexpr const char* settings_name = "mlops-sandbox.conf";

struct FileRow {
  std::string path;  // relative to the snapshot
  std::int64_t bytes = 0;
  // Hex. "" for files of chunks, which bear checksums of their own in every block.
  std::string sha256;
  static constexpr auto fields() {
    return std::tuple{field("path", &FileRow::path), field("bytes", &FileRow::bytes),
                      field("sha256", &FileRow::sha256)};
  }
};

struct Counts {
  std::int64_t experiments = 0;
  std::int64_t runs = 0;
  std::int64_t logged_models = 0;
  std::int64_t registered_models = 0;
  std::int64_t model_versions = 0;
  std::int64_t traces = 0;
  std::int64_t objects = 0;
  std::int64_t object_bytes = 0;
  static constexpr auto fields() {
    return std::tuple{field("experiments", &Counts::experiments),
                      field("runs", &Counts::runs),
                      field("logged_models", &Counts::logged_models),
                      field("registered_models", &Counts::registered_models),
                      field("model_versions", &Counts::model_versions),
                      field("traces", &Counts::traces),
                      field("objects", &Counts::objects),
                      field("object_bytes", &Counts::object_bytes)};
  }
};

struct Manifest {
  std::int64_t format = 0;
  std::string version;  // of the program that made it
  std::string name;
  std::int64_t created_ms = 0;  // the moment
  // What the lab was started with and its rows rely on.
  std::string default_artifact_root;
  std::string artifacts_destination;
  std::string auth;
  // The other object store that the files of runs have stayed in; "" when they are here.
  std::string artifacts_endpoint;
  std::string artifacts_region;
  std::string artifacts_addressing;
  std::string artifacts_ca_file;
  Counts counts;
  std::vector<FileRow> files;
  [[nodiscard]] bool has_objects() const { return artifacts_endpoint.empty(); }
  static constexpr auto fields() {
    return std::tuple{field("format", &Manifest::format),
                      field("version", &Manifest::version),
                      field("name", &Manifest::name),
                      field("created_ms", &Manifest::created_ms),
                      field("default_artifact_root", &Manifest::default_artifact_root),
                      field("artifacts_destination", &Manifest::artifacts_destination),
                      field("auth", &Manifest::auth),
                      field("artifacts_endpoint", &Manifest::artifacts_endpoint),
                      field("artifacts_region", &Manifest::artifacts_region),
                      field("artifacts_addressing", &Manifest::artifacts_addressing),
                      field("artifacts_ca_file", &Manifest::artifacts_ca_file),
                      field("counts", &Manifest::counts),
                      field("files", &Manifest::files)};
  }
};

// Of a finished snapshot. Throws Error: not one, not finished, or made by a newer program.
Manifest read_manifest(const std::string& directory);
// What is there, as rows of a manifest.
std::vector<FileRow> file_rows(const std::string& directory);
// One sentence for each thing that is not as the manifest says. `every_byte` reads the objects too.
std::vector<std::string> differences(const std::string& directory,
                                     const Manifest& manifest,
                                     bool every_byte);

}  // namespace sandbox::snapshots
