// Starts a job's command: in a session of its own, with nothing of the parent's but what is said.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "sandbox/jobs/attempt.h"

namespace sandbox::jobs {

struct Command {
  pid_t pid = 0;            // its session and process group bear the same number
  int output = -1;          // what it prints on both outputs; does not block
  int start_errno = 0;      // not 0: it was not started
  std::string start_place;  // "cgroup", "directory" or "command", where that failed
};

// It dies with the thread that called this. `cgroup_doors` are files that it writes itself into
// first (cgroup.h).
Command start_command(const Order& order, const std::vector<int>& cgroup_doors);

}  // namespace sandbox::jobs
