import time
import uuid

import pytest


@pytest.fixture
def model(api, unique):
    name = unique("model")
    api.post("registered-models/create", name=name).ok()
    return name


def get(api, name):
    return api.get("registered-models/get", name=name).ok()["registered_model"]


def tags_of(api, name):
    return {tag["key"]: tag["value"] for tag in get(api, name).get("tags", [])}


def test_create_answers_the_model(api, unique):
    name = unique("model")
    tags = [{"key": "a", "value": "b"}]
    shown = api.post(
        "registered-models/create", name=name, description="hello", tags=tags
    ).ok()["registered_model"]
    assert shown == {
        "name": name,
        "creation_timestamp": shown["creation_timestamp"],
        "last_updated_timestamp": shown["creation_timestamp"],
        "description": "hello",
        "tags": tags,
    }
    assert abs(shown["creation_timestamp"] - time.time() * 1000) < 600_000
    assert get(api, name) == shown


def test_absent_parts_are_not_shown(api, unique):
    for given in ({}, {"description": ""}, {"tags": []}):
        name = unique("model")
        shown = api.post("registered-models/create", name=name, **given).ok()["registered_model"]
        assert set(shown) == {"name", "creation_timestamp", "last_updated_timestamp"}


def test_a_name_in_use_is_refused(api, model):
    api.post("registered-models/create", name=model).refused(
        400, "RESOURCE_ALREADY_EXISTS", f"Registered Model (name={model}) already exists."
    )


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": None}])
def test_a_name_is_required(api, body):
    api.post("registered-models/create", body).missing("name")


@pytest.mark.parametrize(
    "name, message",
    [
        ("  ", "Missing value for required parameter 'name'."),
        ("a/b", "Invalid model name 'a/b'. Names cannot contain '/' or ':'."),
        ("a:b", "Invalid model name 'a:b'. Names cannot contain '/' or ':'."),
        (".", "This name would resolve to '.'"),
        ("..", "This name would resolve to '..'"),
    ],
)
def test_a_bad_name_is_refused(api, name, message):
    api.post("registered-models/create", name=name).invalid(message)


@pytest.mark.parametrize("name", ["모델 {}", "{} %$#@!", "{}.b-c_d e"])
def test_unusual_names(api, unique, name):
    name = name.format(unique())
    api.post("registered-models/create", name=name).ok()
    assert get(api, name)["name"] == name


@pytest.mark.parametrize(
    "tags, message",
    [
        ([{"key": "", "value": "x"}], "Invalid value \"\" for parameter 'key' supplied"),
        ([{"key": "k" * 251, "value": "x"}], "'key' exceeds the maximum length of 250 characters"),
        (
            [{"key": "k", "value": "x" * 100001}],
            "'value' exceeds the maximum length of 100000 characters",
        ),
        ([{"key": "k$", "value": "x"}], "Names may only contain alphanumerics"),
    ],
)
def test_a_bad_tag_at_creation_creates_nothing(api, unique, tags, message):
    name = unique()
    api.post("registered-models/create", name=name, tags=tags).invalid(message)
    api.get("registered-models/get", name=name).absent(
        f"Registered Model with name={name} not found"
    )


def test_one_tag_twice_takes_the_last(api, unique):
    name = unique()
    tags = [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}]
    api.post("registered-models/create", name=name, tags=tags).ok()
    assert tags_of(api, name) == {"k": "2"}


def test_wrong_types(api, unique):
    api.post("registered-models/create", name=5).wrong_type("name", "5", "int")
    api.post("registered-models/create", name=unique(), description=5).wrong_type(
        "description", "5", "int"
    )


CALLS = [
    ("GET", "get", {}),
    ("PATCH", "update", {"description": "x"}),
    ("POST", "rename", {"new_name": "other"}),
    ("POST", "set-tag", {"key": "k", "value": "v"}),
    ("POST", "get-latest-versions", {}),
    ("DELETE", "delete", {}),
    ("DELETE", "delete-tag", {"key": "k"}),
    ("DELETE", "alias", {"alias": "a"}),
    ("GET", "alias", {"alias": "a"}),
]


