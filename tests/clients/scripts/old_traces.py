"""Traces as clients up to 2.22 make them: info over the 2.0 endpoints, spans as a file."""

import json
import sys

import mlflow
from mlflow import MlflowClient

experiment = mlflow.set_experiment(f"old-traces-{sys.argv[1]}")


@mlflow.trace(span_type="TOOL")
def double(number):
    return 2 * number


@mlflow.trace(name="work")
def work(number):
    if number < 0:
        raise ValueError("too small")
    mlflow.update_current_trace(tags={"team": "한글"})
    return double(number)


work(21)
try:
    work(-1)
except ValueError:
    pass
if hasattr(mlflow, "flush_trace_async_logging"):
    mlflow.flush_trace_async_logging()

client = MlflowClient()
found = client.search_traces([experiment.experiment_id], order_by=["timestamp_ms ASC"])
good, bad = (client.get_trace(trace.info.request_id) for trace in found)
client.set_trace_tag(good.info.request_id, "k", "v")
tagged = client.search_traces([experiment.experiment_id], "tags.k = 'v'")
client.delete_trace_tag(good.info.request_id, "k")
print(
    json.dumps(
        {
            "client": mlflow.__version__,
            "status": [str(good.info.status), str(bad.info.status)],
            "spans": [[span.name, span.inputs, span.outputs] for span in good.data.spans],
            "events": [event.name for event in bad.data.spans[0].events],
            "team": good.info.tags["team"],
            "tagged": [trace.info.request_id for trace in tagged] == [good.info.request_id],
            "frame": len(mlflow.search_traces(experiment_ids=[experiment.experiment_id])),
            "failed": len(
                client.search_traces([experiment.experiment_id], "attributes.status = 'ERROR'")
            ),
            "deleted": client.delete_traces(
                experiment.experiment_id, request_ids=[bad.info.request_id]
            ),
        }
    )
)
