// Workflows that test the training code against a lab.
#pragma once

#include "sandbox/cluster_export/export.h"

namespace sandbox::cluster_export {

Files github_actions_files(const Scene& scene);

}  // namespace sandbox::cluster_export
