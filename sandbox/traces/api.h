// The traces room's endpoints: each noun adds its rows to the one table.
#pragma once

#include "sandbox/http/api.h"

namespace sandbox::traces {

class Traces;

// The collaborators must outlive the Api.
void install_traces(http::Api& api, Traces& traces);

}  // namespace sandbox::traces
