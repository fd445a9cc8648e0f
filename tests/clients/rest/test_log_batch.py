import pytest


def batch(api, run, **lists):
    return api.post("runs/log-batch", {"run_id": run, **lists})


def metric(key="m", value=1, timestamp=1, step=0):
    return {"key": key, "value": value, "timestamp": timestamp, "step": step}


NOTHING = {"metrics": {}, "params": {}, "tags": {}}


def test_a_batch_writes_everything(api, run):
    answer = batch(
        api,
        run,
        metrics=[metric(), metric("n", 2, 5, 6)],
        params=[{"key": "p", "value": "1"}, {"key": "q"}],
        tags=[{"key": "t", "value": "x"}],
    )
    assert answer.ok() == {}
    assert api.run_data(run) == {
        "metrics": {"m": 1.0, "n": 2.0}, "params": {"p": "1", "q": ""}, "tags": {"t": "x"},
    }
    points = api.get("metrics/get-history", run_id=run, metric_key="n").ok()["metrics"]
    assert points == [{"key": "n", "value": 2.0, "timestamp": 5, "step": 6}]


def test_an_empty_batch_is_fine(api, run):
    assert batch(api, run).ok() == {}
    assert batch(api, run, metrics=[], params=[], tags=[]).ok() == {}
    assert api.run_data(run) == NOTHING


def test_special_values(api, run):
    values = {"nan": "NaN", "inf": "Infinity", "ninf": "-Infinity", "text": "1.5"}
    batch(api, run, metrics=[metric(key, value) for key, value in values.items()]).ok()
    biggest = 1.7976931348623157e308
    assert api.run_data(run)["metrics"] == {
        "nan": "NaN", "inf": biggest, "ninf": -biggest, "text": 1.5,
    }


def test_the_latest_point_of_a_batch_is_shown(api, run):
    batch(api, run, metrics=[metric(value=1, step=2), metric(value=2, step=1), metric(value=3, step=2)]).ok()
    assert api.run_data(run)["metrics"] == {"m": 3.0}
    batch(api, run, metrics=[metric(value=4, step=1)]).ok()
    assert api.run_data(run)["metrics"] == {"m": 3.0}


def test_the_same_point_many_times_is_kept_once(api, run):
    batch(api, run, metrics=[metric()] * 3).ok()
    batch(api, run, metrics=[metric()] * 2).ok()
    assert len(api.get("metrics/get-history", run_id=run, metric_key="m").ok()["metrics"]) == 1


def test_a_thousand_metrics(api, run):
    batch(api, run, metrics=[metric(value=i, step=i, timestamp=i) for i in range(1000)]).ok()
    points = api.get("metrics/get-history", run_id=run, metric_key="m").ok()["metrics"]
    assert [point["step"] for point in points] == list(range(1000))
    assert api.run_data(run)["metrics"] == {"m": 999.0}


def pairs(count):
    return [{"key": f"k{i}", "value": "v"} for i in range(count)]


def test_a_hundred_params_and_tags(api, run):
    batch(api, run, params=pairs(100), tags=pairs(100)).ok()
    data = api.run_data(run)
    assert len(data["params"]) == len(data["tags"]) == 100


@pytest.mark.parametrize(
    "lists, limit, what, got",
    [
        ({"metrics": [metric(step=i) for i in range(1001)]}, 1000, "metrics", 1001),
        ({"params": pairs(101)}, 100, "params", 101),
        ({"tags": pairs(101)}, 100, "tags", 101),
        (
            {"metrics": [metric(step=i) for i in range(950)], "params": pairs(51)},
            1000,
            "metrics, params, and tags",
            1001,
        ),
    ],
)
def test_a_batch_that_is_too_big_is_refused(api, run, lists, limit, what, got):
    batch(api, run, **lists).invalid(
        f"A batch logging request can contain at most {limit} {what}. Got {got} {what}. "
        f"Please split up {what} across multiple requests and try again."
    )
    assert api.run_data(run) == NOTHING


@pytest.mark.parametrize(
    "lists, path",
    [
        ({"metrics": [{"key": "m", "value": 1}]}, "metrics[0].timestamp"),
        ({"metrics": [{"key": "m", "timestamp": 1}]}, "metrics[0].value"),
        ({"metrics": [metric("ok"), {"value": 1, "timestamp": 1}]}, "metrics[1].key"),
        ({"metrics": [metric(value=None)]}, "metrics[0].value"),
        ({"params": [{"value": "p"}]}, "params[0].key"),
        ({"params": [{"key": "", "value": "1"}]}, "params[0].key"),
        ({"tags": [{"key": "ok", "value": "1"}, {"value": "1"}]}, "tags[1].key"),
    ],
)
def test_a_missing_part_is_named_by_its_place(api, run, lists, path):
    batch(api, run, **lists).missing(path)
    assert api.run_data(run) == NOTHING


