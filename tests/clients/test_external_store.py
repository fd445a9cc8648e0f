"""Artifacts in somebody else's object store (`--artifacts-endpoint`): another sandbox and moto stand
for it. Rows S1-2 and S4-23 of the labs."""

import http.client
import json
import os
import subprocess
import sys

import boto3
import mlflow
import pytest
import requests
from botocore.config import Config
from conftest import Lab, clean_environment
from mlflow.tracking import MlflowClient
from own_lab import binary, free_ports, wait_until
from test_tls import TlsLab, make_certificate

KEY, SECRET = "store-user", "store-secret-word"
BUCKET = "team"
DESTINATION = f"--artifacts-destination=s3://{BUCKET}/mlflow files"
KEYS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}


class Moto:
    """moto's S3 server, which is not ours."""

    def __init__(self, folder):
        (port,) = free_ports(1)
        self.s3_url = f"http://127.0.0.1:{port}"
        self.output = open(folder / "moto.output", "wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT,
            env=clean_environment(),
        )
        wait_until(self.answers, 60)

    def answers(self):
        assert self.process.poll() is None
        try:
            return requests.get(self.s3_url, timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.output.close()


def new_store(folder, *options):
    """A sandbox of which only the S3 port is used here; a restart keeps its address."""
    (port,) = free_ports(1)
    return Lab(folder / "store", f"--s3-port={port}", f"--access-key={KEY}",
               f"--secret-key={SECRET}", f"--bucket={BUCKET}", *options)


def s3_of(store):
    return boto3.client(
        "s3", endpoint_url=store.s3_url, aws_access_key_id=KEY, aws_secret_access_key=SECRET,
        region_name="us-east-1", config=Config(s3={"addressing_style": "path"}),
    )


def keys_in(store, prefix=""):
    pages = s3_of(store).get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}


def start_lab(folder, store, *options, **environment):
    return Lab(folder / "data", f"--artifacts-endpoint={store.s3_url}", DESTINATION, *options,
               environment=KEYS | environment)


