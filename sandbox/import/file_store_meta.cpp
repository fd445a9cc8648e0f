#include "sandbox/import/file_store_meta.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "sandbox/base/text.h"
#include "sandbox/base/time.h"

namespace sandbox::import {

std::vector<std::filesystem::path> subdirectories(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> found;
  std::error_code absent;
  if (!std::filesystem::is_directory(directory, absent)) return found;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.is_directory()) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

const std::vector<PythonJson>& list_of(const PythonJson& object, std::string_view name) {
  static const std::vector<PythonJson> none;
  const PythonJson* member = object.find(name);
  return member == nullptr || !member->is_list() ? none : member->items;
}

const PythonJson& member_of(const PythonJson& object, std::string_view name) {
  static const PythonJson none = PythonJson::object();
  const PythonJson* member = object.find(name);
  return member == nullptr ? none : *member;
}

std::optional<std::string> meta_text(const PythonJson& meta, std::string_view name) {
  const PythonJson* member = meta.find(name);
  if (member == nullptr || member->is_null()) return std::nullopt;
  return member->str();
}

std::optional<std::int64_t> meta_integer(const PythonJson& meta, std::string_view name) {
  const auto text = meta_text(meta, name);
  return text ? parse_int64(*text) : std::nullopt;
}

std::optional<std::int64_t> meta_time(const PythonJson& meta, std::string_view name) {
  if (const auto number = meta_integer(meta, name)) return number;
  const auto text = meta_text(meta, name);
  return text ? parse_iso8601(*text) : std::nullopt;
}

std::optional<std::string> run_status(const PythonJson& meta) {
  constexpr std::array words{"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"};
  const auto status = meta_text(meta, "status");
  if (!status) return words[0];
  if (const auto number = parse_int64(*status)) {
    if (*number < 1 || *number > static_cast<std::int64_t>(words.size())) return std::nullopt;
    return words.at(static_cast<std::size_t>(*number - 1));
  }
  if (std::find(words.begin(), words.end(), *status) == words.end()) return std::nullopt;
  return status;
}

std::optional<double> python_number(std::string_view text) {
  std::string word = lower(text);
  const bool is_negative = word.starts_with('-');
  if (is_negative || word.starts_with('+')) word.erase(0, 1);
  if (word == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (word == "inf" || word == "infinity") {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    return is_negative ? -infinity : infinity;
  }
  const auto number = parse_double(word);
  if (!number || std::signbit(*number)) return std::nullopt;
  return is_negative ? -*number : *number;
}

}  // namespace sandbox::import
