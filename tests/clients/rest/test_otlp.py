"""Spans over OpenTelemetry's protocol, as any exporter sends them."""

import gzip
import json
import random
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TRACES = "/api/3.0/mlflow/traces"
SECOND = 10**9


def set_value(target, value):
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, int):
        target.int_value = value
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, list):
        target.array_value.SetInParent()
        for item in value:
            set_value(target.array_value.values.add(), item)
    elif isinstance(value, dict):
        target.kvlist_value.SetInParent()
        add_attributes(target.kvlist_value.values, value)


def add_attributes(target, attributes):
    for key, value in attributes.items():
        pair = target.add()
        pair.key = key
        set_value(pair.value, value)


def request(*spans, resource=None):
    """A request of spans {trace, id, parent, name, start, end, status, attributes, event}."""
    message = ExportTraceServiceRequest()
    group = message.resource_spans.add()
    add_attributes(group.resource.attributes, resource or {})
    scope = group.scope_spans.add()
    for one in spans:
        span = scope.spans.add()
        span.trace_id = bytes.fromhex(one["trace"])
        span.span_id = one.get("id", 1).to_bytes(8, "big")
        if "parent" in one:
            span.parent_span_id = one["parent"].to_bytes(8, "big")
        span.name = one.get("name", "work")
        span.start_time_unix_nano = one.get("start", 100 * SECOND)
        span.end_time_unix_nano = one.get("end", 101 * SECOND)
        span.status.code = one.get("status", 1)
        add_attributes(span.attributes, one.get("attributes", {}))
        if "event" in one:
            event = span.events.add()
            event.name = "exception"
            event.time_unix_nano = 100 * SECOND
            add_attributes(event.attributes, one["event"])
    return message.SerializeToString()


@pytest.fixture
def trace():
    return f"{random.getrandbits(128):032x}"


@pytest.fixture
def send(api, experiment):
    def send_one(body, **headers):
        given = {
            "x-mlflow-experiment-id": experiment,
            "Content-Type": "application/x-protobuf",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        kept = {name: value for name, value in given.items() if value is not None}
        return api.send("POST", "/v1/traces", data=body, headers=kept)

    return send_one


def taken(answer):
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == "application/x-protobuf"
    assert answer.body == b""


def detail(answer, status, sentence):
    assert answer.status == status, answer
    assert sentence in answer.json["detail"], answer


def info(api, trace):
    return api.get(f"{TRACES}/tr-{trace}").ok()["trace"]["trace_info"]


def read(api, trace):
    return api.get(f"{TRACES}/get", trace_id=f"tr-{trace}", allow_partial="true").ok()["trace"]


def test_a_span_makes_a_trace(api, send, trace, experiment):
    attributes = {
        "mlflow.spanInputs": {"question": "why?", "n": [1, 2.5, True]},
        "mlflow.spanOutputs": "because",
        "mlflow.spanType": "CHAIN",
        "session.id": "s1",
        "user.id": "u1",
        "mlflow.traceTag.color": "red",
        "mlflow.traceTag.mlflow.traceName": "named",
    }
    span = {"trace": trace, "attributes": attributes, "event": {"exception.message": "m"}}
    taken(send(request(span, resource={"service.name": "shop", "telemetry.sdk.name": "x"})))
    assert info(api, trace) == {
        "trace_id": f"tr-{trace}",
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": experiment},
        },
        "request_preview": '{"question": "why?", "n": [1, 2.5, true]}',
        "response_preview": '"because"',
        "request_time": "1970-01-01T00:01:40Z",
        "execution_duration": "1s",
        "state": "OK",
        "trace_metadata": {"mlflow.trace.session": "s1", "mlflow.trace.user": "u1"},
        "tags": {
            "mlflow.artifactLocation": f"mlflow-artifacts:/{experiment}/traces/tr-{trace}/artifacts",
            "mlflow.trace.spansLocation": "TRACKING_STORE",
            "mlflow.traceName": "named",
            "color": "red",
            "service.name": "shop",
        },
    }
    (stored,) = read(api, trace)["spans"]
    values = {pair["key"]: pair.get("value") for pair in stored["attributes"]}
    assert values["mlflow.spanType"] == {"string_value": "CHAIN"}
    assert values["mlflow.traceRequestId"] == {"string_value": f"tr-{trace}"}
    first, second = values["mlflow.spanInputs"]["kvlist_value"]["values"]
    assert first == {"key": "question", "value": {"string_value": "why?"}}
    assert second["value"]["array_value"]["values"] == [
        {"int_value": 1}, {"double_value": 2.5}, {"bool_value": True}
    ]
    assert stored["status"] == {"code": "STATUS_CODE_OK"}
    assert stored["start_time_unix_nano"] == 100 * SECOND
    assert stored["events"][0]["name"] == "exception"


