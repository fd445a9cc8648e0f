"""Traces with spans, as a client of 3.17 sends them, for the wire tests of traces."""

import datetime
import json
import uuid

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

ROOT = "/api/3.0/mlflow/traces"


def timestamp(epoch_ms):
    moment = datetime.datetime.fromtimestamp(epoch_ms / 1000, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{epoch_ms % 1000:03d}Z"


def send_info(api, experiment, start_ms=0, duration_ms=0, state="OK", **fields):
    """Starts a trace without spans; its id."""
    trace_id = "tr-" + uuid.uuid4().hex
    info = {
        "trace_id": trace_id,
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": experiment},
        },
        "request_time": timestamp(start_ms),
        "execution_duration": f"{duration_ms / 1000:.3f}s",
        "state": state,
        **fields,
    }
    api.post(ROOT, trace={"trace_info": info}).ok()
    return trace_id


def send_spans(api, experiment, trace_id, spans):
    """Each span is {name, start_ns, end_ns, parent (an index), status (1 OK, 2 ERROR), attributes}.

    Attributes that are no text are sent as JSON, as MLflow's clients send them.
    """
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for index, given in enumerate(spans):
        span = scope.spans.add()
        span.trace_id = bytes.fromhex(trace_id.removeprefix("tr-"))
        span.span_id = (index + 1).to_bytes(8, "big")
        if given.get("parent") is not None:
            span.parent_span_id = (given["parent"] + 1).to_bytes(8, "big")
        span.name = given["name"]
        span.start_time_unix_nano = given["start_ns"]
        span.end_time_unix_nano = given["end_ns"]
        span.status.code = given.get("status", 1)
        for key, value in given.get("attributes", {}).items():
            attribute = span.attributes.add()
            attribute.key = key
            attribute.value.string_value = value if isinstance(value, str) else json.dumps(value)
    answer = api.send(
        "POST",
        "/v1/traces",
        data=request.SerializeToString(),
        headers={"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": experiment},
    )
    assert answer.status == 200, answer
