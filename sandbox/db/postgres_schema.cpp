#include "sandbox/db/postgres_schema.h"

#include <string_view>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/db/migrations/mlflow_schema.h"

namespace sandbox::db {

bool has_postgres_relation(Tx& tx, std::string_view name) {
  return tx
      .query(
          "SELECT 1 FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND "
          "relname = ?",
          name)
      .next();
}

namespace {

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_state, sentence);
}

bool has_tables(Tx& tx) {
  return tx
      .query(
          "SELECT 1 FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND "
          "relkind IN ('r', 'p', 'v', 'm')")
      .next();
}

void check_search_path(Tx& tx, const PostgresAddress& address) {
  if (tx.query("SELECT 1 WHERE current_schema() IS NOT NULL").next()) return;
  refuse("PostgreSQL's " + address.shown() +
         " has no schema for tables on its search_path. Make one: CREATE SCHEMA public;");
}

void create_tables(Tx& tx) {
  tx.script(mlflow_postgres_schema_sql);
  tx.execute("INSERT INTO alembic_version (version_num) VALUES (?)", mlflow_revision);
  tx.execute(
      "INSERT INTO workspaces (name, description) VALUES ('default', 'Default workspace for legacy "
      "resources')");
}

// "CREATE INDEX IF NOT EXISTS name ON …" -> "name".
std::string_view object_named_by(std::string_view statement) {
  constexpr std::string_view word = "EXISTS ";
  const std::size_t start = statement.find(word);
  if (start == std::string_view::npos) return {};
  const std::string_view rest = statement.substr(start + word.size());
  return rest.substr(0, rest.find(' '));
}

// Statement by statement, and none for an index that is there: even then CREATE INDEX would wait
// for everybody who writes to the table.
void create_indexes(Tx& tx) {
  std::string_view rest = sandbox_indexes_sql;
  while (!rest.empty()) {
    const std::size_t end = rest.find(';');
    const std::string_view statement = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    const std::string_view name = object_named_by(statement);
    if (name.empty()) continue;
    const bool is_drop = statement.find("DROP INDEX") != std::string_view::npos;
    if (has_postgres_relation(tx, name) == is_drop) tx.script(statement);
  }
}

}  // namespace

void check_postgres_revision(Tx& tx, const PostgresAddress& address, const std::string& shown_uri) {
  std::string revision;
  {
    Rows rows = tx.query("SELECT version_num FROM alembic_version");
    if (rows.next()) revision = rows.text(0);
  }
  if (revision == mlflow_revision) return;
  refuse("PostgreSQL's " + address.shown() + " has MLflow's schema at revision '" + revision +
         "', this server needs '" + std::string(mlflow_revision) +
         "' (MLflow 3.17). Back it up (pg_dump), then run: pip install mlflow==3.17.2 "
         "psycopg2-binary && mlflow db upgrade '" +
         shown_uri + "'" + std::string(newer_revision_advice));
}

void prepare_postgres_schema(Tx& tx, const PostgresAddress& address, const std::string& shown_uri) {
  check_search_path(tx, address);
  tx.lock("mlops-sandbox schema");
  if (!has_postgres_relation(tx, "alembic_version")) {
    if (has_tables(tx)) {
      refuse("PostgreSQL's " + address.shown() +
             " belongs to another program: it has tables but no MLflow schema. Name an empty "
             "database, or one MLflow made.");
    }
    create_tables(tx);
  } else if (!has_postgres_relation(tx, "experiments")) {
    refuse("PostgreSQL's " + address.shown() +
           " belongs to another program: its alembic_version is not MLflow's. Name an empty "
           "database, or one MLflow made.");
  }
  check_postgres_revision(tx, address, shown_uri);
  create_indexes(tx);
}

}  // namespace sandbox::db
