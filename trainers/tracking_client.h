// MLflow's public REST API and artifact proxy, as far as a trainer needs them. One thread at a
// time.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "sandbox/base/fields.h"
#include "sandbox/http/caller.h"
#include "trainers/trainer.h"

namespace trainers {

struct Metric {
  std::string key;
  double value = 0;
  std::int64_t timestamp = 0;  // ms since 1970
  std::int64_t step = 0;
  static constexpr auto fields() {
    return std::tuple{sandbox::field("key", &Metric::key), sandbox::field("value", &Metric::value),
                      sandbox::field("timestamp", &Metric::timestamp),
                      sandbox::field("step", &Metric::step)};
  }
};

// Data that a run read, as MLflow's pages show them.
struct DatasetInput {
  std::string name;
  std::string digest;       // at most 36 characters
  std::string source_type;  // "local", "s3", "http"
  std::string source;       // JSON, such as {"uri": "s3://bucket/key"}
  std::string schema;       // JSON, such as {"mlflow_colspec": […]}
  std::string profile;      // JSON, such as {"num_rows": 3}
  std::string context;      // what they were read for: "training"
};

struct RunInfo {
  std::string run_id;
  std::string experiment_id;
  std::string run_name;
  std::string status;
  std::string artifact_uri;
  std::map<std::string, std::string> params;
  std::map<std::string, std::string> tags;
  std::map<std::string, double> metrics;  // the last value of each
};

struct ArtifactInfo {
  std::string path;  // below the run's artifacts
  bool is_folder = false;
};

// Nobody answers, or only with 429 or 5xx: worth another try later.
struct ServerAway {
  std::string why;
};

class TrackingClient {
 public:
  // Reads MLFLOW_TRACKING_URI, _TOKEN, _USERNAME, _PASSWORD, _INSECURE_TLS and _SERVER_CERT_PATH.
  // Throws Error when the first is not set or no http(s) address.
  explicit TrackingClient(const Variables& environment);

  [[nodiscard]] const std::string& url() const { return url_; }

  // Each of these throws ServerAway, and Error with the server's sentence when it refuses.
  std::string experiment_id(const std::string& name);  // made where there is none, restored not
  RunInfo create_run(const std::string& experiment_id,
                     const std::string& name,
                     std::int64_t start_ms,
                     const std::map<std::string, std::string>& tags);
  RunInfo run(const std::string& run_id);
  // All runs below a parent, the oldest first.
  std::vector<RunInfo> children(const std::string& experiment_id, const std::string& parent_id);
  void set_status(const std::string& run_id, const std::string& status, std::int64_t end_ms);
  // At most `batch_values_max` of everything together.
  void log_batch(const std::string& run_id,
                 const std::vector<Metric>& metrics,
                 const std::map<std::string, std::string>& params,
                 const std::map<std::string, std::string>& tags);
  void log_inputs(const std::string& run_id, const std::vector<DatasetInput>& datasets);
  void upload(const RunInfo& run, const std::filesystem::path& file, const std::string& artifact);
  // False when there is no such artifact.
  bool download(const RunInfo& run, const std::string& artifact, const std::filesystem::path& file);
  std::vector<ArtifactInfo> list(const RunInfo& run, const std::string& folder);
  // The number of the new version.
  std::string create_version(const std::string& name,
                             const std::string& source,
                             const std::string& run_id);
  void set_alias(const std::string& name, const std::string& alias, const std::string& version);

  // Throws Error when the run's files do not go through the server, as upload would.
  void check_artifact_root(const RunInfo& run) const { std::ignore = proxy_target(run, ""); }

 private:
  std::string ask(const std::string& method, const std::string& path, const std::string& json);
  sandbox::http::Call call_to(const std::string& method, const std::string& target) const;
  [[nodiscard]] std::string proxy_target(const RunInfo& run, const std::string& artifact) const;

  sandbox::http::Caller caller_;
  std::string url_;
  std::string authorization_;
  std::string ca_file_;
  bool check_certificate_ = true;
};

inline constexpr std::size_t batch_metrics_max = 1000;
inline constexpr std::size_t batch_values_max = 100;  // of params and tags each, MLflow's limits

}  // namespace trainers
