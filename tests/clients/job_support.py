"""Jobs of a lab, for the tests of them: by the command line and over HTTP."""

import json
import subprocess
import time

import requests
from own_lab import binary, clean_environment

FINAL = ("SUCCEEDED", "FAILED", "TIMEOUT", "CANCELED")


def run(lab, *words, cwd=None, environment=None, timeout=120):
    """`run` as a person types it; what it printed and its exit code."""
    return subprocess.run(
        [binary(), "run", f"--data-dir={lab.data_dir}", *words],
        capture_output=True, text=True, timeout=timeout, cwd=cwd,
        env=clean_environment() | (environment or {}),
    )


def submit(lab, *words, cwd=None):
    done = run(lab, "--detach", *words, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def jobs(lab, *words):
    done = subprocess.run(
        [binary(), "jobs", *words, f"--data-dir={lab.data_dir}"],
        capture_output=True, text=True, timeout=120, env=clean_environment(),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(lab, *words):
    done = subprocess.run(
        [binary(), "jobs", *words, f"--data-dir={lab.data_dir}"],
        capture_output=True, text=True, timeout=120, env=clean_environment(),
    )
    assert done.returncode != 0
    return done.stderr


def show(lab, job):
    return json.loads(jobs(lab, "show", job, "--json"))


def wait(lab, job, *statuses, seconds=60):
    """The job once it has one of these statuses, or has ended."""
    wanted = statuses or FINAL
    deadline = time.monotonic() + seconds
    while True:
        now = show(lab, job)
        if now["status"] in wanted:
            return now
        assert now["status"] not in FINAL, now
        assert time.monotonic() < deadline, now
        time.sleep(0.1)


def token(lab):
    return json.loads((lab.data_dir / "state.json").read_text())["local_token"]


def post(lab, path, body=None, bearer=None):
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    return requests.post(f"{lab.mlflow_url}/api/{path}", json=body or {}, headers=headers, timeout=30)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False

