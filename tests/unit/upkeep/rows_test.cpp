#include "sandbox/upkeep/rows.h"

#include <set>

#include <catch2/catch.hpp>

#include "tests/unit/upkeep/lab.h"

using namespace sandbox;          // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::upkeep;  // NOLINT(google-build-using-namespace)

namespace {

std::string all_statements() {
  std::string text;
  for (const Slices slices : {run_rows, logged_model_rows, trace_rows, experiment_rows}) {
    for (const std::string_view statement : slices) text.append(statement).append("\n");
  }
  return text;
}

}  // namespace

TEST_CASE("every table that refers to what is removed is emptied of it", "[upkeep][sqlite]") {
  const Lab lab;
  const std::string statements = all_statements();
  const std::set<std::string> owners{"runs",  "experiments", "logged_models", "trace_info",
                                     "spans", "scorers",     "review_queues"};
  // endpoints only let go of their experiment (ON DELETE SET NULL).
  const std::set<std::string> others{"endpoints"};
  lab.database->read([&](db::Tx& tx) {
    db::Rows rows = tx.query(
        "SELECT m.name, f.\"table\" FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f "
        "WHERE m.type = 'table'");
    int seen = 0;
    while (rows.next()) {
      if (!owners.contains(rows.text(1)) || others.contains(rows.text(0))) continue;
      ++seen;
      INFO(rows.text(0) << " refers to " << rows.text(1));
      CHECK(statements.find("DELETE FROM " + rows.text(0) + " ") != std::string::npos);
    }
    CHECK(seen > 20);
  });
}

TEST_CASE("large tables are never read whole to find what goes", "[upkeep][sqlite]") {
  const Lab lab;
  // These have a row or a few for an experiment, a scorer or an endpoint.
  const std::set<std::string> small{"SCAN experiment_tags", "SCAN online_scoring_configs", "SCAN c",
                                    "SCAN endpoints"};
  lab.database->read([&](db::Tx& tx) {
    for (const Slices slices : {run_rows, logged_model_rows, trace_rows, experiment_rows}) {
      for (const std::string_view statement : slices) {
        db::Rows rows = tx.query("EXPLAIN QUERY PLAN " + std::string(statement), "x", 1);
        while (rows.next()) {
          const std::string step = rows.text(3);
          const std::string scanned = step.substr(0, step.find(' ', 5));
          INFO(statement << "\n" << step);
          CHECK((!step.starts_with("SCAN ") || small.contains(scanned)));
        }
      }
    }
  });
}

TEST_CASE("rows go up to the budget and the owner goes last", "[upkeep]") {
  Lab lab;
  const std::string run = lab.run();
  lab.database->write([&](db::Tx& tx) {
    for (int i = 0; i < 10; ++i) {
      tx.execute(
          "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES "
          "('m', 0.5, 1, ?, ?, false)",
          run, i);
    }
  });
  lab.runs.remove(run);
  const auto slice = [&](std::int64_t budget) {
    return lab.database->write([&](db::Tx& tx) {
      const bool is_done = remove_rows(tx, run_rows, run, budget);
      return std::pair(is_done, budget);
    });
  };
  CHECK(slice(4) == std::pair(false, std::int64_t{0}));
  CHECK(lab.count("metrics") == 6);
  CHECK(slice(6) == std::pair(false, std::int64_t{0}));
  CHECK(lab.count("runs") == 1);
  CHECK(slice(100).first);
  CHECK(lab.count("runs") == 0);
}
