import json
import base64
import re
import time
import uuid

import pytest


@pytest.fixture
def new_model(api, experiment):
    def create(**fields):
        return api.post("logged-models", {"experiment_id": experiment, **fields}).ok()["model"]

    return create


@pytest.fixture
def model(new_model):
    return new_model(name="model")["info"]["model_id"]


def get(api, model):
    return api.get(f"logged-models/{model}").ok()["model"]


def test_create_answers_the_model(api, experiment, run):
    tags, params = [{"key": "t", "value": "v"}], [{"key": "p", "value": "1"}]
    shown = api.post(
        "logged-models",
        experiment_id=experiment,
        name="one",
        model_type="Agent",
        source_run_id=run,
        params=params,
        tags=tags,
    ).ok()["model"]
    info = shown["info"]
    assert re.fullmatch("m-[0-9a-f]{32}", info["model_id"])
    assert shown == {
        "info": {
            "model_id": info["model_id"],
            "experiment_id": experiment,
            "name": "one",
            "creation_timestamp_ms": info["creation_timestamp_ms"],
            "last_updated_timestamp_ms": info["creation_timestamp_ms"],
            "artifact_uri": f"mlflow-artifacts:/{experiment}/models/{info['model_id']}/artifacts",
            "status": "LOGGED_MODEL_PENDING",
            "model_type": "Agent",
            "source_run_id": run,
            "tags": tags,
        },
        "data": {"params": params},
    }
    assert abs(info["creation_timestamp_ms"] - time.time() * 1000) < 600_000
    assert get(api, info["model_id"]) == shown


def test_absent_parts(api, new_model):
    for given in ({}, {"name": ""}):
        shown = new_model(**given)
        assert re.fullmatch(r"[a-z]+-[a-z]+-\d{1,4}", shown["info"]["name"])
        assert shown["info"]["model_type"] == shown["info"]["source_run_id"] == ""
        assert "tags" not in shown["info"] and shown["data"] == {}


@pytest.mark.parametrize("sign", list("/:.%\"'"))
def test_signs_that_a_name_cannot_contain(api, experiment, sign):
    api.post("logged-models", experiment_id=experiment, name=f"a{sign}b").invalid(
        "Model name must be a non-empty string and cannot contain the following characters: "
        "('/', ':', '.', '%', '\"', \"'\")"
    )


def test_create_refuses_bad_input(api, experiment):
    api.post("logged-models", name="x").missing("experiment_id")
    api.post("logged-models", experiment_id="99999999").absent("No Experiment with id=99999999")
    api.post("logged-models", experiment_id="abc").invalid("Invalid experiment ID 'abc'.")
    for field in ("name", "model_type"):
        api.post("logged-models", {"experiment_id": experiment, field: 5}).wrong_type(
            field, "5", "int"
        )
    api.post("logged-models", experiment_id=experiment, params="x").wrong_type(
        "params", '"x"', "str"
    )
    twice = [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]
    api.post("logged-models", experiment_id=experiment, params=twice).refused(
        400, "BAD_REQUEST", ""
    )


def test_an_unknown_model(api):
    message = "Logged model with ID 'm-nope' not found."
    api.get("logged-models/m-nope").absent(message)
    api.send("DELETE", "logged-models/m-nope").absent(message)
    api.patch("logged-models/m-nope/tags", tags=[{"key": "t", "value": "v"}]).absent(message)
    api.send("DELETE", "logged-models/m-nope/tags/t").absent(message)
    api.patch(
        "logged-models/m-nope", model_id="m-nope", status="LOGGED_MODEL_READY"
    ).absent(message)


@pytest.mark.parametrize(
    "status, shown",
    [
        ("LOGGED_MODEL_READY", "LOGGED_MODEL_READY"),
        ("LOGGED_MODEL_UPLOAD_FAILED", "LOGGED_MODEL_UPLOAD_FAILED"),
        ("LOGGED_MODEL_PENDING", "LOGGED_MODEL_PENDING"),
        (2, "LOGGED_MODEL_READY"),
    ],
)
def test_finalize_sets_the_status(api, model, status, shown):
    before = get(api, model)["info"]
    time.sleep(0.01)
    after = api.patch(f"logged-models/{model}", model_id=model, status=status).ok()["model"]["info"]
    assert after["status"] == shown
    assert after["last_updated_timestamp_ms"] > before["last_updated_timestamp_ms"]
    assert get(api, model)["info"] == after


