"""Jobs, PostgreSQL, NFS and variables of an export, with what reads them in real life."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg2
import pytest
from export_support import (
    check_references,
    check_restricted,
    documents,
    export,
    judge,
    lint,
    made_secrets,
    of_kind,
    one_of,
    run_export,
    yaml_files,
)
from own_lab import OwnLab, binary, clean_environment
from postgres_server import PostgresServer


def jobs_of(place):
    found = documents(*yaml_files(place))
    lint(place)
    judge(found)
    check_restricted(found)
    return found


def test_a_job_keeps_its_command_and_limits(course_lab, tmp_path):
    """S4-20, S4-28: the lab's numbers as requests and limits, keys and addresses by reference."""
    place = export(course_lab.data_dir, tmp_path, "job", "--preset", "docker-desktop") / "job"
    found = jobs_of(place)
    job = next(
        each for each in of_kind(found, "Job")
        if each["metadata"]["annotations"]["mlops-sandbox/name"] == "train"
    )
    assert job["metadata"]["namespace"] == "training"
    spec = job["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (2, 3600)
    pod = spec["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    container = pod["containers"][0]
    assert container["name"] == "trainer"
    assert container["command"] == ["python", "train.py", "--epochs", "20"]
    assert container["resources"]["limits"] == {"cpu": "2000m", "memory": str(512 << 20)}
    variables = {each["name"]: each for each in container["env"]}
    assert variables["BATCH_SIZE"]["value"] == "64"
    assert variables["MLFLOW_TRACKING_URI"]["valueFrom"]["configMapKeyRef"] == {
        "name": "mlflow-config", "key": "mlflow-tracking-uri",
    }
    assert variables["AWS_ACCESS_KEY_ID"]["valueFrom"]["secretKeyRef"] == {
        "name": "r2-credentials", "key": "access-key",
    }
    token = variables["HF_TOKEN"]["valueFrom"]["secretKeyRef"]
    kept = variables["WANDB_API_KEY"]["valueFrom"]["secretKeyRef"]
    values = {"HF_TOKEN": "it's $x", "WANDB_API_KEY": "another"}
    secrets = made_secrets(place / "make-secrets.sh", tmp_path, values)
    assert secrets[("training", token["name"], token["key"])] == "it's $x"
    assert secrets[("training", kept["name"], kept["key"])] == "another"
    # S4-30: what the lab keeps for its jobs.
    assert variables["REGION"]["valueFrom"]["configMapKeyRef"]["key"] == "REGION"
    assert documents(place / "config.yaml")[0]["data"] == {"REGION": "ap-northeast-2"}


def test_a_shells_own_words_reach_the_container(course_lab, tmp_path):
    """Kubernetes would put variables in place of $(…)."""
    place = export(course_lab.data_dir, tmp_path, "job") / "job"
    job = next(
        each for each in of_kind(jobs_of(place), "Job")
        if each["metadata"]["annotations"]["mlops-sandbox/name"] == "score"
    )
    command = job["spec"]["template"]["spec"]["containers"][0]["command"]
    assert command[:2] == ["sh", "-c"]
    assert command[2] == "echo \"costs $$(echo 5) \\$\""


def test_one_job_can_be_named(course_lab, tmp_path):
    """S3-41: by its id or by its run."""
    place = export(course_lab.data_dir, tmp_path / "all", "job") / "job"
    job = of_kind(documents(*yaml_files(place)), "Job")[0]
    notes = job["metadata"]["annotations"]
    for name in ("job-id", "run-id"):
        one = export(
            course_lab.data_dir, tmp_path / name, "job", "--job", notes[f"mlops-sandbox/{name}"]
        ) / "job"
        assert of_kind(documents(*yaml_files(one)), "Job") == [job]


def test_the_logs_volume_is_bound_to_its_claim(course_lab, tmp_path):
    """S1-9 to S1-12: a default StorageClass cannot take the claim."""
    place = export(course_lab.data_dir, tmp_path, "nfs", "--preset", "onprem") / "nfs"
    found = documents(*yaml_files(place))
    judge(found)
    volume = one_of(found, "PersistentVolume", "airflow-logs-pv")["spec"]
    assert volume["nfs"] == {
        "server": "192.168.18.141", "path": "/mnt/nfs_share/mlops/airflow/logs",
    }
    assert volume["persistentVolumeReclaimPolicy"] == "Retain"
    assert (volume["capacity"]["storage"], volume["accessModes"]) == ("5Gi", ["ReadWriteMany"])
    claim = one_of(found, "PersistentVolumeClaim", "airflow-logs-pvc")
    assert claim["metadata"]["namespace"] == "airflow"
    assert claim["spec"]["storageClassName"] == "" == volume["storageClassName"]
    assert claim["spec"]["volumeName"] == "airflow-logs-pv"
    assert volume["claimRef"] == {"name": "airflow-logs-pvc", "namespace": "airflow"}
    script = (place / "setup-nfs.sh").read_text()
    for words in ("nfs-kernel-server", "chown -R 50000:root", "chmod -R 775", "exportfs -rav",
                  "(rw,sync,no_subtree_check,root_squash)", "192.168.18.0/24"):
        assert words in script


def test_variables_read_back(course_lab, tmp_path):
    """S4-8, S4-22: a shell and dotenv read the same; the ConfigMap is one."""
    from dotenv import dotenv_values

    place = export(course_lab.data_dir, tmp_path, "env", "--preset", "docker-desktop") / "env"
    expected = dotenv_values(place / "in-cluster.env")
    assert expected["MLFLOW_TRACKING_URI"] == "http://mlflow.monitoring.svc.cluster.local:5000"
    assert expected["MLFLOW_S3_ENDPOINT_URL"] == "http://minio.storage.svc.cluster.local:9000"
    shown = subprocess.run(
        ["sh", "-c", ". ./in-cluster.sh; env"], cwd=place, capture_output=True, text=True,
        env={"PATH": os.environ["PATH"]},
    ).stdout
    for name, value in expected.items():
        assert f"{name}={value}\n" in shown
    config = documents(place / "configmap.yaml")
    judge(config)
    assert config[0]["data"] == dict(expected)


@pytest.fixture
def server():
    """A PostgreSQL of its own: roles belong to a whole server. pytest's directories are closed to the
    user it runs as."""
    with tempfile.TemporaryDirectory(prefix="sandbox-pg-") as folder:
        Path(folder).chmod(0o755)
        with PostgresServer(Path(folder) / "server") as running:
            yield running


def as_administrator(server):
    return {
        "PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": server.administrator,
        "PGPASSWORD": server.password,
    }


def test_a_fresh_postgresql_gets_roles_that_can_work(course_lab, tmp_path, server):
    """S1-13 to S1-16, S1-19: on PostgreSQL 15 the document's grants alone let nobody make a table."""
    place = export(course_lab.data_dir, tmp_path, "postgres-init", "--preset", "onprem")
    place = place / "postgres-init"
    passwords = {"MLFLOW_DB_PASSWORD": "a'b\"c $HOME `id` \\", "AIRFLOW_DB_PASSWORD": "airflow1234"}
    environment = clean_environment() | passwords | as_administrator(server)
    for _ in range(2):  # the second time changes nothing
        done = subprocess.run(
            [str(place / "init.sh")], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert not done.stderr and not done.stdout
    for database, user, variable in (
        ("mlflow_db", "mlflow_user", "MLFLOW_DB_PASSWORD"),
        ("airflow_db", "airflow_user", "AIRFLOW_DB_PASSWORD"),
    ):
        with psycopg2.connect(
            host="127.0.0.1", port=server.port, dbname=database, user=user,
            password=passwords[variable],
        ) as connection:
            connection.cursor().execute("CREATE TABLE a_table (x int)")
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(
                host="127.0.0.1", port=server.port, dbname=database, user=user, password="wrong"
            )
    lines = (place / "pg_hba.conf").read_text().splitlines()
    assert [line.split() for line in lines if not line.startswith("#")] == [
        ["host", "mlflow_db", "mlflow_user", "192.168.18.0/24", "scram-sha-256"],
        ["host", "airflow_db", "airflow_user", "192.168.18.0/24", "scram-sha-256"],
    ]


def test_passwords_are_wanted_by_name(course_lab, tmp_path):
    place = export(course_lab.data_dir, tmp_path, "postgres-init") / "postgres-init"
    done = subprocess.run(
        [str(place / "init.sh")], env=clean_environment(), capture_output=True, text=True
    )
    assert done.returncode != 0 and "MLFLOW_DB_PASSWORD" in done.stderr


def test_explain_names_what_changes_for_this_lab(course_lab, tmp_path):
    """S4-32: unchanged are code, MLflow and S3 calls, data loading; the rest has both sides."""
    done = run_export(course_lab.data_dir, "--explain", "--preset", "docker-desktop")
    assert done.returncode == 0
    same, rest = done.stdout.split("Different:")
    for words in ("training code", "calls of MLflow", "S3 code", "data loading", "3 experiments"):
        assert words in same
    for words in (
        f"here   {course_lab.mlflow_url}",
        "there  http://mlflow.monitoring.svc.cluster.local:5000",
        f"here   {course_lab.s3_url}",
        "there  http://minio.storage.svc.cluster.local:9000",
        "kubectl apply -f job/NAME.yaml",
        "claim training-data",
        "3 registered models",
        "Secret r2-credentials",
    ):
        assert words in rest
    assert course_lab.secret_key not in done.stdout


def test_check_runs_what_is_there_and_says_what_is_not(course_lab, tmp_path):
    """A checker that finds something makes the command fail and shows its words."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("shellcheck", "sh", "sed"):
        (tools / name).symlink_to(shutil.which(name))
    words = ("nfs", "postgres-init", "--check", "--out", tmp_path / "out")
    passed = run_export(course_lab.data_dir, *words, environment={"PATH": str(tools)})
    assert passed.returncode == 0, passed.stdout
    lines = [line.split() for line in passed.stdout.splitlines()]
    assert ["nfs", "shellcheck", "passed"] in lines and ["nfs", "kubeconform", "absent"] in lines
    (tools / "kubeconform").write_text("#!/bin/sh\necho \"$@\" is wrong\nexit 1\n")
    (tools / "kubeconform").chmod(0o755)
    failed = run_export(course_lab.data_dir, *words, environment={"PATH": str(tools)})
    assert failed.returncode == 1
    assert "FAILED" in failed.stdout and "airflow-logs-pv.yaml is wrong" in failed.stdout


def test_our_own_image_has_the_libraries_the_program_wants(course_lab, tmp_path):
    words = ("k8s", "--set", "server=mlops-sandbox")
    text = (export(course_lab.data_dir, tmp_path, *words) / "k8s/Dockerfile").read_text()
    shown = subprocess.run(["readelf", "-d", binary()], capture_output=True, text=True, check=True)
    needed = [line.split("[")[1].rstrip("]") for line in shown.stdout.splitlines() if "NEEDED" in line]
    assert needed
    for library in needed:
        owner = subprocess.run(
            ["dpkg", "-S", f"*/{library}"], capture_output=True, text=True
        ).stdout.splitlines()
        packages = {line.split(":")[0] for line in owner}
        base = {"libc6", "libgcc-s1", "libstdc++6"}
        assert packages & (set(text.split()) | base), f"{library} is in {packages}"


def test_users_get_a_database_of_their_own(tmp_path, server):
    """Runs and users cannot share one database (mlflow#26928): what the init container does, on a
    fresh PostgreSQL, with MLflow's own migrations, twice, and two at once."""
    lab = OwnLab(tmp_path / "data", "--auth", "basic",
                 environment={"MLFLOW_AUTH_ADMIN_PASSWORD": "a long password"})
    try:
        place = export(tmp_path / "data", tmp_path / "out", "k8s") / "k8s"
    finally:
        lab.stop()
    found = documents(*yaml_files(place / "base"))
    judge(found)
    values = {"DATABASE_PASSWORD": "p:w/d %", "S3_ACCESS_KEY": "tester", "S3_SECRET_KEY": "secret12",
              "MLFLOW_ADMIN_PASSWORD": "twelve letters", "MLFLOW_FLASK_KEY": "random",
              "MLFLOW_USERNAME": "trainer", "MLFLOW_PASSWORD": "twelve more letters"}
    secrets = made_secrets(place / "make-secrets.sh", tmp_path, values)
    check_references(found, secrets)
    space = "kubeflow-user-example-com"  # jobs log in
    assert secrets[(space, "mlflow-login", "username")] == "trainer"
    inits = export(tmp_path / "data", tmp_path / "out", "postgres-init") / "postgres-init"
    passwords = {
        "MLFLOW_DB_PASSWORD": values["DATABASE_PASSWORD"], "AIRFLOW_DB_PASSWORD": "airflow1234",
    } | as_administrator(server)
    subprocess.run([str(inits / "init.sh")], env=clean_environment() | passwords, check=True)
    host = "postgres-service.mlflow-system.svc.cluster.local:5432"

    def here(text):
        return text.replace(f"@{host}/", f"@127.0.0.1:{server.port}/")

    settings = tmp_path / "basic-auth.ini"
    settings.write_text(here(secrets[("mlflow-system", "mlflow-auth", "basic-auth.ini")]))
    script = tmp_path / "upgrade.py"
    config = one_of(found, "ConfigMap", "mlflow-scripts")
    script.write_text(config["data"]["upgrade_database.py"])
    environment = clean_environment() | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_BACKEND_STORE_URI": here(
            secrets[("mlflow-system", "mlflow-secrets", "backend-uri")]
        ),
    }
    both = [
        subprocess.Popen([sys.executable, str(script)], env=environment, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for each in both:
        assert each.wait(timeout=300) == 0, each.stderr.read().decode()
        each.stderr.close()
    for database, table in (("mlflow", "experiments"), ("mlflow_auth", "users")):
        with psycopg2.connect(
            host="127.0.0.1", port=server.port, dbname=database, user="mlflow",
            password=values["DATABASE_PASSWORD"],
        ) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table}")
