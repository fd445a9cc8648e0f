// Artifact URIs of another server turned into this lab's. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sandbox::import {

// Roots that moved, e.g. file:///old/mlruns/1 -> mlflow-artifacts:/1. What lies below a root moves
// with it; the longest root that fits decides, and may say that it stays.
class UriMap {
 public:
  void add(std::string_view from, std::string_view to);
  [[nodiscard]] bool empty() const { return roots_.empty(); }
  // nullopt for a URI below none of the roots.
  [[nodiscard]] std::optional<std::string> find(std::string_view uri) const;
  // A text that is a URI or JSON with URIs in it, with every one that moved replaced; nullopt when
  // nothing is.
  [[nodiscard]] std::optional<std::string> rewrite(std::string_view text) const;

 private:
  std::map<std::string, std::string, std::less<>> roots_;
};

// "a/b" of "a/b/"; the root of a scheme keeps its slash: "mlflow-artifacts:/".
std::string_view without_slash(std::string_view uri);

// The path of a local artifact URI: of "/a/b", "file:/a/b", "file:///a%20b", "file://localhost/a".
// A relative path is one below `directory`. nullopt for other schemes.
std::optional<std::string> local_path(std::string_view uri, const std::string& directory);

// The path below the artifact root of URIs that go through a server's proxy: "1/r" of
// "mlflow-artifacts:/1/r", "mlflow-artifacts://host:5000/1/r" and
// "http://host/api/2.0/mlflow-artifacts/artifacts/1/r". nullopt for others.
std::optional<std::string> proxied_path(std::string_view uri);

}  // namespace sandbox::import
