"""Traces without their spans: what clients from 2.14 on say of them, tags, links, deletion."""

import pytest

TRACES = "/api/3.0/mlflow/traces"


@pytest.fixture
def trace_id(unique):
    return unique("tr")


def described(trace_id, experiment, **fields):
    info = {
        "trace_id": trace_id,
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": experiment},
        },
        "request_time": "2025-01-01T00:00:00.123Z",
        "state": "OK",
    }
    info.update(fields)
    return {"trace": {"trace_info": info}}


@pytest.fixture
def start(api, experiment):
    def start_one(trace_id, **fields):
        answer = api.post(TRACES, described(trace_id, experiment, **fields))
        return answer.ok()["trace"]["trace_info"]

    return start_one


@pytest.fixture
def trace(start, trace_id):
    start(trace_id)
    return trace_id


def info(api, trace_id):
    return api.get(f"{TRACES}/{trace_id}").ok()["trace"]["trace_info"]


def test_a_trace_is_answered_as_it_was_started(api, experiment, start, trace_id):
    started = start(
        trace_id,
        client_request_id="mine",
        execution_duration="1.5s",
        request_preview="question",
        response_preview="answer",
        trace_metadata={
            "plain": "text",
            "mlflow.trace.session": "s1",
            "mlflow.trace.tokenUsage": '{"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}',
            "mlflow.trace.cost": '{"input_cost": 0.5, "output_cost": 1.0, "total_cost": 1.5}',
        },
        tags={"team": "한글", "mlflow.traceName": "name"},
    )
    assert started == {
        "trace_id": trace_id,
        "client_request_id": "mine",
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": experiment},
        },
        "request_preview": "question",
        "response_preview": "answer",
        "request_time": "2025-01-01T00:00:00.123Z",
        "execution_duration": "1.500s",
        "state": "OK",
        "trace_metadata": {
            "plain": "text",
            "mlflow.trace.session": "s1",
            "mlflow.trace.tokenUsage": '{"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}',
            "mlflow.trace.cost": '{"input_cost": 0.5, "output_cost": 1.0, "total_cost": 1.5}',
            "mlflow.trace.infoFinalized": "true",
        },
        "tags": {
            "team": "한글",
            "mlflow.traceName": "name",
            "mlflow.artifactLocation": f"mlflow-artifacts:/{experiment}/traces/{trace_id}/artifacts",
        },
    }
    assert info(api, trace_id) == started


@pytest.mark.parametrize(
    "given, shown",
    [
        ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("2025-01-01T00:00:00.123456789+02:00", "2024-12-31T22:00:00.123Z"),
        ("1970-01-01T00:00:00.001Z", "1970-01-01T00:00:00.001Z"),
    ],
)
def test_times_are_rfc_3339(start, trace_id, given, shown):
    assert start(trace_id, request_time=given)["request_time"] == shown


@pytest.mark.parametrize(
    "given, shown", [("2s", "2s"), ("0.0015s", "0.001s"), ("0s", "0s"), ("61.25s", "61.250s")]
)
def test_durations_are_seconds(start, trace_id, given, shown):
    assert start(trace_id, execution_duration=given)["execution_duration"] == shown


def test_assessments_come_with_the_trace(start, trace_id):
    moment = "2025-01-01T00:00:00Z"
    common = {"source": {"source_type": "HUMAN", "source_id": "me"}, "create_time": moment,
              "last_update_time": moment}
    feedback = {"assessment_name": "good", "feedback": {"value": "yes"}, "rationale": "because",
                "metadata": {"k": "v"}, **common}
    listed = {"serialization_format": "JSON_FORMAT", "value": "[1, 2]"}
    expectation = {"assessment_name": "facts", "expectation": {"serialized_value": listed}, **common}
    answered = start(trace_id, assessments=[feedback, expectation])["assessments"]
    for one in answered:
        assert one.pop("assessment_id").startswith("a-")
        assert one.pop("trace_id") == trace_id
        assert one.pop("valid") is True
    assert sorted(answered, key=lambda one: one["assessment_name"]) == [expectation, feedback]


