"""Fills the store that MLFLOW_TRACKING_URI names with everything an import has to keep, with the
client of this environment; for a database or a directory without any server. The argument is the
place of its artifacts, "" for the client's own choice."""

import json
import math
import sys

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType

place = sys.argv[1] if len(sys.argv) > 1 else ""
client = MlflowClient()


def experiment(name, **options):
    location = f"{place}/{name}" if place else None
    return client.create_experiment(name, artifact_location=location, **options)


def run_in(experiment_id, name, points=5, files=True, **options):
    run = client.create_run(experiment_id, run_name=name, start_time=1_600_000_000_000, **options)
    run_id = run.info.run_id
    client.log_batch(
        run_id,
        metrics=[Metric("loss", 1 / (step + 1), 1_600_000_000_000 + step, step) for step in range(points)],
        params=[Param("lr", "0.1"), Param("nested/한글", "값\nzwei"), Param("empty", "")],
        tags=[RunTag("kind", "sweep"), RunTag("mlflow.note.content", "# note\nline")],
    )
    client.log_metric(run_id, "odd/values", math.nan, timestamp=5, step=1)
    client.log_metric(run_id, "odd/values", math.inf, timestamp=6, step=2)
    client.log_metric(run_id, "odd/values", -math.inf, timestamp=7, step=3)
    client.log_metric(run_id, "odd/values", -1.5, timestamp=7, step=-3)
    if files:
        client.log_text(run_id, "hello 한글", "notes/hello.txt")
        client.log_text(run_id, "", "empty.txt")
        client.log_text(run_id, "x" * 200_000, "deep/er/large with space.txt")
        client.log_dict(run_id, {"flavors": {}, "run_id": run_id}, "model/MLmodel")
    return run_id


kept = experiment("kept", tags={"team": "vision", "note": "두 줄\n둘째"})
gone = experiment("gone")
first = run_in(kept, "first", points=1200)
second = run_in(kept, "second", files=False)
deleted = run_in(kept, "deleted run")
inside = run_in(gone, "in a deleted experiment")
default = run_in("0", "in Default")
client.set_terminated(first, "FINISHED", end_time=1_600_000_100_000)
client.set_terminated(second, "FAILED", end_time=1_600_000_200_000)
client.set_terminated(deleted, "KILLED", end_time=1_600_000_300_000)
data = Dataset("points", "a1b2c3", "local", json.dumps({"uri": "/data/points.csv"}), schema="{}", profile="{}")
client.log_inputs(first, [DatasetInput(data, [InputTag("mlflow.data.context", "training")])])
client.delete_run(deleted)
client.delete_experiment(gone)

client.create_registered_model("iris", tags={"owner": "me"}, description="a model\nof irises")
for number, run_id in enumerate([first, second, first], 1):
    source = client.get_run(run_id).info.artifact_uri + "/model"
    client.create_model_version(
        "iris", source, run_id, tags={"number": str(number)}, description=f"version {number}"
    )
client.transition_model_version_stage("iris", "2", "Staging")
client.delete_model_version("iris", "3")
client.set_registered_model_alias("iris", "champion", "1")
client.create_registered_model("empty one")

if hasattr(client, "create_logged_model"):
    model = client.create_logged_model(
        kept, name="net", source_run_id=first, tags={"a": "b"}, params={"depth": "3"}, model_type="cnn"
    )
    with open("weights.bin", "wb") as file:
        file.write(b"weights" * 1000)
    client.log_model_artifact(model.model_id, "weights.bin")
    client.finalize_logged_model(model.model_id, "READY")
    client.log_metric(first, "accuracy", 0.75, step=3, timestamp=9, model_id=model.model_id)

if hasattr(mlflow, "trace"):
    mlflow.set_experiment("kept")

    @mlflow.trace
    def work(number):
        return number * 2

    for number in range(3):
        work(number)
    flush = getattr(mlflow, "flush_trace_async_logging", None)
    if flush:
        flush()
    if int(mlflow.__version__.split(".")[0]) >= 3:
        trace = client.search_traces([kept])[0].info
        mlflow.log_feedback(
            trace_id=getattr(trace, "trace_id", None) or trace.request_id,
            name="good", value=True, rationale="it is",
        )

print(json.dumps({"client": mlflow.__version__, "runs": 5}))
