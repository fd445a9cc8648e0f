"""Manifests of a lab: what Kubernetes' own schemas, Kustomize and a shell say of them."""

import os
import re
import signal
import subprocess

import pytest
import yaml
from export_support import (
    check_references,
    check_restricted,
    documents,
    export,
    go_tool,
    judge,
    lint,
    made_secrets,
    of_kind,
    one_of,
    run_export,
    texts,
    yaml_files,
)
from own_lab import binary, clean_environment

PRESETS = ("lab", "onprem", "vision", "docker-desktop")
# A password with everything that breaks URIs, shells and YAML.
PASSWORD = "p@ss:w/rd%20 'q' \"d\" $HOME `id` #!\\"
VALUES = {"DATABASE_PASSWORD": PASSWORD, "S3_ACCESS_KEY": "tester", "S3_SECRET_KEY": "s3cr3t$%"}


def built(folder):
    text = subprocess.run(
        [go_tool("kustomize"), "build", str(folder)], capture_output=True, text=True, check=True
    ).stdout
    return [each for each in yaml.safe_load_all(text) if each]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_overlay_is_what_kubernetes_takes(course_lab, tmp_path, preset):
    """S4-21: selectors, restart policies and references are there; strict schemas of two versions."""
    place = export(course_lab.data_dir, tmp_path, "k8s", "--preset", preset) / "k8s"
    lint(place)
    variables = {k: v for k, v in VALUES.items() if preset != "docker-desktop" or "DATA" not in k}
    secrets = made_secrets(place / "make-secrets.sh", tmp_path, variables)
    for folder in ("base", "overlays/local", "overlays/production"):
        found = built(place / folder)
        judge(found)
        check_restricted(found)
        check_references(found, secrets)
    # Once more: what is applied twice is the same.
    assert built(place / "overlays/local") == built(place / "overlays/local")


@pytest.mark.parametrize("preset", PRESETS)
def test_no_file_holds_a_secret_or_this_machine(course_lab, tmp_path, preset):
    """S1-28: references only; nothing of localhost is carried to the cluster."""
    export(course_lab.data_dir, tmp_path, "k8s", "job", "--preset", preset)
    for name, text in texts(tmp_path).items():
        for word in (course_lab.secret_key, "a token of the hub", "wandb-key-7361", course_lab.mlflow_url):
            assert word not in text, name
        if name.endswith(".yaml"):
            assert not of_kind(documents(tmp_path / name), "Secret"), name


