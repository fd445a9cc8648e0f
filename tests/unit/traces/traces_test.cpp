#include "sandbox/traces/traces.h"

#include <limits>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/traces/spans.h"
#include "tests/support/fake_env.h"
#include "tests/support/test_database.h"

using namespace sandbox;          // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::traces;  // NOLINT(google-build-using-namespace)

namespace {

struct World {
  FakeEnv env;
  std::unique_ptr<db::Database> database = open_test_database();
  Traces traces{env, *database};
  Spans spans{env, *database};

  World() {
    database->write([](db::Tx& tx) {
      tx.script(
          "INSERT INTO experiments (experiment_id, name, lifecycle_stage, artifact_location) "
          "VALUES "
          "(7, 'e', 'active', 'mlflow-artifacts:/7'), (8, 'd', 'deleted', 'mlflow-artifacts:/8')");
    });
  }

  static TraceInfo info(const std::string& id, std::int64_t time_ms = 1000) {
    TraceInfo out;
    out.trace_id = id;
    out.trace_location.mlflow_experiment = MlflowExperiment{"7"};
    out.request_time = "1970-01-01T00:00:0" + std::to_string(time_ms / 1000) + "Z";
    out.state.name = "OK";
    return out;
  }

  static IncomingSpan span(const std::string& trace_id,
                           const std::string& id,
                           const std::string& parent = "",
                           std::vector<SpanAttribute> attributes = {}) {
    IncomingSpan out;
    out.trace_id = trace_id;
    out.span_id = id;
    out.parent_id = parent;
    out.name = "span " + id;
    out.start_ns = 2'000'000'000;
    out.end_ns = 3'000'000'000;
    out.attributes = std::move(attributes);
    return out;
  }

  void log(std::vector<IncomingSpan> some, const std::string& run_id = "") {
    IncomingSpans incoming;
    incoming.resources.push_back({{"service.name", "shop"}, {"telemetry.sdk.name", "x"}});
    incoming.spans = std::move(some);
    spans.log("7", run_id, std::move(incoming));
  }

  std::string found(const std::string& filter, std::vector<std::string> order = {}) {
    std::string out;
    for (const TraceInfo& one : traces.search({{"7"}, filter, 100, std::move(order), ""}).traces) {
      out += one.trace_id;
    }
    return out;
  }

  std::string refusal(const std::string& filter) {
    try {
      return found(filter);
    } catch (const Error& failure) {
      CHECK(failure.code() == Code::invalid_parameter_value);
      return failure.message();
    }
  }
};

Assessment feedback(const std::string& name, const std::string& json) {
  Assessment out;
  out.assessment_name = name;
  out.source.source_type.name = "HUMAN";
  out.feedback = Feedback{JsonText{json}, std::nullopt};
  return out;
}

}  // namespace

TEST_CASE("a trace keeps what its client says of it", "[traces]") {
  World world;
  TraceInfo info = World::info("a");
  info.execution_duration = "1.500s";
  info.tags = {{"mlflow.traceName", "name"}, {"t", "v"}};
  info.trace_metadata = {{"m", "v"},
                         {"mlflow.trace.session", "s"},
                         {"mlflow.trace.tokenUsage", R"({"input_tokens": 3, "odd": 1})"}};
  info.assessments = {feedback("f", "5")};
  const TraceInfo got = world.traces.start(info);
  CHECK(got.request_time == "1970-01-01T00:00:01Z");
  CHECK(got.execution_duration == "1.500s");
  CHECK(got.tags.at("mlflow.traceName") == "name");
  CHECK(got.tags.at("mlflow.artifactLocation") == "mlflow-artifacts:/7/traces/a/artifacts");
  CHECK(got.trace_metadata.at("mlflow.trace.tokenUsage") == R"({"input_tokens": 3})");
  CHECK(got.trace_metadata.at("mlflow.trace.session") == "s");
  REQUIRE(got.assessments.size() == 1);
  CHECK(got.assessments[0].feedback->value->json == "5.0");
  CHECK(to_json(world.traces.get_info("a")) == to_json(got));
}

TEST_CASE("a trace needs an experiment that is there and active", "[traces]") {
  World world;
  TraceInfo info = World::info("a");
  for (const char* id : {"8", "9", "x"}) {
    info.trace_location.mlflow_experiment = MlflowExperiment{id};
    CHECK_THROWS_AS(world.traces.start(info), Error);
  }
  info.trace_location.mlflow_experiment.reset();
  CHECK_THROWS_AS(world.traces.start(info), Error);
  CHECK_THROWS_AS(world.traces.get_info("a"), Error);
}

