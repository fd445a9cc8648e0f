#include "sandbox/jobs/machine.h"

#include <algorithm>
#include <thread>

#include <unistd.h>

namespace sandbox::jobs {

double machine_cpus() {
  return std::max(1U, std::thread::hardware_concurrency());
}

std::int64_t machine_memory_bytes() {
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
}

}  // namespace sandbox::jobs
