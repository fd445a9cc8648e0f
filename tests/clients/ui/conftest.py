"""A lab with MLflow's own web UI in it, filled by the real client, and a browser that watches every
request and the console while a test walks over the pages."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from filled import Filled  # noqa: E402
from own_lab import OwnLab  # noqa: E402
from real_clients import client_environment  # noqa: E402
from traced import Traced  # noqa: E402

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]
WAIT_MS = 30_000

# What MLflow's own server refuses as well when it has no accounts, and the question whether a name
# is free.
USUAL = [
    (404, r"/users/current$"),
    (404, r"/experiments/get-by-name$"),
    (501, r"/(gateway|assistant|mcp-servers|scorer)/"),
]


# A refused request is also a line of the console, and is judged as a request; the other is what
# Chromium says when a chart is drawn a frame late.
HARMLESS = ["Failed to load resource", "ResizeObserver loop completed"]

# What the pages remember of a person's choices is forgotten before each test. Two things open by
# themselves on a first visit and cover part of the page; they stay shut.
FRESH = """
localStorage.clear();
localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');
localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false');
localStorage.setItem('mlflow.detectIssues.guidanceShown_v1', 'true');"""


class Watch:
    """What went wrong on a page: refused requests, failed ones, errors of the page's own code."""

    def __init__(self, page, address):
        self.address = address
        self.known = set()  # what a test allowed; the page may ask again after its end
        self.begin()
        page.on("response", self._response)
        page.on("requestfailed", self._failed)
        page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        page.on("console", self._console)

    def begin(self):
        self.allowed = list(USUAL)
        self.problems = []

    def allow(self, status, path):
        self.allowed.append((status, path))

    def _response(self, response):
        path = response.url.split("?")[0]
        if response.status < 400 or (response.status, response.url) in self.known:
            return
        for status, pattern in self.allowed:
            if status == response.status and re.search(pattern, path):
                self.known.add((response.status, response.url))
                return
        self.problems.append(f"{response.status} {response.request.method} {response.url}")

    def _failed(self, request):
        # A page that is left aborts what it still waits for; links to other hosts have no answer.
        if request.url.startswith(self.address) and request.failure != "net::ERR_ABORTED":
            self.problems.append(f"{request.failure} {request.url}")

    def _console(self, message):
        if message.type == "error" and not any(each in message.text for each in HARMLESS):
            self.problems.append(f"console: {message.text}")


@pytest.fixture(scope="session")
def ui_lab(tmp_path_factory):
    """The lab under test, or the server that MLFLOW_REFERENCE_URL names."""
    reference = os.environ.get("MLFLOW_REFERENCE_URL")
    if reference:
        yield SimpleNamespace(mlflow_url=reference)
        return
    folder = tmp_path_factory.mktemp("lab")
    with OwnLab(folder / "data", f"--mlflow-ui={sys.prefix}") as running:
        yield running
        running.stop()


@pytest.fixture(scope="session")
def ui_address(ui_lab):
    """Where the pages begin; the reference has them at the root."""
    return ui_lab.mlflow_url + ("/mlflow/" if isinstance(ui_lab, OwnLab) else "/")


def run_script(name, lab, folder):
    """A client in a process of its own, as a user's script is."""
    subprocess.run(
        [sys.executable, str(Path(__file__).parent / name), lab.mlflow_url],
        env=client_environment(lab),
        cwd=folder,
        check=True,
        timeout=300,
    )


@pytest.fixture(scope="session")
def filled(ui_lab, tmp_path_factory):
    run_script("filled.py", ui_lab, tmp_path_factory.mktemp("script"))
    return Filled(ui_lab)


@pytest.fixture(scope="session")
def traced(ui_lab, tmp_path_factory):
    run_script("traced.py", ui_lab, tmp_path_factory.mktemp("script"))
    return Traced(ui_lab)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(tmp_path_factory.mktemp("browser")),
            executable_path=CHROMIUM,
            args=ARGUMENTS,
            viewport={"width": 1600, "height": 1000},
        )
        context.set_default_timeout(WAIT_MS)
        expect.set_options(timeout=WAIT_MS)
        yield context
        context.close()


@pytest.fixture(scope="session")
def tab(browser, ui_address):
    """One tab for all tests: MLflow's program is loaded once, as it is for a person."""
    tab = browser.new_page()
    tab.watch = Watch(tab, ui_address)
    tab.goto(ui_address)
    return tab


@pytest.fixture
def page(tab):
    def visit(route):
        tab.evaluate(FRESH + f"location.hash = '#/nowhere'; location.hash = {json.dumps('#' + route)}")

    tab.watch.begin()
    tab.visit = visit
    yield tab
    assert tab.watch.problems == []