def test_spans_come_in_several_requests_and_in_any_order(api, send, trace):
    usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    cost = {"input_cost": 0.25, "output_cost": 0.5, "total_cost": 0.75}
    leaf = {"trace": trace, "id": 3, "parent": 2, "attributes": {"mlflow.chat.tokenUsage": usage},
            "end": 103 * SECOND}
    taken(send(request(leaf)))
    assert info(api, trace)["state"] == "IN_PROGRESS"
    middle = {"trace": trace, "id": 2, "parent": 1, "attributes": {
        "mlflow.chat.tokenUsage": usage, "mlflow.llm.cost": cost}}
    root = {"trace": trace, "id": 1, "start": 99 * SECOND, "status": 2}
    taken(send(request(middle)))
    taken(send(request(root)))
    found = info(api, trace)
    assert (found["state"], found["request_time"]) == ("ERROR", "1970-01-01T00:01:39Z")
    assert found["execution_duration"] == "4s"
    # The leaf's tokens are in its parent's.
    assert json.loads(found["trace_metadata"]["mlflow.trace.tokenUsage"]) == usage
    assert json.loads(found["trace_metadata"]["mlflow.trace.cost"]) == cost
    assert len(read(api, trace)["spans"]) == 3


def test_the_words_of_other_instrumentations_are_understood(api, send, trace):
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "no-such-model",
        "gen_ai.provider.name": "nobody",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.input.messages": [{"role": "user", "content": "hi"}],
        "gen_ai.conversation.id": "talk",
    }
    taken(send(request({"trace": trace, "attributes": attributes})))
    found = info(api, trace)
    assert found["request_preview"] == '[{"role": "user", "content": "hi"}]'
    assert found["trace_metadata"]["mlflow.trace.session"] == "talk"
    assert json.loads(found["trace_metadata"]["mlflow.trace.tokenUsage"]) == {
        "input_tokens": 10, "output_tokens": 5, "total_tokens": 15
    }
    (stored,) = read(api, trace)["spans"]
    values = {pair["key"]: pair["value"] for pair in stored["attributes"]}
    assert values["mlflow.spanType"] == {"string_value": "CHAT_MODEL"}
    assert values["mlflow.llm.model"] == {"string_value": "no-such-model"}
    assert values["mlflow.llm.provider"] == {"string_value": "nobody"}


@pytest.mark.parametrize(
    "encoding, pack",
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body)[2:-4]),
    ],
)
def test_bodies_may_be_compressed(api, send, trace, encoding, pack):
    taken(send(pack(request({"trace": trace})), Content_Encoding=encoding))
    assert info(api, trace)["state"] == "OK"


def test_the_json_form_says_the_same(api, send, trace):
    body = {
        "resourceSpans": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "js"}}]},
            "scopeSpans": [{
                "scope": {"name": "x"},
                "spans": [{
                    "traceId": trace,
                    "spanId": "00000000000000ab",
                    "name": "js",
                    "kind": 1,
                    "startTimeUnixNano": str(100 * SECOND),
                    "endTimeUnixNano": 101 * SECOND,
                    "attributes": [
                        {"key": "n", "value": {"intValue": "5"}},
                        {"key": "l", "value": {"arrayValue": {"values": [{"boolValue": True}]}}},
                    ],
                    "status": {"code": "STATUS_CODE_OK"},
                }],
            }],
        }]
    }
    taken(send(json.dumps(body).encode(), Content_Type="application/json; charset=utf-8"))
    assert info(api, trace)["tags"]["service.name"] == "js"
    values = {pair["key"]: pair["value"] for pair in read(api, trace)["spans"][0]["attributes"]}
    assert values["n"] == {"int_value": 5}
    assert values["l"] == {"array_value": {"values": [{"bool_value": True}]}}
    body["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"] = "zz"
    detail(
        send(json.dumps(body).encode(), Content_Type="application/json"),
        400, "Invalid OpenTelemetry format",
    )


def test_the_header_that_names_the_experiment_is_needed(send, trace):
    answer = send(request({"trace": trace}), x_mlflow_experiment_id=None)
    assert answer.status == 422
    assert answer.json == {
        "detail": [{
            "type": "missing",
            "loc": ["header", "x-mlflow-experiment-id"],
            "msg": "Field required",
            "input": None,
        }]
    }


@pytest.mark.parametrize(
    "body, headers, sentence",
    [
        (b"", {}, "Invalid OpenTelemetry format - no spans found"),
        (b"garbage", {}, "Invalid OpenTelemetry format"),
        (b"{}", {"Content_Type": "application/json"}, "no spans found"),
        (b"{", {"Content_Type": "application/json"}, "Invalid OpenTelemetry format"),
        (b"x", {"Content_Type": "text/plain"}, "Invalid Content-Type: text/plain."),
        (b"x", {"Content_Type": None}, "Invalid Content-Type: None."),
        (b"x", {"Content_Encoding": "gzip"}, "Failed to decompress gzip payload"),
        (b"x", {"Content_Encoding": "deflate"}, "Failed to decompress deflate payload"),
        (b"x", {"Content_Encoding": "br"}, "Unsupported Content-Encoding: br"),
    ],
)
def test_what_is_no_request_is_refused(send, body, headers, sentence):
    detail(send(body, **headers), 400, sentence)


