"""Spans over OpenTelemetry's protocol, as protobuf and JSON, and what is stored of them."""

import copy
import gzip
import json
import zlib

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from steps import SLOW, Ours, Step, get, post

INTAKE = "/v1/traces"
V3 = "/api/3.0/mlflow/traces"
SECOND = 10**9
START = 1_000_000_000 * SECOND  # in 2001
PROTOBUF = "application/x-protobuf"
JSON = "application/json"


def trace_id(number):
    return f"{number:032x}"


def value_of(value):
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [value_of(item) for item in value]}}
    return {"kvlistValue": {"values": attributes_of(value)}}


def attributes_of(values):
    return [{"key": key, "value": value_of(value)} for key, value in values.items()]


def span(trace, number=1, parent=None, name="work", start=0, seconds=1, status=1, attributes=None, **rest):
    """A span as OpenTelemetry writes it in JSON. Its times are seconds after START."""
    made = {
        "traceId": trace_id(trace), "spanId": f"{number:016x}", "name": name, "kind": 1,
        "startTimeUnixNano": str(START + start * SECOND),
        "endTimeUnixNano": str(START + (start + seconds) * SECOND),
        "attributes": attributes_of(attributes or {}), "status": {"code": status}, **rest,
    }
    if parent is not None:
        made["parentSpanId"] = f"{parent:016x}"
    return made


def request(*spans, resource=None, scope=None):
    return {"resourceSpans": [{
        "resource": {"attributes": attributes_of(resource or {})},
        "scopeSpans": [{"scope": scope or {}, "spans": list(spans)}],
    }]}


def protobuf(body):
    """The same request in bytes; Google's own reading of JSON wants ids in base64."""
    body = copy.deepcopy(body)
    message = ExportTraceServiceRequest()
    ids = []
    for group in body["resourceSpans"]:
        for part in group["scopeSpans"]:
            ids.append([(one.pop("traceId", ""), one.pop("spanId", ""), one.pop("parentSpanId", "")) for one in part["spans"]])
    ParseDict(body, message)
    parts = [part for group in message.resource_spans for part in group.scope_spans]
    for part, of_part in zip(parts, ids):
        for one, (trace, number, parent) in zip(part.spans, of_part):
            one.trace_id, one.span_id = bytes.fromhex(trace), bytes.fromhex(number)
            one.parent_span_id = bytes.fromhex(parent)
    return message.SerializeToString(deterministic=True)


def send(name, body, kind=PROTOBUF, **headers):
    """The body goes as it is, or a request in the form of its kind."""
    if isinstance(body, dict):
        body = json.dumps(body) if kind == JSON else protobuf(body)
    given = {"x-mlflow-experiment-id": "{e}", "Content-Type": kind}
    given |= {key.replace("_", "-"): value for key, value in headers.items()}
    kept = {key: value for key, value in given.items() if value is not None}
    return Step(name, "POST", INTAKE, text=body, headers=kept)


def stored(name, trace):
    """What there is of a trace: its info, its spans."""
    return [
        get(f"info of {name}", f"{V3}/tr-{trace_id(trace)}"),
        get(f"spans of {name}", V3 + "/get", {"trace_id": "tr-" + trace_id(trace), "allow_partial": "true"}),
    ]


def sent(name, trace, body, kind=PROTOBUF, **headers):
    return [send(name, body, kind, **headers), *stored(name, trace)]


def search(text):
    return post(f"search {text}", V3 + "/search", {
        "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "{e}"}}],
        "filter": text, "order_by": ["timestamp_ms ASC"], "max_results": 100})


