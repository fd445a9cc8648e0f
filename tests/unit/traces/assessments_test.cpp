#include "sandbox/traces/assessments.h"

#include <functional>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "tests/support/fake_env.h"
#include "tests/support/test_database.h"

using namespace sandbox;          // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::traces;  // NOLINT(google-build-using-namespace)

namespace {

struct World {
  FakeEnv env;
  std::unique_ptr<db::Database> database = open_test_database();
  Assessments assessments{env, *database};

  World() {
    database->write([](db::Tx& tx) {
      tx.script(
          "INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (7, 'e', "
          "'active');"
          "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, status) VALUES "
          "('tr-1', 7, 1000, 'OK'), ('tr-2', 7, 2000, 'OK')");
    });
  }

  // Text of a row's columns, with | between; NULL is "-".
  std::string columns(const std::string& names, const Assessment& of) {
    return database->read([&](db::Tx& tx) {
      db::Rows rows = tx.query("SELECT " + names + " FROM assessments WHERE assessment_id = ?",
                               *of.assessment_id);
      std::string out;
      const auto count = std::count(names.begin(), names.end(), ',') + 1;
      REQUIRE(rows.next());
      for (int i = 0; i < count; ++i) out += (i > 0 ? "|" : "") + rows.maybe_text(i).value_or("-");
      return out;
    });
  }