def test_a_request_without_spans_is_no_mistake(send):
    taken(send(request()))


def test_nothing_is_stored_of_a_refused_request(api, send, trace):
    body = request({"trace": trace})
    send(body, x_mlflow_experiment_id="99999999").absent("No Experiment with id=99999999 exists")
    send(body, x_mlflow_experiment_id="abc").invalid("Invalid experiment ID 'abc'.")
    detail(send(request({"trace": trace}, {"trace": ""})), 422, "Cannot convert OpenTelemetry span")
    api.get(f"{TRACES}/tr-{trace}").absent("not found")


def test_traces_are_linked_to_the_run_of_the_header(api, send, run, experiment, trace):
    taken(send(request({"trace": trace}), x_mlflow_run_id=run))
    place = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}]
    found = api.post(f"{TRACES}/search", locations=place, filter=f"run_id = '{run}'").ok()
    assert [one["trace_id"] for one in found["traces"]] == [f"tr-{trace}"]


def test_spans_are_found_by_what_they_say(api, send, experiment):
    names = {}
    for name, status in (("red", 1), ("blue", 2)):
        trace = f"{random.getrandbits(128):032x}"
        names[f"tr-{trace}"] = name
        taken(send(request({"trace": trace, "name": name, "status": status, "attributes": {
            "mlflow.spanType": "LLM", "word": f"한글 {name}"}})))
    place = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}]

    def search(filter_string):
        found = api.post(f"{TRACES}/search", locations=place, filter=filter_string).ok()
        return sorted(names[one["trace_id"]] for one in found.get("traces", []))

    assert search("span.name = 'red'") == ["red"]
    assert search("span.status = 'ERROR' AND span.type = 'LLM'") == ["blue"]
    assert search("span.name = 'red' AND span.status = 'ERROR'") == []
    assert search("span.name IN ('red', 'blue')") == ["blue", "red"]
    assert search("trace.text LIKE '%한글 blue%'") == ["blue"]
    assert search("span.content ILIKE '%RED%'") == ["red"]
    assert search("span.attributes.word LIKE '%한글 red%'") == ["red"]
    assert search("span.attributes.word RLIKE '^한글 b'") == ["blue"]
    assert search("span.attributes.word RLIKE 'red$'") == ["red"]


def test_complete_traces_come_with_their_spans(api, send, experiment, trace):
    other = f"{random.getrandbits(128):032x}"
    spans = [{"trace": one, "id": number + 1, **({"parent": 1} if number else {})}
             for one in (trace, other) for number in range(3)]
    taken(send(request(*spans)))
    # The client says that one of them has a fourth span.
    whole = info(api, trace)
    whole["trace_metadata"] = {"mlflow.trace.sizeStats": '{"num_spans": 4}'}
    api.post(TRACES, {"trace": {"trace_info": whole}}).ok()
    ids = [f"tr-{trace}", f"tr-{other}"]
    found = api.get(f"{TRACES}/batchGet", trace_ids=ids).ok()["traces"]
    assert [one["trace_info"]["trace_id"] for one in found] == [ids[1]]
    assert len(found[0]["spans"]) == 3 and "parent_span_id" not in found[0]["spans"][0]
    assert len(read(api, trace)["spans"]) == 3


def test_a_trace_is_waited_for_until_all_its_spans_are_there(api, send, trace):
    first = {"trace": trace, "id": 1}
    taken(send(request(first)))
    whole = info(api, trace)
    whole["trace_metadata"] = {"mlflow.trace.sizeStats": '{"num_spans": 2}'}
    api.post(TRACES, {"trace": {"trace_info": whole}}).ok()
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(api.get, f"{TRACES}/get", trace_id=f"tr-{trace}")
        taken(send(request({"trace": trace, "id": 2, "parent": 1})))
        assert len(asked.result().ok()["trace"]["spans"]) == 2


def test_a_trace_that_never_is_complete_is_told_so(api, send, trace):
    taken(send(request({"trace": trace})))
    whole = info(api, trace)
    whole["trace_metadata"] = {"mlflow.trace.sizeStats": '{"num_spans": 2}'}
    api.post(TRACES, {"trace": {"trace_info": whole}}).ok()
    api.get(f"{TRACES}/get", trace_id=f"tr-{trace}").absent("is not fully exported yet")


def test_the_browser_reads_a_trace_as_a_file(api, send, trace):
    taken(send(request({"trace": trace, "name": "é"})))
    for version in ("2.0", "3.0"):
        answer = api.get(f"/ajax-api/{version}/mlflow/get-trace-artifact", request_id=f"tr-{trace}")
        assert answer.status == 200
        assert answer.headers["Content-Disposition"] == "attachment; filename=traces.json"
        assert [span["name"] for span in answer.json["spans"]] == ["é"]
