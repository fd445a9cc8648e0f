// Limits that the kernel keeps on a job's command and all it starts, where it lets this process
// make control groups: below the cgroup that the lab itself lies in. Of version 2 where that is
// delegated (the root of a container, a systemd unit with Delegate=, no unit at all), else the
// controllers of version 1 that are mounted and can be written. Files and rules:
// Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/ of the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "sandbox/base/fields.h"
#include "sandbox/base/fields_json.h"

namespace sandbox::jobs {

// Where cgroups of jobs are made.
struct CgroupPlace {
  std::int64_t version = 0;  // of the interface; 0: they cannot be made
  TextMap controllers;       // of "cpu", "memory" and "pids" those there are, and their directories
  static constexpr auto fields() {
    return std::tuple{field("version", &CgroupPlace::version),
                      field("controllers", &CgroupPlace::controllers)};
  }
};

struct CgroupLimits {
  std::int64_t memory_bytes = 0;   // with swap; 0: none
  double cpus = 0;                 // 0: none
  std::int64_t processes_max = 0;  // with threads; 0: none
};

// What keeps the limits of a job there: "cgroup v2: cpu, memory, pids", or the shim's looks.
std::string limits_text(const CgroupPlace& place);

// The directories of the cgroup a process lies in, by the text of its /proc/PID/cgroup and
// /proc/PID/mountinfo, whether they may be written or not. `version` says of which interface.
CgroupPlace own_cgroup(std::int64_t version, std::string_view cgroups, std::string_view mounts);

// Makes none: the shim of a job that finds it cannot goes on without. With version 2 processes and
// limited cgroups do not lie side by side, so that this program may move into a leaf of its own
// cgroup (which has no other process then).
CgroupPlace find_cgroup_place();

// The files that limits are written to, in this order.
using CgroupFiles = std::vector<std::pair<std::string, std::string>>;
CgroupFiles limit_files(std::int64_t version,
                        const std::string& controller,
                        const CgroupLimits& limits);

class Cgroup {
 public:
  // Where it is going to lie, before it is made: what remove_cgroup() takes.
  static std::vector<std::string> directories(const CgroupPlace& place, const std::string& name);
  // nullopt when it cannot be made, or a limit not be set; nothing is left of it then.
  static std::optional<Cgroup> make(const CgroupPlace& place,
                                    const std::string& name,
                                    const CgroupLimits& limits);
  Cgroup(Cgroup&& other) noexcept;
  Cgroup& operator=(Cgroup&&) = delete;
  ~Cgroup();  // lets go of the files; it stays

  // Files in which a process writes "0" to lie in it from then on.
  [[nodiscard]] const std::vector<int>& doors() const { return doors_; }
  // Whether one of its processes was killed because all together had reached the memory limit.
  [[nodiscard]] bool has_run_out_of_memory() const;
  // Whether it was refused a process or thread.
  [[nodiscard]] bool has_run_out_of_processes() const;
  [[nodiscard]] bool limits(const std::string& controller) const {
    return place_.controllers.contains(controller);
  }
  [[nodiscard]] std::string text() const { return limits_text(place_); }

  void kill() const;
  void remove() const;

 private:
  Cgroup(CgroupPlace place, std::string name) : place_(std::move(place)), name_(std::move(name)) {}
  [[nodiscard]] std::string file(const char* controller, const char* name) const;

  CgroupPlace place_;
  std::string name_;
  std::vector<int> doors_;
};

// Kills what is in them and below, and removes them. Those that are not there are no error.
void remove_cgroup(const std::vector<std::string>& directories);

}  // namespace sandbox::jobs
