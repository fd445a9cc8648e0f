// A job as people and programs see it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "sandbox/base/fields.h"
#include "sandbox/jobs/spec.h"

namespace sandbox::jobs {

// MLflow's words (mlflow.entities._job_status) and their numbers in the jobs table.
enum class Status {
  pending = 0,
  running = 1,
  succeeded = 2,
  failed = 3,
  timeout = 4,
  canceled = 5,
  needs_recovery = 6
};
std::string_view status_name(Status status);
std::optional<Status> find_status(std::string_view name);
bool is_final(Status status);

// What the table's column status_details keeps of a job beside MLflow's own columns.
struct JobDetails {
  std::string run_id;
  std::int64_t attempt = 0;  // the one that runs or ran last, from 1
  std::optional<std::int64_t> started_ms;
  std::optional<std::int64_t> ended_ms;
  std::optional<std::int64_t> exit_code;
  bool is_cancel_wanted = false;
  bool has_experiment = false;    // chosen by the person, or taken over from the command
  std::string last_job_id;        // of a schedule: what it made last
  std::vector<std::string> gpus;  // those it has or had, as CUDA_VISIBLE_DEVICES names them
  std::string limits;  // what keeps its limits: "cgroup v2: cpu, memory, pids", "looking…"
  static constexpr auto fields() {
    return std::tuple{field("run_id", &JobDetails::run_id),
                      field("attempt", &JobDetails::attempt),
                      field("started_ms", &JobDetails::started_ms),
                      field("ended_ms", &JobDetails::ended_ms),
                      field("exit_code", &JobDetails::exit_code),
                      field("is_cancel_wanted", &JobDetails::is_cancel_wanted),
                      field("has_experiment", &JobDetails::has_experiment),
                      field("last_job_id", &JobDetails::last_job_id),
                      field("gpus", &JobDetails::gpus),
                      field("limits", &JobDetails::limits)};
  }
};

struct Job {
  std::string job_id;  // a UUID
  std::string name;
  std::string status;          // one of MLflow's words
  std::string status_message;  // what it waits for or does; "" when there is nothing to say
  std::string error_message;   // why it failed, and what to do
  std::string creator;
  std::int64_t creation_time = 0;     // epoch ms
  std::int64_t last_update_time = 0;  // epoch ms
  std::int64_t retry_count = 0;
  std::optional<std::int64_t> next_attempt_at;  // epoch ms; it waits until then
  JobDetails details;
  JobSpec spec;
  bool is_here = true;  // false: a lab with another data directory runs it

  [[nodiscard]] Status state() const { return find_status(status).value_or(Status::failed); }
  static constexpr auto fields() {
    return std::tuple{
        field("job_id", &Job::job_id),
        field("name", &Job::name),
        field("status", &Job::status, "PENDING, RUNNING, SUCCEEDED, FAILED, TIMEOUT or CANCELED."),
        field("status_message", &Job::status_message),
        field("error_message", &Job::error_message),
        field("creator", &Job::creator),
        field("creation_time", &Job::creation_time),
        field("last_update_time", &Job::last_update_time),
        field("retry_count", &Job::retry_count),
        field("next_attempt_at", &Job::next_attempt_at),
        field("details", &Job::details),
        field("spec", &Job::spec),
        field("is_here", &Job::is_here)};
  }
};

struct JobPage {
  std::vector<Job> jobs;
  static constexpr auto fields() { return std::tuple{field("jobs", &JobPage::jobs)}; }
};

// An order for a job; secrets are variables whose values no database and no log shows.
struct NewJob {
  JobSpec spec;
  std::vector<tracking::KeyValue> secrets;
  static constexpr auto fields() {
    return std::tuple{field("spec", &NewJob::spec), field("secrets", &NewJob::secrets)};
  }
};

}  // namespace sandbox::jobs
