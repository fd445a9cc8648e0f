"""Jobs on PostgreSQL: they run, go on while the lab moves there, and each lab on a shared database
runs its own (rows S1-13, S4-26)."""

import sys

from job_support import jobs, show, submit, wait
from migration_support import migrate
from mlflow import MlflowClient
from own_lab import OwnLab, wait_until

SCRIPT = """
import mlflow, os, time

with mlflow.start_run():
    for step in range(400):
        mlflow.log_metric("step", step, step=step)
        print("step", step, flush=True)
        if os.path.exists("enough"):
            break
        time.sleep(0.05)
print("done")
"""


def test_a_job_goes_on_while_its_lab_moves(server, lab, tmp_path):
    uri = server.make_database("jobs_moved")
    job = submit(lab, "--cpus=0.5", "--", sys.executable, "-c", SCRIPT, cwd=tmp_path)
    later = submit(lab, "--after", job, "--", "echo", "later")
    wait_until(lambda: "step 5\n" in jobs(lab, "logs", job), what="it did not start")
    told = migrate(lab, f"--to-db={uri}")
    assert told["is_switched"] and told["is_equal"]
    assert server.psql("SELECT status FROM jobs WHERE id = '" + job + "'", "jobs_moved") == "1"
    (tmp_path / "enough").touch()
    ended = wait(lab, job)
    assert ended["status"] == "SUCCEEDED" and ended["details"]["attempt"] == 1
    printed = jobs(lab, "logs", job).splitlines()
    points = MlflowClient(lab.mlflow_url).get_metric_history(ended["details"]["run_id"], "step")
    assert len(points) == len([line for line in printed if line.startswith("step")]) > 5
    assert printed[-1] == "done"
    assert wait(lab, later)["status"] == "SUCCEEDED"
    assert server.psql("SELECT count(*) FROM jobs WHERE status = 2", "jobs_moved") == "2"


def test_labs_on_one_database_run_their_own_jobs(server, tmp_path):
    uri = server.make_database("jobs_shared")
    option = f"--backend-store-uri={uri}"
    with OwnLab(tmp_path / "one", option) as one, OwnLab(tmp_path / "other", option) as other:
        made = [
            submit(lab, "--cpus=0.2", "--", "sh", "-c", f"echo {name} >> {tmp_path}/{name}{i}")
            for i in range(4) for name, lab in (("one", one), ("other", other))
        ]
        for index, job in enumerate(made):
            assert wait((one, other)[index % 2], job)["status"] == "SUCCEEDED"
            assert show((other, one)[index % 2], job)["is_here"] is False
        for i in range(4):
            for name in ("one", "other"):
                assert (tmp_path / f"{name}{i}").read_text() == f"{name}\n"
        one.stop()
        other.stop()
