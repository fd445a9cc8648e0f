// Plain manifests with Kustomize overlays.
#pragma once

#include "sandbox/cluster_export/export.h"

namespace sandbox::cluster_export {

Files k8s_files(const Scene& scene);

}  // namespace sandbox::cluster_export
