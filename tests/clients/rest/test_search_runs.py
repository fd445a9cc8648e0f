"""runs/search over one small set of runs, made once for the whole file.

    name   start  status    end  user  acc   lr    model   team  other
    alpha  100    FINISHED  150        0.5   0.1   ResNet  Red   metrics `loss x`, a.b; param `p 1`;
                                                                 tags mlflow.parentRunId, `w x`; dataset ds1
    beta   200    FAILED    260  bob   0.9   0.01  vgg     blue
    gamma  300    RUNNING              NaN   10            10%
    delta  400    RUNNING              -0.5
    none   500    RUNNING
    gone   600    (deleted)
"""

import base64
import json
import uuid

import pytest



def fill(api):
    experiment = api.post("experiments/create", name=f"search-{uuid.uuid4().hex}").ok()[
        "experiment_id"
    ]
    ids = {}

    def make(name, start, metrics={}, params={}, tags={}, user="", **update):
        info = api.new_run(experiment, run_name=name, start_time=start, user_id=user)
        run = ids[name] = info["run_id"]
        api.post(
            "runs/log-batch",
            run_id=run,
            metrics=[
                {"key": k, "value": v, "timestamp": 1, "step": 0} for k, v in metrics.items()
            ],
            params=[{"key": k, "value": v} for k, v in params.items()],
            tags=[{"key": k, "value": v} for k, v in tags.items()],
        ).ok()
        if update:
            api.post("runs/update", {"run_id": run, **update}).ok()
        return run

    alpha = make(
        "alpha",
        100,
        metrics={"acc": 0.5, "loss x": 1, "a.b": 1},
        params={"lr": "0.1", "model": "ResNet", "p 1": "x"},
        tags={"team": "Red", "mlflow.parentRunId": "abc", "w x": "it's"},
        status="FINISHED",
        end_time=150,
    )
    make(
        "beta",
        200,
        metrics={"acc": 0.9},
        params={"lr": "0.01", "model": "vgg"},
        tags={"team": "blue"},
        user="bob",
        status="FAILED",
        end_time=260,
    )
    make("gamma", 300, metrics={"acc": "NaN"}, params={"lr": "10"}, tags={"team": "10%"})
    make("delta", 400, metrics={"acc": -0.5})
    make("none", 500)
    api.post("runs/delete", run_id=make("gone", 600)).ok()
    api.post(
        "runs/log-inputs",
        run_id=alpha,
        datasets=[
            {
                "tags": [{"key": "mlflow.data.context", "value": "train"}],
                "dataset": {"name": "ds1", "digest": "d1", "source_type": "local", "source": "{}"},
            }
        ],
    ).ok()
    return experiment, ids


FILLED = {}


class Searched:
    def __init__(self, api):
        self.api = api
        if api.base not in FILLED:
            FILLED[api.base] = fill(api)
        self.experiment, self.ids = FILLED[api.base]
        self.names = {run: name for name, run in self.ids.items()}

    def ask(self, filter=None, **body):
        body.setdefault("experiment_ids", [self.experiment])
        if filter is not None:
            body["filter"] = filter
        return self.api.post("runs/search", body)

    def find(self, filter=None, **body):
        runs = self.ask(filter, **body).ok().get("runs", [])
        return [self.names[run["info"]["run_id"]] for run in runs]


@pytest.fixture
def searched(api):
    return Searched(api)


EVERY = ["none", "delta", "gamma", "beta", "alpha"]

