// PostgreSQL's adapter: what an address means, which statement it makes of a room's, what it says
// of failures; and on a cluster (SANDBOX_TEST_POSTGRES) its transactions.
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/db/database.h"
#include "sandbox/db/postgres_failures.h"
#include "sandbox/db/postgres_statement.h"
#include "sandbox/db/postgres_uri.h"
#include "sandbox/db/source.h"
#include "tests/support/test_database.h"

using namespace sandbox;  // NOLINT(google-build-using-namespace): a test of this namespace

namespace {

std::string refusal(const std::string& uri) {
  try {
    db::postgres_address(uri);
  } catch (const Error& error) {
    return error.message();
  }
  return {};
}

std::string address(const std::string& uri) {
  return db::postgres_address(uri).shown();
}

std::int64_t number(db::Tx& tx, const std::string& sql) {
  db::Rows rows = tx.query(sql);
  REQUIRE(rows.next());
  return rows.integer(0);
}

void add_experiment(db::Tx& tx) {
  tx.execute(
      "INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (1, 'e', 'active')");
}

}  // namespace

TEST_CASE("a PostgreSQL URI is read as libpq reads it, with or without a driver", "[db][sqlite]") {
  CHECK(address("postgresql://u:p%40ss@db.example:6000/lab") ==
        "database 'lab' at db.example:6000 as user 'u'");
  CHECK(address("postgres://u@h/d") == "database 'd' at h:5432 as user 'u'");
  CHECK(address("postgresql+psycopg2://u@h:5433/d?sslmode=disable") ==
        "database 'd' at h:5433 as user 'u'");
  CHECK(address("postgresql+psycopg://u@/d?host=/run/here") ==
        "database 'd' at /run/here port 5432 as user 'u'");
  CHECK(address("postgresql://u@h") == "database 'u' at h:5432 as user 'u'");
  CHECK(db::postgres_address("postgresql://u:p%40ss@h/d").connection.find("password='p@ss'") !=
        std::string::npos);
  CHECK(db::postgres_address("postgresql://h/d?sslmode=require&connect_timeout=3")
            .connection.find("connect_timeout='3'") != std::string::npos);
  CHECK(db::is_postgres_uri("postgresql+psycopg2://h/d"));
  CHECK_FALSE(db::is_postgres_uri("sqlite:///postgresql"));
  CHECK_FALSE(db::is_postgres_uri("postgresql"));
}

TEST_CASE("no sentence about a URI repeats its password", "[db][sqlite]") {
  for (const std::string uri : {"postgresql://u:se@cret@h/d", "postgresql://u:se/cret@h/d",
                                "postgresql://u:se%zzcret@h/d", "postgresql://u:secret@h:port/d"}) {
    INFO(uri);
    const std::string sentence = refusal(uri);
    CHECK_THAT(sentence, Catch::Contains("%40") && !Catch::Contains("cret"));
  }
  CHECK_THAT(refusal("postgresql://u:secret@h/d?sslmod=require"),
             Catch::Contains("\"sslmod\"") && !Catch::Contains("secret"));
  CHECK(db::without_password("postgresql://u:secret@h/d") == "postgresql://u:***@h/d");
  CHECK(db::without_password("postgresql://u:se@cret@h/d?a=b") == "postgresql://u:***@h/d?a=b");
  CHECK(db::without_password("postgresql://h/d?user=u&password=secret&sslmode=allow") ==
        "postgresql://h/d?user=u&password=***&sslmode=allow");
  CHECK(db::without_password("postgresql://u@h:5432/d") == "postgresql://u@h:5432/d");
  CHECK(db::without_password("sqlite:////a:b@c") == "sqlite:////a:b@c");
}