@pytest.mark.parametrize("method, call, fields", CALLS)
def test_an_unknown_model(api, unique, method, call, fields):
    def send(**fields):
        place = "params" if method == "GET" else "json"
        return api.send(method, f"registered-models/{call}", **{place: fields})

    name = unique()
    send(name=name, **fields).absent(f"Registered Model with name={name} not found")
    send(**fields).missing("name")


def test_update_sets_the_description_and_touches_the_time(api, model):
    before = get(api, model)
    time.sleep(0.01)
    shown = api.patch("registered-models/update", name=model, description="new").ok()
    assert shown["registered_model"]["description"] == "new"
    assert shown["registered_model"]["last_updated_timestamp"] > before["last_updated_timestamp"]
    for given in ({}, {"description": ""}):
        shown = api.patch("registered-models/update", name=model, **given).ok()
        assert "description" not in shown["registered_model"]


def test_rename_moves_versions_and_aliases(api, model, unique):
    api.post("model-versions/create", name=model, source="s3://b/x").ok()
    api.post("registered-models/alias", name=model, alias="best", version="1").ok()
    name = unique("renamed")
    shown = api.post("registered-models/rename", name=model, new_name=name).ok()
    shown = shown["registered_model"]
    assert shown["name"] == name
    assert [version["name"] for version in shown["latest_versions"]] == [name]
    assert shown["aliases"] == [{"alias": "best", "version": "1"}]
    version = api.get("model-versions/get", name=name, version="1").ok()["model_version"]
    assert version["name"] == name and version["aliases"] == ["best"]
    api.get("registered-models/get", name=model).absent("not found")
    api.get("model-versions/get", name=model, version="1").absent("not found")


def test_rename_refuses_bad_names(api, model, unique):
    taken = unique()
    api.post("registered-models/create", name=taken).ok()
    api.post("registered-models/rename", name=model, new_name=taken).refused(
        400, "RESOURCE_ALREADY_EXISTS", f"Registered Model (name={taken}) already exists."
    )
    api.post("registered-models/rename", name=model, new_name="a/b").invalid(
        "Invalid model name 'a/b'. Names cannot contain '/' or ':'."
    )
    api.post("registered-models/rename", name=model).missing("new_name")
    assert get(api, model)["name"] == model


def test_tags_are_set_overwritten_and_deleted(api, model):
    for tag in ({"key": "k", "value": "1"}, {"key": "k", "value": "2"}, {"key": "empty"}):
        assert api.post("registered-models/set-tag", name=model, **tag).ok() == {}
    assert tags_of(api, model) == {"k": "2", "empty": ""}
    for _ in range(2):
        assert api.delete("registered-models/delete-tag", name=model, key="k").ok() == {}
    assert tags_of(api, model) == {"empty": ""}


def test_bad_tags_are_refused(api, model):
    api.post("registered-models/set-tag", name=model, value="v").missing("key")
    api.delete("registered-models/delete-tag", name=model).missing("key")
    api.post("registered-models/set-tag", name=model, key="a//b", value="v").invalid(
        "This name would resolve to 'a/b'"
    )
    api.post("registered-models/set-tag", name=model, key="k", value="x" * 100001).invalid(
        "'value' exceeds the maximum length of 100000 characters"
    )
    assert tags_of(api, model) == {}


def test_delete_reads_its_body_and_not_its_query(api, model):
    answer = api.send(
        "DELETE",
        "registered-models/delete",
        params={"name": model},
        headers={"Content-Type": "application/json"},
    )
    answer.missing("name")
    assert get(api, model)


