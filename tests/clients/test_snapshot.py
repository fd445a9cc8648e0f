"""snapshot, restore and fork, as people use them, beside clients that write."""

import hashlib
import json
import os
import shutil
import subprocess
import threading
import time

import mlflow
import pytest
import requests
from conftest import Lab, clean_environment
from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput, Metric
from mlflow.exceptions import MlflowException
from own_lab import binary, free_ports

LARGE = 700_000  # from 512 KiB on an object has a file of its own


def command(data_dir, *words, code=0, place="--data-dir"):
    done = subprocess.run(
        [binary(), *map(str, words), place, str(data_dir)],
        env=clean_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=300,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


def fork(lab, into, *words):
    """The forked lab, running."""
    port, s3_port, console_port = free_ports(3)
    command(lab.data_dir, "fork", *words, "--into", into, "--no-start", "--port", port,
            "--s3-port", s3_port, "--console-port", console_port)
    made = Lab(into)
    assert made.mlflow_url.endswith(f":{port}") and made.s3_url.endswith(f":{s3_port}")
    return made


def content(name, size):
    block = hashlib.sha256(name.encode()).digest()
    return (block * (size // len(block) + 1))[:size]


def files_of(run):
    return {f"small-{run}.bin": 100, f"large-{run}.bin": LARGE}


def chunk_files(data_dir):
    """Inode to size of the files that hold large objects."""
    found = {}
    for entry in os.scandir(data_dir / "objects" / "db"):
        if entry.name.endswith(".sst") and entry.stat().st_size > LARGE:
            found[entry.inode()] = entry.stat().st_size
    return found


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


def test_a_snapshot_under_load_is_one_whole_moment(fresh_lab, tmp_path):
    """Runs, models, deletions and gc go on; what was acknowledged before is in it, with its files."""
    MlflowClient(fresh_lab.mlflow_url).create_registered_model("lab-model")
    clients = Clients(fresh_lab, tmp_path / "files",
                      ["log_run", "log_run", "log_model", "log_model", "delete_run"])
    taken = []
    try:
        clients.wait_for(6, 3)
        for number in range(3):
            before = list(clients.runs), list(clients.models)
            cleaner = subprocess.Popen(
                [binary(), "gc", "--data-dir", str(fresh_lab.data_dir)],
                env=clean_environment(), stdout=subprocess.DEVNULL)
            command(fresh_lab.data_dir, "snapshot", "save", f"s{number}")
            assert cleaner.wait(timeout=120) == 0
            taken.append(before)
            if number == 0:
                ours = chunk_files(fresh_lab.data_dir)
                kept = chunk_files(fresh_lab.data_dir / "snapshots" / "s0")
                # The lab may have dropped what gc removed; the rest is the same files, not copies.
                shared = [inode for inode in kept if inode in ours]
                assert len(shared) >= len(before[0]) + len(before[1])
            clients.wait_for(len(clients.runs) + 3, len(clients.models) + 2)
    finally:
        clients.end()
    for number, (runs, models) in enumerate(taken):
        command(fresh_lab.data_dir, "snapshot", "verify", f"s{number}")
        second = fork(fresh_lab, tmp_path / f"fork{number}", f"s{number}")
        check_all(second, runs, models)
        second.stop()
    check_all(fresh_lab, clients.runs, clients.models)


def test_a_fork_lives_its_own_life(fresh_lab, tmp_path):
    client = MlflowClient(fresh_lab.mlflow_url)
    first = client.create_run("0").info.run_id
    client.log_param(first, "p", "1")
    second = fork(fresh_lab, tmp_path / "second")
    # The snapshot it came from was for it alone.
    assert "There are no snapshots" in command(fresh_lab.data_dir, "snapshot", "list")
    other = MlflowClient(second.mlflow_url)
    other.log_param(first, "there", "2")
    new_there = other.create_run("0").info.run_id
    client.log_param(first, "here", "3")
    new_here = client.create_run("0").info.run_id
    assert client.get_run(first).data.params == {"p": "1", "here": "3"}
    assert other.get_run(first).data.params == {"p": "1", "there": "2"}
    for asked, run in [(client, new_there), (other, new_here)]:
        with pytest.raises(MlflowException, match="not found"):
            asked.get_run(run)
    second.stop()


def test_a_fork_starts_by_itself_on_other_ports(fresh_lab, tmp_path):
    run = MlflowClient(fresh_lab.mlflow_url).create_run("0").info.run_id
    ports = free_ports(3)
    into = tmp_path / "second lab"
    try:
        said = command(fresh_lab.data_dir, "fork", "--into", into, "--detach", "--port", ports[0],
                       "--s3-port", ports[1], "--console-port", ports[2])
        assert f"http://127.0.0.1:{ports[0]}" in said
        assert MlflowClient(f"http://127.0.0.1:{ports[0]}").get_run(run).info.run_id == run
        settings = (into / "mlops-sandbox.conf").read_text()
        assert f"port = {ports[0]}" in settings
    finally:
        command(into, "down")


def test_a_stopped_lab_is_kept_and_brought_back(fresh_lab, tmp_path):
    """To another directory, and in place once the old things are out of the way."""
    client = MlflowClient(fresh_lab.mlflow_url)
    run = client.create_run("0").info.run_id
    client.log_param(run, "p", "kept")
    fresh_lab.stop()
    data_dir = fresh_lab.data_dir
    assert "Snapshot 'before'" in command(data_dir, "snapshot", "before")
    fresh_lab.start()
    MlflowClient(fresh_lab.mlflow_url).log_param(run, "later", "lost")
    fresh_lab.stop()

    refusal = command(data_dir, "snapshot", "restore", "before", code=1)
    assert "There is a lab in" in refusal and "mlflow.db" in refusal and "--into" in refusal
    (tmp_path / "aside").mkdir()
    for path in list(data_dir.iterdir()):
        if path.name not in ("snapshots", "logs", "lock"):
            shutil.move(path, tmp_path / "aside" / path.name)
    assert "Restored 'before'" in command(data_dir, "snapshot", "restore", "before")
    command(data_dir, "snapshot", "restore", "before", "--into", tmp_path / "other")
    for place in (data_dir, tmp_path / "other"):
        lab = Lab(place)
        assert MlflowClient(lab.mlflow_url).get_run(run).data.params == {"p": "kept"}
        lab.stop()


def test_a_running_lab_is_no_place_for_a_restore(fresh_lab):
    command(fresh_lab.data_dir, "snapshot", "save", "s")
    said = command(fresh_lab.data_dir, "snapshot", "restore", "s", code=1)
    assert "is already running" in said


def test_a_snapshot_elsewhere(fresh_lab, tmp_path):
    run = MlflowClient(fresh_lab.mlflow_url).create_run("0").info.run_id
    backup = tmp_path / "backups" / "monday"
    command(fresh_lab.data_dir, "snapshot", "--to", backup)
    assert "There are no snapshots" in command(fresh_lab.data_dir, "snapshot", "list")
    assert "exists already" in command(fresh_lab.data_dir, "snapshot", "save", "--to", backup,
                                       code=2)
    command(tmp_path / "second", "snapshot", "restore", backup)
    second = Lab(tmp_path / "second")
    assert MlflowClient(second.mlflow_url).get_run(run).info.run_id == run
    second.stop()


@pytest.mark.skipif(
    not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat("/tmp").st_dev,
    reason="needs a second file system")
def test_a_snapshot_on_another_disk_is_a_whole_copy(fresh_lab, tmp_path):
    clients = Clients(fresh_lab, tmp_path / "files", ["log_run"])
    clients.wait_for(2, 0)
    clients.end()
    place = f"/dev/shm/snapshot-{os.getpid()}-{time.monotonic_ns()}"
    try:
        command(fresh_lab.data_dir, "snapshot", "--to", place)
        assert "There are no snapshots" in command(fresh_lab.data_dir, "snapshot", "list")
        assert "is whole" in command(fresh_lab.data_dir, "snapshot", "verify", place)
        command(tmp_path / "second", "snapshot", "restore", place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    second = Lab(tmp_path / "second")
    check_all(second, clients.runs, [])
    second.stop()


def test_the_shelf(fresh_lab):
    data_dir = fresh_lab.data_dir
    command(data_dir, "snapshot", "save", "one")
    made = json.loads(command(data_dir, "snapshot", "--json"))
    assert made["counts"]["experiments"] == 1 and made["format"] == 1
    listed = [json.loads(line) for line in command(data_dir, "snapshot", "list", "--json")
              .splitlines()]
    assert {one["name"] for one in listed} == {"one", made["name"]}
    assert "already" in command(data_dir, "snapshot", "save", "one", code=1)
    assert "A snapshot's name has" in command(data_dir, "snapshot", "save", "../up", code=1)
    assert "There is no snapshot 'two'" in command(data_dir, "snapshot", "restore", "two", code=1)
    assert "is gone" in command(data_dir, "snapshot", "remove", "one")
    assert "There is no snapshot 'one'" in command(data_dir, "snapshot", "remove", "one", code=1)
    assert "one" not in command(data_dir, "snapshot", "list").split()
    mode = (data_dir / "snapshots" / made["name"]).stat().st_mode
    assert mode & 0o077 == 0


def test_who_may_speak_to_the_port_cannot_choose_where_the_server_writes(fresh_lab, tmp_path):
    for name in ("../outside", str(tmp_path / "outside"), "a/b"):
        answer = requests.post(fresh_lab.mlflow_url + "/api/sandbox/snapshots", json={"name": name})
        assert answer.status_code == 400, answer.text
    assert not (tmp_path / "outside").exists()


def test_a_fork_of_a_lab_with_users_is_closed_too(tmp_path):
    """Users come along, and the fork asks for them whatever flag the first lab was started with."""
    password = {"MLFLOW_AUTH_ADMIN_PASSWORD": "long enough it is"}
    first = Lab(tmp_path / "first", "--auth", "basic", environment=password)
    second = fork(first, tmp_path / "second")
    url = second.mlflow_url + "/api/2.0/mlflow/experiments/search"
    assert requests.post(url, json={"max_results": 1}).status_code == 401
    login = ("admin", password["MLFLOW_AUTH_ADMIN_PASSWORD"])
    assert requests.post(url, json={"max_results": 1}, auth=login).status_code == 200
    # Nobody but administrators takes snapshots.
    place = first.mlflow_url + "/api/sandbox/snapshots"
    assert requests.post(place, json={"name": "x"}).status_code == 401
    created = requests.post(first.mlflow_url + "/api/2.0/mlflow/users/create", auth=login,
                            json={"username": "ann", "password": "also long enough"})
    assert created.status_code == 200
    assert requests.post(place, json={"name": "x"},
                         auth=("ann", "also long enough")).status_code == 403
    second.stop()
    # A stopped lab remembers that it asked for a login.
    first.stop()
    third = fork(first, tmp_path / "third")
    url = third.mlflow_url + "/api/2.0/mlflow/experiments/search"
    assert requests.post(url, json={"max_results": 1}).status_code == 401
    third.stop()


def test_a_lab_half_restored_does_not_start(fresh_lab, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    (target / "restore.unfinished").write_text("")
    for words in (["up", "--ci"], ["experiments", "list", "--backend-store-uri",
                                   f"sqlite:///{fresh_lab.data_dir}/mlflow.db"]):
        assert "began and did not end" in command(target, *words, code=1)


def test_help_says_how():
    for verb in ("save", "list", "verify", "restore", "remove"):
        done = subprocess.run([binary(), "snapshot", verb, "--help"], capture_output=True, text=True)
        assert done.returncode == 0 and "snapshot" in done.stdout
    done = subprocess.run([binary(), "fork", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "--into" in done.stdout