TEST_CASE("spans complete a trace in whatever order they come", "[traces]") {
  World world;
  const std::string usage = R"({"input_tokens": 2, "output_tokens": 1, "total_tokens": 3})";
  world.log({World::span("a", "child", "root", {{"mlflow.chat.tokenUsage", usage}})});
  CHECK(world.traces.get_info("a").state.name == "IN_PROGRESS");
  IncomingSpan root = World::span("a", "root", "",
                                  {{"mlflow.spanInputs", "{\"x\": 1}"},
                                   {"mlflow.chat.tokenUsage", usage},
                                   {"user.id", "\"u\""},
                                   {"session.id", "\"s\""},
                                   {"mlflow.traceTag.color", "\"red\""}});
  root.status = SpanStatus::error;
  root.start_ns = 1'000'000'000;
  world.log({root});
  const TraceInfo info = world.traces.get_info("a");
  CHECK(info.state.name == "ERROR");
  CHECK(info.request_time == "1970-01-01T00:00:01Z");
  CHECK(info.execution_duration == "2s");
  CHECK(info.request_preview == "{\"x\": 1}");
  CHECK(info.tags.at("color") == "red");
  CHECK(info.tags.at("service.name") == "shop");
  CHECK(info.tags.count("telemetry.sdk.name") == 0);
  CHECK(info.tags.at("mlflow.trace.spansLocation") == "TRACKING_STORE");
  CHECK(info.trace_metadata.at("mlflow.trace.user") == "u");
  CHECK(info.trace_metadata.at("mlflow.trace.session") == "s");
  // The root's sum holds the child's.
  CHECK(info.trace_metadata.at("mlflow.trace.tokenUsage") == usage);
}

TEST_CASE("what the client said counts more than what spans say", "[traces]") {
  World world;
  TraceInfo info = World::info("a", 5000);
  info.execution_duration = "1s";
  info.request_preview = "mine";
  world.traces.start(info);
  world.log({World::span("a", "root", "", {{"mlflow.spanInputs", "\"theirs\""}})});
  TraceInfo got = world.traces.get_info("a");
  CHECK(got.request_time == "1970-01-01T00:00:05Z");
  CHECK(got.execution_duration == "1s");
  CHECK(got.request_preview == "mine");
  info.state.name = "ERROR";
  info.request_preview.reset();
  got = world.traces.start(info);
  CHECK(got.state.name == "ERROR");
  CHECK(got.request_preview == "mine");
}

TEST_CASE("a span that comes again replaces its row", "[traces]") {
  World world;
  world.log({World::span("a", "root"), World::span("a", "root")});
  IncomingSpan again = World::span("a", "root");
  again.name = "later";
  world.log({again});
  const auto trace = world.spans.find("a");
  REQUIRE(trace);
  REQUIRE(trace->spans.size() == 1);
  CHECK(trace->spans[0].find("\"name\": \"later\"") != std::string::npos);
}

TEST_CASE("many spans and traces are stored by one request", "[traces]") {
  World world;
  std::vector<IncomingSpan> many;
  for (int trace = 0; trace < 30; ++trace) {
    for (int i = 0; i < 10; ++i) {
      many.push_back(
          World::span("t" + std::to_string(trace), std::to_string(i), i == 0 ? "" : "0"));
    }
  }
  world.log(many);
  std::vector<std::string> ids{"t29", "none", "t0"};
  const auto traces = world.spans.find_all(ids, std::nullopt);
  REQUIRE(traces.size() == 2);
  CHECK(traces[0].info.trace_id == "t29");
  CHECK(traces[0].spans.size() == 10);
  CHECK(traces[1].spans[0].find("\"parent_span_id\": null") != std::string::npos);
}

TEST_CASE("a trace is complete when as many spans came as its client counted", "[traces]") {
  World world;
  TraceInfo info = World::info("a");
  info.trace_metadata = {{"mlflow.trace.sizeStats", R"({"num_spans": 2})"}};
  world.traces.start(info);
  CHECK(!world.spans.find("a"));  // its spans are not in the store
  world.log({World::span("a", "root")});
  CHECK(world.spans.find("a")->spans.size() == 1);
  CHECK(!is_complete(*world.spans.find("a")));
  CHECK(world.spans.find_all({"a"}, std::nullopt).empty());
  world.log({World::span("a", "second", "root")});
  CHECK(is_complete(*world.spans.find("a")));
  CHECK(world.spans.find_all({"a"}, std::vector<std::string>{"8"}).empty());
}

TEST_CASE("spans of an unknown experiment leave nothing behind", "[traces]") {
  World world;
  IncomingSpans incoming;
  incoming.resources.emplace_back();
  incoming.spans = {World::span("a", "root")};
  CHECK_THROWS_AS(world.spans.log("99", "", std::move(incoming)), Error);
  CHECK_THROWS_AS(world.traces.get_info("a"), Error);
}