def test_finalize_wants_the_id_in_the_body_too(api, model):
    api.patch(f"logged-models/{model}", status="LOGGED_MODEL_READY").missing("model_id")
    api.patch(f"logged-models/{model}", model_id=model).missing("status")


def test_params_are_added(api, model):
    def add(*params, **more):
        body = {"params": [{"key": k, "value": v} for k, v in params], **more}
        return api.post(f"logged-models/{model}/params", body)

    assert add(("q", "2"), ("r", "3"), model_id=model).ok() == {}
    add(("s", "4")).missing("model_id")
    params = {param["key"]: param["value"] for param in get(api, model)["data"]["params"]}
    assert params == {"q": "2", "r": "3"}


def test_tags_are_set_and_deleted(api, model):
    path = f"logged-models/{model}/tags"
    assert api.patch(path, tags=[{"key": "t", "value": "1"}, {"key": "u", "value": "2"}]).ok() == {}
    api.patch(path, tags=[{"key": "t", "value": "3"}]).ok()
    api.patch(path).ok()
    tags = {tag["key"]: tag["value"] for tag in get(api, model)["info"]["tags"]}
    assert tags == {"t": "3", "u": "2"}
    assert api.send("DELETE", path + "/u").ok() == {}
    api.send("DELETE", path + "/u").absent(
        f"No tag with key 'u' found for model with ID '{model}'."
    )
    assert [tag["key"] for tag in get(api, model)["info"]["tags"]] == ["t"]


def test_metrics_of_a_model(api, run, model):
    api.post(
        "runs/log-metric",
        run_id=run,
        key="acc",
        value=0.9,
        timestamp=5,
        step=2,
        model_id=model,
        dataset_name="ds",
        dataset_digest="dd",
    ).ok()
    batch = [{"key": "loss", "value": 0.1, "timestamp": 6, "step": 1, "model_id": model}]
    api.post("runs/log-batch", run_id=run, metrics=batch).ok()
    metrics = {metric["key"]: metric for metric in get(api, model)["data"]["metrics"]}
    assert metrics == {
        "acc": {
            "key": "acc",
            "value": 0.9,
            "timestamp": 5,
            "step": 2,
            "dataset_name": "ds",
            "dataset_digest": "dd",
            "model_id": model,
            "run_id": run,
        },
        "loss": {
            "key": "loss",
            "value": 0.1,
            "timestamp": 6,
            "step": 1,
            "model_id": model,
            "run_id": run,
        },
    }
    assert api.run_data(run)["metrics"] == {"acc": 0.9, "loss": 0.1}


def test_a_metric_of_an_unknown_model_is_refused(api, run):
    api.post(
        "runs/log-metric", run_id=run, key="m", value=1, timestamp=1, model_id="m-nope"
    ).refused(400, "BAD_REQUEST", "")
    assert api.run_data(run)["metrics"] == {}


def test_a_deleted_model_is_gone(api, experiment, model):
    assert api.send("DELETE", f"logged-models/{model}").ok() == {}
    api.get(f"logged-models/{model}").absent(f"Logged model with ID '{model}' not found.")
    assert api.post("logged-models/search", experiment_ids=[experiment]).ok() == {}


