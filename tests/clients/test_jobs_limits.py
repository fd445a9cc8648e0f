"""Limits that the kernel keeps on jobs in cgroups, which are gone when the jobs are (rows S4-26,
S4-28). Where this machine lets no cgroup be made, jobs are looked at instead, and say so."""

import os
import re
import signal
import sys
from pathlib import Path

import pytest
from job_support import is_alive, jobs, show, submit, wait
from mlflow import MlflowClient
from own_lab import OwnLab, wait_until


def limits_of(lab):
    """What the lab has said at its start that keeps the limits of jobs."""
    log = lab.data_dir / "logs" / "server.log"
    wait_until(lambda: "jobs can run" in log.read_text(), what="it has not said it")
    return re.search(r'jobs can run limits="([^"]*)"', log.read_text())[1]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with OwnLab(tmp_path_factory.mktemp("limits") / "lab") as lab:
        yield lab
        lab.stop()


@pytest.fixture
def cgroups(lab):
    if not limits_of(lab).startswith("cgroup"):
        pytest.skip("no cgroup can be made here")


def directories(lab, job, attempt=1):
    file = lab.data_dir / "jobs" / job / str(attempt) / "cgroup"
    wait_until(lambda: file.exists() and file.read_text(), what="it has no cgroup")
    return [Path(line) for line in file.read_text().split()]


def read_counts(file):
    return dict(line.split() for line in file.read_text().splitlines())


def test_what_keeps_the_limits_is_said(lab):
    job = submit(lab, "--mem=64M", "--timeout=600", "--", "true")
    ended = wait(lab, job)
    assert ended["details"]["limits"] == limits_of(lab)
    assert f"limits       64 MiB, 10 min, kept by {limits_of(lab)}\n" in jobs(lab, "show", job)
    # Whoever starts the lab is told nothing of it.
    assert "cgroup" not in lab.data_dir.with_name("lab.output").read_text()


def test_a_command_lies_in_its_cgroup_and_the_server_does_not(lab, cgroups):
    job = submit(lab, "--", "sh", "-c", "cat /proc/self/cgroup; echo; sleep 300")
    wait_until(lambda: "\n\n" in jobs(lab, "logs", job), what="it printed nothing")
    places = directories(lab, job)
    name = f"mlops-sandbox-{job}-1"
    assert all(place.name == name and place.is_dir() for place in places)
    assert name in jobs(lab, "logs", job)
    assert name not in Path(f"/proc/{lab.process.pid}/cgroup").read_text()
    jobs(lab, "cancel", job)
    assert wait(lab, job)["status"] == "CANCELED"
    assert not any(place.exists() for place in places)


def test_memory_taken_at_once_is_refused_by_the_kernel_and_named(lab, cgroups):
    # 300 MB within a moment, in a child of the command, which would live on without it.
    code = (
        "import os, time\n"
        "if os.fork() == 0:\n    x = bytearray(300 << 20)\n    os._exit(0)\n"
        "os.wait(); time.sleep(300)"
    )
    if "memory" not in limits_of(lab):
        pytest.skip("no memory controller here")
    ended = wait(lab, submit(lab, "--mem=60M", "--", sys.executable, "-c", code))
    assert ended["status"] == "FAILED"
    assert "It was stopped at its memory limit of 60 MiB (it used 60 MiB)." in ended["error_message"]
    assert "smaller BATCH_SIZE" in ended["error_message"]
    run = MlflowClient(lab.mlflow_url).get_run(ended["details"]["run_id"])
    assert run.info.status == "FAILED" and "memory limit of 60 MiB" in run.data.tags["sandbox.job_error"]


def test_a_job_is_throttled_to_its_cores(lab, cgroups):
    if "cpu" not in limits_of(lab):
        pytest.skip("no cpu controller here")
    job = submit(lab, "--cpus=0.25", "--", "sh", "-c", "while :; do :; done")
    (place,) = [one for one in directories(lab, job) if (one / "cpu.stat").exists() and
                "nr_throttled" in (one / "cpu.stat").read_text()]
    wait_until(lambda: int(read_counts(place / "cpu.stat")["nr_throttled"]) > 3, what="it was not throttled")
    if (place / "cpu.max").exists():
        assert (place / "cpu.max").read_text().split() == ["25000", "100000"]
    else:
        assert (place / "cpu.cfs_quota_us").read_text() == "25000\n"
    jobs(lab, "cancel", job)
    wait(lab, job)


def test_a_new_server_takes_over_a_cgroup(tmp_path):
    """kill -9 of the server: the job stays in its cgroup, whose end is the job's."""
    with OwnLab(tmp_path / "lab") as lab:
        if not limits_of(lab).startswith("cgroup"):
            pytest.skip("no cgroup can be made here")
        job = submit(lab, "--", "sh", "-c", f"while [ ! -e {tmp_path}/enough ]; do sleep 0.1; done")
        places = directories(lab, job)
        wait(lab, job, "RUNNING")
        lab.kill()
        assert all(place.is_dir() for place in places)
        lab.start()
        assert show(lab, job)["details"]["limits"] == limits_of(lab)
        (tmp_path / "enough").touch()
        assert wait(lab, job)["status"] == "SUCCEEDED"
        assert not any(place.exists() for place in places)
        lab.stop()


def test_a_new_server_removes_what_nobody_looks_after(tmp_path):
    """kill -9 of the server and of the shim: what the command left in another session goes, too."""
    with OwnLab(tmp_path / "lab") as lab:
        if not limits_of(lab).startswith("cgroup"):
            pytest.skip("no cgroup can be made here")
        script = f"setsid setsid sh -c 'echo $$ > {tmp_path}/left; sleep 300' & sleep 300"
        job = submit(lab, "--", "sh", "-c", script)
        places = directories(lab, job)
        left = tmp_path / "left"
        wait_until(lambda: left.exists() and left.read_text(), what="it did not start")
        shim = int((lab.data_dir / "jobs" / job / "1" / "lock").read_text())
        lab.kill()
        os.kill(shim, signal.SIGKILL)
        wait_until(lambda: not is_alive(shim), what="the shim lives on")
        assert is_alive(left.read_text().strip()) and all(place.is_dir() for place in places)
        lab.start()
        ended = wait(lab, job)
        assert ended["status"] == "FAILED" and "was killed" in ended["error_message"]
        assert not any(place.exists() for place in places)
        wait_until(lambda: not is_alive(left.read_text().strip()), what="what it started lives on")
        lab.stop()
