#include "sandbox/jobs/processes.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include <unistd.h>

#include "sandbox/base/text.h"

namespace sandbox::jobs {
namespace {

const double ticks_a_second = static_cast<double>(sysconf(_SC_CLK_TCK));
const std::int64_t page_bytes = sysconf(_SC_PAGESIZE);

std::string proc_file(pid_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

// Layout: man 5 proc, /proc/[pid]/stat. The name in brackets may hold anything, brackets too.
bool read_stat(pid_t pid, ProcessInfo& out) {
  std::ifstream file(proc_file(pid, "stat"));
  std::string line;
  if (!std::getline(file, line)) return false;
  const std::size_t after_name = line.rfind(')');
  if (after_name == std::string::npos) return false;
  std::istringstream rest(line.substr(after_name + 1));
  std::string state;
  std::int64_t group = 0;
  std::int64_t skipped = 0;
  std::int64_t ticks = 0;
  std::int64_t pages = 0;
  out.pid = pid;
  rest >> state >> out.parent >> group >> out.session;
  for (int field = 7; field <= 13; ++field) rest >> skipped;
  for (int field = 14; field <= 17; ++field) {
    std::int64_t part = 0;
    rest >> part;
    ticks += part;
  }
  for (int field = 18; field <= 23; ++field) rest >> skipped;
  rest >> pages;
  out.cpu_seconds = static_cast<double>(ticks) / ticks_a_second;
  out.resident_bytes = pages * page_bytes;
  return !rest.fail();
}

// The number after "name:" in a file of such lines; 0 when it is not there.
std::int64_t number_after(const std::string& file, const std::string& name) {
  std::ifstream in(file);
  std::string line;
  while (std::getline(in, line)) {
    if (!line.starts_with(name + ":")) continue;
    std::istringstream rest(line.substr(name.size() + 1));
    std::int64_t number = 0;
    rest >> number;
    return number;
  }
  return 0;
}

}  // namespace

std::vector<ProcessInfo> all_processes() {
  std::vector<ProcessInfo> out;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", failed)) {
    const auto pid = parse_int64(entry.path().filename().string());
    ProcessInfo info;
    if (pid && read_stat(static_cast<pid_t>(*pid), info)) out.push_back(info);
  }
  return out;
}

std::vector<ProcessInfo> descendants_of(pid_t root) {
  std::vector<ProcessInfo> rest = all_processes();
  std::vector<ProcessInfo> found;
  std::set<pid_t> family{root};
  // Ids do not tell who came first, so that one walk over them is not enough.
  for (bool has_grown = true; has_grown;) {
    has_grown = false;
    std::erase_if(rest, [&](const ProcessInfo& one) {
      if (!family.contains(one.parent) || one.pid == root) return false;
      family.insert(one.pid);
      found.push_back(one);
      has_grown = true;
      return true;
    });
  }
  return found;
}

std::int64_t proportional_bytes(const ProcessInfo& process) {
  const std::int64_t kilobytes = number_after(proc_file(process.pid, "smaps_rollup"), "Pss");
  return kilobytes > 0 ? kilobytes * 1024 : process.resident_bytes;
}

DiskBytes disk_bytes(pid_t pid) {
  const std::string file = proc_file(pid, "io");
  return {number_after(file, "read_bytes"), number_after(file, "write_bytes")};
}

}  // namespace sandbox::jobs
