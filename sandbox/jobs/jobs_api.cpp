#include <tuple>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/jobs/api.h"
#include "sandbox/jobs/supervisor.h"

namespace sandbox::jobs {
namespace {

constexpr std::size_t log_piece_bytes = std::size_t{1} << 20;

struct JobName {
  std::string job_id;
  static constexpr auto fields() { return std::tuple{in_path("job_id", &JobName::job_id)}; }
};

struct JobListing {
  std::string name;
  std::string status;
  std::int64_t max_results = jobs_listed_max;
  static constexpr auto fields() {
    return std::tuple{field("name", &JobListing::name, "Only jobs of this name."),
                      field("status", &JobListing::status, "Statuses with commas between."),
                      field("max_results", &JobListing::max_results, "At most 1000.")};
  }
};

// MLflow's shape of a job (mlflow/server/job_api.py).
struct MlflowJob {
  std::string job_id;
  std::int64_t creation_time = 0;
  std::string job_name;
  JobSpec params;
  std::optional<double> timeout;
  std::string status;
  std::optional<std::string> result;
  std::optional<std::string> error_message;
  std::int64_t retry_count = 0;
  std::int64_t last_update_time = 0;
  JobDetails status_details;
  std::optional<std::string> creator;
  std::optional<std::string> status_message;
  static constexpr auto fields() {
    return std::tuple{field("job_id", &MlflowJob::job_id),
                      field("creation_time", &MlflowJob::creation_time),
                      field("job_name", &MlflowJob::job_name),
                      field("params", &MlflowJob::params),
                      field("timeout", &MlflowJob::timeout),
                      field("status", &MlflowJob::status),
                      field("result", &MlflowJob::result),
                      field("error_message", &MlflowJob::error_message),
                      field("retry_count", &MlflowJob::retry_count),
                      field("last_update_time", &MlflowJob::last_update_time),
                      field("status_details", &MlflowJob::status_details),
                      field("creator", &MlflowJob::creator),
                      field("status_message", &MlflowJob::status_message)};
  }
};

struct MlflowSearch {
  std::string job_name;
  std::vector<std::string> statuses;
  static constexpr auto fields() {
    return std::tuple{field("job_name", &MlflowSearch::job_name),
                      field("statuses", &MlflowSearch::statuses)};
  }
};

struct MlflowJobs {
  std::vector<MlflowJob> jobs;
  static constexpr auto fields() { return std::tuple{field("jobs", &MlflowJobs::jobs)}; }
};

MlflowJob mlflow_job(Job job) {
  MlflowJob out;
  out.job_id = std::move(job.job_id);
  out.creation_time = job.creation_time;
  out.job_name = std::move(job.name);
  if (job.spec.timeout_s > 0) out.timeout = job.spec.timeout_s;
  out.params = std::move(job.spec);
  out.status = std::move(job.status);
  out.error_message = unless_empty(job.error_message);
  out.retry_count = job.retry_count;
  out.last_update_time = job.last_update_time;
  out.status_details = std::move(job.details);
  out.creator = unless_empty(job.creator);
  out.status_message = unless_empty(job.status_message);
  return out;
}

// What of the answers names an experiment.
struct ExperimentId {
  std::string experiment_id;
  static constexpr auto fields() {
    return std::tuple{field("experiment_id", &ExperimentId::experiment_id)};
  }
};
struct FoundExperiment {
  ExperimentId experiment;
  static constexpr auto fields() {
    return std::tuple{field("experiment", &FoundExperiment::experiment)};
  }
};

// Who may start programs here.
class Door {
 public:
  Door(const Passes& passes, std::string local_token)
      : passes_(passes), local_token_(std::move(local_token)) {}

  // Where users log in the endpoint's rule has let administrators through, and nobody else.
  void check(const http::Request& request) const {
    const std::string_view token = http::bearer(request);
    const bool is_local = !local_token_.empty() && equal_in_constant_time(token, local_token_);
    if (is_local || !request.user.empty() || !passes_.job_of(token).empty()) return;
    throw Error(Code::permission_denied,
                "Jobs are started and stopped by whoever runs the lab, on its own machine: "
                "`mlops-sandbox run -- COMMAND`, `mlops-sandbox jobs`.");
  }

