#include "sandbox/tracking/logged_models.h"

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/http/api.h"
#include "sandbox/tracking/api.h"
#include "tests/support/fake_env.h"
#include "tests/support/test_database.h"

using namespace sandbox;            // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::tracking;  // NOLINT(google-build-using-namespace)

namespace {

struct World {
  FakeEnv env;
  std::unique_ptr<db::Database> database = open_test_database();
  LoggedModels models{env, *database};

  World() {
    database->write([](db::Tx& tx) {
      tx.script(
          "INSERT INTO experiments (experiment_id, name, lifecycle_stage, artifact_location) "
          "VALUES "
          "(7, 'e', 'active', 'mlflow-artifacts:/7'), (8, 'd', 'deleted', 'mlflow-artifacts:/8');"
          "INSERT INTO runs (run_uuid, experiment_id, lifecycle_stage, status) VALUES ('r1', 7, "
          "'active', 'RUNNING')");
    });
  }

  std::string create(const std::string& name, std::vector<KeyValue> params = {}) {
    NewLoggedModel in;
    in.experiment_id = "7";
    in.name = name;
    in.model_type = name.substr(0, 1);
    in.params = std::move(params);
    in.tags = {{"team", "T" + name}};
    ++env.now;
    return models.create(in).info.model_id;
  }

  void log(const std::string& model_id,
           const std::string& key,
           double value,
           std::int64_t step,
           std::optional<std::string> dataset = {},
           std::optional<std::string> digest = {}) {
    database->write([&](db::Tx& tx) {
      tx.execute(
          "INSERT INTO logged_model_metrics (model_id, metric_name, metric_timestamp_ms, "
          "metric_step, metric_value, experiment_id, run_id, dataset_name, dataset_digest) VALUES "
          "(?, ?, ?, ?, ?, 7, 'r1', ?, ?)",
          model_id, key, step, step, value, dataset, digest);
    });
  }

  std::string names(SearchLoggedModels in) {
    if (in.experiment_ids.empty()) in.experiment_ids = {"7"};
    std::string out;
    for (const LoggedModel& model : models.search(in).models) out += model.info.name + " ";
    return out;
  }
  std::string filtered(const std::string& filter) {
    SearchLoggedModels in;
    in.filter = filter;
    return names(in);
  }
  std::string ordered(const std::string& field_name,
                      bool ascending,
                      const std::string& dataset = "") {
    SearchLoggedModels in;
    in.order_by = {{field_name, ascending, dataset, ""}};
    return names(in);
  }
};

Code code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  FAIL("nothing was refused");
  return Code::internal_error;
}

}  // namespace

TEST_CASE("a new logged model is pending and lies below its experiment", "[tracking]") {
  World world;
  NewLoggedModel in;
  in.experiment_id = "7";
  in.name = "mod";
  in.source_run_id = "r1";
  in.params = {{"b", "1"}, {"a", "2"}};
  in.tags = {{"t2", "v"}, {"t1", "w"}};
  const LoggedModel model = world.models.create(in);
  const std::string& id = model.info.model_id;
  CHECK(id.starts_with("m-"));
  CHECK(id.size() == 34);
  CHECK(
      to_json(model) ==
      R"({"info":{"model_id":")" + id +
          R"(","experiment_id":"7","name":"mod","creation_timestamp_ms":1700000000000,)"
          R"("last_updated_timestamp_ms":1700000000000,"artifact_uri":"mlflow-artifacts:/7/models/)" +
          id +
          R"(/artifacts","status":"LOGGED_MODEL_PENDING","model_type":"","source_run_id":"r1",)"
          R"("tags":[{"key":"t1","value":"w"},{"key":"t2","value":"v"}]},)"
          R"("data":{"params":[{"key":"a","value":"2"},{"key":"b","value":"1"}]}})");
  CHECK(to_json(world.models.get(id)) == to_json(model));
}