def test_files_of_a_model(api, model):
    shown = get(api, model)["info"]
    root = shown["artifact_uri"].removeprefix("mlflow-artifacts:/")
    path = f"logged-models/{model}/artifacts/directories"
    assert api.get(path).ok() == {"root_uri": shown["artifact_uri"]}
    api.send("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{root}/sub/MLmodel", data=b"hello")
    assert api.get(path).ok() == {
        "root_uri": shown["artifact_uri"],
        "files": [{"path": "sub", "is_dir": True}],
    }
    assert api.get(path, artifact_directory_path="sub").ok()["files"] == [
        {"path": "sub/MLmodel", "is_dir": False, "file_size": 5}
    ]
    file = api.get(
        f"/ajax-api/2.0/mlflow/logged-models/{model}/artifacts/files",
        artifact_file_path="sub/MLmodel",
    )
    assert (file.status, file.body) == (200, b"hello")


FILLED = {}


class Searched:
    """Made in this order:

    aa  type T1, of a run, param lr=0.1, tag t=x, acc 0.1 (and 0.7 on dataset d1, digest g1), ready
    bb  type T2, param lr=0.2, acc 0.5
    cc
    """

    def __init__(self, api, unique):
        self.api = api
        if api.base not in FILLED:
            experiment = api.post("experiments/create", name=unique()).ok()["experiment_id"]
            run = api.new_run(experiment)["run_id"]
            ids = {}

            def make(name, **fields):
                body = {"experiment_id": experiment, "name": name, **fields}
                ids[name] = api.post("logged-models", body).ok()["model"]["info"]["model_id"]
                time.sleep(0.01)

            make(
                "aa",
                model_type="T1",
                source_run_id=run,
                params=[{"key": "lr", "value": "0.1"}],
                tags=[{"key": "t", "value": "x"}],
            )
            make("bb", model_type="T2", params=[{"key": "lr", "value": "0.2"}])
            make("cc")
            for name, value, step, more in (
                ("aa", 0.1, 0, {}),
                ("aa", 0.7, 1, {"dataset_name": "d1", "dataset_digest": "g1"}),
                ("bb", 0.5, 0, {}),
            ):
                api.post(
                    "runs/log-metric",
                    run_id=run,
                    key="acc",
                    value=value,
                    timestamp=1,
                    step=step,
                    model_id=ids[name],
                    **more,
                ).ok()
            FILLED[api.base] = experiment, run, ids
        self.experiment, self.run, self.ids = FILLED[api.base]
        self.names = {model: name for name, model in self.ids.items()}

    def ask(self, filter=None, **body):
        body.setdefault("experiment_ids", [self.experiment])
        if filter is not None:
            body["filter"] = filter.format(run=self.run, **self.ids)
        return self.api.post("logged-models/search", body)

    def find(self, filter=None, **body):
        found = self.ask(filter, **body).ok().get("models", [])
        return [self.names[model["info"]["model_id"]] for model in found]


@pytest.fixture
def searched(api, unique):
    return Searched(api, unique)


@pytest.mark.parametrize(
    "filter, names",
    [
        (None, ["cc", "bb", "aa"]),
        ("", ["cc", "bb", "aa"]),
        ("name = 'aa'", ["aa"]),
        ("attributes.name = 'aa'", ["aa"]),
        ("name LIKE 'a%'", ["aa"]),
        ("name ILIKE 'A%'", ["aa"]),
        ("name IN ('aa', 'bb')", ["bb", "aa"]),
        ("name NOT IN ('aa', 'bb')", ["cc"]),
        ("name != 'aa'", ["cc", "bb"]),
        ("model_id = '{aa}'", ["aa"]),
        ("model_type = 'T1'", ["aa"]),
        ("source_run_id = '{run}'", ["aa"]),
        ("creation_timestamp > 0", ["cc", "bb", "aa"]),
        ("creation_time > 0", ["cc", "bb", "aa"]),
        ("last_updated_timestamp < 5", []),
        ("params.lr = '0.1'", ["aa"]),
        ("params.lr LIKE '0%'", ["bb", "aa"]),
        ("tags.t = 'x'", ["aa"]),
        ("metrics.acc > 0.4", ["bb", "aa"]),
        ("metrics.acc = 0.5", ["bb"]),
        ("metrics.acc < 0.2", ["aa"]),
        ("metrics.acc > 0.4 AND params.lr = '0.2'", ["bb"]),
    ],
)
def test_filter(searched, filter, names):
    assert searched.find(filter) == names


