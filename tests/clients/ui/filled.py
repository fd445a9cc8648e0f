"""What the pages of the walk show: as a script it logs it with the real client, and Filled asks the
server for the ids."""

import sys

import mlflow
import numpy as np
import pandas as pd
import requests
from mlflow.tracking import MlflowClient


class Filled:
    def __init__(self, server):
        self.api = server.mlflow_url + "/api/2.0/mlflow/"
        found = self.get("experiments/get-by-name", experiment_name="walk")
        self.experiment = found["experiment"]["experiment_id"]
        models = self.post("logged-models/search", experiment_ids=[self.experiment])["models"]
        self.model = models[0]["info"]["model_id"]

    def get(self, path, **fields):
        return self._json(requests.get(self.api + path, params=fields, timeout=60))

    def post(self, path, **fields):
        return self._json(requests.post(self.api + path, json=fields, timeout=60))

    @staticmethod
    def _json(answer):
        assert answer.status_code == 200, answer.text
        return answer.json()

    def run(self, name):
        search = {"filter": f"run_name = '{name}'", "experiment_ids": [self.experiment]}
        (run,) = self.post("runs/search", **search, run_view_type="ALL")["runs"]
        return run["info"]["run_id"]


def fill(address):
    mlflow.set_tracking_uri(address)
    mlflow.set_experiment("walk")
    for number, name in enumerate(("low", "middle", "high")):
        with mlflow.start_run(run_name=name):
            log_curves(number)
    with mlflow.start_run(run_name="artifacts"):
        log_files()
    with mlflow.start_run(run_name="parent"):
        for name in ("child-1", "child-2"):
            with mlflow.start_run(run_name=name, nested=True):
                mlflow.log_metric("accuracy", 0.5)
    with mlflow.start_run(run_name="with-model"):
        log_model()
    with mlflow.start_run(run_name="to-rename"):
        pass
    with mlflow.start_run(run_name="to-delete"):
        pass
    register()


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


def register():
    client = MlflowClient()
    name = "doubler-in-registry"
    client.update_registered_model(name, "Doubles what it is given.")
    client.set_registered_model_tag(name, "owner", "red")
    client.set_registered_model_alias(name, "champion", 1)
    client.set_model_version_tag(name, "1", "stage", "tried")
    for template in ("Say hello to {{name}}.", "Say good morning to {{name}}."):
        mlflow.genai.register_prompt("greeting", template, commit_message="as it should be")


if __name__ == "__main__":
    fill(sys.argv[1])
