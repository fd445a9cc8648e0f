// The labs' pipeline for Kubeflow Pipelines v2, around this lab's names and addresses.
#pragma once

#include "sandbox/cluster_export/export.h"

namespace sandbox::cluster_export {

Files kfp_files(const Scene& scene);

}  // namespace sandbox::cluster_export
