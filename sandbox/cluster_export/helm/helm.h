// A Helm chart: templates that are the same for every lab, and the lab's own in values.yaml.
#pragma once

#include "sandbox/cluster_export/export.h"
#include "sandbox/cluster_export/tree.h"

namespace sandbox::cluster_export {

Files helm_files(const Scene& scene);

// values.yaml, for those who install the chart by other means too.
Tree helm_values(const Scene& scene);

}  // namespace sandbox::cluster_export
