import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from postgres_server import PostgresServer  # noqa: E402


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    # pytest's own directories are closed to the user the server runs as.
    import tempfile

    with tempfile.TemporaryDirectory(prefix="sandbox-pg-") as folder:
        Path(folder).chmod(0o755)
        with PostgresServer(Path(folder) / "server") as running:
            yield running
