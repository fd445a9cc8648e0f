"""Training on the cluster, started by hand or by another DAG. Runs in Airflow 2.11 and 3."""

import json
from datetime import timedelta
from pathlib import Path

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.secret import Secret
from kubernetes.client import models as k8s

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

settings = json.loads(Path(__file__).with_name("mlops_lab.json").read_text())
training = settings["training"]

keys = [
    Secret("env", "AWS_ACCESS_KEY_ID", training["secret"], "access-key"),
    Secret("env", "AWS_SECRET_ACCESS_KEY", training["secret"], "secret-key"),
]
if training["login_secret"]:
    keys += [
        Secret("env", "MLFLOW_TRACKING_USERNAME", training["login_secret"], "username"),
        Secret("env", "MLFLOW_TRACKING_PASSWORD", training["login_secret"], "password"),
    ]

with DAG(
    dag_id=training["dag_id"],
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 1, "retry_delay": timedelta(minutes=5)},
    tags=[settings["project"]],
) as dag:
    KubernetesPodOperator(
        task_id="train_model",
        name="train-model",
        namespace=settings["namespace"],
        image=training["image"],
        # What the image runs is the image's own; `cmds` and `arguments` would replace it.
        env_vars=[
            k8s.V1EnvVar(name="MLFLOW_TRACKING_URI", value="{{ var.value.mlflow_uri }}"),
            k8s.V1EnvVar(name="EXPERIMENT_NAME", value=training["experiment_name"]),
            k8s.V1EnvVar(name="MLFLOW_EXPERIMENT_NAME", value=training["experiment_name"]),
            k8s.V1EnvVar(name="HOME", value="/tmp"),
        ],
        # The object store's address; tracking and region come with it and are the same.
        env_from=[
            k8s.V1EnvFromSource(
                config_map_ref=k8s.V1ConfigMapEnvSource(name=training["config_map"])
            )
        ],
        secrets=keys,
        container_resources=k8s.V1ResourceRequirements(**training["resources"]),
        security_context=training["pod_security"],
        container_security_context=training["container_security"],
        automount_service_account_token=False,
        startup_timeout_seconds=600,
        get_logs=True,
        on_finish_action="delete_succeeded_pod",
    )
