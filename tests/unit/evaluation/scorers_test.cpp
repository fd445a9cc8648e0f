#include "sandbox/evaluation/scorers.h"

#include "sandbox/evaluation/online_configs.h"
#include "sandbox/evaluation/serialized_scorer.h"
#include "tests/unit/evaluation/world.h"

using namespace sandbox;              // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::evaluation;  // NOLINT(google-build-using-namespace)

namespace {

struct ScorerWorld : World {
  Scorers scorers{env, *database, false};
  OnlineConfigs configs{env, *database, [](const std::string& filter) {
                          if (filter == "bad") throw Error(Code::bad_request, "bad");
                        }};

  // What a server with a gateway would have made.
  ScorerWorld() {
    script(
        "INSERT INTO endpoints (endpoint_id, name, created_at, last_updated_at) VALUES ('e-1', "
        "'gpt', 1, 1)");
  }
};

std::string judge(const std::string& model, const std::string& instructions = "x") {
  return R"({"name":"j","instructions_judge_pydantic_data":{"model":")" + model +
         R"(","instructions":")" + instructions + R"("}})";
}

}  // namespace

TEST_CASE("a scorer lies in the tables as the reference writes it", "[evaluation]") {
  ScorerWorld world;
  const ScorerVersion made = world.scorers.add({"7", "s", R"({"a":1})"});
  world.scorers.add({"7", "s", R"({"a":2})"});
  CHECK(made.scorer_id.size() == 36);
  CHECK(made.scorer_id[8] == '-');
  CHECK(world.rows("SELECT experiment_id, scorer_name, scorer_id FROM scorers", 3) ==
        "7|s|" + made.scorer_id + "\n");
  CHECK(world.rows("SELECT scorer_version, serialized_scorer, creation_time FROM scorer_versions "
                   "ORDER BY scorer_version",
                   3) == "1|{\"a\":1}|1700000000000\n2|{\"a\":2}|1700000000000\n");
}

TEST_CASE("code in a scorer is refused unless it is allowed", "[evaluation]") {
  ScorerWorld world;
  const std::string text = R"({"x":[{"call_source":"def f(): pass"}]})";
  CHECK(code_of([&] { world.scorers.add({"7", "s", text}); }) == Code::invalid_parameter_value);
  CHECK_NOTHROW(world.scorers.add({"7", "s", R"({"call_source":null})"}));
  Scorers permissive(world.env, *world.database, true);
  CHECK(permissive.add({"7", "s", text}).scorer_version == 2);
}

TEST_CASE("a model of a gateway is kept by the endpoint's id and shown by its name",
          "[evaluation]") {
  ScorerWorld world;
  const ScorerVersion made = world.scorers.add({"7", "s", judge("gateway:/gpt")});
  CHECK(model_of(PythonJson::parse(made.serialized_scorer)) == "gateway:/gpt");
  CHECK(world.rows("SELECT serialized_scorer FROM scorer_versions", 1) ==
        "{\"name\": \"j\", \"instructions_judge_pydantic_data\": {\"model\": \"gateway:/e-1\", "
        "\"instructions\": \"x\"}}\n");
  CHECK(world.rows("SELECT endpoint_id, resource_type, resource_id, display_name, created_at FROM "
                   "endpoint_bindings",
                   5) == "e-1|scorer|" + made.scorer_id + "|s|1700000000000\n");
  world.script("UPDATE endpoints SET name = 'renamed'");
  CHECK(model_of(PythonJson::parse(world.scorers.get("7", "s", {}).serialized_scorer)) ==
        "gateway:/renamed");
  world.script("DELETE FROM endpoints");
  CHECK_FALSE(model_of(PythonJson::parse(world.scorers.list("7")[0].serialized_scorer)));
  world.scorers.remove("7", "s", {});
  CHECK(world.rows("SELECT 1 FROM endpoint_bindings", 1).empty());
  CHECK_THROWS_WITH(world.scorers.add({"7", "s", judge("gateway:/no")}),
                    "GatewayEndpoint not found (name='no')");
}

TEST_CASE("the model of a nested judge is found and changed", "[evaluation]") {
  const PythonJson scorer = PythonJson::parse(
      R"({"memory_augmented_judge_data":{"base_judge":{"builtin_scorer_pydantic_data":)"
      R"({"model":"gateway://x"}}}})");
  CHECK(gateway_endpoint_of(scorer) == "x");
  CHECK(with_model(scorer, "openai:/y").dumps() ==
        R"({"memory_augmented_judge_data": {"base_judge": {"builtin_scorer_pydantic_data": )"
        R"({"model": "openai:/y"}}}})");
  CHECK_FALSE(gateway_endpoint_of(PythonJson::parse(judge("gateway:/"))));
  CHECK_FALSE(model_of(PythonJson::parse("{}")));
}

TEST_CASE("online scoring wants a gateway and no expectations", "[evaluation]") {
  ScorerWorld world;
  world.scorers.add({"7", "plain", judge("openai:/gpt")});
  world.scorers.add({"7", "good", judge("gateway:/gpt", "Is {{ outputs }} right?")});
  world.scorers.add({"7", "expects", judge("gateway:/gpt", "{{outputs}} {{ expectations }}")});
  CHECK_THROWS_WITH(world.configs.set("7", "plain", 0.5, {}),
                    Catch::StartsWith("Scorer 'plain' does not use a gateway model."));
  CHECK_THROWS_WITH(world.configs.set("7", "expects", 0.5, {}),
                    Catch::StartsWith("Scorer 'expects' requires expectations"));
  CHECK(code_of([&] { world.configs.set("7", "good", 0.5, "bad"); }) == Code::bad_request);
  const OnlineConfig made = world.configs.set("7", "good", 0.5, "status = 'OK'");
  CHECK(world.rows("SELECT online_scoring_config_id, scorer_id, sample_rate, experiment_id, "
                   "filter_string FROM online_scoring_configs",
                   5) ==
        made.online_scoring_config_id + "|" + made.scorer_id + "|0.5|7|status = 'OK'\n");
  world.configs.set("7", "good", 0, {});
  CHECK(world.rows("SELECT CAST(sample_rate AS INTEGER), filter_string FROM online_scoring_configs",
                   2) == "0|-\n");
}
