import base64
import json
import re
import time

import pytest
from evaluation_support import V3, deleted_experiment, traces  # noqa: F401

ROOT = V3 + "issues"


@pytest.fixture
def new_issue(api, experiment):
    def create(name="n", **fields):
        body = {"experiment_id": experiment, "name": name, "description": "d", **fields}
        return api.post(ROOT, body).ok()["issue"]

    return create


def get(api, issue):
    return api.get(f"{ROOT}/{issue}").ok()["issue"]


def test_create_answers_the_issue(api, experiment, run, new_issue):
    shown = new_issue(
        "name",
        status="resolved",
        severity="high",
        root_causes=["a", "é"],
        categories=["c"],
        source_run_id=run,
        created_by="me",
    )
    assert re.fullmatch("iss-[0-9a-f]{32}", shown["issue_id"])
    assert abs(shown["created_timestamp"] - time.time() * 1000) < 600_000
    assert shown == {
        "issue_id": shown["issue_id"],
        "experiment_id": experiment,
        "name": "name",
        "description": "d",
        "status": "resolved",
        "severity": "high",
        "root_causes": ["a", "é"],
        "source_run_id": run,
        "created_timestamp": shown["created_timestamp"],
        "last_updated_timestamp": shown["created_timestamp"],
        "created_by": "me",
        "categories": ["c"],
    }
    assert get(api, shown["issue_id"]) == shown


def test_create_with_less(new_issue, experiment):
    shown = new_issue()
    del shown["issue_id"]
    assert shown == {
        "experiment_id": experiment,
        "name": "n",
        "description": "d",
        "status": "pending",
        "created_timestamp": shown["created_timestamp"],
        "last_updated_timestamp": shown["created_timestamp"],
    }


def test_create_refuses_bad_input(api, experiment, deleted_experiment):
    def send(**fields):
        body = {"experiment_id": experiment, "name": "n", "description": "d", **fields}
        return api.post(ROOT, {key: value for key, value in body.items() if value is not None})

    for field in ("name", "description", "experiment_id"):
        send(**{field: None}).missing(field)
        send(**{field: ""}).missing(field)
        send(**{field: 5}).wrong_type(field, "5", "int")
    send(experiment_id="99999999").absent("No Experiment with id=99999999 exists")
    send(experiment_id=deleted_experiment).absent(f"No Experiment with id={deleted_experiment} exists")
    send(experiment_id="abc").invalid("Invalid experiment ID 'abc'.")
    send(source_run_id="nope").refused(400, "BAD_REQUEST", "")
    for field in ("status", "severity"):
        for word in ("bogus", ""):
            answer = send(**{field: word})
            assert answer.status == (500 if api.is_reference else 400)


def test_update(api, new_issue):
    before = new_issue(root_causes=["r"])
    path = f"{ROOT}/{before['issue_id']}"
    time.sleep(0.01)
    body = {"issue_id": before["issue_id"]}
    shown = api.patch(
        path, **body, name="new", description="dd", status="rejected", severity="medium"
    ).ok()["issue"]
    assert shown["last_updated_timestamp"] > before["last_updated_timestamp"]
    assert shown == before | {
        "name": "new",
        "description": "dd",
        "status": "rejected",
        "severity": "medium",
        "last_updated_timestamp": shown["last_updated_timestamp"],
    }
    again = api.patch(path, **body, name="").ok()["issue"]
    assert again == shown | {"last_updated_timestamp": again["last_updated_timestamp"]}
    assert get(api, before["issue_id"]) == again
    assert api.patch(path, **body, status="bogus").status == (500 if api.is_reference else 400)


def test_an_unknown_issue(api):
    message = "Issue with ID 'iss-nope' not found"
    api.get(ROOT + "/iss-nope").absent(message)
    api.patch(ROOT + "/iss-nope", issue_id="iss-nope").absent(message)


@pytest.fixture
def search(api, experiment):
    def ask(filter=None, **body):
        body.setdefault("experiment_id", experiment)
        if filter is not None:
            body["filter_string"] = filter
        return api.post(ROOT + "/search", body)

    return ask