@pytest.mark.parametrize(
    "filter, message",
    [
        ("attribute.name = 'aa'", "Invalid entity type: 'attribute'. Expected one of ['attributes', 'metrics', 'params', 'tags']."),
        ("junk.x = 1", "Invalid entity type: 'junk'. Expected one of ['attributes', 'metrics', 'params', 'tags']."),
        ("params.lr > '0'", "Invalid comparison operator for params.lr: '>'. Expected one of "),
        ("name='aa' OR name='bb'", "Expected a list of comparisons separated by 'AND'"),
        ("name", "Invalid filter string: 'name'. Expected a list of comparisons separated by 'AND'"),
    ],
)
def test_a_bad_filter_is_refused(searched, filter, message):
    searched.ask(filter).invalid(message)


@pytest.mark.parametrize("filter", ["bogus = 'x'", "metrics.acc > '0.4'"])
def test_a_filter_that_breaks_the_reference_is_refused(searched, filter):
    searched.ask(filter).invalid("", reference_fails=True)


def test_datasets_bound_the_metrics(searched):
    one = [{"dataset_name": "d1", "dataset_digest": "g1"}]
    assert searched.find("metrics.acc > 0.4", datasets=one) == ["aa"]
    assert searched.find("metrics.acc < 0.4", datasets=one) == []
    searched.ask("metrics.acc > 0.4", datasets=[{}]).invalid(
        "`dataset_name` in the `datasets` clause must be specified."
    )


@pytest.mark.parametrize(
    "order, names",
    [
        ({"field_name": "name"}, ["aa", "bb", "cc"]),
        ({"field_name": "name", "ascending": False}, ["cc", "bb", "aa"]),
        ({"field_name": "creation_timestamp", "ascending": True}, ["aa", "bb", "cc"]),
        ({"field_name": "creation_time"}, ["aa", "bb", "cc"]),
        ({"field_name": "last_updated_timestamp"}, ["aa", "bb", "cc"]),
        (
            {"field_name": "metrics.acc", "dataset_name": "d1", "dataset_digest": "g1"},
            ["aa", "cc", "bb"],
        ),
    ],
)
def test_order(searched, order, names):
    assert searched.find(order_by=[order]) == names


@pytest.mark.parametrize(
    "order, message",
    [
        ({"field_name": "params.lr"}, "Invalid order by field name: params.lr. Only metrics are supported."),
        ({"field_name": "bogus"}, "Invalid order by field name: bogus"),
        ({}, "Invalid order by field name: "),
    ],
)
def test_a_bad_order_is_refused(searched, order, message):
    searched.ask(order_by=[order]).invalid(message)


def test_pages(searched):
    first = searched.ask(max_results=2).ok()
    assert len(first["models"]) == 2
    token = first["next_page_token"]
    assert json.loads(base64.b64decode(token)) == {
        "experiment_ids": [searched.experiment],
        "filter_string": None,
        "order_by": None,
        "offset": 2,
    }
    assert searched.find(max_results=2, page_token=token) == ["aa"]
    assert "next_page_token" not in searched.ask(max_results=3).ok()
    searched.ask("name='aa'", max_results=2, page_token=token).invalid(
        "Filter string in the page token does not match the requested filter string."
    )
    searched.ask(page_token="junk").invalid("", reference_fails=True)


def test_search_needs_experiments(searched, api):
    api.post("logged-models/search").missing("experiment_ids")
    assert searched.ask(experiment_ids=[]).ok() == {}
    assert searched.ask(experiment_ids=["99999999"]).ok() == {}
    searched.ask(experiment_ids=["abc"]).invalid("Invalid experiment ID 'abc'.")
    searched.ask(experiment_ids="x").wrong_type("experiment_ids", '"x"', "str")
    searched.ask(max_results="x").wrong_type("max_results", '"x"', "str")


def test_search_shows_the_same_model_as_get(searched, api):
    found = searched.ask("name = 'bb'").ok()["models"]
    assert found == [get(api, searched.ids["bb"])]
