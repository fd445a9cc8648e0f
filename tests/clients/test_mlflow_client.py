"""The newest mlflow client, unmodified: scripts as users write them, and both kinds of artifact root."""

import os
import sys
import threading
import uuid

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from real_clients import client_environment, run_everyday, run_script, server  # noqa: F401


@pytest.fixture
def client(server, monkeypatch, tmp_path):
    for name, value in client_environment(server).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(server.mlflow_url)
    mlflow.set_registry_uri(None)
    yield MlflowClient()
    while mlflow.active_run():
        mlflow.end_run()


@pytest.fixture
def label():
    return uuid.uuid4().hex[:12]


@pytest.fixture
def experiment(client, label):
    return mlflow.set_experiment(f"experiment-{label}")


@pytest.fixture
def s3(server):
    if not server.s3_url:
        pytest.skip("the reference has no S3 side")
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=server.s3_url,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )


class Doubler(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [2 * value for value in model_input]


def test_an_everyday_script(server, tmp_path):
    run_everyday(sys.executable, server, tmp_path, mlflow.__version__)


def test_the_first_script_of_the_course(client, server, tmp_path):
    run = client.get_run(run_script(sys.executable, server, tmp_path, "train.py"))
    assert run.info.status == "FINISHED"
    assert client.get_experiment(run.info.experiment_id).name == "my-experiment"
    assert run.data.params["lr"] == "0.001"
    points = client.get_metric_history(run.info.run_id, "loss")
    assert [point.step for point in points] == list(range(10))
    assert points[-1].value < points[0].value
    model = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model")
    assert model.predict(np.array([[0.5]])).shape == (1,)


def test_the_second_script_of_the_course(client, server, tmp_path):
    run = client.get_run(run_script(sys.executable, server, tmp_path, "image_classification.py"))
    assert client.get_experiment(run.info.experiment_id).name == "image-classification"
    assert run.info.run_name == "resnet50-exp1"
    assert run.data.params == {"model_name": "resnet50", "learning_rate": "0.001"}
    points = client.get_metric_history(run.info.run_id, "train_loss")
    assert [point.step for point in points] == [0, 1, 2]
    model = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    assert np.asarray(model.predict(np.zeros((2, 8)))).shape == (2, 3)


def test_a_pyfunc_model_is_registered_aliased_and_loaded(client, experiment, label):
    with mlflow.start_run() as run:
        info = mlflow.pyfunc.log_model(
            name="doubler", python_model=Doubler(), registered_model_name=f"doubler-{label}"
        )
    assert info.model_id.startswith("m-")
    client.set_registered_model_alias(f"doubler-{label}", "live", 1)
    model = mlflow.pyfunc.load_model(f"models:/doubler-{label}@live")
    assert model.predict([1, 2]) == [2, 4]
    for uri in (f"models:/doubler-{label}/1", f"models:/{info.model_id}", f"models:/doubler-{label}/latest"):
        assert mlflow.pyfunc.load_model(uri).predict([3]) == [6]
    shown = client.get_logged_model(info.model_id)
    assert shown.status == "READY" and shown.source_run_id == run.info.run_id
    run = client.get_run(run.info.run_id)
    assert [output.model_id for output in run.outputs.model_outputs] == [info.model_id]
    found = mlflow.search_logged_models([experiment.experiment_id], output_format="list")
    assert [model.model_id for model in found] == [info.model_id]


def test_a_model_made_apart_from_a_run(client, experiment):
    model = mlflow.initialize_logged_model(
        name="apart", params={"depth": "3"}, tags={"kind": "tree"}, model_type="agent"
    )
    assert model.status == "PENDING"
    client.set_logged_model_tags(model.model_id, {"more": "1"})
    client.log_model_params(model.model_id, {"width": "4"})
    with mlflow.start_run():
        mlflow.log_metric("acc", 0.5, model_id=model.model_id)
    mlflow.finalize_logged_model(model.model_id, "READY")
    shown = mlflow.get_logged_model(model.model_id)
    assert shown.status == "READY" and shown.params == {"depth": "3", "width": "4"}
    assert shown.tags.items() >= {"kind": "tree", "more": "1"}.items()
    assert [(metric.key, metric.value) for metric in shown.metrics] == [("acc", 0.5)]
    client.delete_logged_model_tag(model.model_id, "more")
    client.delete_logged_model(model.model_id)
    assert mlflow.search_logged_models([experiment.experiment_id], output_format="list") == []


def test_versions_are_copied_moved_and_deleted(client, experiment, label):
    name, copy = f"first-{label}", f"second-{label}"
    with mlflow.start_run():
        for _ in range(2):
            mlflow.pyfunc.log_model(
                name="m", python_model=Doubler(), registered_model_name=name
            )
    client.copy_model_version(f"models:/{name}/2", copy)
    assert mlflow.pyfunc.load_model(f"models:/{copy}/1").predict([1]) == [2]
    client.transition_model_version_stage(name, "1", "Production")
    client.transition_model_version_stage(name, "2", "Production", archive_existing_versions=True)
    stages = {v.version: v.current_stage for v in client.search_model_versions(f"name='{name}'")}
    assert {str(version): stage for version, stage in stages.items()} == {
        "1": "Archived", "2": "Production",
    }
    client.delete_model_version(name, "1")
    client.rename_registered_model(name, f"renamed-{label}")
    client.set_registered_model_tag(f"renamed-{label}", "k", "v")
    found = client.search_registered_models(f"name LIKE '%-{label}'")
    assert [model.name for model in found] == [f"renamed-{label}", copy]
    client.delete_registered_model(copy)
    with pytest.raises(MlflowException) as caught:
        client.get_registered_model(copy)
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_a_prompt(client, label):
    prompt = mlflow.genai.register_prompt(
        name=f"prompt-{label}", template="Say {{word}}", commit_message="first", tags={"a": "1"}
    )
    assert prompt.version == 1
    mlflow.genai.set_prompt_alias(f"prompt-{label}", alias="live", version=1)
    loaded = mlflow.genai.load_prompt(f"prompts:/prompt-{label}@live")
    assert loaded.format(word="hello") == "Say hello"
    assert client.search_registered_models(f"name = 'prompt-{label}'") == []


def test_a_long_run_in_many_batches(client, experiment):
    with mlflow.start_run() as run:
        mlflow.log_metrics({f"m{number}": number for number in range(1500)}, step=1)
        mlflow.log_params({f"p{number}": number for number in range(250)})
        mlflow.set_tags({f"t{number}": number for number in range(250)})
        for step in range(300):
            mlflow.log_metric("curve", step, step=step, synchronous=False)
        mlflow.flush_async_logging()
    shown = client.get_run(run.info.run_id)
    assert len(shown.data.metrics) == 1501 and len(shown.data.params) == 250
    assert shown.data.metrics["m1499"] == 1499 and shown.data.tags["t249"] == "249"
    points = client.get_metric_history(run.info.run_id, "curve")
    assert [point.value for point in points] == list(range(300))


def test_many_threads_write_one_run(client, experiment):
    run = client.create_run(experiment.experiment_id).info.run_id

    def write(thread):
        for number in range(20):
            client.log_metric(run, f"metric-{thread}", number, step=number)
            client.log_param(run, f"param-{thread}-{number}", number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data = client.get_run(run).data
    assert data.metrics == {f"metric-{thread}": 19.0 for thread in range(8)}
    assert len(data.params) == 160


def test_a_search_over_pages(client, experiment):
    for number in range(7):
        run = client.create_run(experiment.experiment_id, start_time=number + 1, run_name=f"run {number}")
        client.log_metric(run.info.run_id, "m", number)
    ids = [experiment.experiment_id]
    pages, token = [], None
    while True:
        page = client.search_runs(ids, "metrics.m >= 1", order_by=["metrics.m ASC"], max_results=4, page_token=token)
        pages.append([run.data.metrics["m"] for run in page])
        token = page.token
        if not token:
            break
    assert pages == [[1, 2, 3, 4], [5, 6]]
    frame = mlflow.search_runs(ids, filter_string="attributes.run_name LIKE 'run %'", order_by=["start_time DESC"])
    assert list(frame["metrics.m"]) == [6, 5, 4, 3, 2, 1, 0]
    assert frame["start_time"].iloc[0].value == 7_000_000


def test_datasets(client, experiment):
    frame = pd.DataFrame({"a": [1, 2], "b": [3.0, 4.0]})
    with mlflow.start_run() as run:
        mlflow.log_input(mlflow.data.from_pandas(frame, source="s3://mlflow/x.csv", name="frame"), context="train")
        mlflow.log_input(mlflow.data.from_numpy(np.ones((2, 2)), name="array"), context="test")
    inputs = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert {(entry.dataset.name, entry.tags[0].value) for entry in inputs} == {
        ("frame", "train"), ("array", "test"),
    }
    found = mlflow.search_runs([experiment.experiment_id], filter_string="dataset.name = 'frame'")
    assert list(found["run_id"]) == [run.info.run_id]


def test_tables_and_pictures(client, experiment):
    with mlflow.start_run() as run:
        for number in range(2):
            mlflow.log_table({"q": [number], "a": [str(number)]}, "answers.json")
        mlflow.log_image(np.zeros((4, 4, 3), dtype=np.uint8), "picture.png")
    table = mlflow.load_table("answers.json", run_ids=[run.info.run_id])
    assert list(table["q"]) == [0, 1]
    picture = mlflow.artifacts.load_image(run.info.artifact_uri + "/picture.png")
    assert picture.size == (4, 4)


def test_an_experiment_from_birth_to_return(client, label):
    made = client.create_experiment(f"first-{label}", tags={"a": "1"})
    client.rename_experiment(made, f"second-{label}")
    client.set_experiment_tag(made, "b", "2")
    client.delete_experiment_tag(made, "a")
    run = client.create_run(made).info.run_id
    client.delete_experiment(made)
    assert client.get_experiment(made).lifecycle_stage == "deleted"
    assert client.get_run(run).info.lifecycle_stage == "deleted"
    with pytest.raises(MlflowException):
        mlflow.set_experiment(f"second-{label}")
    client.restore_experiment(made)
    shown = client.get_experiment_by_name(f"second-{label}")
    assert shown.experiment_id == made and shown.tags == {"b": "2"}
    assert client.get_run(run).info.lifecycle_stage == "active"
    assert client.get_experiment_by_name(f"first-{label}") is None


def test_artifacts_are_deleted(client, experiment):
    with mlflow.start_run() as run:
        mlflow.log_text("1", "a/one.txt")
        mlflow.log_text("2", "two.txt")
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository = get_artifact_repository(client.get_run(run.info.run_id).info.artifact_uri)
    repository.delete_artifacts("a")
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["two.txt"]
    with pytest.raises(MlflowException):
        mlflow.artifacts.load_text(run.info.artifact_uri + "/a/one.txt")


def big_file(folder, size):
    path = folder / "big.bin"
    path.write_bytes(os.urandom(1 << 20) * (size >> 20))
    return path


@pytest.mark.parametrize("multipart", ["true", "false"])
def test_a_big_artifact_goes_up_and_down(client, experiment, tmp_path, monkeypatch, multipart):
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", multipart)
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(5 << 20))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(5 << 20))
    path = big_file(tmp_path, 17 << 20)
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(path), "deep")
    (file,) = client.list_artifacts(run.info.run_id, "deep")
    assert file.file_size == 17 << 20
    down = mlflow.artifacts.download_artifacts(
        run_id=run.info.run_id, artifact_path="deep/big.bin", dst_path=str(tmp_path / "down")
    )
    with open(down, "rb") as file:
        assert file.read() == path.read_bytes()


