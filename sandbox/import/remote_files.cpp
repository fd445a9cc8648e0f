#include <algorithm>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/import/file_store_meta.h"
#include "sandbox/import/remote_server.h"
#include "sandbox/import/uris.h"

namespace sandbox::import {
namespace {

constexpr int folders_deep_max = 100;
constexpr int file_ms = 600'000;
constexpr const char* proxy = "/api/2.0/mlflow-artifacts/artifacts";

}  // namespace

// A root whose files the server lists and gives: below its proxy, or those of a run.
struct RemoteServer::Folder {
  std::string proxied;  // the path below the proxy
  std::string run;      // "" for the proxy

  [[nodiscard]] std::string file_target(const std::string& path) const {
    if (run.empty()) return proxy + ("/" + percent_encode(proxied + "/" + path, "/"));
    return "/get-artifact?path=" + percent_encode(path) + "&run_uuid=" + run;
  }
};

void RemoteServer::list(const Folder& folder,
                        const std::string& path,
                        std::vector<FileEntry>& files) {
  if (std::count(path.begin(), path.end(), '/') > folders_deep_max) {
    throw Error(Code::invalid_state, "its directories are nested too deeply");
  }
  const std::string below = path.empty() ? folder.proxied : folder.proxied + "/" + path;
  Query query;
  if (folder.run.empty()) {
    query.emplace_back("path", below);
  } else {
    query.emplace_back("run_id", folder.run);
    if (!path.empty()) query.emplace_back("path", path);
  }
  std::string token;
  do {
    Query asked = query;
    if (!token.empty()) asked.emplace_back("page_token", token);
    const PythonJson page = get(folder.run.empty() ? proxy : "artifacts/list", asked);
    for (const PythonJson& one : list_of(page, "files")) {
      std::string name = meta_text(one, "path").value_or("");
      // The proxy tells names below the directory, a run's listing paths below its root.
      if (folder.run.empty() && !path.empty()) name = path + "/" + name;
      if (meta_text(one, "is_dir").value_or("False") == "True") {
        list(folder, name, files);
      } else {
        files.push_back(
            {name, static_cast<std::uint64_t>(meta_integer(one, "file_size").value_or(0)), 0});
      }
    }
    token = meta_text(page, "next_page_token").value_or("");
  } while (!token.empty());
}

std::optional<FileTree> RemoteServer::find(const std::string& uri, std::string& why) {
  Folder folder;
  if (const auto path = proxied_path(uri)) {
    folder.proxied = *path;
  } else if (const auto run = runs_by_uri_.find(uri); run != runs_by_uri_.end()) {
    folder.run = run->second;
  } else {
    why = "the server does not give the files of models and traces that lie there";
    return std::nullopt;
  }
  FileTree tree;
  try {
    list(folder, "", tree.files);
  } catch (const Error& error) {
    if (error.code() == Code::temporarily_unavailable) throw;
    why = error.message();
    return std::nullopt;
  }
  tree.read = [this, folder](const FileEntry& file,
                             const std::function<void(std::string_view)>& sink) {
    http::Question question;
    question.target = address_.prefix + folder.file_target(file.path);
    question.piece = sink;
    question.timeout_ms = file_ms;
    const auto answer = http::ask(address_.peer, question);
    if (answer && answer->status == 200) return;
    throw Error(Code::invalid_state,
                "The server at " + address_.peer.url + " did not give the file " + file.path +
                    (answer ? " (" + std::to_string(answer->status) + ")" : "") +
                    ". Run the import again; it goes on from here.");
  };
  return tree;
}

FileSource RemoteServer::files() {
  return {[](const std::string&, std::string&) { return true; },
          [this](const std::string& uri, std::string& why) { return find(uri, why); },
          [](const std::string&, const std::string&) {}};
}

}  // namespace sandbox::import