def command(lab_or_dir, *words, code=0, **environment):
    done = subprocess.run(
        [binary(), *words, "--data-dir", str(getattr(lab_or_dir, "data_dir", lab_or_dir))],
        env=clean_environment() | environment, capture_output=True, text=True, timeout=120,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module", params=["sandbox", "moto"])
def pair(request, tmp_path_factory):
    """A lab without S3 of its own, and the store its files lie in."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "sandbox":
        store = new_store(folder)
    else:
        store = Moto(folder)
        s3_of(store).create_bucket(Bucket=BUCKET)
    lab = start_lab(folder, store, "--no-s3")
    yield lab, store
    lab.stop()
    store.stop()


def new_run(lab):
    client = MlflowClient(tracking_uri=lab.mlflow_url)
    run = client.create_run(client.create_experiment("store-" + os.urandom(6).hex()))
    return client, run.info


def test_files_of_any_name_and_size_come_back(pair, tmp_path):
    """The client knows the tracking server only: the keys of the store stay there."""
    lab, store = pair
    client, run = new_run(lab)
    contents = {
        "empty": b"",
        "한글/ü b+c 100%.txt": "본문".encode(),
        "large.bin": os.urandom((17 << 20) + 5),
        "page.html": b"<p>",
    }
    for name, content in contents.items():
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_bytes(content)
    client.log_artifacts(run.run_id, str(tmp_path / "out"))
    back = mlflow.artifacts.download_artifacts(
        run_id=run.run_id, dst_path=str(tmp_path / "in"), tracking_uri=lab.mlflow_url
    )
    for name, content in contents.items():
        assert (tmp_path / "in" / name).read_bytes() == content
    assert str(tmp_path / "in").rstrip("/") == str(back).rstrip("/")

    root = f"mlflow files/{run.experiment_id}/{run.run_id}/artifacts/"
    assert keys_in(store, root) == {root + name: len(body) for name, body in contents.items()}
    head = s3_of(store).head_object(Bucket=BUCKET, Key=root + "large.bin")
    assert head["ContentType"] == "application/octet-stream"
    head = s3_of(store).head_object(Bucket=BUCKET, Key=root + "page.html")
    assert head["ContentType"] == "text/html"
    listed = {each.path: (each.is_dir, each.file_size) for each in client.list_artifacts(run.run_id)}
    assert listed["한글"] == (True, None)
    assert listed["large.bin"] == (False, len(contents["large.bin"]))

    part = requests.get(
        f"{lab.mlflow_url}/get-artifact", params={"path": "large.bin", "run_uuid": run.run_id},
        headers={"Range": f"bytes={(9 << 20) - 3}-{9 << 20}"}, timeout=30,
    )
    assert part.status_code == 206
    assert part.content == contents["large.bin"][(9 << 20) - 3:(9 << 20) + 1]


def test_models_are_logged_registered_and_loaded(pair, tmp_path, monkeypatch):
    lab, store = pair
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    script = """
import mlflow, sys
from sklearn.linear_model import LogisticRegression
mlflow.set_experiment("models")
with mlflow.start_run():
    model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    mlflow.sklearn.log_model(model, name="model", registered_model_name="elsewhere",
                             serialization_format="cloudpickle")
mlflow.MlflowClient().set_registered_model_alias("elsewhere", "champion", 1)
print(mlflow.sklearn.load_model("models:/elsewhere@champion").predict([[2.9]])[0])
"""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")
    } | {"MLFLOW_TRACKING_URI": lab.mlflow_url, "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, cwd=tmp_path,
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip().endswith("1")
    assert any(key.endswith("/MLmodel") for key in keys_in(store))


def test_many_files_are_listed_and_deleted_for_ever(pair, tmp_path):
    """More than one page of a listing, more than one request of deletions."""
    lab, store = pair
    client, run = new_run(lab)
    root = f"mlflow files/{run.experiment_id}/{run.run_id}/artifacts/"
    s3 = s3_of(store)
    for number in range(1_004):
        s3.put_object(Bucket=BUCKET, Key=f"{root}many/{number:04}", Body=b"x")
    assert len(client.list_artifacts(run.run_id, "many")) == 1_004
    client.delete_run(run.run_id)
    found = [json.loads(line) for line in command(lab, "gc", "--json").splitlines()]
    assert found[-1]["kind"] == "total" and found[-1]["objects"] >= 1_004
    assert keys_in(store, root) == {}


def test_files_move_inside_that_store(pair, tmp_path):
    lab, store = pair
    client, run = new_run(lab)
    content = os.urandom(9 << 20)
    (tmp_path / "big.bin").write_bytes(content)
    client.log_artifact(run.run_id, str(tmp_path / "big.bin"))
    client.log_text(run.run_id, "본문", "한글/note.txt")
    done = command(lab, "relocate", "--experiment-id", run.experiment_id, "--delete-source",
                   "--to", f"mlflow-artifacts:/moved/{run.experiment_id}")
    assert "2 files copied and verified" in done and "2 old files removed" in done
    assert keys_in(store, f"mlflow files/{run.experiment_id}/") == {}
    back = mlflow.artifacts.download_artifacts(
        run_id=run.run_id, artifact_path="big.bin", dst_path=str(tmp_path / "in"),
        tracking_uri=lab.mlflow_url,
    )
    with open(back, "rb") as file:
        assert file.read() == content
    assert [each.path for each in client.list_artifacts(run.run_id)] == ["big.bin", "한글"]


def test_urls_of_that_store_are_given_to_clients(pair, tmp_path, monkeypatch):
    """Its multipart uploads and downloads go past this server."""
    lab, store = pair
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(6 << 20))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(5 << 20))
    client, run = new_run(lab)
    content = os.urandom(11 << 20)
    (tmp_path / "big.bin").write_bytes(content)
    client.log_artifact(run.run_id, str(tmp_path / "big.bin"))
    root = f"mlflow files/{run.experiment_id}/{run.run_id}/artifacts/"
    assert s3_of(store).head_object(Bucket=BUCKET, Key=root + "big.bin")["ETag"].endswith('-3"')
    path = f"{run.experiment_id}/{run.run_id}/artifacts/big.bin"
    answer = requests.get(f"{lab.mlflow_url}/api/2.0/mlflow-artifacts/presigned/{path}", timeout=30)
    assert answer.json()["url"].startswith(store.s3_url + "/")
    assert requests.get(answer.json()["url"], timeout=30).content == content


def test_status_env_verify_and_page_tell_where_files_lie(pair):
    lab, store = pair
    assert lab.addresses["s3_url"] == ""
    status = json.loads(command(lab, "status", "--json"))
    parts = {part["name"]: part for part in status["parts"]}
    assert set(parts) == {"tracking", "artifacts", "console"} and status["healthy"]
    assert parts["artifacts"]["url"] == store.s3_url
    variables = json.loads(command(lab, "env", "--format", "json"))
    assert variables == {
        "MLFLOW_TRACKING_URI": lab.mlflow_url, "MLFLOW_S3_ENDPOINT_URL": store.s3_url,
        "AWS_ENDPOINT_URL_S3": store.s3_url, "AWS_DEFAULT_REGION": "us-east-1",
    }
    checked = command(lab, "verify", "storage", "--lang", "en")
    assert "❌" not in checked and store.s3_url in checked
    page = requests.get(lab.console_url, timeout=30).text
    assert store.s3_url in page and "off" in page


JOB = """
import json, mlflow, os

with mlflow.start_run():
    mlflow.log_text("of a job", "note.txt")
print(json.dumps({name: value for name, value in os.environ.items() if name.startswith(("AWS_", "MLFLOW_S3"))}))
"""


def test_a_job_is_told_what_env_tells_and_uploads_through_the_server(pair):
    lab, store = pair
    done = subprocess.run(
        [binary(), "run", "--data-dir", str(lab.data_dir), "--name=uploads", "--", sys.executable, "-c", JOB],
        env=clean_environment(), capture_output=True, text=True, timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(command(lab, "env", "--format", "json"))
    assert json.loads(done.stdout.splitlines()[-1]) == {
        name: value for name, value in told.items() if name.startswith(("AWS_", "MLFLOW_S3"))
    }
    assert told["MLFLOW_S3_ENDPOINT_URL"] == store.s3_url and "AWS_SECRET_ACCESS_KEY" not in told
    job = json.loads(command(lab, "jobs", "list", "--name=uploads", "--json"))["jobs"][0]
    root = f"mlflow files/0/{job['details']['run_id']}/artifacts/"
    assert {root + "note.txt", root + "logs/job.log"} <= keys_in(store, root).keys()


def test_the_secret_is_nowhere_written(pair):
    lab, _ = pair
    for place in lab.data_dir.rglob("*"):
        if place.is_file():
            assert SECRET.encode() not in place.read_bytes(), place
    assert SECRET not in (lab.output.read_text())


def test_a_shell_of_this_lab_is_no_external_store(tmp_path):
    """`eval "$(mlops-sandbox env)"` exports an S3 endpoint and keys: they do not switch this on."""
    lab = Lab(tmp_path / "data", environment=KEYS | {
        "MLFLOW_S3_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"
    })
    try:
        client, run = new_run(lab)
        client.log_text(run.run_id, "here", "note.txt")
        s3 = boto3.client("s3", endpoint_url=lab.s3_url, aws_access_key_id=lab.access_key,
                          aws_secret_access_key=lab.secret_key, region_name="us-east-1")
        key = f"{run.experiment_id}/{run.run_id}/artifacts/note.txt"
        assert s3.get_object(Bucket="mlflow", Key=key)["Body"].read() == b"here"
    finally:
        lab.stop()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    running = new_store(tmp_path_factory.mktemp("alone"))
    yield running
    running.stop()


def refused(folder, *options, **environment):
    done = subprocess.run(
        [binary(), "up", "--ci", "--data-dir", str(folder / "data"), *options],
        env=clean_environment() | environment, capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode != 0
    assert SECRET not in done.stdout + done.stderr and "wrong-word" not in done.stdout + done.stderr
    return done.stderr


def test_a_start_that_cannot_work_says_why(store, tmp_path):
    endpoint = f"--artifacts-endpoint={store.s3_url}"
    place = f"--artifacts-destination=s3://{BUCKET}"
    assert "AWS_SECRET_ACCESS_KEY" in refused(tmp_path, endpoint, place)
    wrong = KEYS | {"AWS_SECRET_ACCESS_KEY": "wrong-word"}
    assert "secret key" in refused(tmp_path, endpoint, place, **wrong)
    unknown = KEYS | {"AWS_ACCESS_KEY_ID": "nobody"}
    assert "does not know the access key" in refused(tmp_path, endpoint, place, **unknown)
    # A pair from one place: the secret of AWS_* is not taken for a key of ours.
    half = refused(tmp_path, endpoint, place, "--artifacts-access-key=other", **KEYS)
    assert "MLOPS_SANDBOX_ARTIFACTS_SECRET_KEY" in half
    (closed,) = free_ports(1)
    nobody = refused(tmp_path, f"--artifacts-endpoint=http://127.0.0.1:{closed}", place, **KEYS)
    assert f"http://127.0.0.1:{closed} cannot be reached" in nobody
    assert "without a user name" in refused(
        tmp_path, f"--artifacts-endpoint=http://u:{SECRET}@host", place, **KEYS)
    own = refused(tmp_path, "--artifacts-endpoint=http://localhost:9321", "--s3-port=9321", **KEYS)
    assert "own S3 port" in own
    nothing = refused(tmp_path, "--no-s3", "--default-artifact-root=s3://mlflow")
    assert "--no-s3" in nothing


def test_a_bucket_is_made_only_when_asked_for(store, tmp_path):
    endpoint = f"--artifacts-endpoint={store.s3_url}"
    place = "--artifacts-destination=s3://brand-new/x"
    told = refused(tmp_path, endpoint, place, **KEYS)
    assert "no bucket 'brand-new'" in told and "--bucket brand-new" in told
    names = {bucket["Name"] for bucket in s3_of(store).list_buckets()["Buckets"]}
    assert "brand-new" not in names
    lab = Lab(tmp_path / "data", endpoint, place, "--bucket=brand-new", environment=KEYS)
    try:
        client, run = new_run(lab)
        client.log_text(run.run_id, "text", "note.txt")
        found = s3_of(store).list_objects_v2(Bucket="brand-new")["Contents"]
        assert [entry["Key"] for entry in found] == [
            f"x/{run.experiment_id}/{run.run_id}/artifacts/note.txt"
        ]
    finally:
        lab.stop()


def test_clients_may_go_to_the_store_themselves(store, tmp_path, monkeypatch):
    """Experiments with s3:// roots: the client uses its own keys, the server reads the same files."""
    lab = start_lab(tmp_path, store, f"--default-artifact-root=s3://{BUCKET}/direct")
    try:
        for name, value in KEYS.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", store.s3_url)
        client, run = new_run(lab)
        client.log_text(run.run_id, "straight", "note.txt")
        answer = requests.get(
            f"{lab.mlflow_url}/get-artifact",
            params={"path": "note.txt", "run_uuid": run.run_id}, timeout=30,
        )
        assert answer.content == b"straight"
        # The built-in S3 is on here and is another store.
        assert lab.s3_url and lab.s3_url != store.s3_url
        parts = json.loads(command(lab, "status", "--json"))["parts"]
        assert [part["name"] for part in parts] == ["tracking", "s3", "artifacts", "console"]
    finally:
        lab.stop()


def test_a_stopped_lab_is_cleaned_in_that_store(store, tmp_path):
    lab = start_lab(tmp_path, store, "--no-s3")
    client, run = new_run(lab)
    client.log_text(run.run_id, "text", "note.txt")
    client.delete_run(run.run_id)
    lab.stop()
    assert "AWS_SECRET_ACCESS_KEY" in command(lab, "gc", code=2)
    assert "Default" in command(lab, "sql", "SELECT name FROM experiments")
    assert "Deleted 1 run" in command(lab, "gc", **KEYS)
    assert keys_in(store, f"mlflow files/{run.experiment_id}/") == {}


def test_a_store_that_dies_in_the_middle_of_an_upload(tmp_path):
    """A clear error, nothing half visible, and all is well once it is back."""
    store = new_store(tmp_path)
    lab = start_lab(tmp_path, store, "--no-s3")
    try:
        client, run = new_run(lab)
        path = f"{run.experiment_id}/{run.run_id}/artifacts/big.bin"
        half = os.urandom(12 << 20)
        host = lab.mlflow_url.removeprefix("http://")
        upload = http.client.HTTPConnection(host, timeout=60)
        upload.putrequest("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{path}")
        upload.putheader("Content-Length", str(2 * len(half)))
        upload.endheaders()
        upload.send(half)
        log = store.data_dir / "logs" / "server.log"
        wait_until(lambda: "partNumber" in log.read_text() or "UploadPart" in log.read_text()
                   or log.read_text().count("method=PUT") >= 1)
        store.kill9()
        try:
            upload.send(half)
        except OSError:
            pass  # it answers before all has been sent
        answer = upload.getresponse()
        told = json.loads(answer.read())
        assert answer.status == 503 and told["error_code"] == "TEMPORARILY_UNAVAILABLE"
        assert store.s3_url in told["message"] and "cannot be reached" in told["message"]
        upload.close()
        status = json.loads(command(lab, "status", "--json", code=1))
        assert not {part["name"]: part["answers"] for part in status["parts"]}["artifacts"]
        assert "❌" in command(lab, "verify", "storage", "--lang", "en", code=1)

        store.start()
        assert keys_in(store) == {}
        (tmp_path / "big.bin").write_bytes(half)
        client.log_artifact(run.run_id, str(tmp_path / "big.bin"))
        assert keys_in(store) == {f"mlflow files/{path}": len(half)}
        # What was begun is still there, unseen, until the run is removed for ever.
        s3 = s3_of(store)
        client.delete_run(run.run_id)
        command(lab, "gc")
        assert keys_in(store) == {}
        assert not s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads")
    finally:
        lab.stop()
        store.stop()


def test_a_certificate_of_its_own_needs_its_authority(tmp_path):
    certificate, key = make_certificate(tmp_path / "certificate")
    store = TlsLab(tmp_path / "store", f"--access-key={KEY}", f"--secret-key={SECRET}",
                   f"--bucket={BUCKET}", f"--tls-cert={certificate}", f"--tls-key={key}")
    try:
        endpoint = f"--artifacts-endpoint={store.s3_url}"
        told = refused(tmp_path, endpoint, DESTINATION, **KEYS)
        assert "certificate" in told and "--artifacts-ca-file" in told
        for number, trust in enumerate([
            {"AWS_CA_BUNDLE": str(certificate)}, {"MLFLOW_S3_IGNORE_TLS": "true"}
        ]):
            lab = Lab(tmp_path / f"data{number}", endpoint, DESTINATION, environment=KEYS | trust)
            try:
                client, run = new_run(lab)
                client.log_text(run.run_id, "sealed", "note.txt")
                answer = requests.get(
                    f"{lab.mlflow_url}/get-artifact",
                    params={"path": "note.txt", "run_uuid": run.run_id}, timeout=30,
                )
                assert answer.content == b"sealed"
            finally:
                lab.stop()
    finally:
        store.stop()


def test_a_snapshot_leaves_files_there_when_told_to(store, tmp_path):
    """Runs come back as they were, over the files that are there; no fork shares them."""
    lab = start_lab(tmp_path, store, "--no-s3")
    client, run = new_run(lab)
    (tmp_path / "f.txt").write_text("there")
    client.log_artifact(run.run_id, str(tmp_path / "f.txt"))
    said = command(lab, "snapshot", "save", "s", code=1)
    assert store.s3_url in said and "--metadata-only" in said
    said = command(lab, "fork", "--into", str(tmp_path / "fork"), "--no-start", code=1)
    assert "--metadata-only" in said
    assert "There are no snapshots" in command(lab, "snapshot", "list")
    said = command(lab, "snapshot", "save", "s", "--metadata-only")
    assert f"files stay in {store.s3_url}" in said and SECRET not in said
    assert "is whole" in command(lab, "snapshot", "verify", "s")
    said = command(lab, "fork", "s", "--into", str(tmp_path / "fork"), "--no-start", code=1)
    assert "would remove each other's" in said and not (tmp_path / "fork").exists()
    client.log_param(run.run_id, "later", "lost")
    lab.stop()
    said = command(lab, "snapshot", "restore", "s", "--into", str(tmp_path / "second"))
    assert "Its files are those of the first lab" in said
    for kept in (tmp_path / "data" / "snapshots" / "s", tmp_path / "second"):
        assert all(SECRET.encode() not in file.read_bytes()
                   for file in kept.rglob("*") if file.is_file())
    # The keys alone come from the person; where the files lie stands in the new lab's settings.
    second = Lab(tmp_path / "second", "--no-s3", environment=KEYS)
    client = MlflowClient(second.mlflow_url)
    assert client.get_run(run.run_id).data.params == {}
    local = client.download_artifacts(run.run_id, "f.txt", str(tmp_path))
    assert open(local).read() == "there"
    second.stop()


def test_a_lab_with_files_of_its_own_keeps_them(fresh_lab):
    said = command(fresh_lab, "snapshot", "save", "s", "--metadata-only", code=1)
    assert "leave out --metadata-only" in said
