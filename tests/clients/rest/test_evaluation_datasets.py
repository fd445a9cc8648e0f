import base64
import hashlib
import json
import re
import time

import pytest
from evaluation_support import V3

ROOT = V3 + "datasets"


@pytest.fixture
def new_dataset(api, unique, experiment):
    def create(**fields):
        fields.setdefault("name", unique("dataset"))
        fields.setdefault("experiment_ids", [experiment])
        return api.post(ROOT + "/create", fields).ok()["dataset"]

    return create


@pytest.fixture
def dataset(new_dataset):
    return new_dataset()["dataset_id"]


def get(api, dataset):
    return api.get(f"{ROOT}/{dataset}").ok()["dataset"]


def upsert(api, dataset, *records):
    return api.post(f"{ROOT}/{dataset}/records", records=json.dumps(records))


def records_of(api, dataset, **page):
    return json.loads(api.get(f"{ROOT}/{dataset}/records", **page).ok()["records"])


def record_of(api, dataset, inputs):
    wanted = json.dumps(inputs)  # tells 1 and 1.0 apart
    (found,) = [one for one in records_of(api, dataset) if json.dumps(one["inputs"]) == wanted]
    return found


def digest(name, time_ms):
    return hashlib.sha256(f"{name}:{time_ms}".encode()).hexdigest()[:8]


def test_create_answers_the_dataset(api, unique, experiment, new_dataset):
    name = unique("dataset")
    shown = new_dataset(name=name, tags=json.dumps({"mlflow.user": "bob", "é": "ü"}))
    assert re.fullmatch("d-[0-9a-f]{32}", shown["dataset_id"])
    created = shown["created_time"]
    assert abs(created - time.time() * 1000) < 600_000
    assert shown == {
        "dataset_id": shown["dataset_id"],
        "name": name,
        "tags": '{"mlflow.user": "bob", "\\u00e9": "\\u00fc"}',
        "digest": digest(name, created),
        "created_time": created,
        "last_update_time": created,
        "created_by": "bob",
        "last_updated_by": "bob",
        "experiment_ids": [experiment],
    }
    del shown["experiment_ids"]
    found = get(api, shown["dataset_id"])
    assert json.loads(found.pop("tags")) == json.loads(shown.pop("tags"))
    assert found == shown


def test_create_with_less(api, unique):
    name = unique("dataset")
    shown = api.post(ROOT + "/create", name=name).ok()["dataset"]
    assert shown["tags"] == "{}"
    assert set(shown) == {"dataset_id", "name", "tags", "digest", "created_time", "last_update_time"}
    again = api.post(ROOT + "/create", name=name, tags="").ok()["dataset"]
    assert again["dataset_id"] != shown["dataset_id"]


def test_tags_of_create_become_texts(api, new_dataset):
    shown = new_dataset(tags='{"a": 5, "b": 5.5, "c": null, "d": "x", "e": true}')
    found = json.loads(get(api, shown["dataset_id"])["tags"])
    assert found == {"a": "5", "b": "5.5", "c": None, "d": "x", "e": "1"}


def test_create_refuses_bad_input(api, experiment):
    create = ROOT + "/create"
    api.post(create).missing("name")
    api.post(create, name="x", experiment_ids="x").wrong_type("experiment_ids", '"x"', "str")
    api.post(create, name="x", tags=5).wrong_type("tags", "5", "int")
    for tags in ("nonsense", "[1]", '"x"'):
        api.post(create, name="x", tags=tags).invalid("", reference_fails=True)
    api.post(create, name="x", tags='{"a":{"b":1}}').refused(400, "BAD_REQUEST", "")
    api.post(create, name="x", experiment_ids=[experiment] * 2).refused(400, "BAD_REQUEST", "")


def test_experiments_are_not_looked_up_by_create(api, new_dataset):
    shown = new_dataset(experiment_ids=["99999999", "abc"])
    assert shown["experiment_ids"] == ["99999999", "abc"]
    path = f"{ROOT}/{shown['dataset_id']}/experiment-ids"
    assert api.get(path).ok() == {"experiment_ids": ["99999999", "abc"]}


