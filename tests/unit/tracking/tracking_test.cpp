#include <cmath>
#include <thread>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/tracking/experiments.h"
#include "sandbox/tracking/inputs.h"
#include "sandbox/tracking/metrics.h"
#include "sandbox/tracking/names.h"
#include "sandbox/tracking/runs.h"
#include "tests/support/fake_env.h"
#include "tests/support/test_database.h"

using namespace sandbox;  // NOLINT(google-build-using-namespace): a test of this namespace
using namespace sandbox::tracking;  // NOLINT(google-build-using-namespace): a test of this
                                    // namespace

namespace {

struct Lab {
  FakeEnv env;
  std::unique_ptr<db::Database> database = open_test_database();
  Experiments experiments{env, *database, "mlflow-artifacts:/"};
  Runs runs{env, *database};
  Metrics metrics{*database};
  Inputs inputs{env, *database};

  std::string run(const std::string& name = "r", std::int64_t start_time = 1) {
    NewRun in;
    in.experiment_id = "0";
    in.run_name = name;
    in.start_time = start_time;
    return runs.create(in).info.run_id;
  }
  std::vector<std::string> found(const std::string& filter,
                                 std::vector<std::string> order_by = {}) {
    RunSearch search;
    search.experiment_ids = {"0"};
    search.filter = filter;
    search.order_by = std::move(order_by);
    std::vector<std::string> names;
    for (const Run& run : runs.search(search).runs) names.push_back(run.info.run_name);
    return names;
  }
};

Metric point(const std::string& key,
             double value,
             std::int64_t timestamp = 1,
             std::int64_t step = 0) {
  Metric metric;
  metric.key = key;
  metric.value = value;
  metric.timestamp = timestamp;
  metric.step = step;
  return metric;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("the experiment Default is there from the start, once", "[tracking]") {
  Lab lab;
  const Experiments again(lab.env, *lab.database, "mlflow-artifacts:/");
  CHECK(lab.experiments.get("0").name == "Default");
  CHECK(lab.experiments.get("0").artifact_location == "mlflow-artifacts:/0");
  CHECK(lab.experiments.search("", {}, "ALL", 10, "").experiments.size() == 1);
}

TEST_CASE("a deleted experiment keeps its name and takes its runs along", "[tracking]") {
  Lab lab;
  const std::string id = lab.experiments.create("e", "", {{"k", "v"}});
  NewRun in;
  in.experiment_id = id;
  const std::string run = lab.runs.create(in).info.run_id;
  lab.experiments.remove(id);
  CHECK(lab.runs.get(run).info.lifecycle_stage == "deleted");
  CHECK_THROWS_WITH(lab.experiments.create("e", "", {}), Catch::Contains("already exists"));
  CHECK_THROWS_WITH(lab.runs.create(in), Catch::Contains("must be in the 'active' state"));
  CHECK_THROWS_AS(lab.experiments.remove(id), Error);
  lab.experiments.restore(id);
  CHECK(lab.runs.get(run).info.lifecycle_stage == "active");
  CHECK(lab.experiments.get(id).tags.at(0).value == "v");
}

TEST_CASE("a run keeps its artifacts below its experiment's location", "[tracking]") {
  Lab lab;
  NewRun in;
  in.experiment_id = lab.experiments.create("s3", "s3://bucket/prefix/", {});
  const Run run = lab.runs.create(in);
  CHECK(run.info.artifact_uri == "s3://bucket/prefix/" + run.info.run_id + "/artifacts");
  CHECK(append_uri_path("s3://b/p?x=1", "a") == "s3://b/p/a?x=1");
}

TEST_CASE("a run's name and its tag mlflow.runName always agree", "[tracking]") {
  Lab lab;
  const std::string id = lab.run("first");
  lab.runs.set_tag(id, "mlflow.runName", "second");
  CHECK(lab.runs.get(id).info.run_name == "second");
  lab.runs.update(id, {std::nullopt, std::nullopt, "third"});
  CHECK(lab.runs.get(id).data.tags.at(0).value == "third");
  lab.runs.set_tag(id, "mlflow.runName", "");
  CHECK(lab.runs.get(id).info.run_name == "third");
  NewRun both;
  both.experiment_id = "0";
  both.run_name = "a";
  both.tags = {{"mlflow.runName", "b"}};
  CHECK_THROWS_AS(lab.runs.create(both), Error);
}

TEST_CASE("generated run names fit 20 characters", "[tracking]") {
  SystemEnv env;
  for (int i = 0; i < 2000; ++i) CHECK(generate_run_name(env).size() <= 20);
}

TEST_CASE("a deleted run refuses every write", "[tracking]") {
  Lab lab;
  const std::string id = lab.run();
  lab.runs.remove(id);
  CHECK_THROWS_AS(lab.metrics.log(id, point("m", 1)), Error);
  CHECK_THROWS_AS(lab.runs.log_param(id, "p", "1"), Error);
  CHECK_THROWS_AS(lab.runs.set_tag(id, "t", "1"), Error);
  CHECK_THROWS_AS(lab.runs.log_batch(id, {}, {}, {}), Error);
  CHECK_THROWS_AS(lab.inputs.log_inputs(id, {}, {}), Error);
  lab.runs.restore(id);
  lab.runs.log_param(id, "p", "1");
}

TEST_CASE("a search of no experiment finds no run", "[tracking]") {
  Lab lab;
  lab.run();
  CHECK(lab.runs.search(RunSearch()).runs.empty());
}

TEST_CASE("the latest point has the greatest step, then timestamp, then value", "[tracking]") {
  Lab lab;
  const std::string id = lab.run();
  for (const Metric& one : {point("m", 1, 5, 0), point("m", 2, 4, 1), point("m", 3, 4, 1),
                            point("m", 1, 4, 1), point("m", 9, 9, -1), point("m", 3, 4, 1)}) {
    lab.metrics.log(id, one);
  }
  CHECK(lab.runs.get(id).data.metrics.at(0).value == 3);
  const MetricPage page = lab.metrics.history(id, "m", std::nullopt, "");
  REQUIRE(page.metrics.size() == 5);  // an identical point is kept once
  CHECK(page.metrics[0].value == 1);
  CHECK(page.metrics[4].timestamp == 9);
  const MetricPage first = lab.metrics.history(id, "m", 2, "");
  CHECK(first.metrics.size() == 2);
  CHECK(lab.metrics.history(id, "m", 10, *first.next_page_token).metrics.size() == 3);
}

TEST_CASE("NaN and infinities survive storage", "[tracking]") {
  Lab lab;
  const std::string id = lab.run();
  lab.metrics.log(id, point("nan", std::nan("")));
  lab.metrics.log(id, point("inf", -INFINITY));
  const auto metrics = lab.runs.get(id).data.metrics;
  CHECK(std::isnan(metrics.at(0).value));
  CHECK(metrics.at(1).value == -std::numeric_limits<double>::max());
}

TEST_CASE("a batch is all or nothing", "[tracking]") {
  Lab lab;
  const std::string id = lab.run();
  lab.runs.log_param(id, "p", "1");
  CHECK_THROWS_WITH(lab.runs.log_batch(id, {point("m", 1)}, {{"p", "2"}, {"z", "1"}}, {{"t", "x"}}),
                    Catch::Contains("'old_value': '1', 'new_value': '2'"));
  CHECK_THROWS_AS(lab.runs.log_batch(id, {point("ok", 1), point("a$", 1)}, {}, {}), Error);
  CHECK_THROWS_AS(lab.runs.log_batch(id, {}, {{"q", "1"}, {"q", "1"}}, {}), Error);
  CHECK_THROWS_AS(lab.runs.log_batch(id, std::vector<Metric>(1001, point("m", 1)), {}, {}), Error);
  const Run run = lab.runs.get(id);
  CHECK(run.data.metrics.empty());
  CHECK(run.data.params.size() == 1);
  CHECK(run.data.tags.size() == 1);
  lab.runs.log_batch(id, std::vector<Metric>(1000, point("m", 1)), {}, {});
  CHECK(lab.runs.get(id).data.metrics.size() == 1);
}

TEST_CASE("long values are cut, long and odd keys refused", "[tracking]") {
  Lab lab;
  const std::string id = lab.run();
  lab.runs.log_param(id, "p", std::string(7000, 'x'));
  CHECK(lab.runs.get(id).data.params.at(0).value.size() == 6000);
  lab.runs.log_param(id, "p", std::string(7000, 'x'));
  for (const std::string& key :
       {std::string(251, 'k'), std::string("a//b"), std::string("../a"), std::string("/a"),
        std::string("."), std::string("a$"), std::string("a\nb"), std::string("")}) {
    INFO(key);
    CHECK_THROWS_AS(lab.runs.log_param(id, key, "1"), Error);
  }
  lab.runs.log_param(id, "한글 키/a:b", "1");
}

TEST_CASE("runs are found by metrics, params, tags, attributes and datasets", "[tracking]") {
  Lab lab;
  const std::string a = lab.run("a", 1);
  const std::string b = lab.run("b", 2);
  const std::string c = lab.run("c", 3);
  lab.runs.log_batch(a, {point("acc", 0.5), point("x", 1)}, {{"model", "m1"}}, {{"team", "red"}});
  lab.runs.log_batch(b, {point("acc", 0.9)}, {{"model", "M2"}}, {});
  lab.runs.log_batch(c, {point("acc", std::nan(""))}, {}, {});
  lab.inputs.log_inputs(
      a, {{{{"mlflow.data.context", "train"}}, {"iris", "d1", "local", "{}", {}, {}}}}, {});
  CHECK(lab.found("") == Names{"c", "b", "a"});
  CHECK(lab.found("metrics.acc > 0.4") == Names{"b", "a"});
  CHECK(lab.found("metrics.acc != 0.9") == Names{"c", "a"});
  CHECK(lab.found("params.model LIKE 'm%'") == Names{"a"});
  CHECK(lab.found("params.model ILIKE 'm%'") == Names{"b", "a"});
  CHECK(lab.found("tags.team IS NULL") == Names{"c", "b"});
  CHECK(lab.found("tag.team = 'red' AND metrics.x >= 1") == Names{"a"});
  CHECK(lab.found("attributes.start_time > 1 AND status = 'RUNNING'") == Names{"c", "b"});
  CHECK(lab.found("run_name != 'a' and run_id IN ('" + b + "','" + a + "')") == Names{"b"});
  CHECK(lab.found("dataset.name = 'iris' AND dataset.context IN ('train')") == Names{"a"});
  CHECK(lab.found("datasets.digest = 'other'").empty());
  CHECK(lab.found("", {"metrics.acc DESC"}) == Names{"b", "a", "c"});
  CHECK(lab.found("", {"metrics.x"}) == Names{"a", "c", "b"});
  CHECK(lab.found("", {"params.model"}) == Names{"b", "a", "c"});
  CHECK(lab.found("", {"start_time ASC"}) == Names{"a", "b", "c"});
  for (const char* filter : {"metrics.acc = '1'", "params.model = 1", "bogus.x = 1", "nokey = 'a'",
                             "start_time = 'x'", "status IN ('RUNNING')", "metrics.acc LIKE 'a'",
                             "dataset.size = 'x'", "run_name IS NULL", "tags.t IN ('a')"}) {
    INFO(filter);
    CHECK_THROWS_AS(lab.found(filter), Error);
  }
  CHECK_THROWS_AS(lab.found("", {"metrics.acc", "metrics.acc"}), Error);
}

TEST_CASE("pages of a search cover all runs once", "[tracking]") {
  Lab lab;
  for (int i = 0; i < 7; ++i) lab.run("r" + std::to_string(i), i);
  RunSearch search;
  search.experiment_ids = {"0"};
  search.max_results = 3;
  std::vector<std::size_t> sizes;
  do {
    const RunPage page = lab.runs.search(search);
    sizes.push_back(page.runs.size());
    search.page_token = page.next_page_token.value_or("");
  } while (!search.page_token.empty());
  CHECK(sizes == std::vector<std::size_t>{3, 3, 1});
  search.max_results = 0;
  CHECK_THROWS_AS(lab.runs.search(search), Error);
  search.max_results = 50'001;
  CHECK_THROWS_AS(lab.runs.search(search), Error);
}

TEST_CASE("experiments are found by name, tags and times", "[tracking]") {
  Lab lab;
  lab.env.now += 10;
  lab.experiments.create("alpha", "", {{"team", "red"}});
  lab.env.now += 10;
  lab.experiments.create("Beta", "", {});
  const auto found = [&](const std::string& filter, std::vector<std::string> order_by = {}) {
    Names names;
    for (const Experiment& one : lab.experiments.search(filter, order_by, "", 10, "").experiments) {
      names.push_back(one.name);
    }
    return names;
  };
  CHECK(found("") == Names{"Beta", "alpha", "Default"});
  CHECK(found("name ILIKE 'b%'") == Names{"Beta"});
  CHECK(found("tags.team = 'red'") == Names{"alpha"});
  CHECK(found("experiment_id IN ('0','1')") == Names{"alpha", "Default"});
  CHECK(found("creation_time > 1700000000000", {"name"}) == Names{"Beta", "alpha"});
  CHECK(found("tags.team IS NULL", {"experiment_id DESC"}) == Names{"Beta", "Default"});
  for (const char* filter : {"experiment_id LIKE '1'", "name IN ('a')", "params.a = 'x'",
                             "name = 1", "creation_time = 'x'"}) {
    INFO(filter);
    CHECK_THROWS_AS(found(filter), Error);
  }
}

TEST_CASE("the same dataset is kept once per experiment and once per run", "[tracking]") {
  Lab lab;
  const std::string a = lab.run("a");
  const std::string b = lab.run("b");
  const DatasetInput input{{{"mlflow.data.context", "train"}}, {"d", "x", "local", "{}", "s", {}}};
  lab.inputs.log_inputs(a, {input, input}, {{"m-1"}});
  lab.inputs.log_inputs(a, {input}, {});
  lab.inputs.log_inputs(b, {input}, {});
  lab.inputs.log_outputs(a, {{"m-2", 3}});
  const Run run = lab.runs.get(a);
  REQUIRE(run.inputs.dataset_inputs.size() == 1);
  CHECK(run.inputs.dataset_inputs[0].tags.at(0).value == "train");
  CHECK(run.inputs.dataset_inputs[0].dataset.schema == "s");
  CHECK_FALSE(run.inputs.dataset_inputs[0].dataset.profile);
  CHECK(run.inputs.model_inputs.at(0).model_id == "m-1");
  CHECK(run.outputs->model_outputs.at(0).step == 3);
  CHECK(lab.runs.get(b).inputs.dataset_inputs.size() == 1);
}

TEST_CASE("old clients' log-model keeps a history without flavor configs", "[tracking]") {
  Lab lab;
  const std::string id = lab.run();
  const std::string model =
      R"({"artifact_path":"m","flavors":{"f":{"config":{},"v":1}},"utc_time_created":"t","run_id":"r","x":1})";
  lab.runs.log_model(id, model);
  lab.runs.log_model(id, model);
  const std::string kept =
      R"({"run_id":"r","artifact_path":"m","utc_time_created":"t","model_uuid":null,"flavors":{"f":{"v":1}}})";
  CHECK(lab.runs.get(id).data.tags.at(1).value == "[" + kept + ", " + kept + "]");
  CHECK_THROWS_WITH(lab.runs.log_model(id, "{}"), Catch::Contains("mandatory fields"));
  CHECK_THROWS_WITH(lab.runs.log_model(id, "{"), Catch::Contains("not a valid JSON"));
}

TEST_CASE("paths are normalised as Python does", "[tracking]") {
  CHECK(normal_path("a/./b/../c") == "a/c");
  CHECK(normal_path("../a") == "../a");
  CHECK(normal_path("/..//a") == "/a");
  CHECK(normal_path("//a") == "//a");
  CHECK(normal_path("///a") == "/a");
  CHECK(normal_path("") == ".");
}