TEST_CASE("a room's statement in PostgreSQL's words", "[db][sqlite]") {
  using Values = std::vector<db::Value>;
  CHECK(db::postgres_text("a = ? AND b = '?' AND \"c?\" > ? -- ?\n AND d REGEXP ?",
                          Values{"t", 1, "p"}) ==
        "a = $1 AND b = '?' AND \"c?\" > $2::bigint -- ?\n AND d ~ $3");
  CHECK(db::postgres_text("? ? ?", Values{0.5, true, nullptr}) ==
        "$1::double precision $2::boolean $3");
  CHECK(db::postgres_text("'it''s ?' ?", Values{"t"}) == "'it''s ?' $1");
  CHECK_THROWS_AS(db::postgres_text("? ?", Values{1}), Error);
  CHECK(db::repeat_values("INSERT INTO t (a) VALUES (?, (?), ')') ON CONFLICT DO NOTHING", 2) ==
        "INSERT INTO t (a) VALUES (?, (?), ')'), (?, (?), ')') ON CONFLICT DO NOTHING");
  CHECK(db::split_statements(" SELECT ';'; -- a;b\n\"c;d\" ;; ") ==
        std::vector<std::string>{"SELECT ';'", "-- a;b\n\"c;d\""});
  CHECK(db::ends_statement("SELECT 1; -- done"));
  CHECK_FALSE(db::ends_statement("SELECT ';"));
  CHECK_FALSE(db::ends_statement("SELECT 1; -- done\n2"));
  CHECK(db::parameter_text(0.1) == "0.1");
  CHECK(db::parameter_text(true) == "t");
  CHECK_THROWS_WITH(db::parameter_text(std::string_view("a\0b", 3)), Catch::Contains("NUL"));
}

TEST_CASE("PostgreSQL's refusals say what to do", "[db][sqlite]") {
  using Kind = db::PostgresFailure::Kind;
  const auto place = db::postgres_address("postgresql://me:secret@db.example/lab");
  const auto said = [&](const char* state, Kind kind, const char* part) {
    const auto failure = db::statement_failure(place, state, "ERROR:  words\nLINE 1", "writing");
    INFO(failure.message());
    CHECK(failure.kind() == kind);
    CHECK_THAT(failure.message(), Catch::Contains("db.example:5432") && Catch::Contains("'lab'") &&
                                      Catch::Contains("'me'") && Catch::Contains(part) &&
                                      !Catch::Contains("secret") && !Catch::Contains("LINE"));
  };
  said("40001", Kind::conflict, "Try again");
  said("40P01", Kind::conflict, "Try again");
  said("23505", Kind::collision, "words");
  said("25006", Kind::refused, "Name the primary");
  said("53100", Kind::refused, "disk of the PostgreSQL server is full");
  said("53300", Kind::unreachable, "max_connections");
  said("55P03", Kind::refused, "lock_timeout");
  said("57014", Kind::refused, "statement_timeout");
  said("57P01", Kind::unreachable, "stops or starts");
  said("42501", Kind::refused, "ALTER DATABASE \"lab\" OWNER TO \"me\";");
  const auto told = [&](const char* words, Kind kind, const char* part) {
    const auto failure = db::connection_failure(place, words);
    INFO(failure.message());
    CHECK(failure.kind() == kind);
    CHECK_THAT(failure.message(), Catch::Contains("db.example:5432") && Catch::Contains(part) &&
                                      !Catch::Contains("secret"));
  };
  told("FATAL:  password authentication failed for user \"me\"", Kind::refused, "ALTER ROLE");
  told("FATAL:  database \"lab\" does not exist", Kind::refused, "CREATE DATABASE \"lab\"");
  told("FATAL:  no pg_hba.conf entry for host \"1.2.3.4\"", Kind::refused, "pg_reload_conf");
  told("server does not support SSL, but SSL was required", Kind::refused, "sslmode=prefer");
  told("connection failed: Connection refused", Kind::unreachable, "listen_addresses");
  told("could not translate host name \"db.example\"", Kind::unreachable, "DNS");
  told("timeout expired", Kind::unreachable, "firewalls");
  told("FATAL:  the database system is starting up", Kind::unreachable, "in a moment");
  told("FATAL:  sorry, too many clients already", Kind::unreachable, "max_connections");
}

