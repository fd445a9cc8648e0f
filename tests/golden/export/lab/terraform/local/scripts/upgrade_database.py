"""Brings the tables of MLflow's databases to the version of this image; makes what is not there.

Waits until the database answers. Several pods may start at once: one upgrades, the others wait.
"""
import configparser
import os
import subprocess
import sys
import time

import sqlalchemy

PATIENCE_S = 300
LOCK = 5_000_317  # any number, the same for all pods


def users_uri():
    """Of the database of MLflow's basic-auth; None where nobody logs in."""
    file = os.environ.get("MLFLOW_AUTH_CONFIG_PATH")
    if not file:
        return None
    settings = configparser.ConfigParser()
    settings.read(file)
    return settings["mlflow"]["database_uri"]


def make_database(connection, uri):
    name = sqlalchemy.make_url(uri).database
    found = connection.execute(
        sqlalchemy.text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}
    )
    if found.first() is None:
        quoted = connection.dialect.identifier_preparer.quote(name)
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {quoted}"))


def upgrade(uri, users):
    subprocess.run(["mlflow", "db", "upgrade", uri], check=True)
    if users:
        command = ["-m", "mlflow.server.auth", "db", "upgrade", "--url", users]
        subprocess.run([sys.executable, *command], check=True)


def main():
    uri = os.environ["MLFLOW_BACKEND_STORE_URI"]
    users = users_uri()
    if uri.startswith("sqlite"):
        upgrade(uri, users)
        return
    engine = sqlalchemy.create_engine(uri, isolation_level="AUTOCOMMIT")
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with engine.connect() as connection:
                connection.execute(sqlalchemy.text(f"SELECT pg_advisory_lock({LOCK})"))
                if users:
                    make_database(connection, users)
                upgrade(uri, users)
                return
        except sqlalchemy.exc.OperationalError as failure:
            if time.monotonic() > deadline:
                sys.exit(f"the database does not answer: {failure.orig}")
            print(f"waiting for the database: {failure.orig}", flush=True)
            time.sleep(3)


if __name__ == "__main__":
    main()
