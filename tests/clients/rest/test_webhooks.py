"""Webhooks as the wire shows them: what they may be called, where they may point, how they are kept.
What is sent to them is tested in test_webhook_deliveries.py."""

import uuid

import pytest

CREATED = {"entity": "REGISTERED_MODEL", "action": "CREATED"}
TAG_SET = {"entity": "MODEL_VERSION_TAG", "action": "SET"}
URL = "https://8.8.8.8/hook"  # an address needs no name server


@pytest.fixture
def make(api, unique):
    made = []

    def create(**fields):
        body = {"name": unique("hook"), "url": URL, "events": [CREATED], **fields}
        made.append(api.post("webhooks", body).ok()["webhook"])
        return made[-1]

    yield create
    for webhook in made:
        api.delete(f"webhooks/{webhook['webhook_id']}")


def test_create_and_get(api, make, unique):
    name = unique("hook")
    webhook = make(name=name, description="about", events=[TAG_SET, CREATED], secret="word")
    assert str(uuid.UUID(webhook["webhook_id"])) == webhook["webhook_id"]
    assert webhook["creation_timestamp"] == webhook["last_updated_timestamp"]
    assert {key: webhook[key] for key in ("name", "description", "url", "status")} == {
        "name": name, "description": "about", "url": URL, "status": "ACTIVE",
    }
    assert sorted(event["entity"] for event in webhook["events"]) == [
        "MODEL_VERSION_TAG", "REGISTERED_MODEL",
    ]
    answer = api.get(f"webhooks/{webhook['webhook_id']}")
    assert answer.ok()["webhook"] == webhook
    assert "word" not in answer.text and "secret" not in answer.text


def test_optional_fields_are_absent(make):
    assert "description" not in make()
    assert make(status="DISABLED")["status"] == "DISABLED"


def test_the_same_name_twice(make):
    first = make()
    assert make(name=first["name"])["webhook_id"] != first["webhook_id"]


def test_update_changes_what_it_names(api, make):
    webhook = make(description="about")
    path = f"webhooks/{webhook['webhook_id']}"
    changed = api.patch(path, name="renamed", status="DISABLED").ok()["webhook"]
    assert changed["last_updated_timestamp"] >= webhook["last_updated_timestamp"]
    expected = dict(webhook, name="renamed", status="DISABLED")
    expected["last_updated_timestamp"] = changed["last_updated_timestamp"]
    assert changed == expected
    changed = api.patch(path, events=[TAG_SET], url="https://1.1.1.1/", description="").ok()
    assert changed["webhook"]["events"] == [TAG_SET]
    assert changed["webhook"]["url"] == "https://1.1.1.1/"
    assert "description" not in changed["webhook"]
    assert api.patch(path).ok()["webhook"]["name"] == "renamed"


def test_delete(api, make):
    webhook = make()
    path = f"webhooks/{webhook['webhook_id']}"
    assert api.delete(path).ok() == {}
    sentence = f"Webhook with ID {webhook['webhook_id']} not found."
    api.get(path).absent(sentence)
    api.delete(path).absent(sentence)
    api.patch(path, name="x").absent(sentence)
    api.post(path + "/test").absent(sentence)
    listed = api.get("webhooks", max_results=1000).ok().get("webhooks", [])
    assert webhook["webhook_id"] not in [one["webhook_id"] for one in listed]


def test_list_in_pages(api, make):
    made = {make()["webhook_id"] for _ in range(5)}
    found, token = [], None
    while True:
        more = {"page_token": token} if token else {}
        page = api.get("webhooks", max_results=2, **more).ok()
        assert len(page["webhooks"]) <= 2
        found += page["webhooks"]
        token = page.get("next_page_token")
        if not token:
            break
    ids = [webhook["webhook_id"] for webhook in found]
    assert len(ids) == len(set(ids)) and made <= set(ids)
    times = [webhook["creation_timestamp"] for webhook in found]
    assert times == sorted(times, reverse=True)
    assert all(webhook["events"] for webhook in found)


@pytest.mark.parametrize("number", [-1, 1001])
def test_page_sizes(api, number):
    api.get("webhooks", max_results=number).invalid("max_results must be between 1 and 1000.")


@pytest.mark.parametrize("name", ["a" * 64, "-a", "a.", "a b", "ü", "a/b"])
def test_bad_names(api, name):
    answer = api.post("webhooks", name=name, url=URL, events=[CREATED])
    answer.invalid("is invalid. It must start and end with a letter or digit")


@pytest.mark.parametrize("name", ["a", "A9", "a.b_c-d", "a" * 63])
def test_good_names(make, name):
    assert make(name=name)["name"] == name


@pytest.mark.parametrize(
    "url, sentence",
    [
        (" ", "Webhook URL cannot be empty or just whitespace: ' '"),
        ("http://8.8.8.8/", "Invalid webhook URL scheme: 'http'. Allowed schemes are: https."),
        ("8.8.8.8", "Invalid webhook URL scheme: ''. Allowed schemes are: https."),
        ("file:///etc/passwd", "Invalid webhook URL scheme: 'file'. Allowed schemes are: https."),
        ("https://", "Webhook URL must include a hostname: 'https://'"),
        ("https://127.0.0.1/", "'127.0.0.1' resolves to 127.0.0.1."),
        ("https://10.0.0.1/", "Webhook URL must not resolve to a non-public IP address."),
        ("https://169.254.169.254/latest", "must not resolve to a non-public IP address."),
        ("https://[::1]/", "must not resolve to a non-public IP address."),
        ("https://[::ffff:127.0.0.1]/", "must not resolve to a non-public IP address."),
        ("https://localhost:8443/", "must not resolve to a non-public IP address."),
    ],
)
def test_bad_urls(api, make, url, sentence):
    api.post("webhooks", name="a", url=url, events=[CREATED]).invalid(sentence)
    api.patch(f"webhooks/{make()['webhook_id']}", url=url).invalid(sentence)


def test_missing_fields(api):
    api.post("webhooks", url=URL, events=[CREATED]).missing("name")
    api.post("webhooks", name="a", events=[CREATED]).missing("url")
    api.post("webhooks", name="a", url=URL).missing("events")


def test_words_may_be_numbers(make):
    made = make(events=[{"entity": 3, "action": 4}], status=2)
    assert made["events"] == [{"entity": "MODEL_VERSION_TAG", "action": "SET"}]
    assert made["status"] == "DISABLED"


def test_bad_events(api):
    wrong = {"entity": "PROMPT_TAG", "action": "CREATED"}
    api.post("webhooks", name="a", url=URL, events=[wrong]).invalid(
        "Invalid action 'created' for entity 'prompt_tag'. Valid actions are: ['deleted', 'set']"
    )
    answer = api.post("webhooks", name="a", url=URL, events=[{"entity": "X", "action": "SET"}])
    assert answer.status == 400 or api.is_reference, answer


def test_a_test_of_no_event(api, make):
    path = f"webhooks/{make()['webhook_id']}/test"
    api.post(path, event={"entity": "PROMPT", "action": "DELETED"}).invalid(
        "Invalid action 'deleted' for entity 'prompt'. Valid actions are: ['created']"
    )
