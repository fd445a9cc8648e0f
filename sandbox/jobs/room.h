// What a machine has for jobs, and who has how much of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/jobs/job.h"

namespace sandbox::jobs {

struct Room {
  double cpus = 0;
  std::int64_t memory_bytes = 0;
  std::vector<std::string> gpus;  // as CUDA_VISIBLE_DEVICES names them
};

// Throws Error(invalid_parameter_value) for a job that has no place in it even alone.
void check_room(const Room& whole, const JobSpec& spec);

// Takes out what a running job has.
void take(Room& left, const Job& job);

// What the job has to wait for, as a sentence that begins with "It waits for room"; "" for nothing.
std::string missing_room(const Room& whole, const Room& left, const JobSpec& spec);

}  // namespace sandbox::jobs
