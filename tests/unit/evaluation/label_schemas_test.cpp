#include "sandbox/evaluation/label_schemas.h"

#include "tests/unit/evaluation/world.h"

using namespace sandbox;              // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::evaluation;  // NOLINT(google-build-using-namespace)

TEST_CASE("ways to answer lie in the table as the reference writes them", "[evaluation]") {
  const auto stored = [](const LabelInput& input) {
    const StoredLabelInput kept = stored_label_input(input);
    const StoredLabelInput again = stored_label_input(label_input_of(kept));
    CHECK(again.type == kept.type);
    CHECK(again.config == kept.config);
    return kept.type + " " + kept.config;
  };
  LabelInput input;
  input.pass_fail = PassFailInput{"é", "n"};
  CHECK(stored(input) == R"(pass_fail {"positive_label": "\u00e9", "negative_label": "n"})");
  input = {};
  input.categorical = CategoricalInput{{"a", "b"}, true};
  CHECK(stored(input) == R"(categorical {"options": ["a", "b"], "multi_select": true})");
  input = {};
  input.numeric = NumericInput{1, std::nullopt};
  CHECK(stored(input) == R"(numeric {"min_value": 1.0, "max_value": null})");
  input = {};
  input.text = TextInput{5};
  CHECK(stored(input) == R"(text {"max_length": 5})");
  input.text = TextInput{};
  CHECK(stored(input) == R"(text {"max_length": null})");
}

TEST_CASE("exactly one way to answer is wanted", "[evaluation]") {
  LabelInput input;
  CHECK(code_of([&] { check_label_input(std::nullopt); }) == Code::invalid_parameter_value);
  CHECK(code_of([&] { check_label_input(input); }) == Code::invalid_parameter_value);
  input.text.emplace();
  CHECK_NOTHROW(check_label_input(input));
  input.numeric.emplace();
  CHECK(code_of([&] { check_label_input(input); }) == Code::invalid_parameter_value);
}

TEST_CASE("the default question is made once", "[evaluation]") {
  World world;
  LabelSchemas schemas(world.env, *world.database);
  for (int i = 0; i < 3; ++i) CHECK(schemas.list("7", 100, "").label_schemas.size() == 1);
  CHECK(
      world.rows("SELECT experiment_id, name, type, instruction, enable_comment, input_type, "
                 "input_config, created_by, is_default FROM label_schemas",
                 9) ==
      "7|Feedback|feedback|Share any feedback on this trace.|0|text|{\"max_length\": null}|-|1\n");
  CHECK_THROWS_WITH(schemas.list("8", 100, ""), "No Experiment with id=8 exists");
}
