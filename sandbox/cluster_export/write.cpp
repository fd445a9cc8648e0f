#include "sandbox/cluster_export/write.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/text.h"
#include "sandbox/cluster_export/tree.h"

namespace sandbox::cluster_export {
namespace {

namespace fs = std::filesystem;

// Digests of what the export wrote, so that a later one knows what people changed.
constexpr const char* record_name = ".export.json";

[[noreturn]] void fail(const fs::path& place, int reason) {
  throw Error(Code::invalid_state, "The export cannot write " + place.string() + ": " +
                                       std::strerror(reason) + ". Nothing was replaced by half.");
}

std::optional<std::string> text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

std::map<std::string, std::string> record_of(const fs::path& directory) {
  std::map<std::string, std::string> digests;
  const auto text = text_of(directory / record_name);
  const auto tree = text ? PythonJson::parse_if_json(*text) : std::nullopt;
  if (!tree) return digests;
  for (const auto& member : tree->members) digests[member.name] = member.value.text;
  return digests;
}

std::string record_text(const Files& files) {
  Tree tree = Tree::object();
  for (const auto& [path, file] : files) tree.set(path, Tree::of(sha256_hex(file.text)));
  return json_file(tree);
}

void write_file(const fs::path& file, const std::string& text, bool is_program) {
  std::error_code reason;
  fs::create_directories(file.parent_path(), reason);
  if (reason) fail(file.parent_path(), reason.value());
  const int out =
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, is_program ? 0777 : 0666);
  if (out < 0) fail(file, errno);
  std::size_t done = 0;
  int failure = 0;
  while (failure == 0 && done < text.size()) {
    const ssize_t count = ::write(out, text.data() + done, text.size() - done);
    if (count < 0 && errno != EINTR) failure = errno;
    if (count > 0) done += static_cast<std::size_t>(count);
  }
  if (failure == 0 && ::fsync(out) != 0) failure = errno;
  ::close(out);
  if (failure != 0) fail(file, failure);
}

void move(const fs::path& from, const fs::path& to) {
  std::error_code reason;
  fs::create_directories(to.parent_path(), reason);
  if (reason) fail(to.parent_path(), reason.value());
  fs::rename(from, to, reason);
  if (reason) fail(to, reason.value());
}

// A directory beside the target that goes away again, also when the writing fails.
class Stage {
 public:
  explicit Stage(const fs::path& target)
      : place_(target.parent_path() / ("." + target.filename().string() + ".partial")) {
    std::error_code ignored;
    fs::remove_all(place_, ignored);
  }
  ~Stage() {
    std::error_code ignored;
    fs::remove_all(place_, ignored);
  }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  [[nodiscard]] const fs::path& place() const { return place_; }

 private:
  fs::path place_;
};

std::string output_of(const std::string& command) {
  std::string out;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return out;
  std::array<char, 4096> piece{};
  while (const std::size_t count = std::fread(piece.data(), 1, piece.size(), pipe)) {
    out.append(piece.data(), count);
  }
  ::pclose(pipe);
  return out;
}

}  // namespace

std::vector<Change> compare(const std::string& directory, const Files& files) {
  const fs::path root(directory);
  std::error_code reason;
  if (fs::exists(root, reason) && !fs::is_directory(root, reason)) {
    throw Error(Code::invalid_parameter_value,
                directory + " is no directory: name another one with --out.");
  }
  const auto record = record_of(root);
  std::vector<Change> changes;
  for (const auto& [path, file] : files) {
    const auto now = text_of(root / path);
    if (!now) {
      changes.push_back({Change::Kind::added, path});
    } else if (*now != file.text) {
      const auto known = record.find(path);
      const bool is_ours = known != record.end() && known->second == sha256_hex(*now);
      changes.push_back({is_ours ? Change::Kind::changed : Change::Kind::edited, path});
    }
  }
  for (const auto& [path, digest] : record) {
    if (files.count(path) != 0) continue;
    const auto now = text_of(root / path);
    if (now && sha256_hex(*now) == digest) changes.push_back({Change::Kind::removed, path});
  }
  return changes;
}

std::string difference(const std::string& directory, const Files& files, const Change& change) {
  if (change.kind == Change::Kind::added) return "";
  const std::string old = (fs::path(directory) / change.path).string();
  const auto file = files.find(change.path);
  // The new text goes in by a file: it may be of any size.
  std::string name = (fs::temp_directory_path() / "mlops-sandbox-export-XXXXXX").string();
  const int handle = ::mkstemp(name.data());
  if (handle < 0) return "";
  ::close(handle);
  {
    std::ofstream out(name, std::ios::binary);
    if (file != files.end()) out << file->second.text;
  }
  const std::string shown = output_of("diff -u --label " + shell_word(old) + " --label " +
                                      shell_word(change.path + " (new)") + " " + shell_word(old) +
                                      " " + shell_word(name) + " 2>&1");
  std::error_code ignored;
  fs::remove(name, ignored);
  return shown;
}

void write(const std::string& directory, const Files& files) {
  const fs::path root = fs::absolute(directory).lexically_normal();
  std::error_code reason;
  fs::create_directories(root.parent_path(), reason);
  if (reason) fail(root.parent_path(), reason.value());
  const auto changes = compare(root.string(), files);
  const Stage stage(root);
  const bool is_new = !fs::exists(root);
  for (const auto& [path, file] : files) {
    const bool is_needed = is_new || std::any_of(changes.begin(), changes.end(),
                                                 [&](const auto& one) { return one.path == path; });
    if (is_needed) write_file(stage.place() / path, file.text, file.is_program);
  }
  write_file(stage.place() / record_name, record_text(files), false);
  if (is_new) {
    move(stage.place(), root);
    return;
  }
  for (const Change& change : changes) {
    if (change.kind == Change::Kind::removed) {
      fs::remove(root / change.path, reason);
      if (reason) fail(root / change.path, reason.value());
    } else {
      move(stage.place() / change.path, root / change.path);
    }
  }
  move(stage.place() / record_name, root / record_name);
}

}  // namespace sandbox::cluster_export
