// Jobs and their rows: what states follow each other, whose they are, and which run they own.
#include "sandbox/jobs/jobs.h"

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "tests/support/fake_env.h"
#include "tests/support/test_database.h"

using namespace sandbox;        // NOLINT(google-build-using-namespace): a test of this
using namespace sandbox::jobs;  // NOLINT(google-build-using-namespace): namespace

namespace {

struct Lab {
  FakeEnv env;
  std::unique_ptr<db::Database> database = open_test_database();
  tracking::Experiments experiments{env, *database, "mlflow-artifacts:/"};
  tracking::Runs runs{env, *database};
  Jobs jobs{env, *database, experiments, runs, "here"};

  static JobSpec spec(const std::string& name = "train") {
    JobSpec out;
    out.command = {"python", "-u", "train.py", "--text", "it's"};
    out.working_dir = "/";
    out.name = name;
    return out;
  }
  Job submit(const JobSpec& wanted = spec()) {
    env.now += 1000;
    return jobs.submit(env.new_uuid(), wanted, "anna");
  }
  std::string run_status(const Job& job) { return runs.get(job.details.run_id).info.status; }
};

}  // namespace

TEST_CASE("a job owns a run from its submission on", "[jobs]") {
  Lab lab;
  JobSpec spec = Lab::spec();
  spec.experiment_name = "vision";
  spec.name.clear();
  const Job job = lab.submit(spec);
  CHECK(job.status == "PENDING");
  const auto run = lab.runs.get(job.details.run_id);
  CHECK(run.info.status == "SCHEDULED");
  CHECK(run.info.run_name == "train.py");
  CHECK(run.info.experiment_id == lab.experiments.get_by_name("vision").experiment_id);
  CHECK(run.data.params[0].value == "python -u train.py --text 'it'\\''s'");
  const Job read = lab.jobs.get(job.job_id);
  CHECK(read.spec.command == spec.command);
  CHECK(read.creator == "anna");
  CHECK(read.is_here);
}

TEST_CASE("a job's states follow each other, and its run's with them", "[jobs]") {
  Lab lab;
  Job job = lab.submit();
  CHECK(lab.jobs.begin_attempt(job));
  CHECK(job.details.attempt == 1);
  CHECK(lab.run_status(job) == "RUNNING");
  CHECK_FALSE(lab.jobs.begin_attempt(job));  // it runs already
  lab.jobs.wait_for_retry(job, "It failed.", lab.env.now + 5000, true);
  Job waiting = lab.jobs.get(job.job_id);
  CHECK(waiting.status == "PENDING");
  CHECK(waiting.retry_count == 1);
  CHECK(waiting.next_attempt_at == lab.env.now + 5000);
  CHECK(lab.run_status(job) == "SCHEDULED");
  CHECK(lab.jobs.begin_attempt(waiting));
  CHECK(waiting.details.attempt == 2);
  lab.jobs.end(waiting, Status::succeeded, "", 0);
  const Job ended = lab.jobs.get(job.job_id);
  CHECK(ended.status == "SUCCEEDED");
  CHECK(ended.error_message.empty());
  CHECK(ended.details.exit_code == 0);
  CHECK(lab.run_status(job) == "FINISHED");
  CHECK(lab.jobs.unfinished().empty());
}

TEST_CASE("a run that its command ended otherwise stays so", "[jobs]") {
  Lab lab;
  Job job = lab.submit();
  lab.jobs.begin_attempt(job);
  lab.runs.update(job.details.run_id, {.status = "KILLED"});
  lab.jobs.end(job, Status::succeeded, "", 0);
  CHECK(lab.run_status(job) == "KILLED");
}

TEST_CASE("canceling depends on how far a job is", "[jobs]") {
  Lab lab;
  const Job waiting = lab.submit();
  CHECK(lab.jobs.cancel(waiting.job_id).status == "CANCELED");
  CHECK(lab.run_status(waiting) == "KILLED");
  CHECK(lab.jobs.retry(waiting.job_id).status == "PENDING");
  Job running = lab.jobs.get(waiting.job_id);
  lab.jobs.begin_attempt(running);
  const Job told = lab.jobs.cancel(running.job_id);
  CHECK(told.status == "RUNNING");
  CHECK(told.details.is_cancel_wanted);
  CHECK_THROWS_WITH(lab.jobs.remove(running.job_id), Catch::Contains("Cancel it first"));
  lab.jobs.end(running, Status::canceled, "It was canceled.", 143);
  CHECK(lab.jobs.get(running.job_id).error_message == "It was canceled.");
  lab.jobs.remove(running.job_id);
  CHECK_THROWS_WITH(lab.jobs.get(running.job_id), Catch::Contains("not found"));
  CHECK(lab.run_status(running) == "KILLED");  // the run stays
}

