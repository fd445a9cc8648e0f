"""What another MLflow keeps in PostgreSQL comes into a lab, and every kind of source comes into a lab
on PostgreSQL (rows S4-3 and S4-33). Databases are filled by real clients of today and of years ago;
what came is compared with what today's MLflow sees of the source."""

import json
import os
import shutil
import sys

import pytest
from import_support import (
    fill, filled_database, filled_directory, import_into, import_report, old_python, run,
    seen_by_mlflow, seen_in_file_store, without_deleted_files,
)
from mlflow import MlflowClient
from own_lab import OwnLab, RealServer, free_ports
from postgres_server import as_server, program
from store_contents import contents

SECRET = "reader1234"


def python_of(version):
    return sys.executable if version == "3.17.2" else old_python(version)


def driver(uri):
    """As SQLAlchemy wants it."""
    return uri.replace("postgresql:", "postgresql+psycopg2:")


def rows_in(server, database):
    """Every row of every table, and where the ids that it gives out stand."""
    tables = server.psql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database).split()
    rows = {table: server.psql(f"SELECT * FROM {table} ORDER BY 1", database) for table in tables}
    return rows | {"ids": server.psql("SELECT last_value FROM experiments_experiment_id_seq", database)}


@pytest.fixture
def lab_on_postgres(server, tmp_path, request):
    name = "lab_" + "".join(letter if letter.isalnum() else "_" for letter in request.node.name.lower())[-50:]
    with OwnLab(tmp_path / "pg lab", f"--backend-store-uri={server.make_database(name)}") as running:
        running.database = name
        yield running


def seen_after_upgrade(server, name):
    """What today's MLflow sees of the database, upgraded by itself on a copy."""
    server.psql(f"CREATE DATABASE {name}_now TEMPLATE {name}")
    uri = driver(server.uri(f"{name}_now"))
    run([sys.executable, "-m", "mlflow", "db", "upgrade", uri], "/tmp")
    return contents(uri)


@pytest.mark.parametrize("version", ["2.9.2", "2.10.2", "2.22", "3.17.2"])
def test_a_database_in_postgresql_comes_whole_and_once(
    version, server, lab, lab_on_postgres, tmp_path
):
    """Whatever its revision, into a lab on SQLite and one on PostgreSQL; nothing of it is changed."""
    name = "source_" + version.replace(".", "_")
    uri = server.make_database(name)
    fill(python_of(version), tmp_path / "source", driver(uri))
    before = rows_in(server, name)
    expected = seen_after_upgrade(server, name)
    for running in (lab, lab_on_postgres):
        lines, total = import_report(running, "mlflow-db", driver(uri))
        assert not lines
        assert total["is_equal"] and total["counts"]["runs"] == (5, 5)
        assert total["counts"]["points"] == (1241 if version == "3.17.2" else 1240,) * 2
        assert contents(running.mlflow_url) == expected
        lines, again = import_report(running, "mlflow-db", uri)
        assert not lines and again["added"] == 0 and again["counts"] == total["counts"]
        # New experiments go on behind those that came.
        assert MlflowClient(running.mlflow_url).create_experiment("after") == "3"
        assert server.password not in (running.data_dir / "logs" / "server.log").read_text()
    assert rows_in(server, name) == before


@pytest.mark.parametrize("version", ["2.9.2", "3.17.2"])
def test_a_file_of_sqlite_comes_into_a_lab_on_postgresql(version, lab_on_postgres, tmp_path):
    database = filled_database(python_of(version), tmp_path / "source")
    _, planned = import_report(lab_on_postgres, "mlflow-db", database, "--dry-run")
    lines, total = import_report(lab_on_postgres, "mlflow-db", database)
    assert not lines and total["is_equal"] and total["added"] == planned["added"]
    assert contents(lab_on_postgres.mlflow_url) == seen_by_mlflow(database)
    lines, again = import_report(lab_on_postgres, "mlflow-db", database)
    assert again["added"] == 0 and again["is_equal"]


def test_a_directory_comes_into_a_lab_on_postgresql(lab_on_postgres, tmp_path, monkeypatch):
    """A file store has ids of 18 digits, and PostgreSQL's column keeps ten: those get new ones."""
    directory = filled_directory(sys.executable, tmp_path / "source")
    lines, total = import_report(lab_on_postgres, "mlruns", directory)
    assert total["is_equal"] and total["counts"]["runs"] == (5, 5)
    assert len(lines) == 2 and all("keeps no id as large" in line["note"] for line in lines)
    client = MlflowClient(lab_on_postgres.mlflow_url)
    seen = without_deleted_files(contents(lab_on_postgres.mlflow_url))
    there = seen_in_file_store(directory, monkeypatch)
    text = json.dumps(there)
    for number, (name, *_) in there["experiments"].items():
        text = text.replace(f'"{number}"', f'"{client.get_experiment_by_name(name).experiment_id}"')
    assert seen == json.loads(text)
    assert {one for one in seen["experiments"]} == {"0", "1", "2"}
    lines, again = import_report(lab_on_postgres, "mlruns", directory)
    assert again["added"] == 0 and again["is_equal"]
    assert client.create_experiment("after") == "3"


def test_a_server_on_postgresql_comes_into_a_lab_on_postgresql(server, lab_on_postgres, tmp_path):
    uri = driver(server.make_database("served"))
    options = ["--backend-store-uri", uri]
    with RealServer(sys.executable, "unused.db", tmp_path / "real", *options) as real:
        fill(sys.executable, tmp_path / "client", real.mlflow_url)
        lines, total = import_report(lab_on_postgres, "mlflow-server", real.mlflow_url)
        assert [line["kind"] for line in lines] == ["note"]
        assert total["is_equal"] and total["counts"]["runs"] == (5, 5)
        assert contents(lab_on_postgres.mlflow_url) == contents(real.mlflow_url)
        lines, again = import_report(lab_on_postgres, "mlflow-server", real.mlflow_url)
        assert again["added"] == 0 and again["counts"] == total["counts"]