FOUND = [
    ("", EVERY),
    # metrics
    ("metrics.acc > 0.4", ["beta", "alpha"]),
    ("metric.acc>0.4", ["beta", "alpha"]),
    ("metrics.acc = 0.5", ["alpha"]),
    ("metrics.acc != 0.5", ["delta", "gamma", "beta"]),
    ("metrics.acc >= 0.5 AND metrics.acc < 1", ["beta", "alpha"]),
    ("metrics.acc <= 0.5", ["delta", "alpha"]),
    ("metrics.acc > -1", ["delta", "beta", "alpha"]),
    ("metrics.acc > 1e-1", ["beta", "alpha"]),
    ("metrics.acc > .1", ["beta", "alpha"]),
    ("metrics.`acc` > 0.4", ["beta", "alpha"]),
    ('metrics."acc" > 0.4', ["beta", "alpha"]),
    ("metrics.`loss x` = 1", ["alpha"]),
    ("metrics.a.b = 1", ["alpha"]),
    ("metrics.nope > 0", []),
    # params
    ("params.lr = '0.1'", ["alpha"]),
    ("param.lr='0.1'", ["alpha"]),
    ("parameters.lr='0.1'", ["alpha"]),
    ('parameter.lr = "0.1"', ["alpha"]),
    ("params.lr != '0.1'", ["gamma", "beta"]),
    ("params.model LIKE 'Res%'", ["alpha"]),
    ("params.model LIKE 'res%'", []),
    ("params.model ILIKE 'res%'", ["alpha"]),
    ("params.model LIKE '_gg'", ["beta"]),
    ("params.`p 1` = 'x'", ["alpha"]),
    ("params.model IS NULL", ["none", "delta", "gamma"]),
    ("params.model IS NOT NULL", ["beta", "alpha"]),
    ("params.model is not null", ["beta", "alpha"]),
    ("params.nope = 'x'", []),
    ("params.model = ''", []),
    # tags
    ("tags.team = 'Red'", ["alpha"]),
    ("tag.team='Red'", ["alpha"]),
    ("tags.team != 'Red'", ["gamma", "beta"]),
    ("tags.team ILIKE 'r%'", ["alpha"]),
    ("tags.team like 'R%'", ["alpha"]),
    ("tags.team Like 'R%'", ["alpha"]),
    ("tags.team LIKE '10%'", ["gamma"]),
    ("tags.mlflow.parentRunId = 'abc'", ["alpha"]),
    ("tags.`mlflow.parentRunId` = 'abc'", ["alpha"]),
    ('tags."mlflow.parentRunId" = \'abc\'', ["alpha"]),
    ("tags.`w x` = \"it's\"", ["alpha"]),
    ("tags.'team'='Red'", ["alpha"]),
    ("tags.team IS NULL", ["none", "delta"]),
    ("tags.team IS NOT NULL", ["gamma", "beta", "alpha"]),
    ("tags.mlflow.runName = 'alpha'", ["alpha"]),
    ("tags.한글 = 'x'", []),
    ("tags.team = '레드'", []),
    # attributes
    ("attributes.status = 'FINISHED'", ["alpha"]),
    ("attribute.status='FINISHED'", ["alpha"]),
    ("attr.status='FINISHED'", ["alpha"]),
    ("run.status='FINISHED'", ["alpha"]),
    ("status='FINISHED'", ["alpha"]),
    ("status != 'RUNNING'", ["beta", "alpha"]),
    ("status = 'finished'", []),
    ("status LIKE 'F%'", ["beta", "alpha"]),
    ("status ILIKE 'f%'", ["beta", "alpha"]),
    ("attributes.artifact_uri LIKE '%artifacts'", EVERY),
    ("user_id = 'bob'", ["beta"]),
    ("run_id = '{alpha}'", ["alpha"]),
    ("run_id IN ('{alpha}','{beta}')", ["beta", "alpha"]),
    ("run_id IN ('{alpha}',)", ["alpha"]),
    ("run_id NOT IN ('{alpha}', '{beta}')", ["none", "delta", "gamma"]),
    ("run_name = 'alpha'", ["alpha"]),
    ("run_name LIKE 'al%'", ["alpha"]),
    ("run_name ILIKE 'AL%'", ["alpha"]),
    ("`run name` = 'alpha'", ["alpha"]),
    ("attributes.`run name`='alpha'", ["alpha"]),
    ("attributes.`Run name`='alpha'", ["alpha"]),
    ("start_time > 350", ["none", "delta"]),
    ("start_time >= 200 and start_time < 400", ["gamma", "beta"]),
    ("created = 100", ["alpha"]),
    ("attributes.created > 350", ["none", "delta"]),
    ("Created <= 100", ["alpha"]),
    ("end_time > 200", ["beta"]),
    ("end_time = 150", ["alpha"]),
    # datasets
    ("dataset.name = 'ds1'", ["alpha"]),
    ("datasets.name='ds1'", ["alpha"]),
    ("dataset.digest='d1'", ["alpha"]),
    ("dataset.context='train'", ["alpha"]),
    ("dataset.context='test'", []),
    ("dataset.name LIKE 'ds%'", ["alpha"]),
    ("dataset.name ILIKE 'DS%'", ["alpha"]),
    ("dataset.name IN ('ds1','x')", ["alpha"]),
    ("dataset.name NOT IN ('ds1')", []),
    ("dataset.name != 'ds1'", []),
    # clauses together
    ("metrics.acc > 0 AND params.lr = '0.1' and tags.team='Red'", ["alpha"]),
    ("metrics.acc > 0 AND status = 'FAILED' AND params.model = 'vgg'", ["beta"]),
    ("metrics.acc > 0 AND metrics.acc > 0", ["beta", "alpha"]),
]