@pytest.fixture
def find(search):
    return lambda *args, **body: [one["name"] for one in search(*args, **body).ok().get("issues", [])]


@pytest.fixture
def issues(new_issue, run):
    """By severity, then the newest first: high, medium, low, not, new, old."""
    made = {}
    for name, fields in (
        ("low", {"severity": "low", "status": "rejected"}),
        ("high", {"severity": "high", "status": "resolved", "source_run_id": run}),
        ("old", {}),
        ("new", {}),
        ("not", {"severity": "not_an_issue"}),
        ("medium", {"severity": "medium"}),
    ):
        made[name] = new_issue(name, **fields)["issue_id"]
        time.sleep(0.005)
    return made


def test_search_orders_by_severity(issues, find, search, api):
    assert find() == ["high", "medium", "low", "not", "new", "old"]
    page = search().ok()
    assert page["next_page_token"] == ""
    assert page["issues"][0] == get(api, issues["high"])
    assert search(experiment_id="99999999").ok() == {"next_page_token": ""}
    names = find(experiment_id="", max_results=50000)
    assert set(issues) <= set(names)


def test_filters(issues, find, run):
    for filter, names in {
        "status = 'resolved'": ["high"],
        "status != 'resolved'": ["medium", "low", "not", "new", "old"],
        f"source_run_id = '{run}'": ["high"],
        f"source_run_id != '{run}'": [],
        "status = 'pending' AND source_run_id = 'x'": [],
        "status = rejected": ["low"],
        "status = ' resolved '": ["high"],
        'status = "resolved"': ["high"],
        "": ["high", "medium", "low", "not", "new", "old"],
    }.items():
        assert find(filter) == names, filter


@pytest.mark.parametrize(
    "filter, message",
    [
        ("severity = 'high'", "Invalid filter field 'severity'. Supported fields: {"),
        ("attributes.status = 'x'", "Invalid filter field 'attributes.status'. Supported fields: {"),
        ("status LIKE 'p%'", "Invalid comparator 'LIKE'. Supported comparators: {"),
        ("status IN ('a')", "Invalid comparator 'IN'. Supported comparators: {"),
        ("status > 'a'", "Invalid comparator '>'. Supported comparators: {"),
        ("status", "Invalid clause(s) in filter string: status"),
        ("status = 'a' OR status = 'b'", "Invalid clause(s) in filter string: OR"),
        ("  ", "Invalid filter '  '. Could not be parsed."),
    ],
)
def test_a_bad_filter_is_refused(search, filter, message):
    search(filter).invalid(message)


def test_pages(issues, find, search):
    page = search(max_results=4).ok()
    assert [one["name"] for one in page["issues"]] == ["high", "medium", "low", "not"]
    assert json.loads(base64.b64decode(page["next_page_token"])) == {"offset": 4}
    page = search(max_results=4, page_token=page["next_page_token"]).ok()
    assert [one["name"] for one in page["issues"]] == ["new", "old"]
    assert page["next_page_token"] == ""
    for bad in (0, -1, 50001):
        search(max_results=bad).invalid(
            f"Invalid value {bad} for parameter 'max_results' supplied. It must be"
        )
    search(page_token="junk").invalid("Invalid page token")
    search(experiment_id="abc").invalid("Invalid experiment ID 'abc'.")


def test_traces_are_counted(issues, search, find, traces, experiment):
    one, two = traces.new(experiment), traces.new(experiment)
    for trace in (one, two, two):
        traces.tie(trace, issues["old"])
    traces.tie(one, issues["low"])
    found = search(include_trace_count=True).ok()["issues"]
    assert [(issue["name"], issue["trace_count"]) for issue in found] == [
        ("high", 0),
        ("medium", 0),
        ("low", 1),
        ("not", 0),
        ("old", 2),
        ("new", 0),
    ]
    assert find() == ["high", "medium", "low", "not", "new", "old"]
    assert not any("trace_count" in issue for issue in search().ok()["issues"])
