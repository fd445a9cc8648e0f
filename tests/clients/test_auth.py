"""Users, permissions and tokens, seen by MLflow's own clients and its own server."""

import base64
import json
import subprocess
import sys
import uuid

import mlflow
import pytest
import requests
from conftest import Lab, clean_environment
from mlflow.exceptions import MlflowException
from mlflow.server import get_app_client
from own_lab import RealServer, binary

ADMIN = ("admin", "a-password-of-ours")
ANN = ("ann", "ann-password-1")
BOB = ("bob", "bob-password-1")


def basic_lab(folder, *options):
    return Lab(
        folder, "--auth", "basic", *options,
        environment={"MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN[1]},
    )


@pytest.fixture(scope="module")
def open_lab(tmp_path_factory):
    """Who has no grant may read everything, as in a fresh MLflow."""
    with_users = basic_lab(tmp_path_factory.mktemp("open") / "data")
    add_users(with_users)
    yield with_users
    with_users.stop()


@pytest.fixture(scope="module")
def closed_lab(tmp_path_factory):
    """Who has no grant may do nothing."""
    with_users = basic_lab(
        tmp_path_factory.mktemp("closed") / "data", "--default-permission", "NO_PERMISSIONS"
    )
    add_users(with_users)
    yield with_users
    with_users.stop()


def add_users(lab):
    for name, password in (ANN, BOB):
        ask(lab, ADMIN, "POST", "/api/2.0/mlflow/users/create",
            json={"username": name, "password": password}).raise_for_status()


def ask(lab, user, method, path, **rest):
    if not path.startswith("/"):
        path = "/api/2.0/mlflow/" + path
    return requests.request(method, lab.mlflow_url + path, auth=user, timeout=60, **rest)


def answer(lab, user, method, path, **rest):
    response = ask(lab, user, method, path, **rest)
    assert response.status_code == 200, response.text
    return response.json()


def refused(lab, user, method, path, **rest):
    response = ask(lab, user, method, path, **rest)
    assert (response.status_code, response.text) == (403, "Permission denied"), response.text


def name(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def new_experiment(lab, user):
    body = {"name": name("experiment")}
    return answer(lab, user, "POST", "experiments/create", json=body)["experiment_id"]


def new_run(lab, user, experiment):
    body = {"experiment_id": experiment, "start_time": 1}
    return answer(lab, user, "POST", "runs/create", json=body)["run"]["info"]["run_id"]


def new_model(lab, user, **fields):
    body = {"name": name("model"), **fields}
    return answer(lab, user, "POST", "registered-models/create", json=body)[
        "registered_model"]["name"]


@pytest.fixture
def client_of(monkeypatch):
    def client(lab, user=None, token=None):
        for variable in ("USERNAME", "PASSWORD", "TOKEN"):
            monkeypatch.delenv(f"MLFLOW_TRACKING_{variable}", raising=False)
        if user:
            monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user[0])
            monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", user[1])
        if token:
            monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
        mlflow.set_tracking_uri(lab.mlflow_url)
        return mlflow.MlflowClient(lab.mlflow_url)

    return client


class TestLogin:
    def test_who_does_not_log_in_is_asked_to(self, open_lab):
        for path in ("experiments/search", "/", "/version", "/api/2.0/mlflow/nothing", "/graphql"):
            response = ask(open_lab, None, "GET", path)
            assert response.status_code == 401, path
            assert response.headers["WWW-Authenticate"] == 'Basic realm="mlflow"'
            assert response.text.startswith("You are not authenticated. Please see https://www.ml")

    def test_health_and_server_info_are_open(self, open_lab):
        assert ask(open_lab, None, "GET", "/health").text == "OK"
        info = ask(open_lab, None, "GET", "/api/3.0/mlflow/server-info")
        assert info.json()["workspaces_enabled"] is False
        assert ask(open_lab, None, "GET", "/api/3.0/mlflow/server-info/x").status_code == 401

    def test_a_wrong_password_is_refused_and_logged_without_it(self, open_lab):
        secret = name("wrong-secret")
        response = ask(open_lab, ("ann", secret), "GET", "experiments/search")
        assert response.status_code == 401
        log = open_lab.log()
        assert secret not in log
        assert base64.b64encode(f"ann:{secret}".encode()).decode() not in log
        assert f"failed login id={response.headers['x-request-id']} user=ann" in log

    def test_the_log_names_the_user_and_no_password(self, open_lab):
        response = ask(open_lab, ANN, "GET", "experiments/get?experiment_id=0")
        line = next(
            line for line in open_lab.log().splitlines() if response.headers["x-request-id"] in line
        )
        assert "user=ann" in line
        for _, password in (ADMIN, ANN, BOB):
            assert password not in open_lab.log()

    def test_current_user(self, open_lab):
        current = answer(open_lab, ANN, "GET", "/ajax-api/2.0/mlflow/users/current")
        assert current["is_basic_auth"] is True
        assert current["user"]["username"] == "ann"
        assert current["user"]["is_admin"] is False

    def test_without_auth_there_is_no_current_user(self, lab):
        assert ask(lab, None, "GET", "users/current").status_code == 404


class TestPermissions:
    def test_the_maker_manages_others_read(self, open_lab):
        experiment = new_experiment(open_lab, ANN)
        by_id = {"experiment_id": experiment}
        answer(open_lab, BOB, "GET", "experiments/get", params=by_id)
        refused(open_lab, BOB, "POST", "runs/create", json=by_id)
        refused(open_lab, BOB, "POST", "experiments/delete", json=by_id)
        refused(open_lab, BOB, "POST", "experiments/set-experiment-tag",
                json={**by_id, "key": "k", "value": "v"})
        answer(open_lab, ANN, "POST", "experiments/delete", json=by_id)
        answer(open_lab, ADMIN, "POST", "experiments/restore", json=by_id)

    def test_runs_follow_their_experiment(self, open_lab):
        run = new_run(open_lab, ANN, new_experiment(open_lab, ANN))
        metric = {"run_id": run, "key": "m", "value": 1.0, "timestamp": 1}
        answer(open_lab, ANN, "POST", "runs/log-metric", json=metric)
        answer(open_lab, BOB, "GET", "runs/get", params={"run_id": run})
        answer(open_lab, BOB, "GET", "metrics/get-history",
               params={"run_id": run, "metric_key": "m"})
        for path in ("runs/log-metric", "runs/log-batch", "runs/set-tag", "runs/delete"):
            refused(open_lab, BOB, "POST", path, json={**metric, "run_uuid": run})
        # What does not exist is refused like what may not be touched.
        refused(open_lab, BOB, "GET", "runs/get", params={"run_id": "0" * 32})
        assert ask(open_lab, ADMIN, "GET", "runs/get",
                   params={"run_id": "0" * 32}).status_code == 404

    def test_a_rule_looks_at_what_the_endpoint_will_use(self, open_lab):
        mine = new_run(open_lab, BOB, new_experiment(open_lab, BOB))
        others = new_run(open_lab, ANN, new_experiment(open_lab, ANN))
        tag = {"key": "k", "value": "v"}
        refused(open_lab, BOB, "POST", "runs/set-tag", json={**tag, "run_id": others})
        refused(open_lab, BOB, "POST", "runs/set-tag", json={**tag, "run_uuid": others})
        refused(open_lab, BOB, "POST", f"runs/set-tag?run_id={mine}",
                json={**tag, "run_id": others})
        refused(open_lab, BOB, "POST", "runs/set-tag",
                data=json.dumps(json.dumps({**tag, "run_id": others})),
                headers={"Content-Type": "application/json"})
        both = ask(open_lab, BOB, "POST", "runs/set-tag",
                   json={**tag, "run_id": others, "runId": mine})
        assert both.status_code in (400, 403)
        tags = answer(open_lab, ANN, "GET", "runs/get", params={"run_id": others})
        assert not any(t["key"] == "k" for t in tags["run"]["data"].get("tags", []))

    def test_registered_models(self, open_lab):
        model = new_model(open_lab, ANN)
        body = {"name": model}
        answer(open_lab, BOB, "GET", "registered-models/get", params=body)
        refused(open_lab, BOB, "PATCH", "registered-models/update",
                json={**body, "description": "x"})
        refused(open_lab, BOB, "POST", "model-versions/create",
                json={**body, "source": "s3://mlflow/x"})
        refused(open_lab, BOB, "DELETE", "registered-models/delete", json=body)
        answer(open_lab, ANN, "POST", "model-versions/create",
               json={**body, "source": "s3://mlflow/x"})
        renamed = name("renamed")
        answer(open_lab, ANN, "POST", "registered-models/rename",
               json={**body, "new_name": renamed})
        answer(open_lab, ANN, "PATCH", "registered-models/update",
               json={"name": renamed, "description": "still mine"})
        answer(open_lab, ANN, "DELETE", "registered-models/delete", json={"name": renamed})
        # A later model of that name is its maker's alone.
        answer(open_lab, BOB, "POST", "registered-models/create", json={"name": renamed})
        refused(open_lab, ANN, "DELETE", "registered-models/delete", json={"name": renamed})

    def test_prompts_are_granted_as_prompts(self, open_lab):
        tag = {"key": "mlflow.prompt.is_prompt", "value": "true"}
        prompt = new_model(open_lab, ANN, tags=[tag])
        held = answer(open_lab, ANN, "GET", "/api/3.0/mlflow/users/current/permissions")
        assert ("prompt", prompt, "MANAGE") in [
            (row["resource_type"], row["resource_pattern"], row["permission"])
            for row in held["permissions"]
        ]
        refused(open_lab, BOB, "POST", "registered-models/set-tag",
                json={"name": prompt, "key": "k", "value": "v"})

    def test_artifacts_follow_their_experiment(self, open_lab):
        experiment = new_experiment(open_lab, ANN)
        run = new_run(open_lab, ANN, experiment)
        path = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/a.txt"
        assert ask(open_lab, ANN, "PUT", path, data=b"text").status_code == 200
        assert ask(open_lab, BOB, "GET", path).content == b"text"
        refused(open_lab, BOB, "PUT", path, data=b"other")
        refused(open_lab, BOB, "DELETE", path)
        refused(open_lab, BOB, "DELETE", f"/api/2.0/mlflow-artifacts/artifacts/{experiment}")
        raw = open_lab.mlflow_url + path.replace(f"/{experiment}/", f"/%2531%2F..%2F{experiment}/")
        assert requests.put(raw, data=b"x", auth=BOB, timeout=60).status_code in (400, 403)
        refused(open_lab, BOB, "POST", "/ajax-api/2.0/mlflow/upload-artifact",
                params={"run_uuid": run, "path": "b.txt"}, data=b"x")
        assert ask(open_lab, BOB, "GET", "/get-artifact",
                   params={"run_id": run, "path": "a.txt"}).content == b"text"

    def test_logged_models(self, open_lab):
        experiment = new_experiment(open_lab, ANN)
        body = {"experiment_id": experiment, "name": "m"}
        refused(open_lab, BOB, "POST", "logged-models", json=body)
        made = answer(open_lab, ANN, "POST", "logged-models", json=body)
        path = "logged-models/" + made["model"]["info"]["model_id"]
        answer(open_lab, BOB, "GET", path)
        refused(open_lab, BOB, "PATCH", path, json={"status": "LOGGED_MODEL_READY"})
        refused(open_lab, BOB, "DELETE", path, json={})

    def test_webhooks_are_the_administrators(self, open_lab):
        refused(open_lab, ANN, "GET", "webhooks")
        refused(open_lab, ANN, "POST", "webhooks", json={"name": "w"})
        assert ask(open_lab, ADMIN, "GET", "webhooks").status_code in (200, 501)

    def test_a_denial_wins_over_the_default(self, open_lab):
        experiment = new_experiment(open_lab, ANN)
        grant = {"username": "bob", "resource_type": "experiment", "resource_id": experiment}
        answer(open_lab, ANN, "POST", "/api/3.0/mlflow/users/permissions/grant",
               json={**grant, "permission": "DENY"})
        refused(open_lab, BOB, "GET", "experiments/get", params={"experiment_id": experiment})
        shown = answer(open_lab, BOB, "POST", "experiments/search", json={"max_results": 1000})
        assert experiment not in [each["experiment_id"] for each in shown["experiments"]]
        answer(open_lab, ANN, "POST", "/api/3.0/mlflow/users/permissions/revoke", json=grant)
        answer(open_lab, BOB, "GET", "experiments/get", params={"experiment_id": experiment})


class TestReviews:
    def test_who_logged_in_owns_and_reviews(self, open_lab):
        experiment = new_experiment(open_lab, ANN)
        root = "/api/3.0/mlflow/"
        queue = answer(
            open_lab, ANN, "POST", root + "review-queues/create",
            json={"experiment_id": experiment, "name": name("q"), "queue_type": "CUSTOM",
                  "users": [ANN[0]], "created_by": BOB[0]},
        )["review_queue"]
        assert queue["created_by"] == ANN[0]
        trace = {
            "trace_id": "tr-" + uuid.uuid4().hex, "request_time": "2026-01-01T00:00:00Z",
            "trace_location": {
                "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}
            },
        }
        answer(open_lab, ANN, "POST", root + "traces", json={"trace": {"trace_info": trace}})
        item = {"queue_id": queue["queue_id"], "item_id": trace["trace_id"]}
        answer(open_lab, ANN, "POST", root + "review-queues/items/add",
               json={"queue_id": item["queue_id"], "item_ids": [item["item_id"]]})

        def review(status):
            body = {**item, "status": status, "completed_by": BOB[0]}
            return answer(open_lab, ANN, "POST", root + "review-queues/items/set-status",
                          json=body)["item"]

        assert review("COMPLETE")["completed_by"] == ANN[0]
        assert "completed_by" not in review("PENDING")


class TestClosed:
    def test_lists_show_only_what_may_be_read(self, closed_lab):
        mine = new_experiment(closed_lab, BOB)
        others = [new_experiment(closed_lab, ANN) for _ in range(5)]
        new_run(closed_lab, ANN, others[0])
        run = new_run(closed_lab, BOB, mine)
        shown = answer(closed_lab, BOB, "GET", "experiments/search", params={"max_results": 2})
        ids = [each["experiment_id"] for each in shown["experiments"]]
        assert mine in ids
        assert not set(ids) & set(others)
        runs = answer(closed_lab, BOB, "POST", "runs/search",
                      json={"experiment_ids": [mine, *others]})
        assert [each["info"]["run_id"] for each in runs["runs"]] == [run]
        assert answer(closed_lab, BOB, "POST", "runs/search",
                      json={"experiment_ids": others}).get("runs", []) == []
        assert answer(closed_lab, BOB, "POST", "runs/search",
                      json={"experimentIds": others}).get("runs", []) == []

    def test_pages_are_filled_up(self, closed_lab):
        mine = []
        for _ in range(3):
            new_model(closed_lab, ANN)
            mine.append(new_model(closed_lab, BOB))
            new_model(closed_lab, ANN)
        found, token = [], None
        for _ in range(20):
            page = answer(closed_lab, BOB, "GET", "registered-models/search",
                          params={"max_results": 2, **({"page_token": token} if token else {})})
            rows = page.get("registered_models", [])
            assert len(rows) <= 2
            found += [each["name"] for each in rows]
            token = page.get("next_page_token")
            if not token:
                break
        assert sorted(found) == sorted(mine)

    def test_logged_models_and_versions_are_filtered(self, closed_lab):
        hidden, shown = new_experiment(closed_lab, ANN), new_experiment(closed_lab, BOB)
        for user, experiment in ((ANN, hidden), (BOB, shown)):
            answer(closed_lab, user, "POST", "logged-models",
                   json={"experiment_id": experiment, "name": "m"})
        models = answer(closed_lab, BOB, "POST", "logged-models/search",
                        json={"experiment_ids": [hidden, shown]})["models"]
        assert [each["info"]["experiment_id"] for each in models] == [shown]
        model = new_model(closed_lab, ANN)
        answer(closed_lab, ANN, "POST", "model-versions/create",
               json={"name": model, "source": "s3://mlflow/x"})
        assert answer(closed_lab, BOB, "GET", "model-versions/search",
                      params={"filter": f"name='{model}'"}) == {}

    def test_nothing_is_read_without_a_grant(self, closed_lab):
        experiment = new_experiment(closed_lab, ANN)
        run = new_run(closed_lab, ANN, experiment)
        found = answer(closed_lab, ANN, "GET", "experiments/get",
                       params={"experiment_id": experiment})["experiment"]["name"]
        refused(closed_lab, BOB, "GET", "experiments/get", params={"experiment_id": experiment})
        refused(closed_lab, BOB, "GET", "experiments/get-by-name",
                params={"experiment_name": found})
        refused(closed_lab, BOB, "GET", "runs/get", params={"run_id": run})
        refused(closed_lab, BOB, "GET", "artifacts/list", params={"run_id": run})
        refused(closed_lab, BOB, "GET", "/api/2.0/mlflow-artifacts/artifacts/"
                                        f"{experiment}/{run}/artifacts/a")
        refused(closed_lab, BOB, "POST", "/api/3.0/mlflow/traces/search", json={
            "locations": [{"type": "MLFLOW_EXPERIMENT",
                           "mlflow_experiment": {"experiment_id": experiment}}]})

    def test_roles_open_what_they_hold(self, closed_lab):
        experiment = new_experiment(closed_lab, ANN)
        client = {"experiment_id": experiment}
        refused(closed_lab, BOB, "GET", "experiments/get", params=client)
        role = answer(closed_lab, ADMIN, "POST", "/api/3.0/mlflow/roles/create",
                      json={"name": name("readers"), "workspace": "default"})["role"]
        assert role["description"] is None
        assert role["permissions"] == []
        answer(closed_lab, ADMIN, "POST", "/api/3.0/mlflow/roles/permissions/add",
               json={"role_id": role["id"], "resource_type": "experiment",
                     "resource_pattern": experiment, "permission": "EDIT"})
        answer(closed_lab, ADMIN, "POST", "/api/3.0/mlflow/roles/assign",
               json={"role_id": role["id"], "username": "bob"})
        run = new_run(closed_lab, BOB, experiment)
        refused(closed_lab, BOB, "POST", "runs/delete", json={"run_id": run})
        answer(closed_lab, ADMIN, "DELETE", "/api/3.0/mlflow/roles/unassign",
               json={"role_id": role["id"], "username": "bob"})
        refused(closed_lab, BOB, "GET", "runs/get", params={"run_id": run})


class TestUsers:
    def test_only_administrators_make_and_delete_users(self, open_lab):
        body = {"username": name("user"), "password": "long enough pass"}
        refused(open_lab, ANN, "POST", "users/create", json=body)
        refused(open_lab, ANN, "GET", "/signup")
        refused(open_lab, ANN, "PATCH", "users/update-admin",
                json={"username": "ann", "is_admin": True})
        refused(open_lab, ANN, "DELETE", "users/delete", json={"username": "bob"})
        refused(open_lab, ANN, "GET", "users/get", params={"username": "bob"})
        refused(open_lab, ANN, "GET", "/sandbox/tokens")
        made = answer(open_lab, ADMIN, "POST", "users/create", json=body)["user"]
        assert made["username"] == body["username"]
        again = ask(open_lab, ADMIN, "POST", "users/create", json=body)
        assert again.json()["error_code"] == "RESOURCE_ALREADY_EXISTS"
        short = ask(open_lab, ADMIN, "POST", "users/create",
                    json={"username": "x", "password": "short"})
        assert short.json()["message"] == "Password must be at least 12 characters."
        answer(open_lab, ADMIN, "DELETE", "users/delete", json={"username": body["username"]})

    def test_a_user_changes_the_own_password_knowing_it(self, open_lab):
        user = (name("user"), "first password")
        answer(open_lab, ADMIN, "POST", "users/create",
               json={"username": user[0], "password": user[1]})
        change = {"username": user[0], "password": "second password"}
        refused(open_lab, ANN, "PATCH", "users/update-password", json=change)
        needs = ask(open_lab, user, "PATCH", "users/update-password", json=change)
        assert needs.json()["message"] == (
            "Current password is required when changing your own password.")
        wrong = ask(open_lab, user, "PATCH", "users/update-password",
                    json={**change, "current_password": "no"})
        assert wrong.json()["message"] == "Current password does not match."
        answer(open_lab, user, "PATCH", "users/update-password",
               json={**change, "current_password": user[1]})
        assert ask(open_lab, user, "GET", "users/current").status_code == 401
        answer(open_lab, (user[0], "second password"), "GET", "users/current")

    def test_the_sign_up_form(self, open_lab):
        page = ask(open_lab, ADMIN, "GET", "/signup").text
        token = page.split('name="csrf_token" value="')[1].split('"')[0]
        made = name("form")
        fields = {"username": made, "password": "long enough pass"}
        path = "/api/2.0/mlflow/users/create-ui"
        assert ask(open_lab, ADMIN, "POST", path, data=fields).status_code == 400
        created = ask(open_lab, ADMIN, "POST", path, data={**fields, "csrf_token": token})
        assert f"Successfully signed up user: {made}" in created.text
        answer(open_lab, (made, "long enough pass"), "GET", "users/current")

    def test_the_references_own_client(self, open_lab, client_of):
        client_of(open_lab, ADMIN)
        client = get_app_client("basic-auth", tracking_uri=open_lab.mlflow_url)
        user = client.create_user(name("user"), "long enough pass")
        assert client.get_user(user.username).id == user.id
        client.update_user_admin(user.username, True)
        assert client.get_user(user.username).is_admin is True
        client.update_user_admin(user.username, False)
        client.update_user_password(user.username, "another long pass")
        role = client.create_role("default", name("role"), "described")
        assert client.get_role(role.id).description == "described"
        permission = client.add_role_permission(role.id, "experiment", "*", "EDIT")
        assert client.update_role_permission(permission.id, "READ").permission == "READ"
        assert [p.id for p in client.list_role_permissions(role.id)] == [permission.id]
        client.assign_role(user.username, role.id)
        assert [r.id for r in client.list_user_roles(user.username)] == [role.id]
        assert [a.user_id for a in client.list_role_users(role.id)] == [user.id]
        assert role.id in [r.id for r in client.list_roles("default")]
        assert role.id in [r.id for r in client.list_all_roles()]
        client.grant_user_permission(user.username, "experiment", "0", "MANAGE")
        with pytest.raises(MlflowException, match="already exists"):
            client.grant_user_permission(user.username, "experiment", "0", "READ")
        found = client.get_user_permission(user.username, "experiment", "0")
        assert (found.allowed, found.permission) == (True, "MANAGE")
        client.revoke_user_permission(user.username, "experiment", "0")
        assert client.get_user_permission(user.username, "experiment", "0").permission == "READ"
        client.update_role(role.id, name=name("other"))
        client.remove_role_permission(permission.id)
        client.unassign_role(user.username, role.id)
        client.delete_role(role.id)
        with pytest.raises(MlflowException, match="not found"):
            client.get_role(role.id)
        client.delete_user(user.username)
        with pytest.raises(MlflowException, match="not found"):
            client.get_user(user.username)


class TestClients:
    def test_two_users_train_and_read(self, open_lab, client_of):
        client_of(open_lab, ANN)
        mlflow.set_experiment(name("experiment"))
        with mlflow.start_run() as run:
            mlflow.log_param("p", 1)
            mlflow.log_metric("m", 2.0)
            mlflow.log_text("hello", "a.txt")
        client = client_of(open_lab, BOB)
        assert client.get_run(run.info.run_id).data.metrics == {"m": 2.0}
        assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/a.txt") == "hello"
        with pytest.raises(MlflowException, match="Permission denied"):
            client.log_metric(run.info.run_id, "m", 3.0)

    def test_tokens(self, open_lab, client_of):
        token = command(open_lab, "token", "create", "--user", "ann", "--name", "ci",
                        "--days", "1").strip()
        client = client_of(open_lab, token=token)
        experiment = client.create_experiment(name("experiment"))
        assert client.get_experiment(experiment).lifecycle_stage == "active"
        assert token not in open_lab.log()
        kept = (open_lab.data_dir / "basic_auth.db").read_bytes()
        assert token.encode() not in kept
        listed = command(open_lab, "token", "list").splitlines()
        line = next(line for line in listed if "ann" in line and "ci" in line)
        command(open_lab, "token", "revoke", line.split()[0])
        with pytest.raises(MlflowException, match="not authenticated"):
            client.get_experiment(experiment)


def command(lab, *words, password=None):
    done = subprocess.run(
        [binary(), "auth", *words, "--data-dir", str(lab.data_dir)],
        env=clean_environment() | ({"MLOPS_SANDBOX_USER_PASSWORD": password} if password else {}),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class TestCommands:
    def test_users_from_the_command_line(self, open_lab):
        user = name("user")
        command(open_lab, "user", "add", user, password="long enough pass")
        assert user in command(open_lab, "user", "list")
        command(open_lab, "user", "passwd", user, password="another long pass")
        answer(open_lab, (user, "another long pass"), "GET", "users/current")
        command(open_lab, "user", "rm", user)
        assert user not in command(open_lab, "user", "list")

    def test_the_other_commands_work_on_a_lab_with_users(self, open_lab):
        for words in (["status"], ["api"], ["verify", "storage"]):
            done = subprocess.run(
                [binary(), *words, "--data-dir", str(open_lab.data_dir)],
                env=clean_environment(), capture_output=True, text=True, timeout=60,
            )
            assert done.returncode == 0, done.stdout + done.stderr


def start(*words, **variables):
    return subprocess.run(
        [binary(), *words], env=clean_environment() | variables, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60,
    )


class TestStart:
    def test_the_first_start_wants_a_password(self, tmp_path):
        done = start("up", "--ci", "--data-dir", str(tmp_path / "data"), "--auth", "basic")
        assert done.returncode == 2
        assert "MLFLOW_AUTH_ADMIN_PASSWORD" in done.stderr
        short = start("up", "--ci", "--data-dir", str(tmp_path / "data"), "--app-name",
                      "basic-auth", MLFLOW_AUTH_ADMIN_PASSWORD="short")
        assert "at least 12 characters" in short.stderr
        assert "short" not in short.stderr.replace("shorter", "")

    def test_other_machines_are_let_in_only_when_that_is_meant(self, tmp_path):
        done = start("up", "--ci", "--data-dir", str(tmp_path / "data"), "--host", "0.0.0.0")
        assert done.returncode == 2
        assert "--host 0.0.0.0 --insecure-no-auth" in done.stderr
        assert "--host 0.0.0.0 --auth basic" in done.stderr

    def test_later_starts_need_no_password(self, tmp_path):
        first = basic_lab(tmp_path / "data")
        first.stop()
        second = Lab(tmp_path / "data", "--auth", "basic")
        try:
            answer(second, ADMIN, "GET", "users/current")
        finally:
            second.stop()


class TestGuard:
    def test_frames_and_hosts_as_the_settings_say(self, tmp_path):
        evil = {"Host": "evil.example"}
        cases = [
            ([], 403, "SAMEORIGIN"),
            (["--x-frame-options", "deny"], 403, "DENY"),
            (["--x-frame-options", "NONE"], 403, None),
            (["--disable-security-middleware"], 200, None),
        ]
        for number, (options, status, frame) in enumerate(cases):
            lab = Lab(tmp_path / f"data{number}", *options)
            try:
                path = "experiments/get?experiment_id=0"
                shown = ask(lab, None, "GET", path, headers=evil)
                assert (shown.status_code, shown.headers.get("X-Frame-Options")) == (status, frame)
            finally:
                lab.stop()


class TestRealServer:
    def test_mlflow_itself_reads_our_users_and_we_its(self, tmp_path):
        ours = basic_lab(tmp_path / "data")
        add_users(ours)
        experiment = new_experiment(ours, ANN)
        ours.stop()
        config = tmp_path / "auth.ini"
        config.write_text(
            "[mlflow]\ndefault_permission = NO_PERMISSIONS\n"
            f"database_uri = sqlite:///{tmp_path / 'data' / 'basic_auth.db'}\n"
            "admin_username = admin\n"
        )
        with RealServer(
            sys.executable, tmp_path / "data" / "mlflow.db", tmp_path / "real",
            "--app-name", "basic-auth", MLFLOW_AUTH_CONFIG_PATH=str(config),
            MLFLOW_FLASK_SERVER_SECRET_KEY="for this test",
        ) as real:
            by_id = {"experiment_id": experiment}
            answer(real, ANN, "GET", "experiments/get", params=by_id)
            refused(real, BOB, "GET", "experiments/get", params=by_id)
            answer(real, ADMIN, "POST", "users/create",
                   json={"username": "cid", "password": "made by mlflow"})
            answer(real, ADMIN, "POST", "/api/3.0/mlflow/users/permissions/grant", json={
                "username": "cid", "resource_type": "experiment", "resource_id": experiment,
                "permission": "EDIT"})
        again = Lab(tmp_path / "data", "--auth", "basic")
        try:
            new_run(again, ("cid", "made by mlflow"), experiment)
            refused(again, BOB, "POST", "runs/create", json={"experiment_id": experiment})
        finally:
            again.stop()
