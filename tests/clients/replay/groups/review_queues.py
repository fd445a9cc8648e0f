"""Review queues and their items."""

from steps import each, get, post

V3 = "/api/3.0/mlflow/review-queues"


def create(name, save=None, /, **fields):
    return post(name, V3 + "/create", fields, save={save: "review_queue.queue_id"} if save else {})


STEPS = [
    post("an experiment", "experiments/create", {"name": "e"}, save={"e": "experiment_id"}),
    post("a trace", "/api/3.0/mlflow/traces", {"trace": {"trace_info": {"trace_id": "tr-one", "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "{e}"}}, "request_time": "2020-01-01T00:00:00Z", "execution_duration": "1s", "state": "OK"}}}),
    post("a schema", "/api/3.0/mlflow/label-schemas/create", {"experiment_id": "{e}", "name": "q", "type": "FEEDBACK", "input": {"pass_fail": {"positive_label": "Yes", "negative_label": "No"}}}, save={"schema": "label_schema.schema_id"}),
    create("a queue", "one", experiment_id="{e}", name="first", queue_type="CUSTOM", created_by="me", users=["a", "b"], schema_ids=["{schema}"]),
    create("of a taken name", experiment_id="{e}", name="first", queue_type="CUSTOM"),
    create("without type", experiment_id="{e}", name="notype"),
    create("without name", experiment_id="{e}", queue_type="CUSTOM"),
    create("with an unknown schema", experiment_id="{e}", name="x", queue_type="CUSTOM", schema_ids=["nobody"]),
    create("of nobody", experiment_id="99", name="x", queue_type="CUSTOM"),
    create("nothing"),
    post("of a user", V3 + "/get-or-create-user", {"experiment_id": "{e}", "user": "u"}, save={"user": "review_queue.queue_id"}),
    post("of the user again", V3 + "/get-or-create-user", {"experiment_id": "{e}", "user": "u"}),
    post("of no user", V3 + "/get-or-create-user", {"experiment_id": "{e}"}),
    get("one", V3 + "/get", {"queue_id": "{one}"}),
    get("an unknown one", V3 + "/get", {"queue_id": "nobody"}),
    get("nothing to get", V3 + "/get"),
    get("by name", V3 + "/get-by-name", {"experiment_id": "{e}", "name": "first"}),
    get("by an unknown name", V3 + "/get-by-name", {"experiment_id": "{e}", "name": "nobody"}),
    get("list", V3 + "/list", {"experiment_id": "{e}"}),
    get("list of a user", V3 + "/list", {"experiment_id": "{e}", "user": "a"}),
    get("list nothing", V3 + "/list"),
    post("add items", V3 + "/items/add", {"queue_id": "{one}", "item_type": "TRACE", "item_ids": ["tr-one"]}),
    post("add them again", V3 + "/items/add", {"queue_id": "{one}", "item_type": "TRACE", "item_ids": ["tr-one"]}),
    post("add nobody", V3 + "/items/add", {"queue_id": "{one}", "item_type": "TRACE", "item_ids": ["tr-nobody"]}),
    post("add nothing", V3 + "/items/add", {"queue_id": "{one}", "item_type": "TRACE", "item_ids": []}),
    post("add to nobody", V3 + "/items/add", {"queue_id": "nobody", "item_type": "TRACE", "item_ids": ["tr-one"]}),
    get("items", V3 + "/items/list", {"queue_id": "{one}"}),
    get("items of an unknown one", V3 + "/items/list", {"queue_id": "nobody"}),
    post("complete an item", V3 + "/items/set-status", {"queue_id": "{one}", "item_id": "tr-one", "status": "COMPLETE", "completed_by": "me"}),
    post("a bad status", V3 + "/items/set-status", {"queue_id": "{one}", "item_id": "tr-one", "status": "BOGUS"}),
    post("complete nobody", V3 + "/items/set-status", {"queue_id": "{one}", "item_id": "tr-nobody", "status": "COMPLETE"}),
    *each(get, V3 + "/items/list", "status", ["COMPLETE", "PENDING", "BOGUS"], queue_id="{one}"),
    post("rename", V3 + "/update", {"queue_id": "{one}", "name": "renamed", "update_users": True, "users": ["c"]}),
    post("change nothing", V3 + "/update", {"queue_id": "{one}"}),
    post("change an unknown one", V3 + "/update", {"queue_id": "nobody", "name": "x"}),
    post("remove items", V3 + "/items/remove", {"queue_id": "{one}", "item_ids": ["tr-one"]}),
    post("remove them again", V3 + "/items/remove", {"queue_id": "{one}", "item_ids": ["tr-one"]}),
    post("delete", V3 + "/delete", {"queue_id": "{one}"}),
    post("delete again", V3 + "/delete", {"queue_id": "{one}"}),
]
