#include "sandbox/upkeep/collector.h"

#include <thread>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/upkeep/age.h"
#include "sandbox/upkeep/trash.h"
#include "tests/unit/upkeep/lab.h"

using namespace sandbox;          // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::upkeep;  // NOLINT(google-build-using-namespace)

namespace {

constexpr std::int64_t day_ms = 86'400'000;

// Rows in every table that speaks of a run.
void fill(const Lab& lab, const std::string& run, int points) {
  lab.database->write([&](db::Tx& tx) {
    for (int i = 0; i < points; ++i) {
      tx.execute(
          "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES "
          "('m', 0.5, 1, ?, ?, false)",
          run, i);
    }
    tx.execute(
        "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES "
        "('m', 0.5, 1, 1, false, ?)",
        run);
    tx.execute("INSERT INTO params (key, value, run_uuid) VALUES ('p', '1', ?)", run);
    tx.execute(
        "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, "
        "destination_id) VALUES (?, 'DATASET', 'd', 'RUN', ?)",
        "in-" + run, run);
    tx.execute("INSERT INTO input_tags (input_uuid, name, value) VALUES (?, 'n', 'v')",
               "in-" + run);
    tx.execute(
        "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, "
        "destination_id) VALUES ('x', 'RUN_OUTPUT', ?, 'MODEL_OUTPUT', 'm-1')",
        run);
    tx.execute(
        "INSERT INTO entity_associations (association_id, source_type, source_id, "
        "destination_type, destination_id) VALUES ('a', 'trace', 'tr-1', 'run', ?)",
        run);
  });
}

std::int64_t rows_of(const Lab& lab, const std::string& run) {
  const std::string is = " = '" + run + "'";
  return lab.count("metrics WHERE run_uuid" + is) +
         lab.count("latest_metrics WHERE run_uuid" + is) + lab.count("params WHERE run_uuid" + is) +
         lab.count("tags WHERE run_uuid" + is) + lab.count("inputs WHERE destination_id" + is) +
         lab.count("inputs WHERE source_id" + is) +
         lab.count("input_tags WHERE input_uuid = 'in-" + run + "'") +
         lab.count("entity_associations WHERE destination_id" + is) +
         lab.count("runs WHERE run_uuid" + is);
}

}  // namespace

TEST_CASE("ages are read as mlflow gc reads them", "[upkeep]") {
  CHECK(parse_age("30d") == 30 * day_ms);
  CHECK(parse_age("1d2h3m4s") == day_ms + 2 * 3'600'000 + 3 * 60'000 + 4'000);
  CHECK(parse_age("1.5h") == 5'400'000);
  CHECK(parse_age("0s") == 0);
  for (const char* wrong :
       {"", "5", "d", "1h2d", "1w", "-1d", "1d ", "1.2.3d", "99999999999999d"}) {
    CHECK_THROWS_WITH(parse_age(wrong), Catch::Contains("Could not parse any time information"));
  }
}

