// The tracking room's endpoints: each noun adds its rows to the one table.
#pragma once

#include "sandbox/http/api.h"

namespace sandbox::tracking {

class Experiments;
class Inputs;
class LoggedModels;
class Metrics;
class Runs;

// The collaborators must outlive the Api.
void install_experiments(http::Api& api, Experiments& experiments);
void install_runs(http::Api& api, Runs& runs);
void install_metrics(http::Api& api, Metrics& metrics);
void install_inputs(http::Api& api, Inputs& inputs);
void install_logged_models(http::Api& api, LoggedModels& models);

// MLflow's endpoints that this server does not have yet: each answers NOT_IMPLEMENTED with its
// name.
void refuse_the_rest(http::Api& api);

}  // namespace sandbox::tracking