@pytest.mark.parametrize("filter, names", FOUND)
def test_filter(searched, filter, names):
    assert searched.find(filter.format(**searched.ids)) == names


REFUSED = [
    # the value does not fit the key
    ("metrics.acc > '0.4'", "Expected numeric value type for metric. Found '0.4'"),
    ("metrics.acc = NaN", "Expected numeric value type for metric. Found NaN"),
    ("metrics.acc IN (1)", "Expected numeric value type for metric. Found (1)"),
    ("params.lr = 0.1", "Expected a quoted string value for parameter (e.g. 'my-value'). Got value 0.1"),
    ("tags.team = 5", "Expected a quoted string value for tag (e.g. 'my-value'). Got value 5"),
    ("params.model IN ('vgg')", "Expected a quoted string value for parameter (e.g. 'my-value'). Got value ('vgg')"),
    ("tags.team IN ('Red')", "Expected a quoted string value for tag (e.g. 'my-value'). Got value ('Red')"),
    ("params.lr = lr", "Parameter value is either not quoted or unidentified quote types used for string value lr."),
    ("start_time = '100'", "Expected numeric value type for numeric attribute: start_time. Found '100'"),
    ("start_time IN (100)", "Expected numeric value type for numeric attribute: start_time. Found (100)"),
    ("dataset.name = 5", "Expected a quoted string value for dataset attributes. Got value 5"),
    ("run_id IN ()", "expected a non-empty list of string values, but got empty list"),
    ("run_id IN (5)", "expected string value, punctuation, or whitespace, but got different type in list"),
    # the comparator does not fit the key
    ("params.lr > '0.1'", "Invalid comparator '>' not one of "),
    ("tags.team > 'a'", "Invalid comparator '>' not one of "),
    ("tags.team NOT LIKE 'R%'", "Invalid comparator 'NOT LIKE' not one of "),
    ("metrics.acc == 0.5", "Invalid comparator '==' not one of "),
    ("dataset.name > 'x'", "Invalid comparator '>' not one of "),
    ("metrics.acc IS NULL", "IS NULL / IS NOT NULL is only supported for tags and params, not for 'metric' 'acc'"),
    ("end_time IS NULL", "IS NULL / IS NOT NULL is only supported for tags and params, not for 'attribute' 'end_time'"),
    ("status IN ('FINISHED')", "Only ['run_id'] attributes support comparison with a list of quoted string values."),
    ("run_name IN ('alpha')", "Only ['run_id'] attributes support comparison with a list of quoted string values."),
    # there is no such key
    ("lifecycle_stage='active'", "Invalid attribute key 'lifecycle_stage' specified. Valid keys are "),
    ("experiment_id='1'", "Invalid attribute key 'experiment_id' specified. Valid keys are "),
    ("bogus = 'x'", "Invalid attribute key 'bogus' specified. Valid keys are "),
    ("attributes.bogus='x'", "Invalid attribute key 'bogus' specified. Valid keys are "),
    ("junk.x = 1", "Invalid entity type 'junk'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']"),
    ("dataset.bogus='x'", "Invalid dataset key 'bogus' specified. Valid keys are "),
    # this is no filter
    ("metrics.acc > 0 OR metrics.acc < 0", "Invalid clause(s) in filter string: 'OR'"),
    ("(metrics.acc > 0)", "Invalid clause(s) in filter string: '(metrics.acc > 0)'"),
    ("metrics.acc >", "Invalid clause(s) in filter string: 'metrics.acc', '>'"),
    ("metrics.acc", "Invalid clause(s) in filter string: 'metrics.acc'"),
    ("NOT metrics.acc > 0", "Invalid clause(s) in filter string: 'NOT'"),
    ("metrics.acc BETWEEN 0 AND 1", "Invalid clause(s) in filter string: "),
    ("metrics.acc > 0; DROP TABLE runs", "Search filter contained multiple expression 'metrics.acc > 0; DROP TABLE runs'. Provide AND-ed expression list."),
    ("'x'", "Invalid clause(s) in filter string: ''x''"),
    ("tags.\"team='Red'", "Invalid clause(s) in filter string: "),
    ("tags.team='Red", "Invalid clause(s) in filter string: "),
    ("0.5 < metrics.acc", "Invalid comparison clause. Expected 'Identifier' found '0.5'"),
    ("  ", "Invalid filter '  '. Could not be parsed."),
]