def test_both_roots_at_the_same_time(client, s3, label, tmp_path):
    """One experiment goes through the server, one straight to S3; runs of both are open at once."""
    proxied = client.create_experiment(f"proxied-{label}")
    direct = client.create_experiment(f"direct-{label}", f"s3://mlflow-artifacts/{label}")
    runs = [client.create_run(experiment) for experiment in (proxied, direct)]
    assert runs[0].info.artifact_uri.startswith("mlflow-artifacts:/")
    assert runs[1].info.artifact_uri == f"s3://mlflow-artifacts/{label}/{runs[1].info.run_id}/artifacts"
    path = big_file(tmp_path, 9 << 20)
    for run in runs:
        client.log_text(run.info.run_id, "hello", "notes/a.txt")
        client.log_artifact(run.info.run_id, str(path))
    for run in runs:
        files = [(f.path, f.is_dir, f.file_size) for f in client.list_artifacts(run.info.run_id)]
        assert files == [("big.bin", False, 9 << 20), ("notes", True, None)]
        assert mlflow.artifacts.load_text(run.info.artifact_uri + "/notes/a.txt") == "hello"
        down = client.download_artifacts(run.info.run_id, "big.bin", str(tmp_path.joinpath("down")))
        with open(down, "rb") as file:
            assert file.read() == path.read_bytes()
    key = f"{label}/{runs[1].info.run_id}/artifacts/notes/a.txt"
    assert s3.get_object(Bucket="mlflow-artifacts", Key=key)["Body"].read() == b"hello"


