#include "sandbox/traces/trace_metrics.h"

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "tests/support/test_database.h"

using namespace sandbox;          // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::traces;  // NOLINT(google-build-using-namespace)

namespace {

// Three traces with a span each; the second one has no tokens.
struct World {
  std::unique_ptr<db::Database> database = open_test_database();
  TraceMetrics metrics{*database};

  World() {
    database->write([](db::Tx& tx) {
      tx.script(
          "INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (7, 'e', "
          "'active');"
          "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, execution_time_ms, "
          "status, trace_name, session_id, input_tokens, total_cost) VALUES "
          "('tr-1', 7, 0, 10, 'OK', 'a', 's', 5, 0.25), "
          "('tr-2', 7, 61000, 20, 'ERROR', 'a', 's', NULL, NULL), "
          "('tr-3', 7, 62000, 40, 'OK', 'b', NULL, 9, NULL);"
          "INSERT INTO trace_tags (request_id, key, value) VALUES ('tr-1', 'k', 'v');"
          "INSERT INTO spans (trace_id, experiment_id, span_id, name, type, status, "
          "start_time_unix_nano, end_time_unix_nano, content, total_cost) VALUES "
          "('tr-1', 7, '1', 'x', 'LLM', 'OK', 1999999, 13999999, '{}', 0.25), "
          "('tr-3', 7, '1', 'y', 'TOOL', 'OK', 62000000000, 62000000000, '{}', NULL);"
          "INSERT INTO assessments (assessment_id, trace_id, name, assessment_type, value, "
          "created_timestamp, last_updated_timestamp, source_type, valid, experiment_id, "
          "trace_timestamp_ms, aggregate_value) VALUES "
          "('a-1', 'tr-1', 'q', 'feedback', '1.0', 1, 1, 'HUMAN', TRUE, 7, 0, 1.0), "
          "('a-2', 'tr-1', 'q', 'feedback', '5.0', 1, 1, 'HUMAN', FALSE, 7, 0, 5.0)");
    });
  }

  // Each point as "dimension,… {values}; ".
  std::string ask(const std::string& view,
                  const std::string& metric,
                  std::vector<MetricAggregation> aggregations,
                  QueryTraceMetrics in = {}) {
    in.experiment_ids = {"7"};
    in.view_type.name = view;
    in.metric_name = metric;
    in.aggregations = std::move(aggregations);
    std::string out;
    for (const MetricDataPoint& point : metrics.query(in).data_points) {
      for (const auto& [name, text] : point.dimensions) out += text + ",";
      out += " " + point.values.json + "; ";
    }
    return out;
  }
};

QueryTraceMetrics by(std::vector<std::string> dimensions) {
  QueryTraceMetrics in;
  in.dimensions = std::move(dimensions);
  return in;
}

QueryTraceMetrics filtered(std::string filter) {
  QueryTraceMetrics in;
  in.filters = {std::move(filter)};
  return in;
}

const std::vector<MetricAggregation> count{{"COUNT", std::nullopt}};

}  // namespace

TEST_CASE("percentiles lie between their neighbours", "[traces]") {
  World world;
  CHECK(world.ask("TRACES", "latency", {{"PERCENTILE", 50}, {"PERCENTILE", 75}}) ==
        R"( {"P50.0":20.0,"P75.0":30.0}; )");
  CHECK(world.ask("TRACES", "latency", {{"PERCENTILE", 50}, {"MAX", {}}, {"AVG", {}}},
                  by({"trace_name"})) ==
        R"(a, {"P50.0":15.0,"MAX":20.0,"AVG":15.0}; b, {"P50.0":40.0,"MAX":40.0,"AVG":40.0}; )");
}

TEST_CASE("what has no value does not count", "[traces]") {
  World world;
  CHECK(world.ask("TRACES", "input_tokens", {{"SUM", {}}, {"AVG", {}}}) ==
        R"( {"SUM":14.0,"AVG":7.0}; )");
  CHECK(world.ask("TRACES", "session_count", count) == R"( {"COUNT":1.0}; )");
  CHECK(world.ask("TRACES", "output_tokens", {{"SUM", {}}}).empty());
  CHECK(world.ask("ASSESSMENTS", "assessment_count", count) == R"( {"COUNT":1.0}; )");
  CHECK(world.ask("SPANS", "span_count", count, by({"span_model_name"})).empty());
}

