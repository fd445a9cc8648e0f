"""The lab's pipeline: load, preprocess, feature engineering, train, evaluate, then deploy or alert.

    pip install -r requirements.txt
    python pipeline.py        writes e2e_pipeline.yaml

Names and addresses are in settings.json. Each component brings its imports: its source is what runs in its
pod. The image has the packages (Dockerfile), so that nothing is installed when a pod starts.
"""

import json
from pathlib import Path
from typing import NamedTuple

from kfp import compiler, dsl, kubernetes
from kfp.dsl import Dataset, Input, Metrics, Output

SETTINGS = json.loads(Path(__file__).with_name("settings.json").read_text())
IMAGE = SETTINGS["image"]
DEFAULTS = SETTINGS["parameters"]


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def load_data(data_source: str, s3_endpoint_url: str, data_out: Output[Dataset]):
    """A table with a column of numbers to tell: scikit-learn's California houses, or a CSV file."""
    import pandas as pd

    if data_source == "sklearn":
        from sklearn.datasets import fetch_california_housing

        table = fetch_california_housing(as_frame=True).frame
    elif data_source.startswith("s3://"):
        import boto3

        bucket, key = data_source[len("s3://"):].split("/", 1)
        client = boto3.client("s3", endpoint_url=s3_endpoint_url or None)
        table = pd.read_csv(client.get_object(Bucket=bucket, Key=key)["Body"])
    else:
        table = pd.read_csv(data_source)
    print(f"{len(table)} rows, columns {list(table.columns)}")
    table.to_csv(data_out.path, index=False)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def preprocess(
    data: Input[Dataset],
    target: str,
    X_train_out: Output[Dataset],
    X_test_out: Output[Dataset],
    y_train_out: Output[Dataset],
    y_test_out: Output[Dataset],
):
    """Rows without gaps, a fifth of them kept for the evaluation."""
    import pandas as pd
    from sklearn.model_selection import train_test_split

    table = pd.read_csv(data.path).dropna()
    if target not in table.columns:
        raise ValueError(f"The data has no column {target!r}, but {list(table.columns)}")
    parts = train_test_split(
        table.drop(columns=target), table[[target]], test_size=0.2, random_state=42
    )
    for part, place in zip(parts, (X_train_out, X_test_out, y_train_out, y_test_out)):
        part.to_csv(place.path, index=False)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def feature_engineering(
    X_train: Input[Dataset],
    X_test: Input[Dataset],
    X_train_out: Output[Dataset],
    X_test_out: Output[Dataset],
):
    """What the columns of California's houses say together, where they are there."""
    import pandas as pd

    for source, place in ((X_train, X_train_out), (X_test, X_test_out)):
        table = pd.read_csv(source.path)
        if {"AveBedrms", "AveRooms"} <= set(table.columns):
            table["bedroom_ratio"] = table["AveBedrms"] / (table["AveRooms"] + 1e-6)
        if {"Population", "AveOccup"} <= set(table.columns):
            table["people_per_household"] = table["Population"] / (table["AveOccup"] + 1e-6)
        if {"Latitude", "Longitude"} <= set(table.columns):
            north, east = table["Latitude"] - 37.77, table["Longitude"] + 122.42
            table["dist_to_bay"] = (north**2 + east**2) ** 0.5
        table.to_csv(place.path, index=False)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train_model(
    X_train: Input[Dataset],
    y_train: Input[Dataset],
    mlflow_tracking_uri: str,
    experiment_name: str,
    n_estimators: int,
    max_depth: int,
) -> NamedTuple("Trained", [("run_id", str), ("model_uri", str)]):
    """A random forest, with its parameters and its files in MLflow."""
    from collections import namedtuple

    import mlflow
    import pandas as pd
    from sklearn.ensemble import RandomForestRegressor

    mlflow.set_tracking_uri(mlflow_tracking_uri)
    mlflow.set_experiment(experiment_name)
    table = pd.read_csv(X_train.path)
    target = pd.read_csv(y_train.path).iloc[:, 0]
    with mlflow.start_run() as run:
        mlflow.log_params({"n_estimators": n_estimators, "max_depth": max_depth})
        model = RandomForestRegressor(
            n_estimators=n_estimators, max_depth=max_depth, random_state=42, n_jobs=-1
        ).fit(table, target)
        # KServe's runtime for scikit-learn reads pickles.
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            serialization_format="pickle",
            signature=mlflow.models.infer_signature(table, model.predict(table.head())),
        )
    return namedtuple("Trained", "run_id model_uri")(run.info.run_id, logged.model_uri)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate_model(
    X_test: Input[Dataset],
    y_test: Input[Dataset],
    run_id: str,
    model_uri: str,
    mlflow_tracking_uri: str,
    metrics: Output[Metrics],
) -> float:
    """R² and the root of the mean square error, in MLflow and in the pipeline."""
    import mlflow
    import pandas as pd
    from sklearn.metrics import mean_squared_error, r2_score

    mlflow.set_tracking_uri(mlflow_tracking_uri)
    table = pd.read_csv(X_test.path)
    target = pd.read_csv(y_test.path).iloc[:, 0]
    told = mlflow.sklearn.load_model(model_uri).predict(table)
    scores = {"r2": float(r2_score(target, told)), "rmse": float(mean_squared_error(target, told)) ** 0.5}
    with mlflow.start_run(run_id=run_id):
        mlflow.log_metrics(scores)
    for name, score in scores.items():
        metrics.log_metric(name, score)
    return scores["r2"]


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def deploy_model(
    model_uri: str,
    mlflow_tracking_uri: str,
    model_name: str,
    namespace: str,
    service_name: str,
    service_account: str,
    artifacts_uri: str,
) -> str:
    """Registers the model as champion and gives it to KServe. Answers the InferenceService as JSON."""
    import json
    import os

    import mlflow

    mlflow.set_tracking_uri(mlflow_tracking_uri)
    client = mlflow.MlflowClient()
    version = mlflow.register_model(model_uri, model_name)
    client.set_registered_model_alias(model_name, "champion", version.version)
    place = client.get_logged_model(model_uri[len("models:/"):]).artifact_location
    # KServe reads the object store itself: the proxy's addresses mean nothing to it.
    if place.startswith("mlflow-artifacts:/"):
        place = artifacts_uri + "/" + place[len("mlflow-artifacts:"):].lstrip("/")
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": service_name, "namespace": namespace},
        "spec": {
            "predictor": {
                "serviceAccountName": service_account,
                "model": {
                    "modelFormat": {"name": "sklearn"},
                    "protocolVersion": "v1",
                    "storageUri": place,
                },
            }
        },
    }
    if os.path.exists("/var/run/secrets/kubernetes.io/serviceaccount/token"):
        from kubernetes import client as kube
        from kubernetes import config

        config.load_incluster_config()
        where = ("serving.kserve.io", "v1beta1", namespace, "inferenceservices")
        services = kube.CustomObjectsApi()
        try:
            services.patch_namespaced_custom_object(*where, service_name, service)
        except kube.ApiException as error:
            if error.status != 404:
                raise
            services.create_namespaced_custom_object(*where, service)
    else:
        print("Outside of a cluster nothing is deployed.")
    return json.dumps(service)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def send_alert(r2: float, r2_threshold: float, model_name: str, run_id: str, mlflow_tracking_uri: str):
    """Says that the model is not good enough, in the log and in its run."""
    import mlflow

    text = f"{model_name}: R² {r2:.4f} is below {r2_threshold}: nothing was deployed"
    print("ALERT: " + text)
    mlflow.set_tracking_uri(mlflow_tracking_uri)
    mlflow.MlflowClient().set_tag(run_id, "alert", text)


