"""kill -9 of the server while it takes snapshots: the lab loses nothing, no half snapshot counts."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "clients"))

from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Metric  # noqa: E402
from own_lab import OwnLab, binary  # noqa: E402


def command(lab, *words):
    return subprocess.run(
        [binary(), *words, "--data-dir", str(lab.data_dir)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
    )


@pytest.mark.parametrize("victim", ["server", "stopped lab"])
def test_a_killed_snapshot_is_none(tmp_path, victim):
    with OwnLab(tmp_path / "lab") as lab:
        client = MlflowClient(lab.mlflow_url)
        runs = []
        for number in range(6):
            run = client.create_run("0").info.run_id
            client.log_batch(run, [Metric("m", step, 1, step) for step in range(500)])
            client.log_text(run, "x" * 700_000, "large.txt")
            runs.append(run)
        taken = set()
        for number in range(8):
            if victim == "stopped lab":
                lab.stop()
            words = [binary(), "snapshot", "save", f"s{number}", "--data-dir", str(lab.data_dir)]
            saving = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            time.sleep(random.random() * 0.12)
            (lab if victim == "server" else saving).kill()
            saving.communicate(timeout=60)
            if saving.returncode == 0:
                taken.add(f"s{number}")
            lab.start()
            listed = [
                json.loads(line)["name"]
                for line in command(lab, "snapshot", "list", "--json").stdout.splitlines()
            ]
            assert taken <= set(listed)
            for name in listed:
                checked = command(lab, "snapshot", "verify", name)
                assert checked.returncode == 0, checked.stderr
            # What was left over is in nobody's way.
            taken.update(listed)
            if f"s{number}" not in taken:
                again = command(lab, "snapshot", "save", f"s{number}")
                assert again.returncode == 0, again.stderr
                taken.add(f"s{number}")
        client = MlflowClient(lab.mlflow_url)
        for run in runs:
            assert len(client.get_metric_history(run, "m")) == 500
            assert [one.path for one in client.list_artifacts(run)] == ["large.txt"]
        entries = [path.name for path in (lab.data_dir / "snapshots").iterdir()]
        assert sorted(entries) == [f"s{number}" for number in range(8)]
        lab.stop()
