// A table becomes equal to another whatever it held before, in the order of bytes, with every value
// SQL has, and what differs is told.
#include "sandbox/migrate/table_sync.h"

#include <catch2/catch.hpp>

#include "sandbox/migrate/tables.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

using namespace sandbox;           // NOLINT(google-build-using-namespace): a test of this
using namespace sandbox::migrate;  // NOLINT(google-build-using-namespace): namespace

namespace {

struct Pair {
  TemporaryDirectory place;
  std::unique_ptr<db::Database> source = open("source.db");
  std::unique_ptr<db::Database> target =
      open_test_database("sqlite:///" + (place.path / "target.db").string());
  Schema schema = mlflow_schema();

  std::unique_ptr<db::Database> open(const std::string& name) const {
    return db::open_database("sqlite:///" + (place.path / name).string());
  }
  const Table& table(const std::string& name) const {
    for (const Table& one : schema.tables) {
      if (one.name == name) return one;
    }
    throw std::out_of_range(name);
  }
  Difference write(const std::string& name) {
    return source->read(
        [&](db::Tx& tx) { return TableSync(tx, *target, {}).write(table(name), {}); });
  }
  Difference compare(const std::string& name) {
    return source->read(
        [&](db::Tx& tx) { return TableSync(tx, *target, {}).compare(table(name)); });
  }
  std::int64_t make_room(const std::string& name) {
    return source->read(
        [&](db::Tx& tx) { return TableSync(tx, *target, {}).make_room(table(name)); });
  }
};

void add_experiment(db::Database& database, std::int64_t id, const std::string& name) {
  database.write([&](db::Tx& tx) {
    tx.execute(
        "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, "
        "creation_time, last_update_time, workspace) VALUES (?, ?, 's3://mlflow/1', 'active', 5, "
        "6, "
        "'default')",
        id, name);
  });
}

void add_tag(db::Database& database, std::int64_t id, const std::string& key, const char* value) {
  database.write([&](db::Tx& tx) {
    tx.execute("INSERT INTO experiment_tags (experiment_id, key, value) VALUES (?, ?, ?)", id, key,
               value == nullptr ? db::Value(nullptr) : db::Value(value));
  });
}

}  // namespace

TEST_CASE("every table comes after those it refers to", "[migrate]") {
  const Schema schema = mlflow_schema();
  std::vector<std::string> names;
  for (const Table& table : schema.tables) {
    names.push_back(table.name);
    CHECK_FALSE(table.key.empty());
  }
  const auto at = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) - names.begin();
  };
  CHECK(at("experiments") < at("runs"));
  CHECK(at("runs") < at("metrics"));
  CHECK(at("registered_models") < at("model_versions"));
  CHECK(at("trace_info") < at("spans"));
  CHECK(at("alembic_version") == std::ssize(names));
  CHECK(schema.unmoved == std::vector<std::string>{"secrets"});
}

TEST_CASE("names that no two rows may have are known", "[migrate]") {
  const Pair pair;
  const Table& experiments = pair.table("experiments");
  REQUIRE(experiments.unique);
  CHECK(experiments.columns[*experiments.unique].name == "name");
  CHECK_FALSE(pair.table("metrics").unique);
}

TEST_CASE("computed columns are not written", "[migrate]") {
  const Pair pair;
  CHECK_THROWS_AS(pair.table("spans").position("duration_ns"), std::out_of_range);
}

TEST_CASE("a table becomes equal to another, whatever it held", "[migrate]") {
  Pair pair;
  add_experiment(*pair.source, 1, "one");
  add_experiment(*pair.source, 2, "zwei – 둘");
  add_experiment(*pair.target, 1, "another name");
  add_experiment(*pair.target, 7, "surplus");
  CHECK(pair.compare("experiments").missing == 1);
  CHECK(pair.compare("experiments").different == 1);
  CHECK(pair.compare("experiments").surplus == 1);
  CHECK(pair.compare("experiments").first == "experiments(experiment_id=1)");
  CHECK(pair.make_room("experiments") == 1);
  pair.write("experiments");
  CHECK(pair.compare("experiments").is_none());
  CHECK(pair.compare("experiments").rows == 2);
}

TEST_CASE("keys meet in the order of their bytes, with capitals and other scripts", "[migrate]") {
  Pair pair;
  add_experiment(*pair.source, 1, "one");
  add_experiment(*pair.target, 1, "one");
  for (const char* key : {"b", "B", "a", "", "ä", "Z", "한글", "z z", "a.b", "a-b", "a_b"}) {
    add_tag(*pair.source, 1, key, key);
  }
  add_tag(*pair.target, 1, "B", "old");
  add_tag(*pair.target, 1, "한", "surplus");
  CHECK(pair.make_room("experiment_tags") == 1);
  CHECK(pair.write("experiment_tags").missing == 10);
  CHECK(pair.compare("experiment_tags").is_none());
}

TEST_CASE("NULL, empty text and great numbers stay what they are", "[migrate]") {
  Pair pair;
  add_experiment(*pair.source, 1, "one");
  add_tag(*pair.source, 1, "null", nullptr);
  add_tag(*pair.source, 1, "empty", "");
  pair.source->write([](db::Tx& tx) {
    tx.execute("INSERT INTO runs (run_uuid, experiment_id, start_time) VALUES ('r', 1, ?)",
               std::int64_t{9'007'199'254'740'993});
    for (const double value : {1.7976931348623157e308, -0.1, 5e-324, 1.0 / 3}) {
      tx.execute(
          "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES ('m', ?, 1, "
          "'r', 0, ?)",
          value, false);
    }
    tx.execute(
        "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES ('m', 0, 1, "
        "'r', "
        "0, ?)",
        true);
  });
  for (const char* name : {"experiments", "experiment_tags", "runs", "metrics"}) {
    pair.write(name);
    INFO(name);
    CHECK(pair.compare(name).is_none());
  }
  CHECK(pair.compare("metrics").rows == 5);
  pair.target->read([](db::Tx& tx) {
    db::Rows rows = tx.query("SELECT value FROM experiment_tags ORDER BY key");
    CHECK(rows.next());
    CHECK_FALSE(rows.is_null(0));
    CHECK(rows.next());
    CHECK(rows.is_null(0));
  });
}

TEST_CASE("more rows than one batch arrive", "[migrate]") {
  Pair pair;
  add_experiment(*pair.source, 1, "one");
  pair.source->write([](db::Tx& tx) {
    for (int i = 0; i < 5'001; ++i) {
      tx.execute("INSERT INTO runs (run_uuid, experiment_id) VALUES (?, 1)", std::to_string(i));
    }
  });
  pair.write("experiments");
  CHECK(pair.write("runs").missing == 5'001);
  CHECK(pair.compare("runs").is_none());
  CHECK(pair.write("runs").is_none());
}
