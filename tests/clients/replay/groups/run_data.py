"""Metrics, params and tags of a run, one at a time."""

from steps import DROPPED, SENTENCE, SLOW, Ours, each, get, post, shown

METRIC, PARAM, TAG = "runs/log-metric", "runs/log-parameter", "runs/set-tag"
KEYS = ["a b", "a/b", "a.b", "a-b", "a:b", "é", "한", "a;b", "a=b", "a,b", "a'b", 'a"b', "a\\b", "../a", "/a", "a/../b", "a//b", "a/", ".", "..", "./a", " ", "", "k" * 250, "k" * 251, None, 5, "a\nb", "a%b", "a#b"]


def odd_keys(path, **rest):
    return [post(f"{path} with key {shown(key)}", path, {"run_id": "{run}", "key": key, **rest}) for key in KEYS]


def values(path, name, some, **rest):
    return [
        post(f"{path} with {name} {shown(value)}", path, {"run_id": "{run}", **rest, name: value})
        for value in some
    ]


STEPS = [
    post("a run", "runs/create", {"experiment_id": "0", "start_time": 1, "run_name": "r"}, save={"run": "run.info.run_id"}),
    post("a metric", METRIC, {"run_id": "{run}", "key": "m", "value": 0.5, "timestamp": 10, "step": 1}),
    post("a metric by run_uuid", METRIC, {"run_uuid": "{run}", "key": "m", "value": 0.25, "timestamp": 11, "step": 2}),
    post("a metric without step", METRIC, {"run_id": "{run}", "key": "m", "value": 7, "timestamp": 12}),
    post("a metric again", METRIC, {"run_id": "{run}", "key": "m", "value": 0.5, "timestamp": 10, "step": 1}),
    *odd_keys(METRIC, value=1, timestamp=1),
    *values(METRIC, "value", [1, 1.5, -0.0, "NaN", "nan", "Infinity", "-Infinity", "inf", "5", "x", "", None, True, [], {}, 1e308, 1e-320, 10**20], key="v", timestamp=1),
    *values(METRIC, "timestamp", [0, 1, "5", "x", "", None, True, 1.5, 2.0, -1, 10**15, 2**63], key="t", value=1),
    *values(METRIC, "step", [0, 5, "6", "x", None, True, 1.5, -1, 2**63 - 1, 2**63], key="s", value=1, timestamp=1),
    post("a metric without value", METRIC, {"run_id": "{run}", "key": "m", "timestamp": 1}),
    post("a metric without timestamp", METRIC, {"run_id": "{run}", "key": "m", "value": 1}),
    post("a metric without run", METRIC, {"key": "m", "value": 1, "timestamp": 1}),
    post("a metric of an unknown run", METRIC, {"run_id": "0" * 32, "key": "m", "value": 1, "timestamp": 1}),
    post("a metric of an odd run", METRIC, {"run_id": "a/b", "key": "m", "value": 1, "timestamp": 1}),
    post("a metric of a dataset", METRIC, {"run_id": "{run}", "key": "d", "value": 1, "timestamp": 1, "dataset_name": "n", "dataset_digest": "g"}),
    post("a metric of an unknown model", METRIC, {"run_id": "{run}", "key": "d", "value": 1, "timestamp": 1, "model_id": "m-1"}),
    post("a param", PARAM, {"run_id": "{run}", "key": "p", "value": "1"}),
    post("the same param", PARAM, {"run_id": "{run}", "key": "p", "value": "1"}),
    post("another value of it", PARAM, {"run_id": "{run}", "key": "p", "value": "2"}),
    *odd_keys(PARAM, value="1"),
    *values(PARAM, "value", ["", None, 5, 1.5, True, "v" * 6000], key="q"),
    post("a long param is cut", PARAM, {"run_id": "{run}", "key": "long", "value": "w" * 6001}),
    post("a param without value", PARAM, {"run_id": "{run}", "key": "novalue"}),
    post("a param of an unknown run", PARAM, {"run_id": "0" * 32, "key": "p", "value": "1"}),
    post("a param without run", PARAM, {"key": "p", "value": "1"}),
    post("a tag", TAG, {"run_id": "{run}", "key": "t", "value": "1"}),
    post("a tag anew", TAG, {"run_id": "{run}", "key": "t", "value": "2"}),
    *odd_keys(TAG, value="1"),
    *values(TAG, "value", ["", None, 5, "v" * 8000], key="q"),
    post("a long tag is cut", TAG, {"run_id": "{run}", "key": "long", "value": "w" * 8001}),
    post("a tag without value", TAG, {"run_id": "{run}", "key": "novalue"}),
    post("a tag renames", TAG, {"run_id": "{run}", "key": "mlflow.runName", "value": "renamed"}),
    post("a tag by run_uuid", TAG, {"run_uuid": "{run}", "key": "u", "value": "1"}),
    post("a tag of an unknown run", TAG, {"run_id": "0" * 32, "key": "t", "value": "1"}),
    post("untag", "runs/delete-tag", {"run_id": "{run}", "key": "t"}),
    post("untag again", "runs/delete-tag", {"run_id": "{run}", "key": "t"}),
    post("untag without key", "runs/delete-tag", {"run_id": "{run}"}),
    post("untag an unknown run", "runs/delete-tag", {"run_id": "0" * 32, "key": "t"}),
    get("all of it", "runs/get", {"run_id": "{run}"}),
    get("a history", "metrics/get-history", {"run_id": "{run}", "metric_key": "m"}),
    get("a history by run_uuid", "metrics/get-history", {"run_uuid": "{run}", "metric_key": "m"}),
    get("a history of oddities", "metrics/get-history", {"run_id": "{run}", "metric_key": "v"}),
    get("a history of a dataset", "metrics/get-history", {"run_id": "{run}", "metric_key": "d"}),
    get("an unknown metric", "metrics/get-history", {"run_id": "{run}", "metric_key": "nobody"}),
    get("a history of an unknown run", "metrics/get-history", {"run_id": "0" * 32, "metric_key": "m"}),
    get("a history without key", "metrics/get-history", {"run_id": "{run}"}),
    get("a history without run", "metrics/get-history", {"metric_key": "m"}),
    *each(get, "metrics/get-history", "max_results", ["2", "1", "0", "-1", "x", "25000", "25001", "1.5", ""], run_id="{run}", metric_key="m"),
    get("a first page", "metrics/get-history", {"run_id": "{run}", "metric_key": "m", "max_results": 2}, save={"token": "next_page_token"}),
    get("its second page", "metrics/get-history", {"run_id": "{run}", "metric_key": "m", "max_results": 2, "page_token": "{token}"}),
    get("a nonsense page", "metrics/get-history", {"run_id": "{run}", "metric_key": "m", "max_results": 2, "page_token": "xyz"}),
    get("a page without max_results", "metrics/get-history", {"run_id": "{run}", "metric_key": "m", "page_token": "{token}"}),
]

