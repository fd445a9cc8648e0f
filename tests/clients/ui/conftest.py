"""A lab with MLflow's own web UI in it, filled by the real client, and a browser that watches every
request and the console while a test walks over the pages."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from filled import Filled  # noqa: E402
from own_lab import OwnLab  # noqa: E402
from real_clients import client_environment  # noqa: E402

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

# What the pages remember of a person's choices is forgotten before each test. The assistant's panel
# opens by itself on a first visit and covers part of the page; it stays shut.
FRESH = """
localStorage.clear();
localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');
localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false');"""


class Watch:
    """What went wrong on a page: refused requests, failed ones, errors of the page's own code."""

    def __init__(self, page, address):
        self.address = address
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
        if response.status < 400:
            return
        for status, pattern in self.allowed:
            if status == response.status and re.search(pattern, path):
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
    folder = tmp_path_factory.mktemp("lab")
    with OwnLab(folder / "data", f"--mlflow-ui={sys.prefix}") as running:
        yield running
        running.stop()


@pytest.fixture(scope="session")
def filled(ui_lab, tmp_path_factory):
    """What the pages show; a client in a process of its own logs it, as a user's script does."""
    subprocess.run(
        [sys.executable, str(Path(__file__).parent / "filled.py"), ui_lab.mlflow_url],
        env=client_environment(ui_lab) | {"PYTHONPATH": ""},
        cwd=tmp_path_factory.mktemp("script"),
        check=True,
        timeout=300,
    )
    return Filled(ui_lab)


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
def tab(browser, ui_lab, filled):
    """One tab for all tests: MLflow's program is loaded once, as it is for a person."""
    tab = browser.new_page()
    tab.watch = Watch(tab, ui_lab.mlflow_url)
    tab.goto(f"{ui_lab.mlflow_url}/mlflow/")
    return tab


@pytest.fixture
def page(tab):
    def visit(route):
        tab.evaluate(FRESH + f"location.hash = '#/nowhere'; location.hash = {json.dumps('#' + route)}")

    tab.watch.begin()
    tab.visit = visit
    yield tab
    assert tab.watch.problems == []
