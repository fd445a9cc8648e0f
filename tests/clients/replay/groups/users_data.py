"""What the users' permissions open beside the plain endpoints: files, spans, traces, GraphQL,
datasets, scorers, webhooks."""

from groups.otlp import PROTOBUF, protobuf, request, span
from groups.users import ADMIN_PASSWORD, PASSWORDS, USERS, by, without_login  # noqa: F401
from steps import Ours, Step, delete, get, patch, post, put

V3 = "/api/3.0/mlflow/"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"
ROOT = PROXY + "/{e}/{run}/artifacts"
GRANT = {"username": "bob", "resource_type": "experiment", "resource_id": "{e}"}
PLACE = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "{e}"}}]
RUN = "query($i: MlflowGetRunInput!) { mlflowGetRun(input: $i) { run { info { runName } } apiError { code message } } }"
EXPERIMENT = "query($i: MlflowGetExperimentInput!) { mlflowGetExperiment(input: $i) { experiment { name } apiError { code message } } }"
RUNS = "query($i: MlflowSearchRunsInput!) { mlflowSearchRuns(input: $i) { runs { info { runName } } apiError { code message } } }"


def spans(name, number, **headers):
    given = {"x-mlflow-experiment-id": "{e}", "Content-Type": PROTOBUF, **headers}
    kept = {key: value for key, value in given.items() if value}
    return Step(name, "POST", "/v1/traces", text=protobuf(request(span(number))), headers=kept)


def query(name, text, **variables):
    return post(name, "/graphql", {"query": text, "variables": variables})


def trace(name):
    return post(f"trace {name}", V3 + "traces", {"trace": {"trace_info": {
        "trace_id": "tr-" + name, "trace_location": PLACE[0],
        "request_time": "2020-01-01T00:00:00Z", "execution_duration": "1s", "state": "OK"}}})


READS = [
    get("file", ROOT + "/a.txt"),
    get("files of the run", "artifacts/list", {"run_id": "{run}"}),
    get("files of the proxy", PROXY, {"path": "{e}/{run}/artifacts"}),
    get("files of all", PROXY),
    get("file of the run", "/get-artifact", {"run_id": "{run}", "path": "a.txt"}),
    get("file of an unknown run", "/get-artifact", {"run_id": "0" * 32, "path": "a.txt"}),
    get("file of another experiment's name", PROXY + "/x{e}/a.txt"),
    get("file of no experiment", PROXY + "/99/a.txt"),
    get("trace", V3 + "traces/tr-first"),
    get("unknown trace", V3 + "traces/tr-nobody"),
    post("search traces", V3 + "traces/search", {"locations": PLACE}),
    post("search traces of an unknown experiment", V3 + "traces/search", {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "99"}}]}),
    post("infos of traces", V3 + "traces/batchGetInfos", {"trace_ids": ["tr-first", "tr-nobody"]}),
    query("GraphQL run", RUN, i={"runId": "{run}"}),
    query("GraphQL experiment", EXPERIMENT, i={"experimentId": "{e}"}),
    query("GraphQL runs", RUNS, i={"experimentIds": ["{e}"]}),
    query("GraphQL unknown run", RUN, i={"runId": "0" * 32}),
    get("history of a run", "/ajax-api/2.0/mlflow/metrics/get-history-bulk", {"run_id": "{run}", "metric_key": "m"}),
    get("intervals of a run", "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval", {"run_ids": "{run}", "metric_key": "m", "max_results": 10}),
    post("datasets of experiments", "/ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": ["{e}"]}),
    get("scorers", V3 + "scorers/list", {"experiment_id": "{e}"}),
    get("assessment", V3 + "traces/tr-first/assessments/a-nobody"),
]
CHANGES = [
    put("upload", ROOT + "/b.txt", text="b"),
    put("upload outside", PROXY + "/top.txt", text="x"),
    put("upload upwards", ROOT + "/../../../x", text="x"),
    delete("file deleted", ROOT + "/b.txt"),
    spans("spans", 50),
    spans("spans into an unknown experiment", 51, **{"x-mlflow-experiment-id": "99"}),
    spans("spans without experiment", 52, **{"x-mlflow-experiment-id": ""}),
    trace("second"),
    patch("trace tag", V3 + "traces/tr-first/tags", {"key": "k", "value": "v"}),
    delete("trace untagged", V3 + "traces/tr-first/tags?key=k"),
    post("assess", V3 + "traces/tr-first/assessments", {"assessment": {"assessment_name": "good", "source": {"source_type": "HUMAN", "source_id": "u"}, "feedback": {"value": True}}}),
    post("link", "traces/link-to-run", {"trace_ids": ["tr-first"], "run_id": "{run}"}),
    post("dataset", "runs/log-inputs", {"run_id": "{run}", "datasets": [{"dataset": {"name": "d", "digest": "g", "source_type": "s", "source": "x"}}]}),
    post("model log", "runs/log-model", {"run_id": "{run}", "model_json": "{}"}),
    post("upload of the page", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=c.txt", text="c"),
]
REMOVALS = [
    post("traces deleted", "traces/delete-traces", {"experiment_id": "{e}", "request_ids": ["tr-second"]}),
    post("webhook", "webhooks", {"name": "hook", "url": "https://example.com", "events": [{"entity": "MODEL_VERSION", "action": "CREATED"}]}),
]

STEPS = [
    *by("admin", *[post(name, "users/create", {"username": name, "password": PASSWORDS[name]}) for name in ("ann", "bob")]),
    *by("ann",
        post("experiment made", "experiments/create", {"name": "of ann"}, save={"e": "experiment_id"}),
        post("run made", "runs/create", {"experiment_id": "{e}", "start_time": 1, "run_name": "first"}, save={"run": "run.info.run_id"}),
        post("metric", "runs/log-metric", {"run_id": "{run}", "key": "m", "value": 1.0, "timestamp": 1}),
        put("first file", ROOT + "/a.txt", text="a"),
        trace("first")),
    *without_login(READS[0], READS[8], READS[13], CHANGES[0], CHANGES[4], CHANGES[7]),
    *by("bob", *READS, *CHANGES, *REMOVALS),
    *by("ann", *READS, *CHANGES, *REMOVALS,
        post("bob denied", USERS + "permissions/grant", {**GRANT, "permission": "DENY"})),
    *by("bob", *READS, CHANGES[0], CHANGES[4], CHANGES[7], prefix="bob denied"),
    *by("ann",
        post("bob no longer denied", USERS + "permissions/revoke", GRANT),
        post("bob an editor", USERS + "permissions/grant", {**GRANT, "permission": "EDIT"})),
    *by("bob", *CHANGES, REMOVALS[0], prefix="bob the editor"),
]

# What this server answers otherwise, and why.
NO_HEADER = Ours("the header is asked for in the same words with users and without", 422, body={"detail": [
    {"type": "missing", "loc": ["header", "x-mlflow-experiment-id"], "msg": "Field required", "input": None}]})
UNKNOWN_RUN = Ours("who may read everything hears that there is no such run", 200, body={
    "data": {"mlflowGetRun": None}, "errors": ["Run with id=<id> not found"]})
OURS = {
    **{f"{user}: spans without experiment": NO_HEADER for user in ("bob", "ann", "bob the editor")},
    **{f"{user}: GraphQL unknown run": UNKNOWN_RUN for user in ("bob", "ann")},
    "bob denied: files of all": Ours("a folder that may not be read is not listed", 200, body={}),
}
