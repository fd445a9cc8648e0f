"""Jobs that are made again and again, as cron says."""

from job_support import jobs, run, show, submit, wait
from own_lab import OwnLab, wait_until


def test_a_cron_makes_jobs_until_it_is_canceled(tmp_path):
    with OwnLab(tmp_path / "lab") as lab:
        schedule = submit(lab, "--cron=* * * * *", "--name=nightly", "--secret=WORD=secretly", "--", "sh", "-c", "echo $WORD")
        waiting = wait(lab, schedule, "PENDING")
        assert waiting["details"]["run_id"] == ""
        wait_until(lambda: "The next time is" in show(lab, schedule)["status_message"], what="it has no time")
        wait_until(lambda: show(lab, schedule)["details"]["last_job_id"], what="its minute did not come", seconds=90)
        made = wait(lab, show(lab, schedule)["details"]["last_job_id"])
        assert made["status"] == "SUCCEEDED" and made["spec"]["schedule_id"] == schedule
        assert jobs(lab, "logs", made["job_id"]) == "***\n" and made["details"]["run_id"]
        jobs(lab, "cancel", schedule)
        assert show(lab, schedule)["status"] == "CANCELED"
        assert "is no time of cron" in run(lab, "--cron=soon", "--", "true").stderr
        lab.stop()
