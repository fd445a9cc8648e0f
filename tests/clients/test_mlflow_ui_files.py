"""MLflow's front end as files: found, served below /mlflow/ with the API beside it, guarded."""

import re
import subprocess
import sys

import pytest
import requests
from mlflow.tracking import MlflowClient
from own_lab import OwnLab, binary


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    with OwnLab(folder / "data", f"--mlflow-ui={sys.prefix}") as running:
        yield running
        running.stop()


def test_the_page_and_all_it_refers_to(site):
    page = requests.get(site.mlflow_url + "/mlflow/", timeout=60)
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<title>MLflow</title>" in page.text
    names = re.findall(r'(?:href|src)="(?:\./)?(static-files/[^"]+)"', page.text)
    assert len(names) >= 4
    for name in names:
        below = requests.get(f"{site.mlflow_url}/mlflow/{name}", timeout=60)
        assert below.status_code == 200, name
        assert below.content == requests.get(f"{site.mlflow_url}/{name}", timeout=60).content
        kept = "immutable" in below.headers["Cache-Control"]
        assert kept == bool(re.search(r"\.[0-9a-f]{8}\.", name)), name
        again = requests.get(
            f"{site.mlflow_url}/mlflow/{name}",
            headers={"If-None-Match": below.headers["ETag"]},
            timeout=60,
        )
        assert (again.status_code, again.content) == (304, b"")


def test_the_root_leads_there(site):
    for path in ("/", "/mlflow"):
        answer = requests.get(site.mlflow_url + path, allow_redirects=False, timeout=60)
        assert (answer.status_code, answer.headers["Location"]) == (302, "mlflow/")


def test_clients_may_use_the_folder_as_their_address(site):
    client = MlflowClient(site.mlflow_url + "/mlflow")
    made = client.create_experiment("below")
    assert client.get_experiment(made).name == "below"
    assert requests.get(site.mlflow_url + "/mlflow/health", timeout=60).text == "OK"


def test_the_guard_stands_before_the_folder_too(site):
    def post(path, **headers):
        return requests.post(site.mlflow_url + path, json={}, headers=headers, timeout=60)

    for path in ("/mlflow/ajax-api/2.0/mlflow/runs/search", "/mlflow/graphql"):
        assert post(path, Origin="http://evil.example").status_code == 403
        assert post(path, Host="evil.example").status_code == 403
        assert post(path, Origin=site.mlflow_url).status_code != 403


def test_no_other_file_can_be_had(site):
    session = requests.Session()
    for path in (
        "/mlflow/static-files/../../handlers.py",
        "/mlflow/static-files/%2e%2e/%2e%2e/handlers.py",
        "/mlflow/static-files/..%2f..%2fhandlers.py",
        "/mlflow/static-files/%2fetc%2fpasswd",
    ):
        request = requests.Request("GET", site.mlflow_url).prepare()
        request.url = site.mlflow_url + path  # as it is, without tidying
        assert session.send(request, timeout=60).status_code == 404, path


def test_a_place_without_mlflow_is_refused_at_the_start(tmp_path):
    done = subprocess.run(
        [binary(), "up", "--ci", "--data-dir", str(tmp_path / "data"), "--mlflow-ui", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "pip install mlflow" in done.stderr
    assert "--mlflow-ui" in done.stderr
