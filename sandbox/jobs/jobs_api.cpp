#include <tuple>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/jobs/api.h"
#include "sandbox/jobs/door.h"
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

struct MlflowSearch {
  std::string job_name;
  std::vector<std::string> statuses;
  static constexpr auto fields() {
    return std::tuple{field("job_name", &MlflowSearch::job_name),
                      field("statuses", &MlflowSearch::statuses)};
  }
};

// MLflow's shape of a job (mlflow/server/job_api.py), which has every member, null or not.
void write_mlflow_job(JsonWriter& writer, const Job& job) {
  const auto member = [&](const char* name, const auto& value) {
    writer.name(name);
    writer.value(value);
  };
  const auto text = [&](const char* name, const std::string& value) {
    writer.name(name);
    value.empty() ? writer.null() : writer.value(value);
  };
  writer.begin_object();
  member("job_id", job.job_id);
  member("creation_time", job.creation_time);
  member("job_name", job.name);
  writer.name("params");
  writer.raw(to_json(job.spec));
  writer.name("timeout");
  job.spec.timeout_s > 0 ? writer.value(job.spec.timeout_s) : writer.null();
  member("status", job.status);
  writer.name("result");
  if (job.state() == Status::succeeded) {
    writer.begin_object();
    member("run_id", job.details.run_id);
    writer.end_object();
  } else {
    writer.null();
  }
  text("error_message", job.error_message);
  member("retry_count", job.retry_count);
  member("last_update_time", job.last_update_time);
  writer.name("status_details");
  writer.raw(to_json(job.details));
  text("creator", job.creator);
  text("status_message", job.status_message);
  for (const char* name : {"progress", "progress_updated_at"}) {
    writer.name(name);
    writer.null();
  }
  writer.end_object();
}

http::Response mlflow_answer(const Job& job) {
  std::string out;
  JsonWriter writer(out);
  write_mlflow_job(writer, job);
  return http::Response::json(200, out);
}

http::Response search_as_mlflow(Jobs& jobs, http::Request& request) {
  const auto search = from_json<MlflowSearch>(http::Api::json_body(request));
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  writer.name("jobs");
  writer.begin_array();
  for (const Job& job : jobs.list({search.job_name, search.statuses}))
    write_mlflow_job(writer, job);
  writer.end_array();
  writer.end_object();
  return http::Response::json(200, out);
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

// The user who logged in; on this machine (a name in brackets, or none), who typed the command.
std::string creator_of(const NewJob& order, const http::Request& request) {
  if (!request.user.empty() && !request.user.starts_with('(')) return request.user;
  for (const tracking::KeyValue& variable : order.spec.env) {
    if (variable.key == "USER") return variable.value;
  }
  return "";
}

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
                          return supervisor.submit(order, creator_of(order, request));
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
  api.add_raw("POST", "3.0/jobs/search", "List jobs, as MLflow does.",
              [&jobs](http::Request& request) { return search_as_mlflow(jobs, request); });
  for (const std::string root : {"3.0/jobs/", "3.0/mlflow/jobs/"}) {
    api.add_raw("GET", root + "{job_id}", "Show a job, as MLflow does.",
                [&jobs](http::Request& request) {
                  return mlflow_answer(jobs.get(std::string(request.parameter("job_id"))));
                });
    api.add_raw("PATCH", root + "cancel/{job_id}", "Stop a job, as MLflow does.",
                [&supervisor, door](http::Request& request) {
                  door.check(request);
                  return mlflow_answer(supervisor.cancel(std::string(request.parameter("job_id"))));
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
