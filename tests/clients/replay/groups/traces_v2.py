"""Traces of clients from 2.14 to 2.22."""

from steps import SENTENCE, SLOW, Ours, delete, each, get, patch, post

STEPS = [
    post("an experiment", "experiments/create", {"name": "e"}, save={"e": "experiment_id"}),
    post("start", "traces", {"experiment_id": "{e}", "timestamp_ms": 1000, "request_metadata": [{"key": "user", "value": "me"}], "tags": [{"key": "mlflow.traceName", "value": "main"}]}, save={"one": "trace_info.request_id"}),
    post("start another", "traces", {"experiment_id": "{e}", "timestamp_ms": 2000}, save={"two": "trace_info.request_id"}),
    post("start nothing", "traces"),
    post("start for nobody", "traces", {"experiment_id": "99", "timestamp_ms": 1}),
    post("start without time", "traces", {"experiment_id": "{e}"}),
    post("start with a bad time", "traces", {"experiment_id": "{e}", "timestamp_ms": "x"}),
    patch("end", "traces/{one}", {"timestamp_ms": 1500, "status": "OK", "request_metadata": [{"key": "more", "value": "1"}], "tags": [{"key": "t", "value": "1"}]}),
    patch("end again", "traces/{one}", {"timestamp_ms": 1600, "status": "ERROR"}),
    patch("end without status", "traces/{two}", {"timestamp_ms": 2500}),
    patch("end an unknown one", "traces/tr-nobody", {"timestamp_ms": 1, "status": "OK"}),
    get("info", "traces/{one}/info"),
    get("unknown info", "traces/tr-nobody/info"),
    patch("a tag", "traces/{one}/tags", {"key": "k", "value": "v"}),
    patch("a tag without key", "traces/{one}/tags", {"value": "v"}),
    patch("a tag of an unknown one", "traces/tr-nobody/tags", {"key": "k", "value": "v"}),
    delete("untag", "traces/{one}/tags?key=k"),
    delete("untag again", "traces/{one}/tags?key=k"),
    get("search", "traces", {"experiment_ids": ["{e}"]}),
    get("search nobody", "traces", {"experiment_ids": ["99"]}),
    get("search without experiments", "traces"),
    *each(get, "traces", "filter", ["status = 'OK'", "tags.t = '1'", "request_metadata.user = 'me'", "timestamp_ms > 1500", "bogus = 'x'"], experiment_ids=["{e}"]),
    *each(get, "traces", "order_by", [["timestamp_ms ASC"], ["timestamp_ms DESC"], ["bogus"]], experiment_ids=["{e}"]),
    *each(get, "traces", "max_results", [1, 0, 500, 501, "x"], experiment_ids=["{e}"]),
    post("delete", "traces/delete-traces", {"experiment_id": "{e}", "request_ids": ["{one}"]}),
    get("deleted", "traces/{one}/info"),
]

# What this server answers otherwise, and why.
OURS = {
    "start nothing": Ours(SLOW, message="Invalid experiment ID ''. Experiment ID must be a valid integer."),
    "end without status": Ours(SLOW, message="Invalid value \"\" for parameter 'status' supplied: a trace ends with OK"),
    "a tag of an unknown one": Ours("a trace that does not exist is told as such", 404, "RESOURCE_DOES_NOT_EXIST", "tr-nobody"),
    "GET traces: max_results = 501": Ours(SENTENCE, message="Invalid value 501 for parameter 'max_results' supplied:  Hint: Value w"),
}
