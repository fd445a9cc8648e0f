import time
import uuid

import pytest


@pytest.fixture
def model(api, unique):
    name = unique("model")
    api.post("registered-models/create", name=name).ok()
    return name


@pytest.fixture
def new_version(api, model):
    def create(source="s3://b/x", **fields):
        body = {"name": model, "source": source, **fields}
        return api.post("model-versions/create", body).ok()["model_version"]

    return create


def get(api, model, version="1"):
    return api.get("model-versions/get", name=model, version=version).ok()["model_version"]


def test_create_answers_the_version(api, model, run):
    tags = [{"key": "t", "value": "1"}]
    shown = api.post(
        "model-versions/create",
        name=model,
        source="s3://b/x",
        run_id=run,
        description="d",
        run_link="http://x",
        tags=tags,
    ).ok()["model_version"]
    assert shown == {
        "name": model,
        "version": "1",
        "creation_timestamp": shown["creation_timestamp"],
        "last_updated_timestamp": shown["creation_timestamp"],
        "current_stage": "None",
        "description": "d",
        "source": "s3://b/x",
        "run_id": run,
        "status": "READY",
        "tags": tags,
        "run_link": "http://x",
    }
    assert get(api, model) == shown
    assert api.get("model-versions/get-download-uri", name=model, version="1").ok() == {
        "artifact_uri": "s3://b/x"
    }


def test_absent_parts_are_shown_empty(api, model, new_version):
    shown = new_version()
    assert (shown["description"], shown["run_id"], shown["run_link"]) == ("", "", "")
    assert "tags" not in shown and "aliases" not in shown
    assert get(api, model) == shown


def test_versions_count_up_and_are_never_used_again(api, model, new_version):
    assert [new_version()["version"] for _ in range(3)] == ["1", "2", "3"]
    assert api.delete("model-versions/delete", name=model, version="3").ok() == {}
    assert new_version()["version"] == "4"


def test_a_new_version_touches_its_model(api, model, new_version):
    time.sleep(0.01)
    version = new_version()
    shown = api.get("registered-models/get", name=model).ok()["registered_model"]
    assert shown["last_updated_timestamp"] == version["creation_timestamp"]
    assert shown["latest_versions"] == [version]


def test_create_needs_its_parameters(api, model, unique):
    api.post("model-versions/create", name=model).missing("source")
    api.post("model-versions/create", name=model, source="").missing("source")
    api.post("model-versions/create", source="s3://b/x").missing("name")
    api.post("model-versions/create", name=model, source=5).wrong_type("source", "5", "int")
    name = unique()
    api.post("model-versions/create", name=name, source="s3://b/x").absent(
        f"Registered Model with name={name} not found"
    )


def test_a_bad_tag_creates_nothing(api, model):
    api.post(
        "model-versions/create", name=model, source="s3://b/x", tags=[{"key": "", "value": "x"}]
    ).invalid("Invalid value \"\" for parameter 'key' supplied")
    api.get("model-versions/get", name=model, version="1").absent("not found")


@pytest.mark.parametrize(
    "source",
    ["s3://b/x", "s3://b//y", "S3://b/z", "s3://b/a b", "s3://b/x?versionId=1", "gs://b/x", "s3:///x"],
)
def test_sources_that_are_taken(new_version, source):
    assert new_version(source)["source"] == source


LOCAL = (
    "To use a local path as a model version source, the run_id request parameter has to be "
    "specified and the local path has to be contained within the artifact directory of the run "
    "specified by the run_id."
)
RELATIVE = (
    "If supplying a source as an http, https, local file path, ftp, objectstore, or "
    "mlflow-artifacts uri, an absolute path must be provided without relative path references "
    "present. Please provide an absolute path."
)
OWNER = "The run_id request parameter must identify the resource that contains the source."


