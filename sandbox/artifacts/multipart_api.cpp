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

// The object: the directory of the URL and the name of the client's local file, which may be
// written the Windows way.
Location upload_place(Artifacts& artifacts, const http::Request& request, std::string_view path) {
  const std::string directory = plain_path(safe_path(request.parameter("artifact_path")));
  const std::string name = file_path(path.substr(path.find_last_of("/\\") + 1));
  return artifacts.destination().below(directory).below(name);
}

void check_support(const Artifacts& artifacts) {
  if (!artifacts.can_presign()) throw Error(Code::not_implemented, no_multipart);
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
}

}  // namespace sandbox::artifacts
