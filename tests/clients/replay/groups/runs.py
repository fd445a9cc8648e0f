"""Runs: creating, reading, updating, deleting, restoring."""

from steps import DROPPED, KINDER, SLOW, Ours, each, get, post

CREATE = "runs/create"

CUT = {
    "run": {
        "info": {
            "run_id": "<id>",
            "run_uuid": "<id>",
            "run_name": "cut",
            "experiment_id": "1",
            "user_id": "",
            "status": "RUNNING",
            "start_time": 1,
            "artifact_uri": "mlflow-artifacts:/1/<id>/artifacts",
            "lifecycle_stage": "active",
        },
        "data": {
            "tags": [
                {"key": "a", "value": "<8000 times v>"},
                {"key": "mlflow.runName", "value": "cut"},
            ]
        },
        "inputs": {},
    }
}

STEPS = [
    post("an experiment", "experiments/create", {"name": "e"}, save={"e": "experiment_id"}),
    post("a run", CREATE, {"experiment_id": "{e}", "start_time": 5, "run_name": "named", "user_id": "u"}, save={"run": "run.info.run_id"}),
    get("the run", "runs/get", {"run_id": "{run}"}),
    get("the run as run_uuid", "runs/get", {"run_uuid": "{run}"}),
    post("a run without experiment", CREATE, {"start_time": 1}),
    post("a run of nothing", CREATE, save={"bare": "run.info.run_id"}),
    post("a run of number 0", CREATE, {"experiment_id": 0, "start_time": 1}),
    post("a run of a number", CREATE, {"experiment_id": 1, "start_time": 1}),
    post("a run of an unknown experiment", CREATE, {"experiment_id": "99", "start_time": 1}),
    post("a run of letters", CREATE, {"experiment_id": "abc", "start_time": 1}),
    post("a run with an unnamed tag", CREATE, {"experiment_id": "{e}", "start_time": 1, "tags": [{"value": "x"}]}),
    post("a run with tags", CREATE, {"experiment_id": "{e}", "start_time": 1, "tags": [{"key": "a", "value": "1"}, {"key": "mlflow.runName", "value": "tagged"}, {"key": "mlflow.user", "value": "me"}, {"key": "mlflow.parentRunId", "value": "{run}"}]}, save={"tagged": "run.info.run_id"}),
    post("two names", CREATE, {"experiment_id": "{e}", "start_time": 1, "run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]}),
    post("two equal names", CREATE, {"experiment_id": "{e}", "start_time": 1, "run_name": "a", "tags": [{"key": "mlflow.runName", "value": "a"}]}),
    post("an empty name", CREATE, {"experiment_id": "{e}", "start_time": 1, "run_name": ""}),
    post("a number as name", CREATE, {"experiment_id": "{e}", "start_time": 1, "run_name": 5}),
    post("a long name", CREATE, {"experiment_id": "{e}", "start_time": 1, "run_name": "n" * 300}),
    *each(post, CREATE, "start_time", ["12", "x", 1.5, -1, None, [], 1e15], experiment_id="{e}", run_name="timed"),
    post("a long tag is cut", CREATE, {"experiment_id": "{e}", "start_time": 1, "run_name": "cut", "tags": [{"key": "a", "value": "v" * 8001}]}),
    post("a long tag key", CREATE, {"experiment_id": "{e}", "start_time": 1, "tags": [{"key": "k" * 251, "value": "v"}]}),
    post("a bad tag key", CREATE, {"experiment_id": "{e}", "start_time": 1, "tags": [{"key": "a;b", "value": "v"}]}),
    post("tags as text", CREATE, {"experiment_id": "{e}", "start_time": 1, "tags": "a"}),
    get("no id", "runs/get"),
    get("an empty id", "runs/get", {"run_id": ""}),
    get("an unknown id", "runs/get", {"run_id": "0" * 32}),
    get("an odd id", "runs/get", {"run_id": "../x"}),
    *each(post, "runs/update", "status", ["FINISHED", "BOGUS", "KILLED", "FAILED", "SCHEDULED", "RUNNING", 3, "3", 9, None, ""], run_id="{run}"),
    *each(post, "runs/update", "end_time", [7, "8", "x", -1, 1.5, None], run_id="{run}"),
    *each(post, "runs/update", "run_name", ["new", "", None, 5], run_id="{run}"),
    get("the updated run", "runs/get", {"run_id": "{run}"}),
    post("update by run_uuid", "runs/update", {"run_uuid": "{run}", "status": "FINISHED", "end_time": 9}),
    post("update nothing", "runs/update"),
    post("update an unknown run", "runs/update", {"run_id": "0" * 32, "status": "FINISHED"}),
    post("delete", "runs/delete", {"run_id": "{run}"}),
    post("delete again", "runs/delete", {"run_id": "{run}"}),
    get("the deleted run", "runs/get", {"run_id": "{run}"}),
    post("delete an unknown run", "runs/delete", {"run_id": "0" * 32}),
    post("delete without id", "runs/delete"),
    post("delete by run_uuid", "runs/delete", {"run_uuid": "{tagged}"}),
    post("update the deleted run", "runs/update", {"run_id": "{run}", "status": "RUNNING"}),
    post("a metric of the deleted run", "runs/log-metric", {"run_id": "{run}", "key": "m", "value": 1, "timestamp": 1}),
    post("a param of the deleted run", "runs/log-parameter", {"run_id": "{run}", "key": "p", "value": "1"}),
    post("a tag of the deleted run", "runs/set-tag", {"run_id": "{run}", "key": "t", "value": "1"}),
    post("untag the deleted run", "runs/delete-tag", {"run_id": "{run}", "key": "t"}),
    post("a batch of the deleted run", "runs/log-batch", {"run_id": "{run}", "metrics": [{"key": "m", "value": 1, "timestamp": 1}]}),
    post("inputs of the deleted run", "runs/log-inputs", {"run_id": "{run}", "datasets": []}),
    post("a model of the deleted run", "runs/log-model", {"run_id": "{run}", "model_json": "{}"}),
    post("restore", "runs/restore", {"run_id": "{run}"}),
    post("restore again", "runs/restore", {"run_id": "{run}"}),
    post("restore an unknown run", "runs/restore", {"run_id": "0" * 32}),
    get("the restored run", "runs/get", {"run_id": "{run}"}),
    post("delete the experiment", "experiments/delete", {"experiment_id": "{e}"}),
    get("its run is deleted", "runs/get", {"run_id": "{run}"}),
    post("a run of the deleted experiment", CREATE, {"experiment_id": "{e}", "start_time": 1}),
    post("restore the experiment", "experiments/restore", {"experiment_id": "{e}"}),
    get("all its runs are back", "runs/get", {"run_id": "{tagged}"}),
    post("an old client's model", "runs/log-model", {"run_id": "{run}", "model_json": "{\"artifact_path\": \"model\", \"flavors\": {\"sklearn\": {\"x\": 1}}, \"utc_time_created\": \"t\", \"run_id\": \"r\"}"}),
    *each(post, "runs/log-model", "model_json", ["not json", "5", "[]", "{}", "", None, "{\"artifact_path\": \"m\"}"], run_id="{run}"),
    post("a model of an unknown run", "runs/log-model", {"run_id": "0" * 32, "model_json": "{}"}),
    get("the run with its models", "runs/get", {"run_id": "{run}"}),
]

# What this server answers otherwise, and why.
OURS = {
    "create: start_time = 1.5": Ours(DROPPED, message="Invalid value 1.5 for parameter 'start_time' supplied:  Hint: Value wa"),
    "create: start_time = []": Ours(SLOW, message="Invalid value [] for parameter 'start_time' supplied:  Hint: Value was"),
    "a long tag is cut": Ours("cut as every other long tag is", 200, body=CUT),
    "tags as text": Ours(DROPPED, message="Invalid value \"a\" for parameter 'tags' supplied:  Hint: Value was of t"),
    "update: end_time = 1.5": Ours(DROPPED, message="Invalid value 1.5 for parameter 'end_time' supplied:  Hint: Value was "),
    "delete by run_uuid": Ours(KINDER, 200, body={}),
    "log-model: model_json = '5'": Ours(SLOW, message="Model json is missing mandatory fields: "),
    "log-model: model_json = '[]'": Ours(SLOW, message="Model json is missing mandatory fields: "),
}
