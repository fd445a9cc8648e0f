// A whole lab moves and comes back equal; places of files follow their files.
#include "sandbox/migrate/migration.h"

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/migrate/locations.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

using namespace sandbox;           // NOLINT(google-build-using-namespace): a test of this
using namespace sandbox::migrate;  // NOLINT(google-build-using-namespace): namespace

namespace {

const std::vector<ObjectMove> there{{"mlflow", "", "cluster", "lab/"}};
const std::vector<ObjectMove> back{{"cluster", "lab/", "mlflow", ""}};

struct Labs {
  TemporaryDirectory place;
  std::unique_ptr<db::Database> first = open("first.db");
  std::unique_ptr<db::Database> second =
      open_test_database("sqlite:///" + (place.path / "second.db").string());
  std::unique_ptr<db::Database> third = open("third.db");

  std::unique_ptr<db::Database> open(const std::string& name) const {
    return db::open_database("sqlite:///" + (place.path / name).string());
  }
};

void fill(db::Database& database) {
  database.write([](db::Tx& tx) {
    tx.execute(
        "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, "
        "workspace) VALUES (4, 'e', 's3://mlflow/4', 'deleted', 'default')");
    tx.execute(
        "INSERT INTO runs (run_uuid, experiment_id, lifecycle_stage, artifact_uri) VALUES ('r', 4, "
        "'deleted', 's3://mlflow/4/r/artifacts')");
    tx.execute("INSERT INTO params (key, value, run_uuid) VALUES ('p', 's3://mlflow/4', 'r')");
    for (int i = 0; i < 3'000; ++i) {
      tx.execute(
          "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES ('m', ?, 1, "
          "'r', ?, ?)",
          i * 0.1, i, i % 7 == 0);
    }
  });
}

void ignore(const std::string& /*what*/, std::int64_t /*count*/) {}

Result moved(db::Database& from, db::Database& to, const std::vector<ObjectMove>& moves) {
  Result result;
  result.tables = move_rows(from, to, moves, ignore);
  return result;
}

std::string text(db::Database& database, const std::string& sql) {
  return database.read([&](db::Tx& tx) {
    db::Rows rows = tx.query(sql);
    return rows.next() ? rows.text(0) : std::string("<none>");
  });
}

}  // namespace