def test_a_deleted_model_takes_everything_along_and_starts_anew(api, model):
    api.post("model-versions/create", name=model, source="s3://b/x").ok()
    api.post("registered-models/alias", name=model, alias="best", version="1").ok()
    api.post("registered-models/set-tag", name=model, key="k", value="v").ok()
    assert api.delete("registered-models/delete", name=model).ok() == {}
    api.get("model-versions/get", name=model, version="1").absent("not found")
    api.delete("registered-models/delete", name=model).absent("not found")
    shown = api.post("registered-models/create", name=model).ok()["registered_model"]
    assert set(shown) == {"name", "creation_timestamp", "last_updated_timestamp"}
    version = api.post("model-versions/create", name=model, source="s3://b/x").ok()
    assert version["model_version"]["version"] == "1"
    assert "aliases" not in get(api, model)


def test_latest_versions_are_the_newest_of_each_stage(api, model):
    for _ in range(3):
        api.post("model-versions/create", name=model, source="s3://b/x").ok()
    api.post(
        "model-versions/transition-stage",
        name=model,
        version="1",
        stage="Production",
        archive_existing_versions=False,
    ).ok()

    def versions(answer):
        found = answer.ok().get("model_versions", [])
        return {version["current_stage"]: version["version"] for version in found}

    path = "registered-models/get-latest-versions"
    assert versions(api.post(path, name=model)) == {"Production": "1", "None": "3"}
    for stage in ("Production", "production"):
        assert versions(api.post(path, name=model, stages=[stage])) == {"Production": "1"}
        assert versions(api.get(path, name=model, stages=stage)) == {"Production": "1"}
    assert versions(api.get(path, name=model, stages=["Production", "None"])) == {
        "Production": "1", "None": "3",
    }
    assert api.post(path, name=model, stages=["Staging"]).ok() == {}
    api.post(path, name=model, stages=["Bogus"]).invalid(
        "Invalid Model Version stage: Bogus. Value must be one of None, Staging, Production, "
        "Archived."
    )
    shown = {v["current_stage"]: v["version"] for v in get(api, model)["latest_versions"]}
    assert shown == {"Production": "1", "None": "3"}


FILLED = {}


class Searched:
    """Models b (tag t=1), A (tag t=2), c (tag t=1), made in this order, and a prompt."""

    def __init__(self, api):
        self.api = api
        if api.base not in FILLED:
            pre = f"r{uuid.uuid4().hex}"
            for name, value in (("b", "1"), ("A", "2"), ("c", "1")):
                tags = [{"key": "t", "value": value}]
                api.post("registered-models/create", name=pre + name, tags=tags).ok()
                time.sleep(0.01)
            prompt = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
            api.post("registered-models/create", name=pre + "prompt", tags=prompt).ok()
            FILLED[api.base] = pre
        self.pre = FILLED[api.base]
        self.mine = f"name LIKE '{self.pre}%'"

    def ask(self, filter="{mine}", **params):
        filter = filter.format(pre=self.pre, mine=self.mine)
        return self.api.get("registered-models/search", filter=filter, **params)

    def find(self, filter="{mine}", **params):
        found = self.ask(filter, **params).ok().get("registered_models", [])
        return [model["name"].removeprefix(self.pre) for model in found]


@pytest.fixture
def searched(api):
    return Searched(api)


@pytest.mark.parametrize(
    "filter, names",
    [
        ("{mine}", ["A", "b", "c"]),
        ("name ILIKE '{pre}A'", ["A"]),
        ("name ILIKE '{pre}a'", ["A"]),
        ("name LIKE '{pre}a'", []),
        ("name = '{pre}b'", ["b"]),
        ("attribute.name = '{pre}b'", ["b"]),
        ("name != '{pre}b' AND {mine}", ["A", "c"]),
        ("name IN ('{pre}b', '{pre}c')", ["b", "c"]),
        ("tags.t = '1' AND {mine}", ["b", "c"]),
        ("tags.`t` != '1' AND {mine}", ["A"]),
        ("tag.t LIKE '%' AND {mine}", ["A", "b", "c"]),
        ("{mine} AND tags.`mlflow.prompt.is_prompt` = 'true'", ["prompt"]),
        ("{mine} AND tags.`mlflow.prompt.is_prompt` != 'true'", ["A", "b", "c"]),
        ("name = 'no such model'", []),
    ],
)
def test_filter(searched, filter, names):
    assert searched.find(filter) == names


