// Presigned URLs: the client asks here and then sends to or fetches from the object store itself.
// Source: mlflow/server/handlers.py and mlflow/store/artifact/s3_artifact_repo.py.
#include "sandbox/artifacts/api.h"
#include "sandbox/artifacts/artifacts.h"
#include "sandbox/artifacts/download.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::artifacts {
namespace {

constexpr std::int64_t upload_expires_s = 900;
constexpr std::int64_t expires_s_max = 604'800;  // a week, the most S3 grants

struct PresignUpload {
  std::string run_id;
  std::string model_id;
  std::string path;
  std::int64_t expiration = upload_expires_s;
  static constexpr auto fields() {
    return std::tuple{field("run_id", &PresignUpload::run_id, "This or model_id."),
                      field("model_id", &PresignUpload::model_id),
                      required("path", &PresignUpload::path),
                      field("expiration", &PresignUpload::expiration, "In seconds.")};
  }
};

struct PresignDownload {
  std::string run_id;
  std::string path;
  std::optional<std::int64_t> expiration;
  static constexpr auto fields() {
    return std::tuple{required("run_id", &PresignDownload::run_id),
                      required("path", &PresignDownload::path),
                      field("expiration", &PresignDownload::expiration, "In seconds.")};
  }
};

struct PresignedUpload {
  std::string presigned_url;
  JsonText headers;
  static constexpr auto fields() {
    return std::tuple{
        field("presigned_url", &PresignedUpload::presigned_url, "Takes the file by a PUT."),
        field("headers", &PresignedUpload::headers, "To be sent with it.")};
  }
};

struct PresignedDownload {
  std::string presigned_url;
  std::int64_t file_size = 0;
  static constexpr auto fields() {
    return std::tuple{field("presigned_url", &PresignedDownload::presigned_url),
                      field("file_size", &PresignedDownload::file_size, "In bytes.")};
  }
};

// What the proxy's clients read.
struct ProxyDownload {
  std::string url;
  JsonText headers{"{}"};
  std::int64_t file_size = 0;
  static constexpr auto fields() {
    return std::tuple{field("url", &ProxyDownload::url), field("headers", &ProxyDownload::headers),
                      field("file_size", &ProxyDownload::file_size, "In bytes.")};
  }
};

void check_expiration(std::int64_t expiration) {
  if (expiration >= 1 && expiration <= expires_s_max) return;
  throw Error(
      Code::invalid_parameter_value,
      "expiration must be between 1 and 604800 seconds (got " + std::to_string(expiration) + ").");
}

// Clients of proxied roots go through the proxy. `what` is "upload" or "download".
Location place_below(Artifacts& artifacts,
                     const std::string& root,
                     const std::string& what,
                     const std::string& of,
                     const std::string& needs) {
  const std::string scheme = root.substr(0, root.find(':'));
  if (scheme == "http" || scheme == "https" || scheme == "mlflow-artifacts") {
    throw Error(Code::invalid_parameter_value,
                "Presigned " + what + " is not supported for " + of +
                    "proxied artifact storage (artifact URI scheme: " + scheme +
                    "). This endpoint requires " + needs + " direct cloud storage artifact URI.");
  }
  if (scheme != "s3" || !artifacts.can_presign()) {
    throw Error(Code::not_implemented,
                "Presigned " + what + " is not supported for the current artifact repository");
  }
  return artifacts.locate_uri(root);
}

PresignedUpload presign_upload(Artifacts& artifacts, const PresignUpload& in) {
  if (in.run_id.empty() == in.model_id.empty()) {
    throw Error(Code::invalid_parameter_value,
                "Exactly one of run_id and model_id must be provided.");
  }
  const std::string path = file_path(safe_path(in.path));
  check_expiration(in.expiration);
  const std::string root =
      in.run_id.empty() ? artifacts.model_root(in.model_id) : artifacts.run_root(in.run_id);
  const Location file = place_below(artifacts, root, "upload", "", "a").below(path);
  const std::string type = content_type_of(file.key);
  std::string headers;
  JsonWriter writer(headers);
  writer.begin_object();
  writer.name("Content-Type");
  writer.value(type);
  writer.end_object();
  return {artifacts.upload_url(file, type, in.expiration), {headers}};
}

PresignedDownload presign_download(Artifacts& artifacts, const PresignDownload& in) {
  const std::string path = plain_path(safe_path(in.path));
  const std::int64_t expiration = in.expiration.value_or(artifacts.download_expires_s());
  check_expiration(expiration);
  const Location root = place_below(artifacts, artifacts.run_root(in.run_id), "download",
                                    "runs with ", "a run with a");
  const Artifacts::Download download = artifacts.download_url(root.below(path), expiration);
  return {download.url, download.bytes};
}

http::Response presign_proxied(Artifacts& artifacts, const http::Request& request) {
  const std::string path = plain_path(safe_path(request.parameter("artifact_path")));
  if (!artifacts.can_presign()) {
    throw Error(Code::not_implemented,
                "Multipart download is not supported for the current artifact repository");
  }
  const Artifacts::Download download =
      artifacts.download_url(artifacts.destination().below(path), artifacts.download_expires_s());
  return http::Response::json(200, to_json(ProxyDownload{download.url, {"{}"}, download.bytes}));
}

}  // namespace

void install_presigned(http::Api& api, Artifacts& artifacts) {
  const std::string root = "2.0/mlflow/artifacts/";
  api.post<PresignUpload, PresignedUpload>(
      root + "presigned-upload-url", "A URL that takes one file of a run or a logged model.",
      [&](const PresignUpload& in) { return presign_upload(artifacts, in); });
  api.post<PresignDownload, PresignedDownload>(
      root + "presigned-download-url", "A URL that gives one file of a run.",
      [&](const PresignDownload& in) { return presign_download(artifacts, in); });
  api.add_raw("GET", "2.0/mlflow-artifacts/presigned/{artifact_path...}",
              "A URL that gives one file behind the proxy.",
              [&](http::Request& request) { return presign_proxied(artifacts, request); });
}

}  // namespace sandbox::artifacts
