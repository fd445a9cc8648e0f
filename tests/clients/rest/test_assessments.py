"""Assessments of traces: POST, GET, PATCH and DELETE below 3.0/mlflow/traces/<id>/assessments."""

import json
import re
import time
import uuid

import pytest

ROOT = "/api/3.0/mlflow/traces"
HUMAN = {"source_type": "HUMAN", "source_id": "me@example.org"}
CREATED = "2025-01-01T00:00:00.123Z"


def new_trace(api, experiment, **fields):
    trace_id = "tr-" + uuid.uuid4().hex
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    info = {
        "trace_id": trace_id,
        "trace_location": location,
        "request_time": CREATED,
        "execution_duration": "1.500s",
        "state": "OK",
        **fields,
    }
    api.post(ROOT, trace={"trace_info": info}).ok()
    return trace_id


class OfTrace:
    """The assessments of one trace."""

    def __init__(self, api, trace_id):
        self.api = api
        self.trace_id = trace_id
        self.path = f"{ROOT}/{trace_id}/assessments"

    def ask(self, **fields):
        fields = {"assessment_name": "quality", "source": HUMAN, **fields}
        return self.api.post(self.path, assessment=fields)

    def add(self, **fields):
        return self.ask(**fields).ok()["assessment"]

    def get(self, assessment_id):
        return self.api.get(f"{self.path}/{assessment_id}").ok()["assessment"]

    def change(self, assessment_id, mask, **fields):
        return self.api.patch(
            f"{self.path}/{assessment_id}", assessment=fields, update_mask=mask
        )

    def delete(self, assessment_id):
        return self.api.delete(f"{self.path}/{assessment_id}")

    def of_info(self):
        info = self.api.get(f"{ROOT}/{self.trace_id}").ok()["trace"]["trace_info"]
        return info.get("assessments", [])


@pytest.fixture
def trace(api, experiment):
    return OfTrace(api, new_trace(api, experiment))


def test_feedback_with_everything(trace):
    shown = trace.add(
        feedback={"value": 0.5, "error": {"error_code": "E", "error_message": "no"}},
        rationale="because",
        span_id="abcd",
        metadata={"k": "v", "mlflow.assessment.sourceRunId": "r1"},
        create_time="2025-02-01T00:00:00Z",
        last_update_time="2025-02-01T01:00:00.120345Z",
    )
    assert re.fullmatch("a-[0-9a-f]{32}", shown["assessment_id"])
    assert shown == {
        "assessment_id": shown["assessment_id"],
        "assessment_name": "quality",
        "trace_id": trace.trace_id,
        "span_id": "abcd",
        "source": HUMAN,
        "create_time": "2025-02-01T00:00:00Z",
        "last_update_time": "2025-02-01T01:00:00.120Z",
        "feedback": {"value": 0.5, "error": {"error_code": "E", "error_message": "no"}},
        "rationale": "because",
        "metadata": {"k": "v", "mlflow.assessment.sourceRunId": "r1"},
        "valid": True,
    }
    assert trace.get(shown["assessment_id"]) == shown
    assert trace.of_info() == [shown]