def test_experiments_meet_others_of_a_lab_on_postgresql(lab_on_postgres, tmp_path):
    """One whose id is taken gets another, behind all there are."""
    client = MlflowClient(lab_on_postgres.mlflow_url)
    assert client.create_experiment("mine") == "1"
    database = filled_database(sys.executable, tmp_path / "source")
    lines, total = import_report(lab_on_postgres, "mlflow-db", database)
    assert "Experiment 'kept' (id 1) gets the id 3" in lines[0]["note"] and total["is_equal"]
    assert client.get_experiment("1").name == "mine"
    assert client.create_experiment("after") == "4"


def test_a_run_the_lab_cannot_keep_is_told_and_the_others_come(server, lab_on_postgres, tmp_path):
    uri = server.make_database("widened")
    fill(sys.executable, tmp_path / "source", driver(uri))
    server.psql(
        "ALTER TABLE params ALTER value TYPE text; UPDATE params SET value = repeat('x', 9000) WHERE key = 'lr' "
        "AND run_uuid = (SELECT run_uuid FROM runs WHERE name = 'in Default')", "widened",
    )
    lines, total = import_report(lab_on_postgres, "mlflow-db", uri, code=1)
    assert [line["kind"] for line in lines] == ["odd"] and "too long" in lines[0]["note"]
    assert total["odd"] == 1
    runs = MlflowClient(lab_on_postgres.mlflow_url).search_runs(["0", "1"])
    assert {run.info.run_name for run in runs} == {"first", "second"}


def test_who_may_only_read_can_be_named(server, lab, tmp_path):
    """A role that can change nothing is enough; one that may not read is told which grant it needs."""
    uri = server.make_database("guarded")
    fill(sys.executable, tmp_path / "source", driver(uri))
    server.psql(f"CREATE ROLE reader LOGIN PASSWORD '{SECRET}'")
    reader = server.uri("guarded", "reader", SECRET)
    said = import_into(lab, "mlflow-db", reader, code=1)
    assert "does not let this user read the table alembic_version" in said
    assert 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "reader"' in said
    server.psql('GRANT SELECT ON ALL TABLES IN SCHEMA public TO "reader"', "guarded")
    lines, total = import_report(lab, "mlflow-db", reader)
    assert not lines and total["is_equal"]
    server.psql("REVOKE USAGE ON SCHEMA public FROM public", "guarded")
    said = import_into(lab, "mlflow-db", reader, code=1)
    assert "the schema public" in said and "GRANT USAGE" in said
    assert SECRET not in said


def test_a_replica_can_be_named(server, postgres_folder, lab, tmp_path):
    """So that the server people work with has nothing to do."""
    uri = server.make_database("copied")
    fill(sys.executable, tmp_path / "source", driver(uri))
    (port,) = free_ports(1)
    data = postgres_folder / "replica"
    data.mkdir(mode=0o700)
    if os.getuid() == 0:
        shutil.chown(data, "postgres")
    as_server(program("pg_basebackup"), "-d", server.uri("postgres"), "-D", data, "-R", "-c", "fast")
    with open(data / "postgresql.conf", "a") as settings:
        settings.write(f"port = {port}\n")
    control = [program("pg_ctl"), "-D", data, "-w"]
    as_server(*control, "-l", data / "started", "start")
    try:
        there = uri.replace(f":{server.port}/", f":{port}/")
        lines, total = import_report(lab, "mlflow-db", there)
    finally:
        as_server(*control, "-m", "immediate", "stop")
    assert not lines and total["is_equal"] and total["counts"]["runs"] == (5, 5)


def test_a_wrong_source_is_named(server, lab):
    """Each with a sentence that says which, and without the password."""
    empty = server.make_database("empty_source")
    other = server.make_database("other_source")
    server.psql("CREATE TABLE things (id int)", "other_source")
    (port,) = free_ports(1)
    for uri, *words in [
        (server.uri("empty_source", password="wr0ng"), "password", "is wrong"),
        (server.uri("nowhere"), 'database "nowhere" does not exist', "Check the names in the URI"),
        (empty, "is no MLflow tracking database", "no tables at all"),
        (driver(other), "is no MLflow tracking database", "no tables 'experiments' and 'runs'"),
        (f"postgresql://admin:wr0ng@127.0.0.1:{port}/x", "Connection refused", "Nothing listens"),
        ("postgresql://a:wr0ng@b:c/d", "no host and port where they belong"),
    ]:
        said = import_into(lab, "mlflow-db", uri, code=1)
        for word in words:
            assert word in said
        assert "wr0ng" not in said and "admin-p" not in said
        assert "CREATE DATABASE" not in said


def test_a_copy_of_a_database_upgraded_half_way_comes(server, lab, tmp_path):
    """`mlflow db upgrade` of MLflow 2.22 on a database of 2.9.2: a revision no fresh one ever had."""
    uri = server.make_database("between")
    fill(old_python("2.9.2"), tmp_path / "source", driver(uri))
    run([old_python("2.22"), "-m", "mlflow", "db", "upgrade", driver(uri)], tmp_path)
    lines, total = import_report(lab, "mlflow-db", uri)
    assert not lines and total["is_equal"]
    assert contents(lab.mlflow_url) == seen_after_upgrade(server, "between")
