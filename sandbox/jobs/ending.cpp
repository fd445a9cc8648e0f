#include "sandbox/jobs/ending.h"

#include "sandbox/jobs/diagnosis.h"

namespace sandbox::jobs {
namespace {

std::string retry_hint(const Job& job) {
  return " `mlops-sandbox jobs retry " + job.job_id + "` runs it again.";
}

}  // namespace

Ending ending_of(const Job& job, const End& end, std::string_view log_tail, bool is_lab_stopping) {
  const auto error = diagnose(job.spec, end, log_tail);
  if (!error) return {Status::succeeded, ""};
  if (end.reason == "canceled" && is_lab_stopping) {
    return {Status::canceled, "The lab was stopped while it ran." + retry_hint(job)};
  }
  if (end.reason == "canceled") return {Status::canceled, *error};
  if (end.reason == "timeout") return {Status::timeout, *error};
  return {Status::failed, *error};
}

std::string loss_text(const Job& job) {
  return "What looked after it was killed, or the machine was switched off, so it was ended." +
         retry_hint(job);
}

}  // namespace sandbox::jobs
