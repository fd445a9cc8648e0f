// DAGs for the cluster's Airflow, and values for its official chart.
#pragma once

#include "sandbox/cluster_export/export.h"

namespace sandbox::cluster_export {

Files airflow_files(const Scene& scene);

}  // namespace sandbox::cluster_export
