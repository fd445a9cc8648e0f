import json

import pytest


def dataset(**fields):
    return {
        "dataset": {"name": "d", "digest": "x", "source_type": "local", "source": "s", **fields},
        "tags": [{"key": "mlflow.data.context", "value": "train"}],
    }


def log(api, run, **lists):
    return api.post("runs/log-inputs", {"run_id": run, **lists})


def inputs(api, run):
    return api.get("runs/get", run_id=run).ok()["run"]["inputs"]


def test_a_dataset_is_shown_with_its_tags(api, run):
    full = dataset(digest="y", schema="sch", profile="prof")
    assert log(api, run, datasets=[dataset(), full]).ok() == {}
    assert inputs(api, run) == {"dataset_inputs": [dataset(), full]}


def test_the_same_dataset_again_changes_nothing(api, run):
    for _ in range(2):
        log(api, run, datasets=[dataset()]).ok()
    log(api, run, datasets=[dataset(), dataset()]).ok()
    assert inputs(api, run) == {"dataset_inputs": [dataset()]}


def test_two_runs_share_a_dataset(api, experiment, run):
    other = api.new_run(experiment)["run_id"]
    for each in (run, other):
        log(api, each, datasets=[dataset()]).ok()
        assert inputs(api, each) == {"dataset_inputs": [dataset()]}


def test_nothing_to_log_is_fine(api, run):
    log(api, run).ok()
    log(api, run, datasets=[]).ok()
    assert inputs(api, run) == {}


@pytest.mark.parametrize(
    "entry, message",
    [
        (dataset(name="x" * 501), "'name' exceeds the maximum length of 500 characters"),
        (dataset(digest="x" * 37), "'digest' exceeds the maximum length of 36 characters"),
        (dataset(source="x" * 65536), "'source' exceeds the maximum length of 65535 characters"),
        (dataset(schema="x" * 1048576), "'schema' exceeds the maximum length of 1048575 characters"),
        (
            {**dataset(), "tags": [{"key": "k" * 256, "value": "v"}]},
            "'key' exceeds the maximum length of 255 characters",
        ),
        (
            {**dataset(), "tags": [{"key": "k", "value": "v" * 501}]},
            "'value' exceeds the maximum length of 500 characters",
        ),
    ],
)
def test_over_long_parts_are_refused(api, run, entry, message):
    log(api, run, datasets=[dataset(digest="good"), entry]).invalid(message)
    assert inputs(api, run) == {}


def test_wrong_types_and_unknown_runs(api, run):
    log(api, run, datasets="x").wrong_type("datasets", '"x"', "str")
    log(api, run, models="x").wrong_type("models", '"x"', "str")
    log(api, "nope", datasets=[dataset()]).absent("Run with id=nope not found")
    api.post("runs/log-inputs", datasets=[dataset()]).missing("run_id")


def test_models_in_and_out(api, experiment, run):
    made = api.post("logged-models", experiment_id=experiment, name="m").ok()
    model = made["model"]["info"]["model_id"]
    assert log(api, run, models=[{"model_id": model}]).ok() == {}
    assert api.post("runs/outputs", run_id=run, models=[{"model_id": model, "step": 3}]).ok() == {}
    shown = api.get("runs/get", run_id=run).ok()["run"]
    assert shown["inputs"] == {"model_inputs": [{"model_id": model}]}
    assert shown["outputs"] == {"model_outputs": [{"model_id": model, "step": 3}]}


def test_outputs_need_their_parameters(api, run):
    api.post("runs/outputs", run_id=run).missing("models")
    api.post("runs/outputs", run_id=run, models=[]).ok()
    api.post("runs/outputs", run_id="nope", models=[]).absent("Run with id=nope not found")


def test_datasets_of_an_experiment(api, experiment, run):
    tagless = {"dataset": dataset(name="plain")["dataset"]}
    log(api, run, datasets=[dataset(), tagless]).ok()
    path = "/ajax-api/2.0/mlflow/experiments/search-datasets"
    assert api.post(path, experiment_ids=[experiment]).ok() == {
        "dataset_summaries": [
            {"experiment_id": experiment, "name": "d", "digest": "x", "context": "train"},
            {"experiment_id": experiment, "name": "plain", "digest": "x"},
        ]
    }


def model_json(run):
    return json.dumps(
        {
            "run_id": run,
            "artifact_path": "model",
            "utc_time_created": "2020-01-01 00:00:00",
            "flavors": {},
        }
    )


def test_log_model_of_old_clients_collects_a_history(api, run):
    for _ in range(2):
        assert api.post("runs/log-model", run_id=run, model_json=model_json(run)).ok() == {}
    history = json.loads(api.run_data(run)["tags"]["mlflow.log-model.history"])
    assert len(history) == 2 and history[0]["artifact_path"] == "model"


def test_log_model_refuses_what_is_no_model(api, run):
    api.post("runs/log-model", run_id=run, model_json="{bad").invalid("is not a valid JSON.")
    api.post("runs/log-model", run_id=run, model_json="{}").invalid(
        "Model json is missing mandatory fields: "
    )
    api.post("runs/log-model", run_id=run).missing("model_json")
    api.post("runs/log-model", run_id="nope", model_json=model_json(run)).absent(
        "Run with id=nope not found"
    )
