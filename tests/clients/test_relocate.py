"""Files of runs and models move to another bucket or prefix, and clients find them there."""

import hashlib
import json
import os
import subprocess
import sys
import threading

import boto3
import mlflow
import pytest
import requests
from conftest import Lab, clean_environment
from mlflow.tracking import MlflowClient
from own_lab import binary, wait_until
from test_external_store import command


def s3_of(lab):
    return boto3.client("s3", endpoint_url=lab.s3_url, aws_access_key_id=lab.access_key,
                        aws_secret_access_key=lab.secret_key, region_name="us-east-1")


def keys_in(lab, bucket, prefix=""):
    pages = s3_of(lab).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {entry["Key"] for page in pages for entry in page.get("Contents", [])}


def relocate(lab, *words):
    return [json.loads(line) for line in command(lab, "relocate", "--json", *words).splitlines()]


def digests(folder):
    return {
        os.path.relpath(os.path.join(place, name), folder):
            hashlib.sha256(open(os.path.join(place, name), "rb").read()).hexdigest()
        for place, _, names in os.walk(folder) for name in names
    }


@pytest.fixture(scope="module")
def moved_lab(tmp_path_factory):
    running = Lab(tmp_path_factory.mktemp("moved") / "data", "--bucket=archive")
    yield running
    running.stop()


