"""What is deleted goes for ever: gc, experiments delete --hard and the trash, as people use them."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading

import boto3
import mlflow
import pytest
import requests
from conftest import Lab, clean_environment
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, LoggedModelOutput, Metric
from own_lab import binary, wait_until
from real_clients import client_environment

DAY_MS = 86_400_000


def command(lab_or_dir, *words, stdin="", code=0):
    data_dir = getattr(lab_or_dir, "data_dir", lab_or_dir)
    done = subprocess.run(
        [binary(), *words, "--data-dir", str(data_dir)],
        env=clean_environment(), input=stdin, capture_output=True, text=True, timeout=120,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


def gc(lab, *words):
    """The lines of `gc --json`."""
    return [json.loads(line) for line in command(lab, "gc", "--json", *words).splitlines()]


def objects(lab, bucket="mlflow"):
    s3 = boto3.client(
        "s3", endpoint_url=lab.s3_url, aws_access_key_id=lab.access_key,
        aws_secret_access_key=lab.secret_key, region_name="us-east-1",
    )
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}


def query(data_dir, sql, *values):
    connection = sqlite3.connect(f"file:{data_dir}/mlflow.db?mode=ro", uri=True)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def write(data_dir, *statements):
    connection = sqlite3.connect(f"{data_dir}/mlflow.db")
    with connection:
        for sql in statements:
            connection.execute(sql)
    connection.close()


@pytest.fixture
def client(fresh_lab, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", fresh_lab.mlflow_url)
    mlflow.set_tracking_uri(fresh_lab.mlflow_url)
    yield MlflowClient()
    mlflow.set_tracking_uri(None)


def log_run(client, experiment, points=3, files=2):
    run = client.create_run(experiment).info.run_id
    client.log_batch(run, [Metric(f"m{step % 2}", step, 1, step) for step in range(points)])
    client.log_param(run, "lr", "0.1")
    for number in range(files):
        client.log_text(run, "x" * 10, f"dir/{number}.txt")
    return run


def log_model(client, experiment, run, folder):
    model = client.create_logged_model(experiment, name="model", source_run_id=run, tags={"a": "b"})
    folder.mkdir(exist_ok=True)
    (folder / "model.pkl").write_bytes(b"weights")
    client.log_model_artifacts(model.model_id, str(folder))
    client.finalize_logged_model(model.model_id, "READY")
    client.log_metric(run, "accuracy", 0.5, model_id=model.model_id)
    client.log_outputs(run, [LoggedModelOutput(model.model_id, 1)])
    return model.model_id


def test_what_the_client_deleted_goes_with_its_files(fresh_lab, client, tmp_path):
    kept = client.create_experiment("kept")
    gone = client.create_experiment("gone")
    live = log_run(client, kept)
    deleted = log_run(client, kept)
    inside = log_run(client, gone)
    model = log_model(client, kept, live, tmp_path / "m")
    other_model = log_model(client, gone, inside, tmp_path / "m")
    client.delete_run(deleted)
    client.delete_experiment(gone)
    client.delete_logged_model(model)
    before = objects(fresh_lab)

    told = command(fresh_lab, "gc", "--dry-run")
    assert "Would delete 2 runs, 2 logged models, 1 experiment, 6 files" in told
    assert "Nothing was changed" in told and f"Run with ID {deleted} would be" in told
    assert objects(fresh_lab) == before

    printed = command(fresh_lab, "gc")
    assert f"Run with ID {deleted} has been permanently deleted (2 files, 20 bytes)." in printed
    assert f"Logged model with ID {other_model} has been permanently deleted" in printed
    assert f"Experiment with ID {gone} has been permanently deleted" in printed
    left = objects(fresh_lab)
    assert sorted(left) == [f"{kept}/{live}/artifacts/dir/{number}.txt" for number in range(2)]
    assert client.get_run(live).data.params == {"lr": "0.1"}
    for call in (lambda: client.get_run(deleted), lambda: client.get_experiment(gone)):
        with pytest.raises(mlflow.MlflowException, match="not found|No Experiment"):
            call()
    assert query(fresh_lab.data_dir, "PRAGMA foreign_key_check") == []
    assert client.create_experiment("gone")  # the name is free
    assert [line["kind"] for line in gc(fresh_lab)] == ["total"]


def test_older_than_and_ids(fresh_lab, client):
    first, second = log_run(client, "0"), log_run(client, "0")
    live = log_run(client, "0")
    client.delete_run(first)
    client.delete_run(second)
    assert gc(fresh_lab, "--older-than", "1h")[-1]["runs"] == 0
    refused = command(fresh_lab, "gc", "--run-ids", f"{first},{live}", code=1)
    assert f"Run {live} is not in `deleted` lifecycle stage" in refused
    refused = command(fresh_lab, "gc", "--older-than", "soon", code=1)
    assert "Could not parse any time information from 'soon'" in refused
    assert [line["id"] for line in gc(fresh_lab, "--run-ids", first)] == [first, ""]
    assert client.get_run(second).info.lifecycle_stage == "deleted"


def test_the_endpoint_is_in_the_table_and_checks_what_it_is_told(fresh_lab, client):
    table = requests.get(fresh_lab.mlflow_url + "/sandbox/api.json", timeout=30).json()["endpoints"]
    assert ("POST", "sandbox/gc") in {(row["method"], row["path"]) for row in table}
    live = client.create_run("0").info.run_id
    for body, status, code, sentence in (
        ({"run_ids": 5}, 400, "INVALID_PARAMETER_VALUE", "run_ids"),
        ({"older_than": "soon"}, 400, "INVALID_PARAMETER_VALUE", "Could not parse"),
        ({"orphan_age": "-1h"}, 400, "INVALID_PARAMETER_VALUE", "Could not parse"),
        ({"run_ids": ["f" * 32]}, 404, "RESOURCE_DOES_NOT_EXIST", "not found"),
        ({"run_ids": [live]}, 400, "INVALID_PARAMETER_VALUE", "lifecycle stage"),
        ({"experiment_ids": ["x"]}, 400, "INVALID_PARAMETER_VALUE", "experiment"),
        ({"experiment_ids": ["77"]}, 404, "RESOURCE_DOES_NOT_EXIST", "No Experiment with id=77"),
        ({"logged_model_ids": ["m-1"]}, 404, "RESOURCE_DOES_NOT_EXIST", "m-1"),
    ):
        answer = requests.post(fresh_lab.mlflow_url + "/api/sandbox/gc", json=body, timeout=30)
        assert (answer.status_code, answer.json()["error_code"]) == (status, code), answer.text
        assert sentence in answer.json()["message"]
    from_a_page = requests.post(
        fresh_lab.mlflow_url + "/ajax-api/sandbox/gc", json={}, timeout=30,
        headers={"Origin": "https://evil.example"},
    )
    assert from_a_page.status_code == 403
    assert client.get_run(live).info.lifecycle_stage == "active"


def test_a_stopped_lab_is_cleaned_where_it_kept_its_rows(tmp_path, monkeypatch):
    database = tmp_path / "elsewhere.db"
    lab = Lab(tmp_path / "data", "--backend-store-uri", f"sqlite:///{database}")
    client = MlflowClient(lab.mlflow_url)
    run = log_run(client, "0", files=0)
    client.delete_run(run)
    lab.stop()
    assert gc(lab)[0]["id"] == run
    assert not (lab.data_dir / "mlflow.db").exists()
    shutil.rmtree(lab.data_dir)
    refused = command(lab, "gc", "--orphans", code=1)
    assert "There is no metadata database" in refused and not lab.data_dir.exists()


def test_a_live_run_does_not_notice(fresh_lab, client):
    """Clients log runs and delete some while gc runs in a loop beside them."""
    stop, failures, kept, deleted = threading.Event(), [], [], []

    def work():
        try:
            while not stop.is_set():
                run = log_run(client, "0", points=200, files=3)
                for step in range(20):
                    client.log_metric(run, "late", step, step=step)
                client.set_terminated(run)
                if len(kept) <= len(deleted):
                    kept.append(run)
                else:
                    client.delete_run(run)
                    deleted.append(run)
        except Exception as error:  # noqa: BLE001 - told by the test
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    removed = 0
    for _ in range(12):
        removed += gc(fresh_lab, "--orphans", "--orphan-age", "0s")[-1]["runs"]
    stop.set()
    for thread in threads:
        thread.join()
    removed += gc(fresh_lab)[-1]["runs"]
    assert failures == []
    assert kept and removed == len(deleted) > 0
    left = objects(fresh_lab)
    assert len(left) == 3 * len(kept)
    for run in kept:
        assert len(client.get_metric_history(run, "late")) == 20
        assert len(client.get_metric_history(run, "m0")) == 100
        assert len(client.list_artifacts(run, "dir")) == 3


def test_strays_on_both_sides(fresh_lab, client, tmp_path):
    run = log_run(client, "0")
    model = log_model(client, "0", run, tmp_path / "m")
    s3 = boto3.client(
        "s3", endpoint_url=fresh_lab.s3_url, aws_access_key_id=fresh_lab.access_key,
        aws_secret_access_key=fresh_lab.secret_key, region_name="us-east-1",
    )
    lost = f"9/{'ab' * 16}/artifacts/"
    for name in ("a", "b/c"):
        s3.put_object(Bucket="mlflow", Key=lost + name, Body=b"12345")
    s3.put_object(Bucket="mlflow", Key="9/mine.txt", Body=b"x")
    s3.delete_object(Bucket="mlflow", Key=f"0/models/{model}/artifacts/model.pkl")

    young = gc(fresh_lab, "--dry-run")
    assert [line["kind"] for line in young] == ["missing", "total"]
    told = gc(fresh_lab, "--dry-run", "--orphan-age", "0s")
    orphan, missing, total = told
    assert orphan["kind"] == "orphan" and orphan["place"] == "s3://mlflow/" + lost[:-1]
    assert (orphan["objects"], orphan["bytes"]) == (2, 10)
    assert missing["kind"] == "missing" and missing["id"] == model
    assert (total["orphans"], total["missing"], total["bytes"]) == (1, 1, 10)
    assert gc(fresh_lab)[-1]["objects"] == 0  # without --orphans they stay

    printed = command(fresh_lab, "gc", "--orphans", "--orphan-age", "0s")
    assert f"Removed s3://mlflow/{lost[:-1]} (2 files, 10 bytes)" in printed
    assert sorted(objects(fresh_lab)) == ["0/" + run + "/artifacts/dir/0.txt",
                                          "0/" + run + "/artifacts/dir/1.txt", "9/mine.txt"]


def dump(data_dir):
    tables = [name for (name,) in query(
        data_dir, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    )]
    return {
        table: sorted(query(data_dir, f'SELECT * FROM "{table}"'), key=repr) for table in tables
    }


def test_the_rows_left_are_those_that_mlflow_gc_leaves(tmp_path, monkeypatch):
    lab = Lab(tmp_path / "ours")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", lab.mlflow_url)
    mlflow.set_tracking_uri(lab.mlflow_url)
    client = MlflowClient()
    kept, gone = client.create_experiment("kept"), client.create_experiment("gone")
    runs = {}
    for experiment in (kept, gone):
        for name in ("first", "second"):
            run = runs[experiment, name] = log_run(client, experiment)
            dataset = Dataset(name, f"digest-{name}", "local", "/x")
            client.log_inputs(run, [DatasetInput(dataset, [])])
        log_model(client, experiment, runs[experiment, "second"], tmp_path / "m")
    deleted_model = log_model(client, kept, runs[kept, "second"], tmp_path / "m")
    client.delete_run(runs[kept, "first"])
    client.delete_experiment(gone)
    client.delete_logged_model(deleted_model)
    lab.stop()
    mlflow.set_tracking_uri(None)
    for experiment in (kept, gone):
        trace, run = f"tr-{experiment}", runs[experiment, "first"]
        write(
            lab.data_dir,
            "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, status)"
            f" VALUES ('{trace}', {experiment}, 1, 'OK')",
            f"INSERT INTO trace_tags VALUES ('k', 'v', '{trace}')",
            f"INSERT INTO trace_request_metadata VALUES ('mlflow.sourceRun', '{run}', '{trace}')",
            f"INSERT INTO trace_metrics VALUES ('{trace}', 'k', 1.0)",
            "INSERT INTO spans (trace_id, experiment_id, span_id, status, start_time_unix_nano,"
            f" content) VALUES ('{trace}', {experiment}, 's', 'OK', 1, '{{}}')",
            f"INSERT INTO span_metrics VALUES ('{trace}', 's', 'k', 1.0)",
            f"INSERT INTO issues VALUES ('i{experiment}', {kept}, 'n', 'd', 'open', NULL, NULL,"
            f" '{run}', NULL, 1, 1, NULL)",
            f"INSERT INTO label_schemas VALUES ('l{experiment}', {experiment}, 'n', 't', NULL, 0,"
            " 'i', '{}', NULL, 1, 1, 0)",
            f"INSERT INTO review_queues VALUES ('q{experiment}', {experiment}, 'n', 't', NULL, 1,"
            " 1, 'n')",
            f"INSERT INTO review_queue_items VALUES ('q{experiment}', 't', '{trace}', 's', NULL,"
            " NULL, 1, 1)",
            f"INSERT INTO scorers VALUES ({experiment}, 'n', 's{experiment}')",
            f"INSERT INTO scorer_versions VALUES ('s{experiment}', 1, '{{}}', 1)",
            f"INSERT INTO online_scoring_configs VALUES ('o{experiment}', 's{experiment}', 1.0,"
            f" {experiment}, NULL)",
            "INSERT INTO sql_trace_rollup_rebuild_queue VALUES"
            f" ({experiment}, '2026-01-01', 'f')",
            f"INSERT INTO entity_associations VALUES ('a{experiment}', 'evaluation_dataset', 'd',"
            f" 'experiment', '{experiment}', 1)",
            "INSERT INTO endpoints (endpoint_id, name, created_at, last_updated_at,"
            f" experiment_id) VALUES ('e{experiment}', 'n{experiment}', 1, 1, {experiment})",
        )
    shutil.copytree(lab.data_dir, tmp_path / "theirs")

    gc(lab)
    real = Lab(tmp_path / "theirs")
    done = subprocess.run(
        [sys.executable, "-m", "mlflow", "gc", "--backend-store-uri",
         f"sqlite:///{real.data_dir}/mlflow.db"],
        env=client_environment(real), cwd=tmp_path, capture_output=True, text=True, timeout=180,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"Experiment with ID {gone} has been permanently deleted." in done.stdout
    theirs_left = objects(real)
    real.stop()
    ours, theirs = dump(lab.data_dir), dump(real.data_dir)
    assert ours.keys() == theirs.keys() and len(ours) > 60
    # Where no foreign key leads, MLflow leaves rows behind that name what is gone; nothing else may
    # differ.
    away = {runs[kept, "first"], runs[gone, "first"], runs[gone, "second"], gone}
    for table in ("inputs", "input_tags", "entity_associations"):
        behind = [row for row in theirs[table] if row not in ours[table]]
        assert [row for row in ours[table] if row not in theirs[table]] == []
        assert all(away & set(map(str, row)) for row in behind), behind
        assert not any(away & set(map(str, row)) for row in ours[table])
        del ours[table], theirs[table]
    differing = {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}
    assert differing == {}
    assert len(ours["runs"]) == 1 and len(ours["metrics"]) > 0 and len(ours["trace_info"]) == 1

    lab.start()
    left = objects(lab)
    lab.stop()
    assert left and set(left) <= set(theirs_left)
    # MLflow removes the rows of a deleted experiment's models and leaves their files behind.
    assert all(f"{gone}/models/" in key for key in set(theirs_left) - set(left))


class TestExperiments:
    def test_delete_restore_and_list(self, fresh_lab, client):
        experiment = client.create_experiment("실험 7")
        assert "실험 7" in command(fresh_lab, "experiments", "list")
        printed = command(fresh_lab, "experiments", "delete", "-x", experiment)
        assert printed == f"Experiment with ID {experiment} has been deleted.\n"
        assert "실험 7" not in command(fresh_lab, "experiments", "list")
        found = command(fresh_lab, "experiments", "search", "--view", "deleted_only", "--json")
        assert json.loads(found)["experiment_id"] == experiment
        command(fresh_lab, "experiments", "restore", "실험 7")
        assert client.get_experiment(experiment).lifecycle_stage == "active"
        refused = command(fresh_lab, "experiments", "delete", "nothing", code=1)
        assert "nothing" in refused
        assert "its id or its name" in command(fresh_lab, "experiments", "delete", code=2)

    def test_hard_asks_and_then_all_of_it_is_gone(self, fresh_lab, client):
        experiment = client.create_experiment("old")
        log_run(client, experiment)
        other = log_run(client, "0")
        client.delete_run(other)
        for answer in ("", "n\n"):
            told = command(
                fresh_lab, "experiments", "delete", "--hard", "old", stdin=answer, code=1
            )
            assert "experiment 'old'" in told and "nothing was changed" in told
        assert client.get_experiment(experiment).lifecycle_stage == "active"
        command(fresh_lab, "experiments", "delete", "--hard", "old", stdin="y\n")
        assert client.get_experiment_by_name("old") is None
        assert all(key.startswith("0/") for key in objects(fresh_lab))
        assert client.get_run(other).info.lifecycle_stage == "deleted"
        again = client.create_experiment("old")
        client.delete_experiment(again)
        command(fresh_lab, "experiments", "delete", "--hard", "--yes", "old")
        assert client.get_experiment_by_name("old") is None

    def test_on_a_stopped_lab(self, fresh_lab, client):
        experiment = client.create_experiment("5")  # a name that is a number
        fresh_lab.stop()
        command(fresh_lab, "experiments", "delete", "5")
        assert f"artifacts:/{experiment}" not in command(fresh_lab, "experiments", "list")
        command(fresh_lab, "experiments", "delete", "--hard", "--yes", "5")
        assert len(command(fresh_lab, "experiments", "list", "--view", "all").splitlines()) == 2


def test_the_trash_empties_itself(tmp_path):
    lab = Lab(tmp_path / "data")
    client = MlflowClient(lab.mlflow_url)
    os.environ["MLFLOW_TRACKING_URI"] = lab.mlflow_url
    try:
        old, young, live = (log_run(client, "0", files=0) for _ in range(3))
    finally:
        del os.environ["MLFLOW_TRACKING_URI"]
    client.delete_run(old)
    client.delete_run(young)
    lab.restart()  # 0 days: for ever
    lab.stop()
    month = 30 * DAY_MS
    assert query(lab.data_dir, "SELECT COUNT(*) FROM runs") == [(3,)]
    write(lab.data_dir, f"UPDATE runs SET deleted_time = deleted_time - {month} WHERE run_uuid = '{old}'")
    lab.options = ("--trash-days", "30")
    lab.start()
    wait_until(lambda: query(lab.data_dir, "SELECT COUNT(*) FROM runs") == [(2,)])
    wait_until(lambda: f"trash removed kind=run id={old}" in lab.log())
    client = MlflowClient(lab.mlflow_url)
    assert client.get_run(young).info.lifecycle_stage == "deleted"
    assert client.get_run(live).info.lifecycle_stage == "active"
    lab.stop()


def test_the_server_stops_while_gc_runs(fresh_lab, client):
    run = client.create_run("0").info.run_id
    client.delete_run(run)
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000)"
    write(fresh_lab.data_dir, "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan)"
          f" {rows} SELECT 'm', i, 1, '{run}', i, 0 FROM n")
    process = subprocess.Popen(
        [binary(), "gc", "--data-dir", fresh_lab.data_dir], env=clean_environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    count = "SELECT COUNT(*) FROM metrics"
    wait_until(lambda: query(fresh_lab.data_dir, count)[0][0] < 150_000)
    fresh_lab.stop()
    told, error = process.communicate()
    assert "the next time" in told and process.returncode == 0, error
    assert query(fresh_lab.data_dir, count)[0][0] > 0  # it was not waited for
    assert gc(fresh_lab)[-1]["kind"] == "total"
    assert query(fresh_lab.data_dir, count) == [(0,)]
    assert query(fresh_lab.data_dir, "SELECT COUNT(*) FROM runs") == [(0,)]
