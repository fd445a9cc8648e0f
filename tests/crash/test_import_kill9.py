"""kill -9 in the middle of an import, of the server's and of a stopped lab's: what is there is
whole, and the same command goes on to the end. Rows S4-3 and S4-33 of the labs."""

import json
import random
import sqlite3
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "clients"))

from mlflow import MlflowClient  # noqa: E402
from own_lab import OwnLab, binary  # noqa: E402

RUNS, POINTS, FILES = 600, 100, 2


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A database of the real MLflow with many runs, each with points and files."""
    folder = tmp_path_factory.mktemp("source")
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.create_experiment("many", artifact_location=f"{folder}/mlruns/1")
    connection = sqlite3.connect(folder / "mlflow.db")
    with connection:
        for number in range(RUNS):
            run = uuid.uuid4().hex
            place = folder / "mlruns" / experiment / run / "artifacts"
            place.mkdir(parents=True)
            for file in range(FILES):
                (place / f"{file}.txt").write_text(f"{run} {file}" * 500)
            connection.execute(
                "INSERT INTO runs (run_uuid, name, source_type, user_id, status, start_time,"
                " lifecycle_stage, artifact_uri, experiment_id)"
                " VALUES (?, ?, 'LOCAL', 'me', 'FINISHED', ?, 'active', ?, ?)",
                (run, f"run {number}", number, str(place), experiment),
            )
            connection.execute("INSERT INTO params VALUES ('lr', '1', ?)", (run,))
            connection.executemany(
                "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES ('m', ?, ?, ?, ?, 0)",
                [(step / 3, step, run, step) for step in range(POINTS)],
            )
            connection.execute(
                "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('m', ?, ?, ?, 0, ?)",
                ((POINTS - 1) / 3, POINTS - 1, POINTS - 1, run),
            )
    connection.close()
    return folder / "mlflow.db"


def words(lab, source):
    return [binary(), "import", "mlflow-db", str(source), "--json", "--data-dir", str(lab.data_dir)]


def wait_for_runs(lab, process, count):
    """Until so many have come, or all."""
    deadline = time.monotonic() + 60
    connection = sqlite3.connect(f"file:{lab.data_dir}/mlflow.db?mode=ro", uri=True)
    while process.poll() is None and time.monotonic() < deadline:
        if connection.execute("SELECT COUNT(*) FROM runs").fetchone()[0] >= count:
            break
    connection.close()


def check_whole(lab):
    """Every run that is there has all its points, its param and its files."""
    connection = sqlite3.connect(lab.data_dir / "mlflow.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    runs = [run for (run,) in connection.execute("SELECT run_uuid FROM runs")]
    points = dict(connection.execute("SELECT run_uuid, COUNT(*) FROM metrics GROUP BY 1"))
    params = dict(connection.execute("SELECT run_uuid, COUNT(*) FROM params GROUP BY 1"))
    connection.close()
    assert points == dict.fromkeys(runs, POINTS)
    assert params == dict.fromkeys(runs, 1)
    return runs


def check_files(lab, runs):
    client = MlflowClient(lab.mlflow_url)
    for run in runs:
        assert [(file.path, file.file_size) for file in client.list_artifacts(run)] == [
            (f"{number}.txt", len(f"{run} {number}") * 500) for number in range(FILES)
        ]


def finish(lab, source):
    done = subprocess.run(words(lab, source), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    total = json.loads(done.stdout.splitlines()[-1])
    assert total["is_equal"]
    counts = {one["kind"]: [one["source"], one["target"]] for one in total["compared"]}
    assert counts["points"] == [RUNS * POINTS] * 2 and counts["artifacts"] == [RUNS * FILES] * 2
    return total


@pytest.mark.parametrize("victim", ["server", "command"])
def test_an_import_that_is_killed_goes_on(victim, source, tmp_path):
    """The server does the work of a running lab; the command that of a stopped one."""
    rng = random.Random(f"import {victim}")
    reached = []
    with OwnLab(tmp_path / "data") as lab:
        for _ in range(5):
            if victim == "command":
                lab.stop()
            process = subprocess.Popen(words(lab, source), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_for_runs(lab, process, (reached or [0])[-1] + rng.randint(1, 60))
            if victim == "command":
                process.kill()
                process.wait()
            else:
                lab.kill()
                process.wait(timeout=60)
            lab.start()
            runs = check_whole(lab)
            check_files(lab, runs[::10])
            reached.append(len(runs))
        finish(lab, source)
        runs = check_whole(lab)
        assert len(runs) == RUNS
        check_files(lab, runs)
        assert finish(lab, source)["added"] == 0
    assert reached == sorted(reached)
    assert reached[0] < RUNS, "no kill came before the end"
