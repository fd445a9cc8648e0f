"""A SQLite file that is damaged, no database, or of a newer MLflow: the server says which file and
what to do, and leaves the file as it is."""

import sqlite3
import subprocess

import pytest
import requests
from disk_writers import API, log_step, make_run
from own_lab import OwnLab, binary, free_ports


def refusal(tmp_path, file):
    ports = [
        f"--{name}={port}" for name, port in zip(("port", "s3-port", "console-port"), free_ports(3))
    ]
    before = file.read_bytes()
    done = subprocess.run(
        [
            binary(), "up", "--host=127.0.0.1", *ports, f"--data-dir={tmp_path}/refused",
            "--access-key=tester", "--secret-key=tester-secret",
            f"--backend-store-uri=sqlite:///{file}",
        ],
        capture_output=True, text=True, timeout=60,
    )
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert file.read_bytes() == before
    assert str(file) in said
    return said


@pytest.fixture()
def file(tmp_path):
    """The database of a lab with a run, stopped."""
    path = tmp_path / "lab.db"
    with OwnLab(tmp_path / "lab", f"--backend-store-uri=sqlite:///{path}") as lab:
        run = make_run(lab)
        for step in range(50):
            assert log_step(requests, lab, run, step).status_code == 200
        lab.stop()
    with sqlite3.connect(path) as database:
        # Everything into the file itself, and no log beside it that would repair it.
        assert database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    database.close()
    return path


def root_page(file, table):
    """(size of a page, number of the table's first page)."""
    database = sqlite3.connect(file)
    (size,) = database.execute("PRAGMA page_size").fetchone()
    (root,) = database.execute(
        "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
    ).fetchone()
    database.close()
    return size, root


def overwrite(file, offset, size):
    with open(file, "r+b") as damaged:
        damaged.seek(offset)
        damaged.write(b"\xa5" * size)


def test_a_file_that_is_no_database(tmp_path):
    file = tmp_path / "notes.db"
    file.write_text("These are my notes.\n" * 500)
    said = refusal(tmp_path, file)
    assert "damaged or no SQLite database" in said and "restore a copy" in said


def test_a_damaged_first_page(tmp_path, file):
    overwrite(file, 100, 2000)
    said = refusal(tmp_path, file)
    assert "damaged or no SQLite database" in said and "restore a copy" in said


def test_a_damaged_table(tmp_path, file):
    """Whoever needs it is told; everybody else is served."""
    size, root = root_page(file, "metrics")
    overwrite(file, (root - 1) * size, size)
    with OwnLab(tmp_path / "lab", f"--backend-store-uri=sqlite:///{file}") as lab:
        run = make_run(lab)
        refused = log_step(requests, lab, run, 0)
        assert refused.status_code == 500 and refused.json()["error_code"] == "INTERNAL_ERROR"
        told = refused.json()["message"]
        assert str(file) in told and "restore a copy" in told
        asked = requests.get(lab.mlflow_url + API + "runs/get", {"run_id": run}, timeout=60)
        assert asked.status_code == 200, asked.text
        lab.stop()


def test_the_schema_of_a_newer_mlflow(tmp_path, file):
    with sqlite3.connect(file) as database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    said = refusal(tmp_path, file)
    assert "'ffffffffffff'" in said and "use a newer release of this program" in said
