#include "sandbox/db/source.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <mutex>

#include <stdlib.h>

#include "sandbox/base/error.h"
#include "sandbox/db/migrations/mlflow_schema.h"
#include "sandbox/db/postgres_connection.h"
#include "sandbox/db/sqlite.h"

namespace sandbox::db {
namespace {

namespace fs = std::filesystem;

// A directory that goes with what was copied into it.
class OwnDirectory {
 public:
  OwnDirectory() {
    std::string pattern = (fs::temp_directory_path() / "mlops-sandbox-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
      throw Error(Code::invalid_state, "No temporary directory can be made in " +
                                           fs::temp_directory_path().string() +
                                           ". Set TMPDIR to one that can be written.");
    }
    path = pattern;
  }
  ~OwnDirectory() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  OwnDirectory(const OwnDirectory&) = delete;
  OwnDirectory& operator=(const OwnDirectory&) = delete;
  fs::path path;
};

class OneConnection final : public Database {
 public:
  explicit OneConnection(std::unique_ptr<SqliteConnection> connection,
                         std::unique_ptr<OwnDirectory> directory = nullptr)
      : directory_(std::move(directory)), connection_(std::move(connection)) {}

  void write_work(const std::function<void(Tx&)>& work) override { in_transaction(work, "COMMIT"); }
  void read_work(const std::function<void(Tx&)>& work) override {
    in_transaction(work, "ROLLBACK");
  }

 private:
  void in_transaction(const std::function<void(Tx&)>& work, std::string_view end) {
    const std::lock_guard one(mutex_);
    connection_->execute_values("BEGIN", {});
    try {
      work(*connection_);
    } catch (...) {
      connection_->execute_values("ROLLBACK", {});
      throw;
    }
    connection_->execute_values(end, {});
  }

  std::unique_ptr<OwnDirectory> directory_;  // outlives the connection to what lies in it
  std::mutex mutex_;                         // guards connection_
  std::unique_ptr<SqliteConnection> connection_;
};

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

bool has_bytes(const fs::path& file) {
  std::error_code absent;
  return fs::file_size(file, absent) > 0 && !absent;
}

// Whether the header says that changes go to a write-ahead log. Throws for what is no SQLite file.
bool is_logged(const fs::path& file) {
  constexpr std::string_view magic("SQLite format 3\0", 16);
  constexpr std::size_t write_version = 18;
  std::error_code failure;
  const auto status = fs::status(file, failure);
  if (!fs::exists(status)) {
    refuse("There is no file '" + file.string() +
           "'. Name the SQLite file of the other server, e.g. /home/me/mlflow.db.");
  }
  if (!fs::is_regular_file(status)) {
    refuse("'" + file.string() +
           "' is no file. Name the SQLite file itself; a directory of an "
           "MLflow without a database is imported with `import mlruns`.");
  }
  std::array<char, 20> head{};
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    refuse("'" + file.string() +
           "' cannot be read. Give the user that runs the lab the right to "
           "read it, or import a copy.");
  }
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  if (in.gcount() < static_cast<std::streamsize>(head.size()) ||
      std::string_view(head.data(), magic.size()) != magic) {
    refuse("'" + file.string() +
           "' is no SQLite database. Name the file that the other server's "
           "--backend-store-uri names.");
  }
  return head[write_version] == 2;
}

// A log without the index that its writers share: reading it makes that index, so a copy is read.
std::unique_ptr<Database> open_copy(const fs::path& file) {
  auto directory = std::make_unique<OwnDirectory>();
  const fs::path copy = directory->path / "source.db";
  std::error_code failure;
  for (const char* ending : {"", "-wal"}) {
    fs::copy_file(file.string() + ending, copy.string() + ending, failure);
    if (failure) {
      refuse("'" + file.string() + "' has a write-ahead log and cannot be copied to " +
             directory->path.string() + " to be read: " + failure.message() +
             ". Set TMPDIR to a directory with room for it.");
    }
  }
  auto connection = std::make_unique<SqliteConnection>(copy.string(), false);
  return std::make_unique<OneConnection>(std::move(connection), std::move(directory));
}

std::unique_ptr<Database> open_sqlite_source(const std::string& name) {
  const fs::path file = fs::absolute(name);
  const bool logged = is_logged(file);
  if (!has_bytes(file.string() + "-wal")) {
    const auto foreign =
        logged ? SqliteConnection::Foreign::frozen : SqliteConnection::Foreign::shared;
    return std::make_unique<OneConnection>(
        std::make_unique<SqliteConnection>(file.string(), foreign));
  }
  std::error_code absent;
  if (!fs::exists(file.string() + "-shm", absent)) return open_copy(file);
  return std::make_unique<OneConnection>(
      std::make_unique<SqliteConnection>(file.string(), SqliteConnection::Foreign::shared));
}

// A PostgreSQL database at the moment it was opened.
class PostgresMoment final : public Database {
 public:
  explicit PostgresMoment(PostgresAddress address)
      : address_(std::move(address)), connection_(address_, PostgresConnection::Use::foreign) {
    connection_.begin_read();
    // It may be idle for as long as a large file takes.
    connection_.script(
        "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = 0");
    need_readable_tables();
  }