TEST_CASE("deleting a trace deletes what belongs to it", "[traces]") {
  World world;
  world.log({World::span("a", "root"), World::span("b", "root")});
  TraceInfo info = World::info("a");
  info.assessments = {feedback("f", "true")};
  world.traces.start(info);
  DeleteTraces which;
  which.experiment_id = "7";
  which.request_ids = {"a", "none"};
  CHECK(world.traces.remove(which) == 1);
  world.database->read([](db::Tx& tx) {
    for (const char* table : {"spans", "trace_tags", "trace_info"}) {
      db::Rows rows =
          tx.query("SELECT COUNT(*) FROM " + std::string(table) + " WHERE " +
                   (std::string(table) == "spans" ? "trace_id" : "request_id") + " = 'a'");
      rows.next();
      CHECK(rows.integer(0) == 0);
    }
  });
  which.request_ids.clear();
  CHECK_THROWS_AS(world.traces.remove(which), Error);
  which.max_timestamp_millis = 1999;
  CHECK(world.traces.remove(which) == 0);
  which.max_timestamp_millis = 2000;
  which.max_traces = 5;
  CHECK(world.traces.remove(which) == 1);
}

TEST_CASE("tags of a trace are set, renamed and deleted", "[traces]") {
  World world;
  world.traces.start(World::info("a"));
  world.traces.set_tag("a", "t", "1");
  world.traces.set_tag("a", "t", "2");
  world.traces.set_tag("a", "mlflow.traceName", "n");
  CHECK(world.traces.get_info("a").tags.at("t") == "2");
  CHECK(world.found("name = 'n'") == "a");
  world.traces.delete_tag("a", "mlflow.traceName");
  world.traces.delete_tag("a", "t");
  CHECK_THROWS_AS(world.traces.delete_tag("a", "t"), Error);
  CHECK_THROWS_AS(world.traces.delete_tag("a", "mlflow.traceName"), Error);
  CHECK_THROWS_AS(world.traces.set_tag("none", "t", "1"), Error);
  CHECK_THROWS_AS(world.traces.set_tag("a", "../t", "1"), Error);
}

TEST_CASE("traces are found by everything that is known of them", "[traces]") {
  World world;
  TraceInfo a = World::info("a", 1000);
  a.tags = {{"t", "v"}, {"mlflow.traceName", "first"}};
  a.trace_metadata = {{"m", "x"}, {"mlflow.trace.session", "s"}, {"mlflow.sourceRun", "r1"}};
  a.assessments = {feedback("score", "0.8"), feedback("good", "\"yes\"")};
  a.execution_duration = "3s";
  world.traces.start(a);
  TraceInfo b = World::info("b", 2000);
  b.state.name = "ERROR";
  b.trace_metadata = {{"mlflow.trace.tokenUsage", R"({"input_tokens": 3})"}};
  world.traces.start(b);
  world.log({World::span("b", "root", "", {{"k", "\"secret\""}})});
  world.traces.link_to_run({"b"}, "r1");
  world.traces.link_prompts("b", {{"p", "1"}});

  CHECK(world.found("") == "ba");
  CHECK(world.found("", {"timestamp ASC"}) == "ab");
  CHECK(world.found("", {"tags.t", "request_id DESC"}) == "ab");
  CHECK(world.found("", {"end_time DESC"}) == "ab");
  CHECK(world.found("status = 'ERROR'") == "b");
  CHECK(world.found("attributes.status IN ('OK', 'x') AND timestamp_ms < 1500") == "a");
  CHECK(world.found("end_time >= 4000") == "a");
  CHECK(world.found("tags.t = 'v'") == "a");
  CHECK(world.found("tags.t IS NULL") == "b");
  CHECK(world.found("tags.t RLIKE '^[uv]$'") == "a");
  CHECK(world.found("name ILIKE 'FIR%'") == "a");
  CHECK(world.found("metadata.m != 'y'") == "a");
  CHECK(world.found("metadata.`mlflow.trace.session` = 's'") == "a");
  CHECK(world.found("metadata.`mlflow.trace.tokenUsage` = '{\"input_tokens\": 3}'") == "b");
  CHECK(world.found("run_id = 'r1'") == "ba");
  CHECK(world.found("prompt = 'p/1'") == "b");
  CHECK(world.found("span.name = 'span root' AND span.status != 'ERROR'") == "b");
  CHECK(world.found("span.attributes.k LIKE '%secret%'") == "b");
  CHECK(world.found("span.attributes.k RLIKE '^sec'") == "b");
  CHECK(world.found("trace.text LIKE '%secret%'") == "b");
  CHECK(world.found("feedback.score > 0.5") == "a");
  CHECK(world.found("feedback.good = 'yes'") == "a");
  CHECK(world.found("feedback.good != 'yes'").empty());
  CHECK(world.found("feedback.good IS NULL") == "b");
  CHECK(world.found("expectation.good IS NOT NULL").empty());
}

