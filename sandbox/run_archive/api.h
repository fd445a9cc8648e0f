// The endpoints that write a run as a file and take one in.
#pragma once

#include "sandbox/http/api.h"

namespace sandbox::run_archive {

class RunArchive;

// GET sandbox/runs/{run_id}/archive, POST sandbox/runs/import with the file as body. `archive` must
// outlive the Api.
void install_run_archive(http::Api& api, RunArchive& archive);

}  // namespace sandbox::run_archive
