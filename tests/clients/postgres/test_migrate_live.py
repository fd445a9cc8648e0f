"""A lab moves while clients write to it: no acknowledged point or file is missing, there and back
(rows S1-3, S4-23, S4-33)."""

import sqlite3
import subprocess
import time

import pytest
from botocore.exceptions import ClientError
from migration_support import Writer, fill, migrate, real_mlflow, s3, to_elsewhere
from mlflow import MlflowClient
from mlflow.entities import Metric
from own_lab import OwnLab, binary
from postgres_server import PostgresServer
from store_contents import contents


@pytest.fixture(autouse=True)
def first_failure_counts(monkeypatch):
    """A client that tried again would hide a refusal."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


def log_much(lab, points):
    """So that one pass takes a while."""
    client = MlflowClient(lab.mlflow_url)
    run = client.create_run(client.create_experiment("much")).info.run_id
    for begin in range(0, points, 1000):
        client.log_batch(run, [Metric("m", i, i, i) for i in range(begin, begin + 1000)])


def test_clients_log_while_the_lab_moves_there_and_back(server, lab, elsewhere, tmp_path, monkeypatch):
    fill(lab, tmp_path, monkeypatch)
    log_much(lab, 60_000)
    source = sqlite3.connect(lab.data_dir / "mlflow.db")
    uri = server.make_database("live")

    with Writer(lab.mlflow_url, tmp_path) as writer:
        time.sleep(0.5)
        told = migrate(lab, *to_elsewhere(uri, elsewhere))
        in_source = source.execute("SELECT count(*) FROM metrics").fetchone()[0]
        time.sleep(0.5)
    assert told["is_equal"] and told["is_switched"]
    assert writer.check(lab.mlflow_url) > 100
    points = int(server.psql("SELECT count(*) FROM metrics", "live"))
    assert points == 60_104 + writer.steps + writer.singles
    # Nothing was written to the old place any more.
    assert source.execute("SELECT count(*) FROM metrics").fetchone()[0] == in_source < points
    assert server.password not in (lab.data_dir / "logs" / "server.log").read_text()

    # What a client still knows of the old S3 place is refused there, not lost.
    with pytest.raises(ClientError, match="AccessDenied.*moved to"):
        s3(lab).put_object(Bucket="mlflow", Key="late", Body=b"late")

    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", elsewhere.s3_url)
    there = contents(lab.mlflow_url)
    with real_mlflow(uri, elsewhere, tmp_path / "real") as real:
        assert contents(real.mlflow_url) == there
    lab.kill()
    lab.start()
    assert contents(lab.mlflow_url) == there

    with Writer(lab.mlflow_url, tmp_path) as second:
        time.sleep(0.5)
        back = migrate(lab, f"--to-db=sqlite:///{tmp_path}/back.db", "--to-s3=s3://mlflow")
        time.sleep(0.5)
    assert back["is_equal"] and back["is_switched"]
    second.check(lab.mlflow_url)
    writer.check(lab.mlflow_url)
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", lab.s3_url)
    here = contents(lab.mlflow_url)
    assert here["runs"].pop(second.run)
    here["experiments"] = {id_: one for id_, one in here["experiments"].items() if id_ in there["experiments"]}
    assert here == there
    s3(lab).put_object(Bucket="mlflow", Key="late", Body=b"late")
    lab.stop()
    lab.start()
    second.check(lab.mlflow_url)


def test_a_lab_killed_while_it_moves_stays_where_it_was_and_goes_on(server, lab, elsewhere, tmp_path):
    log_much(lab, 40_000)
    uri = server.make_database("killed_live")
    words = [binary(), "migrate", f"--data-dir={lab.data_dir}", *to_elsewhere(uri, elsewhere)]
    with Writer(lab.mlflow_url, tmp_path) as writer:
        command = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while server.psql("SELECT count(*) FROM metrics", "killed_live", check=False) in ("0",) or not (
            lab.data_dir / "migration.json"
        ).exists():
            assert command.poll() is None, command.stderr.read()
        lab.kill()
    assert command.wait(30) != 0 and "same command" in command.stderr.read()
    writer.failure = None  # it lost its server
    lab.start()
    client = MlflowClient(lab.mlflow_url)
    kept = [point.step for point in client.get_metric_history(writer.run, "batched")]
    assert kept[: writer.steps] == list(range(writer.steps))

    with Writer(lab.mlflow_url, tmp_path) as second:
        assert migrate(lab, *to_elsewhere(uri, elsewhere))["is_switched"]
    second.check(lab.mlflow_url)
    moved = MlflowClient(lab.mlflow_url).get_metric_history(writer.run, "batched")
    assert [point.step for point in moved] == kept


def test_a_postgresql_that_dies_leaves_the_lab_where_it_was(postgres_folder, lab, tmp_path):
    log_much(lab, 40_000)
    with PostgresServer(postgres_folder / "dying") as dying:
        uri = dying.make_database("half")
        with Writer(lab.mlflow_url, tmp_path) as writer:
            command = subprocess.Popen(
                [binary(), "migrate", f"--data-dir={lab.data_dir}", f"--to-db={uri}"],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            )
            while not (lab.data_dir / "migration.json").exists():
                assert command.poll() is None, command.stderr.read()
            dying.stop("immediate")
            assert command.wait(120) != 0
        told = command.stderr.read()
        assert "PostgreSQL" in told and dying.password not in told
    writer.check(lab.mlflow_url)
    assert not (lab.data_dir / "mlops-sandbox.conf").exists()


def test_a_second_migration_waits_its_turn_and_bad_targets_change_nothing(server, lab, elsewhere, tmp_path):
    log_much(lab, 1_000)
    other = server.make_database("taken")
    with OwnLab(tmp_path / "other", f"--backend-store-uri={other}") as used:
        MlflowClient(used.mlflow_url).create_experiment("of somebody else")
    assert "Name an empty one" in migrate(lab, f"--to-db={other}", check=False)
    assert "already" in migrate(lab, f"--to-db=sqlite:///{lab.data_dir}/mlflow.db", check=False)
    own = migrate(
        lab, f"--to-db={other}", "--to-s3=s3://mlflow/x", f"--endpoint={lab.s3_url}",
        f"--access-key={OwnLab.access_key}", f"--secret-key={OwnLab.secret_key}", check=False,
    )
    assert "own S3 port" in own
    missing = migrate(lab, f"--to-db={server.uri('missing')}", check=False)
    assert "missing" in missing and server.password not in missing
    assert not (lab.data_dir / "mlops-sandbox.conf").exists()
    assert MlflowClient(lab.mlflow_url).get_experiment_by_name("much")


def test_a_database_that_other_servers_use_is_not_left_by_one_of_them(server, tmp_path):
    uri = server.make_database("shared")
    back = f"--to-db=sqlite:///{tmp_path}/back.db"
    with OwnLab(tmp_path / "one", f"--backend-store-uri={uri}") as one:
        with OwnLab(tmp_path / "two", f"--backend-store-uri={uri}") as two:
            MlflowClient(two.mlflow_url).create_experiment("shared")
            refused = migrate(one, back, check=False)
            assert "Other servers use the lab's database: mlops-sandbox at 127.0.0.1" in refused
        assert migrate(one, back)["is_switched"]
        assert MlflowClient(one.mlflow_url).get_experiment_by_name("shared")


def test_only_the_person_who_runs_the_lab_may_move_it(lab):
    import requests

    answer = requests.post(lab.mlflow_url + "/api/sandbox/migrate", json={"to_db": "sqlite:////tmp/x"}, timeout=30)
    assert answer.status_code == 403
    assert answer.json()["error_code"] == "PERMISSION_DENIED"
