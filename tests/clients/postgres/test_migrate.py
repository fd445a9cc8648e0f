"""A lab moves from SQLite and its own store to PostgreSQL and another S3 server, and back: nothing
is lost, and a real MLflow on the new place shows all of it (rows S1-3, S4-23, S4-33)."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import boto3
import mlflow
import pytest
from mlflow import MlflowClient
from own_lab import OwnLab, RealServer, binary
from store_contents import contents

KEYS = {"AWS_ACCESS_KEY_ID": OwnLab.access_key, "AWS_SECRET_ACCESS_KEY": OwnLab.secret_key}
LARGE = os.urandom(9 << 20)  # more than one part of an upload


@pytest.fixture()
def elsewhere(tmp_path):
    """Another S3 server, with an empty bucket."""
    with OwnLab(tmp_path / "elsewhere") as lab:
        s3(lab).create_bucket(Bucket="cluster")
        yield lab


@pytest.fixture()
def lab(tmp_path, monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with OwnLab(tmp_path / "lab") as running:
        yield running


def s3(lab):
    return boto3.client(
        "s3", endpoint_url=lab.s3_url, aws_access_key_id=OwnLab.access_key,
        aws_secret_access_key=OwnLab.secret_key, region_name="us-east-1",
    )


def fill(lab, folder, monkeypatch):
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", lab.s3_url)
    mlflow.set_tracking_uri(lab.mlflow_url)
    client = MlflowClient(lab.mlflow_url)
    (folder / "large.bin").write_bytes(LARGE)
    (folder / "말.txt").write_text("말")
    proxied = client.create_experiment("proxied", tags={"team": "a'b"})
    direct = client.create_experiment("direct", artifact_location="s3://mlflow/direct")
    client.delete_experiment(client.create_experiment("deleted"))
    for experiment in (proxied, direct):
        run = client.create_run(experiment, run_name=f"of {experiment}").info.run_id
        for step in range(50):
            client.log_metric(run, "loss", 1 / (step + 3), step=step)
        client.log_metric(run, "odd", float("nan"))
        client.log_metric(run, "odd", float("inf"), step=1)
        client.log_param(run, "lr", "0.1")
        client.log_artifact(run, str(folder / "large.bin"))
        client.log_artifact(run, str(folder / "말.txt"), "a/b c")
        client.set_terminated(run)
    client.delete_run(client.create_run(proxied).info.run_id)
    client.create_registered_model("model", tags={"k": "v"})
    for run in client.search_runs([proxied, direct]):
        client.create_model_version("model", f"{run.info.artifact_uri}/a", run.info.run_id)
    client.set_registered_model_alias("model", "champion", "2")
    mlflow.set_experiment("proxied")
    with mlflow.start_span("root") as span:
        span.set_inputs({"q": "무엇"})
    mlflow.flush_trace_async_logging()


def migrate(lab, *words, check=True, environment=None):
    done = subprocess.run(
        [binary(), "migrate", f"--data-dir={lab.data_dir}", "--json", *words],
        capture_output=True, text=True, timeout=300, env={**os.environ, **(environment or {})},
    )
    if check:
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    assert done.returncode != 0
    return done.stderr


def to_elsewhere(uri, elsewhere):
    return [
        f"--to-db={uri}", "--to-s3=s3://cluster/lab", f"--endpoint={elsewhere.s3_url}",
        f"--access-key={OwnLab.access_key}", f"--secret-key={OwnLab.secret_key}",
    ]


def rows_of(told):
    return {one["table"]: one["rows"] for one in told["tables"] if one["rows"]}


def test_a_lab_moves_there_and_back_and_a_real_mlflow_shows_it(
    server, lab, elsewhere, tmp_path, monkeypatch
):
    fill(lab, tmp_path, monkeypatch)
    before = contents(lab.mlflow_url)
    assert len(before["runs"]) == 3 and len(before["versions"]) == 2 and len(before["traces"]) == 1
    files = s3(lab).list_objects_v2(Bucket="mlflow")["KeyCount"]
    lab.stop()
    uri = server.make_database("moved")
    told = migrate(lab, *to_elsewhere(uri, elsewhere))
    assert told["is_equal"] and told["is_switched"]
    assert rows_of(told)["metrics"] == 104
    assert sum(one["objects"] for one in told["files"]) == files >= 4
    assert server.password not in json.dumps(told)

    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", elsewhere.s3_url)
    real = RealServer(
        sys.executable, "unused.db", tmp_path / "real",
        "--backend-store-uri", uri.replace("postgresql:", "postgresql+psycopg2:"),
        "--artifacts-destination", "s3://cluster/lab",
        MLFLOW_S3_ENDPOINT_URL=elsewhere.s3_url,
    )
    with real:
        assert contents(real.mlflow_url) == before

    lab.start()
    assert contents(lab.mlflow_url) == before
    client = MlflowClient(lab.mlflow_url)
    later = client.create_experiment("later")
    assert int(later) > max(map(int, before["experiments"]))
    client.log_artifact(client.create_run(later).info.run_id, str(tmp_path / "말.txt"))
    after = contents(lab.mlflow_url)
    lab.stop()
    back = migrate(lab, f"--to-db=sqlite:///{tmp_path}/back.db", "--to-s3=s3://mlflow")
    assert back["is_equal"] and back["is_switched"]
    lab.start()
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", lab.s3_url)
    assert contents(lab.mlflow_url) == after
    locations = sqlite3.connect(tmp_path / "back.db").execute(
        "SELECT artifact_location FROM experiments WHERE name = 'direct'"
    )
    assert locations.fetchone() == ("s3://mlflow/direct",)


def test_new_experiments_keep_files_at_the_new_place(server, elsewhere, tmp_path, monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with OwnLab(tmp_path / "lab", "--default-artifact-root=s3://mlflow/root") as lab:
        lab.stop()
        migrate(lab, *to_elsewhere(server.make_database("rooted"), elsewhere))
        lab.options = ()
        lab.start()
        client = MlflowClient(lab.mlflow_url)
        made = client.get_experiment(client.create_experiment("new"))
        assert made.artifact_location.startswith("s3://cluster/lab/root/")
    settings = lab.data_dir / "mlops-sandbox.conf"
    assert settings.stat().st_mode & 0o777 == 0o600


def test_a_killed_migration_goes_on(server, lab, tmp_path, monkeypatch):
    client = MlflowClient(lab.mlflow_url)
    experiment = client.create_experiment("long")
    run = client.create_run(experiment).info.run_id
    for batch in range(40):
        client.log_batch(
            run, [mlflow.entities.Metric("m", i, i, batch * 1000 + i) for i in range(1000)]
        )
    lab.stop()
    uri = server.make_database("killed")
    killed = 0
    for patience in (0.2, 0.5, 0.9):
        process = subprocess.Popen(
            [binary(), "migrate", f"--data-dir={lab.data_dir}", f"--to-db={uri}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        time.sleep(patience)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
    assert killed, "none of them was still at work"
    if killed == 3:  # the last may have finished first, and the lab has moved then
        told = migrate(lab, f"--to-db={uri}")
        assert told["is_equal"] and rows_of(told)["metrics"] == 40_000
    assert server.psql("SELECT count(*) FROM metrics", "killed") == "40000"
    lab.start()
    assert len(MlflowClient(lab.mlflow_url).get_metric_history(run, "m")) == 40_000


def source_rows(lab):
    database = sqlite3.connect(lab.data_dir / "mlflow.db")
    return list(database.iterdump())


def test_what_cannot_be_moved_says_why_and_changes_nothing(server, lab, elsewhere, tmp_path):
    client = MlflowClient(lab.mlflow_url)
    client.create_run(client.create_experiment("kept"))
    running = migrate(lab, f"--to-db={server.uri('postgres')}", check=False)
    assert "is running" in running and "down" in running
    lab.stop()
    before = source_rows(lab)
    settings = lab.data_dir / "mlops-sandbox.conf"

    uri = server.make_database("used")
    other = tmp_path / "other"
    with OwnLab(other, f"--backend-store-uri={uri}") as used:
        MlflowClient(used.mlflow_url).create_experiment("of somebody else")
    assert "Name an empty one" in migrate(lab, f"--to-db={uri}", check=False)
    assert server.psql("SELECT name FROM experiments WHERE experiment_id = 1", "used") == "of somebody else"

    empty = server.make_database("empty")
    assert "has no bucket 'nowhere'" in migrate(
        lab, f"--to-db={empty}", "--to-s3=s3://nowhere/x", f"--endpoint={elsewhere.s3_url}",
        f"--access-key={OwnLab.access_key}", f"--secret-key={OwnLab.secret_key}", check=False,
    )
    wrong = migrate(lab, f"--to-db={server.uri('empty', password='wrong-secret')}", check=False)
    assert "password" in wrong and "wrong-secret" not in wrong
    missing = migrate(lab, f"--to-db={server.uri('missing')}", check=False)
    assert "missing" in missing
    assert "to-db" in migrate(lab, check=False)
    assert "already" in migrate(lab, f"--to-db=sqlite:///{lab.data_dir}/mlflow.db", check=False)

    assert source_rows(lab) == before
    assert not settings.exists()
    lab.start()
    assert {one.name for one in MlflowClient(lab.mlflow_url).search_experiments()} == {"kept", "Default"}


def test_a_dry_run_changes_nothing(server, lab):
    lab.stop()
    uri = server.make_database("dry")
    done = subprocess.run(
        [binary(), "migrate", f"--data-dir={lab.data_dir}", f"--to-db={uri}", "--dry-run"],
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 0 and "Nothing was changed" in done.stdout
    assert server.password not in done.stdout
    assert server.psql("SELECT count(*) FROM experiments", "dry") == "0"
    assert not (lab.data_dir / "migration.json").exists()
