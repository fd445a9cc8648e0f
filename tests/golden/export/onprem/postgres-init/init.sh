#!/bin/sh
# Makes the roles and databases on the server that psql's own variables name (PGHOST, PGUSER, …); an
# administrator runs it. MLFLOW_DB_PASSWORD and AIRFLOW_DB_PASSWORD are the new roles' passwords.
set -eu
cd "$(dirname "$0")"
: "${MLFLOW_DB_PASSWORD:?is to be the password of the role that owns the metadata}"
: "${AIRFLOW_DB_PASSWORD:?is to be the password of the role that owns the database of Airflow}"
export MLFLOW_DB_PASSWORD AIRFLOW_DB_PASSWORD
exec psql --no-psqlrc --quiet --dbname="${PGDATABASE:-postgres}" --file=init.sql "$@"