def test_starting_again_replaces_what_is_given(api, start, trace_id):
    start(trace_id, request_preview="kept", tags={"a": "1", "b": "1"}, trace_metadata={"m": "1"})
    again = start(trace_id, state="ERROR", tags={"b": "2"}, trace_metadata={"n": "2"})
    assert again["state"] == "ERROR"
    assert again["request_preview"] == "kept"
    assert (again["tags"]["a"], again["tags"]["b"]) == ("1", "2")
    assert (again["trace_metadata"]["m"], again["trace_metadata"]["n"]) == ("1", "2")


def test_a_trace_needs_an_active_experiment(api, experiment, trace_id):
    api.post(TRACES, described(trace_id, "99999999")).absent("No Experiment with id=99999999 exists")
    api.post("experiments/delete", experiment_id=experiment).ok()
    api.post(TRACES, described(trace_id, experiment)).invalid("must be in the 'active' state")
    api.post(TRACES, {}).missing("trace")


def test_an_unknown_trace_is_not_found(api):
    api.get(f"{TRACES}/tr-none").absent("Trace with ID 'tr-none' not found.")
    api.get(f"{TRACES}/get", trace_id="tr-none").absent("Trace with ID tr-none is not found.")
    api.get(f"{TRACES}/get").missing("trace_id")
    api.get(f"{TRACES}/batchGet").missing("trace_ids")
    assert api.get(f"{TRACES}/batchGet", trace_ids="tr-none").ok() == {}


def test_infos_of_several_traces_come_in_the_order_asked_for(api, experiment, start, unique):
    ids = [unique("tr") for _ in range(3)]
    for one in ids:
        start(one)
    wanted = [ids[2], "tr-none", ids[0]]
    found = api.post(f"{TRACES}/batchGetInfos", trace_ids=wanted).ok()["trace_infos"]
    assert [one["trace_id"] for one in found] == [ids[2], ids[0]]
    elsewhere = {"trace_ids": wanted, "experiment_ids": ["0"]}
    assert api.post(f"{TRACES}/batchGetInfos", elsewhere).ok() == {}
    api.post(f"{TRACES}/batchGetInfos", {}).missing("trace_ids")


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_tags_are_set_and_deleted(api, trace, version):
    tags = f"/api/{version}/mlflow/traces/{trace}/tags"
    assert api.patch(tags, key="k", value="v").ok() == {}
    api.patch(tags, key="k", value="w").ok()
    api.patch(tags, key="mlflow.traceName", value="renamed").ok()
    assert info(api, trace)["tags"]["k"] == "w"
    assert info(api, trace)["tags"]["mlflow.traceName"] == "renamed"
    api.delete(tags, key="k").ok()
    api.delete(tags, key="mlflow.traceName").ok()
    assert set(info(api, trace)["tags"]) == {"mlflow.artifactLocation"}
    absent = f"No trace tag with key 'k' for trace with ID '{trace}'"
    api.delete(tags, key="k").absent(absent)
    api.patch(tags, value="v").missing("key")
    api.patch(tags, key="../k", value="v").invalid("must not resolve to other names")
    for key in ("mlflow.trace.spansLocation", "mlflow.trace.archiveLocation"):
        message = f"Tag '{key}' is immutable and cannot be"
        api.patch(tags, key=key, value="v").invalid(message)
        api.delete(tags, key=key).invalid(message)


def test_a_long_tag_is_cut(api, trace):
    api.patch(f"{TRACES}/{trace}/tags", key="long", value="x" * 9000).ok()
    assert info(api, trace)["tags"]["long"] == "x" * 4096
    api.patch(f"{TRACES}/{trace}/tags", key="k" * 251, value="v").invalid("250")


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_traces_are_deleted_by_id_and_by_age(api, experiment, start, unique, version):
    ids = [unique("tr") for _ in range(4)]
    for second, one in enumerate(ids):
        start(one, request_time=f"1970-01-01T00:00:0{second}Z")
    path = f"/api/{version}/mlflow/traces/delete-traces"

    def delete(**which):
        return api.post(path, experiment_id=experiment, **which)

    assert delete(request_ids=[ids[3], "tr-none"]).ok() == {"traces_deleted": 1}
    assert delete(max_timestamp_millis=5000, max_traces=1).ok() == {"traces_deleted": 1}
    api.get(f"{TRACES}/{ids[0]}").absent("not found")
    assert delete(max_timestamp_millis=1000).ok() == {"traces_deleted": 1}
    info(api, ids[2])
    delete().invalid("Either `max_timestamp_millis` or `trace_ids` must be specified.")
    delete(max_timestamp_millis=1, request_ids=ids).invalid("Only one of `max_timestamp_millis`")
    delete(request_ids=ids, max_traces=1).invalid("`max_traces` can't be specified if")
    delete(max_timestamp_millis=1, max_traces=0).invalid("`max_traces` must be a positive integer")
    api.post(path, max_timestamp_millis=1).missing("experiment_id")


