"""The predict service of an export: run by uvicorn against a lab, and its manifests."""

import subprocess
import sys
import time

import mlflow
import numpy as np
import pytest
import requests
from export_support import (
    check_references,
    check_restricted,
    documents,
    export,
    judge,
    lint,
    of_kind,
    one_of,
    texts,
)
from own_lab import clean_environment, free_ports, wait_until
from sklearn.linear_model import LinearRegression

ROWS = [[0.0, 1.0], [1.0, 0.0], [2.0, 1.0]]


class Service:
    """app.py of an export under uvicorn."""

    def __init__(self, folder, tmp_path, variables):
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.log = tmp_path / "uvicorn.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", "app:app", "--host", "127.0.0.1", "--port", str(port)],
                cwd=folder, stdout=log, stderr=subprocess.STDOUT,
                env=clean_environment() | {"HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"} | variables,
            )

    def wait(self, path, status, condition=lambda answer: True):
        deadline = time.monotonic() + 120
        while True:
            try:
                answer = requests.get(self.url + path, timeout=10)
                if answer.status_code == status and condition(answer):
                    return answer.json()
            except requests.ConnectionError:
                pass
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.2)

    def post(self, path, body, status=200):
        answer = requests.post(self.url + path, json=body, timeout=30)
        assert answer.status_code == status, answer.text
        return answer.json()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)


def log_version(name, slope, columns=None):
    import pandas as pd

    rows = pd.DataFrame(ROWS, columns=columns) if columns else np.array(ROWS)
    model = LinearRegression().fit(rows, [slope * row[0] for row in ROWS])
    signature = mlflow.models.infer_signature(rows, model.predict(rows))
    mlflow.sklearn.log_model(model, name="m", registered_model_name=name, signature=signature)


@pytest.fixture
def service(fresh_lab, tmp_path):
    """A service and a client of its lab, where `prices` has two versions and a champion."""
    name = "prices 'now' $(id)"
    mlflow.set_tracking_uri(fresh_lab.mlflow_url)
    mlflow.set_registry_uri(fresh_lab.mlflow_url)
    mlflow.set_experiment("prices")
    log_version(name, 2.0, ["a", "b"])
    log_version(name, 3.0, ["a", "b"])
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(name, "champion", "1")
    place = export(fresh_lab.data_dir, tmp_path / "out", "fastapi") / "fastapi"
    # With the variables that the Deployment has, but for the address.
    deployment = of_kind(documents(place / "service.yaml"), "Deployment")[0]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    variables = {each["name"]: each["value"].replace("$$(", "$(") for each in container["env"]}
    variables |= {"MLFLOW_TRACKING_URI": fresh_lab.mlflow_url, "RELOAD_SECONDS": "0.3"}
    variables["HOME"] = str(tmp_path)
    assert variables["MODEL_NAME"] == name and variables["MODEL_ALIAS"] == "champion"
    running = Service(place, tmp_path, variables)
    yield running, client, name
    running.stop()


def test_it_predicts_with_the_champion(service):
    """S1-6: POST /predict, input as for `mlflow models serve`, health and readiness; another champion
    takes over while it runs."""
    running, client, name = service
    assert running.wait("/health", 200) == {"status": "ok"}
    assert str(running.wait("/ready", 200)["version"]) == "1"
    told = running.post("/predict", {"instances": [[5.0, 0.0], [7.0, 1.0]]})
    assert told["predictions"] == pytest.approx([10.0, 14.0]) and told["model"] == name
    for path, body in (
        ("/predict", {"instances": [{"b": 0.0, "a": 5.0}]}),
        ("/invocations", {"dataframe_split": {"columns": ["b", "a"], "data": [[0.0, 5.0]]}}),
        ("/invocations", {"dataframe_records": [{"a": 5.0, "b": 0.0}]}),
        ("/invocations", {"instances": [[5.0, 0.0]]}),
        ("/invocations", {"inputs": [[5.0, 0.0]]}),
    ):
        assert running.post(path, body)["predictions"] == pytest.approx([10.0]), body
    client.set_registered_model_alias(name, "champion", "2")
    running.wait("/ready", 200, lambda answer: str(answer.json()["version"]) == "2")
    assert running.post("/predict", {"instances": [[5.0, 0.0]]})["predictions"] == pytest.approx([15.0])
    # Without a champion the newest version.
    log_version(name, 4.0, ["a", "b"])
    client.delete_registered_model_alias(name, "champion")
    running.wait("/ready", 200, lambda answer: str(answer.json()["version"]) == "3")


def test_what_is_wrong_is_said(service):
    running, client, name = service
    running.wait("/ready", 200)
    for path, body, status, word in (
        ("/predict", {"rows": []}, 422, "instances"),
        ("/predict", {"instances": [["x", "y"]]}, 400, "does not take this input"),
        ("/predict", {"instances": [[1.0, 2.0, 3.0]]}, 400, "does not take this input"),
        ("/invocations", {}, 400, "dataframe_split"),
        ("/invocations", [], 400, "object"),
        ("/invocations", {"instances": [[1.0, 2.0]], "inputs": []}, 400, "one of"),
    ):
        assert word in str(running.post(path, body, status)), body
    answer = requests.post(running.url + "/invocations", data="{", timeout=10)
    assert answer.status_code == 400 and "JSON" in answer.text
    # The registry without the model: the one that is loaded goes on.
    client.delete_registered_model(name)
    wait_until(lambda: f"{name} cannot be loaded" in running.log.read_text(), seconds=60)
    assert running.post("/predict", {"instances": [[5.0, 0.0]]})["predictions"] == pytest.approx([10.0])


def test_no_model_yet(fresh_lab, tmp_path):
    """It is alive and not ready, and says why."""
    place = export(fresh_lab.data_dir, tmp_path / "out", "fastapi") / "fastapi"
    running = Service(
        place, tmp_path, {"MLFLOW_TRACKING_URI": fresh_lab.mlflow_url, "MODEL_NAME": "none"}
    )
    try:
        running.wait("/health", 200)
        said = running.wait("/ready", 503, lambda answer: "being loaded" not in answer.text)
        assert "none" in said["detail"]
        assert "none" in running.post("/predict", {"instances": [[1.0]]}, 503)["detail"]
    finally:
        running.stop()


@pytest.mark.parametrize("preset", ("lab", "onprem", "vision", "docker-desktop"))
def test_the_manifests(course_lab, tmp_path, preset):
    """S1-1, S1-6: Deployment, Service and Ingress under the restricted profile."""
    place = export(course_lab.data_dir, tmp_path, "fastapi", "--preset", preset) / "fastapi"
    lint(place)
    found = documents(place / "service.yaml")
    judge(found)
    check_restricted(found)
    check_references(found, {})
    deployment = one_of(found, "Deployment", "model-server")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert variables["MLFLOW_TRACKING_URI"].endswith(".svc.cluster.local:5000")
    (rule,) = one_of(found, "Ingress", "model-server")["spec"]["rules"]
    assert rule["http"]["paths"][0]["backend"]["service"] == {
        "name": "model-server", "port": {"name": "http"},
    }
    pins = [line for line in (place / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert pins and all("==" in line for line in pins)
    for name, text in texts(place).items():
        assert course_lab.secret_key not in text and "127.0.0.1" not in text, name
