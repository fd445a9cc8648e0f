import base64
import json
import re
import time

import pytest
from evaluation_support import V3, deleted_experiment, traces  # noqa: F401

ROOT = V3 + "review-queues/"
THUMBS = {"pass_fail": {"positive_label": "Yes", "negative_label": "No"}}


@pytest.fixture
def send(api, experiment):
    def create(**fields):
        body = {"experiment_id": experiment, "name": "q", "queue_type": "CUSTOM"} | fields
        return api.post(ROOT + "create", {k: v for k, v in body.items() if v is not None})

    return create


@pytest.fixture
def new_queue(send):
    return lambda **fields: send(**fields).ok()["review_queue"]


@pytest.fixture
def queue(new_queue):
    return new_queue()["queue_id"]


@pytest.fixture
def schemas(api, experiment):
    def create(name):
        body = {"experiment_id": experiment, "name": name, "type": "FEEDBACK", "input": THUMBS}
        made = api.post(V3 + "label-schemas/create", body).ok()["label_schema"]
        return made["schema_id"]

    return sorted(create(name) for name in "ab")


def get(api, queue):
    return api.get(ROOT + "get", queue_id=queue).ok()["review_queue"]


def test_create_answers_the_queue(api, experiment, new_queue, schemas):
    shown = new_queue(
        name=" My Queue ",
        users=["Bob ", "al", "bob"],
        schema_ids=[schemas[1], schemas[0], " " + schemas[1]],
        created_by="somebody",
    )
    assert re.fullmatch("rq-[0-9a-f]{32}", shown["queue_id"])
    assert abs(shown["creation_time_ms"] - time.time() * 1000) < 600_000
    assert shown == {
        "queue_id": shown["queue_id"],
        "experiment_id": experiment,
        "name": "My Queue",
        "queue_type": "CUSTOM",
        "creation_time_ms": shown["creation_time_ms"],
        "last_update_time_ms": shown["creation_time_ms"],
        "users": ["al", "bob"],
        "schema_ids": schemas,
    }
    assert get(api, shown["queue_id"]) == shown
    by_name = api.get(ROOT + "get-by-name", experiment_id=experiment, name="MY QUEUE")
    assert by_name.ok()["review_queue"] == shown


def test_names_are_taken_whatever_their_case(new_queue, send):
    new_queue(name="Über Q")
    send(name="ÜBER q").refused(
        400,
        "RESOURCE_ALREADY_EXISTS",
        "Review queue with name 'ÜBER q' already exists (names are case-insensitive).",
    )


def test_a_users_queue(api, experiment, new_queue, send, schemas):
    shown = new_queue(name=" Al@X ", queue_type="USER")
    assert (shown["name"], shown["users"]) == ("al@x", ["al@x"])
    assert "schema_ids" not in shown and "created_by" not in shown
    assert new_queue(name="v", queue_type=1, users=["V"])["users"] == ["v"]
    send(name="w", queue_type="USER", users=["x"]).invalid(
        "A user queue must have exactly one assigned user equal to its name; got name='w' and users=['x']."
    )
    send(name="w", queue_type="USER", schema_ids=schemas).invalid(
        "A user queue cannot have explicitly-attached schemas; it resolves to all of the "
        "experiment's label schemas."
    )
    message = (
        "A user queue's name, assigned user, schemas, and owner are fixed and cannot be updated."
    )
    api.post(ROOT + "update", queue_id=shown["queue_id"]).invalid(message)
    assert new_queue(name="default", queue_type="USER")["name"] == "default"


