"""What the wire tests share: a base address, a small client, and things nobody else uses.

They speak to the server under test (fixture `lab`), or, when MLFLOW_REFERENCE_URL is set, to any
other server of the same API. Every test makes what it needs under a fresh name, so the tests run in
any order, beside each other, and against a server that has been used before.
"""

import json
import os
import uuid

import pytest
import requests


class Answer:
    """One answer of the server, with the two questions a test asks about it."""

    def __init__(self, response, is_reference):
        self.status = response.status_code
        self.headers = response.headers
        self.body = response.content
        self.text = response.text
        self._is_reference = is_reference

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.text[:500]}"

    def ok(self):
        assert self.status == 200, self
        return self.json

    def refused(self, status, code, message, reference_fails=False):
        """The answer is this error. With `reference_fails` the reference answers a server error to
        this mistake of the caller; the server under test has to say that it is the caller's.
        """
        if reference_fails and self._is_reference:
            assert self.status == 500, self
            return None
        assert self.status == status, self
        assert self.headers["Content-Type"].startswith("application/json"), self.headers
        error = self.json
        assert error["error_code"] == code, error
        assert message in error["message"], error
        if code != "NOT_IMPLEMENTED":
            assert set(error) >= {"sqlstate", "error_class"}, error
        return error["message"]

    def invalid(self, message, reference_fails=False):
        return self.refused(400, "INVALID_PARAMETER_VALUE", message, reference_fails)

    def missing(self, name):
        return self.invalid(
            f"Missing value for required parameter '{name}'. "
            "See the API docs for more information about request parameters."
        )

    def wrong_type(self, name, value, kind):
        return self.invalid(
            f"Invalid value {value} for parameter '{name}' supplied:  "
            f"Hint: Value was of type '{kind}'. "
            "See the API docs for more information about request parameters."
        )

    def absent(self, message):
        return self.refused(404, "RESOURCE_DOES_NOT_EXIST", message)


class Api:
    """Requests by the path below /api/2.0/mlflow/, or by a whole path when it starts with '/'."""

    def __init__(self, base, is_reference):
        self.base = base.rstrip("/")
        self.is_reference = is_reference
        self.session = requests.Session()

    def send(self, method, path, **rest):
        url = self.base + (path if path.startswith("/") else "/api/2.0/mlflow/" + path)
        response = self.session.request(method, url, timeout=60, **rest)
        return Answer(response, self.is_reference)

    def get(self, path, /, **params):
        return self.send("GET", path, params=params)

    def post(self, path, body=None, /, **fields):
        return self.send("POST", path, json=fields if body is None else body)

    def patch(self, path, /, **fields):
        return self.send("PATCH", path, json=fields)

    def delete(self, path, /, **fields):
        return self.send("DELETE", path, json=fields)

    def post_text(self, path, text, content_type="application/json"):
        headers = {} if content_type is None else {"Content-Type": content_type}
        data = text.encode() if isinstance(text, str) else text
        return self.send("POST", path, data=data, headers=headers)

    def new_run(self, experiment, **fields):
        fields.setdefault("start_time", 1)
        return self.post("runs/create", experiment_id=experiment, **fields).ok()["run"]["info"]

    def run_data(self, run):
        """{metrics: {key: value}, params: {..}, tags: {..}} of a run, without its name."""
        data = self.get("runs/get", run_id=run).ok()["run"]["data"]
        shown = {
            kind: {item["key"]: item.get("value") for item in data.get(kind, [])}
            for kind in ("metrics", "params", "tags")
        }
        shown["tags"].pop("mlflow.runName", None)
        return shown


@pytest.fixture
def is_reference():
    return bool(os.environ.get("MLFLOW_REFERENCE_URL"))


@pytest.fixture
def mlflow_url(request):
    return os.environ.get("MLFLOW_REFERENCE_URL") or request.getfixturevalue("lab").mlflow_url


@pytest.fixture
def api(mlflow_url, is_reference):
    return Api(mlflow_url, is_reference)


@pytest.fixture
def unique():
    return lambda prefix="name": f"{prefix}-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def experiment(api, unique):
    return api.post("experiments/create", name=unique("experiment")).ok()["experiment_id"]


@pytest.fixture
def run(api, experiment):
    return api.new_run(experiment)["run_id"]
