"""kill -9 while many clients write: what was acknowledged is there afterwards, whole."""

import hashlib
import http.client
import json
import random
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
import requests
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).parents[1] / "clients"))

from own_lab import OwnLab  # noqa: E402

API = "/api/2.0/mlflow/"


def s3_client(lab):
    return boto3.client(
        "s3",
        endpoint_url=lab.s3_url,
        aws_access_key_id=lab.access_key,
        aws_secret_access_key=lab.secret_key,
        region_name="us-east-1",
        config=Config(
            s3={"addressing_style": "path"},
            retries={"max_attempts": 0},
            connect_timeout=2,
            read_timeout=5,
        ),
    )


class Connection:
    """One client; any failure to get a whole answer is an OSError or an HTTPException."""

    def __init__(self, url):
        address = urlsplit(url)
        self.connection = http.client.HTTPConnection(address.hostname, address.port, timeout=5)

    def send(self, method, path, body, kind="application/json"):
        self.connection.request(method, path, body=body, headers={"Content-Type": kind})
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 200, (path, answer.status, text)
        return text

    def post(self, path, **body):
        return json.loads(self.send("POST", API + path, json.dumps(body)))


def content(name, size):
    """Bytes that only this name has, and that show where they are cut."""
    block = hashlib.sha256(name.encode()).digest()
    return (block * (size // len(block) + 1))[:size]


class Writers:
    """Threads that write until the server is gone, and remember what it acknowledged."""

    def __init__(self, lab, experiment, run):
        self.lab, self.experiment, self.run = lab, experiment, run
        self.metrics, self.params, self.batches = [], [], []
        self.tags, self.runs, self.files, self.objects, self.deleted = {}, [], {}, {}, set()
        self.stop = threading.Event()
        self.failures = []
        jobs = [self.log_metrics] * 3 + [self.log_params, self.log_batches, self.set_tags,
                                        self.create_runs, self.put_files, self.put_files,
                                        self.put_objects, self.put_parts, self.delete_objects]
        self.threads = [
            threading.Thread(target=self.work, args=(job, number))
            for number, job in enumerate(jobs)
        ]
        for thread in self.threads:
            thread.start()

    def work(self, job, thread):
        try:
            number = 0
            client = Connection(self.lab.mlflow_url)
            while not self.stop.is_set():
                job(client, thread, number)
                number += 1
        except AssertionError as failure:
            self.failures.append(failure)
        except Exception:  # the server is gone: boto3 and http.client have many words for it
            if not self.stop.is_set() and self.lab.process.poll() is None:
                time.sleep(0.5)
                if self.lab.process.poll() is None:
                    raise

    def join(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(timeout=60)
            assert not thread.is_alive()

    def log_metrics(self, client, thread, number):
        client.post("runs/log-metric", run_id=self.run, key=f"m{thread}", value=number,
                    timestamp=number, step=number)
        self.metrics.append((f"m{thread}", number))

    def log_params(self, client, thread, number):
        client.post("runs/log-parameter", run_id=self.run, key=f"p{thread}-{number}", value="v")
        self.params.append(f"p{thread}-{number}")

    def log_batches(self, client, thread, number):
        metrics = [
            {"key": f"batch{step % 10}", "value": number, "timestamp": number, "step": step}
            for step in range(50)
        ]
        client.post("runs/log-batch", run_id=self.run, metrics=metrics,
                    params=[{"key": f"b{number}", "value": "v"}])
        self.batches.append(number)

    def set_tags(self, client, thread, number):
        client.post("runs/set-tag", run_id=self.run, key="counter", value=str(number))
        self.tags["counter"] = number

    def create_runs(self, client, thread, number):
        made = client.post("runs/create", experiment_id=self.experiment, start_time=number)
        self.runs.append(made["run"]["info"]["run_id"])

    def put_files(self, client, thread, number):
        name = f"{self.experiment}/{self.run}/artifacts/t{thread}/f{number}"
        size = random.Random(name).choice([0, 10, 5_000, 300_000])
        path = "/api/2.0/mlflow-artifacts/artifacts/" + name
        client.send("PUT", path, content(name, size), "application/octet-stream")
        self.files[name] = size

    def put_objects(self, client, thread, number):
        s3 = getattr(client, "s3", None) or setattr(client, "s3", s3_client(self.lab)) or client.s3
        name = f"crash/t{thread}/o{number}"
        size = random.Random(name).choice([0, 10, 5_000, 3_000_000])
        s3.put_object(Bucket="mlflow-artifacts", Key=name, Body=content(name, size))
        self.objects[name] = size

    def put_parts(self, client, thread, number):
        s3 = getattr(client, "s3", None) or setattr(client, "s3", s3_client(self.lab)) or client.s3
        name, size = f"crash/t{thread}/parts{number}", (5 << 20) + 1000
        where = {"Bucket": "mlflow-artifacts", "Key": name}
        upload = s3.create_multipart_upload(**where)["UploadId"]
        body, parts = content(name, size), []
        for part, piece in enumerate((body[: 5 << 20], body[5 << 20 :]), start=1):
            answer = s3.upload_part(**where, UploadId=upload, PartNumber=part, Body=piece)
            parts.append({"PartNumber": part, "ETag": answer["ETag"]})
        s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
        self.objects[name] = size

    def delete_objects(self, client, thread, number):
        s3 = getattr(client, "s3", None) or setattr(client, "s3", s3_client(self.lab)) or client.s3
        where = {"Bucket": "mlflow-artifacts", "Key": f"crash/t{thread}/d{number}"}
        s3.put_object(**where, Body=b"x" * 1000)
        s3.delete_object(**where)
        self.deleted.add(where["Key"])


def history(base, run, key):
    answer = requests.get(
        base + API + "metrics/get-history", params={"run_id": run, "metric_key": key}, timeout=60
    )
    assert answer.status_code == 200
    return [(point["step"], point["value"]) for point in answer.json().get("metrics", [])]


def check(lab, written):
    base = lab.mlflow_url
    assert written.failures == []
    data = requests.get(base + API + "runs/get", params={"run_id": written.run}).json()["run"]["data"]

    logged = {}
    for key, number in written.metrics:
        logged.setdefault(key, []).append(number)
    latest = {metric["key"]: metric["step"] for metric in data["metrics"]}
    for key, numbers in logged.items():
        there = [step for step, _ in history(base, written.run, key)]
        # One more than acknowledged may be there: its answer died on the way.
        assert there[: len(numbers)] == numbers and len(there) <= len(numbers) + 1
        assert latest[key] == there[-1]

    params = {param["key"] for param in data["params"]}
    assert set(written.params) <= params

    # A batch is there whole or not at all.
    batched = [history(base, written.run, f"batch{number}") for number in range(10)]
    for number in written.batches:
        assert f"b{number}" in params
    present = {int(key[1:]) for key in params if key.startswith("b")}
    for number in present:
        points = [point for points in batched for point in points if point[1] == number]
        assert len(points) == 50, number
    assert {value for points in batched for _, value in points} == present

    if "counter" in written.tags:
        counter = {tag["key"]: tag["value"] for tag in data["tags"]}["counter"]
        assert int(counter) in (written.tags["counter"], written.tags["counter"] + 1)

    found, token = set(), None
    while True:
        body = {"experiment_ids": [written.experiment], "max_results": 1000, "run_view_type": "ALL"}
        if token:
            body["page_token"] = token
        page = requests.post(base + API + "runs/search", json=body, timeout=60).json()
        for run in page.get("runs", []):
            found.add(run["info"]["run_id"])
            if run["info"]["run_id"] != written.run:
                tags = [tag["key"] for tag in run["data"]["tags"]]
                assert tags == ["mlflow.runName"]
        token = page.get("next_page_token")
        if not token:
            break
    assert set(written.runs) <= found and len(found) <= len(written.runs) + 2

    for name, size in written.files.items():
        got = requests.get(base + "/api/2.0/mlflow-artifacts/artifacts/" + name, timeout=60)
        assert got.status_code == 200 and got.content == content(name, size), name

    s3 = s3_client(lab)
    listed = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket="mlflow-artifacts", Prefix="crash/"):
        listed.update((entry["Key"], entry["Size"]) for entry in page.get("Contents", []))
    for name, size in written.objects.items():
        assert listed[name] == size
    for name, size in listed.items():  # also what nobody was told about is whole
        body = s3.get_object(Bucket="mlflow-artifacts", Key=name)["Body"].read()
        expected = b"x" * 1000 if "/d" in name else content(name, size)
        assert body == expected, name
    assert not written.deleted & set(listed)


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.5])
def test_nothing_acknowledged_is_lost(tmp_path, seconds):
    with OwnLab(tmp_path / "lab") as lab:
        for _ in range(2):
            client = Connection(lab.mlflow_url)
            name = f"crash-{time.monotonic_ns()}"
            experiment = client.post("experiments/create", name=name)["experiment_id"]
            run = client.post("runs/create", experiment_id=experiment, start_time=1)
            written = Writers(lab, experiment, run["run"]["info"]["run_id"])
            time.sleep(seconds)
            lab.kill()
            written.join()
            assert written.metrics and written.files
            lab.start()
            check(lab, written)
            s3 = s3_client(lab)
            for page in s3.get_paginator("list_objects_v2").paginate(
                Bucket="mlflow-artifacts", Prefix="crash/"
            ):
                for entry in page.get("Contents", []):
                    s3.delete_object(Bucket="mlflow-artifacts", Key=entry["Key"])
        lab.stop()
