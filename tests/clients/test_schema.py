"""Our database file is MLflow's: the same schema, readable and writable by the real server."""

import re
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import requests
from own_lab import OwnLab, RealServer, binary

GOLDEN = Path(__file__).parents[1] / "golden" / "mlflow-3.17-schema.sql"
CREATED = re.compile(r'CREATE\s+(?:UNIQUE\s+)?(TABLE|INDEX|TRIGGER)\s+(?:IF NOT EXISTS\s+)?"?(\w+)"?', re.I)


def normal(sql):
    return re.sub(r"\s+", " ", sql).strip().rstrip(";").strip()


def objects_of_dump(text):
    """{(kind, name): statement} of a file of CREATE statements."""
    text = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    objects, statement = {}, ""
    for line in text.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            if match := CREATED.match(statement.strip()):
                objects[match[1].lower(), match[2]] = normal(statement)
            statement = ""
    assert not statement.strip(), statement
    return objects


def objects_of_file(database):
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
            " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        )
        return {(kind, name): normal(sql) for kind, name, sql in rows}


def query(database, sql):
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return connection.execute(sql).fetchall()


def start(folder, database, *options):
    return OwnLab(folder, f"--backend-store-uri=sqlite:///{database}", *options)


def test_a_fresh_file_has_mlflows_schema(tmp_path):
    database = tmp_path / "fresh.db"
    with start(tmp_path / "lab", database) as lab:
        lab.stop()
    ours, theirs = objects_of_file(database), objects_of_dump(GOLDEN.read_text())
    assert len(theirs) > 100
    # We may add indexes of our own, by a name that MLflow never uses.
    own = {key for key in ours if key[0] == "index" and key[1].startswith("sandbox_")}
    assert sorted(set(theirs) - set(ours)) == []
    assert sorted(set(ours) - set(theirs) - own) == []
    differing = {key: (theirs[key], ours[key]) for key in theirs if theirs[key] != ours[key]}
    assert differing == {}
    assert query(database, "SELECT version_num FROM alembic_version") == [("dc11669786a5",)]
    assert query(database, "PRAGMA integrity_check") == [("ok",)]
    assert query(database, "PRAGMA foreign_key_check") == []


def call(base, method, path, **rest):
    answer = requests.request(method, f"{base}/api/2.0/mlflow/{path}", timeout=60, **rest)
    assert answer.status_code == 200, (path, answer.status_code, answer.text)
    return answer.json()


def fill(base):
    def post(path, **body):
        return call(base, "POST", path, json=body)

    tags = [{"key": "team", "value": "한글"}]
    kept = post("experiments/create", name="kept", tags=tags)["experiment_id"]
    gone = post("experiments/create", name="gone", artifact_location="s3://mlflow/gone")
    post("experiments/delete", **gone)
    for number in range(4):
        run = post(
            "runs/create",
            experiment_id=kept,
            run_name=f"run {number}",
            start_time=1000 + number,
            user_id="bob",
            tags=[{"key": "mlflow.source.name", "value": "x.py"}],
        )["run"]["info"]["run_id"]
        values = ["NaN", "Infinity", "-Infinity", 0.1]
        post(
            "runs/log-batch",
            run_id=run,
            metrics=[
                {"key": key, "value": value, "timestamp": 5 + step, "step": step}
                for key in ("loss", "acc")
                for step, value in enumerate(values[number:] + [number, -1.5])
            ],
            params=[{"key": "lr", "value": str(number)}, {"key": "empty", "value": ""}],
            tags=[{"key": "note", "value": "a\nb 😀"}],
        )
        post("runs/log-metric", run_id=run, key="single", value=number, timestamp=9, step=-3)
        dataset = {"name": "d", "digest": "x", "source_type": "local", "source": "s", "schema": "c"}
        context = [{"key": "mlflow.data.context", "value": "train"}]
        post("runs/log-inputs", run_id=run, datasets=[{"dataset": dataset, "tags": context}])
    post("runs/update", run_id=run, status="FINISHED", end_time=2000)
    last = run
    other = post("runs/create", experiment_id=kept, start_time=1)["run"]["info"]["run_id"]
    post("runs/delete", run_id=other)
    model = post(
        "logged-models",
        experiment_id=kept,
        name="logged",
        model_type="tree",
        source_run_id=last,
        params=[{"key": "depth", "value": "3"}],
        tags=[{"key": "t", "value": "v"}],
    )["model"]["info"]["model_id"]
    call(
        base, "PATCH", f"logged-models/{model}",
        json={"model_id": model, "status": "LOGGED_MODEL_READY"},
    )
    post("runs/log-metric", run_id=last, key="m", value=1, timestamp=1, model_id=model)
    post("runs/outputs", run_id=last, models=[{"model_id": model, "step": 2}])
    post("registered-models/create", name="registered", description="d", tags=tags)
    post("model-versions/create", name="registered", source="s3://b/x", run_id=last, tags=tags)
    post("model-versions/create", name="registered", source=f"models:/{model}", model_id=model)
    post("model-versions/create", name="registered", source="s3://b/z")
    call(base, "DELETE", "model-versions/delete", json={"name": "registered", "version": "3"})
    post("registered-models/alias", name="registered", alias="best", version="1")
    stage = {"stage": "Staging", "archive_existing_versions": False}
    post("model-versions/transition-stage", name="registered", version="2", **stage)


