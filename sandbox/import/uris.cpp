#include "sandbox/import/uris.h"

#include <filesystem>

#include "sandbox/base/text.h"

namespace sandbox::import {

std::string_view without_slash(std::string_view uri) {
  while (uri.size() > 1 && uri.ends_with('/') && !uri.ends_with(":/")) uri.remove_suffix(1);
  return uri;
}

void UriMap::add(std::string_view from, std::string_view to) {
  from = without_slash(from);
  to = without_slash(to);
  if (!from.empty()) roots_.insert_or_assign(std::string(from), std::string(to));
}

std::optional<std::string> UriMap::find(std::string_view uri) const {
  std::string_view root = without_slash(uri);
  while (!root.empty()) {
    if (const auto found = roots_.find(root); found != roots_.end()) {
      return found->second + std::string(uri.substr(root.size()));
    }
    const std::size_t slash = root.rfind('/');
    if (slash == std::string_view::npos) return std::nullopt;
    root = root.substr(0, slash);
  }
  return std::nullopt;
}

std::optional<std::string> UriMap::rewrite(std::string_view text) const {
  if (roots_.empty()) return std::nullopt;
  if (auto whole = find(text)) return whole;
  std::string out;
  bool changed = false;
  std::size_t done = 0;
  for (std::size_t open = text.find('"'); open != std::string_view::npos;
       open = text.find('"', open)) {
    std::size_t close = open + 1;
    while (close < text.size() && text[close] != '"') close += text[close] == '\\' ? 2 : 1;
    if (close >= text.size()) break;
    if (const auto moved = find(text.substr(open + 1, close - open - 1))) {
      out.append(text.substr(done, open + 1 - done)).append(*moved);
      done = close;
      changed = true;
    }
    open = close + 1;
  }
  if (!changed) return std::nullopt;
  return out.append(text.substr(done));
}

std::optional<std::string> local_path(std::string_view uri, const std::string& directory) {
  std::string path;
  if (uri.starts_with("file:")) {
    std::string_view rest = uri.substr(5);
    if (rest.starts_with("//")) {
      rest.remove_prefix(2);
      const std::size_t slash = rest.find('/');
      const std::string_view host = rest.substr(0, slash);
      if (slash == std::string_view::npos || (!host.empty() && host != "localhost")) {
        return std::nullopt;
      }
      rest.remove_prefix(slash);
    }
    const auto decoded = percent_decode(rest);
    if (!decoded) return std::nullopt;
    path = *decoded;
  } else if (uri.find(":/") == std::string_view::npos) {
    path = uri;
  } else {
    return std::nullopt;
  }
  if (path.empty()) return std::nullopt;
  return (std::filesystem::path(directory) / path).lexically_normal().string();
}

std::optional<std::string> proxied_path(std::string_view uri) {
  constexpr std::string_view scheme = "mlflow-artifacts:";
  constexpr std::string_view proxy = "/mlflow-artifacts/artifacts";
  if (uri.starts_with(scheme)) {
    uri.remove_prefix(scheme.size());
    if (uri.starts_with("//")) {
      const std::size_t slash = uri.find('/', 2);
      uri = slash == std::string_view::npos ? "" : uri.substr(slash);
    }
  } else if (uri.starts_with("http://") || uri.starts_with("https://")) {
    const std::size_t at = uri.find(proxy);
    if (at == std::string_view::npos) return std::nullopt;
    uri.remove_prefix(at + proxy.size());
  } else {
    return std::nullopt;
  }
  while (uri.starts_with('/')) uri.remove_prefix(1);
  return std::string(without_slash(uri));
}

}  // namespace sandbox::import
