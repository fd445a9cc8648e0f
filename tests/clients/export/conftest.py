"""A lab with two experiments, three registered models with aliases, and two jobs."""

import subprocess

import mlflow
import pytest
from own_lab import binary, clean_environment
from sklearn.linear_model import LinearRegression, LogisticRegression

FEATURES = [[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]]


def fill(lab):
    mlflow.set_tracking_uri(lab.mlflow_url)
    mlflow.set_registry_uri(lab.mlflow_url)
    client = mlflow.MlflowClient()
    mlflow.set_experiment("e2e-pipeline-user01")
    for name, model in (
        ("california-model-user01", LinearRegression().fit(FEATURES, [0.0, 1.0, 2.0, 3.0])),
        ("shapes", LogisticRegression().fit(FEATURES, [0, 0, 1, 1])),
    ):
        for version in ("1", "2"):
            with mlflow.start_run():
                mlflow.log_param("version", version)
                mlflow.sklearn.log_model(
                    model, name="model", registered_model_name=name, input_example=FEATURES[:1]
                )
        client.set_registered_model_alias(name, "champion", "1")
    mlflow.set_experiment("image-classification")
    with mlflow.start_run():
        mlflow.sklearn.log_model(
            LinearRegression().fit(FEATURES, [1.0, 2.0, 3.0, 4.0]),
            name="model",
            registered_model_name="My_Model",
        )
    client.set_registered_model_alias("My_Model", "stable", "1")


def keep(lab, *words, value=None):
    """Something for jobs that ask for it: a secret's value comes from standard input."""
    subprocess.run(
        [binary(), *words, "--data-dir", str(lab.data_dir)], input=value, text=True, check=True,
        env=clean_environment(), stdout=subprocess.DEVNULL,
    )


def run_job(lab, folder, *words, **variables):
    done = subprocess.run(
        [binary(), "run", "--data-dir", str(lab.data_dir), *words],
        cwd=folder,
        env=clean_environment() | variables,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def course_lab(lab, tmp_path_factory):
    """Tests only read it."""
    fill(lab)
    folder = tmp_path_factory.mktemp("project")
    (folder / "train.py").write_text("print('trained')\n")
    keep(lab, "secret", "set", "WANDB_API_KEY", value="wandb-key-7361")
    keep(lab, "config", "set", "REGION=ap-northeast-2")
    run_job(
        lab, folder, "--name", "train", "--mem", "512M", "--cpus", "2", "--retries", "2",
        "--timeout", "1h", "--env", "BATCH_SIZE=64", "--secret", "HF_TOKEN", "--secret",
        "WANDB_API_KEY", "--config", "REGION", "--",
        "python3", "train.py", "--epochs", "20", HF_TOKEN="a token of the hub",
    )
    run_job(lab, folder, "--name", "score", "--", "sh", "-c", "echo \"costs $(echo 5) \\$\"")
    return lab
