"""What the web UI asks of features that are off: the pages stay quiet when it is told so."""

import pytest

EMPTY = [
    ("GET", "2.0/mlflow/gateway-proxy?gateway_path=api/2.0/endpoints/", {"endpoints": []}),
    ("POST", "2.0/mlflow/gateway-proxy", {"endpoints": []}),
    ("GET", "3.0/mlflow/mcp-servers", {"mcp_servers": [], "next_page_token": None}),
    ("GET", "3.0/mlflow/gateway/endpoints/list", {}),
    ("GET", "3.0/mlflow/gateway/secrets/list", {}),
    ("GET", "3.0/mlflow/gateway/budgets/list", {}),
    ("POST", "3.0/mlflow/ui-telemetry", {"status": "disabled"}),
    ("POST", "3.0/mlflow/demo/delete", {"features_deleted": [], "status": "deleted"}),
    ("POST", "3.0/jobs/search", {"jobs": []}),
    (
        "GET",
        "3.0/mlflow/ui-telemetry",
        {"disable_ui_telemetry": True, "disable_ui_events": [], "ui_rollout_percentage": 0},
    ),
    (
        "GET",
        "3.0/mlflow/assistant/config",
        {"providers": {}, "projects": {}, "remote_access_allowed": False},
    ),
]


@pytest.mark.parametrize("method, path, answer", EMPTY)
def test_a_feature_that_is_off_has_nothing_to_show(api, method, path, answer):
    body = {} if method == "POST" else None
    assert api.send(method, "/ajax-api/" + path, json=body).ok() == answer


def test_there_is_no_job(api):
    answer = api.get("/ajax-api/3.0/mlflow/jobs/some-job")
    answer.absent("Job with ID some-job not found")


def test_what_would_run_a_model_is_refused(api, is_reference):
    answer = api.post("/ajax-api/3.0/mlflow/scorer/invoke", {})
    if is_reference:
        assert answer.status >= 400
    else:
        answer.refused(501, "NOT_IMPLEMENTED", "scorer/invoke")
