"""Assessments of a trace: feedback and expectations."""

from steps import delete, get, patch, post

V3 = "/api/3.0/mlflow/traces"
ONE = V3 + "/tr-one/assessments"
HUMAN = {"source_type": "HUMAN", "source_id": "me"}


def create(name, save=None, /, **fields):
    body = {"assessment": {"trace_id": "tr-one", "source": HUMAN, **fields}}
    return post(name, ONE, body, save={save: "assessment.assessment_id"} if save else {})


def update(name, one, mask, **fields):
    body = {"assessment": {"assessment_id": one, "trace_id": "tr-one", **fields}, "update_mask": mask}
    return patch(name, f"{ONE}/{one}", body)


STEPS = [
    post("a trace", V3, {"trace": {"trace_info": {"trace_id": "tr-one", "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}, "request_time": "2020-01-01T00:00:00Z", "execution_duration": "1s", "state": "OK"}}}),
    create("feedback", "one", assessment_name="quality", feedback={"value": "good"}, rationale="because", metadata={"k": "v"}),
    create("a number", "two", assessment_name="score", feedback={"value": 0.5}),
    create("a bool", assessment_name="ok", feedback={"value": True}),
    create("a list", assessment_name="list", feedback={"value": ["a", 1]}),
    create("an object", assessment_name="object", feedback={"value": {"a": 1}}),
    create("an error", assessment_name="failed", feedback={"error": {"error_code": "X", "error_message": "m"}}),
    create("an expectation", "three", assessment_name="answer", expectation={"value": 42}),
    create("a written expectation", assessment_name="json", expectation={"serialized_value": {"serialization_format": "JSON_FORMAT", "value": "{\"a\": 1}"}}),
    create("of a span", assessment_name="span", feedback={"value": 1}, span_id="s1"),
    create("that overrides", "four", assessment_name="quality", feedback={"value": "bad"}, overrides="{one}"),
    create("that overrides nobody", assessment_name="quality", feedback={"value": "bad"}, overrides="a-nobody"),
    create("without name", feedback={"value": 1}),
    create("without value", assessment_name="empty"),
    create("without source", assessment_name="nosource", feedback={"value": 1}, source=None),
    create("of a model", assessment_name="judge", feedback={"value": "yes"}, source={"source_type": "LLM_JUDGE", "source_id": "gpt"}),
    create("of an unknown kind", assessment_name="kind", feedback={"value": 1}, source={"source_type": "BOGUS", "source_id": "x"}),
    post("nothing", ONE),
    post("of an unknown trace", V3 + "/tr-nobody/assessments", {"assessment": {"trace_id": "tr-nobody", "assessment_name": "q", "source": HUMAN, "feedback": {"value": 1}}}),
    get("one", ONE + "/{one}"),
    get("an unknown one", ONE + "/a-nobody"),
    get("one of an unknown trace", V3 + "/tr-nobody/assessments/{one}"),
    update("a new value", "{two}", "feedback", feedback={"value": 0.75}),
    update("a new rationale", "{two}", "rationale", rationale="why not"),
    update("a new name", "{two}", "assessmentName", assessment_name="points"),
    update("new metadata", "{two}", "metadata", metadata={"x": "y"}),
    update("an expectation for feedback", "{two}", "expectation", expectation={"value": 1}),
    update("update nothing", "{two}", ""),
    update("update an unknown one", "a-nobody", "rationale", rationale="x"),
    get("the updated one", ONE + "/{two}"),
    get("the trace with all", V3 + "/tr-one"),
    post("found by feedback", V3 + "/search", {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}], "filter": "feedback.quality = 'bad'"}),
    post("not found by expectation", V3 + "/search", {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}], "filter": "expectation.answer = '41'"}),
    delete("delete the overriding one", ONE + "/{four}"),
    get("the overridden one is valid again", ONE + "/{one}"),
    delete("delete", ONE + "/{three}"),
    delete("delete again", ONE + "/{three}"),
    get("the deleted one", ONE + "/{three}"),
]
