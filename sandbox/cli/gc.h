// Shared by the commands that remove things for ever.
#pragma once

#include "sandbox/cli/tracking_door.h"
#include "sandbox/upkeep/collector.h"

namespace sandbox::cli {

// Runs the clean-up and prints each line of it, as sentences or as JSON. The exit code.
int collect(TrackingDoor& door, const upkeep::Selection& selection, bool as_json);

}  // namespace sandbox::cli