TEST_CASE("a success is not run again", "[jobs]") {
  Lab lab;
  Job job = lab.submit();
  lab.jobs.begin_attempt(job);
  lab.jobs.end(job, Status::succeeded, "", 0);
  CHECK_THROWS_WITH(lab.jobs.retry(job.job_id), Catch::Contains("SUCCEEDED"));
  CHECK(lab.jobs.cancel(job.job_id).status == "SUCCEEDED");
}

TEST_CASE("jobs start by priority, then by age", "[jobs]") {
  Lab lab;
  JobSpec urgent = Lab::spec("urgent");
  urgent.priority = 3;
  lab.submit(Lab::spec("first"));
  lab.submit(Lab::spec("second"));
  lab.submit(urgent);
  std::vector<std::string> names;
  for (const Job& job : lab.jobs.unfinished()) names.push_back(job.name);
  CHECK(names == std::vector<std::string>{"urgent", "first", "second"});
  CHECK(lab.jobs.list({}).front().name == "urgent");  // the newest first
  CHECK(lab.jobs.list({.name = "first", .statuses = {"PENDING"}}).size() == 1);
  CHECK(lab.jobs.list({.name = "", .statuses = {"FAILED"}}).empty());
  CHECK_THROWS_WITH(lab.jobs.list({.name = "", .statuses = {"DONE"}}),
                    Catch::Contains("no status"));
}

TEST_CASE("a lab runs its own jobs only, and shows all", "[jobs]") {
  Lab lab;
  const Job job = lab.submit();
  Jobs other(lab.env, *lab.database, lab.experiments, lab.runs, "elsewhere");
  CHECK(other.unfinished().empty());
  CHECK_FALSE(other.get(job.job_id).is_here);
  CHECK(other.cancel(job.job_id).status == "CANCELED");
  CHECK_THROWS_WITH(other.retry(job.job_id), Catch::Contains("another data directory"));
}

TEST_CASE("MLflow's own jobs are none of these", "[jobs]") {
  Lab lab;
  lab.database->write([](db::Tx& tx) {
    tx.execute(
        "INSERT INTO jobs (id, creation_time, job_name, params, status, retry_count, "
        "last_update_time) VALUES ('theirs', 1, 'score', '{}', 0, 0, 1)");
  });
  CHECK(lab.jobs.list({}).empty());
  CHECK(lab.jobs.unfinished().empty());
  CHECK_THROWS_AS(lab.jobs.get("theirs"), Error);
}

TEST_CASE("a run follows the first experiment its command asks for", "[jobs]") {
  Lab lab;
  const std::string first = lab.experiments.create("first", "", {});
  const std::string second = lab.experiments.create("second", "", {});
  const auto experiment_of = [&](const Job& job) {
    return lab.runs.get(job.details.run_id).info.experiment_id;
  };
  const Job job = lab.submit();
  CHECK(experiment_of(job) == "0");
  lab.jobs.follow_experiment(job.job_id, first);
  CHECK(experiment_of(job) == first);
  CHECK(lab.runs.get(job.details.run_id).info.artifact_uri ==
        "mlflow-artifacts:/" + first + "/" + job.details.run_id + "/artifacts");
  lab.jobs.follow_experiment(job.job_id, second);
  CHECK(experiment_of(job) == first);

  SECTION("not where the person chose one") {
    JobSpec chosen = Lab::spec();
    chosen.experiment_name = "second";
    const Job other = lab.submit(chosen);
    lab.jobs.follow_experiment(other.job_id, first);
    CHECK(experiment_of(other) == second);
  }
  SECTION("not once it has logged") {
    const Job other = lab.submit();
    tracking::Metric metric;
    metric.key = "loss";
    lab.runs.log_batch(other.details.run_id, {metric}, {}, {});
    lab.jobs.follow_experiment(other.job_id, first);
    CHECK(experiment_of(other) == "0");
  }
}

TEST_CASE("a job whose run was deleted ends all the same", "[jobs]") {
  Lab lab;
  Job job = lab.submit();
  lab.jobs.begin_attempt(job);
  lab.runs.remove(job.details.run_id);
  lab.jobs.end(job, Status::failed, "It failed.", 1);
  CHECK(lab.jobs.get(job.job_id).status == "FAILED");
}
