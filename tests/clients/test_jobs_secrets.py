"""Secrets and configuration that the lab keeps for jobs that ask for them (row S4-30)."""

import json
import os
import pty
import sqlite3
import subprocess
import sys

import pytest
import requests
from job_support import jobs, post, run, show, submit, token, wait
from mlflow import MlflowClient
from own_lab import OwnLab, binary, clean_environment, wait_until

WORD = "hunter2-is-secret"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with OwnLab(tmp_path_factory.mktemp("secrets") / "lab") as lab:
        yield lab
        lab.stop()


def command(lab, noun, *words, value=None):
    return subprocess.run(
        [binary(), noun, *words, f"--data-dir={lab.data_dir}"],
        input=value, stdin=None if value is not None else subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, env=clean_environment(),
    )


def secret(lab, *words, value=None):
    done = command(lab, "secret", *words, value=value)
    assert done.returncode == 0, done.stderr
    assert WORD not in done.stdout + done.stderr
    return done.stdout


def config(lab, *words):
    done = command(lab, "config", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def texts_below(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
    }


def test_a_kept_secret_reaches_the_job_and_nothing_else(lab):
    secret(lab, "set", "TOKEN", value=WORD + "\n")
    assert secret(lab, "list") == "TOKEN\n"
    code = "import os\nprint(os.environ['TOKEN'])\nprint(len(os.environ['TOKEN']))"
    done = run(lab, "--secret=TOKEN", "--name=asks", "--", sys.executable, "-c", code)
    assert done.stdout == f"***\n{len(WORD)}\n", done.stderr
    job = json.loads(jobs(lab, "list", "--name=asks", "--json"))["jobs"][0]
    assert job["spec"]["kept_secrets"] == ["TOKEN"] and WORD not in json.dumps(job)
    run_id = job["details"]["run_id"]
    assert WORD not in json.dumps(MlflowClient(lab.mlflow_url).get_run(run_id).to_dictionary())
    for path in ("sandbox/secrets", f"sandbox/jobs/{job['job_id']}", f"3.0/jobs/{job['job_id']}"):
        answer = requests.get(f"{lab.mlflow_url}/api/{path}", timeout=30)
        assert answer.status_code == 200 and WORD not in answer.text
    # Of all files of the lab one has it, for its owner alone: no log, no database, no object.
    wait_until(lambda: not (lab.data_dir / "jobs" / job["job_id"] / "1").exists())
    having = [name for name, data in texts_below(lab.data_dir).items() if WORD.encode() in data]
    assert having == ["job-secrets.json"]
    assert (lab.data_dir / "job-secrets.json").stat().st_mode & 0o777 == 0o600
    # A job that does not ask has none.
    assert run(lab, "--", "sh", "-c", "echo .$TOKEN.").stdout == "..\n"


def test_the_shells_own_value_wins(lab):
    secret(lab, "set", "BOTH", value="kept-by-the-lab")
    code = ["--", "sh", "-c", "echo ${#BOTH}"]
    assert run(lab, "--secret=BOTH", *code, environment={"BOTH": "of-the-shell"}).stdout == "12\n"
    assert run(lab, "--secret=BOTH", *code).stdout == "15\n"
    assert run(lab, "--secret=BOTH=given", *code).stdout == "5\n"


def test_a_secret_is_read_from_a_prompt_that_shows_nothing(lab):
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [binary(), "secret", "set", "TYPED", f"--data-dir={lab.data_dir}"],
        stdin=terminal, stdout=terminal, stderr=terminal, env=clean_environment(),
    )
    os.close(terminal)
    seen = b""
    while b"Value of TYPED: " not in seen:
        seen += os.read(main, 1000)
    os.write(main, WORD.encode() + b"\n")
    try:
        while piece := os.read(main, 1000):
            seen += piece
    except OSError:
        pass  # the other end is closed
    os.close(main)
    assert process.wait(timeout=30) == 0 and b"Kept." in seen and WORD.encode() not in seen
    assert run(lab, "--secret=TYPED", "--", "sh", "-c", "echo ${#TYPED}").stdout == f"{len(WORD)}\n"


def test_a_key_of_many_lines_is_masked_line_by_line(lab):
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nq83vEjRWeJCrze8SNFZ4kKvN7x\n-----END KEY-----"
    secret(lab, "set", "PEM", value=key + "\n")
    done = run(lab, "--secret=PEM", "--", "sh", "-c", 'echo "$PEM"; echo "$PEM" | sed -n "2p;3p"')
    assert done.stdout == "***\n***\n***\n", done.stdout


def test_what_is_refused(lab):
    for words, value, sentence in (
        (["set", f"TOKEN={WORD}"], "", "seen by everybody"),
        (["set", "TOKEN"], "abc", "less than 4 bytes"),
        (["set", "TO-KEN"], WORD, "is no name of a variable"),
        (["set"], WORD, "Say its name"),
        (["rm", "NOBODY"], "", "The lab keeps no secret NOBODY"),
    ):
        done = command(lab, "secret", *words, value=value)
        assert done.returncode != 0 and sentence in done.stderr, done.stderr
        assert WORD not in done.stdout + done.stderr
    for words, sentence in (
        (["--secret=NOBODY", "--", "true"], "`mlops-sandbox secret set NOBODY` makes it, or set the variable"),
        (["--config=NOBODY", "--", "true"], "`mlops-sandbox config set NOBODY=VALUE` makes it"),
    ):
        done = run(lab, *words)
        assert done.returncode != 0 and sentence in done.stderr, done.stderr


