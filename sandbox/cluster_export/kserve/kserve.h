// Registered models as InferenceServices of KServe.
#pragma once

#include "sandbox/cluster_export/export.h"

namespace sandbox::cluster_export {

// What the model's InferenceService is called.
std::string service_name(const Scene& scene, const std::string& model);

Files kserve_files(const Scene& scene);

}  // namespace sandbox::cluster_export
