// One attempt at a job, as files of a directory: what the shim is told, and what it tells. The two
// processes have nothing else in common, so either may end and be started again.
//
//   <data-dir>/jobs/<job id>/<attempt>/
//     order.json    Order; the shim removes it when it has read it
//     lock          made by the shim, which holds an flock on it while it lives; its process id
//     cgroup        the directories of the command's cgroup, one a line, where it has one
//     limits        what keeps its limits, for people
//     command       the process id of the command, which leads a session of its own
//     usage         one Usage a line
//     end.json      End; there once the attempt is over
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "sandbox/base/fields.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/jobs/cgroup.h"

namespace sandbox::jobs {

struct Order {
  std::vector<std::string> command;
  std::string working_dir;
  TextMap env;                       // all of the command's environment
  std::vector<std::string> secrets;  // values that the log shows as ***
  double timeout_s = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t processes_max = 0;
  std::int64_t log_bytes_max = 0;
  double cpus = 0;
  CgroupPlace cgroup_place;
  std::string cgroup_name;
  static constexpr auto fields() {
    return std::tuple{field("command", &Order::command),
                      field("working_dir", &Order::working_dir),
                      field("env", &Order::env),
                      field("secrets", &Order::secrets),
                      field("timeout_s", &Order::timeout_s),
                      field("memory_bytes", &Order::memory_bytes),
                      field("processes_max", &Order::processes_max),
                      field("log_bytes_max", &Order::log_bytes_max),
                      field("cpus", &Order::cpus),
                      field("cgroup_place", &Order::cgroup_place),
                      field("cgroup_name", &Order::cgroup_name)};
  }
};

// What a command and all its children use.
struct Usage {
  std::int64_t time_ms = 0;     // since 1970
  double cpu_seconds = 0;       // so far
  double cpu_percent = 0;       // of one core, since the Usage before
  double memory_megabytes = 0;  // resident now
  double read_megabytes = 0;    // from disks so far, by processes that live now
  double written_megabytes = 0;
  std::int64_t processes = 0;
  static constexpr auto fields() {
    return std::tuple{field("time_ms", &Usage::time_ms),
                      field("cpu_seconds", &Usage::cpu_seconds),
                      field("cpu_percent", &Usage::cpu_percent),
                      field("memory_megabytes", &Usage::memory_megabytes),
                      field("read_megabytes", &Usage::read_megabytes),
                      field("written_megabytes", &Usage::written_megabytes),
                      field("processes", &Usage::processes)};
  }
};

struct End {
  // Why it ended: "exited", "signal", "not started", "memory", "timeout", "processes", "canceled".
  std::string reason;
  std::int64_t exit_code = 0;    // 128 + the signal's number where one ended it
  std::int64_t start_errno = 0;  // why it was not started
  std::string start_place;       // "directory" or "command"
  std::int64_t time_ms = 0;
  double memory_megabytes_max = 0;
  double cpu_seconds = 0;
  bool is_log_cut = false;  // it printed more than is kept, or the disk was full
  static constexpr auto fields() {
    return std::tuple{field("reason", &End::reason),
                      field("exit_code", &End::exit_code),
                      field("start_errno", &End::start_errno),
                      field("start_place", &End::start_place),
                      field("time_ms", &End::time_ms),
                      field("memory_megabytes_max", &End::memory_megabytes_max),
                      field("cpu_seconds", &End::cpu_seconds),
                      field("is_log_cut", &End::is_log_cut)};
  }
};

class Attempt {
 public:
  Attempt(const std::filesystem::path& job_directory, std::int64_t number)
      : directory_(job_directory / std::to_string(number)), log_(job_directory / "log") {}

  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
  [[nodiscard]] std::filesystem::path file(const char* name) const { return directory_ / name; }
  [[nodiscard]] const std::filesystem::path& log() const { return log_; }

  // What became of its shim. `never_started` is a promise: none will start from now on.
  enum class Shim { alive, gone, never_started };
  [[nodiscard]] Shim look() const;
  // The process id in a file of it ("lock", "command"); 0 when there is none.
  [[nodiscard]] int pid_in(const char* name) const;
  [[nodiscard]] std::optional<End> end() const;
  [[nodiscard]] std::vector<std::string> cgroup() const;  // its directories

  // The shim's side: makes and locks the lock file. -1 when another has done so before; else a file
  // descriptor that must stay open.
  [[nodiscard]] int claim() const;

 private:
  std::filesystem::path directory_;
  std::filesystem::path log_;
};

// The text of a file; nullopt when it cannot be read.
std::optional<std::string> read_file(const std::filesystem::path& file);

}  // namespace sandbox::jobs
