"""What the tests of the evaluation endpoints need of other rooms: traces, and their ties to issues.

The reference gets them through its own endpoints; the lab under test as rows in its database file, so
that these tests fail for their own endpoints only.
"""

import sqlite3
import uuid

import pytest

V3 = "/api/3.0/mlflow/"
EPOCH_MS = 1_735_689_600_000


class Traces:
    def __init__(self, api, database):
        self.api = api
        self.database = database

    def _insert(self, table, row):
        marks = ",".join("?" * len(row))
        with sqlite3.connect(self.database, timeout=30) as connection:
            connection.execute(f"INSERT INTO {table} ({','.join(row)}) VALUES ({marks})", [*row.values()])
        connection.close()

    def new(self, experiment):
        trace = "tr-" + uuid.uuid4().hex
        if self.api.is_reference:
            location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
            info = {
                "trace_id": trace,
                "trace_location": location,
                "request_time": "2025-01-01T00:00:00Z",
                "state": "OK",
            }
            self.api.post(V3 + "traces", trace={"trace_info": info}).ok()
        else:
            self._insert(
                "trace_info",
                {
                    "request_id": trace,
                    "experiment_id": int(experiment),
                    "timestamp_ms": EPOCH_MS,
                    "status": "OK",
                },
            )
        return trace

    def tie(self, trace, issue):
        """As the client does it: an assessment named after the issue."""
        if self.api.is_reference:
            at = "2025-01-01T00:00:00Z"
            assessment = {
                "assessment_name": issue,
                "trace_id": trace,
                "issue": {"issue_name": "n"},
                "source": {"source_type": "HUMAN", "source_id": "x"},
                "create_time": at,
                "last_update_time": at,
            }
            self.api.post(f"{V3}traces/{trace}/assessments", assessment=assessment).ok()
        else:
            self._insert(
                "assessments",
                {
                    "assessment_id": "a-" + uuid.uuid4().hex,
                    "trace_id": trace,
                    "name": issue,
                    "assessment_type": "issue",
                    "value": '{"issue_name": "n"}',
                    "created_timestamp": EPOCH_MS,
                    "last_updated_timestamp": EPOCH_MS,
                    "source_type": "HUMAN",
                    "source_id": "x",
                    "valid": True,
                },
            )


@pytest.fixture
def traces(api, request):
    database = None if api.is_reference else request.getfixturevalue("lab").data_dir / "mlflow.db"
    return Traces(api, database)


@pytest.fixture
def deleted_experiment(api, unique):
    experiment = api.post("experiments/create", name=unique()).ok()["experiment_id"]
    api.post("experiments/delete", experiment_id=experiment).ok()
    return experiment
