// What an external PostgreSQL has to have: roles, databases, and who may connect.
#pragma once

#include "sandbox/cluster_export/export.h"

namespace sandbox::cluster_export {

Files postgres_init_files(const Scene& scene);

}  // namespace sandbox::cluster_export
