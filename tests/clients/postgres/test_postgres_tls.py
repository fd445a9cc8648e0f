"""PostgreSQL servers that only take TLS, and replicas that only read: the way in works, and every
other way ends in a sentence that says what to do (row S1-18)."""

import os
import shutil
import subprocess
import time

import mlflow
import pytest
from own_lab import OwnLab
from postgres_server import PostgresServer
from test_postgres_refusals import refusal


def make_certificate(folder, name):
    """Signed by nobody but itself, for 127.0.0.1."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )
    return certificate, key


@pytest.fixture(scope="module")
def authority(server, postgres_folder):
    """Makes the server take nothing but TLS; the file that vouches for its certificate."""
    certificate, key = make_certificate(postgres_folder, "server")
    for file in (certificate, key):
        if os.getuid() == 0:
            shutil.chown(file, "postgres")
    key.chmod(0o600)
    server.set("ssl = on", f"ssl_cert_file = '{certificate}'", f"ssl_key_file = '{key}'")
    (server.data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
    server.stop()
    server.start()
    return certificate


def log_and_count(lab, server, database):
    """A run logged by MLflow's client is in the database."""
    client = mlflow.MlflowClient(lab.mlflow_url)
    run = client.create_run("0").info.run_id
    client.log_metric(run, "loss", 0.5)
    rows = server.psql(f"SELECT count(*) FROM metrics WHERE run_uuid = '{run}'", database)
    assert rows == "1"


@pytest.mark.parametrize("mode", ["", "?sslmode=require", "?sslmode=verify-full&sslrootcert={}"])
def test_tls_is_used(server, authority, tmp_path, mode):
    database = "tls_" + mode[9:15].replace("-", "_")
    uri = server.make_database(database) + mode.format(authority)
    with OwnLab(tmp_path / "lab", f"--backend-store-uri={uri}") as lab:
        log_and_count(lab, server, database)
        plain = server.psql(
            "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
            f"WHERE datname = '{database}' AND NOT ssl"
        )
        assert plain == "0"
        lab.stop()


def test_without_tls_nobody_gets_in(server, authority, tmp_path):
    said = refusal(tmp_path, server.make_database("plain_tls") + "?sslmode=disable")
    assert "no pg_hba.conf entry" in said and "sslmode=require" in said
    for each in (f"127.0.0.1:{server.port}", "'plain_tls'", f"'{server.administrator}'"):
        assert each in said


def test_a_certificate_of_somebody_else_is_refused(server, authority, tmp_path):
    other, _ = make_certificate(tmp_path, "other")
    uri = server.make_database("other_tls")
    said = refusal(tmp_path, f"{uri}?sslmode=verify-full&sslrootcert={other}")
    assert "certificate verify failed" in said and "sslrootcert=FILE" in said
    said = refusal(tmp_path, f"{uri}?sslmode=verify-full&sslrootcert={tmp_path}/missing.crt")
    assert "missing.crt" in said and "sslrootcert=FILE" in said
    by_name = uri.replace("@127.0.0.1:", "@localhost:")
    said = refusal(tmp_path, f"{by_name}?sslmode=verify-full&sslrootcert={authority}")
    assert "does not match host name" in said and "sslmode" in said
    assert server.psql("SELECT count(*) FROM pg_tables WHERE tablename = 'runs'", "other_tls") == "0"


@pytest.fixture()
def primary(postgres_folder):
    with PostgresServer(postgres_folder / "primary") as running:
        yield running


@pytest.fixture()
def replica(postgres_folder, primary):
    with PostgresServer(postgres_folder / "replica", primary=primary) as running:
        yield running


def wait_for_row(replica, sql, database):
    deadline = time.monotonic() + 60
    while replica.psql(sql, database, check=False) != "1":
        assert time.monotonic() < deadline, "The replica does not follow"
        time.sleep(0.1)


def test_a_replica_is_refused_and_taken_once_it_is_promoted(primary, replica, tmp_path):
    """The advice that the refusal gives works, and a lab that follows it outlives a failover."""
    uri = primary.make_database("lab_db")
    wait_for_row(replica, "SELECT 1", "lab_db")
    said = refusal(tmp_path, replica.uri("lab_db"))
    assert "replica that only reads" in said and "target_session_attrs=read-write" in said
    assert f"127.0.0.1:{replica.port}" in said and "'lab_db'" in said

    both = uri.replace("@", f"@127.0.0.1:{replica.port},") + "?target_session_attrs=read-write"
    with OwnLab(tmp_path / "lab", f"--backend-store-uri={both}") as lab:
        log_and_count(lab, primary, "lab_db")
        wait_for_row(replica, "SELECT count(*) FROM metrics", "lab_db")
        primary.stop("immediate")
        replica.psql("SELECT pg_promote()")
        log_and_count(lab, replica, "lab_db")
        assert replica.psql("SELECT count(*) FROM metrics", "lab_db") == "2"
        lab.stop()
