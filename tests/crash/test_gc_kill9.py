"""kill -9 in the middle of gc, of the server's and of a stopped lab's: the next gc finishes."""

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "clients"))

from mlflow import MlflowClient  # noqa: E402
from own_lab import OwnLab, binary  # noqa: E402

RUNS, POINTS, FILES = 40, 4_000, 5


def objects(lab):
    s3 = boto3.client(
        "s3", endpoint_url=lab.s3_url, aws_access_key_id=lab.access_key,
        aws_secret_access_key=lab.secret_key, region_name="us-east-1",
    )
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="mlflow")
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def fill(lab):
    """(the live run, the deleted ones): each with points and files; half of them in an experiment."""
    client = MlflowClient(lab.mlflow_url)
    os.environ["MLFLOW_TRACKING_URI"] = lab.mlflow_url
    experiment = client.create_experiment(f"gone-{time.monotonic_ns()}")
    live = client.create_run("0").info.run_id
    deleted = [client.create_run("0" if i % 2 else experiment).info.run_id for i in range(RUNS)]
    for run in [live, *deleted]:
        for number in range(FILES):
            client.log_text(run, "x", f"{number}.txt")
    del os.environ["MLFLOW_TRACKING_URI"]
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {POINTS})"
    connection = sqlite3.connect(lab.data_dir / "mlflow.db")
    with connection:
        for run in [live, *deleted]:
            connection.execute(
                "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan)"
                f" {numbers} SELECT 'm', i, 1, '{run}', i, 0 FROM n"
            )
    connection.close()
    for run in deleted[1::2]:
        client.delete_run(run)
    client.delete_experiment(experiment)
    return live, deleted


def counts(lab):
    connection = sqlite3.connect(lab.data_dir / "mlflow.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    found = {
        "runs": {run for (run,) in connection.execute("SELECT run_uuid FROM runs")},
        "points": dict(connection.execute("SELECT run_uuid, COUNT(*) FROM metrics GROUP BY 1")),
    }
    connection.close()
    return found


def check_half(lab, live, deleted):
    """Whatever was reached: no files without a row, nothing of the live run gone."""
    found, keys = counts(lab), objects(lab)
    assert {key.split("/")[1] for key in keys} <= found["runs"]
    assert found["points"][live] == POINTS
    assert sum(live in key for key in keys) == FILES
    return sum(run in found["runs"] for run in deleted)


def gc_words(lab):
    return [binary(), "gc", "--json", "--data-dir", str(lab.data_dir)]


def finish(lab, live):
    done = subprocess.run(gc_words(lab), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["kind"] == "total"
    return counts(lab)


def has_begun(lab):
    connection = sqlite3.connect(lab.data_dir / "mlflow.db")
    try:
        sql = "SELECT COUNT(*) FROM experiment_tags WHERE key = 'sandbox.purging'"
        return connection.execute(sql).fetchone()[0] > 0
    finally:
        connection.close()


def after(lab, process, lines):
    """Waits until gc has told of so many things, then a moment that is never the same."""
    while not has_begun(lab):
        assert process.poll() is None
    for _ in range(lines):
        assert process.stdout.readline()
    time.sleep(random.random() * 0.05)


@pytest.mark.parametrize("lines", [0, 1, 15])
@pytest.mark.parametrize("victim", ["server", "stopped lab"])
def test_a_killed_gc_is_finished_by_the_next(tmp_path, victim, lines):
    with OwnLab(tmp_path / "lab") as lab:
        live, deleted = fill(lab)
        if victim == "stopped lab":
            lab.stop()
        process = subprocess.Popen(gc_words(lab), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        after(lab, process, lines)
        if victim == "server":
            lab.kill()
        else:
            process.kill()
        process.communicate()
        assert process.returncode != 0
        lab.start()
        assert check_half(lab, live, deleted) > 0
        if victim == "stopped lab":
            lab.stop()
        found = finish(lab, live)
        assert found == {"runs": {live}, "points": {live: POINTS}}
        if victim == "stopped lab":
            lab.start()
        assert len(objects(lab)) == FILES
        lab.stop()
