// Jobs and their rows in MLflow's own jobs table, whose words and columns they use, so that they
// move and are kept with everything else. Every job owns a run. What runs them is the Supervisor.
//
// A row belongs to the lab (the data directory) it was given to: another server on the same
// database, a fork or a restored snapshot shows it and never runs it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/base/env.h"
#include "sandbox/db/database.h"
#include "sandbox/jobs/job.h"
#include "sandbox/tracking/experiments.h"
#include "sandbox/tracking/runs.h"

namespace sandbox::jobs {

inline constexpr std::int64_t jobs_listed_max = 1'000;
inline constexpr std::string_view job_tag = "sandbox.job_id";
inline constexpr std::string_view schedule_tag = "sandbox.schedule_id";
inline constexpr std::string_view error_tag = "sandbox.job_error";

struct JobFilter {
  std::string name;                   // "": all
  std::vector<std::string> statuses;  // empty: all
  std::int64_t max_results = jobs_listed_max;
};

// What an attempt is given when it begins.
struct Given {
  std::vector<std::string> gpus;
  std::string limits;  // JobDetails::limits
};

// Safe from every thread. Every call that names a job throws RESOURCE_DOES_NOT_EXIST for one that
// is not there.
class Jobs {
 public:
  // `owner` names the lab, at most 200 characters. The rooms must outlive it.
  Jobs(Env& env,
       db::Database& database,
       tracking::Experiments& experiments,
       tracking::Runs& runs,
       std::string owner);

  // Makes the run (SCHEDULED) and the job (PENDING) under a new UUID; of one with a cron the job
  // alone, which waits for its times. Throws what complete()
  // throws, and RESOURCE_DOES_NOT_EXIST for a job in `after` that is not there.
  Job submit(const std::string& job_id, JobSpec spec, const std::string& creator);
  Job get(const std::string& job_id);
  // The newest first.
  std::vector<Job> list(const JobFilter& filter);
  // Those of this lab that have not ended, in the order in which they should start.
  std::vector<Job> unfinished();

  // The next attempt at a PENDING job: job and run are RUNNING, durable on return. False when it is
  // not PENDING any more.
  bool begin_attempt(Job& job, const Given& given = {});
  // What keeps the limits of a running job, where that is not what was meant to.
  void note_limits(const std::string& job_id, const std::string& limits);
  // A job with a cron waits for its next time; `made` is the job it has just made, or "", and
  // `problem` why it made none.
  void wait_for_time(const Job& job,
                     const std::string& made,
                     const std::string& problem,
                     std::int64_t at_ms);
  void note(const std::string& job_id, const std::string& status_message);
  // Back to PENDING until `at_ms`; one of its retries is used up when the attempt `counts`.
  void wait_for_retry(const Job& job, const std::string& error, std::int64_t at_ms, bool counts);
  void end(const Job& job,
           Status status,
           const std::string& error,
           std::optional<std::int64_t> exit_code);
  // A PENDING one is CANCELED at once; for a RUNNING one the wish is kept. One that has ended
  // stays.
  Job cancel(const std::string& job_id);
  // A job of this lab that ended without success is PENDING again, with all its retries.
  Job retry(const std::string& job_id);
  // Removes a job that has ended; its run stays.
  void remove(const std::string& job_id);

  // The command of a job whose person named no experiment asks for one: the first time, while the
  // run holds no points of its own, the run moves there, as mlflow.start_run() takes only a run of
  // the experiment that was set.
  void follow_experiment(const std::string& job_id, const std::string& experiment_id);

 private:
  std::string experiment_of(const JobSpec& spec);
  std::string make_run(const Job& job, const JobSpec& spec);
  void update_run(const Job& job, const tracking::RunUpdate& update, const std::string& error);

  Env& env_;
  db::Database& database_;
  tracking::Experiments& experiments_;
  tracking::Runs& runs_;
  const std::string owner_;
};

}  // namespace sandbox::jobs
