// What this machine has to give to jobs.
#pragma once

#include <cstdint>

namespace sandbox::jobs {

double machine_cpus();  // cores
std::int64_t machine_memory_bytes();

}  // namespace sandbox::jobs
