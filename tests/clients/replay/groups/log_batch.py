"""runs/log-batch: limits, duplicates, all or nothing."""

from steps import DROPPED, SENTENCE, SLOW, Ours, get, post

BATCH = "runs/log-batch"
POINT = {"key": "m", "value": 1, "timestamp": 1}


def batch(name, **lists):
    return post(name, BATCH, {"run_id": "{run}", **lists})


def points(count):
    return [{"key": f"m{i}", "value": i, "timestamp": i, "step": i} for i in range(count)]


def pairs(count):
    return [{"key": f"k{i}", "value": str(i)} for i in range(count)]


STEPS = [
    post("a run", "runs/create", {"experiment_id": "0", "start_time": 1, "run_name": "r"}, save={"run": "run.info.run_id"}),
    batch("nothing"),
    batch("one of each", metrics=[POINT], params=[{"key": "p", "value": "1"}], tags=[{"key": "t", "value": "1"}]),
    post("by run_uuid", BATCH, {"run_uuid": "{run}", "metrics": [POINT]}),
    post("no run", BATCH, {"metrics": [POINT]}),
    post("an empty run", BATCH, {"run_id": "", "metrics": [POINT]}),
    post("an unknown run", BATCH, {"run_id": "0" * 32, "metrics": [POINT]}),
    post("an odd run", BATCH, {"run_id": "a/b", "metrics": [POINT]}),
    batch("1000 metrics", metrics=points(1000)),
    batch("1001 metrics", metrics=points(1001)),
    batch("100 params", params=pairs(100)),
    batch("101 params", params=pairs(101)),
    batch("100 tags", tags=pairs(100)),
    batch("101 tags", tags=pairs(101)),
    batch("1000 in all", metrics=points(800), params=pairs(100), tags=pairs(100)),
    batch("1001 in all", metrics=points(801), params=pairs(100), tags=pairs(100)),
    batch("a param twice", params=[{"key": "d", "value": "1"}, {"key": "d", "value": "1"}]),
    batch("a param with two values", params=[{"key": "d2", "value": "1"}, {"key": "d2", "value": "2"}]),
    batch("a changed param", tags=[{"key": "unwritten", "value": "1"}], params=[{"key": "p", "value": "2"}]),
    batch("a tag twice", tags=[{"key": "d", "value": "1"}, {"key": "d", "value": "2"}]),
    batch("a metric twice", metrics=[POINT, POINT]),
    batch("two points of one step", metrics=[{**POINT, "value": 3}, {**POINT, "value": 2}]),
    batch("a later point first", metrics=[{**POINT, "key": "o", "step": 5, "value": 9}, {**POINT, "key": "o", "step": 1}]),
    batch("no key", metrics=[{"value": 1, "timestamp": 1}]),
    batch("an empty key", metrics=[{"key": "", "value": 1, "timestamp": 1}]),
    batch("no value", metrics=[POINT, {"key": "m", "timestamp": 1}]),
    batch("no timestamp", metrics=[{"key": "m", "value": 1}]),
    batch("a text as value", metrics=[{"key": "m", "value": "x", "timestamp": 1}]),
    batch("a number as text", metrics=[{"key": "txt", "value": "1.5", "timestamp": "2", "step": "3"}]),
    batch("NaN and infinities", metrics=[{"key": "nan", "value": "NaN", "timestamp": 1}, {"key": "inf", "value": "Infinity", "timestamp": 1}, {"key": "-inf", "value": "-Infinity", "timestamp": 1}]),
    batch("a bool as value", metrics=[{"key": "bool", "value": True, "timestamp": 1}]),
    batch("a negative timestamp", metrics=[{"key": "m", "value": 1, "timestamp": -1}]),
    batch("a bad metric key", metrics=[POINT, {"key": "a;b", "value": 1, "timestamp": 1}]),
    batch("a long metric key", metrics=[{"key": "k" * 251, "value": 1, "timestamp": 1}]),
    batch("a bad param key", params=[{"key": "../a", "value": "1"}]),
    batch("a param without key", params=[{"value": "1"}]),
    batch("a param without value", params=[{"key": "nov"}]),
    batch("a long param value is cut", params=[{"key": "long", "value": "v" * 6001}]),
    batch("a long param key", params=[{"key": "k" * 251, "value": "1"}]),
    batch("a bad tag key", tags=[{"key": "a;b", "value": "1"}]),
    batch("a tag without key", tags=[{"value": "1"}]),
    batch("a tag without value", tags=[{"key": "nov"}]),
    batch("a long tag value is cut", tags=[{"key": "longt", "value": "v" * 8001}]),
    batch("a long tag key", tags=[{"key": "k" * 251, "value": "1"}]),
    batch("a new name", tags=[{"key": "mlflow.runName", "value": "renamed"}]),
    batch("metrics as text", metrics="x"),
    batch("metrics as object", metrics=POINT),
    batch("a metric as text", metrics=["x"]),
    batch("params as number", params=5),
    batch("a param as list", params=[["k", "v"]]),
    batch("null lists", metrics=None, params=None, tags=None),
    batch("a null metric", metrics=[None]),
    batch("a metric of a dataset", metrics=[{**POINT, "key": "ds", "dataset_name": "n", "dataset_digest": "g"}]),
    get("all of it", "runs/get", {"run_id": "{run}"}),
    batch("a metric of an unknown model", metrics=[{**POINT, "key": "md", "model_id": "m-0"}]),
]

# What this server answers otherwise, and why.
OURS = {
    "by run_uuid": Ours(SENTENCE, message="Missing value for required parameter 'run_id'. See the API docs for mo"),
    "a text as value": Ours(DROPPED, message="Invalid value \"x\" for parameter 'value' supplied:  Hint: Value was of "),
    "a metric as text": Ours(SLOW, message="Invalid value [\"x\"] for parameter 'metrics' supplied:  Hint: Value was"),
    "a param as list": Ours(SLOW, message="Invalid value [[\"k\",\"v\"]] for parameter 'params' supplied:  Hint: Valu"),
    "null lists": Ours(SLOW, 200, body={}),
    "a null metric": Ours(SLOW, message="Invalid value [null] for parameter 'metrics' supplied:  Hint: Value wa"),
}
