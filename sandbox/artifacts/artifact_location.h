// Where artifacts lie: from the paths and URIs clients know to a bucket and a key of the object
// store. The proxy's root is the configured destination, so with the default one
// `mlflow-artifacts:/1/r/artifacts/x` and `s3://mlflow/1/r/artifacts/x` are the same object. Pure
// functions.
#pragma once

#include <string>
#include <string_view>

namespace sandbox::artifacts {

// A file or a directory: the key has no '/' at its end; an empty key is the whole bucket.
struct Location {
  std::string bucket;
  std::string key;

  // The place `path` names below this one; an empty path is this place itself.
  [[nodiscard]] Location below(std::string_view path) const;
};

// The path with its escapes decoded until nothing changes, as the reference's validate_path_is_safe
// does. Throws Error(invalid_parameter_value) "Invalid path" for what could leave the directory it
// is joined to or name something else than it seems: "..", an absolute path, a drive letter, '\\',
// '#', NUL, broken UTF-8. Other control characters become %xx.
std::string safe_path(std::string_view path);

// Without empty and "." parts: "a//b/./c/" is "a/b/c".
std::string plain_path(std::string_view path);

// A safe path that names one file in one way. Throws Error(invalid_parameter_value) for a '/' at
// the end and for a directory that would resolve to another name ("a/./b").
std::string file_path(std::string_view path);

// "s3://bucket/some/key" as bucket and key. Throws Error(invalid_parameter_value) for another form.
Location parse_s3_uri(std::string_view uri);

// The root an artifact URI names: mlflow-artifacts: and http(s) URIs of the proxy lie below
// `destination`, s3:// URIs where they say. Throws Error(invalid_parameter_value) for other
// schemes, which this server has no access to.
Location locate(const Location& destination, std::string_view artifact_uri);

}  // namespace sandbox::artifacts