CHAT = {
    "mlflow.spanType": "CHAIN", "mlflow.spanInputs": {"question": "why?", "n": [1, 2.5, True]},
    "mlflow.spanOutputs": "because", "session.id": "s1", "user.id": "u1",
    "mlflow.traceTag.color": "red",
}
GEN_AI = {
    "gen_ai.operation.name": "chat", "gen_ai.request.model": "no-such-model", "gen_ai.provider.name": "nobody",
    "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5, "gen_ai.conversation.id": "talk",
}
USAGE = {"mlflow.chat.tokenUsage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}}
FAILURE = [{"name": "exception", "timeUnixNano": str(START + SECOND // 2), "attributes": attributes_of({"exception.type": "ValueError", "exception.message": "no", "count": 3})}]
ONE = request(span(1))


def changed(**fields):
    return request({**span(90), **fields})


STEPS = [
    post("an experiment", "experiments/create", {"name": "spans"}, save={"e": "experiment_id"}),
    post("a run", "runs/create", {"experiment_id": "{e}", "start_time": 1, "run_name": "r"}, save={"run": "run.info.run_id"}),
    # Good ones.
    *sent("one span", 1, ONE),
    *sent("one span again", 1, ONE),
    *sent("one span as JSON", 2, request(span(2)), JSON),
    *sent("JSON with a charset", 3, request(span(3, start=1)), "application/json; charset=utf-8"),
    *sent("a conversation", 4, request(span(4, attributes=CHAT, start=2))),
    *sent("a conversation as JSON", 5, request(span(5, attributes=CHAT, start=3)), JSON),
    *sent("other words", 6, request(span(6, attributes=GEN_AI, start=4))),
    *sent("a tree", 7, request(span(7, 1, seconds=3), span(7, 2, 1, "middle", attributes=USAGE), span(7, 3, 2, "leaf", seconds=2, attributes=USAGE))),
    *sent("a leaf first", 8, request(span(8, 2, 1, "leaf"))),
    *sent("its root later", 8, request(span(8, 1, None, "root", seconds=5))),
    *sent("a failure", 9, request(span(9, status=2, events=FAILURE))),
    *sent("a failure's sentence", 10, request({**span(10), "status": {"code": 2, "message": "it broke"}}), JSON),
    *sent("no status", 11, request(span(11, status=0))),
    *sent("a named status", 12, request({**span(12), "status": {"code": "STATUS_CODE_ERROR"}}), JSON),
    send("no end", request({**span(13), "endTimeUnixNano": "0"})),
    stored("no end", 13)[0],
    *sent("times as numbers", 14, request({**span(14), "startTimeUnixNano": START, "endTimeUnixNano": START + SECOND}), JSON),
    *sent("resource attributes", 15, request(span(15), resource={"service.name": "shop", "service.version": "1.2", "host.id": 7, "telemetry.sdk.name": "x"})),
    *sent("a known service", 16, request(span(16), span(16, 2, 1), resource={"service.name": "claude-code"})),
    *sent("attributes of all types", 17, request(span(17, attributes={"s": "한글 é", "i": -5, "d": 0.5, "b": False, "l": [1, "two", [3]], "m": {"k": {"deep": 1}}, "big": 2**62, "e": "", "j": '{"json": [1]}'}))),
    *sent("a scope", 18, request(span(18), scope={"name": "lib", "version": "2", "attributes": attributes_of({"a": 1})})),
    *sent("a link", 19, request(span(19, links=[{"attributes": attributes_of({"why": "so"})}]))),
    *[step for kind in range(6) for step in sent(f"kind {kind}", 20 + kind, request({**span(20 + kind), "kind": kind}))],
    *sent("a span's own type", 26, request(span(26, attributes={"openinference.span.kind": "LLM", "input.value": "in", "output.value": "out"}))),
    *sent("no name", 27, request(span(27, name=""))),
    *sent("a tag of the trace", 28, request(span(28, attributes={"mlflow.traceTag.mlflow.traceName": "named", "mlflow.traceTag.n": 5}))),
    *sent("unknown fields", 29, request({**span(29), "bogus": 1}), JSON),
    *sent("two resources", 30, {"resourceSpans": [request(span(30))["resourceSpans"][0], request(span(31))["resourceSpans"][0]]}),
    *stored("the second resource", 31),
    *sent("gzip", 32, gzip.compress(protobuf(request(span(32))), mtime=0), Content_Encoding="gzip"),
    *sent("GZIP", 33, gzip.compress(protobuf(request(span(33))), mtime=0), Content_Encoding="GZIP"),
    *sent("gzip of JSON", 34, gzip.compress(json.dumps(request(span(34))).encode(), mtime=0), JSON, Content_Encoding="gzip"),
    *sent("deflate", 35, zlib.compress(protobuf(request(span(35)))), Content_Encoding="deflate"),
    *sent("linked to a run", 36, request(span(36, start=5)), x_mlflow_run_id="{run}"),
    *sent("linked to an unknown run", 37, request(span(37)), x_mlflow_run_id="0" * 32),
    send("no spans in a resource", request()),
    send("no spans in a resource as JSON", request(), JSON),
    # Bad ones.
    send("no experiment", ONE, x_mlflow_experiment_id=None),
    send("an empty experiment", ONE, x_mlflow_experiment_id=""),
    send("an unknown experiment", ONE, x_mlflow_experiment_id="99"),
    send("an experiment of letters", ONE, x_mlflow_experiment_id="abc"),
    send("an unknown experiment without spans", request(), x_mlflow_experiment_id="99"),
    send("no body", b""),
    send("no body as JSON", "", JSON),
    send("an empty object", "{}", JSON),
    send("no resources", '{"resourceSpans": []}', JSON),
    send("a list", "[]", JSON),
    send("a number", "5", JSON),
    send("half an object", "{", JSON),
    send("garbage", b"garbage"),
    send("half a message", protobuf(ONE)[:-3]),
    send("JSON called protobuf", json.dumps(ONE)),
    send("protobuf called JSON", protobuf(ONE), JSON),
    *[send(f"content type {kind}", ONE, kind) for kind in ["text/plain", "application/octet-stream", "application/protobuf", "", "APPLICATION/JSON", None]],
    send("no gzip", b"x", Content_Encoding="gzip"),
    send("half a gzip", gzip.compress(protobuf(ONE), mtime=0)[:-10], Content_Encoding="gzip"),
    send("no deflate", b"x", Content_Encoding="deflate"),
    *[send(f"encoding {coding}", protobuf(ONE), Content_Encoding=coding) for coding in ["br", "identity", ""]],
    send("no trace id", changed(traceId="")),
    send("no trace id as JSON", changed(traceId=""), JSON),
    send("a short trace id", changed(traceId="ab"), JSON),
    send("a trace id of letters", changed(traceId="zz" * 16), JSON),
    send("an odd trace id", changed(traceId="abc"), JSON),
    send("no span id", changed(spanId=""), JSON),
    send("a span id of letters", changed(spanId="zz"), JSON),
    send("a trace id that is a number", changed(traceId=5), JSON),
    send("a name that is a number", changed(name=5), JSON),
    send("a kind that is unknown", changed(kind="BOGUS"), JSON),
    send("a time of letters", changed(startTimeUnixNano="soon"), JSON),
    send("a negative time", changed(startTimeUnixNano="-1"), JSON),
    send("attributes that are no list", changed(attributes={}), JSON),
    send("a value of no type", changed(attributes=[{"key": "k", "value": {}}]), JSON),
    send("a value of two types", changed(attributes=[{"key": "k", "value": {"stringValue": "a", "intValue": "1"}}]), JSON),
    send("a large whole number", changed(attributes=[{"key": "k", "value": {"intValue": "9" * 20}}]), JSON),
    send("spans that are no list", {"resourceSpans": [{"scopeSpans": [{"spans": {}}]}]}, JSON),
    send("a span that is a number", {"resourceSpans": [{"scopeSpans": [{"spans": [5]}]}]}, JSON),
    send("a good span beside a bad one", request(span(91), span(92, traceId="")), JSON),
    *stored("nothing of it", 91),
    get("read it", INTAKE),
    Step("with a slash", "POST", INTAKE + "/", text=protobuf(ONE), headers={"x-mlflow-experiment-id": "{e}", "Content-Type": PROTOBUF}),
    # What can be found of them.
    *[search(text) for text in ["span.name = 'leaf'", "span.status = 'ERROR'", "span.type = 'CHAIN'", "status = 'IN_PROGRESS'", "span.attributes.s LIKE '%한글%'", "trace.text LIKE '%because%'", "run_id = '{run}'", "tags.color = 'red'", "metadata.`mlflow.trace.session` = 's1'", "name = 'named'"]],
    get("several", V3 + "/batchGet", {"trace_ids": ["tr-" + trace_id(7), "tr-" + trace_id(1), "tr-" + trace_id(99)]}),
    get("as a file", "/ajax-api/3.0/mlflow/get-trace-artifact", {"request_id": "tr-" + trace_id(7)}),
]

# What this server answers otherwise, and why.
INVALID = Ours(SLOW, 400, body={"detail": "Invalid OpenTelemetry format"})
OURS = {
    "a list": INVALID,
    "a number": INVALID,
    "a trace id that is a number": INVALID,
    "a span that is a number": INVALID,
    "info of no end": Ours("a span that has not ended has no duration yet", 200, body={"trace": {"trace_info": {
        "request_time": "<time>", "state": "OK", "trace_id": "<tr-id>",
        "tags": {"mlflow.artifactLocation": "mlflow-artifacts:/1/traces/<tr-id>/artifacts", "mlflow.trace.spansLocation": "TRACKING_STORE"},
        "trace_location": {"mlflow_experiment": {"experiment_id": "1"}, "type": "MLFLOW_EXPERIMENT"}}}}),
    "read it": Ours("the path is known, and its method is told apart as elsewhere", 405, body="<!doctype html>\n<html lang=en>\n<title>405 Method Not Allowed</title>\n<h1>Method Not Allowed</h1>\n<p>The method is not allowed for the requested URL.</p>\n"),
}