@pytest.mark.parametrize(
    "filter, message",
    [
        ("name > 'x'", "Invalid comparator for attribute: >"),
        ("name = 5", "Expected a quoted string value or a list of quoted string values for attributes. Got value 5"),
        ("bogus = 'x'", "Invalid attribute key 'bogus' specified. Valid keys are "),
        ("run_id = 'x'", "Invalid attribute key 'run_id' specified. Valid keys are "),
        ("tags.t > '1'", "Invalid comparator for tag: >"),
        ("metrics.x > 1", "Invalid entity type 'metrics'. Valid entity types are ('attribute', 'tag', 'tags')"),
        ("name='a' OR name='b'", "Invalid clause(s) in filter string: OR"),
        ("name =", "Invalid clause(s) in filter string: name, ="),
        ("nonsense", "Invalid clause(s) in filter string: nonsense"),
    ],
)
def test_a_bad_filter_is_refused(searched, filter, message):
    searched.ask(filter).invalid(message)


@pytest.mark.parametrize(
    "order, names",
    [
        ("name", ["A", "b", "c"]),
        ("name ASC", ["A", "b", "c"]),
        ("name DESC", ["c", "b", "A"]),
        ("timestamp", ["b", "A", "c"]),
        ("last_updated_timestamp", ["b", "A", "c"]),
        ("last_updated_timestamp DESC", ["c", "A", "b"]),
    ],
)
def test_order(searched, order, names):
    assert searched.find(order_by=order) == names


@pytest.mark.parametrize(
    "order, message",
    [
        ("creation_timestamp", "Invalid order by key 'creation_timestamp' specified. Valid keys are "),
        ("bogus", "Invalid order by key 'bogus' specified. Valid keys are "),
        ("name X", "Invalid ordering key in order_by clause 'name X'."),
        ("", "Invalid order_by clause ''. Could not be parsed."),
    ],
)
def test_a_bad_order_is_refused(searched, order, message):
    searched.ask(order_by=order).invalid(message)


def test_pages(searched):
    first = searched.ask(max_results=2).ok()
    assert len(first["registered_models"]) == 2
    token = first["next_page_token"]
    assert searched.find(max_results=2, page_token=token) == ["c"]
    assert "next_page_token" not in searched.ask(max_results=3).ok()
    assert searched.find(max_results=1000) == ["A", "b", "c"]
    searched.ask(page_token="junk").invalid("Invalid page token")
    # A query string carries text, and the reference says so.
    searched.ask(max_results=1001).wrong_type("max_results", '"1001"', "str")
    searched.ask(max_results="x").wrong_type("max_results", '"x"', "str")


def test_search_answers_get_only(searched, api):
    assert api.post("registered-models/search", filter="").status == 405


def test_search_shows_the_same_model_as_get(searched, api):
    found = searched.ask("name = '{pre}b'").ok()["registered_models"]
    assert found == [get(api, searched.pre + "b")]


def test_a_prompt_and_a_model_cannot_share_a_name(api, unique):
    name = unique("prompt")
    prompt = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    api.post("registered-models/create", name=name, tags=prompt).ok()
    api.post("registered-models/create", name=name).refused(
        400,
        "RESOURCE_ALREADY_EXISTS",
        f"Tried to create a registered model with name '{name}', but the name is already taken "
        "by a prompt.",
    )
    version = api.post(
        "model-versions/create",
        name=name,
        source="dummy-source",
        tags=prompt + [{"key": "mlflow.prompt.text", "value": "Hi {{name}}"}],
    ).ok()["model_version"]
    assert version["version"] == "1" and version["source"] == "dummy-source"
    hidden = api.get("model-versions/search", filter=f"name='{name}'").ok()
    assert hidden == {}
    shown = api.get(
        "model-versions/search",
        filter=f"name='{name}' AND tags.`mlflow.prompt.is_prompt`='true'",
    ).ok()
    assert [found["version"] for found in shown["model_versions"]] == ["1"]
