"""DAGs and values of an export, as real Airflows take them: 2.11 and 3."""

import json
import os
import subprocess

import pytest
import yaml
from export_support import (
    documents,
    export,
    judge,
    lint,
    made_secrets,
    of_kind,
    texts,
    yaml_files,
)
from own_lab import binary, clean_environment
from sqlalchemy import make_url

PROGRAM = os.path.join(os.path.dirname(__file__), "airflow_dags.py")
NASTY = "Über \"q\" 'x' {{ var.value.secret }} {% raw %} {# $(id) ${X} settings.json"
# A cluster that is never asked: Airflow builds pods for it.
KUBECONFIG = """{"apiVersion": "v1", "kind": "Config", "current-context": "c",
"clusters": [{"name": "c", "cluster": {"server": "https://cluster.invalid"}}],
"contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
"users": [{"name": "u", "user": {}}]}"""


@pytest.fixture(scope="module")
def scheduled_lab(course_lab, tmp_path_factory):
    """With a job that runs at night, whose words mean something to Jinja, shells and Kubernetes."""
    done = subprocess.run(
        [
            binary(), "run", "--data-dir", str(course_lab.data_dir), "--cron=0 3 * * *",
            "--name=nightly", "--mem=512M", "--timeout=1h", "--retries=2", f"--env=WORD={NASTY}",
            "--", "sh", "-c", "echo $(echo 5)", NASTY, "config.json",
        ],
        cwd=tmp_path_factory.mktemp("nightly"), env=clean_environment(), capture_output=True, text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return course_lab


def found_by(version, folder, home):
    """What the DagBag of this Airflow says of a directory."""
    home.mkdir()
    (home / "kubeconfig").write_text(KUBECONFIG)
    done = subprocess.run(
        [os.environ[f"AIRFLOW_{version}_PYTHON"], PROGRAM, str(folder)],
        env=clean_environment() | {
            "AIRFLOW_HOME": str(home), "HOME": str(home), "KUBECONFIG": str(home / "kubeconfig"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "PYTHONDONTWRITEBYTECODE": "1",
            "AIRFLOW_CONN_KUBERNETES_DEFAULT": "kubernetes://",
        },
        capture_output=True, text=True, timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [each for each in done.stdout.splitlines() if each.startswith("DAGS ")]
    return json.loads(line.removeprefix("DAGS "))


@pytest.mark.parametrize("version", ("2", "3"))
def test_a_dag_bag_takes_every_dag(scheduled_lab, tmp_path, version):
    """S3-37: vision_training_pipeline with the task train_model, its addresses from a variable of
    Airflow and its keys from Secrets; a job's own words are not templates."""
    export(scheduled_lab.data_dir, tmp_path, "airflow", "job", "--preset", "vision")
    found = found_by(version, tmp_path / "airflow/dags", tmp_path / "home")
    assert not found["errors"]
    assert len(found["dags"]) == 2
    training = found["dags"].pop("vision_training_pipeline")
    assert training["task"] == "train_model" and not training["catchup"]
    pod = training["pod"]
    judge([pod])
    assert pod["metadata"]["namespace"] == "training"
    (container,) = pod["spec"]["containers"]
    assert container["image"] == "ghcr.io/your-name/mlflow-study:0.1.0" and not container["command"]
    variables = {each["name"]: each.get("value") for each in container["env"]}
    assert variables["MLFLOW_TRACKING_URI"] == "http://from-the-variable:5000"
    assert variables["EXPERIMENT_NAME"] == "production-training"
    keys = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in container["env"] if "valueFrom" in each}
    assert keys["AWS_ACCESS_KEY_ID"] == {"name": "minio-credentials", "key": "access-key"}
    assert container["envFrom"] == [{"configMapRef": {"name": "mlflow-config-env"}}]

    (nightly,) = found["dags"].values()
    assert (nightly["schedule"], nightly["retries"], nightly["catchup"]) == ("0 3 * * *", 2, False)
    judge([nightly["pod"]])
    (container,) = nightly["pod"]["spec"]["containers"]
    # The same pod as that of the target `job`: Kubernetes turns $$( into $(.
    (cron,) = of_kind(documents(*yaml_files(tmp_path / "job")), "CronJob")
    (expected,) = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["command"] == expected["command"]
    assert [each.replace("$$(", "$(") for each in container["command"]] == [
        "sh", "-c", "echo $(echo 5)", NASTY, "config.json",
    ]
    assert {"name": "WORD", "value": NASTY.replace("$(", "$$(")} in container["env"]
    for part in ("env", "resources", "securityContext", "image", "volumeMounts"):
        assert container[part] == expected[part], part


@pytest.mark.parametrize("logs", ("nfs", "s3"))
def test_the_charts_values(course_lab, tmp_path, logs):
    """S1-5, S1-7, S1-27: git-sync, the database outside, logs on NFS or in S3; keys by reference."""
    place = export(
        course_lab.data_dir, tmp_path, "airflow", "--preset", "onprem", "--set", f"airflow_logs={logs}",
        "--set", "objects=external", "--set", "airflow_git_repo=git@git.example.org:ann/dags.git",
    ) / "airflow"
    lint(place)
    values = yaml.safe_load((place / "values.yaml").read_text())
    assert values["postgresql"] == {"enabled": False}
    sync = values["dags"]["gitSync"]
    assert sync["enabled"] is True and sync["repo"] == "git@git.example.org:ann/dags.git"
    # git-sync 4 reads `ref`, whose default is a branch of Airflow's own repository.
    assert (sync["branch"], sync["ref"], sync["subPath"]) == ("main", "main", "dags")
    assert values["webserver"]["defaultUser"] == {"enabled": False}
    assert {
        "name": "AIRFLOW_VAR_MLFLOW_URI", "value": "http://mlflow.mlflow.svc.cluster.local:5000",
    } in values["env"]
    needed = {
        "AIRFLOW_DB_PASSWORD": "p@ss:w/rd%20'\"$", "AIRFLOW_FERNET_KEY": "fernet", "AIRFLOW_SECRET_KEY": "sign",
        "GIT_SSH_KEY": "-----BEGIN\nkey\n-----END", "S3_ACCESS_KEY": "logger", "S3_SECRET_KEY": "a/b+c%@",
    }
    secrets = made_secrets(place / "make-secrets.sh", tmp_path, needed)
    database = make_url(secrets[("airflow", values["data"]["metadataSecretName"], "connection")])
    assert (database.username, database.database) == ("airflow_user", "airflow_db")
    assert database.password == needed["AIRFLOW_DB_PASSWORD"]
    assert ("airflow", values["fernetKeySecretName"], "fernet-key") in secrets
    assert ("airflow", values["webserverSecretKeySecretName"], "webserver-secret-key") in secrets
    assert secrets[("airflow", sync["sshKeySecret"], "gitSshKey")] == needed["GIT_SSH_KEY"]
    if logs == "nfs":
        assert values["logs"]["persistence"] == {"enabled": True, "existingClaim": "airflow-logs-pvc"}
        assert "secret" not in values
        return
    assert values["logs"]["persistence"] == {"enabled": False}
    logging = values["config"]["logging"]
    assert logging["remote_logging"] == "True"
    assert logging["remote_base_log_folder"] == "s3://mlflow-artifacts-keonho/airflow/logs"
    (variable,) = values["secret"]
    assert variable["envName"] == "AIRFLOW_CONN_" + logging["remote_log_conn_id"].upper()
    uri = secrets[("airflow", variable["secretName"], variable["secretKey"])]
    read = subprocess.run(
        [
            os.environ["AIRFLOW_3_PYTHON"], "-c",
            "import json, sys; from airflow.sdk import Connection; c = Connection.from_uri(sys.argv[1], conn_id='x');"
            "print('READ', json.dumps([c.conn_type, c.login, c.password, json.loads(c.extra)]))", uri,
        ],
        env=clean_environment() | {"AIRFLOW_HOME": str(tmp_path / "home")}, capture_output=True,
        text=True, timeout=120,
    )
    assert read.returncode == 0, read.stderr
    (line,) = [each for each in read.stdout.splitlines() if each.startswith("READ ")]
    assert json.loads(line.removeprefix("READ ")) == [
        "aws", "logger", "a/b+c%@",
        {"region_name": "ap-northeast-2", "endpoint_url": "https://s3.example.org"},
    ]


def test_no_dag_holds_a_key(scheduled_lab, tmp_path):
    """S1-28."""
    for preset in ("lab", "onprem", "vision", "docker-desktop"):
        place = export(scheduled_lab.data_dir, tmp_path / preset, "airflow", "--preset", preset)
        for name, text in texts(place).items():
            assert scheduled_lab.secret_key not in text and "127.0.0.1" not in text, name
