"""Imports as people start them, and stores to import from as the real MLflow makes them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from own_lab import binary
from store_contents import contents

FILL = Path(__file__).parent / "scripts" / "fill_for_import.py"
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "PYTHONWARNINGS": "ignore",
    "MLFLOW_ALLOW_FILE_STORE": "true",
}


def clean_environment():
    """Nothing that would change the settings of a lab or of MLflow."""
    prefixes = ("MLOPS_SANDBOX_", "MLFLOW_", "MINIO_", "AWS_")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


def run(words, cwd, **variables):
    done = subprocess.run(
        words, cwd=cwd, env=clean_environment() | QUIET | variables, capture_output=True, text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def fill(python, folder, uri, *arguments):
    """A store of everything an import has to keep, made by the client of that Python."""
    folder.mkdir(parents=True, exist_ok=True)
    run([python, str(FILL), *arguments], folder, MLFLOW_TRACKING_URI=uri)


def filled_database(python, folder):
    fill(python, folder, f"sqlite:///{folder}/mlflow.db")
    return folder / "mlflow.db"


def filled_directory(python, folder):
    fill(python, folder, f"file://{folder}/mlruns")
    return folder / "mlruns"


def seen_by_mlflow(database):
    """What today's MLflow sees of the database, upgraded by itself on a copy."""
    copy = database.with_name("upgraded.db")
    shutil.copyfile(database, copy)
    run([sys.executable, "-m", "mlflow", "db", "upgrade", f"sqlite:///{copy}"], database.parent)
    return contents(f"sqlite:///{copy}")


def seen_in_file_store(directory, monkeypatch):
    """What MLflow sees of a file store, but the files of deleted experiments, which it cannot find
    in .trash."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return without_deleted_files(contents(f"file://{directory}"))


def without_deleted_files(seen):
    for run_seen in seen["runs"].values():
        if seen["experiments"][run_seen["experiment"]][1] == "deleted":
            run_seen.pop("files")
    return seen


def start_import(lab_or_dir, *words, **options):
    data_dir = getattr(lab_or_dir, "data_dir", lab_or_dir)
    return subprocess.Popen(
        [binary(), "import", *map(str, words), "--data-dir", str(data_dir)],
        env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )


def import_into(lab_or_dir, *words, code=0):
    """What the command printed; both outputs where it has to fail."""
    process = start_import(lab_or_dir, *words)
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, out + err
    return out if code == 0 else out + err


def import_report(lab_or_dir, *words, code=0):
    """The lines of `import --json`, and the total as kind -> (source, lab)."""
    process = start_import(lab_or_dir, *words, "--json")
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, out + err
    lines = [json.loads(line) for line in out.splitlines()]
    total = lines[-1]
    assert total["kind"] == "total"
    total["counts"] = {one["kind"]: (one["source"], one["target"]) for one in total["compared"]}
    return [line for line in lines[:-1] if line["kind"] != "progress"], total


def tree(folder):
    """Every file below with its content and time, to see that nothing changed."""
    return {
        str(file.relative_to(folder)): (file.read_bytes(), file.stat().st_mtime_ns)
        for file in sorted(Path(folder).rglob("*"))
        if file.is_file()
    }


def old_python(version):
    variable = f"MLFLOW_{version.replace('.', '_')}_PYTHON"
    python = os.environ.get(variable)
    assert python, (
        f"{variable} does not name the Python of an environment with "
        f"tests/requirements-mlflow-{version}.txt installed"
    )
    return python