@dsl.pipeline(name="e2e-pipeline", description="From data to a served model.")
def e2e_pipeline(
    data_source: str = DEFAULTS["data_source"],
    target: str = DEFAULTS["target"],
    experiment_name: str = DEFAULTS["experiment_name"],
    model_name: str = DEFAULTS["model_name"],
    namespace: str = DEFAULTS["namespace"],
    service_name: str = DEFAULTS["service_name"],
    service_account: str = DEFAULTS["service_account"],
    n_estimators: int = DEFAULTS["n_estimators"],
    max_depth: int = DEFAULTS["max_depth"],
    r2_threshold: float = DEFAULTS["r2_threshold"],
    mlflow_tracking_uri: str = DEFAULTS["mlflow_tracking_uri"],
    artifacts_uri: str = DEFAULTS["artifacts_uri"],
    s3_endpoint_url: str = DEFAULTS["s3_endpoint_url"],
):
    load = load_data(data_source=data_source, s3_endpoint_url=s3_endpoint_url)
    load.set_retry(num_retries=2)
    kubernetes.use_secret_as_env(
        load,
        secret_name=SETTINGS["secret"],
        secret_key_to_env={
            "access-key": "AWS_ACCESS_KEY_ID",
            "secret-key": "AWS_SECRET_ACCESS_KEY",
        },
    )
    split = preprocess(data=load.outputs["data_out"], target=target)
    features = feature_engineering(
        X_train=split.outputs["X_train_out"], X_test=split.outputs["X_test_out"]
    )
    trained = train_model(
        X_train=features.outputs["X_train_out"],
        y_train=split.outputs["y_train_out"],
        mlflow_tracking_uri=mlflow_tracking_uri,
        experiment_name=experiment_name,
        n_estimators=n_estimators,
        max_depth=max_depth,
    )
    evaluated = evaluate_model(
        X_test=features.outputs["X_test_out"],
        y_test=split.outputs["y_test_out"],
        run_id=trained.outputs["run_id"],
        model_uri=trained.outputs["model_uri"],
        mlflow_tracking_uri=mlflow_tracking_uri,
    )
    with dsl.If(evaluated.outputs["Output"] >= r2_threshold, name="good-enough"):
        deployed = deploy_model(
            model_uri=trained.outputs["model_uri"],
            mlflow_tracking_uri=mlflow_tracking_uri,
            model_name=model_name,
            namespace=namespace,
            service_name=service_name,
            service_account=service_account,
            artifacts_uri=artifacts_uri,
        )
        deployed.set_caching_options(False)
    with dsl.Else(name="not-good-enough"):
        alert = send_alert(
            r2=evaluated.outputs["Output"],
            r2_threshold=r2_threshold,
            model_name=model_name,
            run_id=trained.outputs["run_id"],
            mlflow_tracking_uri=mlflow_tracking_uri,
        )
        alert.set_caching_options(False)


if __name__ == "__main__":
    compiler.Compiler().compile(e2e_pipeline, str(Path(__file__).with_name("e2e_pipeline.yaml")))
