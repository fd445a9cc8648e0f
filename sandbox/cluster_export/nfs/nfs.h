// An NFS server for the logs of Airflow, and the volume that leads to it.
#pragma once

#include "sandbox/cluster_export/export.h"

namespace sandbox::cluster_export {

Files nfs_files(const Scene& scene);

}  // namespace sandbox::cluster_export
