#include "sandbox/cli/lab.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/private_file.h"
#include "sandbox/base/text.h"
#include "sandbox/cli/arguments.h"

namespace sandbox::cli {
namespace {

namespace fs = std::filesystem;

std::string lock_file(const std::string& data_dir) {
  return data_dir + "/lock";
}
std::string state_file(const std::string& data_dir) {
  return data_dir + "/state.json";
}

std::string places_file(const std::string& data_dir) {
  return data_dir + "/places.json";
}

std::string reason() {
  return std::strerror(errno);
}

void make_directory(const std::string& data_dir) {
  std::error_code failure;
  const bool is_new = fs::create_directories(data_dir, failure);
  if (failure || !fs::is_directory(data_dir)) {
    throw Error(Code::invalid_parameter_value,
                "The data directory " + data_dir + " cannot be made: " +
                    (failure ? failure.message() : "there is a file of that name") +
                    ". Choose another with --data-dir.");
  }
  if (is_new) fs::permissions(data_dir, fs::perms::owner_all, failure);
}

// A lock of the whole file that belongs to the process: forks do not inherit it, and the kernel
// knows who has it, whatever the file says.
struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::optional<LabState> read_state(const std::string& data_dir) {
  const std::string text = read_text(state_file(data_dir));
  if (text.empty()) return std::nullopt;
  return from_json<LabState>(text);
}

}  // namespace

LabLock::LabLock(const std::string& data_dir) {
  make_directory(data_dir);
  const std::string path = lock_file(data_dir);
  file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file_ < 0) {
    throw Error(Code::invalid_parameter_value, "The data directory " + data_dir +
                                                   " cannot be written: " + reason() +
                                                   ". Choose another with --data-dir.");
  }
  struct flock lock = whole_file();
  if (fcntl(file_, F_SETLK, &lock) != 0) {
    const std::string pid(trim(read_text(path)));
    close(file_);
    const std::string flag = data_dir_flag(data_dir);
    throw Error(Code::invalid_state, "The lab in " + data_dir + " is already running as process " +
                                         pid + ". `" + program() + " status" + flag +
                                         "` shows it, `" + program() + " down" + flag +
                                         "` stops it; a second lab wants another --data-dir.");
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(file_, 0) != 0 ||
      pwrite(file_, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    const std::string why = reason();
    close(file_);
    throw Error(Code::invalid_state,
                "The data directory " + data_dir + " cannot be written: " + why);
  }
}

LabLock::~LabLock() {
  // The file stays: unlinking it would let two processes lock two files of one name.
  close(file_);
}

void write_places(const std::string& data_dir, const LabPlaces& places) {
  write_private_file(places_file(data_dir), to_json(places) + "\n");
}

void write_state(const LabState& state) {
  const LabPlaces places{state.backend_store_uri,     state.default_artifact_root,
                         state.artifacts_destination, state.artifacts_endpoint,
                         state.artifacts_region,      state.artifacts_addressing,
                         state.artifacts_ca_file,     state.auth};
  write_places(state.data_dir, places);
  write_private_file(state_file(state.data_dir), to_json(state) + "\n");
}

void remove_state(const std::string& data_dir) {
  unlink(state_file(data_dir).c_str());
}

std::optional<std::int64_t> lock_holder(const std::string& data_dir) {
  const int file = open(lock_file(data_dir).c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  struct flock lock = whole_file();
  const bool is_known = fcntl(file, F_GETLK, &lock) == 0;
  close(file);
  if (!is_known || lock.l_type == F_UNLCK) return std::nullopt;
  return lock.l_pid;
}

std::optional<LabState> running_lab(const std::string& data_dir) {
  const auto pid = lock_holder(data_dir);
  if (!pid) return std::nullopt;
  auto state = read_state(data_dir);
  // A state of another process was left behind by one that was killed.
  if (!state || state->pid != *pid) return std::nullopt;
  return state;
}

LabState need_running_lab(const std::string& data_dir) {
  if (auto state = running_lab(data_dir)) return *state;
  throw Error(Code::invalid_state, "No lab is running in " + data_dir + ". Start it with `" +
                                       program() + " up --detach" + data_dir_flag(data_dir) + "`.");
}

std::optional<LabPlaces> lab_places(const std::string& data_dir) {
  const std::string text = read_text(places_file(data_dir));
  if (text.empty()) return std::nullopt;
  return from_json<LabPlaces>(text);
}

http::Peer peer_of(const LabState& state, const std::string& url) {
  return {url, state.tls_cert, state.local_token};
}

std::string settings_file(const std::string& data_dir) {
  return data_dir + "/mlops-sandbox.conf";
}

std::string log_file(const std::string& data_dir) {
  return data_dir + "/logs/server.log";
}

std::string age_text(std::int64_t ms) {
  const std::int64_t seconds = ms / 1000;
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 120 * 60) return std::to_string(seconds / 60) + "m";
  if (seconds < 48 * 3600) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

std::string size_text(std::int64_t bytes) {
  constexpr std::array units{"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; size >= 1024 && unit + 1 < units.size(); ++unit) size /= 1024;
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", size, units.at(unit));
  return text.data();
}

std::string count_text(std::int64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace sandbox::cli
