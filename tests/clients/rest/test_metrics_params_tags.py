import base64
import json

import pytest

BIGGEST = 1.7976931348623157e308


def log(api, run, **fields):
    return api.post("runs/log-metric", {"run_id": run, **fields})


def history(api, run, key, **more):
    answer = api.get("metrics/get-history", run_id=run, metric_key=key, **more).ok()
    return [(m["timestamp"], m["step"], m["value"]) for m in answer.get("metrics", [])]


def test_a_metric_is_kept_with_its_time_and_step(api, run):
    assert log(api, run, key="m", value=0.5, timestamp=1234567890123, step=7).ok() == {}
    answer = api.get("metrics/get-history", run_id=run, metric_key="m").ok()
    point = {"key": "m", "value": 0.5, "timestamp": 1234567890123, "step": 7}
    assert answer == {"metrics": [point]}
    assert api.get("runs/get", run_id=run).ok()["run"]["data"]["metrics"] == [point]


def test_the_run_shows_the_point_of_greatest_step_then_time_then_value(api, run):
    for timestamp, step, value in [(5, 0, 1), (4, 1, 2), (4, 1, 3), (4, 1, 1), (9, -1, 9)]:
        log(api, run, key="m", value=value, timestamp=timestamp, step=step).ok()
    shown = api.get("runs/get", run_id=run).ok()["run"]["data"]["metrics"]
    assert shown == [{"key": "m", "value": 3.0, "timestamp": 4, "step": 1}]


def test_history_is_ordered_by_time_step_value_and_keeps_a_point_once(api, run):
    for timestamp, step, value in [(5, 0, 1), (4, 1, 2), (4, 1, 3), (4, 1, 1), (4, 1, 3), (9, -1, 9)]:
        log(api, run, key="m", value=value, timestamp=timestamp, step=step).ok()
    assert history(api, run, "m") == [
        (4, 1, 1.0), (4, 1, 2.0), (4, 1, 3.0), (5, 0, 1.0), (9, -1, 9.0),
    ]


@pytest.mark.parametrize(
    "given, shown",
    [
        (1, 1.0),
        ("1.5", 1.5),
        (-0.25, -0.25),
        (1e-300, 1e-300),
        (12345678901234567890, 1.2345678901234567e19),
        (0.1 + 0.2, 0.1 + 0.2),
        ("NaN", "NaN"),
        ("Infinity", BIGGEST),
        ("-Infinity", -BIGGEST),
    ],
)
def test_values(api, run, given, shown):
    log(api, run, key="m", value=given, timestamp=1).ok()
    assert history(api, run, "m") == [(1, 0, shown)]
    assert api.run_data(run)["metrics"] == {"m": shown}


def test_numbers_may_come_as_text(api, run):
    log(api, run, key="m", value="2", timestamp="3", step="4").ok()
    assert history(api, run, "m") == [(3, 4, 2.0)]


def test_64_bit_steps_and_times(api, run):
    log(api, run, key="m", value=1, timestamp=2**63 - 1, step=-(2**63)).ok()
    assert history(api, run, "m") == [(2**63 - 1, -(2**63), 1.0)]


def test_a_step_may_be_null_or_absent(api, run):
    log(api, run, key="a", value=1, timestamp=1).ok()
    log(api, run, key="b", value=1, timestamp=1, step=None).ok()
    assert history(api, run, "a") == history(api, run, "b") == [(1, 0, 1.0)]


@pytest.mark.parametrize("field", ["run_id", "key", "value", "timestamp"])
def test_a_required_field_is_absent_null_or_empty(api, run, field):
    whole = {"run_id": run, "key": "m", "value": 1, "timestamp": 1}
    without = {name: value for name, value in whole.items() if name != field}
    api.post("runs/log-metric", without).missing(field)
    api.post("runs/log-metric", {**whole, field: None}).missing(field)
    if field != "timestamp":
        api.post("runs/log-metric", {**whole, field: ""}).missing(field)
    assert history(api, run, "m") == []


@pytest.mark.parametrize(
    "field, value, shown, kind",
    [
        ("key", 5, "5", "int"),
        ("value", "abc", '"abc"', "str"),
        ("timestamp", "abc", '"abc"', "str"),
        ("step", "a", '"a"', "str"),
        ("run_id", 5, "5", "int"),
    ],
)
def test_a_field_of_the_wrong_type_is_refused(api, run, field, value, shown, kind):
    body = {"run_id": run, "key": "m", "value": 1, "timestamp": 1, field: value}
    api.post("runs/log-metric", body).wrong_type(field, shown, kind)
    assert history(api, run, "m") == []