TEST_CASE("a deleted run goes with its files and rows, the others stay", "[upkeep]") {
  Lab lab;
  const std::string gone = lab.run();
  const std::string live = lab.run();
  fill(lab, gone, 12'000);  // more than two slices
  fill(lab, live, 3);
  lab.runs.remove(gone);
  const auto live_before = rows_of(lab, live);
  const auto findings = lab.collect();
  CHECK(kinds(findings) == std::map<std::string, int>{{"run", 1}, {"total", 1}});
  CHECK(findings[0].id == gone);
  CHECK(findings[0].objects == 2);
  CHECK(findings[0].bytes == 8);
  CHECK(rows_of(lab, gone) == 0);
  CHECK(rows_of(lab, live) == live_before);
  CHECK(lab.keys().size() == 2);
  CHECK(lab.keys("0/" + live + "/").size() == 2);
}

TEST_CASE("an experiment goes with everything that refers to it", "[upkeep]") {
  Lab lab;
  const std::string id = lab.experiments.create("e", "", {{"k", "v"}});
  const std::string run = lab.run(id);
  lab.put(id + "/models/m-1/artifacts/model.pkl");
  lab.put(id + "/traces/tr-1/artifacts/traces.json");
  lab.write(
      "INSERT INTO logged_models VALUES ('m-1', " + id +
      ", 'n', 'mlflow-artifacts:/1/models/m-1/artifacts', 1, 1, 2, 'active', '', NULL, NULL);"
      "INSERT INTO logged_model_tags VALUES ('m-1', 1, 'k', 'v');"
      "INSERT INTO logged_model_params VALUES ('m-1', 1, 'k', 'v');"
      "INSERT INTO logged_model_metrics VALUES ('m-1', 'k', 1, 1, 1, 1, '" +
      run +
      "', NULL, NULL, NULL);"
      "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, status) VALUES ('tr-1', 1, "
      "1, 'OK');"
      "INSERT INTO trace_tags VALUES ('mlflow.artifactLocation', "
      "'mlflow-artifacts:/1/traces/tr-1/artifacts', 'tr-1');"
      "INSERT INTO trace_request_metadata VALUES ('k', 'v', 'tr-1');"
      "INSERT INTO trace_metrics VALUES ('tr-1', 'k', 1);"
      "INSERT INTO spans (trace_id, experiment_id, span_id, status, start_time_unix_nano, content) "
      "VALUES ('tr-1', 1, 's', 'OK', 1, '{}');"
      "INSERT INTO span_metrics VALUES ('tr-1', 's', 'k', 1);"
      "INSERT INTO assessments (assessment_id, trace_id, name, assessment_type, value, "
      "created_timestamp, last_updated_timestamp, source_type, valid, is_numeric_value) VALUES "
      "('a', 'tr-1', 'n', 'feedback', '1', 1, 1, 'HUMAN', TRUE, FALSE);"
      "INSERT INTO datasets VALUES ('d', 1, 'n', 'x', 't', 's', NULL, NULL);"
      "INSERT INTO issues VALUES ('i', 1, 'n', 'd', 'open', NULL, NULL, NULL, NULL, 1, 1, NULL);"
      "INSERT INTO label_schemas VALUES ('l', 1, 'n', 't', NULL, FALSE, 'i', '{}', NULL, 1, 1, "
      "FALSE);"
      "INSERT INTO review_queues VALUES ('q', 1, 'n', 't', NULL, 1, 1, 'n');"
      "INSERT INTO review_queue_items VALUES ('q', 't', 'tr-1', 's', NULL, NULL, 1, 1);"
      "INSERT INTO review_queue_users VALUES ('q', 'u');"
      "INSERT INTO review_queue_label_schemas VALUES ('q', 'l');"
      "INSERT INTO scorers VALUES (1, 'n', 's');"
      "INSERT INTO scorer_versions VALUES ('s', 1, '{}', 1);"
      "INSERT INTO online_scoring_configs VALUES ('o', 's', 1, 1, NULL);"
      "INSERT INTO sql_trace_rollup_rebuild_queue VALUES (1, '2026-01-01', 'f');"
      "INSERT INTO entity_associations VALUES ('a', 'evaluation_dataset', 'd', 'experiment', '1', "
      "1);");
  lab.experiments.remove(id);
  const auto findings = lab.collect();
  CHECK(kinds(findings) == std::map<std::string, int>{
                               {"run", 1}, {"logged_model", 1}, {"experiment", 1}, {"total", 1}});
  CHECK(findings.back().objects == 4);
  CHECK(lab.keys().empty());
  for (const char* table : {"logged_models",
                            "logged_model_tags",
                            "logged_model_params",
                            "logged_model_metrics",
                            "trace_info",
                            "trace_tags",
                            "trace_request_metadata",
                            "trace_metrics",
                            "spans",
                            "span_metrics",
                            "assessments",
                            "datasets",
                            "issues",
                            "label_schemas",
                            "review_queues",
                            "review_queue_items",
                            "review_queue_users",
                            "review_queue_label_schemas",
                            "scorers",
                            "scorer_versions",
                            "online_scoring_configs",
                            "sql_trace_rollup_rebuild_queue",
                            "entity_associations",
                            "experiment_tags",
                            "runs",
                            "tags"}) {
    INFO(table);
    CHECK(lab.count(table) == 0);
  }
  CHECK(lab.count("experiments") == 1);                // Default
  CHECK_NOTHROW(lab.experiments.create("e", "", {}));  // its name is free again
}

TEST_CASE("an experiment with a run that was restored is kept", "[upkeep]") {
  Lab lab;
  const std::string id = lab.experiments.create("e", "", {});
  const std::string run = lab.run(id);
  lab.experiments.remove(id);
  lab.runs.restore(run);
  const auto findings = lab.collect();
  CHECK(kinds(findings) == std::map<std::string, int>{{"kept", 1}, {"total", 1}});
  CHECK(lab.keys(id + "/" + run).size() == 2);
  CHECK(lab.runs.get(run).info.lifecycle_stage == "active");
}

TEST_CASE("only what is old enough goes", "[upkeep]") {
  Lab lab;
  const std::string old = lab.run();
  const std::string young = lab.run();
  lab.runs.remove(old);
  lab.env.now += 3 * day_ms;
  lab.runs.remove(young);
  Selection selection;
  selection.older_than = "3d";
  CHECK(kinds(lab.collect(selection)) == std::map<std::string, int>{{"run", 1}, {"total", 1}});
  CHECK(lab.count("runs WHERE run_uuid = '" + young + "'") == 1);
  selection.run_ids = {young};
  CHECK_THROWS_WITH(lab.collect(selection),
                    "Run " + young +
                        " is not older than the required age. Only runs older than 3d can be "
                        "deleted.");
}

TEST_CASE("what is named and cannot go is said before anything goes", "[upkeep]") {
  Lab lab;
  const std::string live = lab.run();
  const std::string gone = lab.run();
  lab.runs.remove(gone);
  Selection selection;
  selection.run_ids = {gone, live};
  CHECK_THROWS_WITH(lab.collect(selection), Catch::Contains("not in `deleted` lifecycle stage"));
  selection.run_ids = {"ffffffffffffffffffffffffffffffff"};
  CHECK_THROWS_WITH(lab.collect(selection), Catch::Contains("not found"));
  selection = {};
  selection.experiment_ids = {"0"};
  CHECK_THROWS_WITH(lab.collect(selection),
                    "Experiments ['0'] are not in the deleted lifecycle stage. Only experiments in "
                    "the deleted lifecycle stage can be hard-deleted.");
  CHECK(lab.count("runs") == 2);
  CHECK(lab.keys().size() == 4);
}

TEST_CASE("naming one thing leaves the other deleted ones alone", "[upkeep]") {
  Lab lab;
  const std::string first = lab.run();
  const std::string second = lab.run();
  const std::string experiment = lab.experiments.create("e", "", {});
  lab.runs.remove(first);
  lab.runs.remove(second);
  lab.experiments.remove(experiment);
  Selection selection;
  selection.run_ids = {first};
  CHECK(kinds(lab.collect(selection)) == std::map<std::string, int>{{"run", 1}, {"total", 1}});
  CHECK(lab.count("runs") == 1);
  CHECK(lab.count("experiments") == 2);
}

TEST_CASE("a dry run changes nothing and counts each thing once", "[upkeep]") {
  Lab lab;
  const std::string id = lab.experiments.create("e", "", {});
  lab.run(id);
  lab.run(id);
  const std::string alone = lab.run();
  lab.experiments.remove(id);
  lab.runs.remove(alone);
  Selection selection;
  selection.dry_run = true;
  const auto told = lab.collect(selection);
  CHECK(kinds(told) == std::map<std::string, int>{{"run", 3}, {"experiment", 1}, {"total", 1}});
  CHECK(told.back().objects == 6);
  CHECK(lab.keys().size() == 6);
  CHECK(lab.count("tags WHERE key = 'sandbox.purging'") == 0);
  CHECK(kinds(lab.collect()) == kinds(told));
}

TEST_CASE("what was interrupted cannot be restored and is finished the next time", "[upkeep]") {
  Lab lab;
  const std::string experiment = lab.experiments.create("e", "", {});
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(lab.run(experiment));
  fill(lab, ids[0], 6'000);
  lab.experiments.remove(experiment);
  CHECK_THROWS(lab.collector.collect(
      {}, {}, [](const Finding&) { throw Error(Code::internal_error, "the client went away"); }));
  CHECK(lab.count("experiments") == 2);
  CHECK_THROWS_WITH(lab.experiments.restore(experiment), Catch::Contains("permanently deleted"));
  CHECK(kinds(lab.collect())["experiment"] == 1);
  CHECK(lab.count("runs") == 0);
  CHECK(lab.count("experiments") == 1);
  CHECK(lab.keys().empty());
}

TEST_CASE("a marked run stays deleted when its experiment is restored", "[upkeep]") {
  Lab lab;
  const std::string experiment = lab.experiments.create("e", "", {});
  const std::string half = lab.run(experiment);
  const std::string whole = lab.run(experiment);
  lab.experiments.remove(experiment);
  lab.write("INSERT INTO tags VALUES ('sandbox.purging', 'true', '" + half + "')");
  CHECK_THROWS_WITH(lab.runs.restore(half), Catch::Contains("permanently deleted"));
  lab.experiments.restore(experiment);
  CHECK(lab.runs.get(whole).info.lifecycle_stage == "active");
  CHECK(lab.runs.get(half).info.lifecycle_stage == "deleted");
}

TEST_CASE("a stop ends it between two slices and one runs at a time", "[upkeep]") {
  Lab lab;
  lab.runs.remove(lab.run());
  std::stop_source stop;
  stop.request_stop();
  std::vector<Finding> findings;
  lab.collector.collect({}, stop.get_token(), [&](const Finding& one) { findings.push_back(one); });
  CHECK(kinds(findings) == std::map<std::string, int>{{"total", 1}});
  CHECK(lab.count("runs") == 1);
  lab.collector.collect({}, {}, [&](const Finding& one) {
    if (one.kind != "run") return;
    std::jthread([&] { CHECK_THROWS_WITH(lab.collect(), Catch::Contains("running already")); });
  });
  CHECK(lab.count("runs") == 0);
}

TEST_CASE("files that may be another's stay and are spoken of", "[upkeep]") {
  Lab lab;
  const std::string shared = lab.run();
  const std::string elsewhere = lab.run();
  lab.put("common/model.pkl");
  lab.write("UPDATE runs SET artifact_uri = 's3://mlflow/common' WHERE run_uuid = '" + shared +
            "'; UPDATE runs SET artifact_uri = 'file:///data/" + elsewhere +
            "' WHERE run_uuid = '" + elsewhere + "'");
  lab.runs.remove(shared);
  lab.runs.remove(elsewhere);
  for (const Finding& finding : lab.collect()) {
    if (finding.id == shared) CHECK_THAT(finding.note, Catch::Contains("may be shared"));
    if (finding.id == elsewhere) CHECK_THAT(finding.note, Catch::Contains("not in this store"));
  }
  CHECK(lab.keys("common/").size() == 1);
  CHECK(lab.count("runs") == 0);
}

TEST_CASE("files without a row go when they are old, all others never", "[upkeep]") {
  Lab lab;
  const std::string live = lab.run();
  const std::string lost(32, 'a');
  lab.put("0/" + lost + "/artifacts/x");
  lab.put("7/models/m-" + lost + "/artifacts/x");
  lab.put("7/traces/tr-" + lost + "/artifacts/x");
  lab.put("0/notes.txt");
  lab.put("0/" + lost + "/other/x");
  lab.put("data/" + lost + "/artifacts/x");
  lab.put("models/x");
  lab.env.now += 2 * 3'600'000;
  const std::string young(32, 'b');
  lab.put("0/" + young + "/artifacts/x");
  const auto before = lab.keys().size();
  Selection selection;
  selection.dry_run = true;
  CHECK(kinds(lab.collect(selection)) == std::map<std::string, int>{{"orphan", 3}, {"total", 1}});
  CHECK(kinds(lab.collect()) == std::map<std::string, int>{{"total", 1}});
  CHECK(lab.keys().size() == before);
  selection.dry_run = false;
  selection.orphans = true;
  CHECK(kinds(lab.collect(selection)) == std::map<std::string, int>{{"orphan", 3}, {"total", 1}});
  CHECK(lab.keys().size() == before - 3);
  CHECK(lab.keys("0/" + live + "/").size() == 2);
  CHECK(lab.keys("0/" + young + "/").size() == 1);
}

TEST_CASE("orphans are found below an experiment's own place too", "[upkeep]") {
  Lab lab;
  lab.experiments.create("own", "s3://mlflow/team/own", {});
  lab.put("team/own/" + std::string(32, 'c') + "/artifacts/x");
  lab.env.now += 2 * 3'600'000;
  Selection selection;
  selection.orphans = true;
  CHECK(kinds(lab.collect(selection))["orphan"] == 1);
  CHECK(lab.keys().empty());
}

TEST_CASE("rows that claim files where nothing lies are named", "[upkeep]") {
  Lab lab;
  const std::string run = lab.run();
  lab.run();
  lab.write(
      "INSERT INTO logged_models VALUES ('m-1', 0, 'n', "
      "'mlflow-artifacts:/0/models/m-1/artifacts', "
      "1, 1, 2, 'active', '', NULL, NULL);"
      "INSERT INTO logged_models VALUES ('m-2', 0, 'n', "
      "'mlflow-artifacts:/0/models/m-2/artifacts', "
      "1, 1, 1, 'active', '', NULL, NULL);"
      "INSERT INTO registered_models (name, workspace) VALUES ('r', 'default');"
      "INSERT INTO model_versions (name, version, source, status, current_stage) VALUES ('r', 1, "
      "'models:/m-1', 'READY', 'None'), ('r', 2, 'runs:/" +
      run + "/a', 'READY', 'None'), ('r', 3, 'gs://b/x', 'READY', 'None')");
  const std::string bare = lab.run();
  lab.runs.set_tag(bare, "mlflow.log-model.history", "[]");
  lab.artifacts.remove(artifacts::Location{"mlflow", "0/" + bare});
  Selection selection;
  selection.dry_run = true;
  std::vector<std::string> ids;
  for (const Finding& finding : lab.collect(selection)) {
    if (finding.kind == "missing") ids.push_back(finding.id);
  }
  CHECK(ids == std::vector<std::string>{bare, "m-1", "r/1"});
}

TEST_CASE("the trash is emptied after its days, and never without them", "[upkeep]") {
  Lab lab;
  const std::string run = lab.run();
  const std::string experiment = lab.experiments.create("e", "", {});
  lab.runs.remove(run);
  lab.experiments.remove(experiment);
  Trash never(lab.collector, 0);
  Trash monthly(lab.collector, 30);
  lab.env.now += 30 * day_ms - 1;
  monthly.empty();
  CHECK(lab.count("runs") == 1);
  lab.env.now += 2;
  never.empty();
  CHECK(lab.count("runs") == 1);
  monthly.empty();
  CHECK(lab.count("runs") == 0);
  CHECK(lab.count("experiments") == 1);
  CHECK(lab.keys().empty());
}

TEST_CASE("the trash works in the background until it is stopped", "[upkeep]") {
  Lab lab;
  lab.runs.remove(lab.run());
  lab.env.now += 2 * day_ms;
  Trash daily(lab.collector, 1);
  daily.start();
  while (lab.count("runs") > 0) std::this_thread::yield();
  daily.stop();
  CHECK(lab.keys().empty());
}