  Assessment add(Assessment in, const std::string& trace_id = "tr-1") {
    in.assessment_name = "q";
    in.source.source_type.name = "HUMAN";
    return assessments.create(trace_id, in);
  }
};

Assessment feedback(const std::string& json) {
  Assessment in;
  in.feedback = Feedback{JsonText{json}, std::nullopt};
  return in;
}

Assessment expectation(const std::string& json) {
  Assessment in;
  in.expectation.emplace().value = JsonText{json};
  return in;
}

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

TEST_CASE("an assessment's row is the one MLflow writes", "[traces]") {
  World world;
  Assessment in = feedback(R"({"b":1,"a":["é"]})");
  in.feedback->error = AssessmentError{"E", "", "here"};
  in.rationale = "because";
  in.metadata = {{"mlflow.assessment.sourceRunId", "r1"}, {"k", "v"}};
  const Assessment made = world.add(in);
  CHECK(made.assessment_id->starts_with("a-"));
  CHECK(world.columns("trace_id, name, assessment_type, value, error, created_timestamp, "
                      "last_updated_timestamp, source_type, source_id, run_id, span_id, rationale, "
                      "overrides, valid, assessment_metadata, experiment_id, trace_timestamp_ms",
                      made) ==
        R"(tr-1|q|feedback|{"b": 1.0, "a": ["\u00e9"]}|)"
        R"({"error_code": "E", "error_message": null, "stack_trace": "here"}|1700000000000|)"
        R"(1700000000000|HUMAN|-|r1|-|because|-|1|)"
        R"({"k": "v", "mlflow.assessment.sourceRunId": "r1"}|7|1000)");
}

TEST_CASE("the number charts are made of", "[traces]") {
  World world;
  const auto numbers = [&](const Assessment& in) {
    return world.columns("CAST(aggregate_value * 10 AS INTEGER), is_numeric_value", world.add(in));
  };
  CHECK(numbers(feedback("2")) == "20|1");
  CHECK(numbers(feedback("true")) == "10|0");
  CHECK(numbers(feedback("false")) == "0|0");
  CHECK(numbers(feedback("\" Yes \"")) == "10|0");
  CHECK(numbers(feedback("\"NO\"")) == "0|0");
  CHECK(numbers(feedback("\"maybe\"")) == "-|0");
  CHECK(numbers(feedback("null")) == "-|0");
  CHECK(numbers(feedback("[1]")) == "-|0");
  CHECK(numbers(expectation("0.5")) == "5|1");
}

TEST_CASE("an overridden assessment is valid again when the other one goes", "[traces]") {
  World world;
  const Assessment first = world.add(feedback("1"));
  Assessment second = feedback("2");
  second.overrides = first.assessment_id;
  second = world.add(second);
  CHECK(world.columns("valid", first) == "0");
  CHECK(second.overrides == first.assessment_id);
  world.assessments.remove("tr-2", *second.assessment_id);
  CHECK(world.columns("valid", first) == "0");
  world.assessments.remove("tr-1", *second.assessment_id);
  CHECK(world.columns("valid", first) == "1");
  CHECK(code_of([&] { world.assessments.get("tr-1", *second.assessment_id); }) ==
        Code::resource_does_not_exist);
}

TEST_CASE("nothing is left of feedback whose override is refused", "[traces]") {
  World world;
  const Assessment first = world.add(feedback("1"));
  Assessment second = feedback("2");
  second.overrides = first.assessment_id;
  second.assessment_id = first.assessment_id;
  CHECK(code_of([&] { world.add(second); }) == Code::resource_already_exists);
  CHECK(world.columns("valid, value", first) == "1|1.0");
  CHECK(code_of([&] { world.add(second, "tr-2"); }) == Code::resource_does_not_exist);
}

TEST_CASE("an update touches what its mask names", "[traces]") {
  World world;
  Assessment in = feedback("1");
  in.rationale = "r";
  in.metadata = {{"a", "1"}};
  const Assessment made = world.add(in);
  world.env.now += 5;
  Assessment change = feedback("\"no\"");
  change.rationale = "s";
  change.metadata = {{"b", "2"}};
  const auto update = [&](const std::vector<std::string>& mask) {
    world.assessments.update("tr-1", *made.assessment_id, change, mask);
    return world.columns(
        "value, rationale, assessment_metadata, CAST(aggregate_value AS INTEGER), "
        "last_updated_timestamp - created_timestamp",
        made);
  };
  CHECK(update({}) == R"(1.0|r|{"a": "1"}|1|5)");
  CHECK(update({"rationale"}) == R"(1.0|s|{"a": "1"}|1|5)");
  CHECK(update({"metadata"}) == R"(1.0|s|{"a": "1", "b": "2"}|1|5)");
  CHECK(update({"feedback"}) == R"("no"|s|{"a": "1", "b": "2"}|0|5)");
}

TEST_CASE("an expectation's own JSON stays as it was through updates", "[traces]") {
  World world;
  Assessment in;
  in.expectation.emplace().serialized_value = SerializedValue{"JSON_FORMAT", "5"};
  const Assessment made = world.add(in);
  CHECK(made.expectation->value->json == "5.0");
  Assessment change;
  change.assessment_name = "renamed";
  world.assessments.update("tr-1", *made.assessment_id, change, {"assessment_name"});
  CHECK(world.columns("name, value, is_numeric_value", made) == "renamed|5|1");
}

TEST_CASE("a long stack trace is kept whole and shown in part", "[traces]") {
  World world;
  Assessment in = feedback("null");
  const std::string whole(12000, 'x');
  in.feedback->error = AssessmentError{"E", std::nullopt, whole};
  const Assessment made = world.add(in);
  CHECK(made.feedback->error->stack_trace->size() == 10000);
  CHECK(made.feedback->error->stack_trace->starts_with("[Stack trace is truncated]\n...\n"));
  world.assessments.update("tr-1", *made.assessment_id, {}, {"rationale"});
  CHECK(world.columns("length(error)", made) ==
        std::to_string(whole.size() + std::string_view(R"({"error_code": "E", "error_message": )"
                                                       R"(null, "stack_trace": ""})")
                                          .size()));
}

TEST_CASE("assessments of several traces are read at once, oldest first", "[traces]") {
  World world;
  Assessment late = feedback("1");
  late.create_time = "2030-01-01T00:00:00Z";
  const Assessment first = world.add(late);
  const Assessment second = world.add(feedback("2"));
  const Assessment other = world.add(expectation("\"x\""), "tr-2");
  world.database->read([&](db::Tx& tx) {
    const auto found = read_assessments(tx, {"tr-1", "tr-2", "tr-nope"});
    REQUIRE(found.size() == 2);
    REQUIRE(found.at("tr-1").size() == 2);
    CHECK(found.at("tr-1")[0].assessment_id == second.assessment_id);
    CHECK(found.at("tr-1")[1].assessment_id == first.assessment_id);
    CHECK(found.at("tr-2")[0].assessment_id == other.assessment_id);
  });
}

TEST_CASE("what says nothing, or two things, is refused", "[traces]") {
  World world;
  CHECK(code_of([&] { world.add({}); }) == Code::invalid_parameter_value);
  CHECK(code_of([&] { world.add(expectation("null")); }) == Code::invalid_parameter_value);
  Assessment both = feedback("1");
  both.issue = IssueReference{"slow"};
  CHECK(code_of([&] { world.add(both); }) == Code::invalid_parameter_value);
  Assessment broken = feedback("1");
  broken.create_time = "yesterday";
  CHECK(code_of([&] { world.add(broken); }) == Code::invalid_parameter_value);
  CHECK(code_of([&] { world.add(feedback("1"), "tr-nope"); }) == Code::resource_does_not_exist);
}
