"""Curves of several runs at once: what the pages of MLflow's UI draw their charts from."""

import pytest

BULK = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
INTERVAL = "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval"


def log(api, run, points, key="m"):
    """Points are (step, timestamp, value)."""
    for start in range(0, len(points), 1000):
        metrics = [
            {"key": key, "step": step, "timestamp": timestamp, "value": value}
            for step, timestamp, value in points[start : start + 1000]
        ]
        api.post("runs/log-batch", run_id=run, metrics=metrics).ok()


def interval(api, runs, **more):
    answer = api.get(INTERVAL, run_ids=runs, metric_key="m", **more).ok()
    return answer.get("metrics", [])


def curve(api, runs, **more):
    return [(p["step"], p["timestamp"], p["value"]) for p in interval(api, runs, **more)]


@pytest.fixture
def runs(api, experiment):
    return sorted(api.new_run(experiment)["run_id"] for _ in range(2))


def test_bulk_goes_run_by_run_in_order_of_time(api, runs):
    log(api, runs[1], [(0, 5, 1.0), (1, 4, 2.0)])
    log(api, runs[0], [(3, 1, 3.0)])
    answer = api.get(BULK, run_id=[runs[1], runs[0], runs[1]], metric_key="m").ok()
    point = {"key": "m"}
    assert answer == {
        "metrics": [
            point | {"run_id": runs[0], "step": 3, "timestamp": 1, "value": 3.0},
            point | {"run_id": runs[1], "step": 1, "timestamp": 4, "value": 2.0},
            point | {"run_id": runs[1], "step": 0, "timestamp": 5, "value": 1.0},
        ]
    }
    first = api.get(BULK, run_id=runs, metric_key="m", max_results=2).ok()["metrics"]
    assert first == answer["metrics"][:2]


def test_bulk_of_nothing_is_an_empty_list(api, runs):
    assert api.get(BULK, run_id=runs[0], metric_key="none").ok() == {"metrics": []}
    assert api.get(BULK, run_id="0" * 32, metric_key="m").ok() == {"metrics": []}


def test_bulk_refuses_what_it_cannot_serve(api):
    api.get(BULK, metric_key="m").invalid("must specify at least one run_id")
    api.get(BULK, run_id="a").invalid("must specify a metric_key")
    api.get(BULK, run_id=["a"] * 101, metric_key="m").invalid("Received 101 run_ids")


def test_interval_gives_everything_while_it_is_few(api, runs):
    log(api, runs[0], [(2, 1, 0.5), (1, 9, 0.25), (2, 1, 0.75)])
    log(api, runs[1], [(0, 0, 1.0)])
    assert interval(api, [runs[1], runs[0]]) == [
        {"key": "m", "run_id": runs[1], "step": 0, "timestamp": 0, "value": 1.0},
        {"key": "m", "run_id": runs[0], "step": 1, "timestamp": 9, "value": 0.25},
        {"key": "m", "run_id": runs[0], "step": 2, "timestamp": 1, "value": 0.5},
        {"key": "m", "run_id": runs[0], "step": 2, "timestamp": 1, "value": 0.75},
    ]
    assert api.get(INTERVAL, run_ids=runs, metric_key="none").ok() == {}


def test_interval_writes_nan_as_text(api, runs):
    log(api, runs[0], [(0, 0, "NaN"), (1, 0, 1.0)])
    assert [value for _, _, value in curve(api, runs)] == ["NaN", 1.0]


@pytest.mark.parametrize("wanted", [1, 2, 3, 7, 10, 11])
def test_interval_samples_evenly_and_keeps_both_ends(api, runs, wanted):
    log(api, runs[0], [(step, step * 10, float(step)) for step in range(10)])
    steps = [step for step, _, _ in curve(api, runs[0], max_results=wanted)]
    assert steps == {
        1: [9],
        2: [0, 9],
        3: [0, 4, 9],
        7: [0, 2, 4, 6, 7, 8, 9],
        10: list(range(10)),
        11: list(range(10)),
    }[wanted]


def test_interval_samples_points_that_share_a_step(api, runs):
    log(api, runs[0], [(0, time, float(time)) for time in range(50)] + [(5, 0, 7.0)])
    shown = curve(api, runs[0], max_results=5)
    assert shown == [(0, 0, 0.0), (0, 11, 11.0), (0, 21, 21.0), (0, 31, 31.0), (5, 0, 7.0)]


def test_interval_of_a_part_of_the_steps(api, runs):
    log(api, runs[0], [(step, 0, float(step)) for step in range(-5, 10)])
    assert [s for s, _, _ in curve(api, runs, start_step=-2, end_step=1)] == [-2, -1, 0, 1]
    assert [s for s, _, _ in curve(api, runs, start_step=0, end_step=9, max_results=2)] == [0, 9]
    assert curve(api, runs, start_step=100, end_step=200) == []


def test_interval_refuses_what_it_cannot_serve(api, runs):
    def ask(**fields):
        return api.get(INTERVAL, **fields)

    ask(metric_key="m").missing("run_ids")
    ask(run_ids=runs).missing("metric_key")
    ask(run_ids=["a"] * 101, metric_key="m").invalid("at most 100 run_ids. Received 101 run_ids.")
    for wrong in (0, -1, 2501):
        ask(run_ids=runs, metric_key="m", max_results=wrong).invalid(
            "max_results must be between 1 and 2500."
        )
    ask(run_ids=runs, metric_key="m", start_step=1).invalid("both must be specified")
    ask(run_ids=runs, metric_key="m", start_step=2, end_step=1).invalid(
        "Found start_step=2 and end_step=1."
    )
