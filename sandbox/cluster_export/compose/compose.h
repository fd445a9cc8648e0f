// docker-compose.yml: tracking server, PostgreSQL and MinIO on one machine.
#pragma once

#include "sandbox/cluster_export/export.h"

namespace sandbox::cluster_export {

Files compose_files(const Scene& scene);

}  // namespace sandbox::cluster_export
