import base64
import json
import re
import time

import pytest
from evaluation_support import V3, deleted_experiment  # noqa: F401

ROOT = V3 + "label-schemas/"
THUMBS = {"pass_fail": {"positive_label": "Yes", "negative_label": "No"}}


@pytest.fixture
def send(api, experiment):
    def create(**fields):
        body = {"experiment_id": experiment, "name": "n", "type": "FEEDBACK", "input": THUMBS}
        body |= fields
        return api.post(ROOT + "create", {k: v for k, v in body.items() if v is not None})

    return create


@pytest.fixture
def new_schema(send):
    return lambda **fields: send(**fields).ok()["label_schema"]


def test_create_answers_the_schema(api, experiment, new_schema):
    shown = new_schema(name="one?", instruction="do", enable_comment=True)
    assert re.fullmatch("ls-[0-9a-f]{32}", shown["schema_id"])
    assert abs(shown["created_at"] - time.time() * 1000) < 600_000
    assert shown == {
        "schema_id": shown["schema_id"],
        "experiment_id": experiment,
        "name": "one?",
        "type": "FEEDBACK",
        "instruction": "do",
        "enable_comment": True,
        "input": THUMBS,
        "created_at": shown["created_at"],
        "last_updated_at": shown["created_at"],
        "is_default": False,
    }
    assert api.get(ROOT + "get", schema_id=shown["schema_id"]).ok()["label_schema"] == shown
    by_name = api.get(ROOT + "get-by-name", experiment_id=experiment, name="one?")
    assert by_name.ok()["label_schema"] == shown


@pytest.mark.parametrize(
    "given, shown",
    [
        ({"categorical": {"options": ["a", "é"], "multi_select": True}}, None),
        ({"categorical": {"options": ["a"]}}, {"categorical": {"options": ["a"], "multi_select": False}}),
        ({"numeric": {"min_value": 1, "max_value": 2.5}}, {"numeric": {"min_value": 1.0, "max_value": 2.5}}),
        ({"numeric": {}}, None),
        ({"text": {"max_length": 5}}, None),
        ({"text": {}}, None),
    ],
)  # fmt: skip
def test_ways_to_answer(api, new_schema, given, shown):
    made = new_schema(type=2, input=given)
    assert made["type"] == "EXPECTATION"
    assert made["input"] == (shown or given)
    assert api.get(ROOT + "get", schema_id=made["schema_id"]).ok()["label_schema"] == made


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"type": None}, "Label schema `type` must be one of FEEDBACK or EXPECTATION; got proto enum value 0."),
        ({"type": "feedback"}, "Label schema `type` must be one of FEEDBACK or EXPECTATION; got proto enum value 0."),
        ({"type": 7}, "Label schema `type` must be one of FEEDBACK or EXPECTATION"),
        ({"input": None}, "Label schema `input` must have exactly one of `pass_fail`, `categorical`, `numeric`, or `text` set; got an empty oneof."),
        ({"input": {"bogus": {}}}, "Label schema `input` must have exactly one of"),
        ({"name": "Feedback"}, "`Feedback` is reserved for the experiment's default question and cannot be used for another label schema."),
        ({"name": " feedBack "}, "is reserved for the experiment's default question"),
        ({"name": "é" * 251}, "Label schema `name` must be at most 250 characters; got 251."),
        ({"instruction": "x" * 1001}, "Label schema `instruction` must be at most 1000 characters; got 1001."),
        ({"input": {"pass_fail": {"positive_label": "a"}}}, "`InputPassFail.negative_label` must be a non-empty string; got ''."),
        ({"input": {"pass_fail": {"positive_label": "a", "negative_label": "a"}}}, "`InputPassFail.positive_label` and `negative_label` must be distinct; got 'a' for both."),
        ({"input": {"pass_fail": {"positive_label": "x" * 65, "negative_label": "a"}}}, "`InputPassFail.positive_label` must be at most 64 characters; got 65."),
        ({"input": {"categorical": {}}}, "`InputCategorical.options` must be a non-empty list; got []."),
        ({"input": {"categorical": {"options": ["a", "a"]}}}, "`InputCategorical.options` must be deduplicated; 'a' appears twice."),
        ({"input": {"categorical": {"options": [""]}}}, "`InputCategorical.options` entries must be non-empty strings; got ''."),
        ({"input": {"categorical": {"options": ["x" * 65]}}}, "`InputCategorical.options` entries must be at most 64 characters; got 65 for 'xx"),
        ({"input": {"categorical": {"options": [str(n) for n in range(11)]}}}, "`InputCategorical.options` must have at most 10 entries; got 11."),
        ({"input": {"text": {"max_length": 0}}}, "`InputText.max_length` must be at least 1; got 0."),
        ({"input": {"numeric": {"min_value": 2, "max_value": 2}}}, "`InputNumeric.min_value` must be strictly less than `max_value`; got min=2.0, max=2.0."),
        ({"experiment_id": "abc"}, "Invalid experiment ID 'abc'."),
    ],
)  # fmt: skip
def test_create_refuses(send, fields, message):
    send(**fields).invalid(message)


def test_create_refuses_more(send, new_schema, experiment, deleted_experiment):
    for field in ("name", "experiment_id"):
        send(**{field: None}).missing(field)
        send(**{field: ""}).missing(field)
        send(**{field: 5}).wrong_type(field, "5", "int")
    for unknown in ("99999999", deleted_experiment):
        send(experiment_id=unknown).absent(f"No Experiment with id={unknown} exists")
    new_schema(name="taken")
    send(name="taken").refused(
        400,
        "RESOURCE_ALREADY_EXISTS",
        f"Label schema with name 'taken' already exists for experiment '{experiment}'.",
    )