def test_get_or_create_user(api, experiment, new_queue):
    def ask(user, experiment_id=experiment):
        return api.post(ROOT + "get-or-create-user", experiment_id=experiment_id, user=user)

    shown = ask(" Carl ").ok()["review_queue"]
    assert (shown["name"], shown["created_by"], shown["users"]) == ("carl", "carl", ["carl"])
    assert shown["queue_type"] == "USER"
    assert ask("carl").ok()["review_queue"] == shown
    new_queue(name="Taken")
    ask("taken").refused(
        400,
        "RESOURCE_ALREADY_EXISTS",
        "A non-user queue named 'taken' already exists; cannot get-or-create a user queue with that name.",
    )
    ask("  ").invalid("`name` must be a non-empty string; got ''.")
    ask("x", "99999999").absent("No Experiment with id=99999999 exists")
    ask("").missing("user")
    api.post(ROOT + "get-or-create-user", user="x").missing("experiment_id")


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"queue_type": None}, "`queue_type` must be one of USER or CUSTOM; got proto enum value 0."),
        ({"queue_type": "BOGUS"}, "`queue_type` must be one of USER or CUSTOM; got proto enum value 0."),
        ({"name": "  "}, "`name` must be a non-empty string; got ''."),
        ({"name": "Default"}, "`Default` is a reserved queue name and cannot be used for a custom queue."),
        ({"name": "x" * 251}, "`name` must be at most 250 characters; got 251."),
        ({"users": [""]}, "`user` must be a non-empty string; got ''."),
        ({"users": ["x" * 251]}, "`user` must be at most 250 characters; got 251."),
        ({"users": [str(n) for n in range(11)]}, "A review queue can have at most 10 assigned users; got 11."),
        ({"schema_ids": ["nope"]}, "Label schema id(s) ['nope'] not found for experiment '"),
        ({"schema_ids": [""]}, "`schema_id` must be a non-empty string; got ''."),
        ({"schema_ids": ["x" * 37]}, "`schema_id` must be at most 36 characters; got 37."),
        ({"experiment_id": "abc"}, "Invalid experiment ID 'abc'."),
    ],
)  # fmt: skip
def test_create_refuses(send, fields, message):
    send(**fields).invalid(message)


def test_create_refuses_more(api, send, deleted_experiment, schemas, unique):
    for field in ("name", "experiment_id"):
        send(**{field: None}).missing(field)
        send(**{field: 5}).wrong_type(field, "5", "int")
    for unknown in ("99999999", deleted_experiment):
        send(experiment_id=unknown).absent(f"No Experiment with id={unknown} exists")
    other = api.post("experiments/create", name=unique()).ok()["experiment_id"]
    send(experiment_id=other, schema_ids=schemas).invalid(
        f"Label schema id(s) {schemas} not found for experiment '{other}'."
    )


def test_an_unknown_queue(api, experiment):
    message = "Review queue with id 'rq-nope' not found."
    api.get(ROOT + "get", queue_id="rq-nope").absent(message)
    api.post(ROOT + "update", queue_id="rq-nope").absent(message)
    api.get(ROOT + "items/list", queue_id="rq-nope").absent(message)
    for call in ("items/add", "items/remove"):
        api.post(ROOT + call, queue_id="rq-nope", item_ids=["x"]).absent(message)
    api.post(
        ROOT + "items/set-status", queue_id="rq-nope", item_id="x", status="COMPLETE", completed_by="a"
    ).absent(message)
    assert api.post(ROOT + "delete", queue_id="rq-nope").ok() == {}
    api.get(ROOT + "get-by-name", experiment_id=experiment, name="nope").absent(
        f"Review queue with name 'nope' not found for experiment '{experiment}'."
    )
    for call in ("update", "delete", "items/add", "items/remove", "items/set-status"):
        api.post(ROOT + call).missing("queue_id")
    for call in ("get", "items/list"):
        api.get(ROOT + call).missing("queue_id")


def test_items_are_added_once(api, experiment, queue, traces):
    one, two = traces.new(experiment), traces.new(experiment)
    items = api.post(ROOT + "items/add", queue_id=queue, item_ids=[two, f" {one} ", two]).ok()["items"]
    assert [item["item_id"] for item in items] == [two, one]
    assert items[0] == {
        "queue_id": queue,
        "item_type": "TRACE",
        "item_id": two,
        "status": "PENDING",
        "creation_time_ms": items[0]["creation_time_ms"],
        "last_update_time_ms": items[0]["creation_time_ms"],
    }
    again = api.post(ROOT + "items/add", queue_id=queue, item_ids=[two], item_type="TRACE").ok()
    assert again["items"] == items[:1]


def test_only_traces_of_the_experiment_are_added(api, experiment, queue, traces, unique):
    other = api.post("experiments/create", name=unique()).ok()["experiment_id"]
    here, there = traces.new(experiment), traces.new(other)
    for wrong in (there, "tr-nope"):
        api.post(ROOT + "items/add", queue_id=queue, item_ids=[wrong, here]).absent(
            f"Cannot attach trace(s) ['{wrong}'] to review queue '{queue}': "
            f"they do not exist in experiment '{experiment}'."
        )
    assert api.get(ROOT + "items/list", queue_id=queue).ok() == {"next_page_token": ""}


