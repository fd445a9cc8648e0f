"""Assessments of traces with the newest mlflow client: feedback, expectations, sessions, search."""

import uuid

import mlflow
import pytest
from mlflow.entities import AssessmentError, AssessmentSource, Expectation, Feedback
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from real_clients import client_environment, server  # noqa: F401

JUDGE = AssessmentSource(source_type="LLM_JUDGE", source_id="gpt")


@pytest.fixture
def experiment(server, monkeypatch, tmp_path):
    for name, value in client_environment(server).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(server.mlflow_url)
    yield mlflow.set_experiment(f"experiment-{uuid.uuid4().hex[:12]}").experiment_id
    while mlflow.active_run():
        mlflow.end_run()


def make_trace(name="answer", session=None, user=None):
    with mlflow.start_span(name) as span:
        if session:
            mlflow.update_current_trace(
                metadata={"mlflow.trace.session": session, "mlflow.trace.user": user or "u"}
            )
        span.set_inputs({"question": "2+2"})
        span.set_outputs("4")
    mlflow.flush_trace_async_logging()
    return span.trace_id


@pytest.fixture
def trace(experiment):
    return make_trace()


def assessments(trace_id):
    return mlflow.get_trace(trace_id).info.assessments


def find(experiment, filter_string=None, **more):
    found = mlflow.search_traces(
        locations=[experiment], filter_string=filter_string, return_type="list", **more
    )
    return {one.info.trace_id for one in found}


@pytest.mark.parametrize("value", [True, 3, 0.5, "good", ["a", 1.5], {"k": "v"}, None])
def test_feedback_comes_back(trace, value):
    error = AssessmentError("TIMEOUT", "too slow", "at line 1") if value is None else None
    made = mlflow.log_feedback(
        trace_id=trace,
        name="quality",
        value=value,
        error=error,
        source=JUDGE,
        rationale="because",
        metadata={"k": "v"},
    )
    read = mlflow.get_assessment(trace, made.assessment_id)
    assert isinstance(read, Feedback)
    assert (read.value, read.error, read.rationale) == (value, error, "because")
    assert (read.source, read.metadata, read.valid) == (JUDGE, {"k": "v"}, True)
    assert read.create_time_ms == read.last_update_time_ms
    assert assessments(trace) == [read]


@pytest.mark.parametrize("value", ["4", 4, True, {"answer": 4, "facts": ["a"]}, [1, 2]])
def test_an_expectation_comes_back(trace, value):
    made = mlflow.log_expectation(trace_id=trace, name="expected", value=value)
    read = mlflow.get_assessment(trace, made.assessment_id)
    assert isinstance(read, Expectation)
    assert (read.value, read.source.source_type) == (value, "HUMAN")
    assert assessments(trace) == [read]


def test_update_override_and_delete(trace):
    first = mlflow.log_feedback(trace_id=trace, name="quality", value="bad", rationale="r")
    updated = mlflow.update_assessment(
        trace, first.assessment_id, Feedback(name="quality", value="worse", metadata={"a": "1"})
    )
    assert (updated.value, updated.metadata, updated.valid) == ("worse", {"a": "1"}, True)
    second = mlflow.override_feedback(
        trace_id=trace, assessment_id=first.assessment_id, value="good", rationale="seen again"
    )
    assert second.overrides == first.assessment_id
    assert mlflow.get_assessment(trace, first.assessment_id).valid is False
    assert {one.assessment_id: one.valid for one in assessments(trace)} == {
        first.assessment_id: False,
        second.assessment_id: True,
    }
    mlflow.delete_assessment(trace, second.assessment_id)
    assert mlflow.get_assessment(trace, first.assessment_id).valid is True
    with pytest.raises(MlflowException, match="not found") as refused:
        mlflow.get_assessment(trace, second.assessment_id)
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_an_assessment_logged_inside_the_trace(experiment):
    with mlflow.start_span("inside") as span:
        mlflow.log_feedback(trace_id=span.trace_id, name="early", value=1.0)
    mlflow.flush_trace_async_logging()
    (read,) = assessments(span.trace_id)
    assert (read.name, read.value, read.trace_id) == ("early", 1.0, span.trace_id)


def test_traces_are_found_by_their_assessments(experiment):
    good, bad, plain = make_trace(), make_trace(), make_trace()
    mlflow.log_feedback(trace_id=good, name="quality", value="good")
    mlflow.log_feedback(trace_id=bad, name="quality", value="bad")
    mlflow.log_feedback(trace_id=bad, name="score", value=0.25)
    mlflow.log_expectation(trace_id=good, name="expected", value="4")
    assert find(experiment) == {good, bad, plain}
    assert find(experiment, "feedback.quality = 'good'") == {good}
    assert find(experiment, "feedback.quality != 'good'") == {bad}
    assert find(experiment, "feedback.score IS NOT NULL") == {bad}
    assert find(experiment, "feedback.quality IS NULL") == {plain}
    assert find(experiment, "expectation.expected = '4'") == {good}
    assert find(experiment, "feedback.expected = '4'") == set()
    assert find(experiment, "feedback.quality ILIKE '%OO%'") == {good}


def test_traces_of_a_session(experiment):
    first, second = make_trace(session="s1", user="ann"), make_trace(session="s1", user="bob")
    other = make_trace(session="s2", user="ann")
    by_session = "metadata.`mlflow.trace.session` = '{}'"
    assert find(experiment, by_session.format("s1")) == {first, second}
    assert find(experiment, by_session.format("s2")) == {other}
    assert find(experiment, "metadata.`mlflow.trace.user` = 'ann'") == {first, other}
    metadata = mlflow.get_trace(first).info.trace_metadata
    assert metadata["mlflow.trace.session"] == "s1"


def test_the_correlation_of_two_filters(experiment):
    good, bad = make_trace(), make_trace()
    mlflow.log_feedback(trace_id=good, name="quality", value="good")
    mlflow.log_feedback(trace_id=bad, name="quality", value="bad")
    mlflow.set_trace_tag(good, "model", "new")
    store = MlflowClient()._tracing_client.store
    found = store.calculate_trace_filter_correlation(
        [experiment], "feedback.quality = 'good'", "tags.model = 'new'"
    )
    counts = found.filter1_count, found.filter2_count, found.joint_count, found.total_count
    assert counts == (1, 1, 1, 2)
    assert found.npmi == pytest.approx(1.0)
