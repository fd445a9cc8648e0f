"""Trainings as jobs: the courses' PyTorch scripts unchanged, and the built-in trainers
(rows S4-13, S4-14, S2-8, S3-41)."""

import os
from pathlib import Path

import mlflow
import pytest
import torch
from job_support import jobs, run, show, submit, wait
from own_lab import binary

FIRST = """
import mlflow
import torch

mlflow.set_experiment("my-experiment")

with mlflow.start_run():
    mlflow.log_param("lr", 0.001)
    model = torch.nn.Linear(4, 2)
    for epoch in range(10):
        loss = 1.0 / (epoch + 1)
        mlflow.log_metric("loss", loss, step=epoch)
    mlflow.pytorch.log_model(model, "model")
"""

SECOND = """
import os

import mlflow
import torch

mlflow.set_tracking_uri(os.getenv("MLFLOW_TRACKING_URI", "http://localhost:5000"))
mlflow.set_experiment("image-classification")

model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

with mlflow.start_run(run_name="resnet50-exp1"):
    mlflow.log_param("model_name", "resnet50")
    mlflow.log_param("learning_rate", 0.001)
    for epoch in range(3):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(torch.randn(8, 3, 2, 2)), torch.randint(10, (8,)))
        loss.backward()
        optimizer.step()
        mlflow.log_metric("train_loss", loss.item(), step=epoch)
    mlflow.pytorch.log_model(model, "model")
"""

# The same script with the address of a cluster inside.
CLUSTER = FIRST.replace(
    "mlflow.set_experiment", 'mlflow.set_tracking_uri("http://mlflow-server-service.mlflow-system.svc.cluster.local:5000")\n'
    "mlflow.set_experiment",
).replace("my-experiment", "from-a-cluster")


@pytest.fixture
def torch_place(tmp_path):
    """Debian's torch for an environment without one. MLflow 3 logs no models of so old a torch."""
    place = tmp_path / "torch"
    place.mkdir()
    for name in ("torch", "torchgen"):
        (place / name).symlink_to(Path(torch.__file__).parents[1] / name)
    return place


@pytest.mark.parametrize("script, experiment, metric, points", [
    (FIRST, "my-experiment", "loss", 10),
    (SECOND, "image-classification", "train_loss", 3),
    (CLUSTER, "from-a-cluster", "loss", 10),
])
def test_the_courses_scripts_run_unchanged(lab, tmp_path, torch_place, script, experiment, metric, points):
    (tmp_path / "train.py").write_text(script)
    done = run(lab, f"--env=PYTHONPATH={torch_place}", "--", os.environ["MLFLOW_2_9_2_PYTHON"], "train.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    client = mlflow.MlflowClient(lab.mlflow_url)
    (made,) = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    assert made.info.status == "FINISHED" and made.data.tags["sandbox.job_id"]
    # A client of 2.9 that goes on with a run does not send the name the script gives it.
    assert made.info.run_name == "train.py"
    assert len(client.get_metric_history(made.info.run_id, metric)) == points
    model = mlflow.pytorch.load_model(f"runs:/{made.info.run_id}/model")
    assert [*model.parameters()]


def test_a_built_in_trainer_is_a_job_and_is_run_again(lab, tmp_path):
    words = ["train", "vision", "--dataset", "synthetic", "--epochs", "1", "--threads", "1", "--train-images", "64",
             "--test-images", "32", "--batch-size", "16", "--learning-rate", "0.02"]
    job = submit(lab, "--experiment=as a job", "--", binary(), *words, cwd=tmp_path)
    ended = wait(lab, job, seconds=120)
    assert ended["status"] == "SUCCEEDED", jobs(lab, "logs", job)
    client = mlflow.MlflowClient(lab.mlflow_url)
    first = client.get_run(ended["details"]["run_id"])
    assert first.data.params["learning_rate"] == "0.02" and "best_val_accuracy" in first.data.metrics
    assert first.info.status == "FINISHED"
    done = run(lab, "--from-run", first.info.run_id, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    again = client.search_runs([first.info.experiment_id])
    assert len(again) == 2
    assert len({one.data.metrics["train_loss"] for one in again}) == 1  # to the bit, on one thread


def test_a_training_outside_of_jobs_is_repeated_as_one(lab, shell, tmp_path):
    trained = shell.train("--dataset", "synthetic", "--epochs", 1, "--train-images", 64, "--test-images", 32,
                          "--batch-size", 16)
    job = submit(lab, "--from-run", trained.run_id, cwd=tmp_path)
    ended = wait(lab, job, seconds=120)
    assert ended["status"] == "SUCCEEDED", jobs(lab, "logs", job)
    assert show(lab, job)["name"] == "train vision"
    again = mlflow.MlflowClient(lab.mlflow_url).get_run(ended["details"]["run_id"])
    assert again.data.metrics["train_loss"] == trained.metrics["train_loss"]
