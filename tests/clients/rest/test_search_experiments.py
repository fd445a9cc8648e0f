import time
import uuid

import pytest

FILLED = {}


class Searched:
    """Three experiments, made in this order: A (tag t=1), b (tag t=2), C; their names share `pre`."""

    def __init__(self, api):
        self.api = api
        if api.base not in FILLED:
            pre = f"e{uuid.uuid4().hex}"
            ids = {}
            for name, value in (("A", "1"), ("b", "2"), ("C", None)):
                tags = [{"key": "t", "value": value}] if value else []
                made = api.post("experiments/create", name=pre + name, tags=tags).ok()
                ids[name] = made["experiment_id"]
                time.sleep(0.01)
            FILLED[api.base] = pre, ids
        self.pre, self.ids = FILLED[api.base]
        self.mine = f"name LIKE '{self.pre}%'"

    def ask(self, filter, **body):
        filter = filter.format(pre=self.pre, mine=self.mine, **self.ids)
        return self.api.post("experiments/search", {"filter": filter, "max_results": 1000, **body})

    def find(self, filter="{mine}", **body):
        found = self.ask(filter, **body).ok().get("experiments", [])
        return [experiment["name"].removeprefix(self.pre) for experiment in found]


@pytest.fixture
def searched(api):
    return Searched(api)


@pytest.mark.parametrize(
    "filter, names",
    [
        ("{mine}", ["C", "b", "A"]),
        ("name ILIKE '{pre}%'", ["C", "b", "A"]),
        ("name LIKE '{pre}a'", []),
        ("name ILIKE '{pre}a'", ["A"]),
        ("name = '{pre}A'", ["A"]),
        ("name != '{pre}A' AND {mine}", ["C", "b"]),
        ("attribute.name = '{pre}A'", ["A"]),
        ("experiment_id = '{A}'", ["A"]),
        ("experiment_id IN ('{A}', '{b}')", ["b", "A"]),
        ("experiment_id NOT IN ('{A}') AND {mine}", ["C", "b"]),
        ("creation_time > 0 AND {mine}", ["C", "b", "A"]),
        ("last_update_time >= 0 AND {mine}", ["C", "b", "A"]),
        ("creation_time < 5 AND {mine}", []),
        ("tags.t = '1' AND {mine}", ["A"]),
        ("tag.t = '1' AND {mine}", ["A"]),
        ("tags.t != '1' AND {mine}", ["b"]),
        ("tags.`t` LIKE '%' AND {mine}", ["b", "A"]),
        ("tags.t IS NULL AND {mine}", ["C"]),
        ("tags.t IS NOT NULL AND {mine}", ["b", "A"]),
        ("name = 'no such experiment'", []),
    ],
)
def test_filter(searched, filter, names):
    assert searched.find(filter) == names


@pytest.mark.parametrize(
    "filter, message",
    [
        ("name > 'a'", "Invalid comparator '>' not one of "),
        ("name = 5", "Expected a quoted string value for attributes. Got value 5"),
        ("name IN ('a')", "Only ['experiment_id'] attributes support comparison with a list of quoted string values."),
        ("experiment_id = 5", "Expected a quoted string value for attributes. Got value 5"),
        ("experiment_id LIKE '1'", "Invalid comparator for experiment_id: LIKE"),
        ("creation_time = '5'", "Expected numeric value type for numeric attribute: creation_time. Found '5'"),
        ("tags.t > '1'", "Invalid comparator for tag: >"),
        ("lifecycle_stage = 'active'", "Invalid attribute key 'lifecycle_stage' specified. Valid keys are "),
        ("bogus = 'x'", "Invalid attribute key 'bogus' specified. Valid keys are "),
        ("metrics.x > 1", "Invalid entity type 'metrics'. Valid entity types are ('attribute', 'tag', 'tags')"),
        ("attributes.name = 'x'", "Invalid entity type 'attributes'. Valid entity types are ('attribute', 'tag', 'tags')"),
        ("name='x' OR name='y'", "Invalid clause(s) in filter string: OR"),
        ("name", "Invalid clause(s) in filter string: name"),
        ("(name='x')", "Invalid clause(s) in filter string: (name='x')"),
        ("name = 'x", "Invalid clause(s) in filter string: "),
    ],
)
def test_a_bad_filter_is_refused(searched, filter, message):
    searched.ask(filter).invalid(message)


@pytest.mark.parametrize(
    "order, names",
    [
        (["name"], ["A", "C", "b"]),
        (["name ASC"], ["A", "C", "b"]),
        (["name DESC"], ["b", "C", "A"]),
        (["experiment_id"], ["A", "b", "C"]),
        (["experiment_id DESC"], ["C", "b", "A"]),
        (["creation_time"], ["A", "b", "C"]),
        (["creation_time DESC"], ["C", "b", "A"]),
        (["last_update_time ASC"], ["A", "b", "C"]),
        (["last_update_time DESC"], ["C", "b", "A"]),
    ],
)
def test_order(searched, order, names):
    assert searched.find(order_by=order) == names


@pytest.mark.parametrize(
    "order, message",
    [
        (["bogus"], "Invalid attribute key 'bogus' specified. Valid keys are "),
        (["tags.t"], "Invalid order_by entity: tag"),
        (["name SIDEWAYS"], "Invalid ordering key in order_by clause 'name SIDEWAYS'."),
        ([""], "Invalid order_by clause ''. Could not be parsed."),
    ],
)
def test_a_bad_order_is_refused(searched, order, message):
    searched.ask("", order_by=order).invalid(message)


def test_pages(searched):
    first = searched.ask("{mine}", max_results=2).ok()
    assert len(first["experiments"]) == 2
    token = first["next_page_token"]
    assert searched.find(max_results=2, page_token=token) == ["A"]
    assert "next_page_token" not in searched.ask("{mine}", max_results=3).ok()
    searched.ask("{mine}", page_token="junk").invalid("Invalid page token")


def test_max_results_is_required_and_bounded(searched, api):
    for path in (api.post, api.get):
        path("experiments/search").invalid(
            "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer"
        )
    searched.ask("", max_results=-1).invalid("Invalid value -1 for parameter 'max_results'")
    searched.ask("", max_results=50001).invalid(
        "Invalid value 50001 for parameter 'max_results' supplied. It must be at most 50000"
    )
    searched.ask("", max_results="x").wrong_type("max_results", '"x"', "str")
    assert searched.find(max_results=50000) == ["C", "b", "A"]


def test_get_and_post_answer_alike(searched, api):
    posted = searched.ask("{mine}", max_results=2).ok()
    assert api.get("experiments/search", filter=searched.mine, max_results=2).ok() == posted
    assert api.get("experiments/search", max_results=1, filter="name = 'none'").ok() == {}


def test_search_shows_the_same_experiment_as_get(searched, api):
    found = searched.ask("experiment_id = '{A}'").ok()["experiments"]
    shown = api.get("experiments/get", experiment_id=searched.ids["A"]).ok()["experiment"]
    assert found == [shown]


def test_views(api, unique):
    name = unique()
    experiment = api.post("experiments/create", name=name).ok()["experiment_id"]
    api.post("experiments/delete", experiment_id=experiment).ok()
    body = {"filter": f"name = '{name}'", "max_results": 10}
    assert api.post("experiments/search", body).ok() == {}
    assert api.post("experiments/search", {**body, "view_type": "BOGUS"}).ok() == {}
    for view in ("DELETED_ONLY", "ALL"):
        found = api.post("experiments/search", {**body, "view_type": view}).ok()["experiments"]
        assert [shown["lifecycle_stage"] for shown in found] == ["deleted"]
