"""MLproject folders as jobs, beside what `mlflow run` makes of the same folder, and runs repeated
(rows S3-41, S2-9)."""

import json
import os
import shlex
import subprocess
import sys

import pytest
from job_support import jobs, run, show, submit, wait
from mlflow import MlflowClient
from own_lab import OwnLab

PROJECT = """
name: my project
entry_points:
  main:
    parameters:
      alpha: {type: float, default: 0.50}
      count: {type: int, default: 3}
      flag: {default: yes}
      text: string
      data: {type: path, default: data.csv}
    command: "python train.py {alpha} {count} {flag} {text} {data} {{braces}} $HOME_OF_IT"
  where:
    parameters: {place: uri}
    command: "python train.py {place}"
"""
TRAIN = """
import json, mlflow, os, sys
json.dump(sys.argv[1:], open(os.environ["ARGV_FILE"], "w"))
with mlflow.start_run():
    mlflow.log_metric("m", 1)
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with OwnLab(tmp_path_factory.mktemp("jobs") / "lab") as lab:
        yield lab
        lab.stop()


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "the project"
    folder.mkdir()
    (folder / "MLproject").write_text(PROJECT)
    (folder / "train.py").write_text(TRAIN)
    (folder / "data.csv").write_text("a\n")
    return folder


def environment(lab, argv):
    path = os.path.dirname(sys.executable) + ":" + os.environ["PATH"]
    return {"PATH": path, "MLFLOW_TRACKING_URI": lab.mlflow_url, "ARGV_FILE": str(argv), "HOME_OF_IT": "x y"}


@pytest.mark.parametrize("words", [
    ["-P", "text=it's \"$(odd)\" {x}"],
    ["-P", "text=a", "-P", "alpha=1", "-P", "extra=b c"],
    ["-e", "train.py", "-P", "lr=0.1"],
    ["-e", "where", "-P", "place=s3://bucket/key"],
])
def test_a_project_runs_as_mlflow_run_runs_it(lab, project, tmp_path, words):
    client = MlflowClient(lab.mlflow_url)
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    done = subprocess.run(
        [sys.executable, "-m", "mlflow", "run", "--env-manager=local", str(project), *words],
        env=os.environ | environment(lab, theirs), cwd=project, capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stderr
    (reference,) = client.search_runs(["0"], max_results=1)
    done = run(lab, "--env=ARGV_FILE", "--env=HOME_OF_IT", f"--project={project}", *words,
               environment=environment(lab, ours), cwd=project)
    assert done.returncode == 0, done.stderr
    job = json.loads(jobs(lab, "list", "--json"))["jobs"][0]
    made = client.get_run(job["details"]["run_id"])
    assert json.loads(ours.read_text()) == json.loads(theirs.read_text())
    own = {key: value for key, value in made.data.params.items() if not key.startswith("job.")}
    # MLflow logs values as it quotes them for the shell.
    assert own == {key: shlex.split(value)[0] for key, value in reference.data.params.items()}
    for tag in ("mlflow.source.type", "mlflow.project.entryPoint"):
        assert made.data.tags[tag] == reference.data.tags[tag]
    assert made.data.metrics["m"] == 1 and made.info.status == "FINISHED"


def test_a_project_that_cannot_run_says_why(lab, project):
    for words, sentence in (
        ([], "No value given for missing parameters: 'text'"),
        (["-e", "other"], "It has: main, where."),
        (["-e", "where", "-P", "place=here"], "wants a URI"),
        (["-P", "text=a", "-P", "data=gone.csv"], "'gone.csv', which is not there"),
        (["-P", "text"], "write -P NAME=VALUE"),
    ):
        done = run(lab, f"--project={project}", *words)
        assert done.returncode != 0 and sentence in done.stderr, done.stderr
    (project / "MLproject").write_text("entry_points: {main: {command: 'run {it}'}}")
    assert "names {it}" in run(lab, f"--project={project}").stderr
    (project / "MLproject").write_text("[")
    assert run(lab, f"--project={project}").returncode != 0
    assert "There is no folder" in run(lab, "--project=/no/such").stderr
    assert "Say one thing to run" in run(lab, f"--project={project}", "--", "true").stderr


def test_a_run_is_repeated_as_its_job_ran(lab, tmp_path):
    job = submit(lab, "--name=first", "--env=WORD=hello", "--experiment=repeated", "--",
                 "sh", "-c", "echo $WORD from $PWD", cwd=tmp_path)
    first = wait(lab, job)
    done = run(lab, "--from-run", first["details"]["run_id"], cwd="/")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"hello from {tmp_path}\n"
    again = json.loads(jobs(lab, "list", "--name=first", "--json"))["jobs"]
    assert len(again) == 2 and len({one["details"]["run_id"] for one in again}) == 2
    assert again[0]["spec"]["experiment_name"] == "repeated"
    client = MlflowClient(lab.mlflow_url)
    plain = client.create_run("0").info.run_id
    assert "was made by no job" in run(lab, "--from-run", plain).stderr
    secret = show(lab, submit(lab, "--secret=TOKEN=long enough", "--", "true"))
    assert "give --secret TOKEN" in run(lab, "--from-run", secret["details"]["run_id"]).stderr


LOSS = """
import mlflow, os

with mlflow.start_run():
    mlflow.log_param("lr", os.environ["LR"])
    mlflow.log_input(mlflow.data.from_numpy(__import__("numpy").arange(int(os.environ["ROWS"]))))
    for step in range(6):
        mlflow.log_metric("loss", 1 / (step + 1) + (float(os.environ["LR"]) if step > 3 else 0), step=step)
    mlflow.log_metric("odd", float("nan"))
"""


def test_a_replay_says_same_or_where_it_differs(lab, tmp_path):
    (tmp_path / "loss.py").write_text(LOSS)
    job = submit(lab, "--env=LR=0.1", "--env=ROWS=5", "--", sys.executable, "loss.py", cwd=tmp_path)
    first = wait(lab, job)["details"]["run_id"]
    same = run(lab, "--from-run", first, "--replay")
    assert same.returncode == 0, same.stderr
    assert same.stdout.splitlines()[-1] == "same: 7 points of 2 metrics"
    other = run(lab, "--from-run", first, "--replay", "--env=LR=0.2", "--env=ROWS=6")
    assert other.returncode == 1
    assert "differs at step 4: loss was 0.3" in other.stdout
    assert "The parameter lr was 0.1, is 0.2." in other.stderr and "The data are others" in other.stderr
    assert "goes with --from-run" in run(lab, "--replay", "--", "true").stderr


def test_the_python_of_an_environment_runs_a_script(lab, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    for python in ("venv", "venv/bin/python"):
        done = run(lab, f"--python={tmp_path / python}", "--", "python", "-c", "import sys; print(sys.prefix)")
        assert done.stdout.strip() == str(tmp_path / "venv"), done.stderr
