// Multipart uploads through the proxy: the client asks for part URLs, puts the parts there, and
// says which it sent. Source: mlflow/store/artifact/http_artifact_repo.py and s3_artifact_repo.py.
#include "sandbox/artifacts/api.h"
#include "sandbox/artifacts/artifacts.h"
#include "sandbox/base/error.h"

namespace sandbox::artifacts {
namespace {

constexpr std::int64_t parts_max = 10'000;

// The first words are what clients look for before they fall back to a plain PUT.
constexpr const char* no_multipart =
    "Multipart upload is not supported for the current artifact repository";
constexpr const char* no_multipart_download =
    "Multipart download is not supported for the current artifact repository";

constexpr std::int64_t presigned_seconds_max = 604'800;  // a week, the most S3 grants

struct CreateUpload {
  std::string path;
  std::int64_t num_parts = 1;
  static constexpr auto fields() {
    return std::tuple{
        required("path", &CreateUpload::path, "The client's file; its last part is the name."),
        field("num_parts", &CreateUpload::num_parts, "1 to 10000.")};
  }
};

struct Credential {
  std::string url;
  std::int64_t part_number = 0;
  static constexpr auto fields() {
    return std::tuple{field("url", &Credential::url, "Takes the part by a plain PUT."),
                      field("part_number", &Credential::part_number)};
  }
};

struct CreatedUpload {
  std::string upload_id;
  std::vector<Credential> credentials;
  static constexpr auto fields() {
    return std::tuple{field("upload_id", &CreatedUpload::upload_id),
                      field("credentials", &CreatedUpload::credentials)};
  }
};

struct Part {
  std::int64_t part_number = 0;
  std::string etag;
  static constexpr auto fields() {
    return std::tuple{field("part_number", &Part::part_number), field("etag", &Part::etag)};
  }
};

struct CompleteUpload {
  std::string path;
  std::string upload_id;
  std::vector<Part> parts;
  static constexpr auto fields() {
    return std::tuple{required("path", &CompleteUpload::path),
                      field("upload_id", &CompleteUpload::upload_id),
                      required("parts", &CompleteUpload::parts)};
  }
};

struct AbortUpload {
  std::string path;
  std::string upload_id;
  static constexpr auto fields() {
    return std::tuple{required("path", &AbortUpload::path),
                      field("upload_id", &AbortUpload::upload_id)};
  }
};

// A URL that needs no key, in the words of the run endpoints and of the proxy's.
struct PresignedUpload {
  std::string presigned_url;
  std::optional<JsonText> headers;
  static constexpr auto fields() {
    return std::tuple{field("presigned_url", &PresignedUpload::presigned_url),
                      field("headers", &PresignedUpload::headers)};
  }
};

struct PresignedDownload {
  std::string presigned_url;
  std::optional<JsonText> headers;
  std::optional<std::int64_t> file_size;
  static constexpr auto fields() {
    return std::tuple{field("presigned_url", &PresignedDownload::presigned_url),
                      field("headers", &PresignedDownload::headers),
                      field("file_size", &PresignedDownload::file_size)};
  }
};

struct PresignProxied {
  std::string artifact_path;
  static constexpr auto fields() {
    return std::tuple{in_path("artifact_path", &PresignProxied::artifact_path)};
  }
};

struct PresignedProxied {
  std::string url;
  std::optional<JsonText> headers;
  std::optional<std::int64_t> file_size;
  static constexpr auto fields() {
    return std::tuple{field("url", &PresignedProxied::url),
                      field("headers", &PresignedProxied::headers),
                      field("file_size", &PresignedProxied::file_size)};
  }
};

struct PresignUpload {
  std::string run_id;
  std::string model_id;
  std::string path;
  std::int64_t expiration = 900;
  static constexpr auto fields() {
    return std::tuple{field("run_id", &PresignUpload::run_id),
                      field("model_id", &PresignUpload::model_id),
                      required("path", &PresignUpload::path),
                      field("expiration", &PresignUpload::expiration, "In seconds.")};
  }
};

struct PresignDownload {
  std::string run_id;
  std::string path;
  std::int64_t expiration = 900;
  static constexpr auto fields() {
    return std::tuple{required("run_id", &PresignDownload::run_id),
                      required("path", &PresignDownload::path),
                      field("expiration", &PresignDownload::expiration, "In seconds.")};
  }
};

// Presigned URLs are not given out: proxied roots have none in the reference either, and for the
// others clients hold keys of their own. `what` is "upload" or "download".
[[noreturn]] void refuse_presigned(const std::string& root,
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
  throw Error(Code::not_implemented,
              "Presigned " + what + " is not supported for the current artifact repository");
}

void install_presigned(http::Api& api, Artifacts& artifacts) {
  const std::string root = "2.0/mlflow/artifacts/";
  api.post<PresignUpload, PresignedUpload>(
      root + "presigned-upload-url", "Refused: uploads go through the proxy or plain S3.",
      [&](const PresignUpload& in) -> PresignedUpload {
        if (in.run_id.empty() == in.model_id.empty()) {
          throw Error(Code::invalid_parameter_value,
                      "Exactly one of run_id and model_id must be provided.");
        }
        safe_path(in.path);
        refuse_presigned(
            in.run_id.empty() ? artifacts.model_root(in.model_id) : artifacts.run_root(in.run_id),
            "upload", "", "a");
      });
  api.post<PresignDownload, PresignedDownload>(
      root + "presigned-download-url", "Refused: downloads go through the proxy or plain S3.",
      [&](const PresignDownload& in) -> PresignedDownload {
        safe_path(in.path);
        if (in.expiration < 1 || in.expiration > presigned_seconds_max) {
          throw Error(Code::invalid_parameter_value,
                      "expiration must be between 1 and 604800 seconds (got " +
                          std::to_string(in.expiration) + ").");
        }
        refuse_presigned(artifacts.run_root(in.run_id), "download", "runs with ", "a run with a");
      });
}

// The object: the directory of the URL and the name of the client's local file, which may be
// written the Windows way.
Location upload_place(Artifacts& artifacts, const http::Request& request, std::string_view path) {
  const std::string directory = plain_path(safe_path(request.parameter("artifact_path")));
  const std::string name = file_path(path.substr(path.find_last_of("/\\") + 1));
  return artifacts.destination().below(directory).below(name);
}

void check_support(const Artifacts& artifacts) {
  if (!artifacts.has_multipart()) throw Error(Code::not_implemented, no_multipart);
}

// Clients of 2.9 and 2.10 leave the run's root out of the path, so their file would go astray in
// silence; told there is no multipart upload, they send a plain PUT to the right place.
void decline_clients_that_lose_the_root(const http::Request& request) {
  const std::string_view agent = request.headers.get("user-agent");
  for (const std::string_view version : {"2.9.", "2.10."}) {
    if (agent.starts_with("mlflow-python-client/" + std::string(version))) {
      throw Error(Code::not_implemented, no_multipart);
    }
  }
}

CreatedUpload create(Artifacts& artifacts, const CreateUpload& in, const http::Request& request) {
  check_support(artifacts);
  decline_clients_that_lose_the_root(request);
  const Location place = upload_place(artifacts, request, in.path);
  if (in.num_parts < 1 || in.num_parts > parts_max) {
    throw Error(Code::invalid_parameter_value, "num_parts must be between 1 and " +
                                                   std::to_string(parts_max) + " (got " +
                                                   std::to_string(in.num_parts) + ").");
  }
  Artifacts::Upload upload = artifacts.create_upload(place, static_cast<int>(in.num_parts));
  CreatedUpload out{std::move(upload.id), {}};
  for (std::string& url : upload.part_urls) {
    out.credentials.push_back(
        {std::move(url), static_cast<std::int64_t>(out.credentials.size()) + 1});
  }
  return out;
}

Empty complete(Artifacts& artifacts, const CompleteUpload& in, const http::Request& request) {
  check_support(artifacts);
  const Location place = upload_place(artifacts, request, in.path);
  std::vector<store::CompletedPart> parts;
  for (const Part& part : in.parts) {
    if (part.part_number < 1 || part.part_number > parts_max) {
      throw Error(Code::invalid_parameter_value,
                  "part_number must be between 1 and " + std::to_string(parts_max) + ".");
    }
    std::string_view etag = part.etag;
    if (etag.starts_with('"')) etag.remove_prefix(1);
    if (etag.ends_with('"')) etag.remove_suffix(1);
    parts.push_back({static_cast<int>(part.part_number), std::string(etag), {}});
  }
  artifacts.complete_upload(place, in.upload_id, parts);
  return {};
}

Empty abort(Artifacts& artifacts, const AbortUpload& in, const http::Request& request) {
  check_support(artifacts);
  artifacts.abort_upload(upload_place(artifacts, request, in.path), in.upload_id);
  return {};
}

}  // namespace

void install_multipart(http::Api& api, Artifacts& artifacts) {
  const std::string root = "2.0/mlflow-artifacts/";
  api.post<CreateUpload, CreatedUpload>(root + "mpu/create/{artifact_path...}",
                                        "Begin a multipart upload.",
                                        [&](const CreateUpload& in, const http::Request& request) {
                                          return create(artifacts, in, request);
                                        });
  api.post<CompleteUpload, Empty>(root + "mpu/complete/{artifact_path...}",
                                  "Make an upload's parts one file.",
                                  [&](const CompleteUpload& in, const http::Request& request) {
                                    return complete(artifacts, in, request);
                                  });
  api.post<AbortUpload, Empty>(root + "mpu/abort/{artifact_path...}", "Give up a multipart upload.",
                               [&](const AbortUpload& in, const http::Request& request) {
                                 return abort(artifacts, in, request);
                               });
  // What the clients of 2.9 and 2.10 ask for a file in their run's root.
  api.add_raw("POST", root + "mpu/create", "Refused: the path must say where the file goes.",
              [](http::Request& /*request*/) -> http::Response {
                throw Error(Code::not_implemented, no_multipart);
              });
  api.get<PresignProxied, PresignedProxied>(
      root + "presigned/{artifact_path...}", "Refused: downloads go through the proxy.",
      [](const PresignProxied& in) -> PresignedProxied {
        safe_path(in.artifact_path);
        throw Error(Code::not_implemented, no_multipart_download);
      });
  install_presigned(api, artifacts);
}

}  // namespace sandbox::artifacts
