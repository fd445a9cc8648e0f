"""Sweeps: child runs of one parent, the best of them marked and registered, stopped and gone on with
(what varies are the parameters of row S3-8)."""

import re
import signal

import pytest
from training_shell import SECONDS

SMALL = ["--dataset", "synthetic", "--epochs", 1, "--threads", 1, "--train-images", 64, "--test-images", 32, "--batch-size", 16]


def ended(shell, process):
    out, err = process.communicate(timeout=SECONDS)
    found = re.search(r"Sweep ([0-9a-f]{32})", out)
    return process.returncode, out, err, found and found[1]


def sweep(shell, *words):
    return ended(shell, shell.start("train", "vision", *SMALL, *words))


def children(shell, parent):
    experiment = shell.client.get_run(parent).info.experiment_id
    return shell.client.search_runs([experiment], f"tags.mlflow.parentRunId = '{parent}'")


def test_a_grid_tries_every_value_once_and_marks_the_best(shell):
    code, out, err, parent = sweep(
        shell, "--sweep", "learning_rate=0.001,0.01,0.1", "--strategy", "grid", "--parallel", 2,
        "--register", "swept", "--alias", "champion",
    )
    assert code == 0, out + err
    runs = children(shell, parent)
    assert sorted(run.data.params["learning_rate"] for run in runs) == ["0.001", "0.01", "0.1"]
    assert all(run.info.status == "FINISHED" for run in runs)
    best = max(runs, key=lambda run: run.data.metrics["best_val_accuracy"])
    crowned = [run for run in runs if run.data.tags["sandbox.sweep.best"] == "true"]
    assert len(crowned) == 1
    assert crowned[0].data.metrics["best_val_accuracy"] == best.data.metrics["best_val_accuracy"]
    whole = shell.client.get_run(parent)
    assert whole.info.status == "FINISHED"
    assert whole.data.tags["sandbox.sweep.best_run_id"] == crowned[0].info.run_id
    assert whole.data.params["sweep.learning_rate"] == "learning_rate=0.001,0.01,0.1"
    assert len(shell.client.get_metric_history(parent, "best_val_accuracy")) == 3
    version = shell.client.get_model_version_by_alias("swept", "champion")
    assert version.run_id == crowned[0].info.run_id and version.version == "1"


def test_a_sweep_that_was_stopped_goes_on_where_it_was(shell):
    process = shell.start(
        "train", "vision", *SMALL, "--sweep", "learning_rate=log(1e-4,1e-1)", "--trials", 4,
        "--strategy", "random", "--sweep-seed", 3,
    )
    told = ""
    while "trial 1/4" not in told:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        told += line
    process.send_signal(signal.SIGTERM)
    code, out, err, _ = ended(shell, process)
    parent = re.search(r"Sweep ([0-9a-f]{32})", told)[1]
    assert code == 130 and f"--resume-sweep {parent}" in out, out + err
    assert shell.client.get_run(parent).info.status == "KILLED"
    before = {run.info.run_id for run in children(shell, parent)}
    assert len(before) < 4
    code, out, err, again = ended(shell, shell.start("train", "vision", "--resume-sweep", parent))
    assert code == 0, out + err
    assert again == parent
    runs = children(shell, parent)
    assert len(runs) == 4 and before < {run.info.run_id for run in runs}
    rates = [float(run.data.tags["sandbox.sweep.trial"].split('"')[-2]) for run in runs]
    assert len(set(rates)) == 4 and all(1e-4 <= rate <= 1e-1 for rate in rates)
    assert shell.client.get_run(parent).info.status == "FINISHED"


@pytest.mark.parametrize("words, sentence", [
    (["--sweep", "nothing=1,2"], "there is no parameter 'nothing'. There are:"),
    (["--sweep", "learning_rate=log(0,1)"], "a logarithm wants numbers above 0"),
    (["--sweep", "learning_rate=-1,2"], "learning_rate"),
    (["--sweep", "learning_rate=1,2", "--strategy", "magic"], "one of tpe, random, grid"),
    (["--sweep", "learning_rate=1,2", "--trials", "none"], "a whole number from 1"),
    (["--sweep", "learning_rate=1,2", "--alias", "x"], "--alias wants --register"),
    (["--sweep", "learning_rate=1,2", "--goal", "up"], "one of max, min"),
])
def test_what_cannot_be_swept_is_refused_before_a_run_is_made(shell, words, sentence):
    code, out, err, parent = sweep(shell, *words)
    assert code == 2 and sentence in err and parent is None


def test_only_a_sweep_is_gone_on_with(shell):
    plain = shell.client.create_run("0").info.run_id
    code, out, err, _ = ended(shell, shell.start("train", "vision", "--resume-sweep", plain))
    assert code == 2 and "is no sweep" in err