@pytest.mark.parametrize(
    "lists, message",
    [
        ({"metrics": [metric("ok"), metric("a$")]}, "Invalid value \"a$\" for parameter 'metrics[1].name' supplied: Names may only contain"),
        ({"metrics": [metric("a//b")]}, "'metrics[0].name' supplied: Names may be treated as files"),
        ({"metrics": [metric("x" * 251)]}, "'Metric name' exceeds the maximum length of 250 characters"),
        (
            {"metrics": [metric(timestamp=-1)]},
            "Invalid value -1 for parameter 'metrics[0].timestamp' supplied: metric 'm' (value=1.0). Timestamp must be",
        ),
        ({"params": [{"key": "a$", "value": "1"}]}, "Invalid value \"a$\" for parameter 'params[0].key' supplied"),
        ({"tags": [{"key": "a$", "value": "1"}]}, "Invalid value \"a$\" for parameter 'tags[0].key' supplied"),
    ],
)
def test_one_bad_part_spoils_the_batch(api, run, lists, message):
    good = {"metrics": [metric("good")], "params": pairs(1), "tags": pairs(1)}
    batch(api, run, **{**good, **lists}).invalid(message)
    assert api.run_data(run) == NOTHING


@pytest.mark.parametrize("name", ["metrics", "params", "tags"])
def test_each_list_must_be_a_list(api, run, name):
    batch(api, run, **{name: "x"}).wrong_type(name, '"x"', "str")
    batch(api, run, **{name: {"a": 1}}).wrong_type(name, '{"a":1}', "dict")


@pytest.mark.parametrize("name", ["metrics", "params"])
@pytest.mark.parametrize("value", [["x"], [5]])
def test_each_entry_must_be_an_object(api, run, name, value):
    batch(api, run, **{name: value}).invalid("", reference_fails=True)
    assert api.run_data(run) == NOTHING


def test_a_param_key_twice_is_refused_even_with_one_value(api, run):
    for second in ("1", "2"):
        params = [{"key": "p", "value": "1"}, {"key": "p", "value": second}]
        batch(api, run, params=params).invalid(
            "Duplicate parameter keys have been submitted: ['p']. "
            "Please ensure the request contains only one param value per param key."
        )
    assert api.run_data(run) == NOTHING


def test_a_changed_param_is_refused_and_nothing_else_is_written(api, run):
    batch(api, run, params=[{"key": "p", "value": "1"}]).ok()
    batch(api, run, params=[{"key": "p", "value": "1"}, {"key": "q", "value": "1"}]).ok()
    batch(
        api,
        run,
        params=[{"key": "p", "value": "2"}, {"key": "z", "value": "1"}],
        metrics=[metric()],
        tags=pairs(1),
    ).invalid(
        "Changing param values is not allowed. Params were already logged="
        f"'[{{'key': 'p', 'old_value': '1', 'new_value': '2'}}]' for run ID='{run}'."
    )
    assert api.run_data(run) == {"metrics": {}, "params": {"p": "1", "q": "1"}, "tags": {}}


def test_a_tag_key_twice_takes_the_last(api, run):
    batch(api, run, tags=[{"key": "t", "value": "1"}, {"key": "t", "value": "2"}]).ok()
    assert api.run_data(run)["tags"] == {"t": "2"}


def test_long_values_are_cut(api, run):
    batch(
        api,
        run,
        params=[{"key": "p", "value": "x" * 6001}],
        tags=[{"key": "t", "value": "x" * 8001}],
    ).ok()
    assert api.run_data(run) == {
        "metrics": {}, "params": {"p": "x" * 6000}, "tags": {"t": "x" * 8000},
    }


def test_a_run_is_needed(api):
    api.post("runs/log-batch", run_id="nope").absent("Run with id=nope not found")
    api.post("runs/log-batch", metrics=[metric()]).missing("run_id")
    api.post("runs/log-batch", run_id=None).missing("run_id")
    api.post("runs/log-batch", run_id=5).wrong_type("run_id", "5", "int")


def test_a_body_above_a_megabyte_is_taken(api, run):
    tags = [{"key": f"t{i}", "value": "x" * 8000} for i in range(100)]
    params = [{"key": f"p{i}", "value": "y" * 6000} for i in range(60)]
    batch(api, run, tags=tags, params=params).ok()
    assert len(api.run_data(run)["tags"]) == 100
