#include "sandbox/registry/uris.h"

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::registry {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decoded_once(std::string_view text, bool plus_is_space) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high << 4 | low);
        i += 2;
        continue;
      }
    }
    out += plus_is_space && text[i] == '+' ? ' ' : text[i];
  }
  return out;
}

// urllib drops leading control characters and spaces, and line breaks and tabs everywhere.
std::string without_ignored(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  std::string out;
  for (const char c : text) {
    if (c != '\t' && c != '\r' && c != '\n') out += c;
  }
  return out;
}

bool is_scheme(std::string_view text) {
  if (text.empty() || !is_letter(text[0])) return false;
  for (const char c : text) {
    if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.') return false;
  }
  return true;
}

}  // namespace

Uri parse_uri(std::string_view text, bool keep_fragment) {
  const std::string cleaned = without_ignored(text);
  std::string_view rest = cleaned;
  Uri uri;
  const std::size_t colon = rest.find(':');
  if (colon != std::string_view::npos && is_scheme(rest.substr(0, colon))) {
    uri.scheme = lower(rest.substr(0, colon));
    rest.remove_prefix(colon + 1);
  }
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
    uri.authority = rest.substr(0, end);
    rest.remove_prefix(end);
  }
  if (!keep_fragment) rest = rest.substr(0, rest.find('#'));
  uri.path = rest.substr(0, rest.find('?'));
  return uri;
}

std::string host_of(const Uri& uri) {
  std::string_view host = uri.authority;
  if (const std::size_t at = host.rfind('@'); at != std::string_view::npos) {
    host.remove_prefix(at + 1);
  }
  if (host.starts_with('[')) return lower(host.substr(1, host.find(']') - 1));
  return lower(host.substr(0, host.find(':')));
}

std::vector<std::string> path_parts(const Uri& uri) {
  std::vector<std::string> parts;
  for (const std::string& part : split(uri.path, '/')) {
    if (!part.empty()) parts.push_back(fully_decoded(part, false));
  }
  return parts;
}

std::string fully_decoded(std::string_view text, bool plus_is_space) {
  std::string before(text);
  std::string after = decoded_once(before, plus_is_space);
  while (after != before) {
    before = std::move(after);
    after = decoded_once(before, plus_is_space);
  }
  return after;
}

bool is_local(std::string_view text) {
  if (text == "databricks") return false;
  const Uri uri = parse_uri(text);
  if (uri.scheme.empty()) return true;
  if (uri.scheme != "file") return false;
  const std::string host = host_of(uri);
  if (!host.empty() && host != "." && !host.starts_with("localhost") &&
      !host.starts_with("127.0.0.1")) {
    throw Error(Code::invalid_parameter_value,
                std::string(text) +
                    " is not a valid remote uri. For remote access on windows, please consider "
                    "using a different scheme such as SMB (e.g. smb://<hostname>/<path>).");
  }
  return true;
}

std::optional<ModelUri> parse_model_uri(std::string_view text) {
  const Uri uri = parse_uri(text, true);
  if (uri.scheme != "models" || !uri.path.starts_with('/')) return std::nullopt;
  const std::size_t start = uri.path.find_first_not_of('/');
  if (start == std::string::npos) return std::nullopt;
  const std::vector<std::string> parts = split(std::string_view(uri.path).substr(start), '/');
  if (parts.size() > 2 || trim(parts[0]).empty()) return std::nullopt;
  ModelUri model;
  if (parts.size() == 2) {
    const std::string& suffix = parts[1];
    if (trim(suffix).empty()) return std::nullopt;
    model.name = parts[0];
    if (suffix.find_first_not_of("0123456789") == std::string::npos) {
      model.version = suffix;
    } else if (!equal_ignoring_case(suffix, "latest")) {
      model.stage = suffix;
    }
  } else if (const std::size_t at = parts[0].rfind('@'); at != std::string::npos) {
    model.name = parts[0].substr(0, at);
    model.alias = parts[0].substr(at + 1);
    if (trim(model.alias).empty()) return std::nullopt;
  } else {
    model.model_id = parts[0];
  }
  return model;
}

}  // namespace sandbox::registry