// Rows S0-27: on SQLite and PostgreSQL alike from here.
TEST_CASE("work that fails leaves nothing, whatever it did before", "[db]") {
  const auto database = open_test_database();
  database->write(add_experiment);
  CHECK_THROWS_AS(database->write([](db::Tx& tx) {
    tx.execute("INSERT INTO experiment_tags (key, value, experiment_id) VALUES ('k', 'v', 1)");
    add_experiment(tx);
  }),
                  Error);
  CHECK(database->read(
            [](db::Tx& tx) { return number(tx, "SELECT COUNT(*) FROM experiment_tags"); }) == 0);
}

TEST_CASE("an error of the database cannot be swallowed into a half-made transaction",
          "[db][postgres]") {
  if (std::getenv("SANDBOX_TEST_POSTGRES") == nullptr) return;
  const auto database = open_test_database();
  database->write(add_experiment);
  CHECK_THROWS_WITH(database->write([](db::Tx& tx) {
    tx.execute("INSERT INTO experiment_tags (key, value, experiment_id) VALUES ('k', 'v', 1)");
    try {
      tx.execute("SELECT nothing");
    } catch (const Error&) {
    }
  }),
                    Catch::Contains("nothing"));
  CHECK(database->read(
            [](db::Tx& tx) { return number(tx, "SELECT COUNT(*) FROM experiment_tags"); }) == 0);
}

TEST_CASE("a source stays at the moment it was opened, and nobody can write to it",
          "[db][postgres]") {
  const char* const cluster = std::getenv("SANDBOX_TEST_POSTGRES");
  if (cluster == nullptr) return;
  const auto database = open_test_database();
  const std::string name = database->read([](db::Tx& tx) {
    db::Rows rows = tx.query("SELECT current_database()");
    return rows.next() ? rows.text(0) : std::string();
  });
  {
    const auto source =
        db::open_source_database("postgresql://sandbox@/" + name + "?host=" + cluster);
    database->write(add_experiment);
    const auto experiments = [](db::Tx& tx) {
      return number(tx, "SELECT COUNT(*) FROM experiments");
    };
    CHECK(source->read(experiments) == 0);
    CHECK(database->read(experiments) == 1);
    CHECK_THROWS_WITH(source->write(add_experiment), Catch::Contains("only read"));
    CHECK_THROWS_WITH(source->read(add_experiment), Catch::Contains("read-only transaction"));
  }
  CHECK(database->read([](db::Tx& tx) { return number(tx, "SELECT COUNT(*) FROM experiments"); }) ==
        1);
}

TEST_CASE("whoever locks a name reads what the one before wrote", "[db]") {
  const auto database = open_test_database();
  database->write([](db::Tx& tx) {
    add_experiment(tx);
    tx.execute("INSERT INTO experiment_tags (key, value, experiment_id) VALUES ('n', '0', 1)");
  });
  std::vector<std::jthread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      for (int n = 0; n < 10; ++n) {
        database->write([](db::Tx& tx) {
          tx.lock("counter");
          const std::int64_t seen =
              number(tx, "SELECT CAST(value AS INTEGER) FROM experiment_tags WHERE key = 'n'");
          tx.execute("UPDATE experiment_tags SET value = ? WHERE key = 'n'",
                     std::to_string(seen + 1));
        });
      }
    });
  }
  callers.clear();
  CHECK(database->read([](db::Tx& tx) {
    return number(tx, "SELECT CAST(value AS INTEGER) FROM experiment_tags WHERE key = 'n'");
  }) == 80);
}

TEST_CASE("work that collides with another's runs again and sees it", "[db]") {
  const auto database = open_test_database();
  database->write(add_experiment);
  std::atomic<int> made = 0;
  std::atomic<int> seen = 0;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 8; ++i) {
      callers.emplace_back([&] {
        const bool is_there = database->write([](db::Tx& tx) {
          if (tx.query("SELECT 1 FROM experiment_tags WHERE key = 'k'").next()) return true;
          tx.execute("INSERT INTO experiment_tags (key, value, experiment_id) VALUES ('k', '', 1)");
          return false;
        });
        ++(is_there ? seen : made);
      });
    }
  }
  CHECK(made == 1);
  CHECK(seen == 7);
}

