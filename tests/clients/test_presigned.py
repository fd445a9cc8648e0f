"""URLs that let clients speak to the object store themselves: files behind the proxy, fetched in
chunks by MLflow's client, and files of runs that live in buckets."""

import os

import mlflow
import pytest
import requests
from conftest import Lab
from mlflow.tracking import MlflowClient
from own_lab import wait_until

ROOT = "/api/2.0/mlflow/artifacts/presigned-"
AWKWARD = "a b/ü+한글 100%.txt"


@pytest.fixture(scope="module")
def bucket_lab(tmp_path_factory):
    """A lab whose runs keep their files in a bucket, where clients go themselves."""
    running = Lab(
        tmp_path_factory.mktemp("presigned") / "data", "--default-artifact-root=s3://mlflow/runs"
    )
    yield running
    running.stop()


def new_run(lab):
    client = MlflowClient(tracking_uri=lab.mlflow_url)
    return client.create_run(client.create_experiment(os.urandom(6).hex())).info


def ask(lab, what, **body):
    return requests.post(f"{lab.mlflow_url}{ROOT}{what}-url", json=body, timeout=30)


def test_the_server_says_what_it_can(lab, bucket_lab):
    for each in (lab, bucket_lab):
        info = requests.get(each.mlflow_url + "/api/3.0/mlflow/server-info", timeout=30).json()
        # Downloads by URL are there for those who ask: a client whom the server tells of them fails
        # where it reaches the tracking port alone.
        assert info["multipart_uploads_enabled"] and not info["multipart_downloads_enabled"]
        assert info["presigned_upload_run_id_supported"]
        assert info["presigned_upload_model_id_supported"]


@pytest.mark.parametrize("upload", [None, "true"])
def test_the_client_fetches_in_chunks(lab, tmp_path, monkeypatch, upload):
    """Uploads as the server says or as the user does, downloads as the user does."""
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "true")
    if upload:
        monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", upload)
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(6 << 20))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(5 << 20))
    monkeypatch.setenv("MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE", str(1 << 20))
    client = MlflowClient(tracking_uri=lab.mlflow_url)
    run = new_run(lab).run_id
    contents = {"big.bin": os.urandom(7 << 20), "small.txt": b"s", "empty": b"", "ü b.txt": b"u"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        client.log_artifact(run, str(tmp_path / name), "dir")
    before = lab.log().count(" part=s3 ")
    mlflow.set_tracking_uri(lab.mlflow_url)
    for name, content in contents.items():
        got = client.download_artifacts(run, f"dir/{name}", str(tmp_path))
        assert open(got, "rb").read() == content
    # A request a chunk, seven for the big one.
    wait_until(lambda: lab.log().count(" part=s3 ") >= before + 9)


def test_a_file_behind_the_proxy(lab):
    address = lab.mlflow_url + "/api/2.0/mlflow-artifacts/"
    requests.put(address + "artifacts/x/" + AWKWARD, data=b"12345", timeout=30)
    answer = requests.get(address + "presigned/x/" + AWKWARD, timeout=30)
    assert answer.status_code == 200 and answer.json().keys() == {"url", "headers", "file_size"}
    assert answer.json()["file_size"] == 5 and answer.json()["headers"] == {}
    got = requests.get(answer.json()["url"], headers={"Range": "bytes=1-2"}, timeout=30)
    assert (got.status_code, got.content) == (206, b"23")
    assert got.headers["Content-Disposition"].startswith("attachment; filename=")
    missing = requests.get(address + "presigned/x/none", timeout=30)
    assert (missing.status_code, missing.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert requests.get(address + "presigned/x/%252e%252e/y", timeout=30).status_code == 400


def test_upload_and_download_of_a_run_in_a_bucket(bucket_lab):
    run = new_run(bucket_lab)
    answer = ask(bucket_lab, "upload", run_id=run.run_id, path=AWKWARD).json()
    assert answer["headers"] == {"Content-Type": "text/plain"}
    put = requests.put(answer["presigned_url"], data=b"sent", headers=answer["headers"], timeout=30)
    assert put.status_code == 200
    other = {"Content-Type": "text/html"}
    assert requests.put(answer["presigned_url"], b"x", headers=other, timeout=30).status_code == 403
    assert requests.get(answer["presigned_url"], timeout=30).status_code == 403
    answer = ask(bucket_lab, "download", run_id=run.run_id, path=AWKWARD).json()
    assert answer["file_size"] == 4
    assert requests.get(answer["presigned_url"], timeout=30).content == b"sent"
    assert ask(bucket_lab, "download", run_id=run.run_id, path="none").status_code == 404


def test_upload_for_a_logged_model(bucket_lab):
    client = MlflowClient(tracking_uri=bucket_lab.mlflow_url)
    model = client.create_logged_model(new_run(bucket_lab).experiment_id)
    answer = ask(bucket_lab, "upload", model_id=model.model_id, path="MLmodel").json()
    put = requests.put(answer["presigned_url"], b"m", headers=answer["headers"], timeout=30)
    assert put.status_code == 200
    listed = requests.get(
        f"{bucket_lab.mlflow_url}/api/2.0/mlflow/logged-models/{model.model_id}/artifacts/directories",
        timeout=30,
    )
    assert [one["path"] for one in listed.json()["files"]] == ["MLmodel"]


def test_what_is_refused(lab, bucket_lab):
    run = new_run(lab)
    for what in ("upload", "download"):
        answer = ask(lab, what, run_id=run.run_id, path="x")
        assert answer.status_code == 400
        assert "proxied artifact storage (artifact URI scheme: mlflow-artifacts)" in answer.text
        assert ask(lab, what, run_id=run.run_id).status_code == 400
        assert ask(lab, what, run_id="0" * 32, path="x").status_code == 404
    run = new_run(bucket_lab)
    for path in ("../x", "/x", "a/../../x", "%2e%2e/x"):
        assert ask(bucket_lab, "upload", run_id=run.run_id, path=path).status_code == 400
    answer = ask(bucket_lab, "upload", run_id=run.run_id, model_id="m-1", path="x")
    assert "Exactly one of run_id and model_id must be provided." in answer.text
    for seconds in (0, 604_801):
        for what in ("upload", "download"):
            answer = ask(bucket_lab, what, run_id=run.run_id, path="x", expiration=seconds)
            assert "expiration must be between 1 and 604800 seconds" in answer.text


def test_a_server_on_all_addresses_gives_no_urls(tmp_path):
    """It cannot know by which name its clients reach the object store."""
    lab = Lab(tmp_path / "data", "--host=0.0.0.0", "--insecure-no-auth")
    url = lab.mlflow_url.replace("0.0.0.0", "127.0.0.1")
    info = requests.get(url + "/api/3.0/mlflow/server-info", timeout=30).json()
    assert not info["multipart_uploads_enabled"]
    assert not info["presigned_upload_run_id_supported"]
    address = url + "/api/2.0/mlflow-artifacts/"
    requests.put(address + "artifacts/x", data=b"1", timeout=30)
    assert requests.get(address + "presigned/x", timeout=30).status_code == 501
    lab.stop()
