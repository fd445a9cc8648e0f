// What becomes of a job whose attempt is over.
#pragma once

#include <string>
#include <string_view>

#include "sandbox/jobs/attempt.h"
#include "sandbox/jobs/job.h"

namespace sandbox::jobs {

struct Ending {
  Status status = Status::failed;
  std::string error;  // "" for a success
};

// `log_tail` is the last part of what it printed; `is_lab_stopping`: the lab has told it to end.
Ending ending_of(const Job& job, const End& end, std::string_view log_tail, bool is_lab_stopping);

// Of one that nobody has looked after to its end.
std::string loss_text(const Job& job);

}  // namespace sandbox::jobs
