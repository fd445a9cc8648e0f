// What MLflow's web UI asks beside the tracking API, of features that this server is without.
#pragma once

#include "sandbox/http/api.h"

namespace sandbox::mlflow_ui {

// Telemetry that is off, and lists that are empty: no gateway, no assistant, no jobs, no demo, no
// workspaces. With a refusal instead the pages would show errors that nobody can mend.
void install_absent_features(http::Api& api);

}  // namespace sandbox::mlflow_ui
