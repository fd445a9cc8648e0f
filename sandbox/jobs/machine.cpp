#include "sandbox/jobs/machine.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <thread>

#include <unistd.h>

namespace sandbox::jobs {

double machine_cpus() {
  return std::max(1U, std::thread::hardware_concurrency());
}

std::int64_t machine_memory_bytes() {
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
}

std::int64_t machine_gpus() {
  std::int64_t count = 0;
  while (std::filesystem::exists("/dev/nvidia" + std::to_string(count))) ++count;
  return count;
}

}  // namespace sandbox::jobs
