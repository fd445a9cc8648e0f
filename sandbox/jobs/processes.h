// A process and all that descend from it, as /proc shows them.
#pragma once

#include <cstdint>
#include <vector>

#include <sys/types.h>

namespace sandbox::jobs {

struct ProcessInfo {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t session = 0;
  double cpu_seconds = 0;  // its own and that of children it has waited for
  std::int64_t resident_bytes = 0;
};

// Every process of this machine that can be read; of a zombie the memory is 0.
std::vector<ProcessInfo> all_processes();

// Those that descend from `root`, without it.
std::vector<ProcessInfo> descendants_of(pid_t root);

// Memory of a process with pages it shares counted in parts, which adds up over processes that
// forked. The resident size where that cannot be read.
std::int64_t proportional_bytes(const ProcessInfo& process);

struct DiskBytes {
  std::int64_t read = 0;
  std::int64_t written = 0;
};
// What a process has read from and written to disks; zeros when that cannot be read.
DiskBytes disk_bytes(pid_t pid);

}  // namespace sandbox::jobs
