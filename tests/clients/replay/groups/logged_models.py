"""Logged models: creating, finalising, params, tags, metrics, searching."""

from steps import DROPPED, KINDER, SENTENCE, SLOW, Ours, delete, each, get, patch, post

CREATE = "logged-models"
SEARCH = "logged-models/search"

NUMBERS = "the reference compares the words of a status with its numbers and finds none"
# Another search that finds the third model alone.
THE_THIRD = "filter \"tags.team != 'blue'\""


def one(name, **rest):
    return post(f"make {name}", CREATE, {"experiment_id": "{e}", "name": name, **rest}, save={name: "model.info.model_id"})


def order(field, **rest):
    return post(f"order by {field} {rest}", SEARCH, {"experiment_ids": ["{e}"], "order_by": [{"field_name": field, **rest}]})


FILTERS = [
    "name = 'first'", "attributes.name = 'first'", "attribute.name = 'first'", "name != 'first'", "name LIKE 'f%'", "name ILIKE 'F%'", "name IN ('first', 'second')", "name NOT IN ('first')", "name > 'a'", "name = first", "name = 5", "name IS NULL",
    "model_id = '{first}'", "model_id IN ('{first}')", "model_type = 'LLM'", "model_type != 'LLM'", "model_type LIKE 'L%'", "status = 'READY'", "status = 'LOGGED_MODEL_READY'", "status = 'PENDING'", "status != 'READY'", "status IN ('READY')", "status = 2", "status LIKE 'R%'",
    "source_run_id = '{run}'", "source_run_id != '{run}'", "source_run_id LIKE '%'", "experiment_id = '1'", "creation_timestamp > 5", "creation_timestamp > '5'", "creation_time > 5", "creation_timestamp_ms > 5", "last_updated_timestamp > 5", "last_updated_timestamp LIKE '5'",
    "metrics.acc > 0.5", "metrics.acc >= 0.9", "metrics.acc = 0.9", "metrics.acc != 0.9", "metrics.acc < 1", "metrics.acc <= 1", "metrics.acc > '0.5'", "metrics.acc LIKE '0'", "metric.acc > 0.5", "metrics.nobody > 0", "metrics.`acc` > 0.5", "metrics.loss < 1",
    "params.lr = '0.1'", "param.lr = '0.1'", "params.lr != '0.1'", "params.lr LIKE '0%'", "params.lr ILIKE '0%'", "params.lr > '0'", "params.lr = 0.1", "params.lr IN ('0.1')", "params.`l r` = 'x'", "params.lr IS NULL",
    "tags.team = 'blue'", "tag.team = 'blue'", "tags.team != 'blue'", "tags.team LIKE 'b%'", "tags.team ILIKE 'B%'", "tags.team = blue", "tags.team IS NULL", "tags.team IS NOT NULL", "tags.team IN ('blue')",
    "name = 'first' AND params.lr = '0.1'", "name = 'first' OR name = 'x'", "(name = 'first')", "bogus = 'x'", "bogus.x = 'y'", "name", " ", "", "name = 'first", "name = 'it''s'", "params.q = 'it''s'", "name = \"first\"", "`name` = 'first'", "dataset.name = 'd'", "metrics.acc > 0.5 AND metrics.loss < 1", "lifecycle_stage = 'active'", "NAME = 'first'", "name='first';", "tags.a.b = 'c'", "5 = 5", "'first' = name", "name = 'first' name = 'second'",
]