def test_an_unknown_dataset(api, experiment):
    one = ROOT + "/d-nope"
    api.get(one).absent("Evaluation dataset with id 'd-nope' not found")
    api.patch(one + "/tags", tags='{"a": "b"}').absent(
        "Could not find evaluation dataset with ID d-nope"
    )
    for what in ("add", "remove"):
        api.post(f"{one}/{what}-experiments", experiment_ids=[experiment]).absent(
            "Dataset 'd-nope' not found"
        )
    assert api.get(one + "/experiment-ids").ok() == {}
    assert api.get(one + "/records").ok() == {"records": "[]"}
    assert api.send("DELETE", one).ok() == {}
    assert api.send("DELETE", one + "/tags/t").ok() == {}
    assert api.delete(one + "/records", dataset_record_ids=["x"]).ok() == {"deleted_count": 0}
    upsert(api, "d-nope", {"inputs": {"a": 1}}).refused(400, "BAD_REQUEST", "")


def test_delete_takes_all_of_it(api, dataset, experiment):
    upsert(api, dataset, {"inputs": {"a": 1}}).ok()
    assert api.send("DELETE", f"{ROOT}/{dataset}").ok() == {}
    api.get(f"{ROOT}/{dataset}").absent(f"Evaluation dataset with id '{dataset}' not found")
    assert records_of(api, dataset) == []
    assert api.get(f"{ROOT}/{dataset}/experiment-ids").ok() == {}
    assert api.post(ROOT + "/search", experiment_ids=[experiment]).ok() == {}


def test_tags_are_set_and_deleted(api, dataset):
    path = f"{ROOT}/{dataset}/tags"
    assert api.patch(path, tags='{"t": "v", "n": 5, "b": true, "z": null, "o": {"a": 1}}').ok() == {}
    api.patch(path, tags='{"t": "w", "f": 1.50}').ok()
    api.patch(path, tags="{}").ok()
    tags = {"t": "w", "n": "5", "b": "True", "o": "{'a': 1}", "f": "1.5"}
    assert json.loads(get(api, dataset)["tags"]) == tags
    for _ in range(2):
        assert api.send("DELETE", path + "/t").ok() == {}
    del tags["t"]
    assert json.loads(get(api, dataset)["tags"]) == tags


def test_set_tags_refuses_bad_input(api, dataset):
    path = f"{ROOT}/{dataset}/tags"
    api.patch(path).missing("tags")
    api.patch(path, tags="").missing("tags")
    api.patch(path, tags=5).wrong_type("tags", "5", "int")
    for tags in ("nonsense", "[1]", "5"):
        api.patch(path, tags=tags).invalid("", reference_fails=True)


def test_experiments_are_added_and_removed(api, dataset, experiment, run):
    path = f"{ROOT}/{dataset}"
    before = get(api, dataset)
    time.sleep(0.01)
    shown = api.post(path + "/add-experiments", experiment_ids=["0", experiment]).ok()["dataset"]
    assert shown["last_update_time"] > before["last_update_time"]
    assert shown["digest"] == before["digest"]
    assert shown == get(api, dataset)
    assert api.get(path + "/experiment-ids").ok() == {"experiment_ids": [experiment, "0"]}
    for unknown in ("99999999", "abc", "00"):
        api.post(path + "/add-experiments", experiment_ids=[unknown]).absent(
            f"No Experiment with id={unknown}"
        )
    api.post(path + "/add-experiments", experiment_ids="x").wrong_type(
        "experiment_ids", '"x"', "str"
    )
    api.post(path + "/remove-experiments", experiment_ids=[experiment, "77"]).ok()
    assert api.get(path + "/experiment-ids").ok() == {"experiment_ids": ["0"]}
    shown = get(api, dataset)
    assert api.post(path + "/remove-experiments").ok()["dataset"] == shown
    assert api.post(path + "/remove-experiments", experiment_ids=["77"]).ok()["dataset"] == shown