def test_an_unknown_schema(api, experiment, deleted_experiment):
    message = "Label schema with id 'ls-nope' not found."
    api.get(ROOT + "get", schema_id="ls-nope").absent(message)
    api.patch(ROOT + "update", schema_id="ls-nope").absent(message)
    assert api.delete(ROOT + "delete", schema_id="ls-nope").ok() == {}
    api.get(ROOT + "get-by-name", experiment_id=experiment, name="nope").absent(
        f"Label schema with name 'nope' not found for experiment '{experiment}'."
    )
    api.get(ROOT + "get-by-name", experiment_id=deleted_experiment, name="n").absent(
        f"No Experiment with id={deleted_experiment} exists"
    )
    api.get(ROOT + "get-by-name", experiment_id=experiment).missing("name")
    api.get(ROOT + "get").missing("schema_id")
    api.patch(ROOT + "update").missing("schema_id")
    api.delete(ROOT + "delete").missing("schema_id")


def names(page):
    return [one["name"] for one in page.get("label_schemas", [])]


def test_every_experiment_has_a_default_question(api, experiment):
    pages = [api.get(ROOT + "list", experiment_id=experiment).ok() for _ in range(2)]
    assert pages[0] == pages[1]
    (question,) = pages[0]["label_schemas"]
    assert pages[0]["next_page_token"] == ""
    assert question == {
        "schema_id": question["schema_id"],
        "experiment_id": experiment,
        "name": "Feedback",
        "type": "FEEDBACK",
        "instruction": "Share any feedback on this trace.",
        "enable_comment": False,
        "input": {"text": {}},
        "created_at": question["created_at"],
        "last_updated_at": question["created_at"],
        "is_default": True,
    }
    api.delete(ROOT + "delete", schema_id=question["schema_id"]).invalid(
        "The experiment's default question cannot be deleted."
    )
    api.patch(ROOT + "update", schema_id=question["schema_id"], name="x").invalid(
        "The experiment's default question cannot be edited."
    )


def test_list_pages(api, experiment, new_schema, deleted_experiment):
    path = ROOT + "list"
    api.get(path, experiment_id=experiment).ok()
    for name in ("a", "b"):
        time.sleep(0.005)
        new_schema(name=name)
    page = api.get(path, experiment_id=experiment, max_results=2).ok()
    assert names(page) == ["b", "a"]
    token = page["next_page_token"]
    assert json.loads(base64.b64decode(token)) == {"offset": 2}
    page = api.get(path, experiment_id=experiment, max_results=2, page_token=token).ok()
    assert names(page) == ["Feedback"] and page["next_page_token"] == ""
    api.get(path).missing("experiment_id")
    for bad in (0, 50001):
        api.get(path, experiment_id=experiment, max_results=bad).invalid(
            "max_results must be between 1 and 50000."
        )
    api.get(path, experiment_id=experiment, max_results="x").wrong_type("max_results", '"x"', "str")
    api.get(path, experiment_id=experiment, page_token="junk").invalid("Invalid page token")
    api.get(path, experiment_id=deleted_experiment).absent("No Experiment with id=")


def test_update(api, new_schema):
    before = new_schema(name="a", instruction="i")
    time.sleep(0.01)

    def update(**fields):
        return api.patch(ROOT + "update", schema_id=before["schema_id"], **fields)

    other = {"pass_fail": {"positive_label": "P", "negative_label": "Q"}}
    shown = update(name="b", instruction="", enable_comment=True, input=other).ok()["label_schema"]
    assert shown["last_updated_at"] > before["last_updated_at"]
    assert shown == before | {
        "name": "b",
        "instruction": "",
        "enable_comment": True,
        "input": other,
        "last_updated_at": shown["last_updated_at"],
    }
    again = update(type="EXPECTATION").ok()["label_schema"]
    assert again == shown | {"last_updated_at": again["last_updated_at"]}
    new_schema(name="taken")
    update(name="taken").refused(400, "RESOURCE_ALREADY_EXISTS", "Label schema with name 'taken'")
    update(name="").invalid("Label schema `name` must be a non-empty string; got ''.")
    update(name="Feedback").invalid("`Feedback` is reserved")
    update(instruction="x" * 1001).invalid("Label schema `instruction` must be at most 1000")
    update(input={}).invalid("Label schema `input` must have exactly one of")
    update(input={"text": {}}).invalid(
        "A label schema's input type cannot be changed after creation (existing: InputPassFail, got: InputText)."
    )


def test_several_options_stay_several(api, new_schema):
    made = new_schema(input={"categorical": {"options": ["a"], "multi_select": True}})

    def update(several):
        given = {"categorical": {"options": ["z"], "multi_select": several}}
        return api.patch(ROOT + "update", schema_id=made["schema_id"], input=given)

    update(False).invalid("`InputCategorical.multi_select` cannot be changed after creation.")
    assert update(True).ok()["label_schema"]["input"]["categorical"]["options"] == ["z"]


def test_delete(api, new_schema, experiment):
    made = new_schema()
    assert api.delete(ROOT + "delete", schema_id=made["schema_id"]).ok() == {}
    api.get(ROOT + "get", schema_id=made["schema_id"]).absent("not found.")
    new_schema()
