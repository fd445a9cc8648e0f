"""What another MLflow has comes into a lab: rows S4-3, S4-7 and S4-33 of the labs. Databases and
directories are made by the real client; what came is compared with what that client sees there."""

import os
import shutil
import sqlite3
import sys

import mlflow
import pytest
import requests
from own_lab import wait_until
from import_support import (
    filled_database, filled_directory, import_into, import_report, seen_by_mlflow,
    seen_in_file_store, start_import, tree, without_deleted_files,
)
from mlflow import MlflowClient
from store_contents import contents


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Only read by the tests; one that changes it makes a copy."""
    return filled_database(sys.executable, tmp_path_factory.mktemp("source") / "db")


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return filled_directory(sys.executable, tmp_path_factory.mktemp("source") / "files")


def write(file, *statements):
    connection = sqlite3.connect(file)
    with connection:
        for sql in statements:
            connection.execute(sql)
    connection.close()


def move_uris(file, old, new):
    for table, column in [
        ("experiments", "artifact_location"), ("runs", "artifact_uri"),
        ("logged_models", "artifact_location"), ("model_versions", "source"),
        ("model_versions", "storage_location"), ("trace_tags", "value"),
    ]:
        write(file, f"UPDATE {table} SET {column} = replace({column}, '{old}', '{new}')")


def query(file, sql):
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def run_called(file, name):
    return query(file, f"SELECT run_uuid FROM runs WHERE name = '{name}'")[0][0]


def test_a_database_of_this_version_comes_whole_into_a_running_lab(database, fresh_lab):
    before = tree(database.parent)
    lines, total = import_report(fresh_lab, "mlflow-db", f"sqlite:///{database}")
    assert tree(database.parent) == before
    assert not lines
    assert total["is_equal"]
    files, size = total["counts"].pop("artifacts"), total["counts"].pop("bytes")
    assert files[0] == files[1] >= 17 and size[0] == size[1] > 800_000
    assert {kind: pair[0] for kind, pair in total["counts"].items() if pair[0]} == {
        "experiments": 3, "experiments' tags": 2, "datasets": 1, "runs": 5, "params": 15, "tags": 15, "points": 1241,
        "metrics": 11, "dataset inputs": 1, "logged models": 1, "logged models' metrics": 1,
        "traces": 3, "spans": 3, "assessments": 1, "registered models": 2,
        "registered models' tags": 1, "model versions": 3, "versions' tags": 3, "aliases": 1,
    }
    assert contents(fresh_lab.mlflow_url) == seen_by_mlflow(database)
    # No URI of the source is left anywhere.
    fresh_lab.stop()
    dump = "\n".join(sqlite3.connect(fresh_lab.data_dir / "mlflow.db").iterdump())
    assert str(database.parent) not in dump
    assert query(fresh_lab.data_dir / "mlflow.db", "PRAGMA foreign_key_check") == []


def test_a_directory_of_this_version_comes_whole_into_a_stopped_lab(
    directory, fresh_lab, monkeypatch
):
    fresh_lab.stop()
    lines, total = import_report(fresh_lab, "mlruns", directory)
    assert not lines and total["is_equal"]
    lines, again = import_report(fresh_lab, "mlruns", directory)
    assert again["added"] == 0 and again["is_equal"] and again["counts"] == total["counts"]
    fresh_lab.start()
    seen = without_deleted_files(contents(fresh_lab.mlflow_url))
    assert seen == seen_in_file_store(directory, monkeypatch)


def test_a_moved_directory_is_found_where_it_lies_now(directory, fresh_lab, tmp_path):
    """The artifact URIs in it name where it was."""
    shutil.copytree(directory, tmp_path / "moved")
    away = directory.with_name("hidden")
    directory.rename(away)
    try:
        lines, total = import_report(fresh_lab, "mlruns", tmp_path / "moved")
    finally:
        away.rename(directory)
    assert not lines and total["is_equal"]
    assert total["counts"]["artifacts"][1] >= 17


def test_a_dry_run_counts_and_changes_nothing(database, directory, fresh_lab):
    before = query(fresh_lab.data_dir / "mlflow.db", "SELECT COUNT(*) FROM experiments")
    printed = import_into(fresh_lab, "mlflow-db", database, "--dry-run")
    assert "nothing was changed" in printed and "13 things would be added" in printed
    printed = import_into(fresh_lab, "mlruns", directory, "-n")
    assert "13 things would be added, 1 were there already" in printed
    assert query(fresh_lab.data_dir / "mlflow.db", "SELECT COUNT(*) FROM experiments") == before
    assert query(fresh_lab.data_dir / "mlflow.db", "SELECT COUNT(*) FROM runs") == [(0,)]


def test_files_come_from_the_place_that_is_named(database, fresh_lab, tmp_path):
    """A server's artifacts went through its proxy: the database says mlflow-artifacts:/."""
    copy = tmp_path / "mlflow.db"
    shutil.copyfile(database, copy)
    root = str(database.parent / "mlruns")
    move_uris(copy, root, "mlflow-artifacts:")
    printed = import_into(fresh_lab, "mlflow-db", copy, "--dry-run")
    assert "the files of 9 could not be reached" in printed
    assert "whose own directory of artifacts is not known" in printed
    lines, total = import_report(fresh_lab, "mlflow-db", copy, "--artifacts", root)
    assert not lines and total["is_equal"]
    assert contents(fresh_lab.mlflow_url) == seen_by_mlflow(database)