TEST_CASE("an aggregation asked for twice comes once", "[traces]") {
  World world;
  CHECK(world.ask("TRACES", "latency", {{"MIN", {}}, {"MIN", {}}}) == R"( {"MIN":10.0}; )");
}

TEST_CASE("time is cut at whole intervals", "[traces]") {
  World world;
  QueryTraceMetrics in = by({"trace_status"});
  in.time_interval_seconds = 60;
  in.start_time_ms = 0;
  in.end_time_ms = 100'000;
  CHECK(world.ask("TRACES", "trace_count", count, in) ==
        R"(1970-01-01T00:00:00+00:00,OK, {"COUNT":1.0}; )"
        R"(1970-01-01T00:01:00+00:00,ERROR, {"COUNT":1.0}; )"
        R"(1970-01-01T00:01:00+00:00,OK, {"COUNT":1.0}; )");
  in.dimensions = {"span_name"};
  CHECK(world.ask("SPANS", "latency", {{"PERCENTILE", 0}, {"AVG", {}}}, in) ==
        R"(x,1970-01-01T00:00:00+00:00, {"P0.0":12.0,"AVG":12.0}; )"
        R"(y,1970-01-01T00:01:00+00:00, {"P0.0":0.0,"AVG":0.0}; )");
}

TEST_CASE("costs are found by the whole milliseconds of their span", "[traces]") {
  World world;
  const auto cost = [&](std::optional<std::int64_t> start, std::optional<std::int64_t> end) {
    QueryTraceMetrics in;
    in.start_time_ms = start;
    in.end_time_ms = end;
    return world.ask("SPANS", "total_cost", {{"SUM", {}}}, in);
  };
  CHECK(cost(1, 1) == R"( {"SUM":0.25}; )");
  CHECK(cost(2, std::nullopt).empty());
  CHECK(cost(std::nullopt, 0).empty());
  CHECK_FALSE(cost(std::numeric_limits<std::int64_t>::min(), {}).empty());
  CHECK_FALSE(cost({}, std::numeric_limits<std::int64_t>::max()).empty());
}

TEST_CASE("filters of charts", "[traces]") {
  World world;
  const auto traces = [&](const std::string& filter) {
    return world.ask("TRACES", "trace_count", count, filtered(filter));
  };
  CHECK(traces("trace.metadata.mlflow.trace.tokenUsage = '{\"input_tokens\": 5}'") ==
        R"( {"COUNT":1.0}; )");
  CHECK(traces("trace.metadata.mlflow.trace.tokenUsage = '{\"input_tokens\":5}'") ==
        R"( {"COUNT":0.0}; )");
  CHECK(traces("trace.metadata.mlflow.trace.cost = '{\"total_cost\": 0.25}'") ==
        R"( {"COUNT":1.0}; )");
  CHECK(traces("trace.tag.k = 'v'") == R"( {"COUNT":1.0}; )");
  CHECK(world.ask("ASSESSMENTS", "assessment_count", count, filtered("trace.tag.k = 'v'")) ==
        R"( {"COUNT":1.0}; )");
  CHECK(world.ask("ASSESSMENTS", "assessment_count", count, filtered("trace.status = 'ERROR'")) ==
        R"( {"COUNT":0.0}; )");
  CHECK(world.ask("SPANS", "span_count", count, filtered("span.type = 'LLM'")) ==
        R"( {"COUNT":1.0}; )");
  CHECK_THROWS_AS(traces("span.type = 'LLM'"), Error);
  CHECK_THROWS_AS(traces("trace.status = 'OK' AND trace.status = 'OK'"), Error);
}

TEST_CASE("intervals that are no time are refused", "[traces]") {
  World world;
  QueryTraceMetrics in;
  in.start_time_ms = 0;
  in.end_time_ms = 1;
  for (const std::int64_t seconds : {std::int64_t{-1}, std::numeric_limits<std::int64_t>::max()}) {
    in.time_interval_seconds = seconds;
    CHECK_THROWS_AS(world.ask("TRACES", "trace_count", count, in), Error);
  }
}
