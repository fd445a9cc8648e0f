// A lab on disk as the commands see it: one directory, one lock that a running process holds, and
// one file that says where that process answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "sandbox/base/fields.h"
#include "sandbox/http/client.h"

namespace sandbox::cli {

// <data>/state.json, readable by its owner only: it holds the S3 keys for `env`
// and a token.
struct LabState {
  std::string tracking_url;
  std::string s3_url;  // "" with --no-s3
  std::string console_url;
  std::string access_key;
  std::string secret_key;
  std::string data_dir;
  std::int64_t pid = 0;
  std::int64_t started_ms = 0;
  std::string version;
  std::string backend_store_uri;
  std::string default_artifact_root;
  std::string artifacts_destination;
  std::string artifacts_endpoint;  // of the object store that is not ours, else ""
  std::string artifacts_region;
  std::string artifacts_addressing;
  std::string artifacts_ca_file;
  std::string auth;         // "none" or "basic"
  std::string local_token;  // for the commands, as long as this process runs
  std::string tls_cert;     // the certificate's file; "" without TLS

  static constexpr auto fields() {
    return std::tuple{field("tracking_url", &LabState::tracking_url),
                      field("s3_url", &LabState::s3_url),
                      field("console_url", &LabState::console_url),
                      field("access_key", &LabState::access_key),
                      field("secret_key", &LabState::secret_key),
                      field("data_dir", &LabState::data_dir),
                      field("pid", &LabState::pid),
                      field("started_ms", &LabState::started_ms),
                      field("version", &LabState::version),
                      field("backend_store_uri", &LabState::backend_store_uri),
                      field("default_artifact_root", &LabState::default_artifact_root),
                      field("artifacts_destination", &LabState::artifacts_destination),
                      field("artifacts_endpoint", &LabState::artifacts_endpoint),
                      field("artifacts_region", &LabState::artifacts_region),
                      field("artifacts_addressing", &LabState::artifacts_addressing),
                      field("artifacts_ca_file", &LabState::artifacts_ca_file),
                      field("auth", &LabState::auth),
                      field("local_token", &LabState::local_token),
                      field("tls_cert", &LabState::tls_cert)};
  }
};

// <data>/places.json: where the lab that ran here last kept its things. Unlike the state it stays
// when the lab stops, so that commands find the same database again.
struct LabPlaces {
  std::string backend_store_uri;
  std::string default_artifact_root;
  std::string artifacts_destination;
  std::string artifacts_endpoint;  // its keys are nowhere kept
  std::string artifacts_region;
  std::string artifacts_addressing;
  std::string artifacts_ca_file;
  std::string auth;

  static constexpr auto fields() {
    return std::tuple{field("backend_store_uri", &LabPlaces::backend_store_uri),
                      field("default_artifact_root", &LabPlaces::default_artifact_root),
                      field("artifacts_destination", &LabPlaces::artifacts_destination),
                      field("artifacts_endpoint", &LabPlaces::artifacts_endpoint),
                      field("artifacts_region", &LabPlaces::artifacts_region),
                      field("artifacts_addressing", &LabPlaces::artifacts_addressing),
                      field("artifacts_ca_file", &LabPlaces::artifacts_ca_file),
                      field("auth", &LabPlaces::auth)};
  }
};

// Holds <data>/lock as long as it lives; the kernel lets go when the process ends, however it ends.
class LabLock {
 public:
  // Makes the directory (for its owner only) when it is not there. Throws Error naming the process
  // that has the lock.
  explicit LabLock(const std::string& data_dir);
  ~LabLock();
  LabLock(const LabLock&) = delete;
  LabLock& operator=(const LabLock&) = delete;

 private:
  int file_ = -1;
};

void write_places(const std::string& data_dir, const LabPlaces& places);
// Writes the places as well.
void write_state(const LabState& state);
void remove_state(const std::string& data_dir);

// The process that holds the lock, as the kernel knows it; nullopt when none does. 0 when it runs
// in another container, where its number means nothing here.
std::optional<std::int64_t> lock_holder(const std::string& data_dir);
// The state of the running lab; nullopt when none runs there, or it has not begun to answer.
std::optional<LabState> running_lab(const std::string& data_dir);
// The same, or an Error that says how to start one.
LabState need_running_lab(const std::string& data_dir);

// Of the lab that runs there or ran there last; nullopt when none has.
std::optional<LabPlaces> lab_places(const std::string& data_dir);

// One of the lab's ports, for the commands: its certificate is trusted, this person logged in.
http::Peer peer_of(const LabState& state, const std::string& url);

// What the tracking server answers with 200 when it reaches the store that artifacts lie in.
inline constexpr const char* artifact_store_probe =
    "/api/2.0/mlflow-artifacts/artifacts?path=nothing-lies-here";

std::string log_file(const std::string& data_dir);
std::string settings_file(const std::string& data_dir);

// "45s", "12m", "3h", "9d": an age as kubectl writes it.
std::string age_text(std::int64_t ms);
// "17 bytes", "1.5 KiB", "4.0 GiB".
std::string size_text(std::int64_t bytes);
std::string count_text(std::int64_t count, const std::string& noun);  // "1 run", "2 runs"

}  // namespace sandbox::cli
