"""The pages of MLflow's own web UI that are about traces."""

from playwright.sync_api import expect


def traces_page(page, traced, query=""):
    page.visit(f"/experiments/{traced.experiment}/traces{query}")
    expect(page.get_by_text("the answer to how cold?").first).to_be_visible()


def test_traces(traced, page):
    traces_page(page, traced)
    for text in ("is it raining?", "the answer to is it raining?", "why?", "talk-1"):
        expect(page.get_by_text(text).first).to_be_visible()
    expect(page.get_by_text("3 of 3")).to_be_visible()


def test_traces_searched(traced, page):
    traces_page(page, traced)
    search = page.get_by_placeholder("Search traces by id, input, or output")
    search.fill("cold")
    search.press("Enter")
    expect(page.get_by_text("1 of 3")).to_be_visible()
    expect(page.get_by_text("is it raining?")).to_have_count(0)


def test_a_trace(traced, page):
    traces_page(page, traced)
    page.get_by_text("is it raining?").first.click()
    panel = page.get_by_role("dialog")
    for text in ("look-up", "answer-it", "Success", "the answer to is it raining?"):
        expect(panel.get_by_text(text).first).to_be_visible()
    panel.get_by_text("look-up").first.click()
    expect(panel.get_by_text("something about is it raining?").first).to_be_visible()


def test_the_assessments_of_a_trace(traced, page):
    traces_page(page, traced)
    page.get_by_text("is it raining?").first.click()
    page.get_by_role("button", name="Assess trace (1 assessment)").click()
    expect(page.get_by_text("helpful").last).to_be_visible()


def test_a_trace_that_failed(traced, page):
    traces_page(page, traced)
    page.get_by_text("why?").first.click()
    panel = page.get_by_role("dialog")
    expect(panel.get_by_text("Error").first).to_be_visible()


def test_sessions(traced, page):
    page.visit(f"/experiments/{traced.experiment}/traces?groupBy=session")
    expect(page.get_by_text("talk-1").first).to_be_visible()


def test_usage(traced, page):
    page.visit(f"/experiments/{traced.experiment}/overview/usage")
    expect(page.get_by_role("heading", name="3", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="1 (Overall error rate: 33.3%)")).to_be_visible()


def test_datasets(traced, page):
    page.visit(f"/experiments/{traced.experiment}/datasets")
    page.get_by_text("questions", exact=True).first.click()
    expect(page.get_by_text("how warm?").first).to_be_visible()
