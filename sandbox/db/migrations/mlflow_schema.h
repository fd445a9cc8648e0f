// MLflow's own schema, compiled in.
#pragma once

#include <string_view>

namespace sandbox::db {

// The alembic revision of MLflow 3.17.2, the head of the schema below.
inline constexpr std::string_view mlflow_revision = "dc11669786a5";

// Ends the refusal of another revision. Which one is newer only a newer MLflow knows.
inline constexpr std::string_view newer_revision_advice =
    ". If that says `Can't locate revision`, a newer MLflow has changed the database: use a newer "
    "release of this program, or the copy from before that change.";

// The statements of 0001_mlflow.sql: what a fresh MLflow 3.17.2 makes, object by object.
extern const std::string_view mlflow_schema_sql;
// The same of 0001_mlflow_postgres.sql for PostgreSQL.
extern const std::string_view mlflow_postgres_schema_sql;
// The statements of 0002_indexes.sql; they may be run again.
extern const std::string_view sandbox_indexes_sql;
// One of them, which every version of this program has made: a database without it is MLflow's
// alone.
inline constexpr std::string_view own_index = "sandbox_runs_by_experiment";
// The statements of 0003_sqlite_statistics.sql; they may be run again.
extern const std::string_view sqlite_statistics_sql;

// The tables of mlflow/server/auth, and the revision its alembic_version_auth then has.
extern const std::string_view auth_schema_sql;
inline constexpr std::string_view auth_revision = "f1a2b3c4d5e6";
// This server's own table of tokens beside them.
extern const std::string_view auth_tokens_sql;

}  // namespace sandbox::db