@pytest.mark.parametrize(
    "source, message",
    [
        ("/etc/passwd", LOCAL),
        ("file:///etc/passwd", LOCAL),
        ("relative/path", LOCAL),
        ("../x", LOCAL),
        ("dummy-source", LOCAL),
        ("file:relative", LOCAL),
        ("s3://x", RELATIVE),
        ("s3://b/", RELATIVE),
        ("s3://b/../x", RELATIVE),
        ("s3://b/x/../../y", RELATIVE),
        ("s3://b/%2e%2e/y", RELATIVE),
        ("s3://b/%252e%252e/y", RELATIVE),
        ("s3://b/y\x00", RELATIVE),
        ("mlflow-artifacts:/x", OWNER),
    ],
)
def test_sources_that_are_refused(api, model, source, message):
    answer = api.post("model-versions/create", name=model, source=source)
    answer.invalid(f"Invalid model version source: '{source}'. {message}")
    api.get("model-versions/get", name=model, version="1").absent("not found")


@pytest.mark.parametrize(
    "scheme, source",
    [
        ("http", "http://host/x"),
        ("https", "https://host/x"),
        ("ftp", "ftp://host/x"),
        ("hdfs", "hdfs://host/x"),
        ("mlflow-artifacts", "mlflow-artifacts://host/x"),
    ],
)
def test_sources_that_name_another_host_are_refused(api, model, scheme, source):
    api.post("model-versions/create", name=model, source=source).invalid(
        f"'source' cannot use the '{scheme}' scheme: the '{scheme}' scheme addresses a host other "
        "than the tracking server's configured artifact storage"
    )


def test_sources_inside_a_run(api, model, experiment, run, new_version):
    root = api.get("runs/get", run_id=run).ok()["run"]["info"]["artifact_uri"]
    for source in (f"{root}/model", root, f"runs:/{run}/model"):
        assert new_version(source, run_id=run)["source"] == source
        api.post("model-versions/create", name=model, source=source).invalid(OWNER)

    def refused(source, message):
        api.post("model-versions/create", name=model, source=source, run_id=run).invalid(message)

    refused("runs:/other/model", OWNER)
    refused(f"runs:/{run}/../model", RELATIVE)
    refused(f"{root}/../x", RELATIVE)
    refused(f"mlflow-artifacts:/{experiment}/other/artifacts/model", OWNER)
    refused("file:///etc", LOCAL)


def test_a_logged_model_as_source(api, experiment, run, model, new_version):
    made = api.post("logged-models", experiment_id=experiment, name="m", source_run_id=run).ok()
    info = made["model"]["info"]
    source = f"models:/{info['model_id']}"
    shown = new_version(source, model_id=info["model_id"])
    assert (shown["source"], shown["run_id"]) == (source, run)
    assert api.get("model-versions/get-download-uri", name=model, version="1").ok() == {
        "artifact_uri": info["artifact_uri"]
    }
    tags = api.get(f"logged-models/{info['model_id']}").ok()["model"]["info"]["tags"]
    assert tags == [
        {"key": "mlflow.modelVersions", "value": f'[{{"name": "{model}", "version": 1}}]'}
    ]
    api.post("model-versions/create", name=model, source=source).invalid(
        "The model_id request parameter must identify the resource that contains the source."
    )


def test_an_absent_logged_model_as_source(api, model):
    answer = api.post("model-versions/create", name=model, source="models:/m-x", model_id="m-x")
    # The reference wraps the 404 into an internal error.
    assert answer.status == 500 if api.is_reference else answer.status in (400, 404), answer
    assert "Logged model with ID 'm-x' not found." in answer.json["message"]


def test_a_copied_version_leads_to_the_first_source(api, run, model, unique, new_version):
    new_version("s3://b/one", run_id=run)
    copy = unique("copy")
    api.post("registered-models/create", name=copy).ok()
    source = f"models:/{model}/1"
    shown = api.post("model-versions/create", name=copy, source=source).ok()["model_version"]
    assert (shown["source"], shown["run_id"]) == (source, run)
    assert api.get("model-versions/get-download-uri", name=copy, version="1").ok() == {
        "artifact_uri": "s3://b/one"
    }
    api.post("model-versions/create", name=copy, source=f"models:/{model}/99").absent(
        f"Model Version (name={model}, version=99) not found"
    )


CALLS = [
    ("GET", "model-versions/get", {}),
    ("GET", "model-versions/get-download-uri", {}),
    ("PATCH", "model-versions/update", {"description": "x"}),
    ("POST", "model-versions/transition-stage", {"stage": "Staging", "archive_existing_versions": False}),
    ("POST", "model-versions/set-tag", {"key": "k", "value": "v"}),
    ("DELETE", "model-versions/delete-tag", {"key": "k"}),
    ("DELETE", "model-versions/delete", {}),
    ("POST", "registered-models/alias", {"alias": "a"}),
]


