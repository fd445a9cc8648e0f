"""Sends the steps of a group to a server and makes their answers comparable: ids, times, generated
names and addresses become words."""

import importlib
import json
import re
import time
from pathlib import Path

import requests

HERE = Path(__file__).parent
RECORDED = HERE / "recorded"
VARIABLE = re.compile(r"\{(\w+)\}")
PATTERNS = [
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b(m|tr|a|d|dr|iss|ls|rq)-[0-9a-f]{32}\b"), r"<\1-id>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<id>"),
    (re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"), "<time>"),
    (re.compile(r"^[a-z]+-[a-z]+-\d+$"), "<generated name>"),
]
LONG = re.compile(r"(.)\1{99,}", re.DOTALL)
PYTHON_SET = re.compile(r"\{('[^']*'(?:, '[^']*')*)\}")
DATABASE = "<words of the database>"
BETWEEN_STEPS_SECONDS = 0.002  # so that what is made later has a later time in milliseconds
TIMES = range(1_600_000_000_000, 4_000_000_000_000)
# Lists whose order nobody promises, and what tells their items apart.
UNORDERED = {
    "tags": "key",
    "params": "key",
    "metrics": "key",
    "aliases": "alias",
    "request_metadata": "key",
}
DIGEST = re.compile(r"[0-9a-f]{8}")  # of a dataset's name and the time


def group_names():
    return sorted(path.stem for path in (HERE / "groups").glob("*.py") if path.stem != "__init__")


def admin_password_of(group):
    """The password of "admin" on a server with users, which a group asks for; else None."""
    return getattr(importlib.import_module(f"groups.{group}"), "ADMIN_PASSWORD", None)


def lab_of(group, kind, data_dir):
    """A lab for the group, of a class that takes options and `environment`."""
    password = admin_password_of(group)
    if password is None:
        return kind(data_dir)
    return kind(data_dir, "--auth", "basic", environment={"MLFLOW_AUTH_ADMIN_PASSWORD": password})


def steps_of(group):
    module = importlib.import_module(f"groups.{group}")
    steps = module.STEPS
    names = [step.name for step in steps]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, f"{group} has several steps of one name: {twice}"
    for name, ours in getattr(module, "OURS", {}).items():
        assert name in names, f"OURS of {group} names {name!r}, which is no step"
        steps[names.index(name)].ours = ours
    return steps


def recording_of(group):
    return json.loads((RECORDED / f"{group}.json").read_text())


class Player:
    def __init__(self, base):
        self.base = base
        self.variables = {}
        self.session = requests.Session()
        self.session.trust_env = False

    def filled(self, value):
        if isinstance(value, str):
            return VARIABLE.sub(lambda found: str(self.variables.get(found[1], found[0])), value)
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if isinstance(value, dict):
            return {self.filled(key): self.filled(item) for key, item in value.items()}
        return value

    def play(self, step):
        path = self.filled(step.path)
        url = self.base + (path if path.startswith("/") else "/api/2.0/mlflow/" + path)
        rest = {"headers": self.filled(step.headers), "timeout": 60}
        if step.text is not None:
            text = self.filled(step.text)
            rest["data"] = text.encode() if isinstance(text, str) else text
        elif step.method == "GET":
            rest["params"] = self.filled(step.sent)
        elif step.sent is not None:
            rest["json"] = self.filled(step.sent)
        response = self.session.request(step.method, url, allow_redirects=False, **rest)
        if response.status_code >= 500:
            self.session.close()  # the reference may end the connection without saying so
        time.sleep(BETWEEN_STEPS_SECONDS)
        answer = self.comparable(step, response)
        for name, where in step.save.items():
            value = self.found(response, where)
            if value is not None:
                self.variables[name] = value
        return answer

    @staticmethod
    def found(response, where):
        try:
            value = response.json()
            for part in where.split("."):
                value = value[int(part)] if part.isdigit() else value[part]
            return value
        except (ValueError, KeyError, IndexError, TypeError):
            return None

    def comparable(self, step, response):
        kind = response.headers.get("Content-Type", "").split(";")[0] if response.content else ""
        if kind == "text/html" and step.path.startswith(("/api", "/ajax-api")):
            return {"status": response.status_code, "type": kind}
        try:
            body = self.normal(json.loads(response.content))
        except ValueError:
            body = self.normal(response.content.decode("utf-8", "replace")[:2000])
        return {"status": response.status_code, "type": kind, "body": body}

    def normal(self, value, name="", depth=0):
        if isinstance(value, dict):
            return {key: self.normal(item, key, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            items = [self.normal(item, "", depth + 1) for item in value]
            key = UNORDERED.get(name)
            # A list that is an answer of its own, as a metric's history, has an order.
            if key and depth > 1 and all(isinstance(item, dict) and key in item for item in items):
                items.sort(key=lambda item: json.dumps([item[key], item], sort_keys=True))
            return items
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            return value
        if isinstance(value, int):
            return "<time>" if value in TIMES else value
        for variable, saved in self.variables.items():
            # Numbers such as an experiment's id say the same on every server.
            if len(str(saved)) > 8:
                value = value.replace(str(saved), "{" + variable + "}")
        value = value.replace(self.base, "<server>")
        return normal_text(value, name)


def normal_text(value, name):
    if name == "message" and "(sqlite3." in value:
        return DATABASE
    if name == "digest" and DIGEST.fullmatch(value):
        return "<digest>"
    if name == "next_page_token" and len(value) > 40:
        return "<token>"
    if value.startswith(("{\"", "[{\"")):
        try:  # JSON inside a text, which the two servers space otherwise
            value = json.dumps(without_times(json.loads(value)), sort_keys=True, ensure_ascii=False)
        except ValueError:
            pass
    value = LONG.sub(lambda found: f"<{len(found[0])} times {found[1]}>", value)
    value = PYTHON_SET.sub(lambda found: "{" + ", ".join(sorted(found[1].split(", "))) + "}", value)
    for pattern, word in PATTERNS:
        value = pattern.sub(word, value)
    return value


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_times(item) for item in value]
    return "<time>" if isinstance(value, int) and value in TIMES else value


def text_of(answer):
    return json.dumps(answer, sort_keys=True, indent=1, ensure_ascii=False)


def expected(step, recording):
    """What this server has to answer: the recording, or what the step says of ours."""
    ours = step.ours
    if ours is None:
        return recording[step.name]
    if ours.same_as:
        return recording[ours.same_as]
    body = {"error_code": ours.code, "message": ours.message} if ours.body is None else ours.body
    kind = "application/json"
    if isinstance(body, str):
        kind = "text/html" if body.startswith("<!doctype") else "text/plain" if body else ""
    return {"status": ours.status, "type": kind, "body": body}


def agrees(step, answer, recording):
    wanted = expected(step, recording)
    if step.ours is None or step.ours.same_as or step.ours.body is not None:
        return text_of(without_database(answer, wanted)) == text_of(wanted)
    body = answer.get("body")
    return (
        answer["status"] == step.ours.status
        and isinstance(body, dict)
        and body.get("error_code") == step.ours.code
        and step.ours.message in body.get("message", "")
    )


def without_database(answer, wanted):
    """Another database has other words for its errors."""
    bodies = answer.get("body"), wanted.get("body")
    if all(isinstance(body, dict) and "message" in body for body in bodies):
        if bodies[1]["message"] == DATABASE:
            return {**answer, "body": {**bodies[0], "message": DATABASE}}
    return answer


def mismatches(group, base):
    """[(step, answer, wanted, problem)] of a group played against a server from its beginning."""
    recording = recording_of(group)
    player = Player(base)
    found = []
    for step in steps_of(group):
        answer = player.play(step)
        recorded = recording.get(step.name)
        if recorded is None:
            found.append((step, answer, None, "has not been recorded"))
        elif not agrees(step, answer, recording):
            found.append((step, answer, expected(step, recording), "differs"))
        elif step.ours is not None and text_of(answer) == text_of(recorded):
            found.append((step, answer, recorded, "agrees with the reference, but says it does not"))
    return found