def test_models_and_runs_are_found_at_the_new_place(moved_lab, tmp_path):
    """A model logged, registered and given an alias before the move is loaded after it."""
    lab = moved_lab
    script = """
import mlflow, os, sys
from mlflow import MlflowClient
class Model(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: list[str]) -> list[str]:
        return [each.upper() for each in model_input]
if sys.argv[1] == "log":
    mlflow.set_experiment("moving")
    with mlflow.start_run() as run:
        mlflow.pyfunc.log_model(name="model", python_model=Model(), registered_model_name="mover",
                                pip_requirements=[])
        mlflow.log_text("text", "한글/a b.txt")
        mlflow.log_text("", "empty")
    MlflowClient().set_registered_model_alias("mover", "champion", 1)
    print(run.info.run_id, run.info.experiment_id)
else:
    model = mlflow.pyfunc.load_model("models:/mover@champion")
    print(model.predict(["moved"]))
"""

    def client(word):
        environment = clean_environment() | {
            "MLFLOW_TRACKING_URI": lab.mlflow_url, "MLFLOW_S3_ENDPOINT_URL": lab.s3_url,
            "AWS_ACCESS_KEY_ID": lab.access_key, "AWS_SECRET_ACCESS_KEY": lab.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1", "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        done = subprocess.run([sys.executable, "-c", script, word], env=environment, cwd=tmp_path,
                              capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.strip().splitlines()[-1]

    run, experiment = client("log").split()
    api = MlflowClient(tracking_uri=lab.mlflow_url)
    before = keys_in(lab, "mlflow", f"{experiment}/")
    mlflow.artifacts.download_artifacts(run_id=run, dst_path=str(tmp_path / "before"),
                                        tracking_uri=lab.mlflow_url)

    dry = relocate(lab, "--experiment-id", experiment, "--to", "s3://archive/kept", "--dry-run")
    assert dry[-1]["objects"] == len(before) and dry[-1]["rows"] >= 4
    assert api.get_run(run).info.artifact_uri.startswith("mlflow-artifacts:/")
    assert keys_in(lab, "archive") == set()

    lines = relocate(lab, "--experiment-id", experiment, "--to", "s3://archive/kept")
    columns = {line["column"] for line in lines if line["kind"] == "column"}
    assert columns >= {"experiments.artifact_location", "runs.artifact_uri",
                       "logged_models.artifact_location", "model_versions.storage_location"}
    assert lines[-1]["kind"] == "total" and lines[-1]["copied"] == len(before)
    assert keys_in(lab, "archive") == {
        "kept/" + key.removeprefix(f"{experiment}/") for key in before
    }
    assert keys_in(lab, "mlflow", f"{experiment}/") == before  # the old files stay
    assert api.get_run(run).info.artifact_uri == f"s3://archive/kept/{run}/artifacts"
    assert api.get_experiment(experiment).artifact_location == "s3://archive/kept"

    again = relocate(lab, "--from", f"mlflow-artifacts:/{experiment}", "--to", "s3://archive/kept",
                     "--delete-source")
    assert again[-1]["copied"] == 0 and again[-1]["removed"] == len(before)
    assert keys_in(lab, "mlflow", f"{experiment}/") == set()
    assert client("load") == "['MOVED']"

    # And back behind the proxy, at another prefix.
    relocate(lab, "--from", "s3://archive/kept", "--to", "mlflow-artifacts:/back", "--delete-source")
    assert keys_in(lab, "archive") == set()
    assert client("load") == "['MOVED']"
    mlflow.artifacts.download_artifacts(run_id=run, dst_path=str(tmp_path / "after"),
                                        tracking_uri=lab.mlflow_url)
    assert digests(tmp_path / "after") == digests(tmp_path / "before") != {}


def test_clients_go_on_while_files_move(moved_lab):
    """A client that knows the old place only: what it wrote meanwhile comes along with the same
    command, and nothing is lost."""
    lab = moved_lab
    api = MlflowClient(tracking_uri=lab.mlflow_url)
    experiment = api.create_experiment("busy")
    run = api.create_run(experiment).info
    old = run.artifact_uri.removeprefix("mlflow-artifacts:/")
    written, ended = [], threading.Event()

    def write():
        while not ended.is_set():
            name = f"{len(written):05}.txt"
            answer = requests.put(
                f"{lab.mlflow_url}/api/2.0/mlflow-artifacts/artifacts/{old}/{name}",
                data=name.encode(), timeout=30)
            assert answer.status_code == 200
            written.append(name)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_until(lambda: len(written) > 50)
        words = ["--from", f"mlflow-artifacts:/{experiment}", "--to", "s3://archive/busy"]
        relocate(lab, *words)
        count = len(written)
        wait_until(lambda: len(written) > count + 10)
    finally:
        ended.set()
        writer.join()
    late = relocate(lab, *words, "--delete-source")[-1]
    assert late["copied"] >= 10 and late["removed"] == len(written)
    found = requests.get(f"{lab.mlflow_url}/api/2.0/mlflow/artifacts/list",
                         params={"run_id": run.run_id}, timeout=30).json()
    assert [entry["path"] for entry in found["files"]] == written


def test_a_killed_move_is_finished_by_the_next(tmp_path):
    lab = Lab(tmp_path / "data", "--bucket=archive")
    api = MlflowClient(tracking_uri=lab.mlflow_url)
    experiment = api.create_experiment("killed")
    run = api.create_run(experiment).info
    s3 = s3_of(lab)
    for number in range(900):  # so many that the move is still at work when it is killed
        s3.put_object(Bucket="mlflow", Key=f"{experiment}/{run.run_id}/artifacts/{number:03}",
                      Body=str(number).encode() * 10_000)
    words = ["--from", f"mlflow-artifacts:/{experiment}", "--to", "s3://archive/x"]
    moving = subprocess.Popen(
        [binary(), "relocate", *words, "--data-dir", str(lab.data_dir)], env=clean_environment(),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wait_until(lambda: len(keys_in(lab, "archive")) > 3)
    lab.kill9()
    moving.communicate(timeout=60)
    assert moving.returncode != 0
    lab.start()
    try:
        api = MlflowClient(tracking_uri=lab.mlflow_url)
        there = len(keys_in(lab, "archive"))
        assert api.get_run(run.run_id).info.artifact_uri.startswith("mlflow-artifacts:/")
        lab.stop()
        # On a stopped lab as well.
        total = relocate(lab, *words)[-1]
        assert total["objects"] == 900 and total["copied"] == 900 - there
        lab.start()
        uri = MlflowClient(tracking_uri=lab.mlflow_url).get_run(run.run_id).info.artifact_uri
        assert uri == f"s3://archive/x/{run.run_id}/artifacts"
        assert len(keys_in(lab, "archive")) == 900
    finally:
        if lab.process.poll() is None:
            lab.stop()


@pytest.mark.parametrize("words, told", [
    (["--from", "mlflow-artifacts:/0", "--to", "s3://absent/x"], "no bucket 'absent'"),
    (["--from", "mlflow-artifacts:/0", "--to", "/local"], "s3://bucket/path"),
    (["--from", "mlflow-artifacts:/0", "--to", "s3://mlflow/0/in"], "one in the other"),
    (["--from", "mlflow-artifacts:/0"], "relocate --from"),
    (["--experiment-id", "77", "--to", "s3://archive"], "No Experiment with id=77"),
    (["--from", "mlflow-artifacts:/0", "--to", "s3://archive/" + "x" * 300], "too long"),
])
def test_a_move_that_cannot_be_is_refused(moved_lab, words, told):
    done = subprocess.run(
        [binary(), "relocate", *words, "--data-dir", str(moved_lab.data_dir)],
        env=clean_environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and told in done.stderr
