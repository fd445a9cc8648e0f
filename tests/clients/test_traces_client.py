"""Traces with the newest client and OpenTelemetry's own SDK, unmodified, and what the real server
makes of the same database file."""

import json
import shutil
import sys
import time
import uuid

import mlflow
import pytest
import requests
from mlflow.entities import AssessmentSource, SpanType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from own_lab import OwnLab, RealServer
from real_clients import client_environment, server  # noqa: F401


@pytest.fixture
def experiment(server, monkeypatch, tmp_path):
    for name, value in client_environment(server).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(server.mlflow_url)
    mlflow.set_registry_uri(None)
    yield mlflow.set_experiment(f"traces-{uuid.uuid4().hex[:12]}")
    while mlflow.active_run():
        mlflow.end_run()


@mlflow.trace(span_type=SpanType.RETRIEVER)
def look_up(question):
    return [{"page_content": f"about {question}", "metadata": {"rank": 1}}]


@mlflow.trace(span_type=SpanType.CHAT_MODEL, name="model", attributes={"temperature": 0.5})
def ask_model(question):
    span = mlflow.get_current_active_span()
    usage = {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18}
    span.set_attribute("mlflow.chat.tokenUsage", usage)
    return {"choices": [{"message": {"role": "assistant", "content": f"{question}: 42"}}]}


@mlflow.trace(name="answer", span_type=SpanType.CHAIN)
def answer(question):
    if not question:
        raise ValueError("nothing to answer")
    mlflow.update_current_trace(
        tags={"team": "한글"},
        metadata={"mlflow.trace.session": "talk", "mlflow.trace.user": "bob"},
    )
    look_up(question)
    return ask_model(question)


def traced(question):
    answer(question)
    mlflow.flush_trace_async_logging()
    return mlflow.get_last_active_trace_id()


def failed():
    with pytest.raises(ValueError):
        answer("")
    mlflow.flush_trace_async_logging()
    return mlflow.get_last_active_trace_id()


def test_nested_spans_come_back_as_they_went(experiment):
    trace = mlflow.get_trace(traced("why"))
    assert trace.info.experiment_id == experiment.experiment_id
    assert trace.info.status == "OK"
    assert trace.info.tags["team"] == "한글"
    assert trace.info.tags["mlflow.traceName"] == "answer"
    assert trace.info.trace_metadata["mlflow.trace.session"] == "talk"
    assert trace.info.token_usage == {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18}
    assert json.loads(trace.info.request_preview) == {"question": "why"}
    assert trace.info.response_preview == "why: 42"
    root, *children = trace.data.spans
    assert root.name == "answer" and root.parent_id is None
    assert [child.name for child in children] == ["look_up", "model"]
    assert {child.parent_id for child in children} == {root.span_id}
    assert root.inputs == {"question": "why"}
    assert children[0].outputs == [{"page_content": "about why", "metadata": {"rank": 1}}]
    assert children[1].span_type == SpanType.CHAT_MODEL
    assert children[1].attributes["temperature"] == 0.5
    assert root.end_time_ns > root.start_time_ns


def test_an_error_is_told_by_trace_span_and_event(experiment):
    trace = mlflow.get_trace(failed())
    assert trace.info.status == "ERROR"
    (span,) = trace.data.spans
    assert span.status.status_code == "ERROR"
    assert "nothing to answer" in span.status.description
    (event,) = span.events
    assert event.attributes["exception.message"] == "nothing to answer"


def test_traces_are_searched(experiment):
    good, bad = traced("one"), failed()

    def found(filter_string=None, **more):
        traces = mlflow.search_traces(
            locations=[experiment.experiment_id], filter_string=filter_string, return_type="list",
            **more,
        )
        return [trace.info.trace_id for trace in traces]

    assert found() == [bad, good]
    assert found(order_by=["timestamp_ms ASC"]) == [good, bad]
    assert found("trace.status = 'ERROR'") == [bad]
    assert found("tag.team = '한글' AND attributes.execution_time_ms >= 0") == [good]
    assert found("metadata.`mlflow.trace.session` = 'talk'") == [good]
    assert found("span.name = 'model' AND span.type = 'CHAT_MODEL'") == [good]
    assert found("span.attributes.temperature LIKE '%0.5%'") == [good]
    assert found(max_results=1) == [bad]
    frame = mlflow.search_traces(locations=[experiment.experiment_id])
    assert set(frame["trace_id"]) == {good, bad}
    assert {"spans", "request", "response", "tags"} <= set(frame.columns)


def test_many_traces_come_page_by_page(experiment):
    for number in range(7):
        with mlflow.start_span(f"span {number}"):
            pass
    mlflow.flush_trace_async_logging()
    client = MlflowClient()
    seen, token = [], None
    while True:
        page = client.search_traces(
            locations=[experiment.experiment_id], max_results=3, page_token=token,
            include_spans=False,
        )
        seen += [trace.info.trace_id for trace in page]
        token = page.token
        if not token:
            break
    assert len(seen) == len(set(seen)) == 7


def test_tags_are_set_and_deleted(experiment):
    trace_id = traced("tagged")
    mlflow.set_trace_tag(trace_id, "k", "v")
    assert mlflow.get_trace(trace_id).info.tags["k"] == "v"
    mlflow.delete_trace_tag(trace_id, "k")
    assert "k" not in mlflow.get_trace(trace_id).info.tags
    with pytest.raises(MlflowException, match="No trace tag with key 'k'"):
        mlflow.delete_trace_tag(trace_id, "k")