def test_traces_are_linked_to_runs_and_prompts(api, experiment, run, trace):
    links = "/api/2.0/mlflow/traces/"
    for _ in range(2):
        assert api.post(links + "link-to-run", trace_ids=[trace], run_id=run).ok() == {}
    prompts = [{"name": "greeting", "version": "3"}]
    assert api.post(links + "link-prompts", trace_id=trace, prompt_versions=prompts).ok() == {}
    place = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}]
    for filter_string in (f"run_id = '{run}'", "prompt = 'greeting/3'"):
        found = api.post(f"{TRACES}/search", locations=place, filter=filter_string).ok()
        assert [one["trace_id"] for one in found["traces"]] == [trace]
    many = [f"tr-{number}" for number in range(101)]
    api.post(links + "link-to-run", trace_ids=many, run_id=run).invalid(
        "Cannot link more than 100 traces to a run in a single request. Provided 101 traces."
    )
    api.post(links + "link-to-run", trace_ids=[trace]).missing("run_id")
    api.post(links + "link-prompts", trace_id="tr-none", prompt_versions=prompts).absent("tr-none")


def test_a_client_before_3_begins_and_ends_a_trace(api, experiment):
    begun = api.post(
        "traces",
        experiment_id=experiment,
        timestamp_ms=1000,
        request_metadata=[{"key": "m", "value": "1"}],
        tags=[{"key": "mlflow.traceName", "value": "old"}],
    ).ok()["trace_info"]
    trace_id = begun["request_id"]
    location = f"mlflow-artifacts:/{experiment}/traces/{trace_id}/artifacts"
    assert (begun["status"], begun["execution_time_ms"]) == ("IN_PROGRESS", 0)
    assert {"key": "mlflow.artifactLocation", "value": location} in begun["tags"]
    ended = api.patch(
        f"traces/{trace_id}",
        request_id=trace_id,
        timestamp_ms=1250,
        status="ERROR",
        request_metadata=[{"key": "n", "value": "2"}],
        tags=[{"key": "t", "value": "v"}],
    ).ok()["trace_info"]
    assert (ended["status"], ended["execution_time_ms"]) == ("ERROR", 250)
    assert {pair["key"] for pair in ended["request_metadata"]} == {"m", "n"}
    assert {pair["key"] for pair in ended["tags"]} == {
        "mlflow.artifactLocation", "mlflow.traceName", "t"
    }
    assert api.get(f"traces/{trace_id}/info").ok()["trace_info"].keys() == ended.keys()
    found = api.get("traces", experiment_ids=experiment, filter="status = 'ERROR'").ok()["traces"]
    assert [one["request_id"] for one in found] == [trace_id]
    api.patch("traces/none", timestamp_ms=1, status="OK").absent("Trace with ID 'none' not found.")
    api.get("traces").missing("experiment_ids")


def test_data_of_a_trace_is_read_where_its_client_left_it(api, experiment):
    started = api.post("traces", experiment_id=experiment, timestamp_ms=1).ok()["trace_info"]
    trace_id = started["request_id"]
    file = f"{experiment}/traces/{trace_id}/artifacts/traces.json"
    artifact = "/ajax-api/2.0/mlflow/get-trace-artifact"
    api.get(artifact, request_id=trace_id).refused(404, "NOT_FOUND", "path=traces.json")
    content = b'{"spans": []}'
    stored = api.send("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{file}", data=content)
    assert stored.status == 200, stored
    for version in ("2.0", "3.0"):
        answer = api.get(f"/ajax-api/{version}/mlflow/get-trace-artifact", request_id=trace_id)
        assert answer.status == 200 and answer.body == content
        assert "traces.json" in answer.headers["Content-Disposition"]
    api.get(artifact).refused(400, "BAD_REQUEST", 'must include the "request_id" query parameter')
    api.get(artifact, request_id="tr-none").absent("tr-none")


def test_endpoints_of_other_servers_are_not_there(api):
    for path in ("unified-traces", "get-online-trace-details"):
        assert api.get(path).status == 404
