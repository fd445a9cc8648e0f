#include "sandbox/artifacts/artifact_location.h"

#include <cctype>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::artifacts {
namespace {

constexpr int decoding_rounds_max = 10;
constexpr std::string_view proxy_route = "/mlflow-artifacts/artifacts/";

[[noreturn]] void refuse_path() {
  throw Error(Code::invalid_parameter_value, "Invalid path");
}

// Replaces %XX and keeps broken escapes, as Python's unquote; tabs and line ends vanish, as in
// Python's urlparse.
std::string decoded_once(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  for (std::size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c == '%') {
      if (const auto byte = unhex(path.substr(i + 1, 2)); byte && byte->size() == 1) {
        c = static_cast<char>(byte->front());
        i += 2;
      }
    }
    if (c != '\t' && c != '\r' && c != '\n') out += c;
  }
  return out;
}

std::string without_control_characters(std::string_view path) {
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 32 || byte == 127) {
      out.append("%").append(hex({&byte, 1}));
    } else {
      out += c;
    }
  }
  return out;
}

bool has_drive_letter(std::string_view path) {
  return path.size() >= 3 && std::isalpha(static_cast<unsigned char>(path[0])) != 0 &&
         path[1] == ':' && path[2] == '/';
}

bool leaves_its_directory(std::string_view path) {
  for (const std::string& part : split(path, '/')) {
    if (part == "..") return true;
  }
  return false;
}

// What stands between the scheme and '?' or '#', without the host: "//host/a/b?c" is "/a/b".
std::string_view path_of(std::string_view after_scheme) {
  after_scheme = after_scheme.substr(0, after_scheme.find_first_of("?#"));
  if (after_scheme.starts_with("//")) {
    const std::size_t slash = after_scheme.find('/', 2);
    after_scheme = slash == std::string_view::npos ? "" : after_scheme.substr(slash);
  }
  return after_scheme;
}

}  // namespace

Location Location::below(std::string_view path) const {
  Location place = *this;
  if (path.empty()) return place;
  if (!place.key.empty()) place.key += '/';
  place.key += path;
  return place;
}

std::string safe_path(std::string_view path) {
  std::string decoded(path);
  for (int round = 0;; ++round) {
    std::string next = decoded_once(decoded);
    if (next == decoded) break;
    if (round == decoding_rounds_max) refuse_path();
    decoded = std::move(next);
  }
  if (decoded.find('\0') != std::string::npos ||
      decoded.find_first_of("#\\") != std::string::npos || decoded.starts_with('/') ||
      decoded.starts_with("file:/") || has_drive_letter(decoded) || leaves_its_directory(decoded) ||
      !is_valid_utf8(decoded)) {
    refuse_path();
  }
  return without_control_characters(decoded);
}

std::string plain_path(std::string_view path) {
  std::string out;
  for (const std::string& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

std::string file_path(std::string_view path) {
  std::string safe = safe_path(path);
  if (safe.empty() || safe.ends_with('/')) {
    throw Error(Code::invalid_parameter_value,
                "Artifact path must include a filename (cannot end with '/').");
  }
  const std::size_t slash = safe.rfind('/');
  std::string directory = slash == std::string::npos ? "" : safe.substr(0, slash);
  while (directory.ends_with('/')) directory.pop_back();
  const std::string plain = plain_path(directory);
  const std::string name = slash == std::string::npos ? safe : safe.substr(slash + 1);
  if (directory != plain || name == ".") {
    throw Error(Code::invalid_parameter_value,
                "Invalid artifact path: '" + safe +
                    "'. Names may be treated as files in certain cases, and must not resolve to "
                    "other names when treated as such. This name would resolve to '" +
                    plain_path(safe) + "'");
  }
  return plain.empty() ? name : plain + "/" + name;
}

Location parse_s3_uri(std::string_view uri) {
  constexpr std::string_view scheme = "s3://";
  const std::string_view rest = uri.starts_with(scheme) ? uri.substr(scheme.size()) : "";
  const std::size_t slash = rest.find('/');
  Location place;
  place.bucket = rest.substr(0, slash);
  if (place.bucket.empty()) {
    throw Error(Code::invalid_parameter_value,
                "'" + std::string(uri) + "' is not of the form s3://bucket/path.");
  }
  if (slash != std::string_view::npos) place.key = rest.substr(slash + 1);
  while (place.key.ends_with('/')) place.key.pop_back();
  return place;
}

Location locate(const Location& destination, std::string_view artifact_uri) {
  if (artifact_uri.starts_with("s3://")) return parse_s3_uri(artifact_uri);
  const std::size_t colon = artifact_uri.find(':');
  const std::string scheme = lower(artifact_uri.substr(0, colon));
  const std::string_view path =
      colon == std::string_view::npos ? "" : path_of(artifact_uri.substr(colon + 1));
  if (scheme == "mlflow-artifacts") {
    if (leaves_its_directory(path)) refuse_path();
    return destination.below(plain_path(path));
  }
  const std::size_t route = path.find(proxy_route);
  if ((scheme == "http" || scheme == "https") && route != std::string_view::npos) {
    if (leaves_its_directory(path)) refuse_path();
    return destination.below(plain_path(path.substr(route + proxy_route.size())));
  }
  throw Error(Code::invalid_parameter_value,
              "This server has no access to artifacts at '" + std::string(artifact_uri) +
                  "'. It serves mlflow-artifacts:/ and s3:// locations of its own store.");
}

}  // namespace sandbox::artifacts
