"""The Compose project of a lab: what Compose's own loader says of it, and its server's settings with
a real MLflow server on a real PostgreSQL."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import mlflow
import pytest
import requests
import yaml
from export_support import documents, export, go_tool, texts
from own_lab import OwnLab, clean_environment, free_ports, wait_until_healthy

sys.path.append(str(Path(__file__).parents[1] / "postgres"))

from postgres_server import PostgresServer  # noqa: E402

PRESETS = ("lab", "onprem", "vision", "docker-desktop")
# What a person may give in place of random values; $ and % mean something to Compose and URIs.
GIVEN = {"DATABASE_PASSWORD": "p@s$w:rd%20 ${x}#", "S3_ACCESS_KEY": "tester", "S3_SECRET_KEY": "t$e%ster"}
SECRETS = ("PGPASSWORD", "POSTGRES_PASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
           "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD")


def make_env(place, check=True, **variables):
    done = subprocess.run(
        [str(place / "make-env.sh")], capture_output=True, text=True,
        env={"PATH": os.environ["PATH"]} | variables,
    )
    assert not check or done.returncode == 0, done.stderr
    for value in variables.values():
        assert value not in done.stdout + done.stderr
    return done


def loaded(place, *files, check=True):
    """What Compose makes of it, with its variables put in."""
    done = subprocess.run(
        [go_tool("compose_config"), str(place), *files], capture_output=True, text=True,
        env={"PATH": os.environ["PATH"]},
    )
    assert not check or done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout) if check else done


def compose(course_lab, tmp_path, *words):
    return export(course_lab.data_dir, tmp_path, "compose", *words) / "compose"


@pytest.mark.parametrize("preset", PRESETS)
def test_compose_takes_it_and_restricts_every_container(course_lab, tmp_path, preset):
    """S3-2: the schema and the loader of Compose; pinned images; nothing but the loopback address."""
    place = compose(course_lab, tmp_path, "--preset", preset)
    (raw,) = documents(place / "docker-compose.yml")
    assert "version" not in raw
    make_env(place, **GIVEN)
    project = loaded(place)
    for name, service in project["services"].items():
        assert not service["image"].endswith(":latest") and ":" in service["image"], name
        assert service["cap_drop"] == ["ALL"] and service["read_only"] is True, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        for port in service.get("ports", []):
            assert port["host_ip"] == "127.0.0.1", name
        for other in service.get("depends_on", {}):
            assert other in project["services"]
        for variable, value in raw["services"][name]["environment"].items():
            if variable in SECRETS:
                assert value.startswith("${") and ":?" in value, (name, variable)
    for name, text in texts(place).items():
        if name != ".env":
            for word in (course_lab.secret_key, course_lab.mlflow_url, GIVEN["S3_SECRET_KEY"]):
                assert word not in text, name


def test_services_are_those_of_the_document(course_lab, tmp_path):
    """S3-1, S3-16: mlflow, postgres and minio; MLflow at port 5001; started in their order."""
    place = compose(course_lab, tmp_path, "--preset", "vision")
    make_env(place)
    project = loaded(place)
    services = project["services"]
    assert set(services) == {"mlflow", "postgres", "minio", "upgrade-database", "make-buckets"}
    ports = {
        (name, port["published"], port["target"])
        for name, service in services.items()
        for port in service.get("ports", [])
    }
    assert ports == {("mlflow", "5001", 5000), ("minio", "9000", 9000), ("minio", "9001", 9001)}
    conditions = {
        (name, other): how["condition"]
        for name, service in services.items()
        for other, how in service.get("depends_on", {}).items()
    }
    assert conditions == {
        ("mlflow", "upgrade-database"): "service_completed_successfully",
        ("mlflow", "make-buckets"): "service_completed_successfully",
        ("upgrade-database", "postgres"): "service_healthy",
        ("make-buckets", "minio"): "service_healthy",
    }
    for name in ("mlflow", "postgres", "minio"):
        assert services[name]["healthcheck"]["test"][0] == "CMD"
    assert set(project["volumes"]) == {"postgres-data", "minio-data"}
    data = loaded(place, "docker-compose.yml", "docker-compose.data.yml")
    (port,) = data["services"]["postgres"]["ports"]
    assert (port["host_ip"], port["published"]) == ("127.0.0.1", "5433")


def test_it_names_the_images_and_keys_of_the_manifests(course_lab, tmp_path):
    """The compose and k8s trees of a preset agree on images, buckets and database."""
    export(course_lab.data_dir, tmp_path, "compose", "k8s", "--preset", "vision")
    make_env(tmp_path / "compose")
    services = loaded(tmp_path / "compose")["services"]
    pods = {}
    for document in documents(*(tmp_path / "k8s/base").glob("*.yaml")):
        if document["kind"] in ("Deployment", "Job"):
            spec = document["spec"]["template"]["spec"]
            for container in spec["containers"] + spec.get("initContainers", []):
                pods[container["name"]] = container
    assert set(pods) == set(services)
    for name, container in pods.items():
        service = services[name]
        assert service["image"] == container["image"]
        assert service.get("entrypoint") == container.get("command")
        assert service.get("command") == container.get("args")
        plain = {each["name"]: each["value"] for each in container["env"] if "value" in each}
        for variable in ("POSTGRES_USER", "POSTGRES_DB", "MLFLOW_ARTIFACTS_DESTINATION",
                         "MLFLOW_DEFAULT_ARTIFACT_ROOT", "AWS_DEFAULT_REGION", "MINIO_REGION"):
            assert plain.get(variable) == service["environment"].get(variable)


def test_dotenv_is_made_once_for_nobody_else(course_lab, tmp_path):
    """Random, 0600, left alone when it is there, ignored by git; the example holds blanks."""
    place = compose(course_lab, tmp_path)
    make_env(place)
    first = (place / ".env").read_text()
    assert stat.S_IMODE((place / ".env").stat().st_mode) == 0o600
    values = [line.split("=", 1)[1].strip("'") for line in first.splitlines()]
    assert len(set(values)) == 3 and all(len(value) == 48 for value in values)
    done = make_env(place, DATABASE_PASSWORD="something else")
    assert (place / ".env").read_text() == first and "stays" in done.stderr
    assert not [each for each in place.iterdir() if each.name.startswith(".env.") and
                each.name != ".env.example"]
    blanks = [line for line in (place / ".env.example").read_text().splitlines() if "=" in line]
    assert {line.split("=")[0] for line in blanks} == {line.split("=")[0] for line in first.splitlines()}
    assert all(line.endswith("=") for line in blanks)
    subprocess.run(["git", "init", "-q", str(place)], check=True)
    shown = subprocess.run(
        ["git", "-C", str(place), "check-ignore", ".env"], capture_output=True, text=True
    )
    assert shown.stdout.strip() == ".env"


def test_what_only_others_know_is_asked_for(course_lab, tmp_path):
    """Keys of AWS cannot be made up; what cannot be written into such a file is refused."""
    place = compose(course_lab, tmp_path, "--preset", "onprem")
    done = make_env(place, check=False, DATABASE_PASSWORD="x")
    assert done.returncode != 0 and "S3_ACCESS_KEY" in done.stderr
    assert not (place / ".env").exists()
    done = make_env(place, check=False, **GIVEN | {"S3_SECRET_KEY": "it's"})
    assert done.returncode != 0 and "S3_SECRET_KEY" in done.stderr
    missing = loaded(place, check=False)
    assert missing.returncode != 0 and "make-env.sh" in missing.stderr


def test_dollars_of_the_lab_are_no_variables(tmp_path):
    """Names with $ and quotes arrive as they are."""
    prefix = "a $HOME ${S3_SECRET_KEY} $$ 'q' \"d\" #é\\n: {{x}}"
    with OwnLab(tmp_path / "data", "--artifacts-destination", f"s3://mlflow/{prefix}") as lab:
        place = export(lab.data_dir, tmp_path / "out", "compose") / "compose"
        lab.stop()
    make_env(place, **GIVEN)
    environment = loaded(place)["services"]["mlflow"]["environment"]
    assert environment["MLFLOW_ARTIFACTS_DESTINATION"] == f"s3://mlflow/{prefix}"
    assert environment["PGPASSWORD"] == GIVEN["DATABASE_PASSWORD"]


def test_docker_agrees(course_lab, tmp_path):
    """The real program, where there is one."""
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed")
    place = compose(course_lab, tmp_path, "--preset", "vision")
    make_env(place)
    subprocess.run([docker, "compose", "config", "--quiet"], cwd=place, check=True)


@pytest.fixture()
def database():
    """pytest's own directories are closed to the user the server runs as."""
    with tempfile.TemporaryDirectory(prefix="sandbox-pg-") as folder:
        Path(folder).chmod(0o755)
        with PostgresServer(Path(folder) / "server") as server:
            password = GIVEN["DATABASE_PASSWORD"].replace("'", "''")
            server.psql(f"CREATE ROLE mlflow LOGIN CREATEDB PASSWORD '{password}'")
            server.psql("CREATE DATABASE mlflow OWNER mlflow")
            yield server


