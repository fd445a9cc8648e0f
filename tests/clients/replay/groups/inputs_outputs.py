"""Datasets and models that go into a run and come out of it."""

from steps import DROPPED, SENTENCE, Ours, each, get, post

INPUTS, OUTPUTS = "runs/log-inputs", "runs/outputs"
DATASET = {"name": "points", "digest": "abc", "source_type": "local", "source": "{\"uri\": \"x\"}"}


def inputs(name, *entries, **rest):
    return post(name, INPUTS, {"run_id": "{run}", "datasets": list(entries), **rest})


def dataset(**changes):
    return {"dataset": {**DATASET, **changes}}


STEPS = [
    post("a run", "runs/create", {"experiment_id": "0", "start_time": 1, "run_name": "r"}, save={"run": "run.info.run_id"}),
    post("a model", "logged-models", {"experiment_id": "0", "name": "model", "source_run_id": "{run}"}, save={"model": "model.info.model_id"}),
    inputs("a dataset", {**dataset(schema="{}", profile="{}"), "tags": [{"key": "mlflow.data.context", "value": "training"}]}),
    inputs("the dataset again", {**dataset(), "tags": [{"key": "mlflow.data.context", "value": "training"}]}),
    inputs("the dataset with another context", {**dataset(), "tags": [{"key": "mlflow.data.context", "value": "eval"}]}),
    inputs("two datasets", dataset(name="two", digest="1"), dataset(name="two", digest="2")),
    inputs("one dataset twice", dataset(name="twice"), dataset(name="twice")),
    inputs("no datasets"),
    inputs("no dataset in an entry", {"tags": []}),
    inputs("an entry as text", "x"),
    *[inputs(f"a dataset without {key}", {"dataset": {k: v for k, v in DATASET.items() if k != key}}) for key in DATASET],
    *[inputs(f"a dataset with an empty {key}", dataset(**{key: ""})) for key in DATASET],
    inputs("a name of 500", dataset(name="n" * 500)),
    inputs("a name of 501", dataset(name="n" * 501)),
    inputs("a digest of 36", dataset(digest="d" * 36)),
    inputs("a digest of 37", dataset(digest="d" * 37)),
    inputs("a source of 65536", dataset(source="s" * 65536)),
    inputs("a schema of 1048576", dataset(schema="s" * 1048576)),
    inputs("a tag key of 256", {**dataset(name="tk"), "tags": [{"key": "k" * 256, "value": "v"}]}),
    inputs("a tag value of 501", {**dataset(name="tv"), "tags": [{"key": "k", "value": "v" * 501}]}),
    inputs("a tag without key", {**dataset(name="tn"), "tags": [{"value": "v"}]}),
    inputs("a tag without value", {**dataset(name="to"), "tags": [{"key": "k"}]}),
    inputs("a model goes in", models=[{"model_id": "{model}"}]),
    inputs("a model goes in again", models=[{"model_id": "{model}"}]),
    inputs("an unknown model", models=[{"model_id": "m-" + "0" * 32}]),
    inputs("a model without id", models=[{}]),
    inputs("models as text", models="x"),
    post("no run", INPUTS, {"datasets": []}),
    post("an unknown run", INPUTS, {"run_id": "0" * 32, "datasets": [dataset()]}),
    post("datasets as text", INPUTS, {"run_id": "{run}", "datasets": "x"}),
    post("no lists", INPUTS, {"run_id": "{run}"}),
    post("an output", OUTPUTS, {"run_id": "{run}", "models": [{"model_id": "{model}", "step": 3}]}),
    post("the output again", OUTPUTS, {"run_id": "{run}", "models": [{"model_id": "{model}", "step": 3}]}),
    post("the output at another step", OUTPUTS, {"run_id": "{run}", "models": [{"model_id": "{model}", "step": 4}]}),
    post("an output without step", OUTPUTS, {"run_id": "{run}", "models": [{"model_id": "{model}"}]}),
    post("an unknown output", OUTPUTS, {"run_id": "{run}", "models": [{"model_id": "m-0", "step": 1}]}),
    post("no outputs", OUTPUTS, {"run_id": "{run}", "models": []}),
    post("outputs without list", OUTPUTS, {"run_id": "{run}"}),
    post("outputs of an unknown run", OUTPUTS, {"run_id": "0" * 32, "models": [{"model_id": "{model}", "step": 1}]}),
    post("outputs without run", OUTPUTS, {"models": [{"model_id": "{model}", "step": 1}]}),
    get("the run", "runs/get", {"run_id": "{run}"}),
    post("the run found by its dataset", "runs/search", {"experiment_ids": ["0"], "filter": "dataset.name = 'points'"}),
    *each(post, "/ajax-api/2.0/mlflow/experiments/search-datasets", "experiment_ids", [["0"], ["99"], [], ["0", "0"], None, "0", [0], ["x"], ["0"] * 21]),
    post("datasets of no experiment", "/ajax-api/2.0/mlflow/experiments/search-datasets"),
]

# What this server answers otherwise, and why.
OURS = {
    "an entry as text": Ours(DROPPED, message="Invalid value [\"x\"] for parameter 'datasets' supplied:  Hint: Value wa"),
    "the output again": Ours("a repeated output says nothing new", 200, body={}),
    "the output at another step": Ours("a repeated output says nothing new", 200, body={}),
    "an output without step": Ours("a repeated output says nothing new", 200, body={}),
    "search-datasets: experiment_ids = '0'": Ours(SENTENCE, message="Invalid value \"0\" for parameter 'experiment_ids' supplied:  Hint: Valu"),
    "search-datasets: experiment_ids = [0]": Ours(SENTENCE, message="Invalid value [0] for parameter 'experiment_ids' supplied:  Hint: Valu"),
}