# What this server answers otherwise, and why.
OURS = {
    "runs/log-metric with value []": Ours(SLOW, message="Invalid value [] for parameter 'value' supplied:  Hint: Value was of t"),
    "runs/log-metric with value {}": Ours(SLOW, message="Invalid value "),
    "runs/log-metric with timestamp ''": Ours(SENTENCE, message="Missing value for required parameter 'timestamp'. See the API docs for"),
    "runs/log-metric with timestamp 1.5": Ours(DROPPED, message="Invalid value 1.5 for parameter 'timestamp' supplied:  Hint: Value was"),
    "runs/log-metric with timestamp 9223372036854775808": Ours(DROPPED, message="Invalid value 9223372036854775808 for parameter 'timestamp' supplied: "),
    "runs/log-metric with step 1.5": Ours(DROPPED, message="Invalid value 1.5 for parameter 'step' supplied:  Hint: Value was of t"),
    "runs/log-metric with step 9223372036854775808": Ours(DROPPED, message="Invalid value 9223372036854775808 for parameter 'step' supplied:  Hint"),
    "GET get-history: max_results = 'x'": Ours(DROPPED, message="Invalid value \"x\" for parameter 'max_results' supplied:  Hint: Value w"),
    "GET get-history: max_results = '1.5'": Ours(DROPPED, message="Invalid value \"1.5\" for parameter 'max_results' supplied:  Hint: Value"),
    "GET get-history: max_results = ''": Ours(DROPPED, message="Invalid value \"\" for parameter 'max_results' supplied:  Hint: Value wa"),
}