  void write_work(const std::function<void(Tx&)>& /*work*/) override {
    throw Error(Code::internal_error, "PostgreSQL's " + address_.shown() + " is only read.");
  }
  void read_work(const std::function<void(Tx&)>& work) override {
    const std::lock_guard one(mutex_);
    try {
      work(connection_);
    } catch (const PostgresFailure& failure) {
      // Work that writes elsewhere may have met another database's failure.
      if (!connection_.has_failed()) throw;
      // The moment is gone with the transaction. A plain Error, so that another database whose work
      // reads from here does not take the failure for its own and try again.
      throw Error(Code::temporarily_unavailable, failure.message());
    }
  }

 private:
  void need_readable_tables() {
    std::string closed;
    {
      Rows rows = connection_.query("SELECT current_schema()");
      if (rows.next() && rows.is_null(0)) closed = "the schema public";
    }
    if (closed.empty()) {
      Rows rows = connection_.query(
          "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
          "n.nspname = current_schema() AND c.relkind = 'r' AND NOT has_table_privilege(c.oid, "
          "'SELECT') ORDER BY c.relname LIMIT 1");
      if (rows.next()) closed = "the table " + rows.text(0);
    }
    if (closed.empty()) return;
    refuse("PostgreSQL's " + address_.shown() + " does not let this user read " + closed +
           ". Name its owner, or as its administrator, connected to that database, type: GRANT "
           "USAGE ON SCHEMA public TO \"" +
           address_.user + "\"; GRANT SELECT ON ALL TABLES IN SCHEMA public TO \"" + address_.user +
           "\";");
  }

  const PostgresAddress address_;
  std::mutex mutex_;  // guards connection_
  PostgresConnection connection_;
};

}  // namespace

std::unique_ptr<Database> open_source_database(const std::string& uri) {
  if (is_postgres_uri(uri)) return std::make_unique<PostgresMoment>(postgres_address(uri));
  if (uri.find("://") == std::string::npos) return open_sqlite_source(uri);
  const std::string file = sqlite_file(uri);
  if (file.empty()) refuse("'" + uri + "' names no file.");
  return open_sqlite_source(file);
}

std::unique_ptr<Database> open_scratch_database() {
  // SQLite's name for a private database that spills to a nameless file.
  auto connection = std::make_unique<SqliteConnection>("", false);
  connection->script(
      "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; PRAGMA foreign_keys = OFF;");
  auto database = std::make_unique<OneConnection>(std::move(connection));
  database->write([](Tx& tx) { tx.script(mlflow_schema_sql); });
  return database;
}

}  // namespace sandbox::db
