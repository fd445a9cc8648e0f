// The variables that point clients at the cluster, for shells, containers and pods.
#pragma once

#include "sandbox/cluster_export/export.h"

namespace sandbox::cluster_export {

Files env_files(const Scene& scene);

}  // namespace sandbox::cluster_export