def test_an_unreachable_root_keeps_its_uris(database, fresh_lab, tmp_path):
    copy = tmp_path / "mlflow.db"
    shutil.copyfile(database, copy)
    root = str(database.parent / "mlruns")
    move_uris(copy, root, "s3://elsewhere/x")
    lines, total = import_report(fresh_lab, "mlflow-db", copy)
    assert total["is_equal"] and total["unreachable"] == 9
    assert {line["kind"] for line in lines} == {"unreachable"}
    first = run_called(copy, "first")
    run = MlflowClient(fresh_lab.mlflow_url).get_run(first)
    assert run.info.artifact_uri.startswith("s3://elsewhere/x/")
    # The same with the place where the bucket's files lie now.
    fresh_lab.stop()
    shutil.rmtree(fresh_lab.data_dir)
    fresh_lab.start()
    lines, total = import_report(fresh_lab, "mlflow-db", copy, "--artifacts", root)
    assert not lines and total["is_equal"]
    assert total["counts"]["artifacts"][1] >= 17


def test_experiments_meet_others_of_the_lab(database, fresh_lab):
    """One of the same name is merged, one whose id is taken gets another; run ids stay."""
    client = MlflowClient(fresh_lab.mlflow_url)
    assert client.create_experiment("mine") == "1"
    own = client.create_run("1").info.run_id
    lines, total = import_report(fresh_lab, "mlflow-db", database)
    assert [line["kind"] for line in lines] == ["note"]
    assert "Experiment 'kept' (id 1) gets the id " in lines[0]["note"]
    assert total["is_equal"]
    kept = client.get_experiment_by_name("kept")
    assert kept.experiment_id not in ("0", "1", "2")
    assert client.get_experiment("1").name == "mine"
    assert [run.info.run_id for run in client.search_runs(["1"])] == [own]
    first = client.get_run(run_called(database, "first"))
    assert first.info.experiment_id == kept.experiment_id
    assert first.info.artifact_uri == f"{kept.artifact_location}/{first.info.run_id}/artifacts"
    assert [file.path for file in client.list_artifacts(first.info.run_id, "notes")] == ["notes/hello.txt"]
    lines, again = import_report(fresh_lab, "mlflow-db", database)
    assert again["added"] == 0 and again["is_equal"]
    assert "is merged into the lab's of that name" in lines[0]["note"]


def test_what_differs_is_told_and_stays(database, fresh_lab):
    import_into(fresh_lab, "mlflow-db", database)
    client = MlflowClient(fresh_lab.mlflow_url)
    first = run_called(database, "first")
    client.set_tag(first, "kind", "changed here")
    client.log_metric(run_called(database, "second"), "loss", 7.0, step=77)
    client.set_registered_model_alias("iris", "champion", "2")
    lines, total = import_report(fresh_lab, "mlflow-db", database, code=1)
    assert sorted(line["id"] for line in lines) == sorted(
        [first, run_called(database, "second"), "iris"]
    )
    assert total["different"] == 3 and not total["is_equal"] and total["added"] == 0
    assert client.get_run(first).data.tags["kind"] == "changed here"
    assert client.get_registered_model("iris").aliases == {"champion": "2"}


def test_versions_are_added_to_a_model_that_is_there(database, fresh_lab):
    client = MlflowClient(fresh_lab.mlflow_url)
    client.create_registered_model("iris")
    import_into(fresh_lab, "mlflow-db", database, code=1)  # the lab's has another description
    assert client.get_model_version("iris", "2").current_stage == "Staging"
    assert client.get_registered_model("iris").aliases == {"champion": "1"}


