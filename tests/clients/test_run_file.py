"""run export and run import: one run with all that is its own, as a single file."""

import hashlib
import io
import json
import os
import subprocess
import tarfile
import time

import boto3
import mlflow
import pytest
import requests
from conftest import Lab, clean_environment
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelOutput, Metric
from mlflow.exceptions import MlflowException
from own_lab import binary

POINTS = 30_000  # several entries of rows
KOREAN = "폴더/모델 파일.bin"


def command(data_dir, *words, code=0, text=True, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run(
        [binary(), *map(str, words), "--data-dir", str(data_dir)],
        env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
        **options,
    )
    assert done.returncode == code, done.stdout[-2000:].decode() + done.stderr.decode()
    if code != 0:
        return (done.stdout + done.stderr).decode()
    return done.stdout.decode() if text else done.stdout


def content(name, size):
    block = hashlib.sha256(name.encode()).digest()
    return (block * (size // len(block) + 1))[:size]


FILES = {"small.txt": 10, "empty.txt": 0, "dir/large.bin": 1_500_000, KOREAN: 700_000}


def use(lab, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", lab.mlflow_url)
    mlflow.set_tracking_uri(lab.mlflow_url)
    return MlflowClient(lab.mlflow_url)


@pytest.fixture
def other_lab(tmp_path):
    running = Lab(tmp_path / "other", "--artifacts-destination", "s3://elsewhere/below")
    yield running
    if running.process.poll() is None:
        running.stop()


def make_run(client, folder, experiment="files", model=True):
    found = client.get_experiment_by_name(experiment)
    experiment_id = found.experiment_id if found else client.create_experiment(experiment)
    run = client.create_run(experiment_id, tags={"t": "v"}, run_name="a name").info.run_id
    client.log_param(run, "p", "v" * 5000)
    points = [Metric("m", step / 3, 1_000 + step, step) for step in range(POINTS)]
    points += [Metric("odd", value, 5, step) for step, value in
               enumerate([float("nan"), float("inf"), -float("inf"), -0.0, 1e-320])]
    for begin in range(0, len(points), 1000):
        client.log_batch(run, points[begin:begin + 1000])
    dataset = Dataset("data", "digest1", "local", json.dumps({"uri": "x"}), schema="{}", profile="{}")
    client.log_inputs(run, [DatasetInput(dataset, [InputTag("mlflow.data.context", "train")])])
    for name, size in FILES.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content(name, size))
        client.log_artifact(run, str(place), os.path.dirname(name) or None)
    model_id = None
    if model:
        made = client.create_logged_model(
            experiment_id, name="net", source_run_id=run, tags={"a": "b"}, params={"depth": "3"})
        model_id = made.model_id
        place = folder / "model"
        place.mkdir(exist_ok=True)
        (place / "weights").write_bytes(content(model_id, 600_000))
        client.log_model_artifacts(model_id, str(place))
        client.finalize_logged_model(model_id, "READY")
        client.log_metric(run, "accuracy", 0.5, timestamp=7, step=2, model_id=model_id)
        client.log_outputs(run, [LoggedModelOutput(model_id, 4)])
    client.set_terminated(run, "FAILED", end_time=123_456)
    return run, model_id


def facts_of(lab, run, model, monkeypatch, folder):
    """All a client can see of the run, but for where it lies."""
    client = use(lab, monkeypatch)
    seen = client.get_run(run)
    info = seen.info
    facts = {
        "info": (info.run_name, info.status, info.start_time, info.end_time, info.lifecycle_stage,
                 info.user_id),
        "params": seen.data.params,
        "tags": seen.data.tags,
        "metrics": {key: repr(value) for key, value in seen.data.metrics.items()},
        "inputs": [(one.dataset.name, one.dataset.digest, one.dataset.source, one.dataset.schema,
                    [(tag.key, tag.value) for tag in one.tags])
                   for one in seen.inputs.dataset_inputs],
        "outputs": [(one.model_id, one.step) for one in seen.outputs.model_outputs],
        "experiment": client.get_experiment(info.experiment_id).name,
        "history": {
            key: [(point.step, point.timestamp, repr(point.value))
                  for point in client.get_metric_history(run, key)]
            for key in seen.data.metrics
        },
    }
    files = {}
    for name, size in FILES.items():
        got = requests.get(lab.mlflow_url + "/get-artifact",
                           params={"run_uuid": run, "path": name}, timeout=60)
        assert got.status_code == 200, name
        assert got.content == content(name, size), name
        files[name] = len(got.content)
    facts["files"] = files
    facts["listed"] = sorted((one.path, one.is_dir) for one in client.list_artifacts(run))
    if model:
        logged = client.get_logged_model(model)
        facts["model"] = (
            logged.name, logged.tags, logged.params, logged.status, logged.source_run_id,
            logged.creation_timestamp, logged.last_updated_timestamp,
            [(m.key, m.value, m.timestamp, m.step, m.run_id, m.model_id) for m in logged.metrics],
        )
        place = mlflow.artifacts.download_artifacts(f"models:/{model}", dst_path=str(folder))
        with open(os.path.join(place, "weights"), "rb") as weights:
            assert weights.read() == content(model, 600_000)
    return facts


@pytest.mark.parametrize("is_running", [True, False])
def test_a_run_moves_whole(fresh_lab, other_lab, tmp_path, monkeypatch, is_running):
    """Same id and all it has; its places are those of the lab it is in now. Running or stopped."""
    run, model = make_run(use(fresh_lab, monkeypatch), tmp_path / "made")
    before = facts_of(fresh_lab, run, model, monkeypatch, tmp_path / "1")
    if not is_running:
        fresh_lab.stop()
        other_lab.stop()
    archive = tmp_path / "run.tar"
    if is_running:
        archive.write_bytes(command(fresh_lab.data_dir, "run", "export", run, text=False))
        with open(archive, "rb") as file:
            said = command(other_lab.data_dir, "run", "import", "-", stdin=file)
    else:
        command(fresh_lab.data_dir, "run", "export", run, "--output", archive)
        said = command(other_lab.data_dir, "run", "import", archive)
        other_lab.start()
    assert f"Run {run} is in experiment 'files'" in said
    assert not archive.with_name("run.tar.part").exists()
    assert facts_of(other_lab, run, model, monkeypatch, tmp_path / "2") == before
    client = MlflowClient(other_lab.mlflow_url)
    info = client.get_run(run).info
    experiment = client.get_experiment(info.experiment_id)
    assert info.artifact_uri == f"{experiment.artifact_location}/{run}/artifacts"
    # A person can look into the file with tar.
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        assert names[0] == "run.json" and names[-1] == "end.json"
        assert "artifacts/" + KOREAN in names
        assert tar.extractfile("artifacts/small.txt").read() == content("small.txt", 10)


def test_a_run_that_is_here_is_refused(fresh_lab, other_lab, tmp_path, monkeypatch):
    run, model = make_run(use(fresh_lab, monkeypatch), tmp_path / "made")
    archive = tmp_path / "run.tar"
    command(fresh_lab.data_dir, "run", "export", run, "-o", archive)
    said = command(fresh_lab.data_dir, "run", "import", archive, code=1)
    assert f"Run {run} is here already, in experiment 'files'" in said
    command(other_lab.data_dir, "run", "import", archive)
    client = MlflowClient(other_lab.mlflow_url)
    client.log_param(run, "own", "1")
    assert "is here already" in command(other_lab.data_dir, "run", "import", archive, code=1)
    assert client.get_run(run).data.params["own"] == "1"
    client.delete_run(run)
    said = command(other_lab.data_dir, "run", "import", archive, code=1)
    assert "as a deleted one" in said and f"gc --run-ids {run}" in said
    # The run may go; its model is still here, and models have one id as well.
    command(other_lab.data_dir, "gc", "--run-ids", run)
    said = command(other_lab.data_dir, "run", "import", archive, code=1)
    assert f"The model {model} of the run is here already" in said
    client.delete_logged_model(model)
    command(other_lab.data_dir, "gc")
    command(other_lab.data_dir, "run", "import", archive)
    assert "own" not in client.get_run(run).data.params


def test_runs_of_one_experiment_meet_again(fresh_lab, other_lab, tmp_path, monkeypatch):
    """The experiment is found by its name, the dataset by name and digest; a deleted run stays so."""
    client = use(fresh_lab, monkeypatch)
    runs = [make_run(client, tmp_path / str(n), model=False)[0] for n in range(2)]
    client.delete_run(runs[1])
    for run in runs:
        archive = tmp_path / f"{run}.tar"
        command(fresh_lab.data_dir, "run", "export", run, "-o", archive)
        command(other_lab.data_dir, "run", "import", archive)
    other = MlflowClient(other_lab.mlflow_url)
    infos = [other.get_run(run).info for run in runs]
    assert infos[0].experiment_id == infos[1].experiment_id
    assert [info.lifecycle_stage for info in infos] == ["active", "deleted"]
    for run in runs:
        (one,) = other.get_run(run).inputs.dataset_inputs
        assert (one.dataset.name, one.dataset.digest) == ("data", "digest1")
    assert other.get_run(runs[0]).data.tags["t"] == "v"
    other.restore_run(runs[1])
    assert other.get_run(runs[1]).info.lifecycle_stage == "active"
    # A deleted experiment takes nothing in.
    command(fresh_lab.data_dir, "run", "export", runs[0], "-o", tmp_path / "again.tar")
    other.delete_experiment(infos[0].experiment_id)
    command(other_lab.data_dir, "gc", "--run-ids", runs[0])
    said = command(other_lab.data_dir, "run", "import", tmp_path / "again.tar", code=1)
    assert "is deleted here" in said and "experiments restore" in said


def cut(archive, place, how):
    data = bytearray(archive.read_bytes())
    if how == "half":
        data = data[: len(data) // 2]
    elif how == "flipped":
        data[data.index(content("dir/large.bin", 100)) + 700_000] ^= 1
    elif how == "no end":
        with tarfile.open(fileobj=io.BytesIO(bytes(data))) as tar:
            members = [(member, tar.extractfile(member).read()) for member in tar.getmembers()]
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            for member, body in members[:-1]:
                tar.addfile(member, io.BytesIO(body))
        data = out.getvalue()
    place.write_bytes(bytes(data))
    return place


@pytest.mark.parametrize("how", ["half", "flipped", "no end"])
def test_a_damaged_file_shows_no_run(fresh_lab, other_lab, tmp_path, monkeypatch, how):
    """Nothing of it is active, gc removes what came, and the good file works afterwards."""
    run, model = make_run(use(fresh_lab, monkeypatch), tmp_path / "made")
    archive = tmp_path / "run.tar"
    command(fresh_lab.data_dir, "run", "export", run, "-o", archive)
    bad = cut(archive, tmp_path / "bad.tar", how)
    said = command(other_lab.data_dir, "run", "import", bad, code=1)
    assert "cut off" in said
    client = use(other_lab, monkeypatch)
    experiments = [one.experiment_id for one in client.search_experiments()]
    assert client.search_runs(experiments) == []
    assert client.search_logged_models(experiments) == []
    with pytest.raises(MlflowException):
        client.restore_run(run)
    if how == "no end":  # by hand; else the next import does it
        command(other_lab.data_dir, "gc")
        s3 = boto3.client(
            "s3", endpoint_url=other_lab.s3_url, aws_access_key_id=other_lab.access_key,
            aws_secret_access_key=other_lab.secret_key, region_name="us-east-1")
        assert "Contents" not in s3.list_objects_v2(Bucket="elsewhere")
        with pytest.raises(MlflowException, match="not found"):
            client.get_run(run)
    command(other_lab.data_dir, "run", "import", archive)
    assert (facts_of(other_lab, run, model, monkeypatch, tmp_path / "2")
            == facts_of(fresh_lab, run, model, monkeypatch, tmp_path / "1"))


def test_a_killed_import_is_begun_again(fresh_lab, other_lab, tmp_path, monkeypatch):
    run, model = make_run(use(fresh_lab, monkeypatch), tmp_path / "made")
    archive = tmp_path / "run.tar"
    command(fresh_lab.data_dir, "run", "export", run, "-o", archive)
    data = archive.read_bytes()
    for part in (3, 2, 1):
        reading, writing = os.pipe()
        importing = subprocess.Popen(
            [binary(), "run", "import", "-", "--data-dir", str(other_lab.data_dir)],
            stdin=reading, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment())
        os.close(reading)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(data[: len(data) * part // 4])
            pipe.flush()
            time.sleep(0.3)
            other_lab.kill9()
        importing.communicate(timeout=60)
        assert importing.returncode == 1
        other_lab.start()
        client = MlflowClient(other_lab.mlflow_url)
        assert client.search_runs([one.experiment_id for one in client.search_experiments()]) == []
    command(other_lab.data_dir, "run", "import", archive)
    assert (facts_of(other_lab, run, model, monkeypatch, tmp_path / "2")
            == facts_of(fresh_lab, run, model, monkeypatch, tmp_path / "1"))


def test_gc_beside_an_import_takes_nothing_of_it(fresh_lab, other_lab, tmp_path, monkeypatch):
    run, model = make_run(use(fresh_lab, monkeypatch), tmp_path / "made")
    data = command(fresh_lab.data_dir, "run", "export", run, text=False)
    importing = subprocess.Popen(
        [binary(), "run", "import", "-", "--data-dir", str(other_lab.data_dir)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=clean_environment())
    for begin in range(0, len(data), len(data) // 6):
        importing.stdin.write(data[begin:begin + len(data) // 6])
        importing.stdin.flush()
        command(other_lab.data_dir, "gc", "--orphans")
    _, errors = importing.communicate(timeout=60)
    assert importing.returncode == 0, errors
    assert (facts_of(other_lab, run, model, monkeypatch, tmp_path / "2")
            == facts_of(fresh_lab, run, model, monkeypatch, tmp_path / "1"))


def test_bad_input_says_what_to_do(fresh_lab, tmp_path):
    data_dir = fresh_lab.data_dir
    assert "not found" in command(data_dir, "run", "export", "0" * 32, "-o", tmp_path / "x", code=1)
    assert not (tmp_path / "x").exists() and not (tmp_path / "x.part").exists()
    (tmp_path / "text").write_text("no archive\n" * 1000)
    assert "This is no run" in command(data_dir, "run", "import", tmp_path / "text", code=1)
    assert "cannot be read" in command(data_dir, "run", "import", tmp_path / "absent", code=1)
    newer = io.BytesIO()
    with tarfile.open(fileobj=newer, mode="w") as tar:
        body = json.dumps({"format": 2, "version": "9.9", "run_id": "a" * 32,
                           "experiment": "e"}).encode()
        entry = tarfile.TarInfo("run.json")
        entry.size = len(body)
        tar.addfile(entry, io.BytesIO(body))
    (tmp_path / "newer").write_bytes(newer.getvalue())
    said = command(data_dir, "run", "import", tmp_path / "newer", code=1)
    assert "a newer version of this program wrote (9.9)" in said
    for words in (["run"], ["run", "walk"]):
        done = subprocess.run([binary(), *words], capture_output=True, text=True)
        assert done.returncode == 2 and "export ID" in done.stderr


def test_only_administrators_move_runs(tmp_path):
    lab = Lab(tmp_path / "lab", "--auth", "basic",
              environment={"MLFLOW_AUTH_ADMIN_PASSWORD": "long enough it is"})
    login = ("admin", "long enough it is")
    made = requests.post(lab.mlflow_url + "/api/2.0/mlflow/users/create", auth=login,
                         json={"username": "ann", "password": "also long enough"})
    assert made.status_code == 200
    ann = ("ann", "also long enough")
    get = requests.get(lab.mlflow_url + "/api/sandbox/runs/" + "0" * 32 + "/archive", auth=ann)
    post = requests.post(lab.mlflow_url + "/api/sandbox/runs/import", data=b"x", auth=ann)
    assert (get.status_code, post.status_code) == (403, 403)
    lab.stop()


def test_versions_are_registered_again(fresh_lab, other_lab, tmp_path, monkeypatch):
    """A model registered from the run is loaded by its alias in the other lab, with its number."""

    class Upper(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input: list[str]) -> list[str]:
            return [each.upper() for each in model_input]

    client = use(fresh_lab, monkeypatch)
    client.create_registered_model("upper")
    client.create_model_version("upper", "s3://none/model")  # of no run
    mlflow.set_experiment("registered")
    with mlflow.start_run() as run:
        mlflow.pyfunc.log_model(name="model", python_model=Upper(), pip_requirements=[],
                                registered_model_name="upper")
        mlflow.log_text("weights", "by hand/weights")
    run_id = run.info.run_id
    client.create_model_version("upper", f"{run.info.artifact_uri}/by hand", run_id,
                                tags={"kind": "by hand"}, description="files of the run")
    client.set_registered_model_alias("upper", "champion", 2)
    client.set_registered_model_alias("upper", "hand", 3)
    archive = tmp_path / "run.tar"
    archive.write_bytes(command(fresh_lab.data_dir, "run", "export", run_id, text=False))

    other = use(other_lab, monkeypatch)
    other.create_registered_model("upper", description="stays")
    other.create_model_version("upper", "s3://other/model")
    other.set_registered_model_alias("upper", "hand", 1)
    said = json.loads(command(other_lab.data_dir, "run", "import", archive, "--json"))
    assert said["versions"] == 2
    assert len(said["left_out"]) == 1 and "'hand'" in said["left_out"][0]
    assert mlflow.pyfunc.load_model("models:/upper@champion").predict(["moved"]) == ["MOVED"]
    assert other.get_registered_model("upper").description == "stays"
    assert other.get_model_version_by_alias("upper", "hand").version == "1"
    hand = other.get_model_version("upper", "3")
    assert hand.source == f"{other.get_run(run_id).info.artifact_uri}/by hand"
    assert (hand.run_id, hand.tags, hand.description) == (
        run_id, {"kind": "by hand"}, "files of the run")
    assert len(other.search_model_versions("name = 'upper'")) == 3
    assert other.create_model_version("upper", "s3://next/model").version == "4"


def test_a_version_the_lab_has_stays(fresh_lab, other_lab, tmp_path, monkeypatch):
    """The run comes, its version does not, and the report says why."""
    client = use(fresh_lab, monkeypatch)
    run, _ = make_run(client, tmp_path, model=False)
    client.create_registered_model("taken")
    client.create_model_version("taken", client.get_run(run).info.artifact_uri, run)
    archive = tmp_path / "run.tar"
    archive.write_bytes(command(fresh_lab.data_dir, "run", "export", run, text=False))
    other = use(other_lab, monkeypatch)
    other.create_registered_model("taken")
    other.create_model_version("taken", "s3://mine/model")
    said = command(other_lab.data_dir, "run", "import", archive)
    assert "Version 1 of 'taken' was left out" in said
    assert other.get_model_version("taken", "1").source == "s3://mine/model"
    assert other.get_run(run).info.run_id == run