def test_a_value_that_is_a_list_is_refused(api, run):
    log(api, run, key="m", value=[1], timestamp=1).invalid("value", reference_fails=True)


def test_a_time_before_1970_is_refused(api, run):
    log(api, run, key="m", value=1, timestamp=-1).invalid(
        "Invalid value -1 for parameter 'timestamp' supplied: metric 'm' (value=1.0). "
        "Timestamp must be a nonnegative long (64-bit integer)"
    )


BAD_NAMES = [
    ("a//b", "would resolve to 'a/b'"),
    ("../a", "would resolve to '../a'"),
    ("/a", "would resolve to '/a'"),
    (".", "would resolve to '.'"),
    ("a/", "would resolve to 'a'"),
    ("a/../b", "would resolve to 'b'"),
    ("a$", "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), "
           "spaces ( ), colon(:) and slashes (/)."),
    ("a%b", "Names may only contain"),
    ("a\nb", "Names may only contain"),
    ("a\x00b", "Names may only contain"),
    ("a\\b", "Names may only contain"),
]


@pytest.mark.parametrize("key, message", BAD_NAMES)
def test_bad_names(api, run, key, message):
    shown = json.dumps(key)
    log(api, run, key=key, value=1, timestamp=1).invalid(
        f"Invalid value {shown} for parameter 'name' supplied: "
    )
    log(api, run, key=key, value=1, timestamp=1).invalid(message)
    for call in ("log-parameter", "set-tag"):
        answer = api.post(f"runs/{call}", run_id=run, key=key, value="1")
        answer.invalid(f"Invalid value {shown} for parameter 'key' supplied: ")
        answer.invalid(message)
    assert api.run_data(run) == {"metrics": {}, "params": {}, "tags": {}}


GOOD_NAMES = ["a", "a/b/c", "A.b-c_d e:f", "한글 키", "é", "x" * 250, "한" * 250, "..a" * 0 + "a.."]


@pytest.mark.parametrize("key", GOOD_NAMES)
def test_good_names(api, run, key):
    log(api, run, key=key, value=1, timestamp=1).ok()
    api.post("runs/log-parameter", run_id=run, key=key, value="p").ok()
    api.post("runs/set-tag", run_id=run, key=key, value="t").ok()
    assert api.run_data(run) == {"metrics": {key: 1.0}, "params": {key: "p"}, "tags": {key: "t"}}


def test_names_have_at_most_250_characters(api, run):
    key = "x" * 251
    log(api, run, key=key, value=1, timestamp=1).invalid(
        "'Metric name' exceeds the maximum length of 250 characters"
    )
    api.post("runs/log-parameter", run_id=run, key=key, value="1").invalid(
        "'Param key' exceeds the maximum length of 250 characters"
    )
    api.post("runs/set-tag", run_id=run, key=key, value="1").invalid(
        "'key' exceeds the maximum length of 250 characters"
    )


@pytest.mark.parametrize(
    "call, body",
    [
        ("log-metric", {"key": "x", "value": 1, "timestamp": 1}),
        ("log-parameter", {"key": "x", "value": "1"}),
        ("set-tag", {"key": "x", "value": "1"}),
        ("delete-tag", {"key": "x"}),
    ],
)
def test_an_unknown_run(api, call, body):
    api.post(f"runs/{call}", {"run_id": "nope", **body}).absent("Run with id=nope not found")
    api.post(f"runs/{call}", body).missing("run_id")


def test_the_old_name_of_the_run_id_is_understood(api, run):
    api.post("runs/log-metric", run_uuid=run, key="m", value=1, timestamp=1).ok()
    api.post("runs/log-parameter", run_uuid=run, key="p", value="1").ok()
    api.post("runs/set-tag", run_uuid=run, key="t", value="1").ok()
    assert api.run_data(run) == {"metrics": {"m": 1.0}, "params": {"p": "1"}, "tags": {"t": "1"}}