def test_names_are_those_of_the_course(course_lab, tmp_path):
    """S0-13, S0-21, S0-35, S2-8."""
    place = export(course_lab.data_dir, tmp_path, "k8s") / "k8s"
    found = documents(*yaml_files(place / "base"))
    minio = one_of(found, "Service", "minio-service")
    assert minio["metadata"]["namespace"] == "kubeflow"
    assert [each["port"] for each in minio["spec"]["ports"]] == [9000, 9001]
    postgres = one_of(found, "Deployment", "postgres")
    assert postgres["metadata"]["namespace"] == "mlflow-system"
    assert postgres["spec"]["template"]["metadata"]["labels"]["app"] == "postgres"
    variables = postgres["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "POSTGRES_USER", "value": "mlflow"} in variables
    assert one_of(found, "Deployment", "minio")["spec"]["template"]["metadata"]["labels"]["app"] == "minio"
    assert one_of(found, "Service", "mlflow-server-service")["spec"]["ports"][0]["port"] == 5000


def test_names_are_those_of_docker_desktop(course_lab, tmp_path):
    """S4-19, S4-22 to S4-25: and what that document lacks is there (S4-21)."""
    place = export(course_lab.data_dir, tmp_path, "k8s", "--preset", "docker-desktop") / "k8s"
    found = documents(*yaml_files(place / "base"))
    mlflow = one_of(found, "Deployment", "mlflow")
    assert mlflow["metadata"]["namespace"] == "monitoring"
    assert mlflow["spec"]["replicas"] == 1 and mlflow["spec"]["strategy"]["type"] == "Recreate"
    assert mlflow["spec"]["selector"]["matchLabels"] == {"app": "mlflow"}
    container = mlflow["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "data", "mountPath": "/mlflow"} in container["volumeMounts"]
    one_of(found, "PersistentVolumeClaim", "mlflow-pvc")
    assert one_of(found, "Service", "mlflow")["spec"]["ports"][0]["nodePort"] == 30500
    config = one_of(found, "ConfigMap", "mlflow-config")
    assert config["metadata"]["namespace"] == "training"
    assert config["data"]["mlflow-tracking-uri"] == "http://mlflow.monitoring.svc.cluster.local:5000"
    assert config["data"]["mlflow-s3-endpoint-url"] == "http://minio.storage.svc.cluster.local:9000"
    assert {each["metadata"]["name"] for each in of_kind(found, "Namespace")} >= {
        "monitoring", "training", "storage",
    }
    script = (place / "make-secrets.sh").read_text()
    assert "secret training r2-credentials" in script and "access-key" in script


def test_the_documents_secret_names_the_database(course_lab, tmp_path):
    """S3-36: BACKEND_STORE_URI comes from mlflow-secrets, key backend-uri, whatever the password is."""
    from sqlalchemy import make_url

    place = export(course_lab.data_dir, tmp_path, "k8s", "--preset", "vision") / "k8s"
    found = documents(place / "base/mlflow.yaml")
    container = one_of(found, "Deployment", "mlflow-server")["spec"]["template"]["spec"]["containers"][0]
    variable = next(each for each in container["env"] if each["name"] == "BACKEND_STORE_URI")
    assert variable["valueFrom"]["secretKeyRef"] == {"name": "mlflow-secrets", "key": "backend-uri"}
    secrets = made_secrets(place / "make-secrets.sh", tmp_path, VALUES)
    uri = make_url(secrets[("mlflow", "mlflow-secrets", "backend-uri")])
    assert (uri.drivername, uri.password) == ("postgresql+psycopg2", PASSWORD)
    assert secrets[("mlflow", "postgres-credentials", "password")] == PASSWORD


def test_buckets_of_the_lab_are_made(course_lab, tmp_path):
    """The documents' trap no. 1, NoSuchBucket (S2-28): a Job makes them before anybody asks."""
    place = export(course_lab.data_dir, tmp_path, "k8s", "--preset", "docker-desktop") / "k8s"
    job = of_kind(documents(place / "base/buckets.yaml"), "Job")[0]
    command = job["spec"]["template"]["spec"]["containers"][0]["command"]
    assert command[2:] == ["mlflow-artifacts"]


@pytest.mark.parametrize("preset", PRESETS)
def test_what_does_not_work_in_the_documents_is_not_copied(course_lab, tmp_path, preset):
    """S4-12, S3-38 and others: images that are gone or lack the drivers of PostgreSQL and S3, a chart
    repository that is none, words that the next version refuses. Selectors, restart policies, buckets
    and grants have tests of their own here."""
    export(course_lab.data_dir, tmp_path, "all", "--preset", preset)
    images = set()
    for name, text in texts(tmp_path).items():
        if "schema.json" in name:
            continue
        for word in ("docker.io/minio/", "image: minio/", "bitnami", "charts.community.dev", ":latest",
                     "schedule_interval", "AmazonS3FullAccess", "localhost:5000/api"):
            assert word not in text, f"{name} has {word}"
        images |= set(re.findall(r"ghcr\.io/mlflow/mlflow:[\w.-]+", text))
    assert images == {"ghcr.io/mlflow/mlflow:v3.17.2-full"}


def test_scripts_pass_shellcheck(course_lab, tmp_path):
    """S1-8 asks for it; all scripts of all targets."""
    for preset in PRESETS:
        export(course_lab.data_dir, tmp_path / preset, "all", "--preset", preset)
    scripts = sorted(map(str, tmp_path.rglob("*.sh")))
    assert scripts
    done = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_secret_that_is_not_given_is_asked_for_by_name(course_lab, tmp_path):
    place = export(course_lab.data_dir, tmp_path, "k8s") / "k8s"
    environment = {k: v for k, v in clean_environment().items() if not k.startswith(("S3_", "DATABASE_"))}
    done = subprocess.run(
        [str(place / "make-secrets.sh")], capture_output=True, text=True,
        stdin=subprocess.DEVNULL, env=environment,
    )
    assert done.returncode == 1
    assert "DATABASE_PASSWORD" in done.stderr and "mlflow" in done.stderr


def test_what_would_be_replaced_is_shown_first(course_lab, tmp_path):
    export(course_lab.data_dir, tmp_path, "k8s")
    before = texts(tmp_path)
    again = run_export(course_lab.data_dir, "k8s", "--out", tmp_path)
    assert again.returncode == 0 and "unchanged" in again.stdout
    moved = ("k8s", "--set", "mlflow_port=5001", "--out", tmp_path)
    shown = run_export(course_lab.data_dir, *moved)
    assert shown.returncode == 1 and "--overwrite" in shown.stderr
    assert "-      port: 5000" in shown.stdout and "+      port: 5001" in shown.stdout
    assert texts(tmp_path) == before
    (tmp_path / "k8s/README.md").write_text("mine\n")
    assert "changed by hand" in run_export(course_lab.data_dir, *moved).stdout
    assert run_export(course_lab.data_dir, *moved, "--overwrite").returncode == 0
    assert "port: 5001" in (tmp_path / "k8s/base/mlflow.yaml").read_text()


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["nowhere"], "There is no target 'nowhere'"),
        ([], "Say what to write"),
        (["k8s", "--set", "mlflow_namespace=Bad Name"], "mlflow_namespace"),
        (["k8s", "--set", "novalue"], "name=value"),
        (["k8s", "--model", "unknown"], "no registered model 'unknown'"),
        (["job", "--job", "unknown"], "No job and no job's run"),
        (["k8s", "--out", "/proc/export"], "/proc"),
    ],
)
def test_what_cannot_be_exported_is_a_sentence(course_lab, tmp_path, words, sentence):
    out = [] if "--out" in words else ["--out", tmp_path]
    done = run_export(course_lab.data_dir, *words, *out)
    assert done.returncode in (1, 2) and sentence in done.stderr
    assert not any(tmp_path.iterdir())


