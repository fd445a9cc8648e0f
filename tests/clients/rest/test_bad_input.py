"""Requests that are not what they should be. None of them writes, none of them is a server error."""

import json

import pytest


def good(run, **more):
    return {"run_id": run, "key": "m", "value": 1, "timestamp": 1, **more}


@pytest.fixture
def nothing_written(api, run):
    yield
    assert api.run_data(run) == {"metrics": {}, "params": {}, "tags": {}}


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "{'a':1}", b"\xff\xfe", b'{"run_id":"\xff"}', "}", "nonsense"],
)
def test_a_body_that_is_not_json_is_an_empty_one(api, text):
    api.post_text("runs/log-metric", text).missing("run_id")


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize("tail", [" trailing", ",", "}", "{}"])
def test_json_with_a_tail_is_not_json(api, run, tail):
    api.post_text("runs/log-metric", json.dumps(good(run)) + tail).missing("run_id")


@pytest.mark.usefixtures("nothing_written")
def test_a_trailing_comma_is_not_json(api, run):
    text = json.dumps(good(run)).replace("}", ",}")
    api.post_text("runs/log-metric", text).missing("run_id")


@pytest.mark.parametrize("text", ["[]", "5", "true", '["x"]', '"abc"', '"{bad"', "[" * 2000 + "]" * 2000])
def test_json_that_is_no_object_is_refused(api, text):
    answer = api.post_text("runs/log-metric", text)
    assert answer.status == 500 if api.is_reference else answer.status == 400, answer


def test_deep_nesting_is_survived(api):
    for text in ('{"a":' * 5000 + "1" + "}" * 5000, "[" * 100_000, '{"a":' * 100_000):
        answer = api.post_text("runs/log-metric", text)
        assert api.is_reference or answer.status == 400, answer
    assert api.get("/health").status == 200


def test_json_inside_a_json_string_is_read(api, run):
    api.post_text("runs/log-metric", json.dumps(json.dumps(good(run)))).ok()
    assert api.run_data(run)["metrics"] == {"m": 1.0}


def test_a_byte_order_mark_is_skipped(api, run):
    api.post_text("runs/log-metric", "\ufeff" + json.dumps(good(run))).ok()
    assert api.run_data(run)["metrics"] == {"m": 1.0}


def test_of_a_name_given_twice_the_last_counts(api, run):
    text = json.dumps(good(run)).replace('"key": "m"', '"key": "a", "key": "b"')
    api.post_text("runs/log-metric", text).ok()
    assert api.run_data(run)["metrics"] == {"b": 1.0}


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "application/json-patch+json", "multipart/form-data", ""],
)
def test_another_content_type_is_refused(api, run, kind):
    api.post_text("runs/log-metric", json.dumps(good(run)), kind).invalid(
        "Bad Request. Content-Type must be one of ['application/json']."
    )


@pytest.mark.usefixtures("nothing_written")
def test_no_content_type_is_refused(api, run):
    message = "Bad Request. Content-Type header is missing."
    api.post_text("runs/log-metric", json.dumps(good(run)), None).invalid(message)
    api.send("POST", "experiments/create").invalid(message)


def test_a_charset_is_fine(api, run):
    api.post_text("runs/log-metric", json.dumps(good(run)), "application/json; charset=utf-8").ok()


@pytest.mark.usefixtures("nothing_written")
def test_both_spellings_of_one_field_are_refused(api, run):
    api.post("runs/log-metric", good(run, runId=run)).invalid(
        "Request specifies both 'run_id' and 'runId'; provide only one of them."
    )
    tag = {"key": "t", "value": "v"}
    api.post("runs/set-tag", run_id=run, runId="other", **tag).invalid("provide only one of them")


def test_unknown_fields_are_ignored(api, run):
    api.post("runs/log-metric", good(run, junk={"a": [1]}, more=None)).ok()
    assert api.run_data(run)["metrics"] == {"m": 1.0}


