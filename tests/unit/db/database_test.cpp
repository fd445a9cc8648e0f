#include "sandbox/db/database.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "tests/support/temporary_directory.h"

using namespace sandbox;  // NOLINT(google-build-using-namespace): a test of this namespace

namespace {

std::string uri_in(const TemporaryDirectory& directory) {
  return "sqlite:///" + (directory.path / "mlflow.db").string();
}

std::int64_t count(db::Tx& tx, const std::string& table) {
  db::Rows rows = tx.query("SELECT COUNT(*) FROM " + table);
  rows.next();
  return rows.integer(0);
}

void add_tag(db::Tx& tx, const std::string& key) {
  tx.execute("INSERT INTO experiment_tags (key, value, experiment_id) VALUES (?, 'v', 1)", key);
}

void add_experiment(db::Tx& tx) {
  tx.execute(
      "INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (1, 'e', 'active')");
}

}  // namespace

TEST_CASE("a fresh database has MLflow's schema and survives reopening", "[db][sqlite]") {
  const TemporaryDirectory directory;
  db::open_database(uri_in(directory))->write(add_experiment);
  const auto again = db::open_database(uri_in(directory));
  CHECK(again->read([](db::Tx& tx) { return count(tx, "experiments"); }) == 1);
  CHECK(again->read([](db::Tx& tx) { return count(tx, "alembic_version"); }) == 1);
}

TEST_CASE("an exception undoes its own work and nobody else's", "[db][sqlite]") {
  const TemporaryDirectory directory;
  const auto database = db::open_database(uri_in(directory));
  database->write(add_experiment);
  std::atomic<int> refused = 0;
  std::vector<std::jthread> callers;
  for (int i = 0; i < 16; ++i) {
    callers.emplace_back([&, i] {
      try {
        database->write([&](db::Tx& tx) {
          add_tag(tx, "tag-" + std::to_string(i));
          if (i % 2 == 1) throw Error(Code::invalid_parameter_value, "no");
        });
      } catch (const Error&) {
        ++refused;
      }
    });
  }
  callers.clear();
  CHECK(refused == 8);
  CHECK(database->read([](db::Tx& tx) { return count(tx, "experiment_tags"); }) == 8);
}

TEST_CASE("who shares a commit with one that fills the disk is told of the disk", "[db][sqlite]") {
  constexpr int callers_count = 16;
  const TemporaryDirectory directory;
  const auto database = db::open_database(uri_in(directory));
  database->write(add_experiment);
  // A limit of as many pages as there are: SQLite answers what it answers on a full disk.
  database->write([](db::Tx& tx) { tx.script("PRAGMA max_page_count = 1"); });
  std::atomic<int> kept = 0;
  std::atomic<int> started = 0;
  bool is_queued = false;  // one at a time writes
  std::mutex mutex;
  std::vector<std::string> told;
  std::vector<std::jthread> callers;
  for (int i = 0; i < callers_count; ++i) {
    callers.emplace_back([&, i] {
      ++started;
      try {
        database->write([&](db::Tx& tx) {
          while (started < callers_count) std::this_thread::yield();
          // Time for all to stand in the queue behind the first.
          if (!std::exchange(is_queued, true)) {
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
          }
          add_tag(tx, std::to_string(i) + (i % 2 == 1 ? std::string(1 << 20, 'x') : ""));
        });
        ++kept;
      } catch (const Error& error) {
        const std::lock_guard lock(mutex);
        told.emplace_back(error.what());
      }
    });
  }
  callers.clear();
  CHECK(told.size() >= callers_count / 2);
  for (const std::string& each : told) CHECK_THAT(each, Catch::Contains("Free some disk space"));
  CHECK(database->read([](db::Tx& tx) { return count(tx, "experiment_tags"); }) == kept);
  database->write([](db::Tx& tx) { tx.script("PRAGMA max_page_count = 1000000"); });
  database->write([](db::Tx& tx) { add_tag(tx, std::string(1 << 20, 'x')); });
}

