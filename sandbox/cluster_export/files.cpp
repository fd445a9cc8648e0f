#include "sandbox/cluster_export/files.h"

#include <set>

#include "sandbox/base/error.h"
#include "sandbox/cluster_export/own_files.h"

namespace sandbox::cluster_export {
namespace {

[[noreturn]] void mistake(const std::string& what) {
  throw Error(Code::internal_error, "The templates of the export do not fit: " + what);
}

bool is_program(std::string_view path) {
  return path.ends_with(".sh");
}

}  // namespace

std::string_view own_file(std::string_view path) {
  for (const OwnFile& file : all_own_files()) {
    if (file.path == path) return file.text;
  }
  mistake("there is no " + std::string(path));
}

Files own_files(std::string_view directory) {
  Files files;
  for (const OwnFile& file : all_own_files()) {
    if (!file.path.starts_with(directory)) continue;
    files[std::string(file.path.substr(directory.size()))] = {std::string(file.text),
                                                              is_program(file.path)};
  }
  if (files.empty()) mistake("there is nothing in " + std::string(directory));
  return files;
}

std::string filled(std::string_view text,
                   const std::vector<std::pair<std::string, std::string>>& values) {
  std::string out;
  std::set<std::string> used;
  std::size_t done = 0;
  for (auto at = text.find("@{"); at != text.npos; at = text.find("@{", done)) {
    const auto end = text.find('}', at);
    if (end == text.npos) mistake("an open @{");
    const std::string name(text.substr(at + 2, end - at - 2));
    out += text.substr(done, at - done);
    done = end + 1;
    bool is_known = false;
    for (const auto& [known, value] : values) {
      if (known != name) continue;
      out += value;
      is_known = true;
      used.insert(name);
    }
    if (!is_known) mistake("nothing for @{" + name + "}");
  }
  out += text.substr(done);
  for (const auto& [name, value] : values) {
    if (used.count(name) == 0) mistake("no @{" + name + "}");
  }
  return out;
}

void add_files(Files& to, const std::string& directory, const Files& files) {
  for (const auto& [path, file] : files) to[directory + "/" + path] = file;
}

}  // namespace sandbox::cluster_export
