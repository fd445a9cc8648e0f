"""The histories of many runs that the UI's charts read."""

from steps import SLOW, Ours, each, get, post

BULK = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
INTERVAL = "metrics/get-history-bulk-interval"


def points(run, count):
    return post(f"fill {run}", "runs/log-batch", {"run_id": "{" + run + "}", "metrics": [{"key": "m", "value": i / 2, "timestamp": i, "step": i} for i in range(count)] + [{"key": "nan", "value": "NaN", "timestamp": 1, "step": 0}]})


STEPS = [
    post("a run", "runs/create", {"experiment_id": "0", "start_time": 1, "run_name": "a"}, save={"one": "run.info.run_id"}),
    post("another", "runs/create", {"experiment_id": "0", "start_time": 1, "run_name": "b"}, save={"two": "run.info.run_id"}),
    points("one", 30),
    points("two", 7),
    get("one history", BULK, {"run_id": ["{one}"], "metric_key": "m"}),
    get("an unknown run", BULK, {"run_id": ["0" * 32], "metric_key": "m"}),
    get("an unknown metric", BULK, {"run_id": ["{one}"], "metric_key": "nobody"}),
    get("no run", BULK, {"metric_key": "m"}),
    get("no metric", BULK, {"run_id": ["{one}"]}),
    get("101 runs", BULK, {"run_id": ["{one}"] * 101, "metric_key": "m"}),
    *each(get, BULK, "max_results", [3, 0, -1, 25000, 25001, "x"], run_id=["{one}"], metric_key="m"),
    *each(get, INTERVAL, "max_results", [5, 1, 2500, 2501, 0, "x"], run_ids=["{one}"], metric_key="m"),
    *each(get, INTERVAL, "start_step", [0, 10, 100, "x"], run_ids=["{one}"], metric_key="m", end_step=20, max_results=5),
    get("an interval without end", INTERVAL, {"run_ids": ["{one}"], "metric_key": "m", "start_step": 3, "max_results": 5}),
    get("an interval of NaN", INTERVAL, {"run_ids": ["{one}"], "metric_key": "nan", "max_results": 5}),
    get("an interval of no run", INTERVAL, {"metric_key": "m", "max_results": 5}),
    get("an interval of no metric", INTERVAL, {"run_ids": ["{one}"], "max_results": 5}),
    get("an interval without max_results", INTERVAL, {"run_ids": ["{one}"], "metric_key": "m"}),
    get("an interval of an unknown run", INTERVAL, {"run_ids": ["0" * 32], "metric_key": "m", "max_results": 5}),
    get("an interval of 101 runs", INTERVAL, {"run_ids": ["{one}"] * 101, "metric_key": "m", "max_results": 5}),
]

# What this server answers otherwise, and why.
OURS = {
    "GET get-history-bulk: max_results = -1": Ours("no history has fewer than no points", message="must not be negative"),
    "GET get-history-bulk: max_results = 'x'": Ours(SLOW, message="Invalid value \"x\" for parameter 'max_results' supplied:  Hint: Value w"),
}