TEST_CASE("two that wait for each other both get through", "[db]") {
  const auto database = open_test_database();
  database->write(add_experiment);
  std::vector<std::jthread> callers;
  for (int i = 0; i < 2; ++i) {
    callers.emplace_back([&, i] {
      database->write([&](db::Tx& tx) {
        tx.lock(i == 0 ? "one" : "two");
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        tx.lock(i == 0 ? "two" : "one");
        tx.execute("INSERT INTO experiment_tags (key, value, experiment_id) VALUES (?, '', 1)",
                   std::to_string(i));
      });
    });
  }
  callers.clear();
  CHECK(database->read(
            [](db::Tx& tx) { return number(tx, "SELECT COUNT(*) FROM experiment_tags"); }) == 2);
}

TEST_CASE("many rows go at once and count as many", "[db]") {
  const auto database = open_test_database();
  database->write(add_experiment);
  std::vector<std::string> keys;
  for (int i = 0; i < 1'077; ++i) keys.push_back("key " + std::to_string(i));
  std::vector<std::vector<db::Value>> rows;
  for (const std::string& key : keys) rows.push_back({key, "v", 1});
  constexpr const char* insert =
      "INSERT INTO experiment_tags (key, value, experiment_id) VALUES (?, ?, ?) ON CONFLICT DO "
      "NOTHING";
  CHECK(database->write([&](db::Tx& tx) { return tx.execute_many(insert, rows); }) == 1'077);
  CHECK(database->write([&](db::Tx& tx) { return tx.execute_many(insert, rows); }) == 0);
  CHECK(database->write([&](db::Tx& tx) { return tx.execute_many(insert, {}); }) == 0);
}

TEST_CASE("a long answer comes whole and in order", "[db]") {
  const auto database = open_test_database();
  database->read([](db::Tx& tx) {
    constexpr const char* numbers =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM "
        "n";
    std::int64_t last = 0;
    for (db::Rows rows = tx.query_long(numbers, 25'000); rows.next();) {
      REQUIRE(rows.integer(0) == ++last);
      // Other statements may run between two rows.
      if (last % 9'000 == 0) REQUIRE(tx.query("SELECT 1").next());
    }
    CHECK(last == 25'000);
    CHECK_FALSE(tx.query_long(numbers + std::string(" WHERE i < 0"), 3).next());
  });
}

TEST_CASE("large rows of a long answer come whole and in order, in smaller pieces", "[db]") {
  const auto database = open_test_database();
  const std::string large(100'000, 'x');
  database->read([&](db::Tx& tx) {
    constexpr const char* rows_of_text =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i, "
        "CASE WHEN i > 400 THEN CAST(? AS TEXT) ELSE '' END FROM n";
    std::int64_t last = 0;
    for (db::Rows rows = tx.query_long(rows_of_text, 900, large); rows.next();) {
      REQUIRE(rows.integer(0) == ++last);
      REQUIRE(rows.view(1) == (last > 400 ? large : ""));
    }
    CHECK(last == 900);
  });
}

TEST_CASE("values come back as they were", "[db]") {
  const auto database = open_test_database();
  database->read([](db::Tx& tx) {
    db::Rows rows = tx.query(
        "SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS DOUBLE PRECISION), "
        "? = TRUE",
        "Grüße, 한글 \\ ' \" ?", "", std::int64_t{9'007'199'254'740'993}, 1.7976931348623157e308,
        true);
    REQUIRE(rows.next());
    CHECK(rows.text(0) == "Grüße, 한글 \\ ' \" ?");
    CHECK(rows.maybe_text(1) == "");
    CHECK(rows.integer(2) == 9'007'199'254'740'993);
    CHECK(rows.real(3) == 1.7976931348623157e308);
    CHECK(rows.integer(4) == 1);
    CHECK(rows.text(4) == "1");
  });
}
