// No search reads a whole table, and what belongs to one run is found by the run, whatever the
// number of rows: SQLite's own plan of every statement is looked at.
#include <catch2/catch.hpp>

#include "sandbox/tracking/experiments.h"
#include "sandbox/tracking/logged_models.h"
#include "sandbox/tracking/metrics.h"
#include "sandbox/tracking/runs.h"
#include "tests/support/fake_env.h"
#include "tests/support/plan_recorder.h"

using namespace sandbox;            // NOLINT(google-build-using-namespace): a test of this
using namespace sandbox::tracking;  // NOLINT(google-build-using-namespace): namespace

namespace {

struct Lab {
  FakeEnv env;
  std::unique_ptr<db::Database> database = db::open_database("sqlite://");
  PlanRecorder recorder{*database};
  Experiments experiments{env, recorder, "mlflow-artifacts:/"};
  Runs runs{env, recorder};
  Metrics metrics{recorder};
  LoggedModels models{env, recorder};

  Lab() {
    NewRun in;
    in.experiment_id = "0";
    run_id = runs.create(in).info.run_id;
    recorder.plans.clear();
  }

  // The lines of all plans so far that read what they should not.
  std::string bad_plans() {
    std::string bad;
    for (const auto& [sql, lines] : recorder.plans) {
      for (const std::string& line : lines) {
        // A list with a LIMIT of its own, read from the index of values alone; steps of a curve that
        // were just picked.
        const bool is_list = line == "SCAN matches" || line == "SCAN picked";
        const bool is_along_values =
            line.find("COVERING INDEX sandbox_latest_metrics_by_value (key=?") != std::string::npos;
        const bool is_scan =
            line.starts_with("SCAN ") && !line.starts_with("SCAN CONSTANT ROW") && !is_list;
        const bool finds_by_key = line.find(" (key=?)") != std::string::npos && !is_along_values;
        if (is_scan || finds_by_key) bad.append(line).append(" | ").append(sql).append("\n");
      }
    }
    return bad;
  }

  std::string run_id;
};

}  // namespace

TEST_CASE("run searches go by an index", "[tracking][plans]") {
  Lab lab;
  for (const char* filter : {"",
                             "metrics.acc > 0.5",
                             "metrics.acc != 1",
                             "params.model = 'a'",
                             "params.x LIKE '%a%'",
                             "params.x IS NULL",
                             "tags.team ILIKE 'R%'",
                             "tags.team IS NOT NULL",
                             "tags.`mlflow.parentRunId` = 'x'",
                             "run_name = 'a'",
                             "run_id = 'a'",
                             "run_id IN ('a', 'b')",
                             "run_id NOT IN ('a')",
                             "status = 'RUNNING'",
                             "start_time > 5",
                             "end_time < 5",
                             "user_id = 'u'",
                             "artifact_uri LIKE 's3:%'",
                             "dataset.name = 'd'",
                             "dataset.context = 'train'",
                             "metrics.a > 1 AND params.b = 'c' AND tags.d != 'e'"}) {
    for (const char* order : {"", "metrics.acc DESC", "params.model", "tags.team", "start_time",
                              "end_time DESC", "run_name"}) {
      RunSearch search;
      search.experiment_ids = {"0", "1"};
      search.filter = filter;
      if (*order != 0) search.order_by = {order};
      lab.runs.search(search);
    }
  }
  INFO(lab.bad_plans());
  CHECK(lab.bad_plans().empty());
  CHECK(lab.recorder.plans.size() > 100);
}

TEST_CASE("a run by its id is found by index", "[tracking][plans]") {
  Lab lab;
  RunSearch search;
  search.experiment_ids = {"0"};
  search.filter = "run_id IN ('a', 'b')";
  lab.runs.search(search);
  std::string plans;
  for (const auto& [sql, lines] : lab.recorder.plans) {
    for (const std::string& line : lines) plans += line + "\n";
  }
  CHECK_THAT(plans, Catch::Contains("sqlite_autoindex_runs_1 (run_uuid=?)"));
}

TEST_CASE("reading, writing and deleting one run goes by the run", "[tracking][plans]") {
  Lab lab;
  Metric metric;
  metric.key = "loss";
  lab.metrics.log(lab.run_id, metric);
  metric.step = 1;
  lab.metrics.log(lab.run_id, metric);
  lab.runs.log_batch(lab.run_id, {metric}, {{"p", "1"}}, {{"t", "1"}});
  lab.runs.get(lab.run_id);
  lab.runs.delete_tag(lab.run_id, "t");
  lab.metrics.history(lab.run_id, "loss", std::nullopt, "");
  lab.metrics.history_in_bulk({lab.run_id}, "loss", 10);
  for (const std::int64_t points : {1, 2}) {
    lab.metrics.history_interval({lab.run_id}, "loss", points, std::nullopt);
  }
  lab.metrics.history_interval({lab.run_id}, "loss", 320, StepRange{0, 5});
  lab.runs.update(lab.run_id, {"FINISHED", 5, "name"});
  lab.runs.remove(lab.run_id);
  lab.runs.restore(lab.run_id);
  INFO(lab.bad_plans());
  CHECK(lab.bad_plans().empty());
}

TEST_CASE("logged model searches go by an index", "[tracking][plans]") {
  Lab lab;
  for (const char* filter :
       {"", "name = 'm'", "model_id = 'm-1'", "source_run_id = 'r'", "metrics.acc > 0.5",
        "params.lr = '1'", "tags.t = 'x'", "creation_timestamp > 5", "status = 'READY'"}) {
    SearchLoggedModels search;
    search.experiment_ids = {"0"};
    search.filter = filter;
    lab.models.search(search);
  }
  INFO(lab.bad_plans());
  CHECK(lab.bad_plans().empty());
}
