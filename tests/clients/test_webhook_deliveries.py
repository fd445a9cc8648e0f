"""Webhooks with MLflow's own client and a receiver of ours: what is sent, how it is signed, when it
is sent again, and where it never goes."""

import base64
import hashlib
import hmac
import http.server
import json
import sqlite3
import stat
import subprocess
import sys
import threading

import pytest
from conftest import Lab, clean_environment
from cryptography.fernet import Fernet
from mlflow import MlflowClient
from mlflow.entities.webhook import VALID_ENTITY_ACTIONS, WebhookEvent, WebhookStatus
from mlflow.exceptions import MlflowException
from own_lab import wait_until

LOCAL = {"MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true", "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https"}
ALL_EVENTS = [
    WebhookEvent(entity, action)
    for entity, actions in VALID_ENTITY_ACTIONS.items()
    for action in actions
]


class Receiver:
    """An HTTP server that notes what it is sent and answers what it is told."""

    def __init__(self):
        self.got = []
        self.answers = []  # (status, headers) for the next requests; then 200
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.path, dict(self.headers.items()), body))
                status, headers = receiver.answers.pop(0) if receiver.answers else (200, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"answered \xff")

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def events(self):
        return [json.loads(body) for _, _, body in self.got]

    def wait(self, count):
        wait_until(lambda: len(self.got) >= count)
        assert len(self.got) == count, self.events()
        return self.got


@pytest.fixture
def receiver():
    running = Receiver()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def open_lab(tmp_path_factory):
    """A lab whose webhooks may reach this machine."""
    running = Lab(tmp_path_factory.mktemp("webhooks") / "data", environment=LOCAL)
    yield running
    running.stop()


@pytest.fixture
def client(open_lab):
    made = MlflowClient(tracking_uri=open_lab.mlflow_url, registry_uri=open_lab.mlflow_url)
    yield made
    for webhook in made.list_webhooks():
        made.delete_webhook(webhook.webhook_id)


def test_the_client_manages_webhooks(client):
    made = client.create_webhook(
        "first", "http://127.0.0.1:1/", ["registered_model.created", "prompt_tag.set"], "about"
    )
    assert made.status == WebhookStatus.ACTIVE and made.description == "about"
    assert client.get_webhook(made.webhook_id).name == "first"
    changed = client.update_webhook(made.webhook_id, name="second", status="DISABLED")
    assert (changed.name, changed.status) == ("second", WebhookStatus.DISABLED)
    assert {str(event) for event in changed.events} == {
        "registered_model.created", "prompt_tag.set",
    }
    assert [one.name for one in client.list_webhooks(max_results=1)] == ["second"]
    client.delete_webhook(made.webhook_id)
    with pytest.raises(MlflowException, match="not found"):
        client.get_webhook(made.webhook_id)


def test_every_event_of_models(client, receiver, open_lab):
    client.create_webhook("all", receiver.url + "/all", ALL_EVENTS, secret="word")
    client.create_registered_model("m", tags={"team": "a"}, description="d")
    client.create_model_version("m", "s3://mlflow/m", description="first", tags={"k": "v"})
    client.set_model_version_tag("m", "1", "key", "value")
    client.delete_model_version_tag("m", "1", "key")
    client.set_registered_model_alias("m", "champion", "1")
    client.delete_registered_model_alias("m", "champion")
    # Nobody is told about these.
    client.set_registered_model_tag("m", "key", "value")
    client.delete_registered_model_tag("m", "key")
    client.update_model_version("m", "1", "other")
    client.delete_model_version("m", "1")
    client.delete_registered_model("m")
    receiver.wait(6)
    told = {(event["entity"], event["action"]): event["data"] for event in receiver.events()}
    assert told == {
        ("registered_model", "created"): {"name": "m", "tags": {"team": "a"}, "description": "d"},
        ("model_version", "created"): {
            "name": "m", "version": "1", "source": "s3://mlflow/m", "run_id": None,
            "tags": {"k": "v"}, "description": "first",
        },
        ("model_version_tag", "set"): {
            "name": "m", "version": "1", "key": "key", "value": "value",
        },
        ("model_version_tag", "deleted"): {"name": "m", "version": "1", "key": "key"},
        ("model_version_alias", "created"): {"name": "m", "alias": "champion", "version": "1"},
        ("model_version_alias", "deleted"): {"name": "m", "alias": "champion"},
    }


