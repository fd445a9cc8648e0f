// Snapshots are files of one form whatever engine the lab has: what is in them, down to each cell,
// and the way back into PostgreSQL. Rows S0-27 and S1-3.
#include <atomic>
#include <filesystem>
#include <thread>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/db/source.h"
#include "sandbox/migrate/table_sync.h"
#include "sandbox/migrate/tables.h"
#include "sandbox/snapshots/files.h"
#include "sandbox/snapshots/restore.h"
#include "tests/support/test_database.h"
#include "tests/unit/snapshots/lab.h"

using namespace sandbox;             // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::snapshots;  // NOLINT(google-build-using-namespace)

namespace {

namespace fs = std::filesystem;
using Catch::Contains;

struct Scene {
  TemporaryDirectory directory;
  Lab lab = Lab(place("lab"), {}, open_test_database("sqlite:///" + place("lab") + "/mlflow.db"));

  [[nodiscard]] std::string place(const std::string& name) const {
    return (directory.path / name).string();
  }
  // What a snapshot of that name holds.
  [[nodiscard]] std::string file(const std::string& name) const {
    return shelf_of(lab.data_dir) + "/" + name + "/metadata.db";
  }
};

// Every kind of value that MLflow's tables have.
void add_odd_rows(db::Database& database) {
  database.write([](db::Tx& tx) {
    tx.execute(
        "INSERT INTO runs (run_uuid, experiment_id, name, status, lifecycle_stage, start_time) "
        "VALUES ('r', 0, 'Grüße, 한글 \"?\\', 'RUNNING', 'active', 9007199254740993)");
    tx.execute("INSERT INTO params (run_uuid, key, value) VALUES ('r', 'empty', '')");
    for (const bool is_nan : {true, false}) {
      for (const double value : {1.7976931348623157e308, -0.1, 5e-324, 0.0}) {
        tx.execute(
            "INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES ('r', 'm', "
            "?, 5, -3, ?)",
            value, is_nan);
      }
    }
    tx.execute("INSERT INTO tags (run_uuid, key, value) VALUES ('r', 'none', NULL)");
    tx.execute(
        "INSERT INTO evaluation_datasets (dataset_id, name, created_time, last_update_time) VALUES "
        "('d', 'set', 1, 2)");
    tx.execute(
        "INSERT INTO evaluation_dataset_records (dataset_record_id, dataset_id, inputs, "
        "created_time, last_update_time, input_hash) VALUES ('x', 'd', '{\"q\": [1, \"ü\"]}', 1, "
        "2, 'h')");
  });
}

bool is_equal(db::Database& database, const std::string& file) {
  const auto copy = db::open_source_database(file);
  for (const migrate::Table& table : migrate::mlflow_schema().tables) {
    const auto difference =
        copy->read([&](db::Tx& tx) { return migrate::TableSync(tx, database, {}).compare(table); });
    INFO(table.name << ": " << difference.first);
    CHECK(difference.is_none());
    if (!difference.is_none()) return false;
  }
  return true;
}

std::int64_t count(db::Tx& tx, const std::string& sql) {
  db::Rows rows = tx.query(sql);
  REQUIRE(rows.next());
  return rows.integer(0);
}

}  // namespace

TEST_CASE("a snapshot holds every cell of the metadata, whatever the engine", "[snapshots]") {
  Scene scene;
  add_odd_rows(*scene.lab.database);
  scene.lab.snapshots.save("s");
  REQUIRE(is_equal(*scene.lab.database, scene.file("s")));
  const auto copy = db::open_source_database(scene.file("s"));
  copy->read([](db::Tx& tx) {
    CHECK(count(tx, "SELECT COUNT(*) FROM metrics") == 8);
    CHECK(count(tx, "SELECT COUNT(*) FROM params WHERE value = ''") == 1);
    CHECK(count(tx, "SELECT COUNT(*) FROM tags WHERE value IS NULL") == 1);
    CHECK_FALSE(tx.query("SELECT * FROM pragma_foreign_key_check").next());
    CHECK(count(tx, "SELECT COUNT(*) FROM workspaces") == 1);
  });
  CHECK_FALSE(db::is_unadopted("sqlite:///" + scene.file("s")));
}

TEST_CASE("sealed bytes come into a snapshot of PostgreSQL as they are", "[snapshots]") {
  Scene scene;
  if (uri_of_test_database(*scene.lab.database).empty()) return;
  scene.lab.database->write([](db::Tx& tx) {
    tx.execute(
        "INSERT INTO secrets (secret_id, secret_name, encrypted_value, wrapped_dek, kek_version, "
        "masked_value, created_at, last_updated_at) VALUES ('s', 'key', decode('00ff7f0a', 'hex'), "
        "decode('', 'hex'), 1, '{}', 1, 1)");
  });
  scene.lab.snapshots.save("s");
  db::open_source_database(scene.file("s"))->read([](db::Tx& tx) {
    CHECK(count(tx,
                "SELECT COUNT(*) FROM secrets WHERE encrypted_value = x'00ff7f0a' AND "
                "typeof(encrypted_value) = 'blob' AND length(wrapped_dek) = 0") == 1);
  });
  const auto target = open_test_database();
  const std::string second = scene.place("second");
  fs::create_directory(second);
  CHECK_THROWS_WITH(restore({.snapshot = fs::path(scene.file("s")).parent_path().string(),
                             .data_dir = second,
                             .postgres_uri = uri_of_test_database(*target)}),
                    Contains("sealed keys"));
  CHECK(names_in(second).empty());
}