def test_records_are_inserted(api, dataset):
    answer = upsert(
        api,
        dataset,
        {
            "inputs": {"q": "a", "n": 1},
            "expectations": {"e": "x", "f": 1.5},
            "tags": {"mlflow.user": "al", "k": "v"},
            "source": {"source_type": "trace", "source_data": {"trace_id": "tr-1"}},
        },
        {"inputs": {"z": 1, "a": 2}, "outputs": {"r": [1, None, True]}},
        {"inputs": {"x": 1}, "outputs": None},
        {"outputs": "text"},
    )
    assert answer.ok() == {"inserted_count": 4, "updated_count": 0}
    first = record_of(api, dataset, {"q": "a", "n": 1})
    assert re.fullmatch("dr-[0-9a-f]{32}", first["dataset_record_id"])
    assert first == {
        "dataset_record_id": first["dataset_record_id"],
        "dataset_id": dataset,
        "inputs": {"q": "a", "n": 1},
        "expectations": {"e": "x", "f": 1.5},
        "tags": {"mlflow.user": "al", "k": "v"},
        "source": {"source_type": "TRACE", "source_data": {"trace_id": "tr-1"}},
        "source_id": "tr-1",
        "source_type": "TRACE",
        "created_time": first["created_time"],
        "last_update_time": first["created_time"],
        "created_by": "al",
        "last_updated_by": "al",
        "outputs": {},
    }
    assert list(first["inputs"]) == ["q", "n"]
    second = record_of(api, dataset, {"z": 1, "a": 2})
    assert second["outputs"] == {"r": [1, None, True]}
    assert second["tags"] == {}
    assert not {"source", "source_id", "source_type", "created_by"} & set(second)
    assert "outputs" not in record_of(api, dataset, {"x": 1})
    assert record_of(api, dataset, {})["outputs"] == "text"


def test_equal_inputs_merge(api, dataset):
    upsert(
        api,
        dataset,
        {"inputs": {"q": "a", "n": 1}, "expectations": {"e": 1, "f": 2}, "tags": {"k": "v"}},
    ).ok()
    before = record_of(api, dataset, {"q": "a", "n": 1})
    time.sleep(0.01)
    answer = upsert(
        api,
        dataset,
        {"inputs": {"n": 1, "q": "a"}, "expectations": {"f": 3, "g": 4}, "outputs": "now"},
        {"inputs": {"q": "a", "n": 1}, "tags": {"mlflow.user": "zed"}, "expectations": {}},
        {"inputs": {"q": "a", "n": 1.0}},
    )
    assert answer.ok() == {"inserted_count": 1, "updated_count": 2}
    (after,) = [
        one
        for one in records_of(api, dataset)
        if one["dataset_record_id"] == before["dataset_record_id"]
    ]
    assert after["last_update_time"] > before["last_update_time"]
    assert after == before | {
        "expectations": {"e": 1, "f": 3, "g": 4},
        "tags": {"k": "v", "mlflow.user": "zed"},
        "outputs": "now",
        "last_updated_by": "zed",
        "last_update_time": after["last_update_time"],
    }
    upsert(api, dataset, {"inputs": {"q": "a", "n": 1}, "outputs": None}).ok()
    assert "outputs" not in record_of(api, dataset, {"q": "a", "n": 1})


def test_what_only_python_writes_comes_back(api, dataset):
    inputs = {"n": float("inf"), "big": 10**30, "f": 1e-7, "u": "é\u2028😀"}
    upsert(api, dataset, {"inputs": inputs, "expectations": {"nan": float("nan")}}).ok()
    (found,) = records_of(api, dataset)
    assert found["inputs"] == inputs
    assert found["expectations"]["nan"] != found["expectations"]["nan"]
    assert upsert(api, dataset, {"inputs": inputs}).ok()["updated_count"] == 1