TEST_CASE("a logged model without a name gets one, and bad names are refused", "[tracking]") {
  World world;
  NewLoggedModel in;
  in.experiment_id = "7";
  CHECK_FALSE(world.models.create(in).info.name.empty());
  for (const char* name : {"a/b", "a:b", "a.b", "a%b", "a\"b", "a'b"}) {
    in.name = name;
    CHECK(code_of([&] { world.models.create(in); }) == Code::invalid_parameter_value);
  }
  in.name = "a'b";
  CHECK_THROWS_WITH(
      world.models.create(in),
      "Invalid model name (\"a'b\") provided. Model name must be a non-empty string "
      "and cannot contain the following characters: ('/', ':', '.', '%', '\"', \"'\")");
}

TEST_CASE("a logged model needs an active experiment", "[tracking]") {
  World world;
  NewLoggedModel in;
  in.experiment_id = "99";
  CHECK_THROWS_WITH(world.models.create(in), "No Experiment with id=99 exists");
  in.experiment_id = "abc";
  CHECK(code_of([&] { world.models.create(in); }) == Code::invalid_parameter_value);
  in.experiment_id = "8";
  CHECK_THROWS_WITH(world.models.create(in),
                    "The experiment 8 must be in the 'active' state. Current state is deleted.");
}

TEST_CASE("a key given twice writes nothing", "[tracking]") {
  World world;
  NewLoggedModel in;
  in.experiment_id = "7";
  in.params = {{"a", "1"}, {"a", "1"}};
  CHECK(code_of([&] { world.models.create(in); }) == Code::bad_request);
  in.params.clear();
  in.tags = {{"a", "1"}, {"a", "2"}};
  CHECK(code_of([&] { world.models.create(in); }) == Code::bad_request);
  CHECK(world.names({}).empty());
  const std::string id = world.create("m", {{"a", "1"}});
  CHECK(code_of([&] {
          world.models.log_params(id, {{"b", "2"}, {"a", "1"}});
        }) == Code::bad_request);
  CHECK(world.models.get(id).data.params.size() == 1);
  world.models.log_params(id, {{"b", "2"}});
  CHECK(world.models.get(id).data.params.size() == 2);
}

TEST_CASE("the last tag of a name counts, and an absent one cannot be deleted", "[tracking]") {
  World world;
  const std::string id = world.create("m");
  world.models.set_tags(id, {{"team", "new"}, {"team", "newer"}});
  CHECK(world.models.get(id).info.tags.at(0).value == "newer");
  world.models.delete_tag(id, "team");
  CHECK(world.models.get(id).info.tags.empty());
  CHECK_THROWS_WITH(world.models.delete_tag(id, "x y"),
                    "No tag with key 'x y' found for model with ID '" + id + "'.");
  CHECK_THROWS_WITH(world.models.set_tags("nope", {}), "Logged model with ID 'nope' not found.");
  CHECK_THROWS_WITH(world.models.delete_tag("nope", "x"), "Logged model with ID 'nope' not found.");
}

TEST_CASE("finalizing sets the status and the time", "[tracking]") {
  World world;
  const std::string id = world.create("m");
  world.env.now += 5;
  const LoggedModel ready = world.models.finalize(id, 2);
  CHECK(ready.info.status == "LOGGED_MODEL_READY");
  CHECK(ready.info.last_updated_timestamp_ms == ready.info.creation_timestamp_ms + 5);
  CHECK(world.models.finalize(id, 3).info.status == "LOGGED_MODEL_UPLOAD_FAILED");
  CHECK(code_of([&] { world.models.finalize("nope", 2); }) == Code::resource_does_not_exist);
}