def test_a_write_ahead_log_beside_the_database_is_read(database, fresh_lab, tmp_path):
    """What a server that runs, or was killed, has not yet moved into the file."""
    copy = tmp_path / "live.db"
    shutil.copyfile(database, copy)
    connection = sqlite3.connect(copy)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    with connection:
        connection.execute("UPDATE runs SET name = 'from the log' WHERE name = 'first'")
    first = query(copy, "SELECT run_uuid FROM runs WHERE name = 'from the log'")[0][0]
    log = (tmp_path / "live.db-wal").read_bytes()
    assert log
    # As a copy of file and log, without the index of those who have it open.
    alone = tmp_path / "alone"
    alone.mkdir()
    for ending in ("", "-wal"):
        shutil.copyfile(f"{copy}{ending}", alone / f"live.db{ending}")
    before = tree(alone)
    import_into(fresh_lab, "mlflow-db", alone / "live.db", code=0)
    assert tree(alone) == before
    client = MlflowClient(fresh_lab.mlflow_url)
    assert client.get_run(first).info.run_name == "from the log"
    # And the live one, which agrees.
    assert "0 things were added" in import_into(fresh_lab, "mlflow-db", copy)
    assert (tmp_path / "live.db-wal").read_bytes() == log
    connection.close()


def test_a_run_that_goes_on_can_be_read_while_it_is_written(database, fresh_lab, tmp_path):
    """A database in use by another program, with a rollback journal as MLflow has it."""
    copy = tmp_path / "live.db"
    shutil.copyfile(database, copy)
    connection = sqlite3.connect(copy, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE runs SET name = 'not yet' WHERE name = 'first'")
    import_into(fresh_lab, "mlflow-db", copy)
    connection.execute("ROLLBACK")
    connection.close()
    runs = MlflowClient(fresh_lab.mlflow_url).search_runs(["0", "1"])
    assert "first" in [run.info.run_name for run in runs]


def many_runs(database, copy):
    """The first run 2,000 times, with its 1,200 points cut to 40."""
    shutil.copyfile(database, copy)
    first = run_called(copy, "first")
    write(copy, f"DELETE FROM metrics WHERE run_uuid = '{first}' AND step >= 40")
    numbers = "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT i FROM n)"
    for table in ("runs", "params", "tags", "metrics"):
        names = [row[1] for row in query(copy, f"PRAGMA table_info({table})")]
        values = ["printf('%032x', i)" if name == "run_uuid" else f'{table}."{name}"' for name in names]
        write(
            copy,
            f"INSERT INTO {table} SELECT {', '.join(values)} FROM {table}, {numbers} WHERE run_uuid = '{first}'",
        )
    write(copy, "UPDATE runs SET artifact_uri = artifact_uri || '/none' WHERE run_uuid LIKE '0000%'")


def rows_by_run(file):
    """{run: how many rows of each table}"""
    counts = ", ".join(
        f"(SELECT COUNT(*) FROM {table} WHERE {table}.run_uuid = runs.run_uuid)"
        for table in ("params", "tags", "metrics")
    )
    return {row[0]: row[1:] for row in query(file, f"SELECT run_uuid, lifecycle_stage, {counts} FROM runs")}


def test_an_import_killed_in_the_middle_goes_on(database, fresh_lab, tmp_path):
    """kill -9 of the lab that works at it: what came is whole and seen, nothing is hidden until the
    rest has come, and the same command brings the rest."""
    copy = tmp_path / "many.db"
    many_runs(database, copy)
    theirs = rows_by_run(copy)
    assert len(theirs) == 2005
    own = fresh_lab.data_dir / "mlflow.db"
    process = start_import(fresh_lab, "mlflow-db", copy)
    wait_until(lambda: query(own, "SELECT COUNT(*) FROM runs")[0][0] > 0, 60)
    fresh_lab.kill9()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "run the same command: it goes on" in out + err
    fresh_lab.start()
    came = rows_by_run(own)
    assert 0 < len(came) < 2005 and came.items() <= theirs.items()
    client = MlflowClient(fresh_lab.mlflow_url)
    assert client.get_experiment_by_name("kept").lifecycle_stage == "active"
    some = next(iter(came))
    assert client.get_run(some).info.lifecycle_stage == came[some][0]
    lines, total = import_report(fresh_lab, "mlflow-db", copy)
    assert not lines and total["is_equal"] and total["added"] > 0 and total["present"] >= len(came)
    assert rows_by_run(own) == theirs
    lines, again = import_report(fresh_lab, "mlflow-db", copy)
    assert again["added"] == 0 and again["is_equal"]


@pytest.mark.parametrize(
    "kind, make, sentence",
    [
        ("mlflow-db", lambda path: None, "There is no file"),
        ("mlflow-db", lambda path: path.mkdir(), "is no file"),
        ("mlflow-db", lambda path: path.write_bytes(b"hello" * 100), "is no SQLite database"),
        ("mlflow-db", lambda path: path.write_bytes(b""), "is no SQLite database"),
        ("mlflow-db", lambda path: write(path, "CREATE TABLE t (a)"), "is no MLflow tracking database"),
        ("mlruns", lambda path: None, "is no directory that can be read"),
        ("mlruns", lambda path: path.mkdir(), "is no MLflow file store"),
        ("mlruns", lambda path: path.write_text("x"), "is no directory that can be read"),
        ("parquet", lambda path: None, "is nothing to import from"),
    ],
)
def test_a_wrong_source_is_named(lab, tmp_path, kind, make, sentence):
    path = tmp_path / "source"
    make(path)
    printed = import_into(lab, kind, path, code=1)
    assert sentence in printed
    if kind != "parquet":
        assert str(path) in printed


def test_a_damaged_database_is_named(database, lab, tmp_path):
    copy = tmp_path / "damaged.db"
    data = bytearray(database.read_bytes())
    data[4096 : len(data)] = b"\xa5" * (len(data) - 4096)
    copy.write_bytes(data)
    printed = import_into(lab, "mlflow-db", copy, code=1)
    assert str(copy) in printed and "damaged" in printed


def test_a_place_that_is_not_there_is_named(database, lab, tmp_path):
    printed = import_into(lab, "mlflow-db", database, "--artifacts", tmp_path / "no", code=1)
    assert "--artifacts" in printed and "is no directory of this machine" in printed


def test_odd_files_of_a_directory_are_told_one_by_one(directory, fresh_lab, tmp_path):
    source = tmp_path / "mlruns"
    shutil.copytree(directory, source)
    client_side = {
        path.parent.name: path.parent
        for path in source.glob("*/*/meta.yaml")
        if (path.parent / "metrics").is_dir()
    }
    # A model whose run is lost would be odd as well: the first is one that none names.
    models = "".join(path.read_text() for path in source.glob("**/models/**/meta.yaml"))
    some = sorted(client_side, key=lambda run: (run in models, run))[:3]
    (client_side[some[0]] / "meta.yaml").write_text("{ this is: [no yaml")
    (client_side[some[1]] / "metrics" / "broken").write_text("1 2 3\nnot a line\n4 5 6\n")
    (client_side[some[2]] / "params" / "bytes").write_bytes(b"\xff\xfe")
    (source / "not-an-id").mkdir()
    (source / "77").mkdir()
    lines, total = import_report(fresh_lab, "mlruns", source, code=1)
    told = "\n".join(line["note"] for line in lines if line["kind"] == "odd")
    assert total["odd"] == 5
    for part in (
        some[0], "it is no YAML", "1 line of", "it is no UTF-8 text", "not-an-id was left out",
        "77 was left out: it has no meta.yaml",
    ):
        assert part in told
    client = MlflowClient(fresh_lab.mlflow_url)
    assert len(client.get_metric_history(some[1], "broken")) == 2
    assert total["counts"]["runs"] == (4, 4)


def test_nobody_else_may_begin_an_import(lab, database):
    """It reads what the lab's process may read: only the commands of this machine may ask."""
    answer = requests.post(
        lab.mlflow_url + "/api/sandbox/import", json={"kind": "mlflow-db", "source": str(database)}
    )
    assert answer.status_code == 403
    assert "on the lab's own machine" in answer.json()["message"]


def test_the_lab_answers_while_it_imports_and_goes_on_with_its_ids(database, fresh_lab):
    import_into(fresh_lab, "mlflow-db", database)
    client = MlflowClient(fresh_lab.mlflow_url)
    assert client.create_experiment("after") == "3"
    run = client.get_run(run_called(database, "first")).info
    version = client.create_model_version("iris", run.artifact_uri + "/model", run.run_id)
    assert version.version == "4" or version.version == 4
    mlflow.set_tracking_uri(fresh_lab.mlflow_url)
    client.restore_run(run_called(database, "deleted run"))
    client.restore_experiment("2")
    assert client.get_experiment("2").lifecycle_stage == "active"
    assert os.path.exists(database)
