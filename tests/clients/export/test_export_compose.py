"""The Compose project of a lab: what Compose's own loader says of it, and its server's settings with
a real MLflow server on a real PostgreSQL."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import boto3
import mlflow
import pytest
import requests
import yaml
from export_support import documents, export, go_tool, run_export, texts
from own_lab import OwnLab, binary, clean_environment, free_ports, wait_until_healthy

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
    assert len(set(values)) == 3 and sorted(map(len, values)) == [20, 40, 40]
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


def test_check_asks_compose_only_where_it_is(course_lab, tmp_path):
    """Docker without its part for projects is no failure of the project."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "sed"):
        (tools / name).symlink_to(shutil.which(name))
    words = ("compose", "--check", "--out", tmp_path / "out")
    for script, code, verdict in (
        ("exit 1", 0, "absent"),
        ("exit 0", 0, "passed"),
        ('[ "$2" = version ] || { echo "$* is wrong"; exit 1; }', 1, "FAILED"),
    ):
        (tools / "docker").write_text(f"#!/bin/sh\n{script}\n")
        (tools / "docker").chmod(0o755)
        done = run_export(course_lab.data_dir, *words, environment={"PATH": str(tools)})
        assert done.returncode == code, done.stdout
        (line,) = [each for each in done.stdout.splitlines() if "docker compose" in each and verdict in each]
        assert line.split()[:3] == ["compose", "docker", "compose"]
    assert "config --quiet --no-interpolate is wrong" in done.stdout


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
    project's network and the places of its volumes replaced."""

    def __init__(self, service, replaced, folder):
        def here(text):
            for old, new in replaced.items():
                text = text.replace(old, str(new))
            return text

        self.words = [here(each) for each in service["entrypoint"] + (service.get("command") or [])]
        programs = {
            "mlflow": [sys.executable, "-m", "mlflow"],
            "python": [sys.executable],
            "mlops-sandbox": [binary()],
        }
        self.words[:1] = programs[self.words[0]]
        health = service.get("healthcheck", {}).get("test", [])[1:]
        self.health = [here(each) for each in health]
        self.health[:1] = programs[health[0]] if health else []
        self.environment = clean_environment() | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
        }
        for name, value in service["environment"].items():
            self.environment[name] = here(value)
        self.environment["HOME"] = str(folder)
        self.folder = folder

    def run(self, words=None):
        done = subprocess.run(
            words or self.words, env=self.environment, cwd=self.folder, capture_output=True, text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    @contextmanager
    def started(self, output):
        """The service on a port of its own; gives its URL."""
        port, console = free_ports(2)
        assert self.environment["MLFLOW_PORT"] == "5000"
        self.environment.update(MLFLOW_PORT=str(port), MLOPS_SANDBOX_CONSOLE_PORT=str(console))
        self.health = [word.replace(":5000/", f":{port}/") for word in self.health]
        with open(output, "wb") as file:
            process = subprocess.Popen(
                self.words, env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
            )
        try:
            wait_until_healthy(process, f"http://127.0.0.1:{port}", 240)
            self.run(self.health)
            yield f"http://127.0.0.1:{port}"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)


@contextmanager
def project_on_this_machine(place, tmp_path, database):
    """{service: Container} of all but PostgreSQL and MinIO, and the store that stands for MinIO."""
    folder = tmp_path / "home"
    folder.mkdir()
    with OwnLab(tmp_path / "store", "--secret-key", GIVEN["S3_SECRET_KEY"]) as store:
        replaced = {
            "@postgres:5432/": f"@127.0.0.1:{database.port}/",
            "http://minio:9000": store.s3_url,
            "/scripts/": f"{place}/scripts/",
            "/etc/mlflow/": f"{folder}/",
            "/data": f"{folder}/data",
        }
        settings = place / "basic-auth.ini"
        if settings.exists():
            text = settings.read_text()
            assert "@postgres:5432/" in text
            (folder / "basic-auth.ini").write_text(
                text.replace("@postgres:5432/", replaced["@postgres:5432/"])
            )
        yield store, {
            name: Container(service, replaced, folder)
            for name, service in loaded(place)["services"].items()
            if name not in ("postgres", "minio")
        }


