// The clean-up's endpoint.
#pragma once

#include "sandbox/http/api.h"

namespace sandbox::upkeep {

class Collector;

// POST sandbox/gc: the body is a Selection; the answer is one JSON Finding a line as the work goes
// on, the last one of kind "total" or "error". `collector` must outlive the Api.
void install_upkeep(http::Api& api, Collector& collector);

}  // namespace sandbox::upkeep
