// A job's log, in the job's folder while that is there, and among its run's files from its end on.
#pragma once

#include <cstdint>
#include <string>

#include "sandbox/artifacts/artifacts.h"
#include "sandbox/jobs/job.h"
#include "sandbox/jobs/job_folder.h"

namespace sandbox::jobs {

// When that fails the log stays where it is, and is read from there.
void keep_log(artifacts::Artifacts& artifacts, const JobFolder& folder, const Job& job);

// At most `bytes_max` bytes of it from `offset` on; "" where there is none yet.
std::string kept_log(artifacts::Artifacts& artifacts,
                     const JobFolder& folder,
                     const Job& job,
                     std::uint64_t offset,
                     std::size_t bytes_max);

}  // namespace sandbox::jobs
