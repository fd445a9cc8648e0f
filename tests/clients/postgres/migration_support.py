"""Labs that move between databases and object stores, for the tests of `migrate`."""

import json
import os
import subprocess
import sys
import threading
import time

import boto3
import mlflow
from mlflow import MlflowClient
from own_lab import OwnLab, RealServer, binary

KEYS = {"AWS_ACCESS_KEY_ID": OwnLab.access_key, "AWS_SECRET_ACCESS_KEY": OwnLab.secret_key}
LARGE = os.urandom(9 << 20)  # more than one part of an upload


def s3(lab):
    return boto3.client(
        "s3", endpoint_url=lab.s3_url, aws_access_key_id=OwnLab.access_key,
        aws_secret_access_key=OwnLab.secret_key, region_name="us-east-1",
    )


def fill(lab, folder, monkeypatch):
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", lab.s3_url)
    mlflow.set_tracking_uri(lab.mlflow_url)
    client = MlflowClient(lab.mlflow_url)
    (folder / "large.bin").write_bytes(LARGE)
    (folder / "말.txt").write_text("말")
    proxied = client.create_experiment("proxied", tags={"team": "a'b"})
    direct = client.create_experiment("direct", artifact_location="s3://mlflow/direct")
    client.delete_experiment(client.create_experiment("deleted"))
    for experiment in (proxied, direct):
        run = client.create_run(experiment, run_name=f"of {experiment}").info.run_id
        for step in range(50):
            client.log_metric(run, "loss", 1 / (step + 3), step=step)
        client.log_metric(run, "odd", float("nan"))
        client.log_metric(run, "odd", float("inf"), step=1)
        client.log_param(run, "lr", "0.1")
        client.log_artifact(run, str(folder / "large.bin"))
        client.log_artifact(run, str(folder / "말.txt"), "a/b c")
        client.set_terminated(run)
    client.delete_run(client.create_run(proxied).info.run_id)
    client.create_registered_model("model", tags={"k": "v"})
    for run in client.search_runs([proxied, direct]):
        client.create_model_version("model", f"{run.info.artifact_uri}/a", run.info.run_id)
    client.set_registered_model_alias("model", "champion", "2")
    mlflow.set_experiment("proxied")
    with mlflow.start_span("root") as span:
        span.set_inputs({"q": "무엇"})
    mlflow.flush_trace_async_logging()


def migrate(lab, *words, check=True, environment=None):
    done = subprocess.run(
        [binary(), "migrate", f"--data-dir={lab.data_dir}", "--json", *words],
        capture_output=True, text=True, timeout=300, env={**os.environ, **(environment or {})},
    )
    if check:
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    assert done.returncode != 0
    return done.stderr


def to_elsewhere(uri, elsewhere):
    return [
        f"--to-db={uri}", "--to-s3=s3://cluster/lab", f"--endpoint={elsewhere.s3_url}",
        f"--access-key={OwnLab.access_key}", f"--secret-key={OwnLab.secret_key}",
    ]


def rows_of(told):
    return {one["table"]: one["rows"] for one in told["tables"] if one["rows"]}


def real_mlflow(uri, elsewhere, folder):
    """MLflow's own server on the place a lab was moved to by to_elsewhere()."""
    return RealServer(
        sys.executable, "unused.db", folder,
        "--backend-store-uri", uri.replace("postgresql:", "postgresql+psycopg2:"),
        "--artifacts-destination", "s3://cluster/lab",
        MLFLOW_S3_ENDPOINT_URL=elsewhere.s3_url,
    )


class Writer:
    """A client that logs 200 points a second and a file now and then, and keeps what was
    acknowledged. Any failure it sees ends it."""

    def __init__(self, url, folder):
        self.client = MlflowClient(url)
        experiment = self.client.create_experiment(f"written {time.time_ns()}")
        self.run = self.client.create_run(experiment).info.run_id
        self.folder = folder
        self.steps, self.singles, self.files = 0, 0, []
        self.failure = None
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self.guard, args=[work]) for work in (self.log, self.upload)]

    def guard(self, work):
        try:
            while not self.is_over.is_set():
                work()
        except Exception as failure:  # noqa: BLE001: told to the test
            self.failure = failure

    def log(self):
        due = time.monotonic() + 0.05
        self.client.log_batch(
            self.run, [mlflow.entities.Metric("batched", step, step, step) for step in range(self.steps, self.steps + 9)]
        )
        self.steps += 9
        self.client.log_metric(self.run, "single", self.singles, step=self.singles)
        self.singles += 1
        self.is_over.wait(max(0, due - time.monotonic()))

    def upload(self):
        file = self.folder / f"{len(self.files)}.bin"
        file.write_bytes(os.urandom(200_000))
        self.client.log_artifact(self.run, str(file), "written")
        self.files.append(file.name)
        self.is_over.wait(0.2)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        for thread in self.threads:
            thread.join()

    def check(self, url):
        """All that was acknowledged is there."""
        if self.failure:
            raise self.failure
        client = MlflowClient(url)
        batched = [point.step for point in client.get_metric_history(self.run, "batched")]
        single = [point.value for point in client.get_metric_history(self.run, "single")]
        assert batched == list(range(self.steps)), f"{len(batched)} of {self.steps}"
        assert single == list(range(self.singles)), f"{len(single)} of {self.singles}"
        listed = {one.path for one in client.list_artifacts(self.run, "written")}
        assert listed == {f"written/{name}" for name in self.files}
        return self.steps + self.singles