def seen(base):
    """Everything a client can ask for, as the server answers it."""
    answers = {}

    def ask(name, method, path, **rest):
        answers[name] = call(base, method, path, **rest)
        return answers[name]

    for view in ("ACTIVE_ONLY", "DELETED_ONLY"):
        body = {"max_results": 1000, "view_type": view}
        found = ask(f"experiments {view}", "POST", "experiments/search", json=body)
        ids = [experiment["experiment_id"] for experiment in found.get("experiments", [])]
        body = {"experiment_ids": ids, "run_view_type": view, "order_by": ["metrics.loss DESC"]}
        runs = ask(f"runs {view}", "POST", "runs/search", json=body).get("runs", [])
        for info in (run["info"] for run in runs):
            run = info["run_id"]
            ask(f"run {run}", "GET", "runs/get", params={"run_id": run})
            for key in ("loss", "single"):
                params = {"run_id": run, "metric_key": key}
                ask(f"history {run} {key}", "GET", "metrics/get-history", params=params)
        models = ask(f"models {view}", "POST", "logged-models/search", json={"experiment_ids": ids})
        for model in models.get("models", []):
            model = model["info"]["model_id"]
            ask(f"model {model}", "GET", f"logged-models/{model}")
    ask("filtered", "POST", "runs/search", json={
        "experiment_ids": ["1"],
        "filter": "metrics.acc > 0 AND params.lr != '9' AND tags.note LIKE 'a%'"
                  " AND dataset.context = 'train'",
    })
    ask("registered", "GET", "registered-models/search")
    ask("versions", "GET", "model-versions/search")
    ask("alias", "GET", "registered-models/alias", params={"name": "registered", "alias": "best"})
    for version in ("1", "2"):
        one = {"name": "registered", "version": version}
        ask(f"uri {version}", "GET", "model-versions/get-download-uri", params=one)
    return answers


def write_more(base):
    """One of each kind of write, into a file that another server made."""
    post = lambda path, **body: call(base, "POST", path, json=body)
    experiment = post("experiments/create", name="later")["experiment_id"]
    run = post("runs/create", experiment_id=experiment, start_time=int(time.time() * 1000))
    run = run["run"]["info"]["run_id"]
    post("runs/log-metric", run_id=run, key="m", value=1, timestamp=1)
    post("runs/log-parameter", run_id=run, key="p", value="1")
    post("registered-models/create", name="later")
    version = post("model-versions/create", name="later", source="s3://b/x", run_id=run)
    assert version["model_version"]["version"] == "1"
    version = post("model-versions/create", name="registered", source="s3://b/x")
    assert version["model_version"]["version"] == "4"


def test_the_real_server_opens_our_file_and_we_open_it_again(tmp_path):
    database, copy = tmp_path / "ours.db", tmp_path / "copy.db"
    with start(tmp_path / "lab", database) as lab:
        fill(lab.mlflow_url)
        ours = seen(lab.mlflow_url)
        lab.stop()
    assert len(ours["runs ACTIVE_ONLY"]["runs"]) == 4
    shutil.copy(database, copy)
    with RealServer(sys.executable, copy, tmp_path / "real") as real:
        assert seen(real.mlflow_url) == ours
        write_more(real.mlflow_url)
        theirs = seen(real.mlflow_url)
    with start(tmp_path / "again", copy) as lab:
        assert seen(lab.mlflow_url) == theirs
        lab.stop()


def test_a_file_of_the_real_server_is_adopted_when_told_to(tmp_path):
    """Nothing is changed before that, and a copy is taken first."""
    database, copy = tmp_path / "theirs.db", tmp_path / "copy.db"
    with RealServer(sys.executable, database, tmp_path / "real") as real:
        fill(real.mlflow_url)
        theirs = seen(real.mlflow_url)
    assert len(theirs["runs ACTIVE_ONLY"]["runs"]) == 4
    shutil.copy(database, copy)
    before = list(sqlite3.connect(copy).iterdump())
    refused = subprocess.run(
        [binary(), "up", "--ci", f"--data-dir={tmp_path / 'lab'}",
         f"--backend-store-uri=sqlite:///{copy}"],
        capture_output=True, text=True, timeout=60,
    )
    assert refused.returncode != 0 and "--adopt" in refused.stderr
    assert "Nothing in it was changed" in refused.stderr
    assert list(sqlite3.connect(copy).iterdump()) == before
    with start(tmp_path / "lab", copy, "--adopt") as lab:
        assert seen(lab.mlflow_url) == theirs
        (kept,) = tmp_path.glob("copy.db.before-adoption-*")
        assert list(sqlite3.connect(kept).iterdump()) == before
        write_more(lab.mlflow_url)
        assert query(copy, "PRAGMA foreign_key_check") == []
        lab.stop()