def test_records_change_the_dataset(api, new_dataset, unique):
    name = unique("dataset")
    made = new_dataset(name=name, tags='{"mlflow.user": "bob"}')
    dataset = made["dataset_id"]
    time.sleep(0.01)
    upsert(
        api,
        dataset,
        {"inputs": {"s": "a", "n": 1, "f": 1.5, "b": True, "z": None, "l": [], "o": {}}},
        {"inputs": {"s": 5}, "expectations": {"e": "x"}, "tags": {"mlflow.user": "al"}},
    ).ok()
    upsert(api, dataset, {"inputs": {"new": 1}, "outputs": {"r": "x"}}).ok()
    shown = get(api, dataset)
    assert shown["last_update_time"] > made["last_update_time"]
    assert shown["digest"] == digest(name, shown["last_update_time"])
    assert json.loads(shown["profile"]) == {"num_records": 3}
    assert shown["schema"] == (
        '{"inputs": {"s": "string", "n": "integer", "f": "float", "b": "boolean", "z": "null", '
        '"l": "array", "o": "object", "new": "integer"}, "outputs": {"r": "string"}, '
        '"expectations": {"e": "string"}, "version": "1.0"}'
    )
    assert shown["created_by"] == "bob"
    assert "last_updated_by" not in shown


def test_the_last_user_is_noted(api, dataset):
    records = [{"inputs": {"n": n}, "tags": {"mlflow.user": user}} for n, user in enumerate("ab")]
    upsert(api, dataset, *records).ok()
    assert get(api, dataset)["last_updated_by"] == "b"


def test_outputs_that_are_no_objects(api, dataset):
    upsert(api, dataset, {"inputs": {"a": 1}, "outputs": [1]}).ok()
    assert json.loads(get(api, dataset)["schema"])["outputs"] == "array"


def test_no_records_change_little(api, dataset):
    for none in ("[]", "{}"):
        answer = api.post(f"{ROOT}/{dataset}/records", records=none)
        assert answer.ok() == {"inserted_count": 0, "updated_count": 0}
    assert not {"schema", "profile"} & set(get(api, dataset))


@pytest.mark.parametrize(
    "records",
    [
        "nonsense", "5", "null", "[1]", '[{"inputs": 5}]', '[{"inputs": null}]', '[{"inputs": [1]}]',
        '[{"inputs": {"a": 1}, "expectations": 5}]', '[{"inputs": {"a": 1}, "tags": 5}]',
        '[{"inputs": {"a": 1}, "source": "s"}]', '[{"inputs": {"a": 1}, "source": {"x": 1}}]',
        '[{"inputs": {"a": 1}, "source": {"source_data": {}}}]',
    ],
)  # fmt: skip
def test_bad_records_are_refused(api, dataset, records):
    path = f"{ROOT}/{dataset}/records"
    api.post(path, records=records).invalid("", reference_fails=True)
    assert records_of(api, dataset) == []


def test_records_are_json_in_a_string(api, dataset):
    path = f"{ROOT}/{dataset}/records"
    api.post(path).missing("records")
    api.post(path, records=5).wrong_type("records", "5", "int")
    api.post(
        path, records='[{"inputs": {}, "source": {"source_type": "bogus"}}]'
    ).invalid("Invalid dataset record source type: BOGUS. Valid source types: ['UNSPECIFIED', 'TRACE'")


def test_pages_of_records(api, dataset):
    upsert(api, dataset, *[{"inputs": {"n": n}} for n in range(5)]).ok()
    path = f"{ROOT}/{dataset}/records"
    everything = [one["dataset_record_id"] for one in records_of(api, dataset)]
    assert everything == sorted(everything)
    seen, token = [], None
    while True:
        page = api.get(path, max_results=2, **({"page_token": token} if token else {})).ok()
        seen += [one["dataset_record_id"] for one in json.loads(page["records"])]
        token = page.get("next_page_token")
        if not token:
            break
        time_ms, last = base64.b64decode(token).decode().split(":")
        assert last == seen[-1] and time_ms.isdigit()
    assert seen == everything
    assert len(records_of(api, dataset, page_token="3")) == 2
    assert len(records_of(api, dataset, max_results=0)) == 5
    for bad in ({"page_token": "junk"}, {"max_results": -1}):
        answer = api.get(path, **bad)
        assert answer.status == (500 if api.is_reference else 400)


