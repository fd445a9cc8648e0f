"""What the pages of the walk show, logged by the real client."""

import os
from dataclasses import dataclass, field

import mlflow
import numpy as np
import pandas as pd
from mlflow.tracking import MlflowClient


@dataclass
class Filled:
    experiment: str = ""
    runs: dict = field(default_factory=dict)  # name to id
    model_id: str = ""


def fill(server):
    os.environ["MLFLOW_TRACKING_URI"] = server.mlflow_url
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    mlflow.set_tracking_uri(server.mlflow_url)
    filled = Filled()
    filled.experiment = mlflow.set_experiment("walk").experiment_id
    for number, name in enumerate(("low", "middle", "high")):
        with mlflow.start_run(run_name=name) as run:
            filled.runs[name] = run.info.run_id
            log_curves(number)
    with mlflow.start_run(run_name="artifacts") as run:
        filled.runs["artifacts"] = run.info.run_id
        log_files()
    with mlflow.start_run(run_name="parent") as run:
        filled.runs["parent"] = run.info.run_id
        for name in ("child-1", "child-2"):
            with mlflow.start_run(run_name=name, nested=True) as child:
                filled.runs[name] = child.info.run_id
                mlflow.log_metric("accuracy", 0.5)
    with mlflow.start_run(run_name="with-model") as run:
        filled.runs["with-model"] = run.info.run_id
        filled.model_id = log_model()
    register()
    return filled


def log_curves(number):
    mlflow.log_params({"learning_rate": 10.0**-number, "layers": number + 1})
    mlflow.set_tag("team", "red" if number else "blue")
    mlflow.log_input(
        mlflow.data.from_pandas(pd.DataFrame({"a": [1, 2]}), source="made-up", name="digits"),
        context="training",
    )
    for step in range(60):
        mlflow.log_metrics(
            {"loss": 2.0 / (step + 1 + number), "accuracy": 0.3 * number + step / 200}, step=step
        )


def log_files():
    mlflow.log_image(np.full((40, 60, 3), (200, 30, 30), dtype=np.uint8), "pictures/red.png")
    mlflow.log_table({"question": ["how many?"], "answer": ["forty-two"]}, "table.json")
    mlflow.log_text("<h1 id='seen'>A page of HTML</h1>", "page.html")
    mlflow.log_text("the quick brown fox", "notes/fox.txt")
    mlflow.log_dict({"colour": "green"}, "colours.json")
    mlflow.log_text("city,people\nSeoul,9600000\n", "cities.csv")


class Doubler(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input * 2


def log_model():
    mlflow.log_param("depth", 3)
    model = mlflow.pyfunc.log_model(
        name="doubler",
        python_model=Doubler(),
        input_example=pd.DataFrame({"x": [1.0]}),
        pip_requirements=["mlflow"],
        registered_model_name="doubler-in-registry",
    )
    mlflow.log_metric("accuracy", 0.75, model_id=model.model_id)
    return model.model_id


def register():
    client = MlflowClient()
    name = "doubler-in-registry"
    client.update_registered_model(name, "Doubles what it is given.")
    client.set_registered_model_tag(name, "owner", "red")
    client.set_registered_model_alias(name, "champion", 1)
    client.set_model_version_tag(name, "1", "stage", "tried")
    for template in ("Say hello to {{name}}.", "Say good morning to {{name}}."):
        mlflow.genai.register_prompt("greeting", template, commit_message="as it should be")
