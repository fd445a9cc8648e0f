"""The pipeline of an export, as the kfp client and its compiler take it, and run against a lab."""

import json
import os
import random
import subprocess

import boto3
import mlflow
import pytest
from export_support import documents, export, lint, texts
from own_lab import clean_environment

PROGRAM = os.path.join(os.path.dirname(__file__), "kfp_pipeline.py")
PRESETS = ("lab", "onprem", "vision", "docker-desktop")


def pipeline(folder, tmp_path, parameters=None, **environment):
    """What kfp says of the folder's pipeline, and its log; with parameters it is run."""
    done = subprocess.run(
        [os.environ["KFP_PYTHON"], PROGRAM, str(folder), json.dumps(parameters or {}), str(tmp_path / "out")],
        env=clean_environment() | {"HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"} | environment,
        cwd=tmp_path, capture_output=True, text=True, timeout=600,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    (line,) = [each for each in done.stdout.splitlines() if each.startswith("PIPELINE ")]
    return json.loads(line.removeprefix("PIPELINE ")), done.stdout + done.stderr


@pytest.mark.parametrize("preset", PRESETS)
def test_kfp_loads_the_pipeline_and_the_source_compiles_to_it(course_lab, tmp_path, preset):
    """S2-1, S2-12, S2-43: the steps, the parameters with this lab's names, and the images."""
    place = export(course_lab.data_dir, tmp_path, "kfp", "--preset", preset) / "kfp"
    lint(place)
    found, _ = pipeline(place, tmp_path)
    assert found["same"] and found["schema"] == "2.1.0" and found["name"] == "e2e-pipeline"
    assert {each.removeprefix("exec-") for each in found["executors"]} == {
        "load-data", "preprocess", "feature-engineering", "train-model", "evaluate-model",
        "deploy-model", "send-alert",
    }
    inputs = found["inputs"]
    assert (inputs["data_source"], inputs["n_estimators"], inputs["max_depth"], inputs["r2_threshold"]) == (
        "sklearn", 100, 10, 0.75,
    )
    assert inputs["experiment_name"] == "e2e-pipeline-user01"
    assert inputs["model_name"] in ("My_Model", "california-model-user01")
    address = "mlflow-server-service.mlflow-system" if preset == "lab" else "mlflow"
    assert address in inputs["mlflow_tracking_uri"]
    compiled, platform = documents(place / "e2e_pipeline.yaml")
    images = {each["container"]["image"] for each in compiled["deploymentSpec"]["executors"].values()}
    assert images == set((place / "images.txt").read_text().split()) == {"ghcr.io/your-name/e2e-pipeline:1.0.0"}
    (keys,) = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-load-data"]["secretAsEnv"]
    assert keys["secretName"] == {
        "onprem": "aws-credentials", "docker-desktop": "r2-credentials",
    }.get(preset, "minio-credentials")
    for name, text in texts(place).items():
        assert course_lab.secret_key not in text and "127.0.0.1" not in text, name


def test_names_that_mean_something_to_yaml_and_python(fresh_lab, tmp_path):
    """They arrive as defaults of the loaded pipeline, and the source still compiles to it."""
    nasty = "Über \"q\" 'x' {{ .V }} {{$.inputs}} # $(id)\\ - key"
    client = mlflow.MlflowClient(fresh_lab.mlflow_url, fresh_lab.mlflow_url)
    client.create_experiment(nasty)
    client.create_registered_model(nasty)
    client.create_model_version(nasty, "s3://mlflow/x")
    place = export(fresh_lab.data_dir, tmp_path, "kfp") / "kfp"
    found, _ = pipeline(place, tmp_path)
    assert found["same"]
    assert found["inputs"]["experiment_name"] == found["inputs"]["model_name"] == nasty


def houses():
    """Made up as California's houses are: a price that hangs on income, rooms and place."""
    dice = random.Random(7)
    lines = ["MedInc,AveRooms,AveBedrms,Population,AveOccup,Latitude,Longitude,MedHouseVal"]
    for _ in range(600):
        income, rooms, people = dice.uniform(1, 10), dice.uniform(3, 9), dice.uniform(1, 5)
        price = 0.4 * income + 0.3 * rooms / people + dice.gauss(0, 0.1)
        place = f"{dice.uniform(33, 41)},{dice.uniform(-124, -115)}"
        lines.append(f"{income},{rooms},{rooms / 5},{people * 300},{people},{place},{price}")
    return "\n".join(lines) + "\n"


def test_the_pipeline_runs_against_a_lab(fresh_lab, tmp_path):
    """S2-1: each component in a process of its own, data from S3, the model in the registry. A model
    below r2_threshold raises an alert and is not deployed."""
    keys = {
        "AWS_ACCESS_KEY_ID": fresh_lab.access_key, "AWS_SECRET_ACCESS_KEY": fresh_lab.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    files = boto3.client(
        "s3", endpoint_url=fresh_lab.s3_url, aws_access_key_id=fresh_lab.access_key,
        aws_secret_access_key=fresh_lab.secret_key, region_name="us-east-1",
    )
    files.create_bucket(Bucket="tables")
    files.put_object(Bucket="tables", Key="houses.csv", Body=houses().encode())
    place = export(fresh_lab.data_dir, tmp_path, "kfp") / "kfp"
    parameters = {
        "data_source": "s3://tables/houses.csv", "s3_endpoint_url": fresh_lab.s3_url,
        "mlflow_tracking_uri": fresh_lab.mlflow_url, "experiment_name": "e2e", "model_name": "houses",
        "service_name": "houses", "n_estimators": 20, "r2_threshold": 0.5,
    }
    _, log = pipeline(place, tmp_path, parameters, **keys)
    client = mlflow.MlflowClient(fresh_lab.mlflow_url, fresh_lab.mlflow_url)
    version = client.get_model_version_by_alias("houses", "champion")
    experiment = client.get_experiment_by_name("e2e")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED" and run.info.run_id == version.run_id
    assert run.data.params == {"n_estimators": "20", "max_depth": "10"}
    assert 0.5 < run.data.metrics["r2"] <= 1 and run.data.metrics["rmse"] > 0
    assert "Outside of a cluster nothing is deployed" in log
    # What would be deployed is where the files lie.
    (told,) = (tmp_path / "out").rglob("deploy-model/executor_output.json")
    service = json.loads(json.loads(told.read_text())["parameterValues"]["Output"])
    bucket, key = service["spec"]["predictor"]["model"]["storageUri"].removeprefix("s3://").split("/", 1)
    names = [each["Key"] for each in files.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]]
    assert f"{key}/model.pkl" in names
    # S2-17 to S2-19: the derived features are what the model was taught.
    told = files.get_object(Bucket=bucket, Key=f"{key}/MLmodel")["Body"].read().decode()
    for feature in ("bedroom_ratio", "people_per_household", "dist_to_bay"):
        assert feature in told

    _, log = pipeline(place, tmp_path, parameters | {"r2_threshold": 2.0, "max_depth": 2}, **keys)
    assert "ALERT: houses" in log
    assert client.get_model_version_by_alias("houses", "champion").version == version.version
    newest = client.search_runs([experiment.experiment_id])[0]
    assert "nothing was deployed" in newest.data.tags["alert"]
