// The lab's jobs as Kubernetes Jobs, and those with a cron as CronJobs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/cluster_export/export.h"
#include "sandbox/cluster_export/tree.h"

namespace sandbox::cluster_export {

// A job of the lab that has a schedule, as a pod.
struct ScheduledJob {
  std::string name;           // a DNS label
  std::string original_name;  // any text
  std::string cron;
  std::int64_t retries = 0;
  std::int64_t timeout_s = 0;  // 0: none
  std::string container;       // the one in `pod`
  Tree pod;
};
std::vector<ScheduledJob> scheduled_jobs(const Scene& scene);

Files job_files(const Scene& scene);

}  // namespace sandbox::cluster_export
