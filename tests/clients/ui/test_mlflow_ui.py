"""MLflow's own web UI, from the installed package, on this server: every page draws, says what was
logged, and asks nothing that is refused."""

import json
import re
from urllib.parse import quote

from playwright.sync_api import expect

LINE = "path.js-line[d*='L']"  # of a chart, through two points at least


def runs_page(page, filled):
    page.visit(f"/experiments/{filled.experiment}/runs")
    expect(page.get_by_role("link", name="middle", exact=True)).to_be_visible()


def row(page, number):
    """The link to the run in that row of the table."""
    return page.locator(f".ag-pinned-left-cols-container [row-index='{number}'] a").first


def test_home(filled, page):
    page.visit("/")
    expect(page.get_by_role("heading", name="Recent Experiments")).to_be_visible()
    expect(page.get_by_role("table").get_by_role("link", name="walk")).to_be_visible()
    expect(page).to_have_title("Home - MLflow")


def test_addresses_that_clients_print_lead_to_the_pages(filled, page, ui_lab, ui_address):
    run = filled.run("low")
    page.goto(f"{ui_lab.mlflow_url}/#/experiments/{filled.experiment}/runs/{run}")
    expect(page.get_by_role("heading", name="low")).to_be_visible()
    assert page.url.startswith(f"{ui_address}#/experiments/")
    expect(page).to_have_title(f"Run {run} - MLflow")


def test_experiments(filled, page):
    page.visit("/experiments")
    expect(page.get_by_role("cell", name="walk", exact=True)).to_be_visible()
    page.get_by_role("textbox", name="Search experiments").fill("wal")
    page.keyboard.press("Enter")
    expect(page.get_by_role("cell", name="Default", exact=True)).to_have_count(0)
    expect(page.get_by_role("cell", name="walk", exact=True)).to_be_visible()


def test_runs_table_sorted(filled, page):
    runs_page(page, filled)
    expect(row(page, 0)).to_have_text("to-delete")
    page.get_by_role("button", name="Sort: Created").click()
    page.get_by_role("menuitemcheckbox", name="accuracy").click()
    for number, name in enumerate(("high", "with-model", "middle")):
        expect(row(page, number)).to_have_text(name)
    page.get_by_role("button", name="Sort: accuracy").click()
    page.get_by_role("button", name="Sort ascending").click()
    expect(row(page, 0)).to_have_text("low")


def test_runs_filtered(filled, page):
    runs_page(page, filled)
    search = page.get_by_role("combobox", name=re.compile("metrics.rmse"))
    search.fill("metrics.accuracy > 0.5 AND params.layers = '3'")
    search.press("Enter")
    expect(page.get_by_role("link", name="middle", exact=True)).to_have_count(0)
    expect(page.get_by_role("link", name="high", exact=True)).to_be_visible()


def test_a_filter_that_is_none_is_explained(filled, page):
    runs_page(page, filled)
    page.watch.allow(400, r"/runs/search$")
    search = page.get_by_role("combobox", name=re.compile("metrics.rmse"))
    search.fill("metrics.accuracy >> 3")
    search.press("Enter")
    expect(page.get_by_role("heading", name="Request error")).to_be_visible()
    expect(page.get_by_text("Invalid comparator '>>'")).to_be_visible()


def test_columns(filled, page):
    runs_page(page, filled)
    page.get_by_role("button", name="Columns", exact=True).click()
    page.get_by_placeholder("Search columns").fill("loss")
    page.get_by_role("dialog").get_by_text("loss", exact=True).click()
    expect(page.get_by_role("columnheader", name="loss").first).to_be_visible()


def test_charts(filled, page):
    page.visit(f"/experiments/{filled.experiment}/runs?compareRunsMode=CHART")
    for name in ("accuracy", "loss"):
        card = page.get_by_test_id("experiment-view-compare-runs-card").filter(has_text=name)
        expect(card.locator(LINE).first).to_be_attached()


