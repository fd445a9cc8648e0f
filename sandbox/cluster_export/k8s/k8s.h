// Plain manifests with Kustomize overlays.
#pragma once

#include "sandbox/cluster_export/export.h"

namespace sandbox::cluster_export {

Files k8s_files(const Scene& scene);

// How the lab's runs and files get into the cluster: a part of a README.
std::string data_steps_for_cluster(const Scene& scene);

}  // namespace sandbox::cluster_export
