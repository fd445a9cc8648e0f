"""The lab under test: the program that was built, started as a test run starts it (`up --ci`)."""

import json
import os
import select
import signal
import subprocess
from pathlib import Path

import pytest
from own_lab import binary, clean_environment, wait_until_healthy

READY_SECONDS = 60


class Lab:
    """A running lab on a data directory of its own. Its addresses change when it is restarted."""

    def __init__(self, data_dir, *options, environment=None):
        self.data_dir = Path(data_dir)
        self.options = options
        self.environment = environment
        self.process = None
        self.start()

    def start(self):
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        self.output = self.data_dir.with_name(self.data_dir.name + ".stderr")
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(
                [binary(), "up", "--ci", "--data-dir", str(self.data_dir), *self.options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                env=clean_environment() | (self.environment or {}),
            )
        self.addresses = self._first_line()
        self.mlflow_url = self.addresses["tracking_url"]
        self.s3_url = self.addresses["s3_url"]
        self.console_url = self.addresses["console_url"]
        self.access_key = self.addresses["access_key"]
        self.secret_key = self.addresses["secret_key"]
        self.pid = self.addresses["pid"]
        wait_until_healthy(self.process, self.mlflow_url, READY_SECONDS)

    def _first_line(self):
        ready, _, _ = select.select([self.process.stdout], [], [], READY_SECONDS)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"The lab did not start: {self.output.read_text()}")
        return json.loads(line)

    def log(self):
        return (self.data_dir / "logs" / "server.log").read_text()

    def stop(self):
        """Ends it as a user does; an unclean end is a failure."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(timeout=60) == 0
        self.process.stdout.close()

    def kill9(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def restart(self):
        if self.process.poll() is None:
            self.stop()
        self.start()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """One lab for all tests of a file; what a test makes there has a name of its own."""
    running = Lab(tmp_path_factory.mktemp("lab") / "data")
    yield running
    running.stop()


@pytest.fixture
def fresh_lab(tmp_path):
    """A lab for this test alone, empty, free to be stopped and killed."""
    running = Lab(tmp_path / "data")
    yield running
    if running.process.poll() is None:
        running.stop()
