-- Roles and databases of the installation; may be run again. Run it by init.sh, which says where the
-- passwords come from.
\set ON_ERROR_STOP on
SET password_encryption = 'scram-sha-256';

\set password `printf %s "$MLFLOW_DB_PASSWORD"`
SELECT 'CREATE ROLE mlflow LOGIN'
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mlflow') \gexec
SELECT format('ALTER ROLE mlflow LOGIN PASSWORD %L', :'password') \gexec
-- Who runs this need not be a superuser, and then has to be a member to give a database away.
SELECT 'GRANT mlflow TO CURRENT_USER'
  WHERE NOT pg_has_role(current_user, 'mlflow', 'MEMBER') \gexec
SELECT 'CREATE DATABASE mlflow OWNER mlflow'
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'mlflow') \gexec
ALTER DATABASE mlflow OWNER TO mlflow;
GRANT ALL PRIVILEGES ON DATABASE mlflow TO mlflow;
\connect mlflow
-- From PostgreSQL 15 on that grant alone does not let the role make tables.
GRANT ALL ON SCHEMA public TO mlflow;
\connect postgres

\set password `printf %s "$AIRFLOW_DB_PASSWORD"`
SELECT 'CREATE ROLE airflow_user LOGIN'
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'airflow_user') \gexec
SELECT format('ALTER ROLE airflow_user LOGIN PASSWORD %L', :'password') \gexec
-- Who runs this need not be a superuser, and then has to be a member to give a database away.
SELECT 'GRANT airflow_user TO CURRENT_USER'
  WHERE NOT pg_has_role(current_user, 'airflow_user', 'MEMBER') \gexec
SELECT 'CREATE DATABASE airflow_db OWNER airflow_user'
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'airflow_db') \gexec
ALTER DATABASE airflow_db OWNER TO airflow_user;
GRANT ALL PRIVILEGES ON DATABASE airflow_db TO airflow_user;
\connect airflow_db
-- From PostgreSQL 15 on that grant alone does not let the role make tables.
GRANT ALL ON SCHEMA public TO airflow_user;
\connect postgres