STEPS = [
    post("an experiment", "experiments/create", {"name": "e"}, save={"e": "experiment_id"}),
    post("a run", "runs/create", {"experiment_id": "{e}", "start_time": 1, "run_name": "r"}, save={"run": "run.info.run_id"}),
    one("first", model_type="LLM", source_run_id="{run}", params=[{"key": "lr", "value": "0.1"}, {"key": "l r", "value": "x"}, {"key": "q", "value": "it's"}], tags=[{"key": "team", "value": "blue"}]),
    one("second", params=[{"key": "lr", "value": "0.2"}]),
    one("third", tags=[{"key": "team", "value": "Red"}]),
    *each(post, CREATE, "name", ["a/b", "a:b", "a.b", "a%b", 'a"b', "a'b", "", None, 5, "한글", "a b", "n" * 500, "n" * 501], experiment_id="0"),
    post("no name", CREATE, {"experiment_id": "0"}),
    *each(post, CREATE, "experiment_id", ["99", "x", "", None, 1], name="n"),
    post("no experiment", CREATE, {"name": "n"}),
    post("an unknown run", CREATE, {"experiment_id": "0", "name": "n", "source_run_id": "0" * 32}),
    post("a long param", CREATE, {"experiment_id": "0", "name": "n", "params": [{"key": "p", "value": "v" * 6001}]}),
    post("a long param key", CREATE, {"experiment_id": "0", "name": "n", "params": [{"key": "k" * 251, "value": "v"}]}),
    post("a bad param key", CREATE, {"experiment_id": "0", "name": "n", "params": [{"key": "a;b", "value": "v"}]}),
    post("a param twice", CREATE, {"experiment_id": "0", "name": "n", "params": [{"key": "p", "value": "1"}, {"key": "p", "value": "2"}]}),
    post("a tag without value", CREATE, {"experiment_id": "0", "name": "n", "tags": [{"key": "k"}]}),
    post("a long tag", CREATE, {"experiment_id": "0", "name": "n", "tags": [{"key": "k", "value": "v" * 8001}]}),
    post("a bad tag key", CREATE, {"experiment_id": "0", "name": "n", "tags": [{"key": "a;b", "value": "v"}]}),
    post("params as text", CREATE, {"experiment_id": "0", "name": "n", "params": "x"}),
    get("the first", "logged-models/{first}"),
    get("an unknown one", "logged-models/m-0"),
    patch("finalize", "logged-models/{first}", {"model_id": "{first}", "status": "LOGGED_MODEL_READY"}),
    *[patch(f"finalize as {status!r}", "logged-models/{second}", {"model_id": "{second}", "status": status}) for status in ["LOGGED_MODEL_UPLOAD_FAILED", "BOGUS", "", None, 1, 9, "2"]],
    patch("finalize without status", "logged-models/{second}", {"model_id": "{second}"}),
    patch("finalize without id in the body", "logged-models/{second}", {"status": "LOGGED_MODEL_READY"}),
    patch("finalize an unknown one", "logged-models/m-0", {"model_id": "m-0", "status": "LOGGED_MODEL_READY"}),
    post("params", "logged-models/{third}/params", {"model_id": "{third}", "params": [{"key": "late", "value": "1"}]}),
    post("params again", "logged-models/{third}/params", {"model_id": "{third}", "params": [{"key": "late", "value": "1"}]}),
    post("params with another value", "logged-models/{third}/params", {"model_id": "{third}", "params": [{"key": "late", "value": "2"}]}),
    post("params without id", "logged-models/{third}/params", {"params": [{"key": "late2", "value": "1"}]}),
    post("no params", "logged-models/{third}/params", {"model_id": "{third}"}),
    post("params of an unknown one", "logged-models/m-0/params", {"model_id": "m-0", "params": [{"key": "p", "value": "1"}]}),
    patch("tags", "logged-models/{third}/tags", {"tags": [{"key": "t", "value": "1"}, {"key": "team", "value": "green"}]}),
    patch("no tags", "logged-models/{third}/tags"),
    patch("tags as text", "logged-models/{third}/tags", {"tags": "x"}),
    patch("tags of an unknown one", "logged-models/m-0/tags", {"tags": [{"key": "t", "value": "1"}]}),
    patch("a bad tag", "logged-models/{third}/tags", {"tags": [{"key": "a;b", "value": "1"}]}),
    delete("untag", "logged-models/{third}/tags/t"),
    delete("untag again", "logged-models/{third}/tags/t"),
    delete("untag an unknown one", "logged-models/m-0/tags/t"),
    post("a metric of the first", "runs/log-metric", {"run_id": "{run}", "key": "acc", "value": 0.9, "timestamp": 1, "step": 0, "model_id": "{first}", "dataset_name": "d", "dataset_digest": "g"}),
    post("a metric of the second", "runs/log-metric", {"run_id": "{run}", "key": "acc", "value": 0.4, "timestamp": 1, "step": 1, "model_id": "{second}"}),
    post("metrics in a batch", "runs/log-batch", {"run_id": "{run}", "metrics": [{"key": "loss", "value": 0.3, "timestamp": 2, "step": 2, "model_id": "{first}", "dataset_name": "d", "dataset_digest": "g"}, {"key": "acc", "value": 0.95, "timestamp": 3, "step": 3, "model_id": "{first}"}]}),
    get("the first with metrics", "logged-models/{first}"),
    get("the run with metrics", "runs/get", {"run_id": "{run}"}),
    post("everything", SEARCH, {"experiment_ids": ["{e}"]}),
    *each(post, SEARCH, "experiment_ids", [[], ["99"], ["x"], None, "1"]),
    post("no experiments", SEARCH),
    *each(post, SEARCH, "max_results", [1, 0, -1, 50, 51, 1000, 50001, "2", "x"], experiment_ids=["{e}"]),
    post("a first page", SEARCH, {"experiment_ids": ["{e}"], "max_results": 2}, save={"token": "next_page_token"}),
    post("its second page", SEARCH, {"experiment_ids": ["{e}"], "max_results": 2, "page_token": "{token}"}),
    post("its token with another search", SEARCH, {"experiment_ids": ["{e}"], "filter": "name = 'x'", "page_token": "{token}"}),
    post("its token with other experiments", SEARCH, {"experiment_ids": ["0"], "page_token": "{token}"}),
    post("a nonsense token", SEARCH, {"experiment_ids": ["{e}"], "page_token": "xyz"}),
    *[post(f"filter {one!r}", SEARCH, {"experiment_ids": ["{e}"], "filter": one, "order_by": [{"field_name": "name", "ascending": True}]}) for one in FILTERS],
    order("name"), order("name", ascending=True), order("name", ascending=False), order("attributes.name", ascending=True), order("creation_timestamp"), order("creation_timestamp", ascending=True), order("creation_time"), order("last_updated_timestamp"), order("status"), order("model_type"), order("source_run_id"),
    order("metrics.acc"), order("metrics.acc", ascending=True), order("metrics.acc", dataset_name="d"), order("metrics.acc", dataset_name="d", dataset_digest="g"), order("metrics.acc", dataset_digest="g"), order("metrics.nobody"), order("params.lr"), order("tags.team"), order("bogus"), order("name", dataset_name="d"), order(""), order("metrics.loss", ascending="true"),
    post("an order without field", SEARCH, {"experiment_ids": ["{e}"], "order_by": [{"ascending": True}]}),
    post("an order as text", SEARCH, {"experiment_ids": ["{e}"], "order_by": ["name"]}),
    *[post(f"datasets {sets!r}", SEARCH, {"experiment_ids": ["{e}"], "filter": "metrics.acc > 0.1", "datasets": sets}) for sets in [[{"dataset_name": "d"}], [{"dataset_name": "d", "dataset_digest": "g"}], [{"dataset_name": "d", "dataset_digest": "x"}], [{"dataset_digest": "g"}], [{}], []]],
    post("datasets without filter", SEARCH, {"experiment_ids": ["{e}"], "datasets": [{"dataset_name": "d", "dataset_digest": "g"}]}),
    delete("delete", "logged-models/{second}"),
    delete("delete again", "logged-models/{second}"),
    get("the deleted one", "logged-models/{second}"),
    get("the deleted one, allowed", "logged-models/{second}", {"allow_deleted": "true"}),
    patch("finalize the deleted one", "logged-models/{second}", {"model_id": "{second}", "status": "LOGGED_MODEL_READY"}),
    post("what is left", SEARCH, {"experiment_ids": ["{e}"], "filter": "name = 'second'"}),
]

