"""snapshot, restore and fork, as people use them, beside clients that write."""

import json
import os
import shutil
import subprocess
import time

import pytest
import requests
from conftest import Lab
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from own_lab import binary, clean_environment, free_ports
from snapshot_support import LARGE, Clients, check_all, command


def fork(lab, into, *words):
    """The forked lab, running."""
    port, s3_port, console_port = free_ports(3)
    command(lab.data_dir, "fork", *words, "--into", into, "--no-start", "--port", port,
            "--s3-port", s3_port, "--console-port", console_port)
    made = Lab(into)
    assert made.mlflow_url.endswith(f":{port}") and made.s3_url.endswith(f":{s3_port}")
    return made


def chunk_files(data_dir):
    """Inode to size of the files that hold large objects."""
    found = {}
    for entry in os.scandir(data_dir / "objects" / "db"):
        if entry.name.endswith(".sst") and entry.stat().st_size > LARGE:
            found[entry.inode()] = entry.stat().st_size
    return found


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
    assert "Snapshot 'before'" in command(data_dir, "snapshot", "save", "before")
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


def test_a_restore_tells_of_an_environment_that_names_the_first_database(fresh_lab, tmp_path):
    """Two labs would write to it."""
    uri = f"sqlite:///{fresh_lab.data_dir}/mlflow.db"
    command(fresh_lab.data_dir, "snapshot", "save", "s")
    done = subprocess.run(
        [binary(), "snapshot", "restore", "s", "--into", str(tmp_path / "second"), "--data-dir",
         str(fresh_lab.data_dir)],
        env=clean_environment() | {"MLFLOW_BACKEND_STORE_URI": uri}, capture_output=True, text=True)
    assert "in a shell without MLFLOW_BACKEND_STORE_URI" in done.stdout
    said = command(fresh_lab.data_dir, "snapshot", "restore", "s", "--into", tmp_path / "third")
    assert "Start it" in said and "in a shell without" not in said


def test_a_mistyped_subcommand_saves_nothing(fresh_lab):
    said = command(fresh_lab.data_dir, "snapshot", "lsit", code=2)
    assert "There is no `snapshot lsit`" in said and "snapshot save lsit" in said
    assert "There are no snapshots" in command(fresh_lab.data_dir, "snapshot", "list")


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
