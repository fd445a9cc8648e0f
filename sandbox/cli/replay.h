// Whether a run that was repeated came to the same.
#pragma once

#include <string>
#include <vector>

#include "sandbox/cli/tracking_door.h"

namespace sandbox::cli {

struct Comparison {
  bool is_same = false;
  std::string verdict;             // "same: …" or "differs at step 7: …"
  std::vector<std::string> notes;  // what may explain a difference: other code, data, params
};

// Compares code (the commit), datasets (their digests), params and every point of every metric but
// the system's and the times; values have to agree to the bit.
Comparison compare_runs(TrackingDoor& door, const std::string& then_id, const std::string& now_id);

}  // namespace sandbox::cli
