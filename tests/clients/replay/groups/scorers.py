"""Scorers and their versions."""

import json

from steps import SENTENCE, Ours, Step, delete, get, post

V3 = "/api/3.0/mlflow/scorers"
BUILT_IN = json.dumps({"name": "safety", "builtin_scorer_class": "Safety", "builtin_scorer_pydantic_data": {"name": "safety"}, "mlflow_version": "3.17.2", "serialization_version": 1})
DECORATED = json.dumps({"name": "mine", "call_source": "return 1", "call_signature": "()", "original_func_name": "mine", "mlflow_version": "3.17.2", "serialization_version": 1})


def register(name, /, **fields):
    return post(name, V3 + "/register", fields)


STEPS = [
    post("an experiment", "experiments/create", {"name": "e"}, save={"e": "experiment_id"}),
    register("a scorer", experiment_id="{e}", name="safety", serialized_scorer=BUILT_IN),
    register("a second version", experiment_id="{e}", name="safety", serialized_scorer=BUILT_IN),
    register("another scorer", experiment_id="{e}", name="other", serialized_scorer=BUILT_IN),
    register("code of a user", experiment_id="{e}", name="mine", serialized_scorer=DECORATED),
    register("no JSON", experiment_id="{e}", name="bad", serialized_scorer="x"),
    register("of nobody", experiment_id="99", name="safety", serialized_scorer=BUILT_IN),
    register("without name", experiment_id="{e}", serialized_scorer=BUILT_IN),
    register("without scorer", experiment_id="{e}", name="x"),
    register("nothing"),
    get("list", V3 + "/list", {"experiment_id": "{e}"}),
    get("list nobody", V3 + "/list", {"experiment_id": "99"}),
    get("list nothing", V3 + "/list"),
    get("versions", V3 + "/versions", {"experiment_id": "{e}", "name": "safety"}),
    get("versions of an unknown one", V3 + "/versions", {"experiment_id": "{e}", "name": "nobody"}),
    get("the latest", V3 + "/get", {"experiment_id": "{e}", "name": "safety"}),
    get("the first", V3 + "/get", {"experiment_id": "{e}", "name": "safety", "version": 1}),
    get("an unknown version", V3 + "/get", {"experiment_id": "{e}", "name": "safety", "version": 9}),
    get("an unknown one", V3 + "/get", {"experiment_id": "{e}", "name": "nobody"}),
    get("nothing to get", V3 + "/get"),
    get("no online configurations", V3 + "/online-configs", {"scorer_ids": "nobody"}),
    Step("an online configuration of nobody", "PUT", V3 + "/online-config", {"experiment_id": "{e}", "name": "nobody", "sample_rate": 0.5}),
    delete("delete a version", V3 + "/delete", {"experiment_id": "{e}", "name": "safety", "version": 1}),
    delete("delete it again", V3 + "/delete", {"experiment_id": "{e}", "name": "safety", "version": 1}),
    delete("delete all", V3 + "/delete", {"experiment_id": "{e}", "name": "safety"}),
    delete("delete an unknown one", V3 + "/delete", {"experiment_id": "{e}", "name": "nobody"}),
    get("what is left", V3 + "/list", {"experiment_id": "{e}"}),
]

# What this server answers otherwise, and why.
OURS = {
    "code of a user": Ours(SENTENCE, message="Custom scorer registration (using @scorer decorator) is disabled by de"),
}