 private:
  const Passes& passes_;
  std::string local_token_;
};

http::Response log_part(Supervisor& supervisor, const http::Request& request) {
  const auto offset = parse_int64(request.query.get("offset", "0"));
  if (!offset || *offset < 0) {
    throw Error(Code::invalid_parameter_value, "offset is the number of bytes to leave out.");
  }
  return http::Response::text(200,
                              supervisor.log(std::string(request.parameter("job_id")),
                                             static_cast<std::uint64_t>(*offset), log_piece_bytes),
                              "text/plain; charset=utf-8");
}

void install_own(http::Api& api, Jobs& jobs, Supervisor& supervisor, const Door& door) {
  api.post<NewJob, Job>("sandbox/jobs", "Run a command as a job, with a run of its own.",
                        [&supervisor, door](const NewJob& order, const http::Request& request) {
                          door.check(request);
                          return supervisor.submit(order, request.user);
                        });
  api.get<JobListing, JobPage>("sandbox/jobs", "List jobs, the newest first.",
                               [&jobs](const JobListing& wanted) {
                                 JobFilter filter{wanted.name, {}, wanted.max_results};
                                 if (!wanted.status.empty()) {
                                   filter.statuses = split(upper(wanted.status), ',');
                                 }
                                 return JobPage{jobs.list(filter)};
                               });
  api.get<JobName, Job>("sandbox/jobs/{job_id}", "Show a job.",
                        [&jobs](const JobName& name) { return jobs.get(name.job_id); });
  api.add_raw("GET", "sandbox/jobs/{job_id}/log",
              "What a job has printed, at most 1 MiB from ?offset= on; nothing at its present end.",
              [&supervisor](http::Request& request) { return log_part(supervisor, request); });
  api.post<JobName, Job>("sandbox/jobs/{job_id}/cancel", "Stop a job, or do not start it.",
                         [&supervisor, door](const JobName& name, const http::Request& request) {
                           door.check(request);
                           return supervisor.cancel(name.job_id);
                         });
  api.post<JobName, Job>("sandbox/jobs/{job_id}/retry", "Run a job again that did not succeed.",
                         [&supervisor, door](const JobName& name, const http::Request& request) {
                           door.check(request);
                           return supervisor.retry(name.job_id);
                         });
  api.remove<JobName, Empty>(
      "sandbox/jobs/{job_id}", "Remove a job that has ended; its run stays.",
      [&supervisor, door](const JobName& name, const http::Request& request) {
        door.check(request);
        supervisor.remove(name.job_id);
        return Empty{};
      });
}

}  // namespace

void install_jobs(http::Api& api,
                  Jobs& jobs,
                  Supervisor& supervisor,
                  const Passes& passes,
                  const std::string& local_token) {
  const Door door(passes, local_token);
  install_own(api, jobs, supervisor, door);
  api.post<MlflowSearch, MlflowJobs>(
      "3.0/jobs/search", "List jobs, as MLflow does.", [&jobs](const MlflowSearch& search) {
        MlflowJobs out;
        for (Job& job : jobs.list({search.job_name, search.statuses})) {
          out.jobs.push_back(mlflow_job(std::move(job)));
        }
        return out;
      });
  for (const std::string root : {"3.0/jobs/", "3.0/mlflow/jobs/"}) {
    api.get<JobName, MlflowJob>(
        root + "{job_id}", "Show a job, as MLflow does.",
        [&jobs](const JobName& name) { return mlflow_job(jobs.get(name.job_id)); });
    api.patch<JobName, MlflowJob>(
        root + "cancel/{job_id}", "Stop a job, as MLflow does.",
        [&supervisor, door](const JobName& name, const http::Request& request) {
          door.check(request);
          return mlflow_job(supervisor.cancel(name.job_id));
        });
  }
}

void follow(Jobs& jobs,
            const std::string& job_id,
            const http::Request& request,
            const http::Response& response) {
  if (response.status != 200) return;
  std::string experiment_id;
  if (request.path.ends_with("/mlflow/experiments/get-by-name")) {
    experiment_id = from_json<FoundExperiment>(response.body).experiment.experiment_id;
  } else if (request.path.ends_with("/mlflow/experiments/create")) {
    experiment_id = from_json<ExperimentId>(response.body).experiment_id;
  }
  if (!experiment_id.empty()) jobs.follow_experiment(job_id, experiment_id);
}

}  // namespace sandbox::jobs
