"""Runs scripts with real clients, unmodified, and says what they have to see."""

import json
import os
import subprocess
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPTS = Path(__file__).parent / "scripts"


@pytest.fixture
def server(request):
    """The lab under test, or the server that MLFLOW_REFERENCE_URL names (which has no S3)."""
    reference = os.environ.get("MLFLOW_REFERENCE_URL")
    if reference:
        return SimpleNamespace(mlflow_url=reference, s3_url=None)
    return request.getfixturevalue("lab")


def client_environment(server):
    """What a user's shell has after `eval "$(./mlops-sandbox env)"`, and nothing of ours."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MLFLOW_", "AWS_", "PYTEST_"))
    }
    kept.update(
        MLFLOW_TRACKING_URI=server.mlflow_url,
        MLFLOW_DISABLE_TELEMETRY="true",
        DO_NOT_TRACK="true",
        MLFLOW_HTTP_REQUEST_MAX_RETRIES="1",
        GIT_PYTHON_REFRESH="quiet",
        PYTHONWARNINGS="ignore",
        OMP_NUM_THREADS="1",
    )
    if getattr(server, "s3_url", None):
        kept.update(
            MLFLOW_S3_ENDPOINT_URL=server.s3_url,
            AWS_ACCESS_KEY_ID=server.access_key,
            AWS_SECRET_ACCESS_KEY=server.secret_key,
            AWS_DEFAULT_REGION="us-east-1",
        )
    return kept


def run_script(python, server, folder, name, *arguments):
    """What the script printed after "run_id: ", or else its last line."""
    done = subprocess.run(
        [python, str(SCRIPTS / name), *arguments],
        env=client_environment(server),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    lines = done.stdout.strip().splitlines()
    runs = [line.removeprefix("run_id: ") for line in lines if line.startswith("run_id: ")]
    return (runs or lines)[-1]


def run_everyday(python, server, folder, version):
    label = uuid.uuid4().hex[:12]
    seen = json.loads(run_script(python, server, folder, "everyday.py", label))
    assert seen["client"] == version
    assert seen["status"] == "FINISHED"
    assert seen["param_C"] == "2.0"
    assert seen["training_score"] == 1.0
    assert seen["datasets"] == [["points", "training"]]
    assert seen["version"] == "1"
    assert seen["same_predictions"] and seen["same_predictions_by_stage"]
    assert seen["version_tags"] == {"checked": "yes"}
    assert seen["aliases"] == ["champion"]
    assert seen["stage"] == "Staging"
    assert seen["children"] == [["child-2", 1.0, "2", "FINISHED"], ["child-1", 0.5, "1", "FINISHED"]]
    assert seen["children_name"] == "한글 이름"
    assert seen["curve"] == [[0, 0.0], [1, 2.0], [2, 4.0], [3, 6.0], [4, 8.0]]
    assert seen["parent_tags"] == {"kind": "sweep", "a": "1"}
    assert seen["nan"] == "nan"
    assert seen["inf"] > 1e308
    assert seen["files"] == [
        ["data", True, None],
        ["notes", True, None],
        ["one.bin", False, 1],
        ["tree", True, None],
    ]
    assert seen["tree"] == ["tree/deep/er", "tree/deep/two.bin"]
    assert [[name, size] for name, size in seen["downloaded"] if name.startswith("tree")] == [
        ["tree/deep/er/three.bin", 0],
        ["tree/deep/two.bin", 200_000],
        ["tree/one.bin", 1],
    ]
    assert len(seen["downloaded"]) == 6
    assert seen["note"] == "hello 한글"
    assert seen["changed_param"] == "INVALID_PARAMETER_VALUE"
    assert seen["deleted_run"] == "INVALID_PARAMETER_VALUE"
    assert seen["unknown_run"] == "RESOURCE_DOES_NOT_EXIST"
    assert seen["by_hand"] == ["KILLED", 12345, "active"]
    assert seen["runs"] == 2
    assert seen["experiments"] == [f"everyday-{label}"]
    return seen
