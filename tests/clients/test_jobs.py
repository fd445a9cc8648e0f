"""Commands as jobs: what they are told, what is kept of them, their limits, and who may start them
(rows S4-13, S4-26, S4-28, S4-30, S4-31, S3-10)."""

import json
import sys
import time

import boto3
import botocore
import pytest
import requests
from job_support import (
    is_alive, jobs, post, refused, run, show, submit, token, wait,
)
from mlflow import MlflowClient
from own_lab import OwnLab, wait_until


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with OwnLab(tmp_path_factory.mktemp("jobs") / "lab") as lab:
        yield lab
        lab.stop()


@pytest.fixture
def client(lab):
    return MlflowClient(lab.mlflow_url)


TRAIN = """
import mlflow

mlflow.set_experiment("{name}")
with mlflow.start_run(run_name="first"):
    mlflow.log_param("lr", 0.001)
    for epoch in range(10):
        mlflow.log_metric("loss", 1 / (epoch + 1), step=epoch)
    mlflow.log_text("hello", "note.txt")
print("trained")
"""


def test_a_script_that_sets_its_own_experiment_logs_into_the_jobs_run(lab, client, tmp_path):
    (tmp_path / "train.py").write_text(TRAIN.format(name="my-experiment"))
    done = run(lab, "--", sys.executable, "train.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "trained\n" in done.stdout
    job = json.loads(jobs(lab, "list", "--name", "train.py", "--json"))["jobs"][0]
    assert job["status"] == "SUCCEEDED" and job["details"]["exit_code"] == 0
    experiment = client.get_experiment_by_name("my-experiment")
    (made,) = client.search_runs([experiment.experiment_id])
    assert made.info.run_id == job["details"]["run_id"]
    assert made.info.status == "FINISHED" and made.info.run_name == "first"
    assert len(client.get_metric_history(made.info.run_id, "loss")) == 10
    assert made.data.tags["sandbox.job_id"] == job["job_id"]
    assert made.data.params["job.command"].endswith("train.py") and made.data.params["lr"] == "0.001"
    # What the system gave it, seen from outside, and what it printed, among the run's files.
    assert "system/system_memory_usage_megabytes" in made.data.metrics
    assert "system/cpu_utilization_percentage" in made.data.metrics
    files = {one.path for one in client.list_artifacts(made.info.run_id)}
    assert {"note.txt", "logs"} <= files
    log = client.download_artifacts(made.info.run_id, "logs/job.log", str(tmp_path))
    assert "trained\n" in open(log, encoding="utf-8").read()
    assert made.info.artifact_uri.split("/")[-3] == experiment.experiment_id


def test_a_script_without_an_experiment_logs_where_it_was_told(lab, client, tmp_path):
    (tmp_path / "plain.py").write_text(
        "import mlflow\nwith mlflow.start_run():\n    mlflow.log_metric('m', 1)\n"
    )
    job = submit(lab, "--experiment", "told", "--name", "named", "--", sys.executable, "plain.py", cwd=tmp_path)
    assert wait(lab, job)["status"] == "SUCCEEDED"
    (made,) = client.search_runs([client.get_experiment_by_name("told").experiment_id])
    assert made.data.metrics["m"] == 1 and made.info.run_name == "named"


def test_its_keys_open_s3_until_it_ends(lab):
    job = submit(lab, "--", "sh", "-c", "echo $AWS_ACCESS_KEY_ID; echo $MLFLOW_TRACKING_TOKEN; sleep 30")
    folder = lab.data_dir / "jobs" / job
    wait_until((folder / "pass.json").exists, what="the job did not start")
    keys = json.loads((folder / "pass.json").read_text())
    assert (folder / "pass.json").stat().st_mode & 0o777 == 0o600
    s3 = boto3.client(
        "s3", endpoint_url=lab.s3_url, aws_access_key_id=keys["access_key"],
        aws_secret_access_key=keys["secret_key"], region_name="us-east-1",
    )
    s3.put_object(Bucket="mlflow", Key="by-a-job", Body=b"x")
    jobs(lab, "cancel", job)
    assert wait(lab, job)["status"] == "CANCELED"
    with pytest.raises(botocore.exceptions.ClientError, match="InvalidAccessKeyId"):
        s3.list_buckets()
    printed = jobs(lab, "logs", job)
    assert keys["access_key"] in printed and keys["token"] not in printed and "***" in printed
    assert not (folder / "pass.json").exists()


def test_secrets_are_masked_however_they_are_printed(lab, client):
    # In two pieces, with a pause between, and beside other text.
    code = "import os,sys,time\ns=os.environ['TOKEN']\nsys.stdout.write('a'+s[:7]); sys.stdout.flush()\n" \
        "time.sleep(0.6)\nprint(s[7:]+'b')\nprint(len(s))"
    done = run(lab, "--secret", "TOKEN", "--", sys.executable, "-c", code,
               environment={"TOKEN": "hunter2-is-secret"})
    assert done.stdout == "a***b\n17\n"
    job = json.loads(jobs(lab, "list", "--json"))["jobs"][0]
    assert job["spec"]["secrets"] == ["TOKEN"]
    assert "hunter2" not in json.dumps(job)
    run_id = job["details"]["run_id"]
    assert "hunter2" not in json.dumps(client.get_run(run_id).to_dictionary())
    server_log = (lab.data_dir / "logs" / "server.log").read_text()
    assert "hunter2" not in server_log
    short = run(lab, "--secret", "TOKEN=abc", "--", "true")
    assert short.returncode != 0 and "less than 4 bytes" in short.stderr


@pytest.mark.parametrize("words, status, sentence", [
    (["--mem=60M", "--", sys.executable, "-c", "x=bytearray(300<<20)\nimport time\ntime.sleep(20)"],
     "FAILED", "memory limit of 60 MiB"),
    (["--timeout=1", "--", "sleep", "30"], "TIMEOUT", "timeout of 1 s"),
    (["--", "no-such-program"], "FAILED", "there is no program 'no-such-program' in the job's PATH"),
    (["--", sys.executable, "-c", "import no_such_module"], "FAILED",
     "Python's module 'no_such_module' is missing"),
    (["--", sys.executable, "-c", "raise MemoryError()"], "FAILED", "smaller BATCH_SIZE"),
    (["--", "sh", "-c", "exit 7"], "FAILED", "It ended with code 7."),
    (["--", "sh", "-c", "kill -9 $$"], "FAILED", "SIGKILL, which this lab did not send"),
    (["--dir=/root", "--", "/etc/passwd"], "FAILED", "may not be executed"),
])
def test_a_failure_says_its_reason_and_what_to_do(lab, client, words, status, sentence):
    job = submit(lab, *words)
    ended = wait(lab, job)
    assert ended["status"] == status
    assert sentence in ended["error_message"]
    failed = client.get_run(ended["details"]["run_id"])
    assert failed.info.status == "FAILED"
    assert sentence in failed.data.tags["sandbox.job_error"]


def test_everything_a_job_started_ends_with_it(lab, tmp_path):
    # A child that left the session and ignores signals, and one in the background.
    script = f"""
    setsid sh -c 'trap "" TERM; echo $$ > {tmp_path}/left; sleep 300' &
    sleep 300 & echo $! > {tmp_path}/back
    while [ ! -s {tmp_path}/left ]; do sleep 0.05; done
    """
    job = submit(lab, "--", "sh", "-c", script)
    assert wait(lab, job)["status"] == "SUCCEEDED"
    for name in ("left", "back"):
        assert not is_alive((tmp_path / name).read_text().strip())


def test_a_fork_bomb_is_stopped(lab):
    code = "import os,time\nfor i in range(6000):\n    if os.fork() == 0: time.sleep(60); os._exit(0)\ntime.sleep(60)"
    ended = wait(lab, submit(lab, "--", sys.executable, "-c", code), seconds=120)
    assert ended["status"] == "FAILED" and "too many processes" in ended["error_message"]
    assert show(lab, submit(lab, "--", "true"))  # the lab still answers


def test_a_failed_attempt_is_tried_again(lab, tmp_path):
    script = f"echo attempt $MLOPS_SANDBOX_ATTEMPT; echo x >> {tmp_path}/tries; [ $(wc -l < {tmp_path}/tries) = 3 ]"
    job = submit(lab, "--retries=4", "--", "sh", "-c", script)
    ended = wait(lab, job)
    assert ended["status"] == "SUCCEEDED"
    assert ended["retry_count"] == 2 and ended["details"]["attempt"] == 3
    assert jobs(lab, "logs", job) == "attempt 1\nattempt 2\nattempt 3\n"
    assert "error_message" not in ended or ended["error_message"] == ""


def test_retries_end(lab):
    ended = wait(lab, submit(lab, "--retries=1", "--", "false"))
    assert ended["status"] == "FAILED" and ended["retry_count"] == 1


def test_jobs_wait_for_each_other_and_for_cores(lab, tmp_path):
    log = tmp_path / "order"
    cores = len(__import__("os").sched_getaffinity(0))
    first = submit(lab, f"--cpus={cores}", "--", "sh", "-c", f"sleep 1; echo first >> {log}")
    after = submit(lab, "--after", first, "--priority=9", "--", "sh", "-c", f"echo after >> {log}")
    low = submit(lab, f"--cpus={cores}", "--", "sh", "-c", f"echo low >> {log}")
    high = submit(lab, f"--cpus={cores}", "--priority=5", "--", "sh", "-c", f"echo high >> {log}")
    waiting = wait(lab, after, "PENDING")
    assert waiting["status"] == "PENDING"
    for job in (first, after, low, high):
        assert wait(lab, job)["status"] == "SUCCEEDED"
    assert log.read_text().split() == ["first", "high", "low", "after"] or \
        log.read_text().split() == ["first", "after", "high", "low"]


def test_what_comes_after_a_failure_is_not_started(lab, tmp_path):
    first = submit(lab, "--", "false")
    after = submit(lab, "--after", first, "--", "touch", str(tmp_path / "started"))
    ended = wait(lab, after)
    assert ended["status"] == "CANCELED" and "did not succeed" in ended["error_message"]
    assert not (tmp_path / "started").exists()


def test_what_can_never_run_is_refused(lab):
    for words, sentence in (
        (["--cpus=1000", "--", "true"], "would wait for ever"),
        (["--mem=900000G", "--", "true"], "would wait for ever"),
        (["--gpus=99", "--", "true"], "would wait for ever"),
        (["--mem=lots", "--", "true"], "is no size"),
        (["--after=nobody", "--", "true"], "Job with ID nobody not found"),
        (["--dir=/no/such/place", "--", "true"], "is not there"),
        (["--retries=101", "--", "true"], "Retries are 0 to 100"),
        (["--python=/no/venv", "--", "python"], "no Python environment"),
        (["--env=NOT_SET_HERE", "--", "true"], "has no variable NOT_SET_HERE"),
        (["--"], "needs a command"),
    ):
        done = run(lab, *words)
        assert done.returncode != 0 and sentence in done.stderr, done.stderr


def test_a_running_and_a_waiting_job_are_canceled(lab):
    running = submit(lab, "--", "sh", "-c", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done")
    wait(lab, running, "RUNNING")
    wait_until(lambda: "up" in jobs(lab, "logs", running), what="it printed nothing")
    waiting = submit(lab, "--after", running, "--", "true")
    jobs(lab, "cancel", waiting)
    assert show(lab, waiting)["status"] == "CANCELED"
    jobs(lab, "cancel", running)
    assert wait(lab, running)["status"] == "CANCELED"
    assert jobs(lab, "logs", running).replace("Terminated\n", "") == "up\nbye\n"  # of the shell
    assert "is SUCCEEDED" not in refused(lab, "rm", "nobody")
    jobs(lab, "rm", running)
    assert "not found" in refused(lab, "show", running)


def test_the_log_is_followed_while_it_grows(lab):
    job = submit(lab, "--", "sh", "-c", "for i in 1 2 3 4; do echo line $i; sleep 0.4; done")
    started = time.monotonic()
    assert jobs(lab, "logs", "-f", job) == "".join(f"line {i}\n" for i in (1, 2, 3, 4))
    assert wait(lab, job)["status"] == "SUCCEEDED" and time.monotonic() - started > 1


def test_only_who_runs_the_lab_starts_programs(lab):
    order = {"spec": {"command": ["true"], "working_dir": "/"}}
    for bearer in (None, "wrong"):
        answer = post(lab, "sandbox/jobs", order, bearer)
        assert answer.status_code == 403 and answer.json()["error_code"] == "PERMISSION_DENIED"
    made = post(lab, "sandbox/jobs", order, token(lab))
    assert made.status_code == 200
    job = made.json()["job_id"]
    assert post(lab, f"sandbox/jobs/{job}/cancel").status_code == 403
    assert requests.delete(f"{lab.mlflow_url}/api/sandbox/jobs/{job}", timeout=30).status_code == 403
    assert wait(lab, job)["status"] == "SUCCEEDED"


def test_mlflows_own_job_api_reads_them(lab):
    from mlflow.server.job_api import Job, SearchJobsResponse

    job = submit(lab, "--name=as-mlflow", "--timeout=60", "--", "true")
    wait(lab, job)
    answer = requests.get(f"{lab.mlflow_url}/ajax-api/3.0/jobs/{job}", timeout=30)
    read = Job.model_validate(answer.json())
    assert read.job_id == job and read.status == "SUCCEEDED" and read.timeout == 60
    found = requests.post(
        f"{lab.mlflow_url}/ajax-api/3.0/jobs/search", json={"job_name": "as-mlflow"}, timeout=30
    )
    assert [one.job_id for one in SearchJobsResponse.model_validate(found.json()).jobs] == [job]
    assert requests.patch(
        f"{lab.mlflow_url}/ajax-api/3.0/jobs/cancel/{job}", json={}, timeout=30
    ).status_code == 403


def test_a_job_logs_in_where_users_have_to(tmp_path):
    script = "import mlflow\nwith mlflow.start_run():\n    mlflow.log_metric('m', 1)\n"
    options = ("--auth=basic", "--admin-password=correct horse battery")
    with OwnLab(tmp_path / "lab", *options) as lab:
        done = run(lab, "--", sys.executable, "-c", script)
        assert done.returncode == 0, done.stderr
        order = {"spec": {"command": ["true"], "working_dir": "/"}}
        assert post(lab, "sandbox/jobs", order).status_code == 401
        admin = requests.post(
            f"{lab.mlflow_url}/api/sandbox/jobs", json=order, auth=("admin", "correct horse battery"), timeout=30
        )
        assert admin.status_code == 200
        requests.post(
            f"{lab.mlflow_url}/api/2.0/mlflow/users/create", timeout=30,
            json={"username": "pupil", "password": "a long password"}, auth=("admin", "correct horse battery"),
        ).raise_for_status()
        pupil = requests.post(
            f"{lab.mlflow_url}/api/sandbox/jobs", json=order, auth=("pupil", "a long password"), timeout=30
        )
        assert pupil.status_code == 403
        lab.stop()


CLUSTER = """
import boto3, mlflow

mlflow.set_tracking_uri("http://{tracking}")
with mlflow.start_run():
    mlflow.log_text("x", "x.txt")
s3 = boto3.client("s3", endpoint_url="http://{s3}")
print(sorted(one["Name"] for one in s3.list_buckets()["Buckets"]))
"""


@pytest.mark.parametrize("tracking, s3, words", [
    ("mlflow-server-service.mlflow-system.svc.cluster.local:5000", "minio.storage.svc.cluster.local:9000", []),
    ("mlflow.example:80", "minio.example:1234", ["--alias=mlflow.example:80=tracking", "--alias=minio.example:1234=s3"]),
])
def test_a_script_with_a_clusters_addresses_runs_unchanged(lab, client, tracking, s3, words):
    """Rows S2-8, S4-27."""
    code = CLUSTER.format(tracking=tracking, s3=s3)
    done = run(lab, "--name=of a cluster", *words, "--", sys.executable, "-c", code)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "['mlflow', 'mlflow-artifacts']"
    job = json.loads(jobs(lab, "list", "--name=of a cluster", "--json"))["jobs"][0]
    assert "x.txt" in [one.path for one in client.list_artifacts(job["details"]["run_id"])]
    # Others than jobs are not let in by such a name.
    answer = requests.get(
        f"{lab.mlflow_url}/api/2.0/mlflow/experiments/search?max_results=1", headers={"Host": tracking}, timeout=30
    )
    assert answer.status_code == 403
    assert "is no alias" in run(lab, "--alias=nowhere", "--", "true").stderr