@pytest.mark.parametrize("filter, message", REFUSED)
def test_a_bad_filter_is_refused(searched, filter, message):
    searched.ask(filter).invalid(message)


ORDERED = [
    (["metrics.acc"], ["delta", "alpha", "beta", "gamma", "none"]),
    (["metrics.acc ASC"], ["delta", "alpha", "beta", "gamma", "none"]),
    (["metrics.acc DESC"], ["beta", "alpha", "delta", "gamma", "none"]),
    (["metrics.acc desc"], ["beta", "alpha", "delta", "gamma", "none"]),
    (["metrics.`acc` DESC"], ["beta", "alpha", "delta", "gamma", "none"]),
    (['metrics."acc" DESC'], ["beta", "alpha", "delta", "gamma", "none"]),
    (["metrics.`loss x`"], ["alpha", "none", "delta", "gamma", "beta"]),
    (["metrics.nope"], EVERY),
    (["params.lr"], ["beta", "alpha", "gamma", "none", "delta"]),
    (["params.lr DESC"], ["gamma", "alpha", "beta", "none", "delta"]),
    (["params.model"], ["alpha", "beta", "none", "delta", "gamma"]),
    (["params.model DESC"], ["beta", "alpha", "none", "delta", "gamma"]),
    (["tags.team"], ["gamma", "alpha", "beta", "none", "delta"]),
    (["tags.mlflow.runName"], ["alpha", "beta", "delta", "gamma", "none"]),
    (["attributes.start_time"], ["alpha", "beta", "gamma", "delta", "none"]),
    (["start_time DESC"], EVERY),
    (["created"], ["alpha", "beta", "gamma", "delta", "none"]),
    (["attributes.Created DESC"], EVERY),
    (["attributes.end_time"], ["alpha", "beta", "none", "delta", "gamma"]),
    (["end_time DESC"], ["beta", "alpha", "none", "delta", "gamma"]),
    (["run_name"], ["alpha", "beta", "delta", "gamma", "none"]),
    (["attribute.run_name DESC"], ["none", "gamma", "delta", "beta", "alpha"]),
    (["status"], ["beta", "alpha", "none", "delta", "gamma"]),
    (["status", "metrics.acc DESC"], ["beta", "alpha", "delta", "gamma", "none"]),
    (["user_id DESC"], ["beta", "none", "delta", "gamma", "alpha"]),
]


@pytest.mark.parametrize("order, names", ORDERED)
def test_order(searched, order, names):
    assert searched.find(order_by=order) == names


@pytest.mark.parametrize(
    "order, message",
    [
        (["bogus"], "Invalid attribute key 'bogus' specified. Valid keys are "),
        (["metrics"], "Invalid attribute key 'metrics' specified. Valid keys are "),
        (["lifecycle_stage"], "Invalid attribute key 'lifecycle_stage' specified."),
        (["`run name`"], "Invalid attribute key 'run name' specified."),
        (["metrics.acc SIDEWAYS"], "Invalid ordering key in order_by clause 'metrics.acc SIDEWAYS'."),
        (["metrics.acc ASC DESC"], "Invalid order_by clause 'metrics.acc ASC DESC'. Could not be parsed."),
        (["params.lr ASC, metrics.acc"], "Invalid order_by clause 'params.lr ASC, metrics.acc'. Could not be parsed."),
        ([""], "Invalid order_by clause ''. Could not be parsed."),
        (["dataset.name"], "Invalid identifier type 'dataset'"),
        (["inputs.x"], "Invalid entity type 'inputs'. Valid values are "),
    ],
)
def test_a_bad_order_is_refused(searched, order, message):
    searched.ask(order_by=order).invalid(message)


def test_one_order_twice_is_refused(searched):
    answer = searched.ask(order_by=["metrics.acc", "metrics.acc"])
    if searched.api.is_reference:
        assert answer.status == 500
    else:
        answer.invalid("`order_by` contains duplicate fields: ")


def test_runs_started_together_are_ordered_by_id(api, experiment):
    runs = [api.new_run(experiment, start_time=7)["run_id"] for _ in range(6)]
    found = api.post("runs/search", experiment_ids=[experiment]).ok()["runs"]
    assert [run["info"]["run_id"] for run in found] == sorted(runs)


def test_pages(searched):
    first = searched.ask(max_results=2).ok()
    token = first["next_page_token"]
    assert json.loads(base64.b64decode(token)) == {"offset": 2}
    assert len(first["runs"]) == 2
    second = searched.ask(max_results=2, page_token=token).ok()
    third = searched.ask(max_results=2, page_token=second["next_page_token"]).ok()
    assert len(third["runs"]) == 1 and "next_page_token" not in third
    runs = first["runs"] + second["runs"] + third["runs"]
    assert [searched.names[run["info"]["run_id"]] for run in runs] == EVERY


