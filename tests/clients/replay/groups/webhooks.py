"""Webhooks: their rules; deliveries have tests of their own."""

from steps import SLOW, Ours, delete, each, get, patch, post

EVENT = {"entity": "MODEL_VERSION", "action": "CREATED"}
URL = "https://example.com/hook"


def create(name, save=None, /, **fields):
    return post(name, "webhooks", fields, save={save: "webhook.webhook_id"} if save else {})


STEPS = [
    create("without name", url=URL, events=[EVENT]),
    create("without URL", name="hook", events=[EVENT]),
    create("without events", name="hook", url=URL),
    create("without any event", name="hook", url=URL, events=[]),
    create("of plain http", name="hook", url="http://example.com/hook", events=[EVENT]),
    create("of another scheme", name="hook", url="ftp://example.com/hook", events=[EVENT]),
    create("of no URL", name="hook", url="nothing", events=[EVENT]),
    create("of this machine", name="hook", url="https://127.0.0.1/hook", events=[EVENT]),
    create("of a private address", name="hook", url="https://10.0.0.1/hook", events=[EVENT]),
    *each(post, "webhooks", "name", ["a b", "-a", "a-", "a" * 63, "a" * 64, "", "한글", "a_b.c"], url="http://example.com/hook", events=[EVENT]),
    create("of an unknown entity", name="hook", url="http://example.com", events=[{"entity": "BOGUS", "action": "CREATED"}]),
    create("of an unfit action", name="hook", url="http://example.com", events=[{"entity": "MODEL_VERSION", "action": "SET"}]),
    create("nothing"),
    get("list", "webhooks"),
    *each(get, "webhooks", "max_results", [1, 0, -1, 1000, 1001, "x"]),
    get("a nonsense page", "webhooks", {"page_token": "xyz"}),
    get("an unknown one", "webhooks/00000000-0000-0000-0000-000000000000"),
    patch("change an unknown one", "webhooks/00000000-0000-0000-0000-000000000000", {"name": "x"}),
    delete("delete an unknown one", "webhooks/00000000-0000-0000-0000-000000000000"),
    post("test an unknown one", "webhooks/00000000-0000-0000-0000-000000000000/test"),
]

# What this server answers otherwise, and why.
OURS = {
    "of an unknown entity": Ours(SLOW, message="Invalid webhook entity. Valid entities are REGISTERED_MODEL, MODEL_VERSI"),
}
