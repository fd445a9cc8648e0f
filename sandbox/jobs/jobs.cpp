#include "sandbox/jobs/jobs.h"

#include <algorithm>

#include <unistd.h>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/log.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"

namespace sandbox::jobs {
namespace {

constexpr std::string_view select_sql =
    "SELECT id, job_name, status, status_message, result, creator, creation_time, "
    "last_update_time, retry_count, next_attempt_at, status_details, params, executor_backend "
    "FROM jobs WHERE workspace = 'default' AND executor_backend LIKE 'mlops-sandbox:%'";

Job job_of(const db::Rows& row, const std::string& owner) {
  Job job;
  job.job_id = row.text(0);
  job.name = row.text(1);
  const auto status = static_cast<Status>(row.integer(2));
  job.status = status_name(status);
  job.status_message = row.text(3);
  if (status != Status::succeeded) job.error_message = row.text(4);
  job.creator = row.text(5);
  job.creation_time = row.integer(6);
  job.last_update_time = row.integer(7);
  job.retry_count = row.integer(8);
  job.next_attempt_at = row.maybe_integer(9);
  if (!row.is_null(10)) job.details = from_json<JobDetails>(row.text(10));
  job.spec = from_json<JobSpec>(row.text(11));
  job.is_here = row.view(12) == owner;
  return job;
}

std::optional<Job> find(db::Tx& tx, const std::string& job_id, const std::string& owner) {
  static const std::string sql = std::string(select_sql) + " AND id = ?";
  db::Rows rows = tx.query(sql, job_id);
  if (!rows.next()) return std::nullopt;
  return job_of(rows, owner);
}

Job get(db::Tx& tx, const std::string& job_id, const std::string& owner) {
  auto job = find(tx, job_id, owner);
  if (!job) {
    throw Error(Code::resource_does_not_exist, "Job with ID " + job_id + " not found");
  }
  return *std::move(job);
}

struct Change {
  Status status = Status::pending;
  std::string message{};
  std::optional<std::string> result{};
  std::optional<std::int64_t> next_attempt_at{};
};

void write(db::Tx& tx, const Job& job, const Change& change, std::int64_t now_ms) {
  tx.execute(
      "UPDATE jobs SET status = ?, status_message = ?, result = ?, retry_count = ?, "
      "next_attempt_at = ?, status_details = ?, last_update_time = ? WHERE id = ?",
      static_cast<std::int64_t>(change.status), unless_empty(change.message), change.result,
      job.retry_count, change.next_attempt_at, to_json(job.details), now_ms, job.job_id);
}

std::string_view run_status(Status status) {
  if (status == Status::succeeded) return "FINISHED";
  return status == Status::canceled ? "KILLED" : "FAILED";
}

}  // namespace

Jobs::Jobs(Env& env,
           db::Database& database,
           tracking::Experiments& experiments,
           tracking::Runs& runs,
           std::string owner)
    : env_(env),
      database_(database),
      experiments_(experiments),
      runs_(runs),
      owner_("mlops-sandbox:" + std::move(owner)) {}

// Somebody else may make it at the same moment.
std::string Jobs::experiment_of(const JobSpec& spec) {
  if (spec.experiment_name.empty()) return "0";
  try {
    return experiments_.create(spec.experiment_name, "", {});
  } catch (const Error& error) {
    if (error.code() != Code::resource_already_exists) throw;
    return experiments_.get_by_name(spec.experiment_name).experiment_id;
  }
}

std::string Jobs::make_run(const Job& job, const JobSpec& spec) {
  const std::string command = command_text(spec.command);
  const bool is_project = !spec.entry_point.empty();
  tracking::NewRun run;
  run.experiment_id = experiment_of(spec);
  run.user_id = job.creator;
  run.run_name = spec.name;
  run.start_time = job.creation_time;
  run.tags = {{std::string(job_tag), job.job_id},
              {"mlflow.source.name", is_project ? spec.working_dir : command},
              {"mlflow.source.type", is_project ? "PROJECT" : "JOB"},
              {"mlflow.user", job.creator}};
  if (is_project) {
    run.tags.push_back({"mlflow.project.entryPoint", spec.entry_point});
    run.tags.push_back({"mlflow.project.env", "local"});
  }
  if (!spec.schedule_id.empty()) {
    run.tags.push_back({std::string(schedule_tag), spec.schedule_id});
  }
  if (!spec.git_commit.empty()) run.tags.push_back({"mlflow.source.git.commit", spec.git_commit});
  std::string run_id = runs_.create(run).info.run_id;
  runs_.update(run_id, {.status = "SCHEDULED"});
  std::vector<tracking::KeyValue> params{{"job.command", command},
                                         {"job.working_dir", spec.working_dir}};
  if (!spec.git_commit.empty()) params.push_back({"job.git_commit", spec.git_commit});
  params.insert(params.end(), spec.params.begin(), spec.params.end());
  runs_.log_batch(run_id, {}, params, {});
  return run_id;
}

Job Jobs::submit(const std::string& job_id, JobSpec spec, const std::string& creator) {
  complete(spec);
  for (const std::string& before : spec.after) get(before);
  Job job;
  job.job_id = job_id;
  job.name = spec.name;
  job.creator = creator;
  job.creation_time = job.last_update_time = env_.now_ms();
  job.details.has_experiment = !spec.experiment_name.empty();
  if (spec.cron.empty()) job.details.run_id = make_run(job, spec);
  const std::optional<double> timeout =
      spec.timeout_s > 0 ? std::optional(spec.timeout_s) : std::nullopt;
  database_.write([&](db::Tx& tx) {
    tx.execute(
        "INSERT INTO jobs (id, creation_time, job_name, params, timeout, status, retry_count, "
        "last_update_time, workspace, status_details, creator, executor_backend) VALUES (?, ?, ?, "
        "?, ?, 0, 0, ?, 'default', ?, ?, ?)",
        job.job_id, job.creation_time, job.name, to_json(spec), timeout, job.creation_time,
        to_json(job.details), unless_empty(creator), owner_);
  });
  job.spec = std::move(spec);
  job.status = status_name(Status::pending);
  return job;
}

Job Jobs::get(const std::string& job_id) {
  return database_.read([&](db::Tx& tx) { return jobs::get(tx, job_id, owner_); });
}

std::vector<Job> Jobs::list(const JobFilter& filter) {
  for (const std::string& status : filter.statuses) {
    if (!find_status(status)) {
      throw Error(Code::invalid_parameter_value,
                  "'" + status +
                      "' is no status of a job. They are PENDING, RUNNING, SUCCEEDED, FAILED, "
                      "TIMEOUT and CANCELED.");
    }
  }
  const std::int64_t most = std::clamp<std::int64_t>(filter.max_results, 1, jobs_listed_max);
  return database_.read([&](db::Tx& tx) {
    static const std::string sql = std::string(select_sql) + " ORDER BY creation_time DESC, id";
    std::vector<Job> jobs;
    db::Rows rows = tx.query_long(sql);
    while (static_cast<std::int64_t>(jobs.size()) < most && rows.next()) {
      Job job = job_of(rows, owner_);
      if (!filter.name.empty() && job.name != filter.name) continue;
      if (!filter.statuses.empty() && std::find(filter.statuses.begin(), filter.statuses.end(),
                                                job.status) == filter.statuses.end()) {
        continue;
      }
      jobs.push_back(std::move(job));
    }
    return jobs;
  });
}

std::vector<Job> Jobs::unfinished() {
  std::vector<Job> jobs = database_.read([&](db::Tx& tx) {
    static const std::string sql =
        std::string(select_sql) +
        " AND status IN (0, 1) AND executor_backend = ? ORDER BY creation_time, id";
    std::vector<Job> found;
    db::Rows rows = tx.query(sql, owner_);
    while (rows.next()) found.push_back(job_of(rows, owner_));
    return found;
  });
  std::stable_sort(jobs.begin(), jobs.end(), [](const Job& left, const Job& right) {
    return left.spec.priority > right.spec.priority;
  });
  return jobs;
}

// The run may have been deleted meanwhile; the job goes on without it.
void Jobs::update_run(const Job& job, const tracking::RunUpdate& update, const std::string& error) {
  try {
    runs_.update(job.details.run_id, update);
    if (!error.empty()) runs_.set_tag(job.details.run_id, std::string(error_tag), error);
  } catch (const Error& failure) {
    log::warning("a job's run was not updated", {{"job", job.job_id}, {"reason", failure.what()}});
  }
}

bool Jobs::begin_attempt(Job& job, const Given& given) {
  const std::int64_t now = env_.now_ms();
  const bool has_begun = database_.write([&](db::Tx& tx) {
    const auto current = find(tx, job.job_id, owner_);
    if (!current || current->state() != Status::pending) return false;
    Job next = *current;
    ++next.details.attempt;
    next.details.started_ms = now;
    next.details.ended_ms.reset();
    next.details.exit_code.reset();
    next.details.gpus = given.gpus;
    next.details.limits = given.limits;
    write(tx, next, {.status = Status::running}, now);
    next.status = status_name(Status::running);
    job = std::move(next);
    return true;
  });
  if (has_begun) update_run(job, {.status = "RUNNING"}, "");
  return has_begun;
}

void Jobs::note_limits(const std::string& job_id, const std::string& limits) {
  database_.write([&](db::Tx& tx) {
    auto current = find(tx, job_id, owner_);
    if (!current || current->state() != Status::running) return;
    current->details.limits = limits;
    tx.execute("UPDATE jobs SET status_details = ? WHERE id = ?", to_json(current->details),
               job_id);
  });
}

void Jobs::wait_for_time(const Job& job,
                         const std::string& made,
                         const std::string& problem,
                         std::int64_t at_ms) {
  database_.write([&](db::Tx& tx) {
    auto current = find(tx, job.job_id, owner_);
    if (!current || current->state() != Status::pending) return;
    if (!made.empty()) current->details.last_job_id = made;
    write(tx, *current,
          {.message = (problem.empty() ? "" : "The last time it made no job: " + problem + " ") +
                      "The next time is " + iso8601_ms(at_ms) + ".",
           .next_attempt_at = at_ms},
          env_.now_ms());
  });
}

void Jobs::note(const std::string& job_id, const std::string& status_message) {
  database_.write([&](db::Tx& tx) {
    tx.execute("UPDATE jobs SET status_message = ? WHERE id = ?", unless_empty(status_message),
               job_id);
  });
}

void Jobs::wait_for_retry(const Job& job,
                          const std::string& error,
                          std::int64_t at_ms,
                          bool counts) {
  update_run(job, {.status = "SCHEDULED"}, error);
  const std::int64_t now = env_.now_ms();
  database_.write([&](db::Tx& tx) {
    auto current = find(tx, job.job_id, owner_);
    if (!current) return;
    if (counts) ++current->retry_count;
    current->details.ended_ms = now;
    write(tx, *current, {.result = error, .next_attempt_at = at_ms}, now);
  });
}

void Jobs::end(const Job& job,
               Status status,
               const std::string& error,
               std::optional<std::int64_t> exit_code) {
  const std::int64_t now = env_.now_ms();
  tracking::RunUpdate update{.status = std::string(run_status(status)), .end_time = now};
  // A command that ended its run otherwise knows better.
  if (status == Status::succeeded) {
    try {
      const std::string current = runs_.get(job.details.run_id).info.status;
      if (current != "RUNNING" && current != "SCHEDULED") update.status.reset();
    } catch (const Error&) {
      update.status.reset();
    }
  }
  update_run(job, update, error);
  database_.write([&](db::Tx& tx) {
    auto current = find(tx, job.job_id, owner_);
    if (!current) return;
    current->details.ended_ms = now;
    current->details.exit_code = exit_code;
    current->details.is_cancel_wanted = false;
    const std::string result =
        status == Status::succeeded ? "{\"run_id\": \"" + job.details.run_id + "\"}" : error;
    write(tx, *current, {.status = status, .result = result}, now);
  });
}

Job Jobs::cancel(const std::string& job_id) {
  const Job job = database_.write([&](db::Tx& tx) {
    Job current = jobs::get(tx, job_id, owner_);
    if (current.state() == Status::pending) {
      write(tx, current, {.status = Status::canceled, .result = "It was canceled."}, env_.now_ms());
      current.status = status_name(Status::canceled);
    } else if (current.state() == Status::running && !current.details.is_cancel_wanted) {
      current.details.is_cancel_wanted = true;
      current.status_message = "It is being stopped.";
      write(tx, current, {.status = Status::running, .message = current.status_message},
            env_.now_ms());
    }
    return current;
  });
  if (job.state() == Status::canceled && job.error_message.empty()) {
    update_run(job, {.status = "KILLED", .end_time = env_.now_ms()}, "");
  }
  return job;
}

Job Jobs::retry(const std::string& job_id) {
  const Job job = database_.write([&](db::Tx& tx) {
    Job current = jobs::get(tx, job_id, owner_);
    const Status status = current.state();
    if (!is_final(status) || status == Status::succeeded) {
      throw Error(Code::invalid_state, "Job " + job_id + " is " + current.status +
                                           ": only one that failed or was canceled is retried.");
    }
    if (!current.is_here) {
      throw Error(Code::invalid_state, "Job " + job_id +
                                           " belongs to a lab with another data directory. Submit "
                                           "it here with `run`.");
    }
    current.retry_count = 0;
    write(tx, current, {}, env_.now_ms());
    current.status = status_name(Status::pending);
    return current;
  });
  update_run(job, {.status = "SCHEDULED"}, "");
  return job;
}

void Jobs::remove(const std::string& job_id) {
  database_.write([&](db::Tx& tx) {
    const Job job = jobs::get(tx, job_id, owner_);
    if (!is_final(job.state()) && job.is_here) {
      throw Error(Code::invalid_state, "Job " + job_id + " is " + job.status +
                                           ". Cancel it first: jobs cancel " + job_id + ".");
    }
    tx.execute("DELETE FROM jobs WHERE id = ?", job_id);
  });
}

void Jobs::follow_experiment(const std::string& job_id, const std::string& experiment_id) {
  database_.write([&](db::Tx& tx) {
    auto job = find(tx, job_id, owner_);
    if (!job || job->details.has_experiment) return;
    job->details.has_experiment = true;
    tx.execute("UPDATE jobs SET status_details = ? WHERE id = ?", to_json(job->details), job_id);
    const std::string& run_id = job->details.run_id;
    if (tx.query("SELECT 1 FROM latest_metrics WHERE run_uuid = ? AND key NOT LIKE 'system/%'",
                 run_id)
            .next()) {
      return;
    }
    const auto experiment = tracking::active_experiment(tx, experiment_id);
    tx.execute(
        "UPDATE runs SET experiment_id = ?, artifact_uri = ? WHERE run_uuid = ?", experiment.id,
        tracking::append_uri_path(experiment.artifact_location, run_id + "/artifacts"), run_id);
  });
}

}  // namespace sandbox::jobs