def log_through(url, monkeypatch):
    """A run with a file, by the tracking server alone; gives the file's key's end."""
    for name in ("MLFLOW_S3_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(url)
    try:
        mlflow.set_experiment("from-compose")
        with mlflow.start_run() as run:
            mlflow.log_metric("loss", 0.5)
            mlflow.log_text("hello", "notes/a.txt")
        assert run.info.artifact_uri.startswith("mlflow-artifacts:/")
        assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/a.txt") == "hello"
        return f"{run.info.run_id}/artifacts/notes/a.txt"
    finally:
        mlflow.set_tracking_uri(before)


def status_for(url, host, **options):
    return requests.post(
        f"{url}/api/2.0/mlflow/experiments/search", json={"max_results": 10},
        headers={"Host": host}, timeout=60, **options,
    ).status_code


@pytest.mark.parametrize("server", ["mlflow", "mlops-sandbox"])
def test_the_real_server_runs_with_these_settings(
    course_lab, tmp_path, database, monkeypatch, server
):
    """S3-1, S4-18, and the trap of MLflow's Host check: the project's own order, its scripts, the
    server on PostgreSQL and S3; a run with a file through it; asked by the name of its service."""
    words = ("--preset", "vision", "--set", f"server={server}")
    place = compose(course_lab, tmp_path / "out", *words)
    make_env(place, **GIVEN)
    with project_on_this_machine(place, tmp_path, database) as (store, containers):
        for name in ("make-buckets", "upgrade-database"):
            if name in containers:
                containers[name].run()
                containers[name].run()  # what is there stays
        with containers["mlflow"].started(tmp_path / "server.output") as url:
            for host in ("mlflow:5000", "mlflow", "localhost:5001", "host.docker.internal:5001",
                         "172.18.0.4:5000"):
                assert status_for(url, host) == 200, host
            for host in ("evil.example.com", "mlflow.evil.example.com:5000"):
                assert status_for(url, host) == 403, host
            key = log_through(url, monkeypatch)
        rows = database.psql("SELECT name FROM experiments ORDER BY 1", "mlflow").splitlines()
        assert rows == ["Default", "from-compose"]
        s3 = s3_client(store)
        assert {"mlflow"} <= {each["Name"] for each in s3.list_buckets()["Buckets"]}
        assert any(each["Key"].endswith(key) for each in s3.list_objects_v2(Bucket="mlflow")["Contents"])


def test_users_log_in_there_too(tmp_path, database, monkeypatch):
    """The users' own database, and a file of settings without a password (libpq has it)."""
    login = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": "a long password"}
    start = {"MLFLOW_AUTH_ADMIN_PASSWORD": "a long password"}
    with OwnLab(tmp_path / "data", "--auth", "basic", environment=start | login) as lab:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in login.items():
                patch.setenv(name, value)
            place = export(lab.data_dir, tmp_path / "out", "compose") / "compose"
        lab.stop()
    make_env(place, MLFLOW_ADMIN_PASSWORD="another long one", **GIVEN)
    assert GIVEN["DATABASE_PASSWORD"] not in (place / "basic-auth.ini").read_text()
    with project_on_this_machine(place, tmp_path, database) as (_, containers):
        containers["make-buckets"].run()
        containers["upgrade-database"].run()
        with containers["mlflow"].started(tmp_path / "server.output") as url:
            assert status_for(url, "mlflow:5000") == 401
            assert status_for(url, "mlflow:5000", auth=("admin", "another long one")) == 200
    assert database.psql("SELECT username FROM users", "mlflow_auth") == "admin"


def s3_client(store):
    return boto3.client(
        "s3", endpoint_url=store.s3_url, aws_access_key_id=GIVEN["S3_ACCESS_KEY"],
        aws_secret_access_key=GIVEN["S3_SECRET_KEY"], region_name="us-east-1",
    )