TEST_CASE("a deleted logged model hides but can still be asked for", "[tracking]") {
  World world;
  const std::string id = world.create("m");
  world.models.remove(id);
  world.models.remove(id);
  CHECK_THROWS_WITH(world.models.get(id), "Logged model with ID '" + id + "' not found.");
  CHECK(world.models.get(id, true).info.name == "m");
  CHECK(world.names({}).empty());
  world.models.set_tags(id, {{"after", "1"}});
  CHECK(code_of([&] { world.models.remove("nope"); }) == Code::resource_does_not_exist);
}

TEST_CASE("filters choose logged models", "[tracking]") {
  World world;
  const std::string first = world.create("s1", {{"lr", "1"}});
  world.create("s2", {{"lr", "2"}});
  world.create("S3", {{"lr", "3"}});
  world.models.finalize(first, 2);
  world.log(first, "acc", 0.5, 0);
  world.log(first, "acc", 0.7, 1);
  const auto [filter, expected] = GENERATE(table<std::string, std::string>({
      {"", "S3 s2 s1 "},
      {"name = 's1'", "s1 "},
      {"attributes.name='s1'", "s1 "},
      {"name != 's1'", "S3 s2 "},
      {"name LIKE 's%'", "s2 s1 "},
      {"name ILIKE 's%'", "S3 s2 s1 "},
      {"name IN ('s1','S3')", "S3 s1 "},
      {"name NOT IN ('s1','S3')", "s2 "},
      {"creation_timestamp > 5", "S3 s2 s1 "},
      {"creation_time > 5 AND last_updated_timestamp_ms < 5", ""},
      {"status = 'READY'", "s1 "},
      {"status = 1", "S3 s2 "},
      {"experiment_id = '7'", "S3 s2 s1 "},
      {"model_type = 's'", "s2 s1 "},
      {"params.lr = '1'", "s1 "},
      {"params.`lr` = 2", "s2 "},
      {"params.lr = '1' and tags.team = 'Ts1'", "s1 "},
      {"tags.team LIKE 'T%'", "S3 s2 s1 "},
      {"tags.team IN ('Ts1')", "s1 "},
      {"metrics.acc > 0.6", "s1 "},
      {"metrics.acc > 0.4", "s1 "},
      {"metrics.`acc` > 0.9", ""},
      {"metrics.none != 0.9", ""},
  }));
  CAPTURE(filter);
  CHECK(world.filtered(filter) == expected);
}

TEST_CASE("filters that say nothing sensible are refused", "[tracking]") {
  World world;
  const auto filter = GENERATE(as<std::string>{}, "name > 's1'", "last_updated_timestamp LIKE 's'",
                               "bogus = 'x'", "foo.bar = 'x'", "metric.acc > 1",
                               "metrics.acc LIKE 'x'", "metrics.acc = '0.5'", "params.lr > '1'",
                               "name IS NULL", "name", "name =", "params.lr = '1' OR name = 's1'",
                               "(name = 's1')", "creation_timestamp > 'abc'");
  CAPTURE(filter);
  CHECK(code_of([&] { world.filtered(filter); }) == Code::invalid_parameter_value);
}

TEST_CASE("the sentences of refused filters name what was expected", "[tracking]") {
  World world;
  CHECK_THROWS_WITH(world.filtered("foo.bar = 'x'"),
                    "Invalid entity type: 'foo'. Expected one of ['attributes', 'metrics', "
                    "'params', 'tags'].");
  CHECK_THROWS_WITH(world.filtered("name > 's1'"),
                    "Invalid comparison operator for attributes.name: '>'. Expected one of ('=', "
                    "'!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN').");
  CHECK_THROWS_WITH(world.filtered("name OR"),
                    "Invalid filter string: 'name OR'. Expected a list of comparisons separated by "
                    "'AND' (e.g. 'metrics.loss > 0.1 AND params.lr = 0.01').");
  CHECK_THROWS_WITH(world.ordered("params.lr", true),
                    "Invalid order by field name: params.lr. Only metrics are supported.");
  CHECK_THROWS_WITH(world.ordered("bogus", true), "Invalid order by field name: bogus");
}

