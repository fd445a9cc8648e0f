// A run's, a logged model's and a model version's files, kept as objects. One class for the proxy
// (mlflow-artifacts) and for the endpoints that name a run or a model.
// Source of the rules: MLflow 3.17's artifact handlers and its S3 artifact repository.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "embedded_store/object_store.h"
#include "sandbox/artifacts/artifact_location.h"
#include "sandbox/base/fields.h"
#include "sandbox/db/database.h"
#include "sandbox/http/request.h"

namespace sandbox::artifacts {

// An entry of a listing.
struct FileInfo {
  std::string path;
  bool is_dir = false;
  std::optional<std::int64_t> file_size;  // absent for directories and empty files
  static constexpr auto fields() {
    return std::tuple{field("path", &FileInfo::path, "Relative to the root that was listed."),
                      field("is_dir", &FileInfo::is_dir),
                      field("file_size", &FileInfo::file_size, "In bytes.")};
  }
};

// One request to the object store that a URL shall allow.
struct Presigning {
  std::string method;
  std::string bucket;
  std::string key;
  std::string query{};         // names and values percent-encoded
  std::string content_type{};  // when not empty, the request must say this
  std::int64_t expires_s = 0;
};
// The URL, as clients reach the object store.
using Presign = std::function<std::string(const Presigning&)>;

// Every method may be called from every thread. Failures of the store are thrown as Error: what the
// client can mend as INVALID_PARAMETER_VALUE or RESOURCE_DOES_NOT_EXIST.
class Artifacts {
 public:
  // The proxy keeps its files below `destination`. Without `presign` multipart uploads and
  // presigned URLs are refused with NOT_IMPLEMENTED, and clients go through the proxy.
  Artifacts(db::Database& database,
            store::ObjectStore& store,
            Location destination,
            Presign presign,
            std::int64_t download_expires_s = 300);

  [[nodiscard]] const Location& destination() const { return destination_; }
  // What a URI names; runs:/<id>/<path> and models:/<model id or name/version> are followed. Throws
  // RESOURCE_DOES_NOT_EXIST for an unknown run or model.
  Location locate_uri(std::string_view uri);
  // The artifact URI of a run; deleted runs have one too.
  std::string run_root(std::string_view run_id);
  // The artifact URI of a logged model that is not deleted.
  std::string model_root(std::string_view model_id);
  // The artifact URI of a registered model's version.
  std::string version_root(std::string_view name, std::string_view version);

  // Stores the body as a file, in flat memory; an older one is replaced when all of it has come.
  void put(const Location& file, http::BodyReader& body);
  void put(const Location& file, std::string_view content);
  // Throws RESOURCE_DOES_NOT_EXIST, or INVALID_PARAMETER_VALUE when it is a directory.
  std::unique_ptr<store::ObjectReader> open(const Location& file);
  // The entries of one directory in order of their names, with `shown_directory` and '/' before
  // each path. Nothing for a missing directory and for a file.
  std::vector<FileInfo> list(const Location& directory, std::string_view shown_directory = "");
  // Removes a file, or everything below a directory. Nothing to remove is no error.
  void remove(const Location& place);

  [[nodiscard]] bool can_presign() const { return static_cast<bool>(presign_); }
  // How long URLs of downloads are good when nobody says.
  [[nodiscard]] std::int64_t download_expires_s() const { return download_expires_s_; }
  // A URL that takes the file by a PUT with this Content-Type.
  std::string upload_url(const Location& file,
                         const std::string& content_type,
                         std::int64_t expires_s);
  struct Download {
    std::string url;
    std::int64_t bytes = 0;
  };
  // Throws what open() throws.
  Download download_url(const Location& file, std::int64_t expires_s);

  struct Upload {
    std::string id;
    std::vector<std::string> part_urls;  // for parts 1, 2, …
  };
  Upload create_upload(const Location& file, int parts);
  void complete_upload(const Location& file,
                       const std::string& upload_id,
                       const std::vector<store::CompletedPart>& parts);
  void abort_upload(const Location& file, const std::string& upload_id);

 private:
  Location locate_uri(std::string_view uri, int depth);
  bool is_directory(const Location& place);

  db::Database& database_;
  store::ObjectStore& store_;
  Location destination_;
  Presign presign_;
  std::int64_t download_expires_s_;
};

}  // namespace sandbox::artifacts
