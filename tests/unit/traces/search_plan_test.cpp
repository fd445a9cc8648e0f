#include <catch2/catch.hpp>

#include "sandbox/db/database.h"
#include "sandbox/traces/trace_filter.h"

using namespace sandbox;          // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::traces;  // NOLINT(google-build-using-namespace)

namespace {

// How SQLite reads spans and assessments for a filter, a line each.
std::string plan_of(const std::string& filter) {
  const auto database = db::open_database("sqlite://");
  tracking::SearchSql sql;
  add_trace_filter(sql, filter, {1});
  return database->read([&](db::Tx& tx) {
    std::string out;
    db::Rows rows = tx.query_values(
        "EXPLAIN QUERY PLAN SELECT request_id FROM trace_info WHERE trace_info.experiment_id = 1 "
        "AND " +
            sql.text(),
        sql.values());
    while (rows.next()) {
      if (rows.view(3).find(" trace_info ") == std::string_view::npos) out += rows.text(3) + "\n";
    }
    return out;
  });
}

}  // namespace

// By the experiment, each trace of a search would read every span there is.
TEST_CASE("SQLite looks for spans by their trace", "[traces][sqlite]") {
  for (const std::string filter :
       {"span.name = 'x'", "span.type IN ('LLM', 'TOOL')", "span.status = 'OK'",
        "span.attributes.model LIKE '%x%'", "trace.text LIKE '%x%'", "span.content ILIKE '%x%'",
        "span.name = 'x' AND span.type = 'LLM'", "timestamp_ms > 5 AND span.name = 'x'"}) {
    INFO(filter << "\n" << plan_of(filter));
    CHECK(plan_of(filter).find("SEARCH s USING") != std::string::npos);
    CHECK(plan_of(filter).find("(trace_id=?") != std::string::npos);
  }
}

TEST_CASE("SQLite reads no table from end to end for a filter", "[traces][sqlite]") {
  for (const std::string filter :
       {"tags.k = 'v'", "metadata.k IS NULL", "metadata.`mlflow.trace.session` = 's'",
        "run_id = 'r'", "feedback.q = 'yes'", "feedback.q > 0.5", "feedback.q IS NULL",
        "expectation.q = 'yes'", "issue.id = 'iss-1'", "prompt = 'p/1'"}) {
    INFO(filter << "\n" << plan_of(filter));
    CHECK(plan_of(filter).find("SCAN") == std::string::npos);
  }
}