@pytest.mark.parametrize("method, path, fields", CALLS)
def test_an_unknown_version(api, model, method, path, fields):
    def send(**fields):
        return api.send(method, path, **{"params" if method == "GET" else "json": fields})

    send(name=model, version="999", **fields).absent(
        f"Model Version (name={model}, version=999) not found"
    )
    for bad in ("abc", "1.0", "latest"):
        send(name=model, version=bad, **fields).invalid(
            f"Parameter 'version' must be an integer, got '{bad}'."
        )
    if path == "model-versions/get-download-uri":
        return  # the reference has no list of required parameters here
    send(name=model, **fields).missing("version")
    send(version="1", **fields).missing("name")
    if method != "GET":
        send(name=model, version=1, **fields).wrong_type("version", "1", "int")


def test_update(api, model, new_version):
    before = new_version(description="old")
    time.sleep(0.01)
    after = api.patch("model-versions/update", name=model, version="1", description="new").ok()
    after = after["model_version"]
    assert after["description"] == "new"
    assert after["last_updated_timestamp"] > before["last_updated_timestamp"]
    after = api.patch("model-versions/update", name=model, version="1").ok()["model_version"]
    assert "description" not in after


def move(api, model, version, stage, **fields):
    body = {"name": model, "version": version, "stage": stage, **fields}
    return api.post("model-versions/transition-stage", body)


@pytest.mark.parametrize(
    "given, shown",
    [("Staging", "Staging"), ("production", "Production"), ("ARCHIVED", "Archived"), ("none", "None")],
)
def test_stages(api, model, new_version, given, shown):
    new_version()
    moved = move(api, model, "1", given, archive_existing_versions=False).ok()["model_version"]
    assert moved["current_stage"] == shown
    assert get(api, model) == moved


def test_a_stage_can_be_cleared_of_others(api, model, new_version):
    for _ in range(2):
        new_version()
    move(api, model, "1", "Production", archive_existing_versions=False).ok()
    move(api, model, "2", "Production", archive_existing_versions=True).ok()
    assert get(api, model, "1")["current_stage"] == "Archived"
    assert get(api, model, "2")["current_stage"] == "Production"


def test_bad_stages(api, model, new_version):
    new_version()
    move(api, model, "1", "Bogus").invalid(
        "Invalid Model Version stage: Bogus. Value must be one of None, Staging, Production, "
        "Archived."
    )
    move(api, model, "1", "").missing("stage")
    move(api, model, "1", 5).wrong_type("stage", "5", "int")
    move(api, model, "1", "Staging", archive_existing_versions="x").wrong_type(
        "archive_existing_versions", '"x"', "str"
    )
    for stage in ("None", "Archived"):
        answer = move(api, model, "1", stage, archive_existing_versions=True)
        # A mistake of the caller, for which the reference has only a server error.
        assert answer.status == (500 if api.is_reference else 400), answer
        assert (
            "Model version transition cannot archive existing model versions because "
            f"'{stage}' is not an Active stage. Valid stages are ['Staging', 'Production']"
        ) in answer.json["message"]
    assert get(api, model)["current_stage"] == "None"


def test_tags(api, model, new_version):
    new_version()
    one = {"name": model, "version": "1"}
    for tag in ({"key": "k", "value": "1"}, {"key": "k", "value": "2"}, {"key": "empty"}):
        assert api.post("model-versions/set-tag", **one, **tag).ok() == {}
    tags = {tag["key"]: tag["value"] for tag in get(api, model)["tags"]}
    assert tags == {"k": "2", "empty": ""}
    for _ in range(2):
        assert api.delete("model-versions/delete-tag", **one, key="k").ok() == {}
    assert [tag["key"] for tag in get(api, model)["tags"]] == ["empty"]
    api.post("model-versions/set-tag", **one).missing("key")
    api.delete("model-versions/delete-tag", **one).missing("key")
    api.post("model-versions/set-tag", **one, key="k" * 251, value="v").invalid(
        "'key' exceeds the maximum length of 250 characters"
    )


