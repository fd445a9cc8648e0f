"""A live MLflow server, of today and of years ago, comes into a lab over its API: rows S4-3 and
S4-33 of the labs."""

import base64
import shutil
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import mlflow
import pytest
from import_support import FILL, import_into, import_report, old_python, run
from mlflow import MlflowClient
from own_lab import RealServer, free_ports
from store_contents import contents


def fill(python, server, folder):
    run([python, str(FILL)], folder, MLFLOW_TRACKING_URI=server.mlflow_url)


@pytest.mark.parametrize("version", ["3.17.2", "2.22", "2.9.2"])
def test_a_server_comes_whole_and_once(version, fresh_lab, tmp_path):
    """Runs with their histories and deleted ones, models with aliases, traces with spans and all
    files, as today's server shows what that server had."""
    python = sys.executable if version == "3.17.2" else old_python(version)
    with RealServer(python, tmp_path / "mlflow.db", tmp_path) as server:
        fill(python, server, tmp_path)
        lines, total = import_report(fresh_lab, "mlflow-server", server.mlflow_url)
        assert [line["kind"] for line in lines] == ["note"]
        assert total["is_equal"] and total["counts"]["runs"] == (5, 5)
        assert total["counts"]["model versions"] == (2, 2)
        lines, again = import_report(fresh_lab, "mlflow-server", server.mlflow_url + "/")
        assert again["added"] == 0 and again["is_equal"] and again["counts"] == total["counts"]
    if version != "3.17.2":
        shutil.copyfile(tmp_path / "mlflow.db", tmp_path / "upgraded.db")
        run([sys.executable, "-m", "mlflow", "db", "upgrade", f"sqlite:///{tmp_path}/upgraded.db"], tmp_path)
    database = "mlflow.db" if version == "3.17.2" else "upgraded.db"
    with RealServer(sys.executable, tmp_path / database, tmp_path) as server:
        expected = contents(server.mlflow_url)
    assert contents(fresh_lab.mlflow_url) == expected
    deleted = [one for one in expected["runs"].values() if one["stage"] == "deleted"]
    assert len(deleted) == 2


def deletion_times(file):
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        return dict(connection.execute("SELECT name, deleted_time FROM runs")), connection.execute(
            "SELECT last_update_time FROM experiments WHERE name = 'gone'"
        ).fetchone()[0]
    finally:
        connection.close()


@pytest.mark.parametrize("version", ["3.17.2", "2.9.2"])
def test_what_is_deleted_has_its_time_as_far_as_the_server_tells_it(version, fresh_lab, tmp_path):
    """An experiment's deletion is its last change, and that of its runs; for a run that was deleted
    by itself the time begins with the import."""
    python = sys.executable if version == "3.17.2" else old_python(version)
    with RealServer(python, tmp_path / "mlflow.db", tmp_path) as server:
        fill(python, server, tmp_path)
        begun = time.time_ns() // 1_000_000
        import_into(fresh_lab, "mlflow-server", server.mlflow_url)
    theirs, gone = deletion_times(tmp_path / "mlflow.db")
    ours, our_gone = deletion_times(fresh_lab.data_dir / "mlflow.db")
    assert our_gone == gone < begun
    assert ours["in a deleted experiment"] == gone
    assert 0 <= theirs["in a deleted experiment"] - gone < 10_000
    assert ours["deleted run"] >= begun > theirs["deleted run"]
    assert ours["first"] is None


def test_files_the_server_keeps_on_its_own_disk_come_through_it(fresh_lab, tmp_path):
    """A server that does not proxy has runs at places of its own; it hands out their files."""
    folder = tmp_path / "server"
    with RealServer(
        sys.executable, tmp_path / "mlflow.db", folder, "--no-serve-artifacts",
        "--default-artifact-root", str(folder / "root"),
    ) as server:
        client = MlflowClient(server.mlflow_url)
        mlflow.set_tracking_uri(server.mlflow_url)
        made = client.create_run("0").info
        assert made.artifact_uri.startswith(str(folder))
        client.log_text(made.run_id, "hello", "a/b c/한글.txt")
        client.log_text(made.run_id, "", "empty")
        away = folder.with_name("only-the-server-knows")
        lines, total = import_report(fresh_lab, "mlflow-server", server.mlflow_url)
        assert total["counts"]["artifacts"] == (2, 2) and total["is_equal"]
    folder.rename(away)
    client = MlflowClient(fresh_lab.mlflow_url)
    mlflow.set_tracking_uri(fresh_lab.mlflow_url)
    assert client.get_run(made.run_id).info.artifact_uri == f"mlflow-artifacts:/0/{made.run_id}/artifacts"
    path = client.download_artifacts(made.run_id, "a/b c/한글.txt", str(tmp_path))
    assert open(path, encoding="utf-8").read() == "hello"
    mlflow.set_tracking_uri(None)


class Strict(BaseHTTPRequestHandler):
    """Asks for a user or a token before it says that nothing is there."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.server.seen.append((self.path, self.headers.get("authorization")))
        known = (
            "Basic " + base64.b64encode(b"reader:p:w").decode(), "Bearer secret-token",
        )
        body = b"{}" if self.headers.get("authorization") in known else b"who?"
        self.send_response(200 if body == b"{}" else 401)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@pytest.fixture
def strict():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Strict)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_who_asks_is_told_to_the_server_and_to_nobody_else(lab, strict):
    printed = import_into(lab, "mlflow-server", strict.url, code=1)
    assert "refuses with 401" in printed and "--user" in printed
    import_into(lab, "mlflow-server", strict.url, "--user", "reader", "--password", "p:w")
    import_into(lab, "mlflow-server", strict.url, "--token", "secret-token")
    address = strict.url.replace("//", "//reader:p%3Aw@") + "/below/it"
    printed = import_into(lab, "mlflow-server", address)
    assert strict.seen[-1][0].startswith("/below/it/api/2.0/mlflow/")
    assert strict.seen[-1][1].startswith("Basic ")
    for secret in ("p:w", "p%3Aw", "secret-token"):
        assert secret not in printed and secret not in lab.log()


def test_what_is_no_server_is_named(lab):
    (port,) = free_ports(1)
    assert "does not answer" in import_into(lab, "mlflow-server", f"http://127.0.0.1:{port}", code=1)
    assert "no MLflow server" in import_into(lab, "mlflow-server", lab.console_url, code=1)
    assert "http://" in import_into(lab, "mlflow-server", "ftp://host", code=1)
    assert "--artifacts" in import_into(
        lab, "mlflow-server", lab.mlflow_url, "--artifacts", "/tmp", code=1
    )