def test_compare(filled, page):
    runs = [filled.run("low"), filled.run("high")]
    page.visit(
        f"/compare-runs?runs={quote(json.dumps(runs))}&numRuns=2"
        f"&experiments={quote(json.dumps([filled.experiment]))}"
    )
    expect(page.get_by_text("Comparing 2 Runs from 1 Experiment")).to_be_visible()
    expect(page.get_by_role("link", name=runs[1])).to_be_visible()
    expect(page.locator(".js-plotly-plot .parcoords").first).to_be_visible()
    expect(page.get_by_text("learning_rate").first).to_be_visible()


def test_nested_runs(filled, page):
    runs_page(page, filled)
    expect(page.get_by_role("link", name="child-1")).to_have_count(0)
    parent = page.get_by_role("row").filter(has_text="parent")
    parent.get_by_role("button").first.click()
    expect(page.get_by_role("link", name="child-1")).to_be_visible()
    page.get_by_role("link", name="child-1").click()
    expect(page.get_by_role("link", name="parent")).to_be_visible()


def test_run_overview(filled, page):
    run = filled.run("low")
    page.visit(f"/experiments/{filled.experiment}/runs/{run}")
    expect(page.get_by_role("heading", name="low")).to_be_visible()
    for text in (run, "Finished", "team", "blue", "learning_rate", "layers", "loss", "accuracy"):
        expect(page.get_by_text(text).first).to_be_visible()
    expect(page.get_by_text("digits").first).to_be_visible()


def test_run_metrics(filled, page):
    page.visit(f"/experiments/{filled.experiment}/runs/{filled.run('low')}/model-metrics")
    for name in ("accuracy", "loss"):
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        expect(page.get_by_text(f"low ({name})")).to_be_attached()
    expect(page.locator(LINE).first).to_be_attached()


def test_an_unknown_run_is_explained(filled, page):
    page.visit(f"/experiments/{filled.experiment}/runs/0123456789abcdef0123456789abcdef")
    expect(
        page.get_by_text("Run ID 0123456789abcdef0123456789abcdef does not exist")
    ).to_be_visible()


def test_run_artifacts(filled, page):
    page.visit(f"/experiments/{filled.experiment}/runs/{filled.run('artifacts')}/artifacts")
    page.get_by_text("pictures").click()
    page.get_by_text("red.png").click()
    expect(page.locator("img[src*='red.png'], img[src^='blob:']").first).to_be_visible()
    page.get_by_text("notes").click()
    page.get_by_text("fox.txt").click()
    expect(page.get_by_text("the quick brown fox")).to_be_visible()
    page.get_by_text("page.html").click()
    expect(page.frame_locator("iframe").locator("#seen")).to_have_text("A page of HTML")
    page.get_by_text("table.json").click()
    expect(page.get_by_text("forty-two").first).to_be_visible()
    page.get_by_text("colours.json").click()
    expect(page.get_by_text("green").first).to_be_visible()
    page.get_by_text("cities.csv").click()
    expect(page.get_by_text("Seoul").first).to_be_visible()


def test_rename_a_run(filled, page):
    run = filled.run("to-rename")
    page.visit(f"/experiments/{filled.experiment}/runs/{run}")
    expect(page.get_by_role("heading", name="to-rename")).to_be_visible()
    page.get_by_role("button", name="Open header dropdown menu").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("renamed")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="renamed")).to_be_visible()
    assert filled.run("renamed") == run


def test_delete_and_restore_a_run(filled, page):
    run = filled.run("to-delete")

    def stage():
        return filled.get("runs/get", run_id=run)["run"]["info"]["lifecycle_stage"]

    def select_row():
        found = page.get_by_role("row").filter(has_text="to-delete")
        found.get_by_role("checkbox").first.click()

    runs_page(page, filled)
    select_row()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="to-delete")).to_have_count(0)
    assert stage() == "deleted"
    page.get_by_role("combobox", name="State, selected option: Active").click()
    page.get_by_role("option", name="Deleted").click()
    expect(page.get_by_role("link", name="to-delete")).to_be_visible()
    select_row()
    page.get_by_role("button", name="Restore").click()
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(page.get_by_role("link", name="to-delete")).to_have_count(0)
    assert stage() == "active"


