
\set password `printf %s "$@{variable}"`
SELECT 'CREATE ROLE @{owner} LOGIN'
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '@{owner}') \gexec
SELECT format('ALTER ROLE @{owner} LOGIN PASSWORD %L', :'password') \gexec
-- Who runs this need not be a superuser, and then has to be a member to give a database away.
SELECT 'GRANT @{owner} TO CURRENT_USER'
  WHERE NOT pg_has_role(current_user, '@{owner}', 'MEMBER') \gexec
SELECT 'CREATE DATABASE @{database} OWNER @{owner}'
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '@{database}') \gexec
ALTER DATABASE @{database} OWNER TO @{owner};
GRANT ALL PRIVILEGES ON DATABASE @{database} TO @{owner};
\connect @{database}
-- From PostgreSQL 15 on that grant alone does not let the role make tables.
GRANT ALL ON SCHEMA public TO @{owner};
\connect postgres