def test_every_event_of_prompts(client, receiver):
    client.create_webhook("all", receiver.url, ALL_EVENTS)
    client.register_prompt("p", "Hello {{name}}", commit_message="first", tags={"k": "v"})
    client.set_prompt_tag("p", "a", "b")
    client.delete_prompt_tag("p", "a")
    client.set_prompt_version_tag("p", "1", "c", "d")
    client.delete_prompt_version_tag("p", "1", "c")
    client.set_prompt_alias("p", "best", 1)
    client.delete_prompt_alias("p", "best")

    def events():
        # The client notes the experiment in a tag, from a thread of its own.
        return [e for e in receiver.events() if e["data"].get("key") != "_mlflow_experiment_ids"]

    wait_until(lambda: len(events()) >= 8)
    told = {(event["entity"], event["action"]): event["data"] for event in events()}
    assert len(events()) == 8
    assert told == {
        ("prompt", "created"): {"name": "p", "tags": {"k": "v"}, "description": "first"},
        ("prompt_version", "created"): {
            "name": "p", "version": "1", "template": "Hello {{name}}", "tags": {"k": "v"},
            "description": "first",
        },
        ("prompt_tag", "set"): {"name": "p", "key": "a", "value": "b"},
        ("prompt_tag", "deleted"): {"name": "p", "key": "a"},
        ("prompt_version_tag", "set"): {"name": "p", "version": "1", "key": "c", "value": "d"},
        ("prompt_version_tag", "deleted"): {"name": "p", "version": "1", "key": "c"},
        ("prompt_alias", "created"): {"name": "p", "alias": "best", "version": "1"},
        ("prompt_alias", "deleted"): {"name": "p", "alias": "best"},
    }


def test_what_is_refused_is_not_told(client, receiver):
    client.create_registered_model("taken")
    client.create_webhook("all", receiver.url, ALL_EVENTS)
    with pytest.raises(MlflowException):
        client.create_registered_model("taken")
    with pytest.raises(MlflowException):
        client.set_registered_model_alias("taken", "a", "9")
    client.create_registered_model("free")
    receiver.wait(1)
    assert receiver.events()[0]["data"]["name"] == "free"


def test_signature(client, receiver):
    webhook = client.create_webhook("signed", receiver.url, ["registered_model.created"], None, "wörd")
    client.create_registered_model("signed")
    ((_, headers, body),) = receiver.wait(1)
    content = f"{headers['X-MLflow-Delivery-Id']}.{headers['X-MLflow-Timestamp']}.".encode() + body
    digest = hmac.new("wörd".encode(), content, hashlib.sha256).digest()
    assert headers["X-MLflow-Signature"] == "v1," + base64.b64encode(digest).decode()
    assert headers["Content-Type"] == "application/json"
    client.update_webhook(webhook.webhook_id, secret="")
    assert client.test_webhook(webhook.webhook_id).success
    assert "X-MLflow-Signature" not in receiver.wait(2)[1][1]


def test_disabled_webhooks_are_not_told(client, receiver):
    off = client.create_webhook(
        "off", receiver.url + "/off", ["registered_model.created"], status="DISABLED"
    )
    client.create_webhook("on", receiver.url + "/on", ["registered_model.created"])
    client.create_registered_model("only-on")
    assert receiver.wait(1)[0][0] == "/on"
    client.update_webhook(off.webhook_id, status="ACTIVE")
    client.create_registered_model("both")
    assert {path for path, _, _ in receiver.wait(3)[1:]} == {"/on", "/off"}


def test_a_server_error_is_tried_again(client, receiver):
    client.create_webhook("retried", receiver.url, ["registered_model.created"])
    receiver.answers = [(500, {})]
    client.create_registered_model("retried")
    first, second = receiver.wait(2)
    assert first[1]["X-MLflow-Delivery-Id"] == second[1]["X-MLflow-Delivery-Id"]
    assert first[2] == second[2]


def test_a_client_error_is_not_tried_again(client, receiver):
    client.create_webhook("gone", receiver.url, ["registered_model.created"])
    receiver.answers = [(404, {})]
    client.create_registered_model("lost")
    receiver.wait(1)
    client.create_registered_model("heard")
    assert json.loads(receiver.wait(2)[1][2])["data"]["name"] == "heard"


def test_redirects_are_not_followed(client, receiver):
    webhook = client.create_webhook("moved", receiver.url, ["registered_model.created"])
    receiver.answers = [(302, {"Location": receiver.url + "/elsewhere"})]
    result = client.test_webhook(webhook.webhook_id)
    assert not result.success and result.response_status == 302
    assert "redirect" in result.error_message
    assert [path for path, _, _ in receiver.wait(1)] == ["/"]


def test_the_test_says_what_was_answered(client, receiver):
    webhook = client.create_webhook("tested", receiver.url, ["prompt_tag.set"], secret="word")
    result = client.test_webhook(webhook.webhook_id)
    assert result.success and result.response_status == 200
    assert result.response_body.startswith("answered")
    assert receiver.events()[0]["data"] == {
        "name": "example_prompt", "key": "example_key", "value": "example_value",
    }
    assert client.test_webhook(webhook.webhook_id, event="budget_policy.exceeded").success
    assert receiver.events()[1]["entity"] == "budget_policy"
    receiver.answers = [(404, {})]
    assert not client.test_webhook(webhook.webhook_id).success