def test_logged_models(filled, page):
    page.visit(f"/experiments/{filled.experiment}/models")
    expect(page.get_by_role("link", name="doubler", exact=True)).to_be_visible()
    expect(page.get_by_text("Ready").first).to_be_visible()


def test_logged_model(filled, page):
    page.visit(f"/experiments/{filled.experiment}/models/{filled.model}")
    expect(page.get_by_role("heading", name="doubler", exact=True)).to_be_visible()
    expect(page.get_by_text(filled.model).first).to_be_visible()
    expect(page.get_by_role("link", name="with-model").first).to_be_visible()
    expect(page.get_by_text("0.75").first).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("doubler-in-registry"))).to_be_visible()


def test_logged_model_artifacts(filled, page):
    page.visit(f"/experiments/{filled.experiment}/models/{filled.model}/artifacts")
    page.get_by_text("requirements.txt").click()
    expect(page.get_by_text("mlflow", exact=True).last).to_be_visible()
    page.get_by_text("conda.yaml").click()
    expect(page.get_by_text("dependencies").first).to_be_visible()


def test_registered_models(filled, page):
    page.visit("/models")
    expect(page.get_by_role("link", name="doubler-in-registry")).to_be_visible()
    expect(page).to_have_title("Models - MLflow")


def test_registered_model(filled, page):
    page.visit("/models/doubler-in-registry")
    for text in ("Doubles what it is given.", "owner", "champion"):
        expect(page.get_by_text(text).first).to_be_visible()
    expect(page.get_by_role("link", name="Version 1")).to_be_visible()


def test_model_version(filled, page):
    page.visit("/models/doubler-in-registry/versions/1")
    expect(page.get_by_role("heading", name="Version 1")).to_be_visible()
    expect(page.get_by_role("link", name="with-model")).to_be_visible()
    expect(page.get_by_text("tried")).to_be_visible()
    # The schema is read from the version's file MLmodel.
    expect(page.get_by_text("Inputs (1)")).to_be_visible()


def test_prompts(filled, page):
    page.visit("/prompts")
    page.get_by_role("link", name="greeting").click()
    expect(page.get_by_role("heading", name="greeting")).to_be_visible()
    expect(page.get_by_text("Say good morning to {{name}}.").first).to_be_visible()
    page.get_by_text("Version 1", exact=True).first.click()
    expect(page.get_by_text("Say hello to {{name}}.").first).to_be_visible()


def test_evaluation_runs(filled, page):
    page.visit(f"/experiments/{filled.experiment}/evaluation-runs")
    expect(page.get_by_role("heading", name="Evaluation runs")).to_be_visible()
    expect(page.get_by_text("parent", exact=True).first).to_be_visible()


def test_settings(filled, page):
    page.visit("/settings/general")
    expect(page.get_by_role("heading", name="General")).to_be_visible()


def test_an_unknown_experiment_is_explained(filled, page):
    page.watch.allow(404, r"/experiments/get$")
    page.visit("/experiments/99999/runs")
    expect(page.get_by_text("No Experiment with id=99999 exists").first).to_be_visible()


def test_create_experiment(filled, page):
    page.visit("/experiments")
    page.get_by_role("button", name="Create", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_placeholder("Input an experiment name").fill("made by hand")
    dialog.get_by_role("button", name="Create").click()
    expect(page.get_by_role("link", name="made by hand").first).to_be_visible()
    made = filled.get("experiments/get-by-name", experiment_name="made by hand")
    assert made["experiment"]["lifecycle_stage"] == "active"
