import sys
import tempfile
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from migration_support import KEYS, s3  # noqa: E402
from own_lab import OwnLab  # noqa: E402
from postgres_server import PostgresServer  # noqa: E402


@pytest.fixture(scope="module")
def postgres_folder():
    """pytest's own directories are closed to the user the server runs as."""
    with tempfile.TemporaryDirectory(prefix="sandbox-pg-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def server(postgres_folder):
    with PostgresServer(postgres_folder / "server") as running:
        yield running


@pytest.fixture()
def elsewhere(tmp_path):
    """Another S3 server, with an empty bucket."""
    with OwnLab(tmp_path / "elsewhere") as lab:
        s3(lab).create_bucket(Bucket="cluster")
        yield lab


@pytest.fixture()
def lab(tmp_path, monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with OwnLab(tmp_path / "lab") as running:
        yield running
