#include "sandbox/cluster_export/export.h"

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/cluster_export/airflow/airflow.h"
#include "sandbox/cluster_export/compose/compose.h"
#include "sandbox/cluster_export/env/env.h"
#include "sandbox/cluster_export/fastapi/fastapi.h"
#include "sandbox/cluster_export/github_actions/github_actions.h"
#include "sandbox/cluster_export/helm/helm.h"
#include "sandbox/cluster_export/job/job.h"
#include "sandbox/cluster_export/k8s/k8s.h"
#include "sandbox/cluster_export/kfp/kfp.h"
#include "sandbox/cluster_export/kserve/kserve.h"
#include "sandbox/cluster_export/nfs/nfs.h"
#include "sandbox/cluster_export/postgres_init/postgres_init.h"
#include "sandbox/cluster_export/terraform/terraform.h"

namespace sandbox::cluster_export {

const std::vector<Target>& targets() {
  static const std::vector<Target> all{
      {"k8s", "plain manifests with Kustomize overlays", k8s_files},
      {"helm", "a Helm chart, with its values and their schema", helm_files},
      {"compose", "docker-compose.yml with PostgreSQL and MinIO", compose_files},
      {"terraform", "Terraform for Docker here, for a cluster and for AWS", terraform_files},
      {"job", "the lab's jobs as Kubernetes Jobs and CronJobs", job_files},
      {"postgres-init", "SQL that prepares a PostgreSQL outside of the cluster",
       postgres_init_files},
      {"nfs", "an NFS server for logs of Airflow, and its volume", nfs_files},
      {"kserve", "registered models as InferenceServices, stable and canary", kserve_files},
      {"fastapi", "a predict service of FastAPI", fastapi_files},
      {"kfp", "the labs' pipeline for Kubeflow Pipelines v2", kfp_files},
      {"airflow", "DAGs for Airflow, and values for its official chart", airflow_files},
      {"github-actions", "workflows that test the training code against a lab",
       github_actions_files},
      {"env", "variables that point clients at the cluster", env_files},
  };
  return all;
}

const Target& target_named(std::string_view name) {
  std::vector<std::string> names;
  for (const Target& target : targets()) {
    if (target.name == name) return target;
    names.emplace_back(target.name);
  }
  throw Error(Code::invalid_parameter_value, "There is no target '" + std::string(name) +
                                                 "'. There are " + join(names, ", ") +
                                                 ", and all.");
}

}  // namespace sandbox::cluster_export
