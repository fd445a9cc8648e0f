"""Jobs live through the end of the server, run once, and the truth is told of those that are lost
(rows S4-26, S4-31)."""

import os
import signal
import subprocess
import sys

from job_support import is_alive, jobs, run, show, submit, wait
from mlflow import MlflowClient
from own_lab import OwnLab, binary, wait_until


def counting(place, end=""):
    """Writes a line a tenth of a second into a file and into its log."""
    return (
        f"i=0; while [ $i -lt 40 ] && [ ! -e {place}/enough ]; do i=$((i+1)); echo $i >> {place}/lines; "
        f"echo line $i; sleep 0.1; done; {end}"
    )


def test_a_job_that_runs_on_is_found_again(tmp_path):
    with OwnLab(tmp_path / "lab") as lab:
        job = submit(lab, "--", "sh", "-c", counting(tmp_path))
        wait_until((tmp_path / "lines").exists, what="it did not start")
        lab.kill()
        assert is_alive((lab.data_dir / "jobs" / job / "1" / "command").read_text().strip())
        lab.start()
        assert wait(lab, job, "RUNNING")["details"]["attempt"] == 1
        (tmp_path / "enough").touch()
        ended = wait(lab, job)
        assert ended["status"] == "SUCCEEDED" and ended["details"]["attempt"] == 1
        numbers = (tmp_path / "lines").read_text().split()
        assert numbers == [str(n) for n in range(1, len(numbers) + 1)]  # nothing ran twice
        assert jobs(lab, "logs", job) == "".join(f"line {n}\n" for n in numbers)
        lab.stop()


def test_a_job_that_ended_meanwhile_tells_its_end(tmp_path):
    with OwnLab(tmp_path / "lab") as lab:
        good = submit(lab, "--cpus=0.5", "--", "sh", "-c", f"touch {tmp_path}/good; sleep 1; echo well")
        bad = submit(lab, "--cpus=0.5", "--", "sh", "-c", f"touch {tmp_path}/bad; sleep 1; echo badly; exit 3")
        for name in ("good", "bad"):
            wait_until((tmp_path / name).exists, what="it did not start")
        lab.kill()
        for job in (good, bad):
            wait_until((lab.data_dir / "jobs" / job / "1" / "end.json").exists, what="it did not end")
        lab.start()
        assert wait(lab, good)["status"] == "SUCCEEDED"
        ended = wait(lab, bad)
        assert ended["status"] == "FAILED" and ended["details"]["exit_code"] == 3
        assert "badly" in ended["error_message"]
        client = MlflowClient(lab.mlflow_url)
        assert client.get_run(ended["details"]["run_id"]).info.status == "FAILED"
        assert jobs(lab, "logs", good) == "well\n"
        lab.stop()


def test_a_job_whose_shim_was_killed_is_lost_with_all_it_started(tmp_path):
    with OwnLab(tmp_path / "lab") as lab:
        job = submit(lab, "--", "sh", "-c", f"sleep 300 & echo $! > {tmp_path}/child; wait")
        wait_until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text(), what="no start")
        os.kill(int((lab.data_dir / "jobs" / job / "1" / "lock").read_text()), signal.SIGKILL)
        ended = wait(lab, job)
        assert ended["status"] == "FAILED" and "was killed" in ended["error_message"]
        child = (tmp_path / "child").read_text().strip()
        wait_until(lambda: not is_alive(child), what="its child lives on")
        again = submit(lab, "--retries=1", "--", "sh", "-c",
                       f"echo $MLOPS_SANDBOX_ATTEMPT > {tmp_path}/attempt; [ $MLOPS_SANDBOX_ATTEMPT = 2 ] || sleep 300")
        wait_until((tmp_path / "attempt").exists, what="no start")
        os.kill(int((lab.data_dir / "jobs" / again / "1" / "lock").read_text()), signal.SIGKILL)
        assert wait(lab, again)["status"] == "SUCCEEDED"
        lab.stop()


def test_waiting_jobs_start_once_after_many_kills(tmp_path):
    """The server is killed again and again while it starts jobs; each of them runs exactly once."""
    with OwnLab(tmp_path / "lab") as lab:
        ids = []
        for number in range(12):
            ids.append(submit(lab, "--cpus=0.5", "--", "sh", "-c", f"echo x >> {tmp_path}/{number}; sleep 0.2"))
            if number % 3 == 2:
                lab.kill()
                lab.start()
        for job in ids:
            assert wait(lab, job)["status"] == "SUCCEEDED"
        for number in range(12):
            assert (tmp_path / str(number)).read_text() == "x\n"
        lab.stop()


def test_down_ends_what_runs_and_says_so(tmp_path):
    with OwnLab(tmp_path / "lab") as lab:
        job = submit(lab, "--", "sh", "-c", f"echo $$ > {tmp_path}/pid; sleep 300")
        wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), what="no start")
        lab.stop()
        assert not is_alive((tmp_path / "pid").read_text().strip())
        # A stopped lab shows its jobs and logs, and starts none.
        stopped = show(lab, job)
        assert stopped["status"] == "CANCELED" and "The lab was stopped" in stopped["error_message"]
        assert "Jobs run in a running lab" in run(lab, "--", "true").stderr
        lab.start()
        jobs(lab, "retry", job)
        assert wait(lab, job, "RUNNING")["details"]["attempt"] == 2
        jobs(lab, "cancel", job)
        wait(lab, job)
        lab.stop()


def test_a_fork_shows_jobs_and_runs_none_of_them(tmp_path):
    with OwnLab(tmp_path / "lab") as lab:
        long = submit(lab, "--", "sh", "-c", f"echo x >> {tmp_path}/long; sleep 300")
        waiting = submit(lab, "--after", long, "--", "sh", "-c", f"echo x >> {tmp_path}/waiting")
        wait_until((tmp_path / "long").exists, what="it did not start")
        subprocess.run(
            [binary(), "snapshot", "save", "now", f"--data-dir={lab.data_dir}"],
            check=True, stdout=subprocess.DEVNULL,
        )
        subprocess.run(
            [binary(), "snapshot", "restore", "now", f"--data-dir={lab.data_dir}", f"--into={tmp_path}/other"],
            check=True, stdout=subprocess.DEVNULL,
        )
        with OwnLab(tmp_path / "other") as other:
            assert show(other, long)["is_here"] is False
            own = submit(other, "--", sys.executable, "-c", "print('own')")
            assert wait(other, own)["status"] == "SUCCEEDED"
            assert show(other, waiting)["status"] == "PENDING"
            other.stop()
        assert (tmp_path / "long").read_text() == "x\n" and not (tmp_path / "waiting").exists()
        lab.stop()
