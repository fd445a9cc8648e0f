"""GPUs that jobs have and see alone, and what they use of them. A script stands for nvidia-smi: it
answers what the real one prints for these queries (issue 6, rows S4-28, S3-21)."""

import os

import pytest
from job_support import jobs, run, show, submit, wait
from mlflow import MlflowClient
from own_lab import OwnLab, wait_until

GPUS = [f"GPU-0000000{n}-1b2c-3d4e-5f60-718293a4b5c6" for n in range(3)]
USE = "\n".join([
    f"0, {GPUS[0]}, 87, 40960, 81559, 351.40, 700.00",
    f"1, {GPUS[1]}, 12, 1024, 81559, [N/A], 700.00",
    f"2, {GPUS[2]}, 0, 4, 81559, 69.11, 700.00",
])
NVIDIA_SMI = f"""#!/bin/sh
[ "$2" = --format=csv,noheader,nounits ] || exit 2
case $1 in
--query-gpu=uuid) cat <<'END'
{chr(10).join(GPUS)}
END
;;
--query-gpu=index,uuid,utilization.gpu,memory.used,memory.total,power.draw,enforced.power.limit) cat <<'END'
{USE}
END
;;
*) echo "Field is not a valid field to query." ; exit 2 ;;
esac
"""


@pytest.fixture
def environment(tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "nvidia-smi").write_text(NVIDIA_SMI)
    (programs / "nvidia-smi").chmod(0o755)
    return {"PATH": f"{programs}:{os.environ['PATH']}"}


SHOW = "echo see=$CUDA_VISIBLE_DEVICES.; while [ ! -e {}/enough ]; do sleep 0.1; done"


def seen_by(lab, job):
    wait_until(lambda: "see=" in jobs(lab, "logs", job), what="it did not start")
    text = jobs(lab, "logs", job).strip().removeprefix("see=").removesuffix(".")
    return text.split(",") if text else []


def test_no_two_jobs_share_a_gpu_also_after_a_crash(tmp_path, environment):
    with OwnLab(tmp_path / "lab", environment=environment) as lab:
        command = ["--cpus=0.1", "--", "sh", "-c", SHOW.format(tmp_path)]
        two = submit(lab, "--gpus=2", *command)
        assert seen_by(lab, two) == GPUS[:2] == show(lab, two)["details"]["gpus"]
        # One without GPUs sees none, whatever it asks for.
        none = submit(lab, "--env=CUDA_VISIBLE_DEVICES=0", *command)
        assert seen_by(lab, none) == []
        waiting = submit(lab, "--gpus=2", *command)
        wait_until(lambda: "room: 2 GPUs of 3" in show(lab, waiting)["status_message"], what="it does not wait")
        jobs(lab, "cancel", waiting)
        lab.kill()
        lab.start()
        one = submit(lab, "--gpus=1", *command)
        assert seen_by(lab, one) == GPUS[2:]
        assert f"GPUs         {GPUS[2]}\n" in jobs(lab, "show", one)
        last = submit(lab, "--gpus=1", *command)
        wait_until(lambda: "room: 1 GPU of 3" in show(lab, last)["status_message"], what="it does not wait")
        jobs(lab, "cancel", one)
        assert seen_by(lab, last) == GPUS[2:]
        refused = run(lab, "--gpus=4", "--", "true")
        assert "This machine has 3 GPUs; the job wants 4 GPUs" in refused.stderr
        (tmp_path / "enough").touch()
        for job in (two, none, last):
            assert wait(lab, job)["status"] == "SUCCEEDED"
        lab.stop()


def test_the_use_of_its_gpus_is_logged_as_mlflow_does(tmp_path, environment):
    visible = environment | {"CUDA_VISIBLE_DEVICES": "1,0"}
    with OwnLab(tmp_path / "lab", environment=visible) as lab:
        job = submit(lab, "--gpus=1", "--", "sh", "-c", SHOW.format(tmp_path))
        assert seen_by(lab, job) == [GPUS[1]]  # the lab's own first
        client = MlflowClient(lab.mlflow_url)
        run_id = show(lab, job)["details"]["run_id"]

        def points():
            found = client.get_run(run_id).data.metrics
            return {name: value for name, value in found.items() if name.startswith("system/gpu_")}

        wait_until(points, seconds=40, what="no use was logged")
        # The machine's number of the GPU, as mlflow's monitor names it; what the GPU does not tell
        # is left out, and others' use.
        assert points() == pytest.approx({
            "system/gpu_1_utilization_percentage": 12,
            "system/gpu_1_memory_usage_megabytes": 1024 * 1.048576,
            "system/gpu_1_memory_usage_percentage": 1024 / 81559 * 100,
        })
        (tmp_path / "enough").touch()
        assert wait(lab, job)["status"] == "SUCCEEDED"
        assert "2 GPUs" in run(lab, "--gpus=3", "--", "true").stderr
        lab.stop()


def test_without_gpus_nothing_is_said_of_them(tmp_path):
    if os.path.exists("/dev/nvidia0"):
        pytest.skip("this machine has GPUs")
    with OwnLab(tmp_path / "lab") as lab:
        done = run(lab, "--env=CUDA_VISIBLE_DEVICES=0", "--", "sh", "-c", "echo $CUDA_VISIBLE_DEVICES")
        assert done.stdout == "0\n"
        lab.stop()