def test_examples_are_the_ones_of_the_reference(client, receiver):
    from mlflow.webhooks.types import get_example_payload_for_event

    webhook = client.create_webhook("examples", receiver.url, ALL_EVENTS)
    for event in ALL_EVENTS:
        receiver.got.clear()
        assert client.test_webhook(webhook.webhook_id, event=event).success
        assert receiver.events()[0]["data"] == get_example_payload_for_event(event)


def test_a_dead_endpoint_holds_neither_requests_nor_the_shutdown(tmp_path):
    silent = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    # It listens and never accepts: connections stay in the backlog.
    lab = Lab(tmp_path / "data", environment=LOCAL)
    client = MlflowClient(tracking_uri=lab.mlflow_url, registry_uri=lab.mlflow_url)
    url = f"http://127.0.0.1:{silent.server_port}"
    for name in ("a", "b", "c"):
        client.create_webhook(name, url, ["registered_model.created"])
    for number in range(10):
        client.create_registered_model(f"m{number}")
    lab.stop()  # asserts a clean end in time
    silent.server_close()


def test_private_addresses_are_refused_unless_allowed(lab, receiver):
    client = MlflowClient(tracking_uri=lab.mlflow_url, registry_uri=lab.mlflow_url)
    with pytest.raises(MlflowException, match="Invalid webhook URL scheme: 'http'"):
        client.create_webhook("local", receiver.url, ["registered_model.created"])
    with pytest.raises(MlflowException, match="non-public IP address"):
        client.create_webhook("local", "https://127.0.0.1/", ["registered_model.created"])


def test_a_name_that_changed_its_address_is_refused_at_delivery(tmp_path, receiver):
    """The webhook was allowed when it was made; the address is judged again when it is reached."""
    lab = Lab(tmp_path / "data", environment=LOCAL)
    client = MlflowClient(tracking_uri=lab.mlflow_url, registry_uri=lab.mlflow_url)
    made = client.create_webhook("rebound", receiver.url, ["registered_model.created"])
    lab.environment = {"MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http"}
    lab.restart()
    client = MlflowClient(tracking_uri=lab.mlflow_url, registry_uri=lab.mlflow_url)
    result = client.test_webhook(made.webhook_id)
    assert not result.success and "address is not public" in result.error_message
    client.create_registered_model("unheard")
    wait_until(lambda: "webhook not told" in lab.log())
    assert receiver.got == []
    lab.environment = LOCAL | {"MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "https"}
    lab.restart()
    client = MlflowClient(tracking_uri=lab.mlflow_url, registry_uri=lab.mlflow_url)
    assert "scheme" in client.test_webhook(made.webhook_id).error_message
    assert receiver.got == []
    lab.stop()


def stored_secret(lab):
    with sqlite3.connect(lab.data_dir / "mlflow.db") as database:
        return database.execute("SELECT secret FROM webhooks").fetchone()[0]


def test_secrets_are_sealed_with_a_key_of_the_data_directory(tmp_path, receiver):
    lab = Lab(tmp_path / "data", environment=LOCAL)
    client = MlflowClient(tracking_uri=lab.mlflow_url, registry_uri=lab.mlflow_url)
    made = client.create_webhook("a", receiver.url, ["prompt.created"], secret="open-sesame")
    key_file = lab.data_dir / "webhooks.key"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert Fernet(key_file.read_text().strip()).decrypt(stored_secret(lab)) == b"open-sesame"
    lab.restart()
    client = MlflowClient(tracking_uri=lab.mlflow_url, registry_uri=lab.mlflow_url)
    assert client.test_webhook(made.webhook_id).success
    assert "X-MLflow-Signature" in receiver.got[0][1]
    client.create_registered_model("m")
    lab.stop()
    assert "open-sesame" not in lab.log()
    assert key_file.read_text().strip() not in lab.log()


def test_secrets_and_a_key_that_the_real_server_shares(tmp_path, receiver):
    key = Fernet.generate_key().decode()
    lab = Lab(
        tmp_path / "data", environment=LOCAL | {"MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": key}
    )
    client = MlflowClient(tracking_uri=lab.mlflow_url, registry_uri=lab.mlflow_url)
    made = client.create_webhook("a", receiver.url, ["prompt.created"], secret="open-sesame")
    assert Fernet(key).decrypt(stored_secret(lab)) == b"open-sesame"
    assert not (lab.data_dir / "webhooks.key").exists()
    lab.stop()
    script = (
        "from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore\n"
        f"webhook = SqlAlchemyStore('sqlite:///{lab.data_dir}/mlflow.db').get_webhook("
        f"'{made.webhook_id}')\n"
        "print(webhook.name, webhook.secret, *webhook.events)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script],
        env=clean_environment() | {"MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": key},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.split() == ["a", "open-sesame", "prompt.created"]
    lab.environment = LOCAL
    lab.restart()  # with another key
    client = MlflowClient(tracking_uri=lab.mlflow_url, registry_uri=lab.mlflow_url)
    result = client.test_webhook(made.webhook_id)
    assert not result.success and "another key" in result.error_message
    assert client.get_webhook(made.webhook_id).name == "a"
    assert receiver.got == []
    lab.stop()