# What this server answers otherwise, and why.
OURS = {
    "search: max_results = -1": Ours("the reference answers a page that never ends", message="must be a positive integer"),
    "a nonsense token": Ours(SLOW, message="Invalid page token: xyz. Use the next_page_token of the previous answe"),
    "filter 'name = first'": Ours(KINDER, 200, same_as="filter \"name = 'first'\""),
    "filter 'name IS NULL'": Ours(SENTENCE, message="Invalid comparison operator for attributes.name: 'IS NULL'. Expected o"),
    "filter \"status = 'READY'\"": Ours(NUMBERS, 200, same_as="filter 'status = 2'"),
    "filter \"status = 'LOGGED_MODEL_READY'\"": Ours(NUMBERS, 200, same_as="filter 'status = 2'"),
    "filter \"status = 'PENDING'\"": Ours(NUMBERS, 200, same_as=THE_THIRD),
    "filter \"status != 'READY'\"": Ours(NUMBERS, 200, same_as=THE_THIRD),
    "filter \"status IN ('READY')\"": Ours(NUMBERS, 200, same_as="filter 'status = 2'"),
    "filter \"creation_timestamp > '5'\"": Ours(SLOW, message="Expected numeric value type for numeric attribute: creation_timestamp."),
    "filter \"metrics.acc > '0.5'\"": Ours(SLOW, message="Expected numeric value type for numeric attribute: acc. Found '0.5'"),
    "filter 'params.lr IS NULL'": Ours(SENTENCE, message="Invalid comparison operator for params.lr: 'IS NULL'. Expected one of "),
    "filter 'tags.team IS NULL'": Ours(SENTENCE, message="Invalid comparison operator for tags.team: 'IS NULL'. Expected one of "),
    "filter 'tags.team IS NOT NULL'": Ours(SENTENCE, message="Invalid comparison operator for tags.team: 'IS NOT NULL'. Expected one"),
    "filter \"bogus = 'x'\"": Ours(SLOW, message="Invalid attribute key 'bogus' in 'bogus = 'x''."),
    "filter ' '": Ours(SENTENCE, message="Invalid filter string: ' '. Expected a list of comparisons separated b"),
    "filter 'name = \"first\"'": Ours(KINDER, 200, same_as="filter \"name = 'first'\""),
    "filter \"NAME = 'first'\"": Ours(SLOW, message="Invalid attribute key 'NAME' in 'NAME = 'first''."),
    "filter '5 = 5'": Ours(SLOW, message="Invalid filter string: '5 = 5'. Expected a list of comparisons separat"),
    "filter \"'first' = name\"": Ours(SLOW, message="Invalid filter string: \"'first' = name\". Expected a list of comparison"),
    "order by bogus {}": Ours(SENTENCE, message="Invalid order by field name: bogus"),
    "order by  {}": Ours(SENTENCE, message="Invalid order by field name: "),
    "order by metrics.loss {'ascending': 'true'}": Ours(DROPPED, message="Invalid value \"true\" for parameter 'ascending' supplied:  Hint: Value "),
    "an order without field": Ours(SENTENCE, message="Invalid order by field name: "),
    "an order as text": Ours(SENTENCE, message="Invalid value [\"name\"] for parameter 'order_by' supplied:  Hint: Value"),
}
