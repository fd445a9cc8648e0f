"""Sweeps: child runs of one parent, the best of them marked and registered, stopped and gone on with
(what varies are the parameters of row S3-8)."""

import json
import re
import signal
from pathlib import Path

import pytest
from own_lab import binary
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


HALVING = [*SMALL[:2], *SMALL[4:], "--epochs", 4, "--sweep", "learning_rate=log(1e-4,1e-1)", "--trials", 4,
           "--strategy", "random", "--halving", "--eta", 2]


def epochs_of(shell, run):
    return sorted(point.step for point in shell.client.get_metric_history(run.info.run_id, "train_loss"))


def check_halved(shell, parent):
    """Four trials had one epoch, the better two of them two, the best of these all four; and no epoch was
    trained twice."""
    runs = children(shell, parent)
    scores = {run.info.run_id: json.loads(run.data.tags["sandbox.sweep.scores"])["scores"] for run in runs}
    trained = {run.info.run_id: epochs_of(shell, run) for run in runs}
    first = sorted(scores, key=lambda run: -scores[run][0])
    assert sorted(len(one) for one in scores.values()) == [1, 1, 2, 3]
    assert sorted(trained.values(), key=len) == [[1], [1], [1, 2], [1, 2, 3, 4]]
    assert all(len(scores[run]) == {1: 1, 2: 2, 4: 3}[len(trained[run])] for run in scores)
    # The two that did not go on are none better than those that did.
    stopped = [run for run in scores if len(scores[run]) == 1]
    assert max(scores[run][0] for run in stopped) <= min(scores[run][0] for run in scores if run not in stopped)
    (winner,) = [run for run in runs if len(scores[run.info.run_id]) == 3]
    assert scores[first[0]][0] >= scores[winner.info.run_id][0]
    assert winner.data.tags["sandbox.sweep.best"] == "true" and winner.data.tags["sandbox.sweep.rung"] == "3/3"
    assert winner.data.params["epochs"] == "4" and "test_accuracy" in winner.data.metrics
    assert shell.client.get_run(parent).data.tags["sandbox.sweep.best_run_id"] == winner.info.run_id
    return winner


def test_halving_goes_on_with_the_best_of_each_rung(shell):
    code, out, err, parent = sweep(shell, *HALVING, "--parallel", 2, "--register", "halved")
    assert code == 0, out + err
    winner = check_halved(shell, parent)
    assert shell.client.get_model_version("halved", 1).run_id == winner.info.run_id
    assert shell.client.get_run(parent).data.params["sweep.halving"] == "eta 2"
    # In parts it is the same training as in one.
    rate = winner.data.params["learning_rate"]
    whole = shell.train(*SMALL[:2], *SMALL[4:], "--epochs", 4, "--learning-rate", rate)
    expected = shell.client.get_metric_history(winner.info.run_id, "train_loss")
    assert dict(whole.history("train_loss")) == {point.step: point.value for point in expected}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_halving_that_was_ended_goes_on_and_repeats_nothing(shell, number):
    """Also when nothing of it could say goodbye: the trial that was running ends by itself, and its run
    is gone on with."""
    process = shell.start("train", "vision", *HALVING)
    told = ""
    while "trial 2/4" not in told:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        told += line
    process.send_signal(number)
    process.communicate()
    assert process.returncode == (130 if number == signal.SIGTERM else -number)
    parent = re.search(r"Sweep ([0-9a-f]{32})", told)[1]
    before = {run.info.run_id for run in children(shell, parent)}
    code, out, err, again = ended(shell, shell.start("train", "vision", "--resume-sweep", parent))
    assert code == 0, out + err
    assert again == parent and before <= {run.info.run_id for run in children(shell, parent)}
    check_halved(shell, parent)


@pytest.mark.parametrize("trainer, words, sentence", [
    ("random_forest", ["--metric", "r2", "--sweep", "max_depth=2,3"], "cannot do that. These can: vision"),
    ("vision", ["--sweep", "epochs=2,3"], "deals out epochs itself"),
    ("vision", ["--sweep", "learning_rate=1,2", "--trials", 1], "nothing to halve in 1 trials of 20 epochs"),
    ("vision", ["--sweep", "learning_rate=1,2", "--epochs", 2], "nothing to halve in 20 trials of 2 epochs"),
    ("vision", ["--sweep", "learning_rate=1,2", "--pause-after", 2], "leave out pause_after"),
    ("vision", ["--sweep", "learning_rate=1,2", "--eta", 1], "a whole number from 2"),
    ("vision", ["--resume-sweep", "0" * 32], "leave out --sweep and --halving"),
])
def test_what_cannot_be_halved_is_refused_before_a_run_is_made(shell, trainer, words, sentence):
    if trainer == "random_forest" and not Path(binary() + "-train-tabular").exists():
        pytest.skip("this build has no trainers on tables")
    code, out, err, parent = ended(shell, shell.start("train", trainer, *words, "--halving"))
    assert code == 2 and sentence in err and parent is None