class Container:
    """A service of the project as a process: its command and environment, with the addresses of the
    project's network replaced."""

    def __init__(self, service, place, addresses, folder):
        self.words = [
            word.replace("/scripts/", f"{place}/scripts/")
            for word in service["entrypoint"] + (service.get("command") or [])
        ]
        if self.words[0] == "mlflow":
            self.words[:1] = [sys.executable, "-m", "mlflow"]
        if self.words[0] == "python":
            self.words[0] = sys.executable
        self.environment = clean_environment() | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
        }
        for name, value in service["environment"].items():
            for old, new in addresses.items():
                value = value.replace(old, new)
            self.environment[name] = value
        self.environment["HOME"] = str(folder)
        self.folder = folder

    def run(self):
        done = subprocess.run(
            self.words, env=self.environment, cwd=self.folder, capture_output=True, text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, output):
        return subprocess.Popen(
            self.words, env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )


def test_the_real_server_runs_with_these_settings(course_lab, tmp_path, database, monkeypatch):
    """S3-1, S4-18, and the trap of MLflow's Host check: the project's own order, its scripts, MLflow's
    server on PostgreSQL and S3; a run with a file through it; asked by the name of its service."""
    place = compose(course_lab, tmp_path / "out", "--preset", "vision")
    make_env(place, **GIVEN)
    services = loaded(place)["services"]
    (port,) = free_ports(1)
    folder = tmp_path / "home"
    folder.mkdir()
    with OwnLab(tmp_path / "store", "--secret-key", GIVEN["S3_SECRET_KEY"]) as store:
        addresses = {
            "@postgres:5432/": f"@127.0.0.1:{database.port}/",
            "http://minio:9000": store.s3_url,
        }
        containers = {
            name: Container(service, place, addresses, folder)
            for name, service in services.items()
            if name not in ("postgres", "minio")
        }
        for name in ("make-buckets", "upgrade-database"):
            containers[name].run()
            containers[name].run()  # what is there stays
        server = containers["mlflow"]
        assert server.environment.pop("MLFLOW_PORT") == "5000"
        server.environment["MLFLOW_PORT"] = str(port)
        url = f"http://127.0.0.1:{port}"
        with open(tmp_path / "mlflow.output", "wb") as output:
            process = server.start(output)
        try:
            wait_until_healthy(process, url, 240)
            for host, status in (
                ("mlflow:5000", 200), ("mlflow", 200), (f"localhost:{port}", 200),
                ("host.docker.internal:5001", 200), ("172.18.0.4:5000", 200),
                ("evil.example.com", 403), ("mlflow.evil.example.com:5000", 403),
            ):
                answer = requests.post(
                    f"{url}/api/2.0/mlflow/experiments/search", json={"max_results": 10},
                    headers={"Host": host}, timeout=60,
                )
                assert answer.status_code == status, (host, answer.text)
            monkeypatch.delenv("MLFLOW_S3_ENDPOINT_URL", raising=False)
            mlflow.set_tracking_uri(url)
            mlflow.set_experiment("from-compose")
            with mlflow.start_run() as run:
                mlflow.log_metric("loss", 0.5)
                mlflow.log_text("hello", "notes/a.txt")
            assert run.info.artifact_uri.startswith("mlflow-artifacts:/")
            assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/a.txt") == "hello"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)
            mlflow.set_tracking_uri(course_lab.mlflow_url)
        rows = database.psql("SELECT name FROM experiments ORDER BY 1", "mlflow").splitlines()
        assert rows == ["Default", "from-compose"]
        names = {each["Name"] for each in s3_client(store).list_buckets()["Buckets"]}
        assert set(services["make-buckets"]["entrypoint"][2:]) <= names
        objects = s3_client(store).list_objects_v2(Bucket="mlflow")["Contents"]
        assert any(each["Key"].endswith("notes/a.txt") for each in objects)


def s3_client(store):
    import boto3

    return boto3.client(
        "s3", endpoint_url=store.s3_url, aws_access_key_id=GIVEN["S3_ACCESS_KEY"],
        aws_secret_access_key=GIVEN["S3_SECRET_KEY"], region_name="us-east-1",
    )