def test_items_refuse_bad_input(api, queue):
    for call in ("items/add", "items/remove"):
        for none in ({}, {"item_ids": []}):
            api.post(ROOT + call, queue_id=queue, **none).invalid(
                "`item_ids` must be a non-empty list; got []."
            )
        api.post(ROOT + call, queue_id=queue, item_ids=[""]).invalid(
            "`item_id` must be a non-empty string; got ''."
        )
        api.post(ROOT + call, queue_id=queue, item_ids=["x" * 51]).invalid(
            "`item_id` must be at most 50 characters; got 51."
        )


@pytest.fixture
def item(api, experiment, queue, traces):
    trace = traces.new(experiment)
    api.post(ROOT + "items/add", queue_id=queue, item_ids=[trace]).ok()
    return trace


def test_what_becomes_of_an_item(api, queue, item):
    def status(status, **fields):
        body = {"queue_id": queue, "item_id": item, "status": status} | fields
        return api.post(ROOT + "items/set-status", body)

    time.sleep(0.01)
    status("COMPLETE").invalid("`completed_by` is required when setting status to `complete`.")
    done = status("COMPLETE", completed_by=" Bob ").ok()["item"]
    assert done["completed_by"] == "bob"
    assert done["completed_time_ms"] == done["last_update_time_ms"] > done["creation_time_ms"]
    assert status(2, completed_by="al").ok()["item"] == done
    declined = status("DECLINED", completed_by="al", item_id=f" {item} ").ok()["item"]
    assert (declined["status"], declined["completed_by"]) == ("DECLINED", "al")
    status("PENDING", completed_by="al").invalid(
        "`completed_by` must not be set when reopening an item to `pending`."
    )
    opened = status("PENDING").ok()["item"]
    assert opened["status"] == "PENDING"
    assert not {"completed_by", "completed_time_ms"} & set(opened)


def test_set_status_refuses_bad_input(api, queue, item):
    def status(**fields):
        return api.post(ROOT + "items/set-status", queue_id=queue, **({"item_id": item} | fields))

    for wrong in ({}, {"status": "BOGUS"}, {"status": 9}):
        status(**wrong).invalid(
            "`status` must be one of PENDING, COMPLETE, or DECLINED; got proto enum value 0."
        )
    status(item_id="", status="COMPLETE").missing("item_id")
    status(status="COMPLETE", completed_by="  ").invalid("`completed_by` is required")
    status(status="COMPLETE", completed_by="x" * 251).invalid(
        "`completed_by` must be at most 250 characters; got 251."
    )
    status(item_id="tr-nope", status="COMPLETE", completed_by="a").absent(
        f"Item 'tr-nope' is not attached to review queue '{queue}'."
    )


def test_items_are_listed(api, experiment, queue, traces):
    made = []
    for _ in range(3):
        made.insert(0, traces.new(experiment))
        api.post(ROOT + "items/add", queue_id=queue, item_ids=made[:1]).ok()
        time.sleep(0.005)
    body = {"queue_id": queue, "item_id": made[1], "status": "COMPLETE", "completed_by": "a"}
    api.post(ROOT + "items/set-status", body).ok()

    def ask(**fields):
        return api.get(ROOT + "items/list", queue_id=queue, **fields)

    def ids(page):
        return [item["item_id"] for item in page.get("items", [])]

    assert ids(ask().ok()) == made
    assert ids(ask(status="COMPLETE").ok()) == made[1:2]
    assert ids(ask(status="PENDING").ok()) == [made[0], made[2]]
    assert ask(status="DECLINED").ok() == {"next_page_token": ""}
    page = ask(max_results=2).ok()
    assert ids(page) == made[:2]
    assert json.loads(base64.b64decode(page["next_page_token"])) == {"offset": 2}
    page = ask(max_results=2, page_token=page["next_page_token"]).ok()
    assert ids(page) == made[2:] and page["next_page_token"] == ""
    for bad in (0, 50001):
        ask(max_results=bad).invalid("max_results must be between 1 and 50000.")
    ask(max_results="x").wrong_type("max_results", '"x"', "str")
    ask(page_token="junk").invalid("Invalid page token")
    assert api.post(ROOT + "items/remove", queue_id=queue, item_ids=[made[0], "tr-x"]).ok() == {}
    assert ids(ask().ok()) == made[1:]


