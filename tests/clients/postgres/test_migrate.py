"""A lab moves from SQLite and its own store to PostgreSQL and another S3 server, and back: nothing
is lost, and a real MLflow on the new place shows all of it (rows S1-3, S4-23, S4-33)."""

import json
import signal
import sqlite3
import subprocess
import time

import mlflow
from mlflow import MlflowClient
from migration_support import KEYS, fill, migrate, real_mlflow, rows_of, s3, to_elsewhere
from own_lab import OwnLab, binary
from store_contents import contents


def test_a_lab_moves_there_and_back_and_a_real_mlflow_shows_it(
    server, lab, elsewhere, tmp_path, monkeypatch
):
    fill(lab, tmp_path, monkeypatch)
    before = contents(lab.mlflow_url)
    assert len(before["runs"]) == 3 and len(before["versions"]) == 2 and len(before["traces"]) == 1
    s3(lab).put_object(Bucket="mlflow", Key="direct/tagged", Body=b"x", Tagging="team=red%20%26%20blue")
    files = s3(lab).list_objects_v2(Bucket="mlflow")["KeyCount"]
    lab.stop()
    uri = server.make_database("moved")
    told = migrate(lab, *to_elsewhere(uri, elsewhere))
    assert told["is_equal"] and told["is_switched"]
    assert rows_of(told)["metrics"] == 104
    assert sum(one["objects"] for one in told["files"]) == files >= 4
    assert server.password not in json.dumps(told)

    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", elsewhere.s3_url)
    with real_mlflow(uri, elsewhere, tmp_path / "real") as real:
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
    tags = s3(lab).get_object_tagging(Bucket="mlflow", Key="direct/tagged")["TagSet"]
    assert tags == [{"Key": "team", "Value": "red & blue"}]
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