def test_a_required_field_needs_its_own_spelling(api, run):
    body = good(run)
    body["runId"] = body.pop("run_id")
    api.post("runs/log-metric", body).missing("run_id")


def test_an_optional_field_has_two_spellings(api, experiment):
    body = {"experiment_id": experiment, "runName": "camel", "startTime": 5}
    info = api.post("runs/create", body).ok()["run"]["info"]
    assert (info["run_name"], info["start_time"]) == ("camel", 5)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_a_bare_nan_or_infinity_is_no_server_error(api, run, text):
    # Python's json writes these words. The reference reads them as numbers but then loses the
    # value; refusing them or keeping the value are both better.
    body = json.dumps(good(run)).replace('"value": 1', f'"value": {text}')
    answer = api.post_text("runs/log-metric", body)
    assert answer.status in (200, 400), answer


def test_a_text_with_every_kind_of_sign_comes_back(api, run):
    text = "".join(chr(code) for code in range(1, 256)) + "\u2028\ud7ff\uffff😀"
    api.post("runs/set-tag", run_id=run, key="t", value=text).ok()
    assert api.run_data(run)["tags"] == {"t": text}


def test_escaped_surrogates_of_one_sign(api, run):
    body = '{"run_id": "%s", "key": "t", "value": "\\ud83d\\ude00"}' % run
    api.post_text("runs/set-tag", body).ok()
    assert api.run_data(run)["tags"] == {"t": "😀"}


def test_half_a_surrogate_is_no_server_error_of_ours(api, run):
    body = '{"run_id": "%s", "key": "t", "value": "\\ud83d"}' % run
    answer = api.post_text("runs/set-tag", body)
    assert api.is_reference or answer.status in (200, 400), answer
    assert api.get("runs/get", run_id=run).status == 200


def test_a_very_long_value_is_cut_and_not_refused(api, run):
    api.post("runs/set-tag", run_id=run, key="t", value="x" * 2_000_000).ok()
    assert len(api.run_data(run)["tags"]["t"]) == 8000


def test_an_unknown_run_id_may_look_like_anything(api):
    for run in ("nope", "a/b", "../..", "x" * 5000, "'; DROP TABLE runs; --", "한", "%00"):
        api.get("runs/get", run_id=run).absent("not found")
        answer = api.post("runs/log-metric", good(run))
        answer.absent("not found")


def test_errors_name_the_callers_text_unharmed(api):
    api.get("runs/get", run_id='a"b\\c\n').absent('Run with id=a"b\\c\n not found')


def test_an_error_is_json_of_four_texts(api):
    error = api.get("runs/get", run_id="nope").json
    assert error == {
        "error_code": "RESOURCE_DOES_NOT_EXIST",
        "message": "Run with id=nope not found",
        "sqlstate": "KAM00",
        "error_class": "RESOURCE_NOT_FOUND",
    }
    error = api.get("runs/get").json
    assert (error["sqlstate"], error["error_class"]) == ("KAM00", "INVALID_PARAMETER_VALUE")


def test_a_query_is_decoded_like_a_form(api, unique):
    name = unique() + " a+b&c=d 한글 100%"
    made = api.post("experiments/create", name=name).ok()
    shown = api.get("experiments/get-by-name", experiment_name=name).ok()["experiment"]
    assert shown["experiment_id"] == made["experiment_id"]
    plus = name.replace("+", "%2B").replace("&", "%26").replace(" ", "+").replace("100%", "100%25")
    answer = api.send("GET", "experiments/get-by-name?experiment_name=" + plus)
    assert answer.ok()["experiment"]["name"] == name


def test_names_that_look_like_sql_are_names(api, unique):
    name = unique() + "'; DROP TABLE experiments; -- \" ` %_"
    made = api.post("experiments/create", name=name).ok()
    shown = api.get("experiments/get-by-name", experiment_name=name).ok()["experiment"]
    assert shown["experiment_id"] == made["experiment_id"]
