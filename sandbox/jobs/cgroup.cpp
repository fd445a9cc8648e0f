#include "sandbox/jobs/cgroup.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sandbox/base/text.h"
#include "sandbox/jobs/attempt.h"

namespace sandbox::jobs {
namespace {

namespace fs = std::filesystem;

constexpr std::array wanted_controllers{"cpu", "memory", "pids"};
constexpr const char* server_leaf = "mlops-sandbox-server";
constexpr std::int64_t period_us = 100'000;  // the kernel's own
constexpr int removal_rounds_max = 300;      // of 10 ms

// One write(2), because the kernel takes each as one order.
bool write_text(const std::string& file, const std::string& text) {
  const int out = open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (out < 0) return false;
  const bool is_written = write(out, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int failure = errno;
  close(out);
  errno = failure;
  return is_written;
}

std::set<std::string> words_of(const std::string& file) {
  std::istringstream in(read_file(file).value_or(""));
  std::set<std::string> words;
  for (std::string word; in >> word;) words.insert(word);
  return words;
}

// The number after `name` in a file of such lines.
std::int64_t count_of(const std::string& file, std::string_view name) {
  std::istringstream in(read_file(file).value_or(""));
  std::string word;
  std::int64_t number = 0;
  while (in >> word >> number) {
    if (word == name) return number;
  }
  return 0;
}

struct Mount {
  std::string root;  // the cgroup that it shows
  std::string point;
  std::string type;
  std::vector<std::string> options;
};

// Layout: man 5 proc, /proc/[pid]/mountinfo.
std::optional<Mount> mount_of(const std::string& line) {
  const std::size_t dash = line.find(" - ");
  if (dash == std::string::npos) return std::nullopt;
  std::istringstream before(line);
  std::istringstream after(line.substr(dash + 3));
  Mount mount;
  std::string skipped;
  std::string options;
  before >> skipped >> skipped >> skipped >> mount.root >> mount.point;
  after >> mount.type >> skipped >> options;
  mount.options = split(options, ',');
  return after.fail() ? std::nullopt : std::optional(mount);
}

bool shows(const Mount& mount, std::int64_t version, const std::string& controller) {
  if (version == 2) return mount.type == "cgroup2";
  return mount.type == "cgroup" &&
         std::find(mount.options.begin(), mount.options.end(), controller) != mount.options.end();
}

// The path in a line "id:controllers:path"; version 2 is the one without controllers.
std::optional<std::string> path_in(std::string_view cgroups,
                                   std::int64_t version,
                                   const std::string& controller) {
  for (const std::string& line : split(cgroups, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::vector<std::string> names = split(line.substr(first + 1, second - first - 1), ',');
    const bool is_it = version == 2
                           ? line.substr(0, second) == "0:"
                           : std::find(names.begin(), names.end(), controller) != names.end();
    if (is_it) return line.substr(second + 1);
  }
  return std::nullopt;
}

// "" where the mount does not show it.
std::string directory_of(const Mount& mount, const std::string& path) {
  if (path.find("/..") != std::string::npos) return "";
  const std::string root = mount.root == "/" ? "" : mount.root;
  if (!path.starts_with(root)) return "";
  const std::string rest = path.substr(root.size());
  if (!rest.empty() && rest[0] != '/') return "";
  return rest == "/" ? mount.point : mount.point + rest;
}

bool may_write(const std::string& directory, std::initializer_list<const char*> files) {
  if (access(directory.c_str(), W_OK | X_OK) != 0) return false;
  return std::all_of(files.begin(), files.end(), [&](const char* file) {
    return access((directory + "/" + file).c_str(), W_OK) == 0;
  });
}

bool is_systemd_unit(const std::string& name) {
  return name.ends_with(".scope") || name.ends_with(".service") || name.ends_with(".slice");
}

// systemd marks so what it leaves to others (its CGROUP_DELEGATION.md).
bool has_delegation_mark(const std::string& directory) {
  std::array<char, 8> value{};
  return getxattr(directory.c_str(), "user.delegate", value.data(), value.size()) > 0 ||
         getxattr(directory.c_str(), "trusted.delegate", value.data(), value.size()) > 0;
}

// Into a leaf goes this program, and only where no other would have to: the one that waits for
// `up --detach` is the same.
bool move_to_leaf(const std::string& directory) {
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  const std::set<std::string> processes = words_of(directory + "/cgroup.procs");
  for (const std::string& pid : processes) {
    if (fs::read_symlink("/proc/" + pid + "/exe", failed) != program || failed) return false;
  }
  const std::string leaf = directory + "/" + server_leaf;
  if (mkdir(leaf.c_str(), 0755) != 0 && errno != EEXIST) return false;
  return std::all_of(processes.begin(), processes.end(), [&](const std::string& pid) {
    return write_text(leaf + "/cgroup.procs", pid) || errno == ESRCH;
  });
}

// Cgroups with limits and processes do not lie side by side, below the root of the hierarchy
// excepted, which has no type. The kernel refuses memory there, but cores and processes only once
// somebody goes in.
bool is_free_of_processes(const std::string& directory, bool is_own) {
  const auto is_free = [&] {
    return access((directory + "/cgroup.type").c_str(), F_OK) != 0 ||
           words_of(directory + "/cgroup.procs").empty();
  };
  return is_free() || (is_own && move_to_leaf(directory) && is_free());
}

// The controllers that cgroups below this one can have, after what can be done for it.
std::set<std::string> enable(const std::string& directory) {
  const std::string control = directory + "/cgroup.subtree_control";
  const std::set<std::string> there = words_of(directory + "/cgroup.controllers");
  for (const char* name : wanted_controllers) {
    if (there.contains(name) && !words_of(control).contains(name)) {
      write_text(control, std::string("+") + name);
    }
  }
  std::set<std::string> enabled = words_of(control);
  std::erase_if(enabled, [](const std::string& name) {
    return std::find(wanted_controllers.begin(), wanted_controllers.end(), name) ==
           wanted_controllers.end();
  });
  return enabled;
}

CgroupPlace usable_v2(const std::string& own, bool is_namespace_root) {
  const std::string name = fs::path(own).filename();
  std::vector<std::string> candidates;
  if (is_namespace_root || !is_systemd_unit(name) || has_delegation_mark(own)) {
    candidates.push_back(own);
  }
  // The parent of a leaf that this program or systemd's DelegateSubgroup= has made. From others a
  // job would leave the limits that the lab itself is under.
  const std::string parent = fs::path(own).parent_path();
  if (!is_namespace_root && !is_systemd_unit(name) &&
      (name == server_leaf || has_delegation_mark(parent))) {
    candidates.insert(candidates.begin(), parent);
  }
  for (const std::string& directory : candidates) {
    if (!may_write(directory, {"cgroup.procs", "cgroup.subtree_control"})) continue;
    if (!is_free_of_processes(directory, directory == own)) continue;
    CgroupPlace place{2, {}};
    for (const std::string& one : enable(directory)) {
      place.controllers[one] = directory;
    }
    if (!place.controllers.empty()) return place;
  }
  return {};
}

// Itself and those below, the deepest first.
std::vector<std::string> tree_of(const std::string& directory) {
  std::vector<std::string> out;
  std::error_code failed;
  if (!fs::is_directory(directory, failed)) return out;
  out.push_back(directory);
  for (fs::recursive_directory_iterator at(directory, failed), end; !failed && at != end;
       at.increment(failed)) {
    if (at->is_directory(failed)) out.push_back(at->path());
  }
  std::reverse(out.begin(), out.end());
  return out;
}

void kill_all_in(const std::string& directory) {
  if (write_text(directory + "/cgroup.kill", "1")) return;  // Linux 5.14, version 2
  for (const std::string& one : tree_of(directory)) {
    for (const std::string& pid : words_of(one + "/cgroup.procs")) {
      if (const auto number = parse_int64(pid); number && *number > 0) {
        ::kill(static_cast<pid_t>(*number), SIGKILL);
      }
    }
  }
}

}  // namespace

std::string limits_text(const CgroupPlace& place) {
  if (place.version == 0) return "looking: memory, processes";
  std::vector<std::string> names;
  for (const auto& [name, directory] : place.controllers) names.push_back(name);
  return "cgroup v" + std::to_string(place.version) + ": " + join(names, ", ");
}

CgroupPlace own_cgroup(std::int64_t version, std::string_view cgroups, std::string_view mounts) {
  CgroupPlace place{version, {}};
  for (const std::string& line : split(mounts, '\n')) {
    const auto mount = mount_of(line);
    if (!mount) continue;
    for (const char* name : wanted_controllers) {
      if (!shows(*mount, version, name)) continue;
      const auto path = path_in(cgroups, version, name);
      const std::string directory = path ? directory_of(*mount, *path) : "";
      if (!directory.empty()) place.controllers[name] = directory;
    }
  }
  if (place.controllers.empty()) place.version = 0;
  return place;
}

CgroupPlace find_cgroup_place() {
  const std::string cgroups = read_file("/proc/self/cgroup").value_or("");
  const std::string mounts = read_file("/proc/self/mountinfo").value_or("");
  const CgroupPlace second = own_cgroup(2, cgroups, mounts);
  if (second.version == 2) {
    CgroupPlace place =
        usable_v2(second.controllers.begin()->second, path_in(cgroups, 2, "") == "/");
    if (place.version == 2) return place;
  }
  CgroupPlace first = own_cgroup(1, cgroups, mounts);
  std::erase_if(first.controllers, [](const auto& one) { return !may_write(one.second, {}); });
  return first.controllers.empty() ? CgroupPlace{} : first;
}

CgroupFiles limit_files(std::int64_t version,
                        const std::string& controller,
                        const CgroupLimits& limits) {
  const std::string memory = std::to_string(limits.memory_bytes);
  if (controller == "memory" && limits.memory_bytes > 0) {
    // Without swap, which would only make it slow; all of it is killed together.
    if (version == 2) {
      return {{"memory.max", memory}, {"memory.swap.max", "0"}, {"memory.oom.group", "1"}};
    }
    return {{"memory.limit_in_bytes", memory}, {"memory.memsw.limit_in_bytes", memory}};
  }
  if (controller == "cpu" && limits.cpus > 0) {
    const std::string quota = std::to_string(
        std::max<std::int64_t>(1'000, std::llround(limits.cpus * static_cast<double>(period_us))));
    const std::string period = std::to_string(period_us);
    if (version == 2) return {{"cpu.max", quota + " " + period}};
    return {{"cpu.cfs_period_us", period}, {"cpu.cfs_quota_us", quota}};
  }
  if (controller == "pids" && limits.processes_max > 0) {
    return {{"pids.max", std::to_string(limits.processes_max)}};
  }
  return {};
}

std::vector<std::string> Cgroup::directories(const CgroupPlace& place, const std::string& name) {
  std::set<std::string> out;  // version 2 has one for all
  for (const auto& [controller, parent] : place.controllers) out.insert(fs::path(parent) / name);
  return {out.begin(), out.end()};
}

std::optional<Cgroup> Cgroup::make(const CgroupPlace& place,
                                   const std::string& name,
                                   const CgroupLimits& limits) {
  Cgroup made(place, name);
  const std::vector<std::string> all = directories(place, name);
  const auto give_up = [&] {
    remove_cgroup(all);
    return std::nullopt;
  };
  if (place.version == 0) return std::nullopt;
  remove_cgroup(all);  // left by a process of the same name
  for (const std::string& directory : all) {
    if (mkdir(directory.c_str(), 0755) != 0) return give_up();
  }
  for (const auto& [controller, parent] : place.controllers) {
    for (const auto& [limit, value] : limit_files(place.version, controller, limits)) {
      const std::string path = fs::path(parent) / name / limit;
      const bool is_about_swap = limit == "memory.swap.max" || limit.find("memsw") < limit.size();
      if (is_about_swap && access(path.c_str(), F_OK) != 0)
        continue;  // a kernel that does not account for it
      if (write_text(path, value)) continue;
      // More cores than the cgroup above it has: that one's limit is in force then.
      if (controller == "cpu" && errno == EINVAL) continue;
      return give_up();
    }
  }
  for (const std::string& directory : all) {
    const int door = open((directory + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
    if (door < 0) return give_up();
    made.doors_.push_back(door);
  }
  return made;
}

Cgroup::Cgroup(Cgroup&& other) noexcept
    : place_(std::move(other.place_)),
      name_(std::move(other.name_)),
      doors_(std::exchange(other.doors_, {})) {}

Cgroup::~Cgroup() {
  for (const int door : doors_) close(door);
}

std::string Cgroup::file(const char* controller, const char* name) const {
  const auto at = place_.controllers.find(controller);
  return at == place_.controllers.end() ? "" : at->second + "/" + name_ + "/" + name;
}

// A kill alone may have come from a machine without memory, with this limit far away.
bool Cgroup::has_run_out_of_memory() const {
  if (!limits("memory")) return false;
  if (place_.version == 2) {
    const std::string events = file("memory", "memory.events");
    return count_of(events, "oom") > 0 && count_of(events, "oom_kill") > 0;
  }
  // Not every kernel counts in memory.failcnt, so the mark that its use has left is asked. Pages
  // are taken by the batch, so that it may stay somewhat below the limit.
  const auto bytes = [&](const char* name) {
    return parse_int64(trim(read_file(file("memory", name)).value_or(""))).value_or(0);
  };
  return bytes("memory.max_usage_in_bytes") > bytes("memory.limit_in_bytes") / 10 * 9 &&
         count_of(file("memory", "memory.oom_control"), "oom_kill") > 0;
}

bool Cgroup::has_run_out_of_processes() const {
  return limits("pids") && count_of(file("pids", "pids.events"), "max") > 0;
}

void Cgroup::kill() const {
  for (const std::string& directory : directories(place_, name_)) kill_all_in(directory);
}

void Cgroup::remove() const {
  remove_cgroup(directories(place_, name_));
}

void remove_cgroup(const std::vector<std::string>& directories) {
  for (int round = 0; round < removal_rounds_max; ++round) {
    bool is_left = false;
    for (const std::string& directory : directories) {
      for (const std::string& one : tree_of(directory)) {
        if (rmdir(one.c_str()) != 0 && errno != ENOENT) is_left = true;
      }
    }
    if (!is_left) return;
    for (const std::string& directory : directories) kill_all_in(directory);
    usleep(10'000);
  }
}

}  // namespace sandbox::jobs
