#include "sandbox/jobs/job.h"

namespace sandbox::jobs {
namespace {

constexpr std::array<std::string_view, 7> names{"PENDING", "RUNNING",  "SUCCEEDED",     "FAILED",
                                                "TIMEOUT", "CANCELED", "NEEDS_RECOVERY"};

}  // namespace

std::string_view status_name(Status status) {
  return names.at(static_cast<std::size_t>(status));
}

std::optional<Status> find_status(std::string_view name) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names.at(i) == name) return static_cast<Status>(i);
  }
  return std::nullopt;
}

bool is_final(Status status) {
  return status == Status::succeeded || status == Status::failed || status == Status::timeout ||
         status == Status::canceled;
}

}  // namespace sandbox::jobs
