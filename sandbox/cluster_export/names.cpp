#include "sandbox/cluster_export/names.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "sandbox/base/hash.h"
#include "sandbox/base/text.h"

namespace sandbox::cluster_export {
namespace {

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The label without a mark; "" when nothing of the text is left.
std::string cleaned(std::string_view text) {
  std::string out;
  for (const char c : lower(text)) {
    if (is_lower_or_digit(c)) {
      out += c;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out;
}

std::string digest(std::string_view text, std::size_t digits) {
  return sha256_hex(text).substr(0, digits);
}

std::string marked(std::string_view text, std::size_t max) {
  constexpr std::size_t digits = 6;
  std::string out = cleaned(text).substr(0, max - digits - 1);
  while (!out.empty() && out.back() == '-') out.pop_back();
  return (out.empty() ? "x" : out) + "-" + digest(text, digits);
}

}  // namespace

bool is_dns_label(std::string_view text, std::size_t max) {
  if (text.empty() || text.size() > max) return false;
  if (!is_lower_or_digit(text.front()) || !is_lower_or_digit(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

bool is_host_name(std::string_view text) {
  if (text.size() > 253) return false;
  const auto labels = split(text, '.');
  return std::all_of(labels.begin(), labels.end(),
                     [](const std::string& label) { return is_dns_label(lower(label)); });
}

bool is_pinned_image(std::string_view text) {
  const auto is_allowed = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("._-/:@").find(c) != std::string_view::npos;
  };
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_allowed)) return false;
  if (!is_lower_or_digit(text.front())) return false;
  if (const auto at = text.find('@'); at != text.npos) {
    return text.substr(at).starts_with("@sha256:") && text.size() - at == 72;
  }
  const auto colon = text.rfind(':');
  if (colon == text.npos || text.find('/', colon) != text.npos) return false;
  const std::string_view tag = text.substr(colon + 1);
  return !tag.empty() && tag.size() <= 128 && tag != "latest";
}

bool is_quantity(std::string_view text) {
  for (const std::string_view unit : {"Ki", "Mi", "Gi", "Ti"}) {
    if (text.ends_with(unit)) return is_digits(text.substr(0, text.size() - 2));
  }
  return false;
}

bool is_sql_name(std::string_view text) {
  if (text.empty() || text.size() > 63 || (text[0] >= '0' && text[0] <= '9')) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_lower_or_digit(c) || c == '_'; });
}

bool is_bucket_name(std::string_view text) {
  if (text.size() < 3 || text.size() > 63 || !is_lower_or_digit(text.front()) ||
      !is_lower_or_digit(text.back()) || text.find("..") != text.npos) {
    return false;
  }
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_lower_or_digit(c) || c == '-' || c == '.'; });
}

std::string dns_label(std::string_view text, std::size_t max) {
  const std::string label = cleaned(text);
  return label.empty() || label.size() > max ? marked(text, max) : label;
}

std::vector<std::string> dns_labels(const std::vector<std::string>& texts, std::size_t max) {
  std::map<std::string, std::size_t> uses;
  for (const std::string& text : texts) ++uses[dns_label(text, max)];
  std::vector<std::string> labels;
  labels.reserve(texts.size());
  for (const std::string& text : texts) {
    const std::string label = dns_label(text, max);
    labels.push_back(uses[label] == 1 || label == text ? label : marked(text, max));
  }
  return labels;
}

std::string short_digest(std::string_view text) {
  return digest(text, 8);
}

}  // namespace sandbox::cluster_export
