"""InferenceServices of a lab's models, judged by KServe's own SDK and its rules."""

import json
import os
import re
import subprocess
from pathlib import Path

import mlflow
import pytest
from export_support import (
    applied_secrets,
    documents,
    export,
    judge,
    lint,
    of_kind,
    one_of,
    yaml_files,
)
from sklearn.linear_model import LinearRegression

PRESETS = ("lab", "onprem", "vision", "docker-desktop")
KEYS = {"S3_ACCESS_KEY": "tester", "S3_SECRET_KEY": "s3cr3t 'q' $HOME"}


def judge_services(found):
    """KServe's own SDK takes them, and knows every field."""
    done = subprocess.run(
        [os.environ["KSERVE_PYTHON"], str(Path(__file__).with_name("kserve_models.py"))],
        input=json.dumps(found), capture_output=True, text=True, timeout=120,
    )
    assert done.returncode == 0, done.stderr


def services(place):
    """The InferenceServices of an export by file, each of which fits."""
    found = {}
    for file in sorted((place / "models").rglob("*.yaml")):
        (document,) = documents(file)
        assert (document["apiVersion"], document["kind"]) == (
            "serving.kserve.io/v1beta1", "InferenceService",
        )
        assert model_of(document)["modelFormat"]["name"]
        name, space = document["metadata"]["name"], document["metadata"]["namespace"]
        # What KServe's admission asks, and that the host NAME-predictor-NAMESPACE is one label.
        assert re.fullmatch("[a-z]([-a-z0-9]*[a-z0-9])?", name)
        assert len(f"{name}-predictor-{space}") <= 63
        found[f"{file.parent.name}/{file.stem}"] = document
    judge_services(list(found.values()))
    return found


def model_of(document):
    return document["spec"]["predictor"]["model"]


def test_the_schema_refuses_what_is_wrong(course_lab, tmp_path):
    """The judge itself: unknown fields and wrong types are seen."""
    place = export(course_lab.data_dir, tmp_path, "kserve") / "kserve"
    for change in (
        {"storageURI": "s3://x/y"}, {"protocolVersion": 2}, {"resources": ["cpu"]},
    ):
        document = services(place)["california-model-user01/stable"]
        model_of(document).update(change)
        with pytest.raises(AssertionError, match="california-model-user01"):
            judge_services([document])


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_what_kserve_takes(course_lab, tmp_path, preset):
    """S2-33, S2-34: who deploys may; S1-31: the model by its URI; the account brings the keys."""
    place = export(course_lab.data_dir, tmp_path, "kserve", "--preset", preset) / "kserve"
    lint(place)
    found = documents(*yaml_files(place))
    judge(found)
    assert not of_kind(found, "Secret")
    stable = {k: v for k, v in services(place).items() if k.endswith("/stable")}
    assert len(stable) == 3
    space = next(iter(stable.values()))["metadata"]["namespace"]
    accounts = of_kind(found, "ServiceAccount")
    assert len(accounts) == 1 and accounts[0]["metadata"]["namespace"] == space
    for document in stable.values():
        predictor = document["spec"]["predictor"]
        assert predictor["serviceAccountName"] == accounts[0]["metadata"]["name"]
        assert predictor["model"]["resources"]["limits"]["memory"]
        assert "canary" not in document["spec"] and "canaryTrafficPercent" not in predictor
    role = one_of(found, "ClusterRole", "kserve-admin")
    assert role["rules"] == [
        {"apiGroups": ["serving.kserve.io"], "resources": ["inferenceservices"], "verbs": ["*"]}
    ]
    access = one_of(found, "RoleBinding", "kserve-access")
    assert access["metadata"]["namespace"] == space
    assert access["subjects"][0]["name"] == "default-editor"
    # Keys and the store's address arrive as KServe's downloader of files reads them.
    (secret,) = applied_secrets(place / "make-secrets.sh", tmp_path, KEYS)
    assert secret["metadata"]["namespace"] == space
    assert {"name": secret["metadata"]["name"]} in accounts[0]["secrets"]
    assert set(secret["data"]) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    notes = secret["metadata"]["annotations"]
    endpoint, https = notes["serving.kserve.io/s3-endpoint"], notes["serving.kserve.io/s3-usehttps"]
    assert (endpoint, https) == {
        "lab": ("minio-service.kubeflow.svc.cluster.local:9000", "0"),
        "onprem": ("s3.ap-northeast-2.amazonaws.com", "1"),
        "vision": ("minio.mlflow.svc.cluster.local:9000", "0"),
        "docker-desktop": ("minio.storage.svc.cluster.local:9000", "0"),
    }[preset]
    assert notes["serving.kserve.io/s3-region"]


