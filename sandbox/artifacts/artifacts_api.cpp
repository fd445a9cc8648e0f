#include "sandbox/artifacts/api.h"
#include "sandbox/artifacts/artifacts.h"
#include "sandbox/artifacts/download.h"
#include "sandbox/base/error.h"

namespace sandbox::artifacts {
namespace {

constexpr std::size_t ui_upload_bytes_max = 10UL * 1024 * 1024;

struct ListFiles {
  std::optional<std::string> path;
  static constexpr auto fields() {
    return std::tuple{field("path", &ListFiles::path, "A directory below the proxy's root.")};
  }
};

struct Files {
  std::vector<FileInfo> files;
  static constexpr auto fields() { return std::tuple{field("files", &Files::files)}; }
};

struct ListRunFiles {
  std::string run_id;
  std::optional<std::string> path;
  std::string page_token;
  static constexpr auto fields() {
    return std::tuple{
        required("run_id", &ListRunFiles::run_id, "", "run_uuid"),
        field("path", &ListRunFiles::path, "A directory below the run's root."),
        field("page_token", &ListRunFiles::page_token, "Ignored: one page holds everything.")};
  }
};

struct ListModelFiles {
  std::string model_id;
  std::optional<std::string> artifact_directory_path;
  std::string page_token;
  static constexpr auto fields() {
    return std::tuple{
        in_path("model_id", &ListModelFiles::model_id),
        field("artifact_directory_path", &ListModelFiles::artifact_directory_path,
              "A directory below the model's root."),
        field("page_token", &ListModelFiles::page_token, "Ignored: one page holds everything.")};
  }
};

struct RootedFiles {
  std::string root_uri;
  std::vector<FileInfo> files;
  static constexpr auto fields() {
    return std::tuple{field("root_uri", &RootedFiles::root_uri),
                      field("files", &RootedFiles::files)};
  }
};

RootedFiles list_below(Artifacts& artifacts,
                       std::string root,
                       const std::optional<std::string>& path) {
  const std::string directory = plain_path(safe_path(path.value_or("")));
  const Location place = artifacts.locate_uri(root).below(directory);
  return {std::move(root), artifacts.list(place, directory)};
}

std::optional<std::string> parameter(const http::Request& request, std::string_view name) {
  const auto value = request.query.find(name);
  return value ? std::optional(std::string(*value)) : std::nullopt;
}

// A parameter these endpoints cannot do without; the reference answers a page of HTML here.
std::string needed(const http::Request& request, std::string_view name) {
  auto value = parameter(request, name);
  if (!value) {
    throw Error(Code::invalid_parameter_value,
                "Missing value for required parameter '" + std::string(name) + "'.");
  }
  return *value;
}

std::string run_id_of(const http::Request& request) {
  const std::string_view run_id = request.query.get("run_id");
  return std::string(run_id.empty() ? request.query.get("run_uuid", "None") : run_id);
}

http::Response send(Artifacts& artifacts,
                    const http::Request& request,
                    std::string_view root,
                    std::string_view path) {
  return download(request, artifacts.open(artifacts.locate_uri(root).below(plain_path(path))));
}

http::Response upload_from_ui(Artifacts& artifacts, http::Request& request) {
  const auto refuse = [](const char* sentence) {
    throw Error(Code::invalid_parameter_value, sentence);
  };
  const std::string run_id(request.query.get("run_uuid"));
  if (run_id.empty()) refuse("Request must specify run_uuid.");
  if (request.query.get("path").empty()) refuse("Request must specify path.");
  const std::string path = file_path(request.query.get("path"));
  const auto length = request.body->length();
  if (length && *length > ui_upload_bytes_max) {
    refuse("Artifact size is too large. Max size is 10MB.");
  }
  const std::string data = http::read_all(*request.body, ui_upload_bytes_max);
  if (data.empty()) refuse("Request must specify data.");
  artifacts.put(artifacts.locate_uri(artifacts.run_root(run_id)).below(path), data);
  return http::Response::json(200, "");
}

void install_proxy(http::Api& api, Artifacts& artifacts) {
  const std::string root = "2.0/mlflow-artifacts/artifacts";
  api.get<ListFiles, Files>(root, "List a directory of the artifact proxy.",
                            [&](const ListFiles& in) {
                              const std::string path = plain_path(safe_path(in.path.value_or("")));
                              return Files{artifacts.list(artifacts.destination().below(path))};
                            });
  const std::string file = root + "/{artifact_path...}";
  api.add_raw("GET", file, "Download a file.", [&](http::Request& request) {
    const std::string path = plain_path(safe_path(request.parameter("artifact_path")));
    return download(request, artifacts.open(artifacts.destination().below(path)));
  });
  api.add_raw("PUT", file, "Upload a file; its directories need not exist.",
              [&](http::Request& request) {
                const std::string path = file_path(request.parameter("artifact_path"));
                artifacts.put(artifacts.destination().below(path), *request.body);
                return http::Response{};
              });
  // The pattern above wants at least one character.
  api.add_raw("PUT", root + "/", "Refused: a file needs a name.",
              [](http::Request& /*request*/) -> http::Response {
                file_path("");
                return {};
              });
  api.add_raw("DELETE", file, "Delete a file, or everything below a directory.",
              [&](http::Request& request) {
                const std::string path = plain_path(safe_path(request.parameter("artifact_path")));
                if (path.empty()) throw Error(Code::invalid_parameter_value, "Invalid path");
                artifacts.remove(artifacts.destination().below(path));
                return http::Response::json(200, "{}");
              });
}

void install_listings(http::Api& api, Artifacts& artifacts) {
  api.get<ListRunFiles, RootedFiles>(
      "2.0/mlflow/artifacts/list", "List a directory of a run's artifacts.",
      [&](const ListRunFiles& in) {
        safe_path(in.path.value_or(""));  // a bad path is told before an unknown run
        return list_below(artifacts, artifacts.run_root(in.run_id), in.path);
      });
  api.get<ListModelFiles, RootedFiles>(
      "2.0/mlflow/logged-models/{model_id}/artifacts/directories",
      "List a directory of a logged model's artifacts.", [&](const ListModelFiles& in) {
        safe_path(in.artifact_directory_path.value_or(""));
        return list_below(artifacts, artifacts.model_root(in.model_id), in.artifact_directory_path);
      });
}

void install_pages(http::Router& router, Artifacts& artifacts) {
  router.add("GET", "/get-artifact", [&](http::Request& request) {
    const std::string path = safe_path(needed(request, "path"));
    return send(artifacts, request, artifacts.run_root(run_id_of(request)), path);
  });
  router.add("GET", "/model-versions/get-artifact", [&](http::Request& request) {
    const std::string path = safe_path(needed(request, "path"));
    const std::string name = needed(request, "name");
    const std::string version = needed(request, "version");
    return send(artifacts, request, artifacts.version_root(name, version), path);
  });
  router.add("GET", "/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files",
             [&](http::Request& request) {
               const std::string_view path = request.query.get("artifact_file_path");
               if (path.empty()) {
                 throw Error(Code::bad_request,
                             "Request must include the \"artifact_file_path\" query parameter.");
               }
               const std::string safe = safe_path(path);
               const std::string root = artifacts.model_root(request.parameter("model_id"));
               return send(artifacts, request, root, safe);
             });
  router.add("POST", "/ajax-api/2.0/mlflow/upload-artifact",
             [&](http::Request& request) { return upload_from_ui(artifacts, request); });
}

}  // namespace

void install_artifacts(http::Api& api, http::Router& router, Artifacts& artifacts) {
  install_proxy(api, artifacts);
  install_listings(api, artifacts);
  install_multipart(api, artifacts);
  install_presigned(api, artifacts);
  install_pages(router, artifacts);
}

}  // namespace sandbox::artifacts
