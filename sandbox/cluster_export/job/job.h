// The lab's jobs as Kubernetes Jobs, and those with a cron as CronJobs.
#pragma once

#include "sandbox/cluster_export/export.h"

namespace sandbox::cluster_export {

Files job_files(const Scene& scene);

}  // namespace sandbox::cluster_export
