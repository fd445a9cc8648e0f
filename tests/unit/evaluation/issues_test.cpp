#include "sandbox/evaluation/issues.h"

#include "tests/unit/evaluation/world.h"

using namespace sandbox;              // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::evaluation;  // NOLINT(google-build-using-namespace)

namespace {

NewIssue issue(const std::string& name) {
  NewIssue in;
  in.name = name;
  in.description = "d";
  in.experiment_id = "7";
  return in;
}

}  // namespace

TEST_CASE("an issue lies in its table as the reference writes it", "[evaluation]") {
  World world;
  Issues issues(world.env, *world.database);
  NewIssue in = issue("n");
  in.severity = "high";
  in.root_causes = {"a", "é"};
  in.source_run_id = "r1";
  const Issue made = issues.create(in);
  CHECK(made.issue_id.starts_with("iss-"));
  issues.create(issue("m"));
  CHECK(world.rows("SELECT experiment_id, name, description, status, severity, root_causes, "
                   "source_run_id, categories, created_timestamp, last_updated_timestamp, "
                   "created_by FROM issues ORDER BY name DESC",
                   11) ==
        "7|n|d|pending|high|[\"a\", \"\\u00e9\"]|r1|-|1700000000000|1700000000000|-\n"
        "7|m|d|pending|-|-|-|-|1700000000000|1700000000000|-\n");
}

TEST_CASE("an issue needs an active experiment, a run that is there, and known words",
          "[evaluation]") {
  World world;
  Issues issues(world.env, *world.database);
  NewIssue in = issue("n");
  in.experiment_id = "8";
  CHECK_THROWS_WITH(issues.create(in), "No Experiment with id=8 exists");
  in = issue("n");
  in.source_run_id = "r2";
  CHECK(code_of([&] { issues.create(in); }) == Code::bad_request);
  in = issue("n");
  in.status = "done";
  CHECK(code_of([&] { issues.create(in); }) == Code::invalid_parameter_value);
  in = issue("n");
  in.severity = "";
  CHECK(code_of([&] { issues.create(in); }) == Code::invalid_parameter_value);
  CHECK(world.rows("SELECT 1 FROM issues", 1).empty());
}

TEST_CASE("traces of an issue are counted once each", "[evaluation]") {
  World world;
  Issues issues(world.env, *world.database);
  const std::string one = issues.create(issue("one")).issue_id;
  ++world.env.now;
  issues.create(issue("none"));
  world.script(
      "INSERT INTO assessments (assessment_id, trace_id, name, assessment_type, value, "
      "created_timestamp, last_updated_timestamp, source_type, valid) VALUES ('a1', 't1', '" +
      one + "', 'issue', '{}', 1, 1, 'HUMAN', TRUE), ('a2', 't1', '" + one +
      "', 'issue', '{}', 1, 1, 'HUMAN', TRUE), ('a3', 't8', '" + one +
      "', 'feedback', '{}', 1, 1, 'HUMAN', TRUE)");
  SearchIssues in;
  in.include_trace_count = true;
  const IssuePage page = issues.search(in);
  REQUIRE(page.issues.size() == 2);
  CHECK(page.issues[0].name == "one");
  CHECK(page.issues[0].trace_count == 1);
  CHECK(page.issues[1].trace_count == 0);
}