def test_the_uri_is_where_the_files_lie(course_lab, tmp_path):
    """models:/ and mlflow-artifacts:/ mean nothing to KServe: the bucket's real key does, under the
    bucket's name on the target."""
    import boto3

    client = mlflow.MlflowClient(course_lab.mlflow_url)
    files = boto3.client(
        "s3", endpoint_url=course_lab.s3_url, aws_access_key_id=course_lab.access_key,
        aws_secret_access_key=course_lab.secret_key, region_name="us-east-1",
    )
    buckets = {}
    for words in ((), ("--set", "bucket=models-of-ann")):
        place = export(course_lab.data_dir, tmp_path / str(len(words)), "kserve", *words) / "kserve"
        for document in services(place).values():
            uri = model_of(document)["storageUri"]
            bucket, key = uri.removeprefix("s3://").split("/", 1)
            buckets.setdefault(len(words), set()).add(bucket)
            if words:
                continue
            names = [
                each["Key"] for each in files.list_objects_v2(Bucket=bucket, Prefix=key + "/")["Contents"]
            ]
            assert f"{key}/MLmodel" in names
            notes = document["metadata"]["annotations"]
            version = client.get_model_version(
                notes["mlops-sandbox/model"], notes["mlops-sandbox/version"]
            )
            assert version.source.removeprefix("models:/") in key
    assert buckets[2] == {"models-of-ann"} != buckets[0]


def test_a_part_of_the_requests_goes_to_the_newest_version(course_lab, tmp_path):
    """S2-31: champion is stable; the newest is a canary in both of KServe's forms."""
    shown = {}
    for mode in ("Serverless", "RawDeployment"):
        place = export(
            course_lab.data_dir, tmp_path / mode, "kserve", "--set", f"serving_mode={mode}",
            "--set", "canary_percent=25",
        ) / "kserve"
        shown[mode] = services(place)
        assert "my-model/stable" in shown[mode] and "my-model/canary" not in shown[mode]
    for found in shown.values():
        stable, canary = found["shapes/stable"], found["shapes/canary"]
        assert stable["metadata"]["name"] == canary["metadata"]["name"] == "shapes"
        assert stable["metadata"]["annotations"]["mlops-sandbox/version"] == "1"
    canary = shown["Serverless"]["shapes/canary"]
    assert canary["spec"]["predictor"]["canaryTrafficPercent"] == 25
    assert canary["metadata"]["annotations"]["mlops-sandbox/version"] == "2"
    assert model_of(canary)["storageUri"] != model_of(shown["Serverless"]["shapes/stable"])["storageUri"]
    both = shown["RawDeployment"]["shapes/canary"]
    # KServe 0.20 refuses spec.canary under the mode's older name, and a predictor without a name.
    assert both["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Standard"
    assert model_of(both) == model_of(shown["RawDeployment"]["shapes/stable"])
    (second,) = both["spec"]["canary"]
    assert second["trafficPercent"] == 25 and second["predictor"]["name"] == "v2"
    assert second["predictor"]["model"]["storageUri"] == model_of(canary)["storageUri"]


def test_the_format_is_one_whose_runtime_loads_the_folder(fresh_lab, tmp_path):
    """Protocol v1, which document 002 calls, where scikit-learn's runtime finds its one file; else
    MLflow's. Names that a cluster refuses become other ones and stay in the annotations."""
    mlflow.set_tracking_uri(fresh_lab.mlflow_url)
    mlflow.set_registry_uri(fresh_lab.mlflow_url)
    mlflow.set_experiment("formats")
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    names = {"1st \"model\" | {{ .x }} 'q'": "pickle", "UPPER_" + "x" * 120: "skops", "upper": "pickle"}
    for name, form in names.items():
        mlflow.sklearn.log_model(
            model, name="m", registered_model_name=name, serialization_format=form,
        )
    place = export(fresh_lab.data_dir, tmp_path, "kserve") / "kserve"
    found = services(place)
    notes = {each["metadata"]["annotations"]["mlops-sandbox/model"]: each for each in found.values()}
    assert set(notes) == set(names) and len({each["metadata"]["name"] for each in found.values()}) == 3
    for name, form in names.items():
        chosen = (model_of(notes[name])["modelFormat"]["name"], model_of(notes[name])["protocolVersion"])
        assert chosen == (("sklearn", "v1") if form == "pickle" else ("mlflow", "v2")), name
    lines = (place / "README.md").read_text().splitlines()
    assert [line.replace("\\|", "").count("|") for line in lines if line.startswith('| "')] == [6, 6, 6]