// PostgreSQL says what is wrong with the pattern instead.
TEST_CASE("a broken pattern finds nothing", "[traces][sqlite]") {
  World world;
  world.traces.start(World::info("a"));
  CHECK(world.found("tags.t RLIKE '('").empty());
}

TEST_CASE("an assessment of a session covers all traces of the session", "[traces]") {
  World world;
  TraceInfo a = World::info("a");
  a.trace_metadata = {{"mlflow.trace.session", "s"}};
  TraceInfo b = World::info("b");
  b.trace_metadata = a.trace_metadata;
  a.assessments = {feedback("nice", "true")};
  a.assessments[0].metadata = {{"mlflow.trace.session", "s"}};
  world.traces.start(a);
  world.traces.start(b);
  world.traces.start(World::info("c"));
  CHECK(world.found("feedback.nice = 'true'") == "ab");
  CHECK(world.found("feedback.nice IS NULL") == "c");
}

TEST_CASE("a search says what it does not understand", "[traces]") {
  World world;
  CHECK(world.refusal("bogus = 1").find("Invalid attribute key 'bogus'") == 0);
  CHECK(world.refusal("bogus.x = 1").find("Invalid entity type 'bogus'") == 0);
  CHECK(world.refusal("status = 5").find("Only the '{'timestamp_ms'") == 0);
  CHECK(world.refusal("status > 'OK'").find("Invalid comparator '>'") == 0);
  CHECK(world.refusal("tags.t = 5") ==
        "Expected a quoted string value for tag (e.g. 'my-value'). Got value 5");
  CHECK(world.refusal("feedback.f > 'x'").find("Expected a numeric value for feedback") == 0);
  CHECK(world.refusal("span.bogus = 'x'").find("Invalid span attribute 'bogus'") == 0);
  CHECK(world.refusal("span.content = 'x'").find("span.content comparator '='") == 0);
  CHECK(world.refusal("prompt = 'x'").find("Invalid prompts filter value 'x'") == 0);
  CHECK(world.refusal("timestamp_ms = 'x'").find("Expected numeric value") == 0);
  CHECK(world.refusal("tags.a = 'x' OR tags.b = 'y'").find("Invalid clause(s)") == 0);
  CHECK_THROWS_AS(world.traces.search({{"7"}, "", 501, {}, ""}), Error);
  CHECK_THROWS_AS(world.traces.search({{"7"}, "", 0, {}, ""}), Error);
  CHECK_THROWS_AS(world.found("", {"status", "status DESC"}), Error);
}

TEST_CASE("a search comes in pages", "[traces]") {
  World world;
  for (const char* id : {"a", "b", "c"}) world.traces.start(World::info(id));
  const TracePage first = world.traces.search({{"7"}, "", 2, {}, ""});
  REQUIRE(first.traces.size() == 2);
  REQUIRE(first.next_page_token);
  const TracePage second = world.traces.search({{"7"}, "", 2, {}, *first.next_page_token});
  REQUIRE(second.traces.size() == 1);
  CHECK(second.traces[0].trace_id == "c");
  CHECK(!second.next_page_token);
}

TEST_CASE("a client before 3.0 begins and ends a trace", "[traces]") {
  World world;
  const TraceInfo begun = world.traces.begin("7", 1000, {{"m", "1"}}, {{"mlflow.traceName", "n"}});
  CHECK(begun.state.name == "IN_PROGRESS");
  CHECK(begun.tags.at("mlflow.artifactLocation") ==
        "mlflow-artifacts:/7/traces/" + begun.trace_id + "/artifacts");
  const TraceInfo ended = world.traces.end(begun.trace_id, 1250, "OK", {{"m", "2"}}, {{"t", "v"}});
  CHECK(ended.execution_time_ms == 250);
  CHECK(ended.trace_metadata.at("m") == "2");
  CHECK(ended.tags.at("mlflow.traceName") == "n");
  CHECK_THROWS_AS(world.traces.end(begun.trace_id, 1250, "", {}, {}), Error);
  CHECK_THROWS_AS(world.traces.end("none", 1250, "OK", {}, {}), Error);
}

TEST_CASE("the span of a trace from the least of all times is taken", "[traces]") {
  World world;
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  const std::string id = world.traces.begin("7", least, {}, {}).trace_id;
  world.log({World::span(id, "root")});
  CHECK(world.traces.get_info(id).execution_time_ms == std::numeric_limits<std::int64_t>::max());
}