TEST_CASE("while a moment is held no process of this program commits", "[snapshots]") {
  Scene scene;
  db::Database& database = *scene.lab.database;
  const std::string uri = uri_of_test_database(database);
  const auto other =
      db::open_database(uri.empty() ? "sqlite:///" + scene.lab.data_dir + "/mlflow.db" : uri);
  std::atomic<bool> stop = false;
  std::atomic<int> written = 0;
  std::vector<std::jthread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&, i] {
      db::Database& mine = i % 2 == 0 ? database : *other;
      for (int n = 0; !stop; ++n) {
        mine.write([&](db::Tx& tx) {
          tx.execute("INSERT INTO experiment_tags (key, value, experiment_id) VALUES (?, '', 0)",
                     std::to_string(i) + "-" + std::to_string(n));
        });
        ++written;
      }
    });
  }
  const auto rows = [](db::Tx& tx) { return count(tx, "SELECT COUNT(*) FROM experiment_tags"); };
  for (int i = 0; i < 5; ++i) {
    const int before = written + 20;
    while (written < before) std::this_thread::yield();
    std::int64_t at_begin = 0;
    std::int64_t at_end = 0;
    const auto instant = database.hold([&] {
      at_begin = other->read(rows);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      at_end = other->read(rows);
    });
    CHECK(at_begin >= before);
    CHECK(at_end == at_begin);
    const int later = written + 20;
    while (written < later) std::this_thread::yield();
    CHECK(rows(instant->tx()) == at_begin);
  }
  stop = true;
}

TEST_CASE("a server that goes away in the middle leaves no snapshot, and the next one is whole",
          "[snapshots]") {
  TemporaryDirectory directory;
  const std::string place = (directory.path / "lab").string();
  std::unique_ptr<db::Database> database = open_test_database("sqlite:///" + place + "/mlflow.db");
  const std::string uri = uri_of_test_database(*database);
  if (uri.empty()) return;
  const std::string lost = GENERATE("objects copied", "metadata copied");
  const auto other = db::open_database(uri);
  const auto end_all = [&](std::string_view step) {
    if (step != lost) return;
    other->read([](db::Tx& tx) {
      tx.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
          "current_database() AND pid <> pg_backend_pid()");
    });
  };
  const Lab first(place, {}, std::move(database));
  add_odd_rows(*first.database);
  const LabFacts facts{place, "mlflow-artifacts:/", "s3://mlflow", "none"};
  SystemEnv env;
  Snapshots failing(env, *first.database, *first.objects, facts, end_all);
  CHECK_THROWS_WITH(failing.save("s"), Contains("Try again"));
  CHECK(places_of(place).empty());
  Snapshots(env, *first.database, *first.objects, facts).save("s");
  CHECK(is_equal(*first.database, shelf_of(place) + "/s/metadata.db"));
}

TEST_CASE("writers go on where one of them keeps a moment from being held", "[snapshots]") {
  Scene scene;
  if (uri_of_test_database(*scene.lab.database).empty()) return;
  const auto database = db::open_database(uri_of_test_database(*scene.lab.database));
  const auto add = [&](const std::string& key) {
    database->write([&](db::Tx& tx) {
      tx.execute("INSERT INTO experiment_tags (key, value, experiment_id) VALUES (?, '', 0)", key);
    });
  };
  std::atomic<bool> is_held = false;
  std::atomic<bool> end = false;
  std::jthread slow([&] {
    database->write([&](db::Tx&) {
      while (!end) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    });
  });
  std::jthread holder([&] { database->hold([&] { is_held = true; }); });
  for (int i = 0; i < 20; ++i) add(std::to_string(i));
  CHECK_FALSE(is_held);
  end = true;
  holder.join();
  CHECK(is_held);
}

TEST_CASE("a snapshot of either engine becomes a lab on PostgreSQL, also at a second try",
          "[snapshots]") {
  Scene scene;
  const auto target = open_test_database();
  const std::string uri = uri_of_test_database(*target);
  if (uri.empty()) return;
  const bool is_postgres = GENERATE(true, false);
  Lab lab(scene.place("first"), {},
          is_postgres ? open_test_database() : std::unique_ptr<db::Database>());
  add_odd_rows(*lab.database);
  lab.put("r/file", "content");
  lab.snapshots.save("s");
  Restoring how{.snapshot = shelf_of(lab.data_dir) + "/s",
                .data_dir = scene.place("second"),
                .postgres_uri = uri};
  fs::create_directory(how.data_dir);
  struct Killed {};
  how.crash_point = [](std::string_view step) {
    if (step == "database filled") throw Killed{};
  };
  CHECK_THROWS_AS(restore(how), Killed);
  CHECK_THROWS_WITH(refuse_unfinished(how.data_dir), Contains("began and did not end"));
  how.crash_point = {};
  restore(how);
  CHECK(is_equal(*target, how.snapshot + "/metadata.db"));
  CHECK(read_file(how.data_dir + "/mlops-sandbox.conf") == "backend-store-uri = " + uri + "\n");
  CHECK_FALSE(exists(how.data_dir + "/mlflow.db"));
  CHECK_NOTHROW(refuse_unfinished(how.data_dir));
  // Nobody's rows are overwritten.
  how.data_dir = scene.place("third");
  fs::create_directory(how.data_dir);
  CHECK_THROWS_WITH(restore(how), Contains("has a lab in it already"));
  CHECK(names_in(how.data_dir).empty());
}
