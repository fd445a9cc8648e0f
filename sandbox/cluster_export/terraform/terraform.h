// Terraform: the same modules for every lab, and the lab's own in terraform.tfvars.json.
#pragma once

#include "sandbox/cluster_export/export.h"

namespace sandbox::cluster_export {

Files terraform_files(const Scene& scene);

}  // namespace sandbox::cluster_export
