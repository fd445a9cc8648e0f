#include "sandbox/db/database.h"

#include <filesystem>

#include "sandbox/base/error.h"
#include "sandbox/db/migrations/mlflow_schema.h"
#include "sandbox/db/postgres.h"
#include "sandbox/db/postgres_instant.h"
#include "sandbox/db/postgres_schema.h"
#include "sandbox/db/sqlite.h"

namespace sandbox::db {
namespace {

constexpr std::string_view sqlite_scheme = "sqlite://";

bool has_table(Tx& tx, std::string_view name) {
  return tx.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", name).next();
}

void check_revision(Tx& tx, const std::string& uri) {
  std::string revision;
  {
    Rows rows = tx.query("SELECT version_num FROM alembic_version");
    if (rows.next()) revision = rows.text(0);
  }
  if (revision == mlflow_revision) return;
  throw Error(
      Code::invalid_state,
      "'" + uri + "' has MLflow's schema at revision '" + revision + "', this server needs '" +
          std::string(mlflow_revision) +
          "' (MLflow 3.17). Copy the file, then run: pip install mlflow==3.17.2 && mlflow db "
          "upgrade " +
          uri + std::string(newer_revision_advice));
}

void prepare_schema(Tx& tx, const std::string& uri) {
  if (!has_table(tx, "alembic_version")) {
    if (tx.query("SELECT 1 FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").next()) {
      throw Error(Code::invalid_state,
                  "'" + uri +
                      "' is a database of another program: it has tables but no MLflow "
                      "schema. Name a file that does not exist yet, or one MLflow made.");
    }
    tx.script(mlflow_schema_sql);
    tx.execute("INSERT INTO alembic_version (version_num) VALUES (?)", mlflow_revision);
    tx.execute(
        "INSERT INTO workspaces (name, description) VALUES ('default', 'Default workspace for "
        "legacy resources')");
  }
  check_revision(tx, uri);
  tx.script(sandbox_indexes_sql);
  tx.script(sqlite_statistics_sql);
}

void prepare_auth_schema(Tx& tx, const std::string& file) {
  if (!has_table(tx, "alembic_version_auth")) {
    if (has_table(tx, "users")) {
      throw Error(Code::invalid_state,
                  "'" + file +
                      "' holds the users of an MLflow before 3.6. Copy the file, then run: python "
                      "-m mlflow.server.auth db upgrade --url sqlite:///" +
                      file);
    }
    tx.script(auth_schema_sql);
    tx.execute("INSERT INTO alembic_version_auth (version_num) VALUES (?)", auth_revision);
  }
  std::string revision;
  {
    Rows rows = tx.query("SELECT version_num FROM alembic_version_auth");
    if (rows.next()) revision = rows.text(0);
  }
  if (revision != auth_revision) {
    throw Error(Code::invalid_state,
                "'" + file + "' has MLflow's users at revision '" + revision +
                    "', this server needs '" + std::string(auth_revision) +
                    "' (MLflow 3.17). Copy the file, then run: pip install 'mlflow[auth]==3.17.2' "
                    "&& python -m mlflow.server.auth db upgrade --url sqlite:///" +
                    file);
  }
  tx.script(auth_tokens_sql);
}

}  // namespace

std::unique_ptr<Instant> Database::hold(const std::function<void()>& /*meanwhile*/) {
  throw Error(Code::not_implemented, "No moment of this kind of database can be held.");
}

std::unique_ptr<Instant> hold_file(const std::string& file,
                                   const std::function<void()>& meanwhile) {
  return SqliteDatabase(file).hold(meanwhile);
}

std::vector<std::string> Tx::tables() {
  std::vector<std::string> names;
  Rows rows = query(
      "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND "
      "table_type = 'BASE TABLE' ORDER BY table_name");
  while (rows.next()) names.push_back(rows.text(0));
  return names;
}

std::vector<Column> Tx::columns(std::string_view table) {
  std::vector<Column> columns;
  Rows rows = query(
      "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = "
      "current_schema() AND table_name = ? AND is_generated = 'NEVER' ORDER BY ordinal_position",
      table);
  while (rows.next()) {
    const std::string_view type = rows.view(1);
    Value::Kind kind = Value::Kind::text;
    if (type == "boolean") {
      kind = Value::Kind::boolean;
    } else if (type.ends_with("int") || type == "integer") {
      kind = Value::Kind::integer;
    } else if (type.starts_with("double") || type == "real" || type == "numeric") {
      kind = Value::Kind::real;
    }
    columns.push_back({rows.text(0), kind});
  }
  return columns;
}

std::string sqlite_file(const std::string& uri) {
  if (!uri.starts_with(sqlite_scheme)) {
    throw Error(Code::invalid_parameter_value,
                "The backend store '" + uri.substr(0, uri.find(':')) +
                    "' is not supported. Give sqlite:///FILE or "
                    "postgresql://USER:PASSWORD@HOST:5432/DATABASE.");
  }
  const std::string rest = uri.substr(sqlite_scheme.size());
  if (rest.empty() || rest == "/" || rest == "/:memory:") return "";
  if (rest.front() != '/') {
    throw Error(Code::invalid_parameter_value,
                "The backend store URI '" + uri +
                    "' names a host. Write sqlite:///relative/path or sqlite:////absolute/path.");
  }
  return rest.substr(1);
}

std::unique_ptr<Database> open_database(const std::string& backend_store_uri) {
  if (is_postgres_uri(backend_store_uri)) {
    const PostgresAddress address = postgres_address(backend_store_uri);
    auto database = std::make_unique<PostgresDatabase>(address);
    database->write(
        [&](Tx& tx) { prepare_postgres_schema(tx, address, without_password(backend_store_uri)); });
    return database;
  }
  const std::string file = sqlite_file(backend_store_uri);
  if (!file.empty()) {
    const std::filesystem::path directory = std::filesystem::path(file).parent_path();
    std::error_code failure;
    if (!directory.empty()) std::filesystem::create_directories(directory, failure);
    if (failure) {
      throw Error(Code::invalid_state, "Cannot create the directory '" + directory.string() +
                                           "' for the metadata database: " + failure.message() +
                                           ".");
    }
  }
  auto database = std::make_unique<SqliteDatabase>(file);
  database->write([&](Tx& tx) { prepare_schema(tx, backend_store_uri); });
  return database;
}

bool is_unadopted(const std::string& backend_store_uri) {
  if (is_postgres_uri(backend_store_uri)) {
    const PostgresAddress address = postgres_address(backend_store_uri);
    PostgresDatabase database(address);
    return database.read([&](Tx& tx) {
      if (!has_postgres_relation(tx, "alembic_version") ||
          !has_postgres_relation(tx, "experiments") || has_postgres_relation(tx, own_index)) {
        return false;
      }
      check_postgres_revision(tx, address, without_password(backend_store_uri));
      return true;
    });
  }
  const std::string file = sqlite_file(backend_store_uri);
  std::error_code missing;
  if (file.empty() || !std::filesystem::exists(file, missing)) return false;
  SqliteConnection connection(file, true);
  if (!has_table(connection, "alembic_version") || !has_table(connection, "experiments") ||
      connection.query("SELECT 1 FROM sqlite_master WHERE name = ?", own_index).next()) {
    return false;
  }
  check_revision(connection, backend_store_uri);
  return true;
}

std::unique_ptr<Instant> hold_unadopted(const std::string& backend_store_uri) {
  if (!is_postgres_uri(backend_store_uri)) return hold_file(sqlite_file(backend_store_uri), [] {});
  auto instant = std::make_unique<PostgresInstant>(postgres_address(backend_store_uri));
  instant->begin();
  return instant;
}

std::unique_ptr<Database> open_auth_database(const std::string& file) {
  auto database = std::make_unique<SqliteDatabase>(file);
  database->write([&](Tx& tx) { prepare_auth_schema(tx, file); });
  return database;
}

}  // namespace sandbox::db