def test_a_model_straight_to_s3(client, s3, label):
    client.create_experiment(f"direct-{label}", f"s3://mlflow-artifacts/{label}")
    mlflow.set_experiment(f"direct-{label}")
    with mlflow.start_run():
        mlflow.pyfunc.log_model(
            name="m", python_model=Doubler(), registered_model_name=f"direct-{label}"
        )
    assert mlflow.pyfunc.load_model(f"models:/direct-{label}/1").predict([4]) == [8]
    listed = s3.list_objects_v2(Bucket="mlflow-artifacts", Prefix=f"{label}/models/")["Contents"]
    assert any(entry["Key"].endswith("/MLmodel") for entry in listed)


def test_the_server_lists_files_of_an_s3_root(client, s3, server, label):
    import requests

    made = client.create_experiment(f"direct-{label}", f"s3://mlflow-artifacts/{label}")
    run = client.create_run(made).info.run_id
    client.log_text(run, "hello", "notes/a.txt")
    answer = requests.get(
        f"{server.mlflow_url}/ajax-api/2.0/mlflow/artifacts/list", params={"run_id": run}
    ).json()
    assert answer["files"] == [{"path": "notes", "is_dir": True}]
    got = requests.get(f"{server.mlflow_url}/get-artifact", params={"run_id": run, "path": "notes/a.txt"})
    assert got.content == b"hello"


