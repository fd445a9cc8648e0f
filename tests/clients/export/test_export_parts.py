"""Jobs, PostgreSQL, NFS and variables of an export, with what reads them in real life."""

import os
import shutil
import subprocess
import uuid

import psycopg2
import pytest
from export_support import (
    check_restricted,
    documents,
    export,
    judge,
    lint,
    made_secrets,
    of_kind,
    one_of,
    yaml_files,
)
from own_lab import clean_environment


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
    secrets = made_secrets(place / "make-secrets.sh", tmp_path, {"HF_TOKEN": "it's $x"})
    assert secrets[("training", token["name"], token["key"])] == "it's $x"


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
def server(tmp_path):
    """A PostgreSQL of its own: roles belong to a whole server."""
    binaries = sorted(
        (p for p in map(str, __import__("pathlib").Path("/usr/lib/postgresql").glob("*/bin"))),
    )[-1]
    account = None if os.geteuid() else "postgres"
    place = tmp_path / "pg"
    tmp_path.chmod(0o755)
    place.mkdir()
    if account:
        for parent in (place, *place.parents):
            if str(parent).startswith("/tmp/"):
                parent.chmod(parent.stat().st_mode | 0o055)
        shutil.chown(place, account)

    def as_owner(*command):
        return subprocess.run(command, check=True, capture_output=True, cwd="/", user=account)

    sockets = f"/tmp/pg-{uuid.uuid4().hex[:8]}"
    os.mkdir(sockets)
    if account:
        shutil.chown(sockets, account)
    as_owner(f"{binaries}/initdb", "-D", f"{place}/data", "-A", "trust", "-U", "postgres")
    with open(place / "data/pg_hba.conf", "w") as hba:
        hba.write("local all postgres trust\nlocal all all scram-sha-256\n")
    as_owner(
        f"{binaries}/pg_ctl", "-D", f"{place}/data", "-w", "-l", f"{place}/log", "-o",
        f"-c listen_addresses='' -c unix_socket_directories={sockets} -c fsync=off", "start",
    )
    yield sockets
    as_owner(f"{binaries}/pg_ctl", "-D", f"{place}/data", "-w", "-m", "immediate", "stop")
    shutil.rmtree(sockets)


def test_a_fresh_postgresql_gets_roles_that_can_work(course_lab, tmp_path, server):
    """S1-13 to S1-16, S1-19: on PostgreSQL 15 the document's grants alone let nobody make a table."""
    place = export(course_lab.data_dir, tmp_path, "postgres-init", "--preset", "onprem")
    place = place / "postgres-init"
    passwords = {"MLFLOW_DB_PASSWORD": "a'b\"c $HOME `id` \\", "AIRFLOW_DB_PASSWORD": "airflow1234"}
    environment = clean_environment() | passwords | {"PGHOST": server, "PGUSER": "postgres"}
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
            host=server, dbname=database, user=user, password=passwords[variable]
        ) as connection:
            connection.cursor().execute("CREATE TABLE a_table (x int)")
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(host=server, dbname=database, user=user, password="wrong")
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