def test_update(api, experiment, new_queue, schemas):
    before = new_queue(name="Old", users=["a"])
    new_queue(name="Taken")
    time.sleep(0.01)

    def update(**fields):
        return api.post(ROOT + "update", queue_id=before["queue_id"], **fields)

    assert update().ok()["review_queue"] == before
    assert update(users=["z"], schema_ids=schemas).ok()["review_queue"] == before
    shown = update(
        update_users=True,
        users=["Zed", "b"],
        update_schema_ids=True,
        schema_ids=schemas,
        name=" New ",
        new_owner=" Al ",
    ).ok()["review_queue"]
    assert shown["last_update_time_ms"] > before["last_update_time_ms"]
    assert shown == before | {
        "name": "New",
        "created_by": "Al",
        "users": ["b", "zed"],
        "schema_ids": schemas,
        "last_update_time_ms": shown["last_update_time_ms"],
    }
    assert get(api, before["queue_id"]) == shown
    assert update(name="nEW").ok()["review_queue"]["name"] == "nEW"
    emptied = update(update_users=True, update_schema_ids=True).ok()["review_queue"]
    assert not {"users", "schema_ids"} & set(emptied)
    update(name="taken").refused(400, "RESOURCE_ALREADY_EXISTS", "Review queue with name 'taken'")
    update(name="").invalid("`name` must be a non-empty string; got ''.")
    update(name="default").invalid("`default` is a reserved queue name")
    update(new_owner="").invalid("`new_owner` must be a non-empty string; got ''.")
    update(new_owner="x" * 251).invalid("`new_owner` must be at most 250 characters; got 251.")
    update(update_schema_ids=True, schema_ids=["nope"]).invalid("Label schema id(s) ['nope']")


def test_questions_are_fixed_while_items_lie_there(api, queue, item, schemas):
    def update():
        return api.post(ROOT + "update", queue_id=queue, update_schema_ids=True, schema_ids=schemas)

    update().invalid(
        "A review queue's questions are locked once items are assigned to it. "
        "Remove the items before changing its questions."
    )
    api.post(ROOT + "items/remove", queue_id=queue, item_ids=[item]).ok()
    assert update().ok()["review_queue"]["schema_ids"] == schemas


def test_queues_are_listed(api, experiment, new_queue, traces, deleted_experiment):
    path = ROOT + "list"
    made = {}
    for name, users in (("a", ["x"]), ("b", ["x", "y"]), ("c", [])):
        made[name] = new_queue(name=name, users=users)
        time.sleep(0.005)
    trace = traces.new(experiment)
    api.post(ROOT + "items/add", queue_id=made["b"]["queue_id"], item_ids=[trace]).ok()

    def ask(**fields):
        return api.get(path, experiment_id=experiment, **fields)

    def names(page):
        return [queue["name"] for queue in page.get("review_queues", [])]

    page = ask().ok()
    assert page == {"review_queues": [made["c"], made["b"], made["a"]], "next_page_token": ""}
    assert names(ask(user=" X ").ok()) == ["b", "a"]
    assert names(ask(item_id=trace).ok()) == ["b"]
    assert ask(user="y", item_id="tr-nope").ok() == {"next_page_token": ""}
    page = ask(max_results=2).ok()
    assert names(page) == ["c", "b"]
    assert names(ask(max_results=2, page_token=page["next_page_token"]).ok()) == ["a"]
    for bad in (0, 50001):
        ask(max_results=bad).invalid("max_results must be between 1 and 50000.")
    ask(page_token="junk").invalid("Invalid page token")
    api.get(path).missing("experiment_id")
    api.get(path, experiment_id=deleted_experiment).absent("No Experiment with id=")


def test_delete_takes_what_lies_there(api, experiment, queue, item, new_queue):
    assert api.post(ROOT + "delete", queue_id=queue).ok() == {}
    api.get(ROOT + "get", queue_id=queue).absent(f"Review queue with id '{queue}' not found.")
    assert api.get(ROOT + "list", experiment_id=experiment, item_id=item).ok() == {"next_page_token": ""}
    new_queue()
