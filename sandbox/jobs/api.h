// The endpoints of jobs: our own, and those of MLflow's job API that look at jobs.
#pragma once

#include <string>

#include "sandbox/http/api.h"

namespace sandbox::jobs {

class Jobs;
class KeptVariables;
class Passes;
class Supervisor;

// POST sandbox/jobs starts programs of this machine as the person who runs the lab: only who shows
// `local_token` as a Bearer, a job itself, or an administrator where users log in, may start, stop
// and remove jobs. The three must outlive the Api.
void install_jobs(http::Api& api,
                  Jobs& jobs,
                  Supervisor& supervisor,
                  const Passes& passes,
                  const std::string& local_token);

// sandbox/secrets and sandbox/config: what is kept for jobs. The same people change it, and they
// must outlive the Api.
void install_kept_variables(http::Api& api,
                            KeptVariables& secrets,
                            KeptVariables& config,
                            const Passes& passes,
                            const std::string& local_token);

// After a request of a job's command: the first experiment that it asks for by name, or makes,
// becomes its run's (Jobs::follow_experiment).
void follow(Jobs& jobs,
            const std::string& job_id,
            const http::Request& request,
            const http::Response& response);

}  // namespace sandbox::jobs
