// The endpoints of the clean-up and of moving files.
#pragma once

#include "sandbox/http/api.h"

namespace sandbox::upkeep {

class Collector;
class Relocation;

// POST sandbox/gc: the body is a Selection; the answer is one JSON Finding a line as the work goes
// on, the last one of kind "total" or "error". POST sandbox/relocate likewise: a Move, and
// Progress. The collaborators must outlive the Api.
void install_upkeep(http::Api& api, Collector& collector, Relocation& relocation);

}  // namespace sandbox::upkeep