def test_a_proxied_artifact_and_its_s3_object_are_one(client, s3, experiment):
    run = client.create_run(experiment.experiment_id)
    prefix = f"{experiment.experiment_id}/{run.info.run_id}/artifacts/"
    client.log_text(run.info.run_id, "by proxy 한글", "a/one.txt")
    assert s3.get_object(Bucket="mlflow", Key=prefix + "a/one.txt")["Body"].read() == "by proxy 한글".encode()
    s3.put_object(Bucket="mlflow", Key=prefix + "a/한글 two.txt", Body=b"by s3")
    files = {file.path: file.file_size for file in client.list_artifacts(run.info.run_id, "a")}
    assert files == {"a/one.txt": len("by proxy 한글".encode()), "a/한글 two.txt": 5}
    root = run.info.artifact_uri
    assert mlflow.artifacts.load_text(root + "/a/한글 two.txt") == "by s3"
    s3.put_object(Bucket="mlflow", Key=prefix + "a/one.txt", Body=b"changed")
    assert mlflow.artifacts.load_text(root + "/a/one.txt") == "changed"
    s3.delete_object(Bucket="mlflow", Key=prefix + "a/one.txt")
    assert [f.path for f in client.list_artifacts(run.info.run_id, "a")] == ["a/한글 two.txt"]
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="mlflow", Prefix=prefix)["Contents"]]
    assert keys == [prefix + "a/한글 two.txt"]


def test_mistakes_raise_at_once(client, experiment):
    run = client.create_run(experiment.experiment_id).info.run_id
    mistakes = [
        (lambda: client.get_run("0" * 32), "RESOURCE_DOES_NOT_EXIST"),
        (lambda: client.get_experiment("99999999"), "RESOURCE_DOES_NOT_EXIST"),
        (lambda: client.search_runs([experiment.experiment_id], "bogus = 'x'"), "INVALID_PARAMETER_VALUE"),
        (lambda: client.create_experiment(experiment.name), "RESOURCE_ALREADY_EXISTS"),
        (lambda: client.get_model_version("no such model", "1"), "RESOURCE_DOES_NOT_EXIST"),
        (lambda: client.delete_tag(run, "absent"), "RESOURCE_DOES_NOT_EXIST"),
    ]
    for mistake, code in mistakes:
        with pytest.raises(MlflowException) as caught:
            mistake()
        assert caught.value.error_code == code