def test_the_server_gives_times(trace):
    shown = trace.add(feedback={"value": True})
    assert set(shown) == {
        "assessment_id", "assessment_name", "trace_id", "source", "create_time",
        "last_update_time", "feedback", "valid",
    }  # fmt: skip
    assert shown["create_time"] == shown["last_update_time"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", shown["create_time"])


@pytest.mark.parametrize(
    "value",
    [
        True,
        2,
        -1.5,
        1e20,
        100000,
        1e-7,
        "yes",
        'é "quoted" \n 😀',
        None,
        ["a", 1, False, None],
        {"a": 1, "b": {"c": [2]}},
    ],
)
def test_feedback_values(trace, value):
    made = trace.add(feedback={"value": value})["assessment_id"]
    shown = trace.get(made)["feedback"]["value"]
    assert shown == value
    # Numbers come back as reals, the way protobuf's Value holds them.
    if isinstance(value, int) and not isinstance(value, bool):
        assert isinstance(shown, float)


def test_feedback_without_a_value(trace):
    assert trace.add(feedback={})["feedback"] == {"value": None}
    assert trace.add(feedback={"error": {}})["feedback"] == {
        "value": None,
        "error": {"error_code": ""},
    }


def test_a_long_stack_trace_is_cut_when_shown(trace):
    error = {"error_code": "E", "stack_trace": "x" * 10 + "y" * 10_000}
    made = trace.add(feedback={"error": error})
    shown = made["feedback"]["error"]["stack_trace"]
    prefix = "[Stack trace is truncated]\n...\n"
    assert shown == prefix + "y" * (10_000 - len(prefix))
    trace.change(made["assessment_id"], "rationale", rationale="r").ok()
    assert trace.get(made["assessment_id"])["feedback"] == made["feedback"]


@pytest.mark.parametrize(
    "given, shown",
    [
        ({"value": "text"}, {"value": "text"}),
        ({"value": 3}, {"value": 3.0}),
        ({"value": False}, {"value": False}),
        ({"value": [1, 2]}, "[1.0, 2.0]"),
        (
            {"serialized_value": '{"b": 1.0,"a":[1,  2], "é": null}'},
            '{"b": 1.0, "a": [1, 2], "\\u00e9": null}',
        ),
        ({"serialized_value": "5"}, {"value": 5.0}),
        ({"serialized_value": '"x"'}, {"value": "x"}),
    ],
)
def test_expectation_values(trace, given, shown):
    def serialized(text):
        return {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": text}}

    if "serialized_value" in given:
        given = serialized(given["serialized_value"])
    if isinstance(shown, str):
        shown = serialized(shown)
    made = trace.add(expectation=given)
    assert made["expectation"] == shown
    assert trace.get(made["assessment_id"]) == made


def test_an_expectation_keeps_no_rationale_and_overrides_nothing(trace):
    first = trace.add(feedback={"value": 1})["assessment_id"]
    shown = trace.add(expectation={"value": 3}, rationale="r", overrides=first)
    assert "rationale" not in shown and "overrides" not in shown
    assert trace.get(first)["valid"] is True


def test_a_reference_to_an_issue(trace):
    shown = trace.add(assessment_name="iss-1", issue={"issue_name": "slow"}, rationale="why")
    assert shown["issue"] == {"issue_name": "slow"}
    assert (shown["assessment_name"], shown["rationale"]) == ("iss-1", "why")
    assert trace.get(shown["assessment_id"]) == shown


def test_sources(trace):
    def source(given):
        return trace.add(source=given, feedback={"value": 1})["source"]

    for kind in ("HUMAN", "LLM_JUDGE", "CODE"):
        assert source({"source_type": kind}) == {"source_type": kind}
    assert source({"source_type": 2}) == {"source_type": "LLM_JUDGE"}
    unspecified = {"source_type": "SOURCE_TYPE_UNSPECIFIED"}
    assert source({}) == unspecified
    assert source({"source_type": "bogus"}) == unspecified
    assert source({"source_id": "x"}) == {**unspecified, "source_id": "x"}


def test_create_refuses_bad_input(api, trace):
    api.post(trace.path).missing("assessment")
    api.post(trace.path, assessment=None).missing("assessment")
    api.post(trace.path, assessment={}).invalid("Unknown assessment type: None")
    trace.ask().invalid("Unknown assessment type: None")
    trace.ask(expectation={}).invalid("The `value` field must be specified.")
    trace.ask(expectation={"value": None}).invalid("The `value` field must be specified.")
    serialized = {"serialization_format": "XML", "value": "{}"}
    trace.ask(expectation={"serialized_value": serialized}).invalid(
        "Unknown serialization format: XML. Only JSON_FORMAT is supported."
    )
    assert trace.of_info() == []


def test_a_given_id_is_kept_and_taken_once(trace):
    given = "a-" + uuid.uuid4().hex
    assert trace.add(assessment_id=given, feedback={"value": 1})["assessment_id"] == given
    trace.ask(assessment_id=given, feedback={"value": 2}).refused(
        400, "RESOURCE_ALREADY_EXISTS", given, reference_fails=True
    )
    assert trace.get(given)["feedback"] == {"value": 1.0}


def test_unknown_traces_and_assessments(api, trace):
    nowhere = OfTrace(api, "tr-nope")
    nowhere.ask(feedback={"value": 1}).absent("Trace with ID 'tr-nope' not found.")
    api.get(nowhere.path + "/x").absent("Trace with request_id 'tr-nope' not found")
    nowhere.change("x", "rationale").absent("Trace with request_id 'tr-nope' not found")
    sentence = f"Assessment with ID 'x' not found for trace '{trace.trace_id}'"
    api.get(trace.path + "/x").absent(sentence)
    trace.change("x", "rationale").absent(sentence)
    assert trace.delete("x").ok() == nowhere.delete("x").ok() == {}


def test_an_assessment_belongs_to_its_trace(api, experiment, trace):
    made = trace.add(feedback={"value": 1})["assessment_id"]
    other = OfTrace(api, new_trace(api, experiment))
    api.get(f"{other.path}/{made}").absent("not found for trace")
    assert other.delete(made).ok() == {}
    assert trace.get(made)["valid"] is True


def test_feedback_overrides_feedback(trace):
    first = trace.add(feedback={"value": "no"})["assessment_id"]
    second = trace.add(feedback={"value": "yes"}, overrides=first)
    assert second["overrides"] == first and second["valid"] is True
    assert trace.get(first)["valid"] is False
    assert [(one["assessment_id"], one["valid"]) for one in trace.of_info()] == [
        (first, False),
        (second["assessment_id"], True),
    ]
    assert trace.delete(second["assessment_id"]).ok() == {}
    assert trace.get(first)["valid"] is True
    assert [one["assessment_id"] for one in trace.of_info()] == [first]


def test_overriding_what_is_not_there(trace):
    trace.ask(feedback={"value": 1}, overrides="a-none").absent(
        f"Assessment with ID 'a-none' not found for trace '{trace.trace_id}'"
    )
    assert trace.of_info() == []


def test_valid_is_the_servers_business(trace):
    assert trace.add(feedback={"value": 1}, valid=False)["valid"] is True


def test_update_changes_what_the_mask_names(trace):
    before = trace.add(feedback={"value": "no"}, rationale="r", metadata={"a": "1", "b": "2"})
    made = before["assessment_id"]
    time.sleep(0.01)

    def change(mask, **fields):
        after = trace.change(made, mask, **fields).ok()["assessment"]
        assert after == trace.get(made)
        assert after["create_time"] == before["create_time"]
        assert after["last_update_time"] > before["last_update_time"]
        return {name: after.get(name) for name in before if not name.endswith("time")}

    expected = {name: before[name] for name in before if not name.endswith("time")}
    expected["rationale"] = "s"
    assert change("rationale", rationale="s", assessment_name="other", source={}) == expected
    expected["assessment_name"] = "renamed"
    assert change("assessmentName", assessment_name="renamed") == expected
    expected["feedback"] = {"value": 0.25, "error": {"error_code": "E"}}
    assert change("feedback", feedback=expected["feedback"]) == expected
    expected["feedback"] = {"value": None}
    assert change("feedback") == expected
    expected["metadata"] = {"a": "3", "b": "2", "c": "4"}
    assert change("metadata", metadata={"a": "3", "c": "4"}) == expected
    expected["rationale"] = ""
    assert change("rationale,metadata") == expected
    assert change("source,overrides,nonsense", source={"source_type": "CODE"}) == expected


def test_an_expectation_is_updated(trace):
    made = trace.add(expectation={"value": 3})["assessment_id"]
    value = {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": "[1, 2]"}}
    after = trace.change(made, "expectation", expectation=value).ok()["assessment"]
    assert after["expectation"] == value
    trace.change(made, "expectation").invalid("The `value` field must be specified.")
    trace.change(made, "feedback", feedback={"value": 1}).invalid(
        "Cannot update feedback value on an Expectation assessment."
    )
    trace.change(made, "feedback,expectation", feedback={"value": 1}, expectation={"value": 1})
    assert trace.get(made)["expectation"] == value


def test_update_refuses_bad_input(api, trace):
    made = trace.add(feedback={"value": 1})["assessment_id"]
    path = f"{trace.path}/{made}"
    api.patch(path).missing("assessment")
    api.patch(path, assessment={"rationale": "x"}).missing("update_mask")
    api.patch(path, assessment={"rationale": "x"}, update_mask="").missing("update_mask")
    trace.change(made, "expectation", expectation={"value": 1}).invalid(
        "Cannot update expectation value on a Feedback assessment."
    )
    assert "rationale" not in trace.get(made)


def test_what_breaks_the_reference_is_refused(is_reference, trace):
    made = trace.add(feedback={"value": 1})["assessment_id"]
    answer = trace.change(made, "valid", valid=False)
    broken = {"serialization_format": "JSON_FORMAT", "value": "nojson"}
    unreadable = trace.ask(expectation={"serialized_value": broken})
    if is_reference:
        assert answer.status == unreadable.status == 500
    else:
        answer.invalid("`valid` cannot be updated")
        unreadable.refused(400, "BAD_REQUEST", "")
    issue = trace.add(assessment_name="iss-1", issue={"issue_name": "slow"})["assessment_id"]
    trace.change(issue, "rationale", rationale="x").invalid("", reference_fails=True)
    assert trace.get(made)["valid"] is True
    assert "rationale" not in trace.get(issue)


def test_a_trace_brings_its_assessments(api, experiment):
    trace_id = "tr-" + uuid.uuid4().hex
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    assessment = {
        "assessment_name": "q",
        "source": HUMAN,
        "create_time": CREATED,
        "last_update_time": CREATED,
        "feedback": {"value": 2},
    }
    info = {
        "trace_id": trace_id,
        "trace_location": location,
        "request_time": CREATED,
        "state": "OK",
        "assessments": [assessment],
    }
    api.post(ROOT, trace={"trace_info": info}).ok()
    (shown,) = OfTrace(api, trace_id).of_info()
    assert shown == {
        **assessment,
        "assessment_id": shown["assessment_id"],
        "trace_id": trace_id,
        "feedback": {"value": 2.0},
        "valid": True,
    }


def test_an_assessment_of_a_deleted_trace(api, experiment, trace):
    made = trace.add(feedback={"value": 1})["assessment_id"]
    api.post(
        f"{ROOT}/delete-traces", experiment_id=experiment, request_ids=[trace.trace_id]
    ).ok()
    api.get(f"{trace.path}/{made}").absent("Trace with request_id")
    trace.ask(feedback={"value": 1}).absent(f"Trace with ID '{trace.trace_id}' not found.")


def test_ajax_requests_are_the_same(api, trace):
    path = trace.path.replace("/api/", "/ajax-api/")
    body = {"assessment_name": "q", "source": HUMAN, "feedback": {"value": "x"}}
    made = api.post_text(path, json.dumps({"assessment": body})).ok()["assessment"]
    assert trace.get(made["assessment_id"]) == made