TEST_CASE("callers that write again and again read what they were told is written", "[db]") {
  constexpr int callers_count = 8;
  constexpr int writes_each = 40;
  const TemporaryDirectory directory;
  const auto database = db::open_database(uri_in(directory));
  database->write(add_experiment);
  std::atomic<int> missed = 0;
  std::vector<std::jthread> callers;
  for (int caller = 0; caller < callers_count; ++caller) {
    callers.emplace_back([&, caller] {
      const std::string mine = "of-" + std::to_string(caller) + "-";
      for (int i = 1; i <= writes_each; ++i) {
        database->write([&](db::Tx& tx) { add_tag(tx, mine + std::to_string(i)); });
        database->read([&](db::Tx& tx) {
          auto rows = tx.query("SELECT count(*) FROM experiment_tags WHERE key LIKE ?", mine + "%");
          rows.next();
          if (rows.integer(0) != i) ++missed;
        });
      }
    });
  }
  callers.clear();
  CHECK(missed == 0);
  CHECK(database->read([](db::Tx& tx) { return count(tx, "experiment_tags"); }) ==
        callers_count * writes_each);
}

TEST_CASE("a reader keeps its snapshot and never waits for the writer", "[db][sqlite]") {
  const TemporaryDirectory directory;
  const auto database = db::open_database(uri_in(directory));
  database->write(add_experiment);
  database->read([&](db::Tx& tx) {
    CHECK(count(tx, "experiment_tags") == 0);
    std::jthread([&] { database->write([](db::Tx& other) { add_tag(other, "late"); }); }).join();
    CHECK(count(tx, "experiment_tags") == 0);
  });
  CHECK(database->read([](db::Tx& tx) { return count(tx, "experiment_tags"); }) == 1);
}

TEST_CASE("a reader cannot write", "[db][sqlite]") {
  const TemporaryDirectory directory;
  const auto database = db::open_database(uri_in(directory));
  CHECK_THROWS_AS(database->read(add_experiment), Error);
}

TEST_CASE("a broken constraint is an error of its caller alone", "[db][sqlite]") {
  const auto database = db::open_database("sqlite://");
  database->write(add_experiment);
  CHECK_THROWS_AS(database->write(add_experiment), Error);
  CHECK(database->read([](db::Tx& tx) { return count(tx, "experiments"); }) == 1);
}

TEST_CASE("databases of others, other revisions and other kinds are refused", "[db][sqlite]") {
  const TemporaryDirectory directory;
  db::open_database(uri_in(directory))->write([](db::Tx& tx) {
    tx.execute("UPDATE alembic_version SET version_num = 'acf3f17fdcc7'");
  });
  CHECK_THROWS_WITH(
      db::open_database(uri_in(directory)),
      Catch::Contains("mlflow db upgrade") && Catch::Contains("use a newer release of this"));
  CHECK_THROWS_WITH(db::open_database("mysql://u:secret@h/d"),
                    Catch::Contains("'mysql' is not supported") && !Catch::Contains("secret"));
}

TEST_CASE("the same statement may run inside itself", "[db][sqlite]") {
  const auto database = db::open_database("sqlite://");
  const int seen = database->read([](db::Tx& tx) {
    int rows = 0;
    constexpr const char* two = "SELECT 1 UNION SELECT 2";
    for (db::Rows outer = tx.query(two); outer.next();) {
      for (db::Rows inner = tx.query(two); inner.next();) ++rows;
    }
    return rows;
  });
  CHECK(seen == 4);
}

TEST_CASE("REGEXP searches in the text, and a broken pattern finds nothing", "[db][sqlite]") {
  const auto database = db::open_database("sqlite://");
  const auto matches = [&](const char* text, const char* pattern) {
    return database->read([&](db::Tx& tx) {
      db::Rows rows = tx.query("SELECT ? REGEXP ?", text, pattern);
      rows.next();
      return rows.integer(0) == 1;
    });
  };
  CHECK(matches("abc", "b"));
  CHECK(matches("abc", "^a.c$"));
  CHECK(!matches("abc", "^b"));
  CHECK(matches("한글", "^.글$"));
  CHECK(!matches("abc", "("));
  // A pattern that makes other engines try for ever.
  CHECK(!matches(std::string(5000, 'a').append("!").c_str(), "^(a+)+$"));
}
