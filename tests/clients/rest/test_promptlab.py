"""A prompt tried in the web UI, kept as a run with files."""

import json

import pytest

PATH = "/ajax-api/2.0/mlflow/runs/create-promptlab-run"


@pytest.fixture
def tried(experiment):
    return {
        "experiment_id": experiment,
        "run_name": "tried",
        "prompt_template": 'Say {{word}} "loud"',
        "prompt_parameters": [{"key": "word", "value": "hello"}],
        "model_route": "route",
        "model_parameters": [{"key": "temperature", "value": 0.5}],
        "model_input": "Say hello",
        "model_output": "HELLO",
        "model_output_parameters": [{"key": "latency", "value": "12"}],
        "mlflow_version": "3.17.2",
        "user_id": "somebody",
        "start_time": 5,
    }


def file(api, run, path):
    answer = api.send("GET", "/get-artifact", params={"run_id": run, "path": path})
    assert answer.status == 200, answer
    return answer.text


def test_a_tried_prompt_is_a_finished_run(api, tried):
    made = api.post(PATH, tried).ok()["run"]
    assert made["info"]["status"] == "FINISHED"
    assert made["info"]["run_name"] == "tried"
    assert made["info"]["user_id"] == "somebody"
    assert made["info"]["start_time"] == 5
    params = {each["key"]: each["value"] for each in made["data"]["params"]}
    assert params == {
        "temperature": "0.5",
        "model_route": "route",
        "prompt_template": 'Say {{word}} "loud"',
    }
    tags = {each["key"]: each["value"] for each in made["data"]["tags"]}
    assert tags["mlflow.runSourceType"] == "PROMPT_ENGINEERING"
    table = [{"path": "eval_results_table.json", "type": "table"}]
    assert json.loads(tags["mlflow.loggedArtifacts"]) == table
    (model,) = json.loads(tags["mlflow.log-model.history"])
    assert (model["artifact_path"], model["flavors"]) == ("model", {})


def test_its_files(api, tried):
    import yaml

    run = api.post(PATH, tried).ok()["run"]["info"]["run_id"]
    assert json.loads(file(api, run, "eval_results_table.json")) == {
        "columns": ["word", "prompt", "output", "latency"],
        "data": [["hello", "Say hello", "HELLO", "12"]],
    }
    assert yaml.safe_load(file(api, run, "model/parameters.yaml")) == {
        "model_parameters": {"temperature": "0.5"},
        "model_route": "route",
        "prompt_parameters": {"word": "hello"},
        "prompt_template": 'Say {{word}} "loud"',
    }
    model = yaml.safe_load(file(api, run, "model/MLmodel"))
    flavor = model["flavors"]["python_function"]
    assert flavor["loader_module"] == "mlflow.prompt.promptlab_model"
    assert model["run_id"] == run
    assert json.loads(model["signature"]["inputs"]) == [
        {"type": "string", "name": "word", "required": True}
    ]
    assert json.loads(file(api, run, "model/input_example.json")) == {"inputs": ["hello"]}
    assert file(api, run, "model/requirements.txt") == "mlflow[gateway]==3.17.2"
    for name in ("conda.yaml", "python_env.yaml"):
        assert yaml.safe_load(file(api, run, "model/" + name))["dependencies"]


def test_the_real_client_reads_its_model(api, tried, mlflow_url, monkeypatch):
    import mlflow
    from mlflow.models import Model

    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    mlflow.set_tracking_uri(mlflow_url)
    run = api.post(PATH, tried).ok()["run"]["info"]["run_id"]
    model = Model.load(f"runs:/{run}/model")
    assert model.signature.inputs.input_names() == ["word"]
    assert model.signature.outputs.input_names() == ["output"]


@pytest.mark.parametrize(
    "name",
    ["experiment_id", "prompt_template", "prompt_parameters", "model_route", "model_input",
     "mlflow_version"],
)
def test_what_is_missing_is_named(api, tried, name):
    del tried[name]
    api.post(PATH, tried).invalid(f"CreatePromptlabRun request must specify {name}.")
