// A predict service of FastAPI, as an image and as manifests.
#pragma once

#include "sandbox/cluster_export/export.h"

namespace sandbox::cluster_export {

Files fastapi_files(const Scene& scene);

}  // namespace sandbox::cluster_export
