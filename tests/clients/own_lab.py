"""A lab that a test starts, stops and kills itself, on a data directory of its own."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def binary():
    """The program under test: SANDBOX_BINARY, or what the release or dev preset built."""
    named = os.environ.get("SANDBOX_BINARY")
    places = [Path(named)] if named else [
        REPOSITORY / "build" / preset / "mlops-sandbox" for preset in ("release", "dev")
    ]
    for place in places:
        if place.exists():
            return str(place)
    raise AssertionError(f"No program to test: none of {', '.join(map(str, places))} exists")


def clean_environment():
    """The environment without anything that would change the settings of a lab."""
    prefixes = ("MLOPS_SANDBOX_", "MLFLOW_", "MINIO_", "AWS_")
    return {
        name: value for name, value in os.environ.items() if not name.startswith(prefixes)
    }


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_until(condition, seconds=20, what="It did not happen in time"):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def wait_until_healthy(process, url, seconds):
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url + "/health", timeout=1) as answer:
                if answer.read() == b"OK":
                    return
        except OSError:
            pass
        assert process.poll() is None, f"The server ended with code {process.returncode}"
        assert time.monotonic() < deadline, f"The server at {url} was not ready in {seconds} s"
        time.sleep(0.02)


class OwnLab:
    access_key = "tester"
    secret_key = "tester-secret"

    def __init__(self, data_dir, *options, environment=None):
        self.data_dir = Path(data_dir)
        self.options = options
        self.environment = environment
        self.process = None
        self.start()

    def start(self):
        port, s3_port, console_port = free_ports(3)
        self.mlflow_url = f"http://127.0.0.1:{port}"
        self.s3_url = f"http://127.0.0.1:{s3_port}"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with open(self.data_dir.with_name(self.data_dir.name + ".output"), "ab") as output:
            self.process = subprocess.Popen(
                [
                    binary(),
                    "up",
                    "--host=127.0.0.1",
                    f"--port={port}",
                    f"--s3-port={s3_port}",
                    f"--console-port={console_port}",
                    f"--data-dir={self.data_dir}",
                    f"--access-key={self.access_key}",
                    f"--secret-key={self.secret_key}",
                    *self.options,
                ],
                env=os.environ | (self.environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_until_healthy(self.process, self.mlflow_url, 30)

    def stop(self):
        """Ends it as a user does; an unclean end is a failure."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(timeout=30) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()


class RealServer:
    """The mlflow server of this environment on a database file."""

    def __init__(self, python, database, folder, *options, **variables):
        (port,) = free_ports(1)
        self.mlflow_url = f"http://127.0.0.1:{port}"
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")
        }
        environment.update(
            MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",
            MLFLOW_DISABLE_TELEMETRY="true",
            DO_NOT_TRACK="true",
            **variables,
        )
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.output = open(Path(folder) / "mlflow-server.output", "ab")
        self.process = subprocess.Popen(
            [
                python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
                "--workers", "1", "--backend-store-uri", f"sqlite:///{database}",
                "--artifacts-destination", str(Path(folder) / "artifacts"),
                *options,
            ],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        wait_until_healthy(self.process, self.mlflow_url, 180)

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.output.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