def test_records_are_deleted(api, dataset):
    upsert(api, dataset, *[{"inputs": {"n": n}} for n in range(3)]).ok()
    path = f"{ROOT}/{dataset}/records"
    ids = [one["dataset_record_id"] for one in records_of(api, dataset)]
    assert api.delete(path, dataset_record_ids=[ids[0], "dr-no"]).ok() == {"deleted_count": 1}
    assert json.loads(get(api, dataset)["profile"]) == {"num_records": 2}
    assert api.delete(path, dataset_record_ids=["dr-no"]).ok() == {"deleted_count": 0}
    assert api.delete(path).ok() == {"deleted_count": 0}
    api.delete(path, dataset_record_ids="x").wrong_type("dataset_record_ids", '"x"', "str")
    assert [one["dataset_record_id"] for one in records_of(api, dataset)] == ids[1:]
    assert api.delete(path, dataset_record_ids=ids).ok() == {"deleted_count": 2}
    assert get(api, dataset)["profile"] == "null"


FILLED = {}


class Searched:
    """aa by u1 with tag t=x, bb with tag t=y, Cc; made in this order. Names end alike."""

    def __init__(self, api, unique):
        self.api = api
        if api.base not in FILLED:
            experiment = api.post("experiments/create", name=unique()).ok()["experiment_id"]
            end = unique("")
            for name, tags in (("aa", {"t": "x", "mlflow.user": "u1"}), ("bb", {"t": "y"}), ("Cc", {})):
                api.post(
                    ROOT + "/create",
                    name=name + end,
                    experiment_ids=[experiment],
                    tags=json.dumps(tags),
                ).ok()
                time.sleep(0.01)
            FILLED[api.base] = experiment, end
        self.experiment, self.end = FILLED[api.base]

    def ask(self, filter=None, **body):
        body.setdefault("experiment_ids", [self.experiment])
        if filter is not None:
            body["filter_string"] = filter.replace("@", self.end)
        return self.api.post(ROOT + "/search", body)

    def find(self, filter=None, **body):
        return self.short(self.ask(filter, **body).ok())

    def short(self, page):
        return [one["name"].removesuffix(self.end) for one in page.get("datasets", [])]


@pytest.fixture
def searched(api, unique):
    return Searched(api, unique)


@pytest.mark.parametrize(
    "filter, names",
    [
        (None, ["Cc", "bb", "aa"]),
        ("", ["Cc", "bb", "aa"]),
        ("name = 'aa@'", ["aa"]),
        ("name != 'aa@'", ["Cc", "bb"]),
        ("name LIKE 'a%'", ["aa"]),
        ("name LIKE 'A%'", []),
        ("name ILIKE 'A%'", ["aa"]),
        ("name IN ('aa@', 'bb@')", ["bb", "aa"]),
        ("name > 'a'", ["bb", "aa"]),
        ("created_by = 'u1'", ["aa"]),
        ("created_by != 'u1'", []),
        ("last_updated_by = 'u1'", ["aa"]),
        ("created_time > 0", ["Cc", "bb", "aa"]),
        ("last_update_time <= 5", []),
        ("tags.t = 'x'", ["aa"]),
        ("tags.t != 'x'", ["bb"]),
        ("tags.t LIKE 'y%'", ["bb"]),
        ("tags.mlflow.user = 'u1'", ["aa"]),
        ("tags.t = 'x' AND name LIKE 'a%'", ["aa"]),
        ("tags.t = 'x' AND name LIKE 'b%'", []),
    ],
)
def test_filter(searched, filter, names):
    assert searched.find(filter) == names