TEST_CASE("logged models are ordered by attributes and newest metrics", "[tracking]") {
  World world;
  const std::string first = world.create("a");
  const std::string second = world.create("b");
  world.create("c");
  world.log(first, "acc", 0.9, 0, "d", "g");
  world.log(first, "acc", 0.1, 1);
  world.log(second, "acc", 0.5, 0);
  CHECK(world.names({}) == "c b a ");
  CHECK(world.ordered("name", true) == "a b c ");
  CHECK(world.ordered("creation_timestamp", true) == "a b c ");
  CHECK(world.ordered("metrics.acc", true) == "a b c ");
  CHECK(world.ordered("metrics.acc", false) == "b a c ");
  CHECK(world.ordered("metrics.acc", true, "d") == "a c b ");
}

TEST_CASE("datasets restrict metric clauses", "[tracking]") {
  World world;
  const std::string first = world.create("a");
  world.create("b");
  world.log(first, "acc", 0.5, 0, "d", "g");
  world.log(first, "loss", 0.5, 0, "plain");
  SearchLoggedModels in;
  in.datasets = {{"d", "g"}};
  CHECK(world.names(in) == "a ");
  in.filter = "metrics.acc > 0.4";
  CHECK(world.names(in) == "a ");
  in.filter = "metrics.loss > 0.4";
  CHECK(world.names(in).empty());
  in.filter = "";
  in.datasets = {{"d", ""}};
  CHECK(world.names(in).empty());
  in.datasets = {{"plain", ""}, {"other", "x"}};
  CHECK(world.names(in) == "a ");
  in.datasets = {{"", "g"}};
  CHECK_THROWS_WITH(world.names(in), "`dataset_name` in the `datasets` clause must be specified.");
}

TEST_CASE("pages follow each other, and a token belongs to its search", "[tracking]") {
  World world;
  for (const char* name : {"a", "b", "c"}) world.create(name, {{"p", name}});
  SearchLoggedModels in;
  in.experiment_ids = {"7"};
  in.max_results = 2;
  const LoggedModelPage first = world.models.search(in);
  REQUIRE(first.models.size() == 2);
  CHECK(first.models[1].data.params.at(0).value == "b");
  in.page_token = first.next_page_token.value();
  const LoggedModelPage second = world.models.search(in);
  CHECK(second.models.size() == 1);
  CHECK_FALSE(second.next_page_token);
  in.filter = "name != 'q'";
  CHECK_THROWS_WITH(world.models.search(in),
                    "Filter string in the page token does not match the requested filter string. "
                    "Expected: name != 'q'. Found: None");
  in.filter = "";
  in.experiment_ids = {"7", "0"};
  CHECK_THROWS_WITH(world.models.search(in),
                    "Experiment IDs in the page token do not match the requested experiment IDs. "
                    "Expected: ['7', '0']. Found: ['7']");
  in.page_token = "xyz";
  CHECK(code_of([&] { world.models.search(in); }) == Code::invalid_parameter_value);
  in.page_token = "";
  in.max_results = -1;
  CHECK(code_of([&] { world.models.search(in); }) == Code::invalid_parameter_value);
}

TEST_CASE("a page of many models has all their tags", "[tracking]") {
  World world;
  for (int i = 0; i < 120; ++i) world.create("n" + std::to_string(i));
  SearchLoggedModels in;
  in.experiment_ids = {"7"};
  in.max_results = 120;
  for (const LoggedModel& model : world.models.search(in).models) {
    CHECK(model.info.tags.at(0).value == "T" + model.info.name);
  }
}

TEST_CASE("a search without experiments finds nothing", "[tracking]") {
  World world;
  world.create("a");
  CHECK(world.models.search({}).models.empty());
  SearchLoggedModels in;
  in.experiment_ids = {"abc"};
  CHECK(code_of([&] { world.models.search(in); }) == Code::invalid_parameter_value);
}
