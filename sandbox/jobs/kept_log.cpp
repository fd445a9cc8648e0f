#include "sandbox/jobs/kept_log.h"

#include <algorithm>

#include "sandbox/base/error.h"
#include "sandbox/base/log.h"

namespace sandbox::jobs {
namespace {

artifacts::Location place_of(artifacts::Artifacts& artifacts, const Job& job) {
  return artifacts.locate_uri(artifacts.run_root(job.details.run_id)).below("logs/job.log");
}

}  // namespace

void keep_log(artifacts::Artifacts& artifacts, const JobFolder& folder, const Job& job) {
  try {
    folder.keep_log(artifacts, place_of(artifacts, job));
  } catch (const std::exception& failure) {
    log::warning("a job's log was not kept among its run's files",
                 {{"job", job.job_id}, {"reason", failure.what()}});
  }
}

std::string kept_log(artifacts::Artifacts& artifacts,
                     const JobFolder& folder,
                     const Job& job,
                     std::uint64_t offset,
                     std::size_t bytes_max) {
  if (auto here = folder.log(offset, bytes_max)) return *std::move(here);
  try {
    const auto reader = artifacts.open(place_of(artifacts, job));
    const std::uint64_t size = reader->info().size;
    std::string out;
    if (offset < size) {
      reader->read(offset, std::min<std::uint64_t>(bytes_max, size - offset),
                   [&](std::string_view piece) { out += piece; });
    }
    return out;
  } catch (const Error&) {
    return "";  // nothing was printed yet
  }
}

}  // namespace sandbox::jobs