TEST_CASE("places of files follow their files, others stay", "[migrate]") {
  CHECK(moved_uri("s3://mlflow/4/r/artifacts", there) == "s3://cluster/lab/4/r/artifacts");
  CHECK(moved_uri("s3://mlflow", there) == "s3://cluster/lab");
  CHECK(moved_uri("s3://mlflow-artifacts/4", there) == "s3://mlflow-artifacts/4");
  CHECK(moved_uri("mlflow-artifacts:/4/r", there) == "mlflow-artifacts:/4/r");
  CHECK(moved_uri("s3://cluster/lab/4/r", back) == "s3://mlflow/4/r");
  CHECK(moved_uri("s3://cluster/laboratory", back) == "s3://cluster/laboratory");
  CHECK(
      moved_json(
          R"({"uri": "s3://mlflow/d.csv", "a": "x \" s3://mlflow/y", "n": [1, "s3://mlflow"]})",
          there) ==
      R"({"uri": "s3://cluster/lab/d.csv", "a": "x \" s3://mlflow/y", "n": [1, "s3://cluster/lab"]})");
  CHECK(moved_json("no json \"", there) == "no json \"");
}

TEST_CASE("a lab moves, and comes back as it was", "[migrate]") {
  Labs labs;
  fill(*labs.first);
  const Result result = moved(*labs.first, *labs.second, there);
  CHECK(result.is_equal());
  CHECK(result.rows() == 3'004);  // and the workspace
  CHECK(text(*labs.second, "SELECT artifact_uri FROM runs") == "s3://cluster/lab/4/r/artifacts");
  CHECK(text(*labs.second, "SELECT artifact_location FROM experiments") == "s3://cluster/lab/4");
  CHECK(text(*labs.second, "SELECT value FROM params") == "s3://mlflow/4");
  CHECK(text(*labs.first, "SELECT artifact_uri FROM runs") == "s3://mlflow/4/r/artifacts");
  CHECK(moved(*labs.second, *labs.third, back).is_equal());
  CHECK(moved(*labs.first, *labs.third, {}).is_equal());
  CHECK(text(*labs.third, "SELECT artifact_uri FROM runs") == "s3://mlflow/4/r/artifacts");
}

TEST_CASE("what was interrupted goes on, also when the source went on meanwhile", "[migrate]") {
  Labs labs;
  fill(*labs.first);
  moved(*labs.first, *labs.second, {});
  labs.second->write([](db::Tx& tx) { tx.execute("DELETE FROM metrics WHERE step > 1000"); });
  labs.first->write([](db::Tx& tx) {
    tx.execute("DELETE FROM params");
    tx.execute("UPDATE experiments SET name = 'renamed' WHERE experiment_id = 4");
    tx.execute(
        "INSERT INTO experiments (experiment_id, name, lifecycle_stage, workspace) VALUES (5, 'e', "
        "'active', 'default')");
  });
  CHECK(moved(*labs.first, *labs.second, {}).is_equal());
  CHECK(text(*labs.second, "SELECT name FROM experiments WHERE experiment_id = 5") == "e");
}

TEST_CASE("a database in use is told from a fresh one", "[migrate]") {
  Labs labs;
  CHECK(is_unused(*labs.first));
  labs.first->write([](db::Tx& tx) {
    tx.execute(
        "INSERT INTO experiments (experiment_id, name, lifecycle_stage, workspace) VALUES (0, "
        "'Default', 'active', 'default')");
  });
  CHECK(is_unused(*labs.first));
  fill(*labs.first);
  CHECK_FALSE(is_unused(*labs.first));
}

TEST_CASE("sealed keys of the gateway are refused before anything is moved", "[migrate]") {
  Labs labs;
  CHECK_NOTHROW(check_movable(*labs.first));
  labs.first->write([](db::Tx& tx) {
    tx.script(
        "INSERT INTO secrets (secret_id, secret_name, encrypted_value, wrapped_dek, masked_value, "
        "kek_version, created_at, last_updated_at) VALUES ('s', 'n', x'00', x'00', '{}', 1, 1, 1)");
  });
  CHECK_THROWS_AS(check_movable(*labs.first), Error);
}

TEST_CASE("a row that the target refuses is named", "[migrate]") {
  Labs labs;
  labs.first->write([](db::Tx& tx) {
    tx.script("PRAGMA ignore_check_constraints = ON");
    tx.execute(
        "INSERT INTO experiments (experiment_id, name, lifecycle_stage, workspace) VALUES (4, 'e', "
        "'broken', 'default')");
  });
  CHECK_THROWS_WITH(moved(*labs.first, *labs.second, {}),
                    Catch::Contains("experiments(experiment_id=4)"));
}

TEST_CASE("the last pass writes what differs, in one transaction, and counts all", "[migrate]") {
  Labs labs;
  fill(*labs.first);
  moved(*labs.first, *labs.second, there);
  labs.first->write([](db::Tx& tx) {
    tx.execute("DELETE FROM params");
    tx.execute("UPDATE runs SET name = 'renamed'");
    tx.execute(
        "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES ('late', 1, 1, "
        "'r', 0, ?)",
        false);
  });
  const auto settled = settle_rows(*labs.first, *labs.second, there, 3, {});
  REQUIRE(settled);
  std::int64_t rows = 0;
  for (const TableResult& table : settled->tables) rows += table.left.rows;
  CHECK(rows == 3'004);
  CHECK(settled->changed == 3);
  CHECK(text(*labs.second, "SELECT name FROM runs") == "renamed");
  CHECK(text(*labs.second, "SELECT artifact_uri FROM runs") == "s3://cluster/lab/4/r/artifacts");
  CHECK(text(*labs.second, "SELECT count(*) FROM params") == "0");
  CHECK(text(*labs.second, "SELECT count(*) FROM metrics") == "3001");
  CHECK(moved(*labs.first, *labs.second, there).is_equal());
}

TEST_CASE("the last pass changes nothing when too much is left, or it is ended", "[migrate]") {
  Labs labs;
  fill(*labs.first);
  CHECK_FALSE(settle_rows(*labs.first, *labs.second, {}, 3'000, {}));
  CHECK(text(*labs.second, "SELECT count(*) FROM metrics") == "0");
  labs.first->write([](db::Tx& tx) {
    for (int i = 0; i < 3'000; ++i) {
      tx.execute(
          "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES ('n', 1, 1, "
          "'r', ?, ?)",
          i, false);
    }
  });
  const Tick end = [] { throw Error(Code::invalid_state, "over"); };
  CHECK_THROWS_WITH(settle_rows(*labs.first, *labs.second, {}, 100'000, end), "over");
  CHECK(text(*labs.second, "SELECT count(*) FROM experiments WHERE experiment_id = 4") == "0");
  CHECK(settle_rows(*labs.first, *labs.second, {}, 100'000, {}));
  CHECK(text(*labs.second, "SELECT count(*) FROM metrics") == "6000");
}

TEST_CASE("passes beside writers tell how much they found", "[migrate]") {
  Labs labs;
  fill(*labs.first);
  CHECK(copy_rows(*labs.first, *labs.second, {}, ignore) >= 3'003);
  CHECK(copy_rows(*labs.first, *labs.second, {}, ignore) == 0);
  labs.first->write([](db::Tx& tx) { tx.execute("DELETE FROM metrics WHERE step < 10"); });
  CHECK(copy_rows(*labs.first, *labs.second, {}, ignore) == 10);
}

TEST_CASE("names that changed places arrive", "[migrate]") {
  Labs labs;
  const auto name = [](db::Tx& tx, std::int64_t id, const char* text) {
    tx.execute("UPDATE experiments SET name = ? WHERE experiment_id = ?", text, id);
  };
  labs.first->write([](db::Tx& tx) {
    for (int i = 1; i <= 3; ++i) {
      tx.execute(
          "INSERT INTO experiments (experiment_id, name, lifecycle_stage, workspace) VALUES (?, ?, "
          "'active', 'default')",
          i, std::string(1, static_cast<char>('a' + i)));
    }
  });
  moved(*labs.first, *labs.second, {});
  labs.first->write([&](db::Tx& tx) {
    name(tx, 1, "x");
    name(tx, 2, "b");
    name(tx, 1, "c");
  });
  CHECK(moved(*labs.first, *labs.second, {}).is_equal());
  labs.first->write([&](db::Tx& tx) {
    name(tx, 1, "x");
    name(tx, 3, "c");
    name(tx, 1, "d");
  });
  CHECK(settle_rows(*labs.first, *labs.second, {}, 100, {}));
  CHECK(text(*labs.second, "SELECT name FROM experiments WHERE experiment_id = 3") == "c");
}