def test_a_full_last_page_has_no_token(searched):
    assert "next_page_token" not in searched.ask(max_results=5).ok()
    assert "next_page_token" not in searched.ask(max_results=6).ok()


def test_max_results(searched):
    assert searched.find(max_results="1") == ["none"]
    assert searched.find(max_results=50000) == EVERY
    for bad in (0, -1):
        searched.ask(max_results=bad).invalid(
            f"Invalid value {bad} for parameter 'max_results' supplied. It must be a positive"
        )
    searched.ask(max_results=50001).wrong_type("max_results", "50001", "int")
    searched.ask(max_results="x").wrong_type("max_results", '"x"', "str")


def test_page_tokens(searched):
    for empty in ("", None):
        assert searched.find(page_token=empty) == EVERY
    beyond = base64.b64encode(b'{"offset": 100}').decode()
    assert searched.ask(page_token=beyond).ok() == {}
    for bad in ("junk", "bm9qc29u", "%%%", "eyJ4IjogMX0=", "eyJvZmZzZXQiOiAieCJ9"):
        searched.ask(page_token=bad).invalid("Invalid page token")


def test_views(searched):
    assert searched.find(run_view_type="ACTIVE_ONLY") == EVERY
    assert searched.find(run_view_type="DELETED_ONLY") == ["gone"]
    assert searched.find(run_view_type="ALL") == ["gone"] + EVERY
    assert searched.find(run_view_type=2) == ["gone"]
    assert searched.find(run_view_type="BOGUS") == EVERY


def test_experiment_ids(searched, api, unique):
    other = api.post("experiments/create", name=unique()).ok()["experiment_id"]
    run = api.new_run(other, start_time=10_000)["run_id"]
    both = searched.ask(experiment_ids=[searched.experiment, other]).ok()["runs"]
    assert len(both) == 6 and both[0]["info"]["run_id"] == run
    assert searched.ask(experiment_ids=[]).ok() == {}
    assert api.post("runs/search").ok() == {}
    assert searched.ask(experiment_ids=["99999999"]).ok() == {}
    searched.ask(experiment_ids=["abc"]).invalid("Invalid experiment ID 'abc'.")
    searched.ask(experiment_ids="x").wrong_type("experiment_ids", '"x"', "str")


def test_runs_of_a_deleted_experiment_are_deleted(api, experiment, run):
    api.post("experiments/delete", experiment_id=experiment).ok()
    ids = [experiment]
    assert api.post("runs/search", experiment_ids=ids).ok() == {}
    deleted = api.post("runs/search", experiment_ids=ids, run_view_type="DELETED_ONLY").ok()
    assert [found["info"]["run_id"] for found in deleted["runs"]] == [run]


def test_wrong_types(searched):
    searched.ask(5).wrong_type("filter", "5", "int")
    searched.ask(order_by="metrics.acc").wrong_type("order_by", '"metrics.acc"', "str")
    searched.ask(order_by=[5]).wrong_type("order_by", "[5]", "list")


def test_both_spellings_of_the_fields(searched, api):
    body = {"experimentIds": [searched.experiment], "maxResults": 1, "orderBy": ["run_name"]}
    found = api.post("runs/search", body).ok()["runs"]
    assert [run["info"]["run_name"] for run in found] == ["alpha"]
    api.post("runs/search", {**body, "experiment_ids": []}).invalid(
        "Request specifies both 'experiment_ids' and 'experimentIds'; provide only one of them."
    )


def test_search_shows_the_same_run_as_get(searched, api):
    found = searched.ask("run_name = 'alpha'").ok()["runs"]
    shown = api.get("runs/get", run_id=searched.ids["alpha"]).ok()["run"]
    assert found == [shown]
    assert [metric["key"] for metric in shown["data"]["metrics"]] == ["acc", "loss x", "a.b"]
    assert [param["key"] for param in shown["data"]["params"]] == ["lr", "model", "p 1"]
    assert shown["inputs"] == {
        "dataset_inputs": [
            {
                "tags": [{"key": "mlflow.data.context", "value": "train"}],
                "dataset": {"name": "ds1", "digest": "d1", "source_type": "local", "source": "{}"},
            }
        ]
    }
    assert shown["outputs"] == {}


def test_search_answers_post_only(searched, api):
    assert api.get("runs/search", experiment_ids=searched.experiment).status == 405