def set_alias(api, model, alias, version="1"):
    return api.post("registered-models/alias", name=model, alias=alias, version=version)


def test_aliases_point_at_versions(api, model, new_version):
    for _ in range(2):
        new_version()
    assert set_alias(api, model, "champion").ok() == {}
    set_alias(api, model, "Champ-2_x").ok()
    path = "registered-models/alias"
    shown = api.get(path, name=model, alias="champion").ok()["model_version"]
    assert shown["version"] == "1" and sorted(shown["aliases"]) == ["Champ-2_x", "champion"]
    assert get(api, model) == shown
    set_alias(api, model, "champion", "2").ok()
    assert api.get(path, name=model, alias="champion").ok()["model_version"]["version"] == "2"
    whole = api.get("registered-models/get", name=model).ok()["registered_model"]
    aliases = {alias["alias"]: alias["version"] for alias in whole["aliases"]}
    assert aliases == {"Champ-2_x": "1", "champion": "2"}
    for _ in range(2):
        assert api.delete(path, name=model, alias="champion").ok() == {}
    api.get(path, name=model, alias="champion").invalid(
        "Registered model alias champion not found."
    )


def test_the_alias_latest_is_the_newest_version(api, model, new_version):
    for _ in range(2):
        new_version()
    shown = api.get("registered-models/alias", name=model, alias="latest").ok()["model_version"]
    assert shown["version"] == "2"


@pytest.mark.parametrize("alias", ["a", "v1a", "x" * 255, "한글", "-", "_"])
def test_good_aliases(api, model, new_version, alias):
    new_version()
    set_alias(api, model, alias).ok()
    assert get(api, model)["aliases"] == [alias]


@pytest.mark.parametrize(
    "alias, message",
    [
        ("latest", "'latest' alias name (case insensitive) is reserved."),
        ("LATEST", "'latest' alias name (case insensitive) is reserved."),
        ("v1", "Version alias name 'v1' is reserved."),
        ("V12", "Version alias name 'V12' is reserved."),
        ("a b", "Invalid alias name: 'a b'. Names may only contain alphanumerics, underscores (_), and dashes (-)."),
        ("a.b", "Invalid alias name: 'a.b'."),
        ("x" * 256, "'Registered model alias name' exceeds the maximum length of 255 characters"),
    ],
)
def test_bad_aliases(api, model, new_version, alias, message):
    new_version()
    set_alias(api, model, alias).invalid(message)
    assert "aliases" not in get(api, model)


def test_alias_calls_need_their_parameters(api, model, new_version):
    new_version()
    for alias in ("", None):
        set_alias(api, model, alias).missing("alias")
    set_alias(api, model, "a", None).missing("version")
    api.get("registered-models/alias", name=model).missing("alias")
    api.delete("registered-models/alias", name=model).missing("alias")
    api.delete("registered-models/alias", name=model, alias="a b").invalid("Invalid alias name")


def test_a_deleted_version_is_gone_with_its_aliases(api, model, new_version):
    for _ in range(2):
        new_version()
    set_alias(api, model, "best").ok()
    assert api.delete("model-versions/delete", name=model, version="1").ok() == {}
    api.delete("model-versions/delete", name=model, version="1").absent("not found")
    api.get("registered-models/alias", name=model, alias="best").invalid("best not found.")
    api.get("model-versions/get-download-uri", name=model, version="1").absent("not found")
    found = api.get("model-versions/search", filter=f"name='{model}'").ok()["model_versions"]
    assert [version["version"] for version in found] == ["2"]


FILLED = {}


class Searched:
    """b/1 (source s3://b/one, a run, tag q=1), b/2 (s3://b/two), c/1 (s3://b/three)."""

    def __init__(self, api, run):
        self.api = api
        if api.base not in FILLED:
            pre = f"v{uuid.uuid4().hex}"
            for name in "bc":
                api.post("registered-models/create", name=pre + name).ok()
            tags = [{"key": "q", "value": "1"}]
            for name, source, more in (
                ("b", "one", {"run_id": run, "tags": tags}),
                ("b", "two", {}),
                ("c", "three", {}),
            ):
                body = {"name": pre + name, "source": f"s3://b/{source}", **more}
                api.post("model-versions/create", body).ok()
                time.sleep(0.01)
            FILLED[api.base] = pre, run
        self.pre, self.run = FILLED[api.base]
        self.mine = f"name LIKE '{self.pre}%'"

    def ask(self, filter="{mine}", **params):
        filter = filter.format(pre=self.pre, mine=self.mine, run=self.run)
        return self.api.get("model-versions/search", filter=filter, **params)

    def find(self, filter="{mine}", **params):
        found = self.ask(filter, **params).ok().get("model_versions", [])
        return [v["name"].removeprefix(self.pre) + v["version"] for v in found]