def test_traces_are_deleted(experiment):
    kept, gone = traced("kept"), traced("gone")
    client = MlflowClient()
    assert client.delete_traces(experiment.experiment_id, trace_ids=[gone]) == 1
    assert mlflow.get_trace(gone) is None
    assert mlflow.get_trace(kept) is not None
    now = int(time.time() * 1000) + 1000
    assert client.delete_traces(experiment.experiment_id, max_timestamp_millis=now) == 1


def test_a_trace_belongs_to_the_run_it_ran_in(experiment):
    with mlflow.start_run() as run:
        inside = traced("in a run")
    outside = traced("outside")
    found = mlflow.search_traces(run_id=run.info.run_id, return_type="list")
    assert [trace.info.trace_id for trace in found] == [inside]
    MlflowClient().link_traces_to_run([outside], run.info.run_id)
    found = mlflow.search_traces(run_id=run.info.run_id, return_type="list")
    assert {trace.info.trace_id for trace in found} == {inside, outside}


def test_a_span_may_be_begun_and_ended_by_hand(experiment):
    root = mlflow.start_span_no_context("by hand", inputs={"x": 1})
    child = mlflow.start_span_no_context("inner", parent_span=root)
    child.end(outputs=2)
    root.end(outputs={"y": 2})
    mlflow.flush_trace_async_logging()
    trace = mlflow.get_trace(root.trace_id)
    assert [span.name for span in trace.data.spans] == ["by hand", "inner"]
    assert trace.data.spans[0].outputs == {"y": 2}


def test_opentelemetrys_own_exporter_is_understood(server, experiment):
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = OTLPSpanExporter(
        endpoint=server.mlflow_url + "/v1/traces",
        headers={"x-mlflow-experiment-id": experiment.experiment_id},
        compression=Compression.Gzip,
    )
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("order") as order:
        order.set_attribute("items", [1, 2])
        with tracer.start_as_current_span("pay") as pay:
            pay.record_exception(RuntimeError("no money"))
    provider.shutdown()
    trace = mlflow.get_trace(f"tr-{order.get_span_context().trace_id:032x}")
    assert trace.info.tags["service.name"] == "shop"
    assert [span.name for span in trace.data.spans] == ["order", "pay"]
    assert trace.data.spans[0].attributes["items"] == [1, 2]
    assert trace.data.spans[1].events[0].attributes["exception.message"] == "no money"


def fill(base):
    """Traces as a client leaves them, and one with an assessment."""
    mlflow.set_tracking_uri(base)
    experiment = mlflow.set_experiment("same file")
    traced("one")
    failed()
    feedback = mlflow.entities.Feedback(name="good", value=True, source=AssessmentSource("HUMAN"))
    # The assessment is part of the trace's own report.
    info = mlflow.get_trace(mlflow.get_last_active_trace_id()).info
    info.assessments = [feedback]
    reported = requests.post(
        base + "/api/3.0/mlflow/traces",
        json={"trace": {"trace_info": {
            key: value for key, value in info.to_dict().items() if key != "execution_duration_ms"
        }}},
        timeout=60,
    )
    assert reported.status_code == 200, reported.text
    return experiment.experiment_id


def seen(base, experiment):
    """Everything a client can ask about the traces of the experiment."""
    api = base + "/api/3.0/mlflow/traces"
    place = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}]
    answers = {}
    for filter_string in ("", "status = 'OK'", "span.name = 'model'", "feedback.good = 'true'"):
        body = {"locations": place, "filter": filter_string, "order_by": ["name", "status DESC"]}
        answers[filter_string] = requests.post(api + "/search", json=body, timeout=60).json()
    ids = [trace["trace_id"] for trace in answers[""]["traces"]]
    answers["whole"] = requests.get(api + "/batchGet", params={"trace_ids": ids}, timeout=60).json()
    for one in ids:
        answers[one] = requests.get(f"{api}/{one}", timeout=60).json()
        file = "/ajax-api/3.0/mlflow/get-trace-artifact"
        answers["file " + one] = requests.get(base + file, params={"request_id": one}).json()
    return answers


def test_the_real_server_sees_the_same_traces_in_the_same_file(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.chdir(tmp_path)
    database, copy = tmp_path / "ours.db", tmp_path / "copy.db"
    with OwnLab(tmp_path / "lab", f"--backend-store-uri=sqlite:///{database}") as lab:
        experiment = fill(lab.mlflow_url)
        ours = seen(lab.mlflow_url, experiment)
        lab.stop()
    assert len(ours[""]["traces"]) == len(ours["whole"]["traces"]) == 2
    assert len(ours["feedback.good = 'true'"]["traces"]) == 1
    shutil.copy(database, copy)
    with RealServer(sys.executable, copy, tmp_path / "real") as real:
        assert seen(real.mlflow_url, experiment) == ours
        mlflow.set_tracking_uri(real.mlflow_url)
        mlflow.set_experiment("same file")
        traced("theirs")
        theirs = seen(real.mlflow_url, experiment)
    assert len(theirs[""]["traces"]) == 3
    with OwnLab(tmp_path / "again", f"--backend-store-uri=sqlite:///{copy}") as lab:
        assert seen(lab.mlflow_url, experiment) == theirs
        lab.stop()