def test_an_export_that_is_killed_leaves_nothing_by_half(course_lab, tmp_path):
    """The directory is whole or not there, wherever the export ends."""
    seen = set()
    for attempt in range(12):
        out = tmp_path / str(attempt)
        process = subprocess.Popen(
            [binary(), "export", "all", "--out", str(out), "--data-dir", str(course_lab.data_dir)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environment(),
        )
        while attempt and process.poll() is None and not out.exists():
            pass
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        for target in out.iterdir() if out.exists() else ():
            if target.name.startswith("."):
                continue
            seen.add(target.name)
            whole = export(course_lab.data_dir, tmp_path / "whole", target.name) / target.name
            assert texts(target) == texts(whole), target
    export(course_lab.data_dir, tmp_path / "1", "all", "--overwrite")
    assert not [each for each in (tmp_path / "1").iterdir() if each.name.startswith(".")]


def test_users_and_a_server_of_our_own(tmp_path, fresh_lab):
    """An empty lab; and this program in place of MLflow, scaled out on PostgreSQL and S3."""
    words = ("k8s", "--set", "server=mlops-sandbox", "--set", "mlflow_replicas=3")
    place = export(fresh_lab.data_dir, tmp_path, *words) / "k8s"
    found = built(place / "overlays/production")
    judge(found)
    check_restricted(found)
    server = one_of(found, "Deployment", "mlflow-server")["spec"]
    assert server["replicas"] == 3
    container = server["template"]["spec"]["containers"][0]
    assert container["image"].startswith("ghcr.io/your-name/mlops-sandbox:")
    assert container["command"][:2] == ["mlops-sandbox", "server"]
