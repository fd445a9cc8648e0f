import sys
import tempfile
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

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
