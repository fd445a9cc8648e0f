"""Clients that write while snapshots are taken, and what must be in a lab restored from one."""

import hashlib
import os
import subprocess
import threading
import time

import mlflow
import requests
from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput, Metric
from own_lab import binary, clean_environment

LARGE = 700_000  # from 512 KiB on an object has a file of its own


def command(data_dir, *words, code=0):
    done = subprocess.run(
        [binary(), *map(str, words), "--data-dir", str(data_dir)],
        env=clean_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=300,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


def content(name, size):
    block = hashlib.sha256(name.encode()).digest()
    return (block * (size // len(block) + 1))[:size]


def files_of(run):
    return {f"small-{run}.bin": 100, f"large-{run}.bin": LARGE}


class Clients:
    """Threads that log as people do, and remember what was acknowledged, whole."""

    def __init__(self, lab, folder, jobs):
        self.lab, self.folder = lab, folder
        self.runs, self.models, self.deleted = [], [], []
        self.failures = []
        self.stop = threading.Event()
        self.threads = [
            threading.Thread(target=self.work, args=(getattr(self, job), number))
            for number, job in enumerate(jobs)
        ]
        for thread in self.threads:
            thread.start()

    def work(self, job, number):
        client = MlflowClient(self.lab.mlflow_url)
        folder = self.folder / str(number)
        folder.mkdir(parents=True)
        try:
            while not self.stop.is_set():
                job(client, folder)
        except Exception as failure:
            self.failures.append(failure)

    def log_run(self, client, folder):
        run = client.create_run("0").info.run_id
        client.log_param(run, "p", run)
        client.log_batch(run, [Metric("m", step, 1, step) for step in range(20)])
        for name, size in files_of(run).items():
            (folder / name).write_bytes(content(name, size))
            client.log_artifact(run, str(folder / name), "files")
            (folder / name).unlink()
        client.set_terminated(run)
        self.runs.append(run)
        return run

    def delete_run(self, client, folder):
        run = self.log_run(client, folder)
        self.runs.remove(run)
        client.delete_run(run)
        self.deleted.append(run)

    def log_model(self, client, folder):
        run = client.create_run("0").info.run_id
        model = client.create_logged_model("0", name="m", source_run_id=run)
        place = folder / "model"
        place.mkdir(exist_ok=True)
        (place / "weights").write_bytes(content(model.model_id, LARGE))
        client.log_model_artifacts(model.model_id, str(place))
        client.finalize_logged_model(model.model_id, "READY")
        client.log_outputs(run, [LoggedModelOutput(model.model_id, 0)])
        version = client.create_model_version(
            "lab-model", f"models:/{model.model_id}", run, model_id=model.model_id,
            await_creation_for=0)
        self.models.append((model.model_id, version.version))

    def wait_for(self, runs, models):
        deadline = time.monotonic() + 180
        while len(self.runs) < runs or len(self.models) < models:
            assert not self.failures, self.failures
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        assert self.failures == []


def check_run(client, lab, run):
    data = client.get_run(run).data
    assert data.params == {"p": run}
    assert data.metrics == {"m": 19}
    assert len(client.get_metric_history(run, "m")) == 20
    for name, size in files_of(run).items():
        got = requests.get(
            lab.mlflow_url + "/get-artifact",
            params={"run_uuid": run, "path": f"files/{name}"}, timeout=60,
        )
        assert got.status_code == 200 and got.content == content(name, size), name


def check_model(client, model):
    listed = client.list_logged_model_artifacts(model)
    assert [entry.path for entry in listed] == ["weights"]
    place = mlflow.artifacts.download_artifacts(
        f"models:/{model}", tracking_uri=client.tracking_uri)
    with open(os.path.join(place, "weights"), "rb") as weights:
        assert weights.read() == content(model, LARGE)


def check_all(lab, runs, models):
    """All that is named is there, and whatever else there is, is whole."""
    os.environ["MLFLOW_TRACKING_URI"] = lab.mlflow_url
    mlflow.set_tracking_uri(lab.mlflow_url)
    try:
        client = MlflowClient(lab.mlflow_url)
        found, token = [], None
        while True:
            page = client.search_runs(["0"], "attributes.status = 'FINISHED'", page_token=token)
            found += [run.info.run_id for run in page]
            token = page.token
            if not token:
                break
        assert set(runs) <= set(found)
        for run in found:
            check_run(client, lab, run)
        ready = [
            model.model_id
            for model in client.search_logged_models(["0"])
            if model.status == "READY"
        ]
        assert {model for model, _ in models} <= set(ready)
        for model in ready:
            check_model(client, model)
        versions = {
            (version.source.removeprefix("models:/"), version.version)
            for version in client.search_model_versions("name = 'lab-model'")
        }
        # A client may have been acknowledged the version that the moment fell before.
        assert set(models) <= versions
        assert {model for model, _ in versions} <= set(ready)
    finally:
        mlflow.set_tracking_uri(None)
        os.environ.pop("MLFLOW_TRACKING_URI", None)