def test_history_in_pages(api, run):
    for step in range(5):
        log(api, run, key="m", value=step, timestamp=1, step=step).ok()
    first = api.get("metrics/get-history", run_id=run, metric_key="m", max_results=2).ok()
    assert [point["step"] for point in first["metrics"]] == [0, 1]
    token = first["next_page_token"]
    assert json.loads(base64.b64decode(token)) == {"offset": 2}
    assert [s for _, s, _ in history(api, run, "m", max_results=2, page_token=token)] == [2, 3]
    whole = api.get("metrics/get-history", run_id=run, metric_key="m", max_results=5).ok()
    assert len(whole["metrics"]) == 5 and "next_page_token" not in whole
    assert len(history(api, run, "m")) == 5


def test_history_refuses_bad_pages(api, run):
    def get(**more):
        return api.get("metrics/get-history", run_id=run, metric_key="m", **more)

    for bad in (0, -1):
        get(max_results=bad).invalid(
            f"Invalid value {bad} for parameter 'max_results' supplied. It must be a positive"
        )
    get(page_token="junk").invalid("Invalid page token")
    get(max_results=2, page_token="junk").invalid("Invalid page token")


def test_history_of_nothing_is_empty(api, run):
    assert api.get("metrics/get-history", run_id=run, metric_key="none").ok() == {}
    assert api.get("metrics/get-history", run_id="nope", metric_key="m").ok() == {}
    api.get("metrics/get-history", run_id=run).missing("metric_key")
    api.get("metrics/get-history", run_id=run, metric_key="").missing("metric_key")
    api.get("metrics/get-history", metric_key="m").missing("run_id")


def test_a_parameter_is_written_once(api, run):
    def put(**body):
        return api.post("runs/log-parameter", {"run_id": run, **body})

    assert put(key="p", value="1").ok() == {}
    put(key="p", value="1").ok()
    put(key="p", value="2").invalid(
        "Changing param values is not allowed. Param with key='p' was already logged with "
        f"value='1' for run ID='{run}'. Attempted logging new value '2'."
    )
    assert api.run_data(run)["params"] == {"p": "1"}


def test_parameter_values(api, run):
    def put(**body):
        return api.post("runs/log-parameter", {"run_id": run, **body})

    put(key="absent").ok()
    put(key="null", value=None).ok()
    put(key="empty", value="").ok()
    put(key="text", value="값 😀 \n\t\x01").ok()
    put(key="nul", value="a\x00b").ok()
    put(key="long", value="한" * 6000).ok()
    put(key="longer", value="x" * 6001).ok()
    put(key="longer", value="x" * 6002).ok()
    put(key="number", value=5).wrong_type("value", "5", "int")
    put(value="1").missing("key")
    put(key="", value="1").missing("key")
    assert api.run_data(run)["params"] == {
        "absent": "",
        "null": "",
        "empty": "",
        "text": "값 😀 \n\t\x01",
        "nul": "a\x00b",
        "long": "한" * 6000,
        "longer": "x" * 6000,
    }


def test_tags_are_set_overwritten_and_deleted(api, run):
    def put(**body):
        return api.post("runs/set-tag", {"run_id": run, **body})

    assert put(key="t", value="1").ok() == {}
    put(key="t", value="2").ok()
    put(key="absent").ok()
    put(key="null", value=None).ok()
    put(key="long", value="x" * 8001).ok()
    put(key="number", value=5).wrong_type("value", "5", "int")
    put(value="1").missing("key")
    assert api.run_data(run)["tags"] == {"t": "2", "absent": "", "null": "", "long": "x" * 8000}
    assert api.post("runs/delete-tag", run_id=run, key="t").ok() == {}
    api.post("runs/delete-tag", run_id=run, key="t").absent(
        f"No tag with name: t in run with id {run}"
    )
    api.post("runs/delete-tag", run_id=run).missing("key")


def test_an_empty_name_tag_leaves_the_name(api, experiment):
    run = api.new_run(experiment, run_name="kept")["run_id"]
    api.post("runs/set-tag", run_id=run, key="mlflow.runName", value="").ok()
    assert api.get("runs/get", run_id=run).ok()["run"]["info"]["run_name"] == "kept"


def test_metrics_params_and_tags_come_in_the_order_they_were_logged(api, run):
    for key in ("zeta", "alpha", "mid"):
        log(api, run, key=key, value=1, timestamp=1).ok()
        api.post("runs/log-parameter", run_id=run, key=key, value="1").ok()
        api.post("runs/set-tag", run_id=run, key=key, value="1").ok()
    data = api.run_data(run)
    for kind in ("metrics", "params", "tags"):
        assert list(data[kind]) == ["zeta", "alpha", "mid"]
