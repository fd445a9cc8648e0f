"""Issues of an experiment."""

from steps import DROPPED, SLOW, Ours, each, get, patch, post

V3 = "/api/3.0/mlflow/issues"


def create(name, save=None, /, **fields):
    return post(name, V3, fields, save={save: "issue.issue_id"} if save else {})


STEPS = [
    post("an experiment", "experiments/create", {"name": "e"}, save={"e": "experiment_id"}),
    post("a run", "runs/create", {"experiment_id": "{e}", "start_time": 1, "run_name": "r"}, save={"run": "run.info.run_id"}),
    create("an issue", "one", experiment_id="{e}", name="slow", description="it is slow", status="pending", severity="high", root_causes=["a", "b"], source_run_id="{run}", created_by="me", categories=["latency"]),
    create("a bare one", "two", experiment_id="{e}", name="wrong", description="it is wrong"),
    create("without description", experiment_id="{e}", name="x"),
    create("without name", experiment_id="{e}", description="x"),
    create("of nobody", experiment_id="99", name="x", description="x"),
    create("with a bad status", experiment_id="{e}", name="x", description="x", status="bogus"),
    create("with a bad severity", experiment_id="{e}", name="x", description="x", severity="bogus"),
    create("nothing"),
    get("one", V3 + "/{one}"),
    get("an unknown one", V3 + "/iss-nobody"),
    patch("resolve", V3 + "/{one}", {"issue_id": "{one}", "status": "resolved", "severity": "low"}),
    patch("rename", V3 + "/{one}", {"issue_id": "{one}", "name": "slower", "description": "new"}),
    patch("no id in the body", V3 + "/iss-nobody", {"status": "resolved"}),
    patch("a bad status", V3 + "/{one}", {"issue_id": "{one}", "status": "bogus"}),
    patch("change nothing", V3 + "/{one}", {"issue_id": "{one}"}),
    patch("change an unknown one", V3 + "/iss-nobody", {"issue_id": "iss-nobody", "name": "x"}),
    post("search", V3 + "/search", {"experiment_id": "{e}"}),
    post("search with counts", V3 + "/search", {"experiment_id": "{e}", "include_trace_count": True}),
    post("search nobody", V3 + "/search", {"experiment_id": "99"}),
    post("search everything", V3 + "/search"),
    *each(post, V3 + "/search", "filter_string", ["status = 'resolved'", "status != 'resolved'", "source_run_id = '{run}'", "severity = 'low'", "name = 'wrong'", "bogus = 'x'", "status LIKE 'r%'"], experiment_id="{e}"),
    *each(post, V3 + "/search", "max_results", [1, 0, -1, 1001, "x"], experiment_id="{e}"),
]

# What this server answers otherwise, and why.
OURS = {
    "no id in the body": Ours("the id of the path is enough", 404, "RESOURCE_DOES_NOT_EXIST", message="iss-nobody"),
    "with a bad status": Ours(SLOW, message="'bogus' is no status of an issue; it is one of 'pending', 'rejected', "),
    "with a bad severity": Ours(SLOW, message="'bogus' is no severity of an issue; it is one of 'not_an_issue', 'low'"),
    "a bad status": Ours(SLOW, message="'bogus' is no status of an issue; it is one of 'pending', 'rejected', "),
    "search: max_results = 'x'": Ours(DROPPED, message="Invalid value \"x\" for parameter 'max_results' supplied:  Hint: Value w"),
}
