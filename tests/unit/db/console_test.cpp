#include "sandbox/db/console.h"

#include <filesystem>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/db/database.h"
#include "tests/support/fake_env.h"
#include "tests/support/temporary_directory.h"

using namespace sandbox;  // NOLINT(google-build-using-namespace): a test of this namespace

namespace {

// Writes answers down as text.
class Notes final : public db::ConsoleReader {
 public:
  void begin(const std::string& title, const std::vector<db::ConsoleColumn>& columns) override {
    text += title.empty() ? "" : title + ": ";
    for (const auto& column : columns) text += column.name + " ";
    text += "\n";
  }
  void row(const std::vector<db::ConsoleCell>& cells) override {
    for (const auto& cell : cells) {
      text += cell.kind == db::ConsoleCell::Kind::null ? "NULL " : std::string(cell.text) + " ";
    }
    text += "\n";
    if (on_row) on_row();
  }
  void end() override { text += "end\n"; }
  void note(const std::string& line) override { text += line + "\n"; }

  std::string text;
  std::function<void()> on_row;
};

struct Fixture {
  FakeEnv env;
  TemporaryDirectory directory;
  std::string uri = "sqlite:///" + (directory.path / "mlflow.db").string();
  std::unique_ptr<db::Database> database = db::open_database(uri);
  std::unique_ptr<db::Console> console = db::open_console(env, uri, 10'000);

  std::string ask(const std::string& sql) const {
    Notes notes;
    console->run(sql, notes);
    return notes.text;
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "it answers statement after statement", "[db][sqlite]") {
  CHECK(ask("SELECT 1 AS a, 'x' AS b, NULL AS c; -- more\n SELECT name FROM workspaces;") ==
        "a b c \n1 x NULL \nend\nname \ndefault \nend\n");
  CHECK(ask("SELECT 1 AS a WHERE 0") == "a \nend\n");
  CHECK(ask(" ; ;") == "");
}

TEST_CASE_METHOD(Fixture,
                 "it sees what a server writes beside it, and never writes",
                 "[db][sqlite]") {
  database->write([](db::Tx& tx) { tx.execute("INSERT INTO workspaces (name) VALUES ('later')"); });
  CHECK(ask("SELECT COUNT(*) AS n FROM workspaces") == "n \n2 \nend\n");
  const std::string other = (directory.path / "other.db").string();
  for (const std::string& wrong :
       {std::string("DELETE FROM workspaces"),
        std::string("INSERT INTO workspaces VALUES ('x')"),
        std::string("UPDATE workspaces SET name = 'x'"),
        std::string("UPDATE sqlite_master SET sql = ''"),
        std::string("DROP TABLE runs"),
        std::string("CREATE TABLE x (a)"),
        std::string("CREATE TEMP TABLE x (a)"),
        std::string("BEGIN"),
        std::string("BEGIN IMMEDIATE"),
        std::string("SAVEPOINT x"),
        std::string("PRAGMA journal_mode = DELETE"),
        std::string("PRAGMA query_only = OFF"),
        std::string("PRAGMA user_version = 4"),
        std::string("PRAGMA wal_checkpoint(TRUNCATE)"),
        std::string("PRAGMA writable_schema = ON"),
        std::string("VACUUM"),
        std::string("REINDEX"),
        std::string("ANALYZE"),
        "VACUUM INTO '" + other + "'",
        "ATTACH '" + other + "' AS x",
        std::string("WITH a AS (SELECT 1) INSERT INTO workspaces SELECT 'y', 'z'"),
        std::string("SELECT load_extension('x')"),
        std::string("EXPLAIN DELETE FROM workspaces")}) {
    INFO(wrong);
    CHECK_THROWS_AS(ask(wrong), Error);
  }
  CHECK(ask("SELECT COUNT(*) AS n FROM workspaces") == "n \n2 \nend\n");
  CHECK_FALSE(std::filesystem::exists(other));
  CHECK_THROWS_WITH(ask("DELETE FROM runs"), Catch::Contains("only reads"));
}

TEST_CASE_METHOD(Fixture, "errors are the database's own sentences", "[db][sqlite]") {
  CHECK_THROWS_WITH(ask("SELECT * FROM nope"), "no such table: nope");
  CHECK_THROWS_WITH(ask("SELEC 1"), "near \"SELEC\": syntax error");
}

TEST_CASE_METHOD(Fixture,
                 "a statement ends at its time and when it is interrupted",
                 "[db][sqlite]") {
  const std::string endless =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
  Notes notes;
  notes.on_row = [&] { env.now += 1'000; };
  CHECK_THROWS_WITH(console->run(endless, notes), Catch::Contains("longer than 10 s"));
  notes.on_row = [&] { console->interrupt(); };
  CHECK_THROWS_WITH(console->run(endless, notes), "canceled");
  CHECK(ask("SELECT 1 AS a") == "a \n1 \nend\n");
}

TEST_CASE_METHOD(Fixture, "a statement is whole at its semicolon", "[db][sqlite]") {
  CHECK(console->is_whole("SELECT 1;\n"));
  CHECK_FALSE(console->is_whole("SELECT 1\n"));
  CHECK_FALSE(console->is_whole("SELECT ';\n"));
  CHECK_FALSE(console->is_whole("SELECT 1 -- ;\n"));
}

TEST_CASE_METHOD(Fixture, "it lists the database, its tables and a table's parts", "[db][sqlite]") {
  Notes notes;
  console->databases(notes);
  CHECK_THAT(notes.text,
             Catch::StartsWith("List of databases: Name") && Catch::Contains("\nmlflow SQLite"));
  notes.text.clear();
  console->tables(notes);
  CHECK_THAT(notes.text, Catch::Contains("main workspaces table 1 \n") &&
                             Catch::Contains("main latest_metrics table 0 \n"));
  notes.text.clear();
  console->describe("latest_metrics", notes);
  CHECK_THAT(notes.text, Catch::Contains("step bigint not null") &&
                             Catch::Contains("PRIMARY KEY, (key, run_uuid)") &&
                             Catch::Contains("FOREIGN KEY (run_uuid) REFERENCES runs(run_uuid)"));
  CHECK_THROWS_WITH(console->describe("nope", notes), Catch::Contains("Did not find any table"));
}

TEST_CASE("a database that is not there is not made", "[db][sqlite]") {
  FakeEnv env;
  const TemporaryDirectory directory;
  const std::string file = (directory.path / "no.db").string();
  CHECK_THROWS_WITH(db::open_console(env, "sqlite:///" + file, 0), Catch::Contains("There is no"));
  CHECK_FALSE(std::filesystem::exists(file));
  CHECK_THROWS_WITH(db::open_console(env, "mysql://u:secret@h/d", 0),
                    Catch::Contains("mysql") && !Catch::Contains("secret"));
}
