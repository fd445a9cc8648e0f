"""Trains with the built program, as a person at a shell does, in a directory of the test's own."""

import os
import re
import subprocess
from pathlib import Path

import mlflow
from own_lab import binary, clean_environment

SECONDS = 120

# A library's reading of images or a test's own settings must not come from this machine.
SETTINGS = "MODEL_NAME BATCH_SIZE LEARNING_RATE EPOCHS DATASET USE_AUGMENTATION DEVICE SEED".split()


class Trained:
    """A training that has ended: what it said, and its run as MLflow's client sees it."""

    def __init__(self, result, client, folder):
        self.code = result.returncode
        self.said = result.stderr
        self.printed = result.stdout
        found = re.search(r"Run ([0-9a-f]{32})", self.said)
        self.run_id = found and found[1]
        self.folder = folder / "mlops-sandbox-runs" / (self.run_id or "")
        self._client = client

    @property
    def run(self):
        return self._client.get_run(self.run_id)

    @property
    def params(self):
        return self.run.data.params

    @property
    def metrics(self):
        return self.run.data.metrics

    def history(self, key):
        """(step, value) of every point, in the order of the steps."""
        points = self._client.get_metric_history(self.run_id, key)
        return sorted((point.step, point.value) for point in points)

    def artifacts(self, folder=None):
        paths = []
        for entry in self._client.list_artifacts(self.run_id, folder):
            paths += self.artifacts(entry.path) if entry.is_dir else [entry.path]
        return paths

    def artifact(self, path):
        """Downloaded from the server, not the trainer's own copy."""
        return Path(self._client.download_artifacts(self.run_id, path))


class Shell:
    def __init__(self, lab, folder):
        self.lab = lab
        self.folder = Path(folder)
        self.client = mlflow.MlflowClient(lab.mlflow_url)

    def environment(self, **variables):
        kept = {k: v for k, v in clean_environment().items() if k not in SETTINGS}
        return kept | {
            "MLFLOW_TRACKING_URI": self.lab.mlflow_url,
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "OMP_NUM_THREADS": "1",
        } | variables

    def start(self, *words, **variables):
        return subprocess.Popen(
            [binary(), *map(str, words)], cwd=self.folder, env=self.environment(**variables),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )

    def finished(self, process):
        out, err = process.communicate(timeout=SECONDS)
        result = subprocess.CompletedProcess(process.args, process.returncode, out, err)
        return Trained(result, self.client, self.folder)

    def run(self, *words, **variables):
        return self.finished(self.start(*words, **variables))

    def train(self, *words, **variables):
        """A training on one thread that has to end well."""
        trained = self.run("train", "vision", "--threads", 1, *words, **variables)
        assert trained.code == 0, trained.said
        return trained
