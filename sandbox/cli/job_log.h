// Shows what a job prints as it prints it.
#pragma once

#include <string>

#include "sandbox/cli/tracking_door.h"
#include "sandbox/jobs/job.h"

namespace sandbox::cli {

jobs::Job ask_job(TrackingDoor& door, const std::string& job_id);

// Prints the log from its beginning. With `follow` it goes on until the job has ended; Ctrl-C ends
// that, or, with `cancel_by_signal`, cancels the job first. Answers the job as it was at the end.
struct LogOptions {
  bool follow = false;
  bool cancel_by_signal = false;
};
jobs::Job show_log(TrackingDoor& door, const std::string& job_id, const LogOptions& options);

// "FAILED: …", one line about how a job stands.
std::string state_text(const jobs::Job& job);

}  // namespace sandbox::cli
