"""Traces of 3.x clients: info, tags, search, deletion, links."""

from steps import KINDER, SENTENCE, SLOW, Ours, delete, each, get, patch, post

V3 = "/api/3.0/mlflow/traces"
SEARCH = V3 + "/search"


def info(name, time, state="OK", duration="1.500s", tags=None, metadata=None, experiment="{e}", **rest):
    trace_id = "tr-" + name
    return post(f"start {name}", V3, {"trace": {"trace_info": {
        "trace_id": trace_id,
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}},
        "request_time": time, "execution_duration": duration, "state": state,
        "trace_metadata": metadata or {}, "tags": tags or {}, **rest,
    }}})


def search(text, **rest):
    return post(f"search {text}", SEARCH, {
        "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "{e}"}}],
        "filter": text, "order_by": ["timestamp_ms ASC"], **rest})


def ordered(*orders):
    return post(f"order by {orders}", SEARCH, {
        "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "{e}"}}], "order_by": list(orders)})


FILTERS = [
    "", "status = 'OK'", "trace.status = 'ERROR'", "attributes.status != 'OK'", "status IN ('OK', 'ERROR')", "status LIKE 'O%'", "state = 'OK'", "status > 'A'", "timestamp > 0", "timestamp_ms > 1577836800000", "timestamp_ms <= 1577836801000", "timestamp_ms = '5'", "attributes.timestamp_ms >= 1577836802000",
    "execution_time > 1000", "execution_time_ms < 1000", "attributes.execution_time = 1500", "end_time > 0", "end_time_ms > 0", "name = 'main'", "name LIKE 'm%'", "name ILIKE 'M%'", "name RLIKE '^m'", "attributes.name != 'main'", "name IN ('main')", "request_id = 'tr-one'", "trace_id = 'tr-one'", "request_id IN ('tr-one', 'tr-two')", "request_id NOT IN ('tr-one')", "client_request_id = 'client-1'", "run_id = '{run}'", "attributes.run_id = '{run}'",
    "tags.team = 'blue'", "tag.team = 'blue'", "tags.team != 'blue'", "tags.team LIKE 'b%'", "tags.team ILIKE 'B%'", "tags.team RLIKE '^b'", "tags.team IS NULL", "tags.team IS NOT NULL", "tags.`my tag` = 'x'", "tags.team = 5", "tags.team > 'a'", "tags.team IN ('blue')",
    "metadata.user = 'me'", "request_metadata.user = 'me'", "metadata.user LIKE 'm%'", "metadata.user IS NULL", "metadata.`mlflow.trace.user` = 'u'", "metadata.mlflow.trace.session = 's'", "text LIKE '%hello%'", "trace.text ILIKE '%HELLO%'", "prompt = 'p/1'",
    "feedback.quality = 'good'", "feedback.quality IS NULL", "expectation.answer = '42'", "span.name = 'x'", "span.type = 'LLM'", "span.attributes.a = 'x'", "span.content LIKE '%x%'", "issue.id = 'x'", "bogus = 'x'", "bogus.x = 'y'", "status = 'OK' AND tags.team = 'blue'", "status = 'OK' OR status = 'ERROR'", "(status = 'OK')", "status", " ", "status = OK", "status = 'it''s'",
]

STEPS = [
    post("an experiment", "experiments/create", {"name": "e"}, save={"e": "experiment_id"}),
    post("a run", "runs/create", {"experiment_id": "{e}", "start_time": 1, "run_name": "r"}, save={"run": "run.info.run_id"}),
    info("one", "2020-01-01T00:00:00.123Z", tags={"team": "blue", "mlflow.traceName": "main", "my tag": "x"}, metadata={"user": "me", "mlflow.trace.user": "u", "mlflow.sourceRun": "{run}"}, client_request_id="client-1", request_preview="hello", response_preview="world"),
    info("two", "2020-01-01T00:00:01Z", "ERROR", "0.500s", tags={"team": "red", "mlflow.traceName": "other"}),
    info("three", "2020-01-01T00:00:02Z", "IN_PROGRESS", "0s"),
    info("four", "2020-01-01T00:00:03Z", tags={"again": "1"}),
    info("of nobody", "2020-01-01T00:00:00Z", experiment="99"),
    info("of letters", "2020-01-01T00:00:00Z", experiment="abc"),
    info("of no state", "2020-01-01T00:00:00Z", "BOGUS"),
    info("of long tags", "2020-01-01T00:00:04Z", tags={"long": "v" * 8001}),
    info("of a long key", "2020-01-01T00:00:05Z", tags={"k" * 251: "v"}),
    post("start nothing", V3),
    post("start an empty trace", V3, {"trace": {}}),
    get("the first", V3 + "/tr-one"),
    get("an unknown one", V3 + "/tr-nobody"),
    get("the whole trace", V3 + "/get", {"trace_id": "tr-one"}),
    get("a part of the trace", V3 + "/get", {"trace_id": "tr-one", "allow_partial": "true"}),
    get("a whole unknown trace", V3 + "/get", {"trace_id": "tr-nobody"}),
    get("no whole trace", V3 + "/get"),
    get("two whole traces", V3 + "/batchGet", {"trace_ids": ["tr-one", "tr-two"]}),
    get("no whole traces", V3 + "/batchGet"),
    post("two infos", V3 + "/batchGetInfos", {"trace_ids": ["tr-two", "tr-one", "tr-nobody"]}),
    post("no infos", V3 + "/batchGetInfos"),
    patch("a tag", V3 + "/tr-one/tags", {"key": "new", "value": "1"}),
    patch("a tag anew", V3 + "/tr-one/tags", {"key": "new", "value": "2"}),
    patch("a tag without value", V3 + "/tr-one/tags", {"key": "none"}),
    patch("a tag without key", V3 + "/tr-one/tags", {"value": "1"}),
    patch("a long key", V3 + "/tr-one/tags", {"key": "k" * 251, "value": "1"}),
    patch("a tag of an unknown one", V3 + "/tr-nobody/tags", {"key": "k", "value": "1"}),
    delete("untag", V3 + "/tr-one/tags?key=new"),
    delete("untag by body", V3 + "/tr-one/tags", {"key": "none"}),
    delete("untag again", V3 + "/tr-one/tags?key=new"),
    delete("untag an unknown one", V3 + "/tr-nobody/tags?key=k"),
    *[search(one) for one in FILTERS],
    *[ordered(one) for one in ["timestamp_ms DESC", "timestamp ASC", "execution_time DESC", "status", "request_id", "name ASC", "tags.team", "metadata.user DESC", "bogus", "timestamp_ms SIDEWAYS"]],
    *each(post, SEARCH, "max_results", [1, 0, -1, 500, 501, "x"], locations=[{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "{e}"}}]),
    *each(post, SEARCH, "locations", [[], [{"type": "MLFLOW_EXPERIMENT"}], [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "99"}}], [{"type": "INFERENCE_TABLE"}]]),
    post("a first page", SEARCH, {"max_results": 2, "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "{e}"}}]}, save={"token": "next_page_token"}),
    post("its second page", SEARCH, {"max_results": 2, "page_token": "{token}", "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "{e}"}}]}),
    post("link", "traces/link-to-run", {"trace_ids": ["tr-two"], "run_id": "{run}"}),
    post("link again", "traces/link-to-run", {"trace_ids": ["tr-two"], "run_id": "{run}"}),
    post("link to nobody", "traces/link-to-run", {"trace_ids": ["tr-two"], "run_id": "0" * 32}),
    post("link nothing", "traces/link-to-run", {"trace_ids": [], "run_id": "{run}"}),
    post("link 101", "traces/link-to-run", {"trace_ids": [f"tr-{i}" for i in range(101)], "run_id": "{run}"}),
    search("run_id = '{run}' AND status = 'ERROR'"),
    post("link a prompt", "traces/link-prompts", {"trace_id": "tr-one", "prompt_versions": [{"name": "p", "version": "1"}]}),
    post("link a prompt to nobody", "traces/link-prompts", {"trace_id": "tr-nobody", "prompt_versions": [{"name": "p", "version": "1"}]}),
    post("correlation", V3 + "/calculate-filter-correlation", {"experiment_ids": ["{e}"], "filter_string1": "status = 'OK'", "filter_string2": "tags.team = 'blue'"}),
    post("correlation of nothing", V3 + "/calculate-filter-correlation"),
    post("metrics", V3 + "/metrics", {"experiment_ids": ["{e}"], "view_type": "TRACES", "metric_name": "trace_count", "aggregations": [{"aggregation_type": "COUNT"}]}),
    post("metrics by status", V3 + "/metrics", {"experiment_ids": ["{e}"], "view_type": "TRACES", "metric_name": "latency", "aggregations": [{"aggregation_type": "AVG"}], "dimensions": ["trace_status"]}),
    post("metrics of nothing", V3 + "/metrics"),
    post("delete by id", V3 + "/delete-traces", {"experiment_id": "{e}", "request_ids": ["tr-one", "tr-nobody"]}),
    post("delete by time", "traces/delete-traces", {"experiment_id": "{e}", "max_timestamp_millis": 1577836801000, "max_traces": 1}),
    post("delete nothing", "traces/delete-traces", {"experiment_id": "{e}"}),
    post("delete both ways", "traces/delete-traces", {"experiment_id": "{e}", "max_timestamp_millis": 5, "request_ids": ["tr-one"]}),
    post("delete ids with max_traces", "traces/delete-traces", {"experiment_id": "{e}", "max_traces": 5, "request_ids": ["tr-one"]}),
    post("delete 0 traces", "traces/delete-traces", {"experiment_id": "{e}", "max_timestamp_millis": 5, "max_traces": 0}),
    post("delete without experiment", "traces/delete-traces", {"request_ids": ["tr-one"]}),
    search("timestamp_ms > 5"),
    info("without zone", "2020-01-01T00:00:00"),
]

# What this server answers otherwise, and why.
OURS = {
    "start an empty trace": Ours(SLOW, message="The trace's location must name an MLflow experiment (trace_location.ml"),
    "the whole trace": Ours(SLOW, message="Trace data not stored in tracking store: the spans of trace 'tr-one' a"),
    "a part of the trace": Ours(SLOW, message="Trace data not stored in tracking store: the spans of trace 'tr-one' a"),
    "two whole traces": Ours(SLOW, message="Trace data not stored in tracking store: the spans of trace 'tr-one' a"),
    "a tag of an unknown one": Ours("a trace that does not exist is told as such", 404, "RESOURCE_DOES_NOT_EXIST", "tr-nobody"),
    "search timestamp_ms = '5'": Ours("a text is no time and would never be found", message="Expected numeric value"),
    "search name IN ('main')": Ours(SENTENCE, message="Invalid comparator 'IN' not one of '"),
    "search tags.team > 'a'": Ours(SENTENCE, message="Invalid comparator '>' not one of '"),
    "search tags.team IN ('blue')": Ours(SENTENCE, message="Invalid comparator 'IN' not one of '"),
    "search text LIKE '%hello%'": Ours(KINDER, 200, body={}),
    "start without zone": Ours("the reference drops a time it cannot read in silence", message="it is no RFC 3339 time"),
}