def test_configuration_is_given_to_jobs_that_ask(lab):
    config(lab, "set", "MODEL_NAME=resnet18")
    config(lab, "set", "BATCH_SIZE=32")
    config(lab, "set", "BATCH_SIZE=64=8x8")
    assert config(lab, "list") == "BATCH_SIZE=64=8x8\nMODEL_NAME=resnet18\n"
    show_both = ["--", "sh", "-c", "echo $MODEL_NAME $BATCH_SIZE"]
    assert run(lab, *show_both).stdout == "\n"
    assert run(lab, "--config=MODEL_NAME", *show_both).stdout == "resnet18\n"
    assert run(lab, "--all-config", *show_both).stdout == "resnet18 64=8x8\n"
    assert run(lab, "--all-config", "--env=BATCH_SIZE=1", *show_both).stdout == "resnet18 1\n"
    config(lab, "rm", "BATCH_SIZE")
    assert config(lab, "list") == "MODEL_NAME=resnet18\n"


def test_each_attempt_has_the_value_of_its_time(lab, tmp_path):
    """A value that is changed reaches the next attempt; one that is gone fails it with its name."""
    secret(lab, "set", "TURNS", value="old-value")
    script = f"touch {tmp_path}/up; [ $TURNS = new-value ] || {{ while [ ! -e {tmp_path}/on ]; do sleep 0.1; done; exit 1; }}"
    job = submit(lab, "--retries=1", "--secret=TURNS", "--", "sh", "-c", script)
    wait_until((tmp_path / "up").exists)
    secret(lab, "set", "TURNS", value="new-value")
    (tmp_path / "on").touch()
    assert wait(lab, job)["status"] == "SUCCEEDED"
    first = submit(lab, "--cpus=0.1", "--", "sh", "-c", f"while [ ! -e {tmp_path}/end ]; do sleep 0.1; done")
    after = submit(lab, "--after", first, "--secret=TURNS", "--", "true")
    secret(lab, "rm", "TURNS")
    (tmp_path / "end").touch()
    ended = wait(lab, after)
    assert ended["status"] == "FAILED" and "The lab keeps no secret TURNS" in ended["error_message"]


def test_only_who_runs_the_lab_changes_them(lab):
    for kind in ("secrets", "config"):
        body = {"name": "OVER_HTTP", "value": WORD}
        assert post(lab, f"sandbox/{kind}", body).status_code == 403
        assert post(lab, f"sandbox/{kind}", body, token(lab)).status_code == 200
        listed = requests.get(f"{lab.mlflow_url}/api/sandbox/{kind}", timeout=30)
        assert "OVER_HTTP" in listed.text
        address = f"{lab.mlflow_url}/api/sandbox/{kind}/OVER_HTTP"
        assert requests.delete(address, timeout=30).status_code == 403
        bearer = {"Authorization": f"Bearer {token(lab)}"}
        assert requests.delete(address, headers=bearer, timeout=30).status_code == 200
        assert requests.delete(address, headers=bearer, timeout=30).status_code == 404
    wrong = post(lab, "sandbox/secrets", {"name": "OVER_HTTP", "value": {"a": WORD}}, token(lab))
    assert wrong.status_code == 400
    assert WORD not in (lab.data_dir / "logs" / "server.log").read_text()


def test_users_that_log_in_see_none_of_it(tmp_path):
    password = "correct horse battery"
    with OwnLab(tmp_path / "lab", "--auth=basic", f"--admin-password={password}") as lab:
        secret(lab, "set", "TOKEN", value=WORD)
        requests.post(
            f"{lab.mlflow_url}/api/2.0/mlflow/users/create", timeout=30,
            json={"username": "pupil", "password": "a long password"}, auth=("admin", password),
        ).raise_for_status()
        for kind in ("secrets", "config"):
            address = f"{lab.mlflow_url}/api/sandbox/{kind}"
            assert requests.get(address, timeout=30).status_code == 401
            assert requests.get(address, auth=("pupil", "a long password"), timeout=30).status_code == 403
            assert requests.get(address, auth=("admin", password), timeout=30).status_code == 200
        lab.stop()


def test_a_stopped_lab_and_a_snapshot_keep_them(tmp_path):
    with OwnLab(tmp_path / "lab") as lab:
        secret(lab, "set", "TOKEN", value=WORD)
        lab.stop()
        config(lab, "set", "MODE=quick")
        assert secret(lab, "list") == "TOKEN\n"
        for words in (["save", "now"], ["restore", "now", f"--into={tmp_path}/other"]):
            subprocess.run([binary(), "snapshot", *words, f"--data-dir={lab.data_dir}"],
                           check=True, stdout=subprocess.DEVNULL)
        with OwnLab(tmp_path / "other") as other:
            assert (other.data_dir / "job-secrets.json").stat().st_mode & 0o777 == 0o600
            done = run(other, "--secret=TOKEN", "--config=MODE", "--", "sh", "-c", "echo ${#TOKEN} $MODE")
            assert done.stdout == f"{len(WORD)} quick\n", done.stderr
            other.stop()


def test_no_row_has_a_value(lab):
    secret(lab, "set", "ROW", value=WORD)
    wait(lab, submit(lab, "--secret=ROW", "--", "sh", "-c", "echo $ROW"))
    with sqlite3.connect(lab.data_dir / "mlflow.db") as database:
        assert not [line for line in database.iterdump() if WORD in line]
