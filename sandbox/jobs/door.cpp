#include "sandbox/jobs/door.h"

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::jobs {

void Door::check(const http::Request& request) const {
  const std::string_view token = http::bearer(request);
  const bool is_local = !local_token_.empty() && equal_in_constant_time(token, local_token_);
  if (is_local || !request.user.empty() || !passes_.job_of(token).empty()) return;
  throw Error(
      Code::permission_denied,
      "Jobs are started and stopped, and secrets kept for them, by whoever runs the lab, on "
      "its own machine: `mlops-sandbox run -- COMMAND`, `mlops-sandbox jobs`.");
}

}  // namespace sandbox::jobs
