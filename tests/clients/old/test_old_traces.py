"""Traces of the last client before 3.0, in its own environment."""

import json
import os
import uuid

from real_clients import run_script, server  # noqa: F401


def test_a_script_that_traces(server, tmp_path):
    python = os.environ.get("MLFLOW_2_22_PYTHON")
    assert python, (
        "MLFLOW_2_22_PYTHON does not name the Python of an environment with "
        "tests/requirements-mlflow-2.22.txt installed"
    )
    seen = json.loads(run_script(python, server, tmp_path, "old_traces.py", uuid.uuid4().hex[:12]))
    assert seen.pop("client") == "2.22.0"
    assert seen.pop("status") == ["TraceStatus.OK", "TraceStatus.ERROR"]
    assert seen == {
        "spans": [["work", {"number": 21}, 42], ["double", {"number": 21}, 42]],
        "events": ["exception"],
        "team": "한글",
        "tagged": True,
        "frame": 2,
        "failed": 1,
        "deleted": 1,
    }
