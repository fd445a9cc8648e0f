"""Clients of years ago, each in its own environment (tests/requirements-mlflow-*.txt)."""

import json
import os
import re

import pytest
import requests
from real_clients import run_everyday, run_script, server  # noqa: F401

VERSIONS = {"2.9.2": "MLFLOW_2_9_2_PYTHON", "2.10.2": "MLFLOW_2_10_2_PYTHON"}


@pytest.fixture(params=VERSIONS)
def old(request):
    variable = VERSIONS[request.param]
    python = os.environ.get(variable)
    assert python, (
        f"{variable} does not name the Python of an environment with "
        f"tests/requirements-mlflow-{request.param}.txt installed"
    )
    return request.param, python


def test_an_everyday_script(old, server, tmp_path):
    version, python = old
    run_everyday(python, server, tmp_path, version)


@pytest.mark.parametrize("script, metric", [("train.py", "loss"), ("image_classification.py", "train_loss")])
def test_the_scripts_of_the_course(old, server, tmp_path, script, metric):
    version, python = old
    run = run_script(python, server, tmp_path, script)
    api = server.mlflow_url + "/api/2.0/mlflow/"
    history = requests.get(
        api + "metrics/get-history", params={"run_id": run, "metric_key": metric}
    ).json()["metrics"]
    assert [point["step"] for point in history] == list(range(10 if metric == "loss" else 3))
    files = requests.get(
        api + "artifacts/list", params={"run_id": run, "path": "model"}
    ).json()["files"]
    assert "model/MLmodel" in [file["path"] for file in files]
    tags = {
        tag["key"]: tag["value"]
        for tag in requests.get(api + "runs/get", params={"run_id": run}).json()["run"]["data"]["tags"]
    }
    assert "mlflow.log-model.history" in tags


def test_every_endpoint_of_theirs_is_served(old, server, tmp_path):
    """None of them has left the API: what 2.9 and 2.10 describe, this server implements, with every
    field of their requests."""
    _, python = old
    table = requests.get(server.mlflow_url + "/sandbox/api.json").json()["endpoints"]
    rows = {(row["method"], nameless(row["path"])): row for row in table if row["implemented"]}
    endpoints = json.loads(run_script(python, server, tmp_path, "descriptors.py"))
    assert len(endpoints) > 50
    unknown = []
    for method, path, fields in endpoints:
        row = rows.get((method, nameless(path)))
        if row is None:
            unknown.append(f"{method} {path}")
            continue
        known = set(row["request"]) | {shape.get("alias") for shape in row["request"].values()}
        unknown += [f"{method} {path} {field}" for field in fields if field not in known]
    assert not unknown


def nameless(path):
    """The path with its parameters left out: {id} and <id> alike, <path:rest> as {rest...}."""
    path = re.sub(r"<path:\w+>|\{\w+\.\.\.\}", "*", path)
    return re.sub(r"<\w+>|\{\w+\}", "+", path)
