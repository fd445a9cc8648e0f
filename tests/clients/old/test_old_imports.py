"""Rows S4-3 and S4-7 of the labs: what an MLflow of years ago kept comes into the lab whole."""

import pytest
from import_support import (
    filled_database, filled_directory, import_into, import_report, old_python, seen_by_mlflow,
    seen_in_file_store, tree, without_deleted_files,
)
from store_contents import contents

VERSIONS = ["2.9.2", "2.10.2", "2.22"]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_old_database_comes_whole_and_once(version, fresh_lab, tmp_path):
    """Runs, histories with NaN and infinities, deleted states, the registry and all files, as
    today's MLflow sees the same database after its own upgrade."""
    database = filled_database(old_python(version), tmp_path / "old")
    before = tree(tmp_path / "old")
    lines, total = import_report(fresh_lab, "mlflow-db", database)
    assert tree(tmp_path / "old") == before
    assert not lines
    assert total["is_equal"] and total["counts"]["runs"] == (5, 5)
    assert contents(fresh_lab.mlflow_url) == seen_by_mlflow(database)

    lines, again = import_report(fresh_lab, "mlflow-db", database)
    assert again["added"] == 0 and again["is_equal"]
    assert again["counts"] == total["counts"]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_old_directory_mlruns_comes_whole_and_once(version, fresh_lab, tmp_path, monkeypatch):
    directory = filled_directory(old_python(version), tmp_path / "old")
    before = tree(directory)
    lines, total = import_report(fresh_lab, "mlruns", directory)
    assert tree(directory) == before
    assert not lines
    assert total["is_equal"] and total["counts"]["runs"] == (5, 5)
    seen = contents(fresh_lab.mlflow_url)
    inside = [one for one in seen["runs"].values() if one["name"] == "in a deleted experiment"]
    assert len(inside[0]["files"]) == 4
    assert without_deleted_files(seen) == seen_in_file_store(directory, monkeypatch)
    assert "0 things were added" in import_into(fresh_lab, "mlruns", directory)
