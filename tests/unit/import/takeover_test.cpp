#include "sandbox/import/takeover.h"

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/db/source.h"
#include "sandbox/import/importer.h"
#include "sandbox/import/remote_server.h"
#include "sandbox/import/trace_columns.h"
#include "tests/support/fake_env.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

using namespace sandbox;          // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::import;  // NOLINT(google-build-using-namespace)

namespace {

std::int64_t count(db::Database& database, const std::string& rest) {
  return database.read([&](db::Tx& tx) {
    db::Rows rows = tx.query("SELECT COUNT(*) FROM " + rest);
    rows.next();
    return rows.integer(0);
  });
}

void script(db::Database& database, std::string_view sql) {
  database.write([&](db::Tx& tx) { tx.script(sql); });
}

struct Lab {
  explicit Lab(const std::string& directory)
      : objects(store::open_object_store(env, directory + "/objects")),
        database(open_test_database("sqlite:///" + directory + "/lab.db")) {
    objects->create_bucket("mlflow", "us-east-1");
  }
  Finding take(db::Database& source, bool dry_run = false) {
    notes.clear();
    const Report report = [&](const Finding& finding) {
      if (finding.kind != "progress") notes.push_back(finding);
    };
    Ledger ledger(env, report, {});
    LocalFiles files("/nowhere", "");
    Takeover({source, files.source(),
              Target{*database, *objects, {"mlflow", ""}, "mlflow-artifacts:/"}, ledger, dry_run})
        .run();
    return ledger.total();
  }
  FakeEnv env;
  std::unique_ptr<store::ObjectStore> objects;
  std::unique_ptr<db::Database> database;
  std::vector<Finding> notes;
};

}  // namespace

TEST_CASE("a database in memory spills, ends with its user and has MLflow's schema", "[import]") {
  const auto scratch = db::open_scratch_database();
  script(*scratch, "INSERT INTO experiments (experiment_id, name) VALUES (1, 'x')");
  CHECK(count(*scratch, "experiments") == 1);
  const auto other = db::open_scratch_database();
  CHECK(count(*other, "experiments") == 0);
}

TEST_CASE("columns are those that can be written, with their kinds", "[import]") {
  const auto scratch = db::open_scratch_database();
  scratch->read([](db::Tx& tx) {
    CHECK(tx.columns("nothing").empty());
    for (const db::Column& column : tx.columns("spans")) CHECK(column.name != "duration_ns");
    for (const db::Column& column : tx.columns("metrics")) {
      const bool is_text = column.name == "key" || column.name == "run_uuid";
      CHECK((column.kind == db::Value::Kind::text) == is_text);
      CHECK((column.kind == db::Value::Kind::real) == (column.name == "value"));
    }
  });
}

TEST_CASE("a source of an old revision is copied by the columns it has", "[import]") {
  const TemporaryDirectory directory;
  Lab lab(directory.path.string());
  const auto source = db::open_scratch_database();
  // As before steps, NaN marks, deletion times and workspaces.
  script(
      *source,
      "DROP TABLE metrics; DROP TABLE latest_metrics; DROP TABLE inputs; DROP TABLE logged_models;"
      "CREATE TABLE metrics (\"key\" VARCHAR(250), value FLOAT, timestamp BIGINT, run_uuid "
      "VARCHAR(32));"
      "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage) VALUES "
      "(5, 'old', 's3://elsewhere/5', 'active');"
      "INSERT INTO runs (run_uuid, status, lifecycle_stage, artifact_uri, experiment_id) VALUES "
      "('r1', 'FINISHED', 'active', 's3://elsewhere/5/r1/artifacts', 5),"
      "('r2', 'FINISHED', 'active', '', 99);"
      "INSERT INTO metrics VALUES ('m', 0.5, 1, 'r1'), ('m', 0.25, 2, 'r1')");
  const Finding total = lab.take(*source);
  CHECK(total.is_equal == true);
  CHECK(total.odd == 1);          // r2, whose experiment is gone
  CHECK(total.unreachable == 1);  // r1's files
  CHECK(count(*lab.database, "metrics WHERE step = 0 AND is_nan = FALSE") == 2);
  CHECK(count(*lab.database, "runs WHERE artifact_uri = 's3://elsewhere/5/r1/artifacts'") == 1);
  CHECK(lab.take(*source).added == 0);
}

TEST_CASE("a thing that breaks a rule of the database is told, and the others come", "[import]") {
  const TemporaryDirectory directory;
  Lab lab(directory.path.string());
  const auto source = db::open_scratch_database();
  script(
      *source,
      "DROP TABLE runs; CREATE TABLE runs (run_uuid TEXT, status TEXT, lifecycle_stage TEXT, "
      "artifact_uri TEXT, experiment_id INTEGER);"
      "INSERT INTO experiments (experiment_id, name) VALUES (1, 'x');"
      "INSERT INTO runs VALUES ('a', 'FINISHED', 'active', '', 1), ('b', 'BROKEN', 'active', '', "
      "1), ('c', 'FAILED', 'deleted', '', 1)");
  const Finding total = lab.take(*source);
  CHECK(total.odd == 1);
  CHECK(lab.notes.front().id == "b");
  CHECK(count(*lab.database, "runs") == 2);
}