@pytest.fixture
def searched(api, run):
    return Searched(api, run)


@pytest.mark.parametrize(
    "filter, names",
    [
        ("{mine}", ["c1", "b2", "b1"]),
        ("name = '{pre}b'", ["b2", "b1"]),
        ("name IN ('{pre}b')", ["b2", "b1"]),
        ("name != '{pre}b' AND {mine}", ["c1"]),
        ("name ILIKE '{pre}C'", ["c1"]),
        ("run_id = '{run}' AND {mine}", ["b1"]),
        ("run_id IN ('{run}') AND {mine}", ["b1"]),
        ("source_path = 's3://b/one' AND {mine}", ["b1"]),
        ("source_path LIKE '%t%' AND {mine}", ["c1", "b2"]),
        ("version_number = 1 AND {mine}", ["c1", "b1"]),
        ("version_number > 1 AND {mine}", ["b2"]),
        ("version_number <= 2 AND {mine}", ["c1", "b2", "b1"]),
        ("version_number = '1' AND {mine}", ["c1", "b1"]),
        ("tags.q = '1' AND {mine}", ["b1"]),
        ("tags.q != '1' AND {mine}", []),
        ("name = 'no such model'", []),
    ],
)
def test_filter(searched, filter, names):
    assert searched.find(filter) == names


@pytest.mark.parametrize(
    "filter, message",
    [
        ("bogus = '1'", "Invalid attribute key 'bogus' specified. Valid keys are "),
        ("current_stage = 'None'", "Invalid attribute key 'current_stage' specified."),
        ("creation_timestamp > 0", "Invalid attribute key 'creation_timestamp' specified."),
        ("name > 'x'", "Invalid comparator for attribute: >"),
        ("version_number LIKE '1'", "Invalid comparator for attribute version_number: LIKE"),
        ("run_id IN ()", "expected a non-empty list of string values, but got empty list"),
        ("name='x' OR name='y'", "Invalid clause(s) in filter string: OR"),
    ],
)
def test_a_bad_filter_is_refused(searched, filter, message):
    searched.ask(filter).invalid(message)


@pytest.mark.parametrize(
    "order, names",
    [
        ("name", ["b2", "b1", "c1"]),
        ("name DESC", ["c1", "b2", "b1"]),
        ("version_number", ["b1", "c1", "b2"]),
        ("version_number DESC", ["b2", "b1", "c1"]),
        ("creation_timestamp", ["b1", "b2", "c1"]),
        ("last_updated_timestamp ASC", ["b1", "b2", "c1"]),
        ("last_updated_timestamp DESC", ["c1", "b2", "b1"]),
    ],
)
def test_order(searched, order, names):
    assert searched.find(order_by=order) == names


def test_a_bad_order_is_refused(searched):
    searched.ask(order_by="bogus").invalid("Invalid attribute key 'bogus' specified.")


def test_pages(searched):
    first = searched.ask(max_results=2).ok()
    assert len(first["model_versions"]) == 2
    assert searched.find(max_results=2, page_token=first["next_page_token"]) == ["b1"]
    assert "next_page_token" not in searched.ask(max_results=3).ok()
    assert searched.find(max_results=200_000) == ["c1", "b2", "b1"]
    for bad in (0, -1):
        searched.ask(max_results=bad).invalid(
            f"Invalid value for max_results. It must be a positive integer, but got {bad}"
        )
    searched.ask(max_results=200_001).wrong_type("max_results", '"200001"', "str")
    searched.ask(page_token="junk").invalid("Invalid page token")


def test_search_answers_get_only(api):
    assert api.post("model-versions/search", filter="").status == 405
