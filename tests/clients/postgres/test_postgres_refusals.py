"""What a PostgreSQL server refuses ends in a sentence that says which and what to do, without the
password (rows S1-14, S1-16..S1-19)."""

import subprocess

import pytest
from own_lab import OwnLab, binary, free_ports

SECRET = "mlflow1234"


def refusal(tmp_path, uri):
    ports = [
        f"--{name}={port}" for name, port in zip(("port", "s3-port", "console-port"), free_ports(3))
    ]
    done = subprocess.run(
        [
            binary(), "up", "--host=127.0.0.1", *ports, f"--data-dir={tmp_path}/refused",
            "--access-key=tester", "--secret-key=tester-secret", f"--backend-store-uri={uri}",
        ],
        capture_output=True, text=True, timeout=60,
    )
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert SECRET not in said and "admin-p" not in said
    return said


def make_role(server, name, *more):
    server.psql(f"CREATE ROLE {name} LOGIN PASSWORD '{SECRET}'")
    for sql in more:
        server.psql(sql)


def test_the_grants_of_the_document_are_not_enough_since_15(server, tmp_path):
    """Rows S1-14, S1-16."""
    make_role(
        server, "mlflow_user", "CREATE DATABASE mlflow_db",
        "GRANT ALL PRIVILEGES ON DATABASE mlflow_db TO mlflow_user",
    )
    uri = server.uri("mlflow_db", "mlflow_user", SECRET)
    said = refusal(tmp_path, uri)
    assert "permission denied for schema public" in said
    assert 'ALTER DATABASE "mlflow_db" OWNER TO "mlflow_user"' in said
    server.psql('ALTER DATABASE "mlflow_db" OWNER TO "mlflow_user"')
    with OwnLab(tmp_path / "lab", f"--backend-store-uri={uri}") as lab:
        lab.stop()
    assert server.psql("SELECT name FROM experiments", "mlflow_db") == "Default"


def test_only_its_own_database_is_touched(server, tmp_path):
    """Row S1-19: Airflow beside it, and in the same database by mistake."""
    airflow = server.make_database("airflow_db")
    server.psql(
        "CREATE TABLE dag (dag_id text); CREATE TABLE alembic_version (version_num text);"
        "INSERT INTO alembic_version VALUES ('airflow')", "airflow_db",
    )
    plain = server.make_database("plain_db")
    server.psql("CREATE TABLE things (id int)", "plain_db")
    before = server.dump("airflow_db"), server.dump("plain_db")
    own = server.make_database("own_db")
    with OwnLab(tmp_path / "lab", f"--backend-store-uri={own}") as lab:
        lab.stop()
    assert "belongs to another program" in refusal(tmp_path, airflow)
    assert "belongs to another program" in refusal(tmp_path, plain)
    assert (server.dump("airflow_db"), server.dump("plain_db")) == before


def test_another_revision_is_refused_with_the_command(server, tmp_path):
    uri = server.make_database("old_db")
    with OwnLab(tmp_path / "lab", f"--backend-store-uri={uri}") as lab:
        lab.stop()
    server.psql("UPDATE alembic_version SET version_num = 'acf3f17fdcc7'", "old_db")
    said = refusal(tmp_path, uri)
    assert "acf3f17fdcc7" in said and "mlflow db upgrade" in said
    assert "use a newer release of this program" in said


def test_logins_that_fail(server, tmp_path):
    make_role(server, "known", "CREATE DATABASE known_db OWNER known")
    said = refusal(tmp_path, server.uri("known_db", "known", "wrong"))
    assert "password authentication failed" in said and "ALTER ROLE" in said
    said = refusal(tmp_path, server.uri("missing_db", "known", SECRET))
    assert '"missing_db" does not exist' in said and 'CREATE DATABASE "missing_db"' in said
    said = refusal(tmp_path, server.uri("known_db", "known", SECRET) + "?sslmode=require")
    assert "server does not support SSL" in said and "sslmode=prefer" in said
    server.psql("ALTER ROLE known CONNECTION LIMIT 0")
    said = refusal(tmp_path, server.uri("known_db", "known", SECRET))
    assert "too many connections" in said
    for each in (f"127.0.0.1:{server.port}", "'known_db'", "'known'"):
        assert each in said


def test_scram_by_pg_hba_alone(server, tmp_path):
    """Row S1-18."""
    make_role(server, "hba_user", "CREATE DATABASE hba_db OWNER hba_user")
    rules = server.data / "pg_hba.conf"
    before = rules.read_text()
    uri = server.uri("hba_db", "hba_user", SECRET)
    mine = f"host postgres {server.administrator} 127.0.0.1/32 scram-sha-256\n"
    try:
        rules.write_text(mine)
        server.psql("SELECT pg_reload_conf(); SELECT pg_sleep(0.3)")
        said = refusal(tmp_path, uri)
        assert "no pg_hba.conf entry" in said and "scram-sha-256" in said
        rules.write_text(mine + "host hba_db hba_user 127.0.0.0/8 scram-sha-256\n")
        server.psql("SELECT pg_reload_conf(); SELECT pg_sleep(0.3)")
        with OwnLab(tmp_path / "lab", f"--backend-store-uri={uri}") as lab:
            lab.stop()
    finally:
        rules.write_text(before)
        server.psql("SELECT pg_reload_conf()")


def test_a_database_that_only_reads(server, tmp_path):
    uri = server.make_database("frozen_db")
    server.psql("ALTER DATABASE frozen_db SET default_transaction_read_only = on")
    # The adapter asks for a writing transaction, which such a default allows.
    with OwnLab(tmp_path / "lab", f"--backend-store-uri={uri}") as lab:
        lab.stop()
    assert server.psql("SELECT count(*) FROM experiments", "frozen_db") == "1"


def test_nobody_there(server, tmp_path):
    (port,) = free_ports(1)
    said = refusal(tmp_path, f"postgresql://u:{SECRET}@127.0.0.1:{port}/d")
    assert "Connection refused" in said and "listen_addresses" in said
    said = refusal(tmp_path, f"postgresql://u:{SECRET}@no-such-host.invalid/d")
    assert "could not translate host name" in said


@pytest.mark.parametrize("scheme", ["postgres", "postgresql+psycopg2", "postgresql+psycopg"])
def test_the_ways_others_write_it(server, tmp_path, scheme):
    server.make_database("way_" + scheme[-3:])
    uri = server.uri("way_" + scheme[-3:], scheme=scheme)
    with OwnLab(tmp_path / "lab", f"--backend-store-uri={uri}") as lab:
        lab.stop()