TEST_CASE("a dry run writes nothing", "[import]") {
  const TemporaryDirectory directory;
  Lab lab(directory.path.string());
  const auto source = db::open_scratch_database();
  script(*source,
         "INSERT INTO experiments (experiment_id, name) VALUES (1, 'x');"
         "INSERT INTO runs (run_uuid, status, lifecycle_stage, experiment_id) VALUES ('a', "
         "'FINISHED', 'active', 1);"
         "INSERT INTO registered_models (name) VALUES ('m')");
  CHECK(lab.take(*source, true).added == 3);
  CHECK(count(*lab.database, "experiments") == 0);
  CHECK(count(*lab.database, "runs") == 0);
  CHECK(count(*lab.database, "registered_models") == 0);
}

TEST_CASE("what the lab has no use for is told", "[import]") {
  const TemporaryDirectory directory;
  Lab lab(directory.path.string());
  const auto source = db::open_scratch_database();
  script(*source, "CREATE TABLE newer (a TEXT); INSERT INTO newer VALUES ('x')");
  lab.take(*source);
  REQUIRE(lab.notes.size() == 1);
  CHECK(lab.notes[0].note ==
        "1 rows of the table newer were left out: the lab has no use for them.");
}

TEST_CASE("what older MLflow kept of a trace in tags and metrics moves to columns", "[import]") {
  const auto scratch = db::open_scratch_database();
  script(*scratch,
         "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, status) VALUES ('t', 1, "
         "77, 'OK');"
         "INSERT INTO trace_tags VALUES ('mlflow.traceName', 'work', 't'), ('k', 'v', 't');"
         "INSERT INTO trace_request_metadata VALUES ('mlflow.trace.session', 's', 't'), "
         "('mlflow.trace.tokenUsage', '{\"input_tokens\": 3, \"total_tokens\": 9}', 't'), "
         "('mlflow.trace.cost', '{\"total_cost\": 0.5}', 't'), ('m', 'n', 't');"
         "INSERT INTO trace_metrics (request_id, key, value) VALUES ('t', 'total_tokens', 10), "
         "('t', 'own', 1);"
         "INSERT INTO assessments (assessment_id, trace_id, name, assessment_type, value, "
         "created_timestamp, last_updated_timestamp, source_type, valid) VALUES ('a', 't', 'n', "
         "'feedback', '\"yes\"', 1, 1, 'HUMAN', 1)");
  scratch->write([](db::Tx& tx) { fill_trace_columns(tx); });
  CHECK(count(*scratch,
              "trace_info WHERE trace_name = 'work' AND session_id = 's' AND input_tokens = 3 AND "
              "total_tokens = 10 AND total_cost = 0.5") == 1);
  CHECK(count(*scratch, "trace_tags") == 1);
  CHECK(count(*scratch, "trace_request_metadata") == 1);
  CHECK(count(*scratch, "trace_metrics") == 1);
  CHECK(count(*scratch,
              "assessments WHERE experiment_id = 1 AND trace_timestamp_ms = 77 AND aggregate_value "
              "= 1 AND is_numeric_value = 0") == 1);
}

TEST_CASE("a server's address may hold a user and a path", "[import]") {
  const ServerAddress address = server_address("https://me:p%40w@host:8443/mlflow/", {});
  CHECK(address.peer.url == "https://host:8443");
  CHECK(address.prefix == "/mlflow");
  CHECK(address.peer.user == "me");
  CHECK(address.peer.password == "p@w");
  CHECK(server_address("http://host", {"u", "p", "t"}).peer.bearer == "t");
  CHECK_THROWS_WITH(server_address("ftp://me:secret@host", {}), !Catch::Contains("secret"));
  CHECK_THROWS_AS(server_address("http://", {}), Error);
}

TEST_CASE("a server that stops ends its import", "[import]") {
  const TemporaryDirectory directory;
  Lab lab(directory.path.string());
  Importer importer(lab.env,
                    Target{*lab.database, *lab.objects, {"mlflow", ""}, "mlflow-artifacts:/"});
  importer.stop();
  Order order;
  order.kind = "mlflow-db";
  order.source = directory.path.string() + "/source.db";
  script(*db::open_database("sqlite:///" + order.source),
         "INSERT INTO experiments (experiment_id, name) VALUES (1, 'x')");
  CHECK_THROWS_WITH(importer.run(order, {}, [](const Finding&) {}), Catch::Contains("was stopped"));
  order.kind = "other";
  CHECK_THROWS_WITH(importer.run(order, {}, [](const Finding&) {}),
                    Catch::Contains("nothing to import from"));
}
