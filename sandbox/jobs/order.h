// What the shim of an attempt is told.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sandbox/jobs/attempt.h"
#include "sandbox/jobs/job.h"
#include "sandbox/jobs/passes.h"

namespace sandbox::jobs {

using Variables = std::vector<std::pair<std::string, std::string>>;

// What a job's environment is made of, beside what its own spec says. Of one name the later ones
// win: the lab's, kept configuration, the spec's, secrets; the GPUs it was given above all.
struct Sources {
  Variables lab;
  std::vector<tracking::KeyValue> config;
  std::vector<tracking::KeyValue> secrets;  // masked in the log
  Pass pass;
  bool has_gpus = false;  // the machine: a job that was given none then sees none
};

// Command, environment and what the log hides; limits but those of the job itself are the caller's.
Order order_of(const Job& job, const Sources& sources);

}  // namespace sandbox::jobs