@pytest.mark.parametrize(
    "filter, message",
    [
        ("name NOT IN ('aa')", "List values for 'name' are only supported with the IN comparator."),
        ("created_by IN ('u1')", "Only ['name'] attributes support comparison with a list of quoted string values."),
        ("created_time > '0'", "Expected numeric value type for numeric attribute: created_time. Found '0'"),
        ("created_time > 1.5", "Invalid value for numeric attribute 'created_time': '1.5'"),
        ("created_time LIKE 5", "Invalid comparator for numeric attribute: LIKE"),
        ("tags.t IN ('x')", "Expected a quoted string value for tag (e.g. 'my-value'). Got value ('x')"),
        ("tags.t > 'x'", "Invalid comparator for tag: >"),
        ("tags.t = 5", "Expected a quoted string value for tag (e.g. 'my-value'). Got value 5"),
        ("tags.t IS NULL", "Invalid comparator for tag: IS NULL"),
        ("tag.t = 'x'", "Invalid identifier token 'tag' specified"),
        ("attributes.name = 'x'", "Invalid identifier token 'attributes' specified"),
        ("bogus = 'x'", "Invalid attribute key 'bogus' specified. Valid keys are: {"),
        ("name = 'a' OR name = 'b'", "Invalid clause(s) in filter string: OR"),
        ("name", "Invalid clause(s) in filter string: name"),
        ("name = 5", "Expected a quoted string value for attributes. Got value 5"),
        ("name = aa", "Parameter value is either not quoted or unidentified quote types used for string value aa."),
        ("  ", "Invalid filter '  '. Could not be parsed."),
    ],
)  # fmt: skip
def test_a_bad_filter_is_refused(searched, filter, message):
    searched.ask(filter).invalid(message)


@pytest.mark.parametrize(
    "order, names",
    [
        (["name"], ["Cc", "aa", "bb"]),
        (["name DESC"], ["bb", "aa", "Cc"]),
        (["created_time ASC"], ["aa", "bb", "Cc"]),
        (["last_update_time DESC"], ["Cc", "bb", "aa"]),
        (["name ASC", "created_time DESC"], ["Cc", "aa", "bb"]),
    ],
)
def test_order(searched, order, names):
    assert searched.find(order_by=order) == names


@pytest.mark.parametrize(
    "order, message",
    [
        ("created_by", "Invalid attribute key 'created_by' specified. Valid keys are: {"),
        ("tags.t", "Invalid order_by entity: tag"),
        ("attributes.name", "Invalid identifier token 'attributes' specified"),
        ("name bogus", "Invalid ordering key in order_by clause 'name bogus'."),
        ("", "Invalid order_by clause ''. Could not be parsed."),
    ],
)
def test_a_bad_order_is_refused(searched, order, message):
    searched.ask(order_by=[order]).invalid(message)


def test_pages(searched):
    first = searched.ask(max_results=2).ok()
    assert searched.short(first) == ["Cc", "bb"]
    assert json.loads(base64.b64decode(first["next_page_token"])) == {"offset": 2}
    last = searched.ask(max_results=2, page_token=first["next_page_token"]).ok()
    assert searched.short(last) == ["aa"]
    assert "next_page_token" not in last
    for bad in (0, -1, 50001):
        searched.ask(max_results=bad).invalid("for parameter 'max_results' supplied. It must be")
    searched.ask(max_results="x").wrong_type("max_results", '"x"', "str")
    searched.ask(page_token="junk").invalid("Invalid page token")


def test_search_of_experiments(searched, api, experiment):
    assert searched.ask(experiment_ids=[experiment]).ok() == {}
    assert searched.find(experiment_ids=[experiment, searched.experiment]) == ["Cc", "bb", "aa"]
    assert {"aa", "bb", "Cc"} <= set(searched.find(experiment_ids=[], max_results=50000))
    searched.ask(experiment_ids="x").wrong_type("experiment_ids", '"x"', "str")


def test_search_by_get(searched, api):
    page = api.get(
        ROOT + "/search", experiment_ids=searched.experiment, max_results=1, order_by="name DESC"
    ).ok()
    assert searched.short(page) == ["bb"]
    assert page["next_page_token"]


def test_search_shows_what_get_shows(searched, api):
    (found,) = searched.ask("name = 'aa@'").ok()["datasets"]
    assert found == get(api, found["dataset_id"])
