"""A server without workspaces: what it answers to those who ask for one."""

import pytest

MISSING = "Workspace APIs are not available: workspaces are not enabled on this server"


def refused(answer, message):
    """The reference answers 500 and 503 here, which its clients would ask again for minutes."""
    assert answer.status == 400, answer
    assert answer.json["error_code"] == "FEATURE_DISABLED"
    assert answer.json["message"] == message


@pytest.mark.parametrize("workspace", ["default", "team-a"])
def test_a_workspace_in_the_header_is_refused(api, is_reference, workspace):
    answer = api.send("GET", "experiments/get", params={"experiment_id": "0"},
                      headers={"X-MLFLOW-WORKSPACE": workspace})
    if is_reference:
        assert answer.status == 500
        assert answer.json["message"] == MISSING
    else:
        refused(answer, MISSING)


def test_server_info_answers_whatever_the_header_says(api):
    answer = api.send("GET", "/api/3.0/mlflow/server-info",
                      headers={"X-MLFLOW-WORKSPACE": "team-a"})
    assert answer.ok()["workspaces_enabled"] is False


def test_an_empty_header_is_none(api):
    api.send("GET", "experiments/get", params={"experiment_id": "0"},
             headers={"X-MLFLOW-WORKSPACE": ""}).ok()


@pytest.mark.parametrize("method, path", [
    ("GET", "workspaces"), ("POST", "workspaces"), ("GET", "workspaces/default"),
    ("PATCH", "workspaces/default"), ("DELETE", "workspaces/default"),
])
def test_the_endpoints_say_that_they_are_off(api, is_reference, method, path):
    answer = api.send(method, "/api/3.0/mlflow/" + path, json={})
    sentence = ("disabled because the server is running without workspaces support. To enable "
                "workspace, run `mlflow server` with `--enable-workspaces`")
    if is_reference:
        assert answer.status == 503
        assert sentence in answer.text
    else:
        refused(answer, f"Endpoint: /api/3.0/mlflow/{path} {sentence}")
