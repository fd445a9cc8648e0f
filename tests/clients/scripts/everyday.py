"""What a user does in a day, written so that every client from 2.9 on runs it.

everyday.py LABEL: works in names that contain LABEL and prints one JSON object of what it saw.
"""

import json
import os
import sys
import tempfile

import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sklearn.linear_model import LogisticRegression

label = sys.argv[1]
client = MlflowClient()
seen = {"client": mlflow.__version__}

experiment = mlflow.set_experiment(f"everyday-{label}")
seen["experiment_id"] = experiment.experiment_id
mlflow.set_experiment_tag("team", "blue")

# A run of automatic logging, with its data.
mlflow.sklearn.autolog(log_models=False)
x = pd.DataFrame({"a": np.linspace(-1, 1, 40), "b": np.linspace(2, 1, 40)})
y = (x["a"] > 0).astype(int)
with mlflow.start_run(run_name="autologged") as run:
    mlflow.log_input(mlflow.data.from_pandas(x, name="points"), context="training")
    model = LogisticRegression(C=2.0).fit(x, y)
    mlflow.sklearn.log_model(
        model, "model", registered_model_name=f"model-{label}", input_example=x.head(2)
    )
mlflow.sklearn.autolog(disable=True)
run = client.get_run(run.info.run_id)
seen["run_id"] = run.info.run_id
seen["status"] = run.info.status
seen["param_C"] = run.data.params["C"]
seen["training_score"] = run.data.metrics["training_score"]
seen["datasets"] = sorted(
    (entry.dataset.name, tag.value)
    for entry in run.inputs.dataset_inputs
    for tag in entry.tags
    if tag.key == "mlflow.data.context" and entry.dataset.name == "points"
)

# The registry.
(version,) = client.search_model_versions(f"name = 'model-{label}'")
seen["version"] = str(version.version)
client.set_registered_model_alias(f"model-{label}", "champion", version.version)
client.set_model_version_tag(f"model-{label}", version.version, "checked", "yes")
client.update_registered_model(f"model-{label}", description="everyday")
loaded = mlflow.pyfunc.load_model(f"models:/model-{label}@champion")
seen["same_predictions"] = bool((loaded.predict(x) == model.predict(x)).all())
client.transition_model_version_stage(f"model-{label}", version.version, "Staging")
loaded = mlflow.sklearn.load_model(f"models:/model-{label}/Staging")
seen["same_predictions_by_stage"] = bool((loaded.predict(x) == model.predict(x)).all())
found = client.get_model_version_by_alias(f"model-{label}", "champion")
seen["version_tags"] = dict(found.tags)
seen["aliases"] = list(found.aliases)
seen["stage"] = found.current_stage

# A parent with children, everything by hand.
with mlflow.start_run(run_name="parent", tags={"kind": "sweep"}) as parent:
    for number in range(3):
        with mlflow.start_run(run_name=f"child-{number}", nested=True):
            mlflow.log_params({"number": number, "name": "한글 이름"})
            mlflow.log_metrics({"score": number / 2, "loss": 1.0})
            for step in range(5):
                mlflow.log_metric("curve", step * number, step=step)
    mlflow.set_tags({"a": "1", "b": "2"})
    mlflow.delete_tag("b")
    mlflow.log_metric("nan", float("nan"))
    mlflow.log_metric("inf", float("inf"))
    mlflow.log_text("hello 한글", "notes/한글 note.txt")
    mlflow.log_dict({"a": [1, 2]}, "data/d.json")
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(f"{folder}/deep/er")
        for name, size in (("one.bin", 1), ("deep/two.bin", 200_000), ("deep/er/three.bin", 0)):
            with open(f"{folder}/{name}", "wb") as file:
                file.write(b"x" * size)
        mlflow.log_artifacts(folder, "tree")
        mlflow.log_artifact(f"{folder}/one.bin")

children = mlflow.search_runs(
    [experiment.experiment_id],
    filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}' AND metrics.score > 0",
    order_by=["metrics.score DESC"],
)
seen["children"] = [
    [row["tags.mlflow.runName"], row["metrics.score"], row["params.number"], row["status"]]
    for _, row in children.iterrows()
]
seen["children_name"] = children["params.name"].iloc[0]
best = children["run_id"].iloc[0]
seen["curve"] = [[p.step, p.value] for p in client.get_metric_history(best, "curve")]
parent = client.get_run(parent.info.run_id)
seen["parent_tags"] = {k: v for k, v in parent.data.tags.items() if not k.startswith("mlflow.")}
seen["nan"] = str(parent.data.metrics["nan"])
seen["inf"] = parent.data.metrics["inf"]

seen["files"] = [[f.path, f.is_dir, f.file_size] for f in client.list_artifacts(parent.info.run_id)]
seen["tree"] = [f.path for f in client.list_artifacts(parent.info.run_id, "tree/deep")]
with tempfile.TemporaryDirectory() as folder:
    mlflow.artifacts.download_artifacts(run_id=parent.info.run_id, dst_path=folder)
    seen["downloaded"] = sorted(
        [os.path.relpath(os.path.join(where, name), folder), os.path.getsize(os.path.join(where, name))]
        for where, _, names in os.walk(folder)
        for name in names
    )
seen["note"] = mlflow.artifacts.load_text(parent.info.artifact_uri + "/notes/한글 note.txt")

# A run by the client alone, ended, deleted and restored; and two mistakes.
made = client.create_run(experiment.experiment_id, run_name="by hand")
client.log_param(made.info.run_id, "p", "1")
try:
    client.log_param(made.info.run_id, "p", "2")
except MlflowException as error:
    seen["changed_param"] = error.error_code
client.set_terminated(made.info.run_id, "KILLED", end_time=12345)
client.delete_run(made.info.run_id)
try:
    client.log_metric(made.info.run_id, "m", 1)
except MlflowException as error:
    seen["deleted_run"] = error.error_code
client.restore_run(made.info.run_id)
made = client.get_run(made.info.run_id)
seen["by_hand"] = [made.info.status, made.info.end_time, made.info.lifecycle_stage]
try:
    client.get_run("0" * 32)
except MlflowException as error:
    seen["unknown_run"] = error.error_code

seen["runs"] = len(mlflow.search_runs([experiment.experiment_id], max_results=2, output_format="list"))
seen["experiments"] = [e.name for e in client.search_experiments(filter_string="tags.team = 'blue'")
                       if label in e.name]
print(json.dumps(seen))
