"""runs/search: the whole grammar of filters and orders."""

from steps import each, each_filter, each_order, post

SEARCH = "runs/search"


def run(name, metrics=(), params=(), tags=(), **rest):
    variable = name.replace(" ", "_").replace("'", "")
    return [
        post(f"make {name}", "runs/create", {"experiment_id": "{e}", "run_name": name, **rest}, save={variable: "run.info.run_id"}),
        post(f"fill {name}", "runs/log-batch", {
            "run_id": "{" + variable + "}",
            "metrics": [{"key": key, "value": value, "timestamp": 1, "step": 0} for key, value in metrics],
            "params": [{"key": key, "value": value} for key, value in params],
            "tags": [{"key": key, "value": value} for key, value in tags],
        }),
    ]


FILTERS = [
    "", " ", "metrics.acc > 0.5", "metric.acc > 0.5", "metrics.acc>0.5", "metrics.acc >= 0.5", "metrics.acc < 0.5",
    "metrics.acc <= 0.5", "metrics.acc = 0.5", "metrics.acc != 0.5", "metrics.acc == 0.5", "metrics.acc <> 0.5",
    "metrics.acc > '0.5'", "metrics.acc > abc", "metrics.acc > -1", "metrics.acc > +0.1", "metrics.acc > .1",
    "metrics.acc > 1.", "metrics.acc > 1e-3", "metrics.acc > 1E5", "metrics.acc > nan", "metrics.acc > inf",
    "metrics.acc > 0x10", "metrics.acc LIKE '0.5'", "metrics.acc IN (0.5)", "metrics.acc IS NULL",
    "metrics.acc IS NOT NULL", "metrics.missing > 0", "metrics.`val/acc top` = 1", "metrics.\"val/acc top\" = 1",
    "metrics.'acc' > 0", "metrics.val/acc > 0", "metrics.a.b > 0", "metrics.a-b = 2", "metrics.`a-b` = 2",
    "metrics.nan > 0", "metrics.nan != 0", "metrics.nan = 0", "metrics.inf > 1e300", "METRICS.acc > 0", "Metrics.acc > 0",
    "params.model = 'tree'", "param.model = 'tree'", "parameter.model = 'tree'", "parameters.model = 'tree'",
    "params.model = \"tree\"", "params.model = tree", "params.model = 5", "params.depth = '5'", "params.depth > '3'",
    "params.model != 'tree'", "params.model LIKE 't%'", "params.model LIKE 'T%'", "params.model ILIKE 'T%'",
    "params.model IN ('tree')", "params.model NOT IN ('tree')", "params.model IS NULL", "params.model IS NOT NULL", "params.`learning rate` = '0.1'",
    "params.\"learning rate\" = '0.1'", "params.learning rate = '0.1'", "params.quote = 'it''s'", "params.quote = \"it's\"",
    "params.quote LIKE '%''%'", "params.quote = 'it\\'s'", "params.double = 'say \"hi\"'", "params.double = \"say \"\"hi\"\"\"",
    "params.empty = ''", "params.empty LIKE ''", "params.model = 'tree' ", "params.model LIKE '_ree'", "params.model LIKE '%'", "params.percent LIKE '50%'",
    "params.percent LIKE '50\\%'", "params.model = ('tree')", "params.uni = '한글'", "params.한글 = 'x'", "params.`한글` = 'x'",
    "tags.kind = 'sweep'", "tag.kind = 'sweep'", "tags.mlflow.parentRunId = '{one}'", "tags.`mlflow.parentRunId` = '{one}'",
    "tags.\"mlflow.parentRunId\" = '{one}'", "tags.kind != 'sweep'", "tags.kind LIKE '%e%'", "tags.kind ILIKE 'SWEEP'", "tags.kind IS NULL",
    "tags.kind IS NOT NULL", "tags.kind is null", "tags.kind > 'a'", "tags.kind = sweep", "tags.kind IN ('sweep')", "tags.mlflow.runName = 'one'",
    "tags.mlflow.user = 'me'", "tags.mlflow.source.name = 'x.py'",
    "attributes.status = 'FINISHED'", "attribute.status = 'FINISHED'", "attr.status = 'FINISHED'", "run.status = 'FINISHED'",
    "status = 'FINISHED'", "status = 'finished'", "status != 'RUNNING'", "status LIKE 'F%'", "status ILIKE 'f%'", "status IN ('FINISHED')", "STATUS = 'FINISHED'",
    "status = FINISHED", "status > 'A'", "status IS NULL", "artifact_uri LIKE 'mlflow-artifacts:%'", "artifact_uri = 'x'", "user_id = 'me'", "user_id LIKE 'm%'",
    "User = 'me'", "user = 'me'", "run_id = '{one}'", "run_id != '{one}'", "run_id IN ('{one}')", "run_id IN ('{one}', '{two}')", "run_id NOT IN ('{one}')", "run_id LIKE '%'",
    "run_id IN ()", "run_id IN ('a' 'b')", "run_id IN (a)", "run_id IN (1)", "run_id IN ('{one}',)", "run_id in ('{one}')", "run_id not in ('{one}', '{two}')", "attributes.run_id IN ('{one}')",
    "run_id > 'a'", "run_uuid = '{one}'", "run_name = 'one'", "run name = 'one'", "Run name = 'one'", "`run name` = 'one'", "`Run name` = 'one'", "attributes.`Run name` = 'one'",
    "attributes.run_name LIKE 'o%'", "run_name ILIKE 'O%'", "run_name != 'one'", "run_name IN ('one')", "name = 'one'", "experiment_id = '1'", "lifecycle_stage = 'active'",
    "start_time > 10", "start_time >= 20", "start_time < 20", "start_time <= 20", "start_time = 20", "start_time != 20", "start_time > '10'", "start_time LIKE '1'",
    "created > 10", "Created > 10", "end_time > 0", "end_time IS NULL", "attributes.start_time > 10", "attributes.created > 10", "start_time > 1.5", "duration > 1", "end_time = 99",
    "dataset.name = 'points'", "datasets.name = 'points'", "dataset.digest = 'abc'", "dataset.context = 'training'", "dataset.name LIKE 'p%'", "dataset.name ILIKE 'P%'",
    "dataset.name != 'points'", "dataset.name IN ('points')", "dataset.name NOT IN ('points')", "dataset.digest IN ('abc', 'x')", "dataset.context IN ('training')", "dataset.bogus = 'x'",
    "dataset.name = points", "dataset.name > 'a'", "dataset.name = 'points' AND dataset.context = 'training'", "dataset.name = 'points' AND dataset.digest = 'zzz'",
    "model.model_id = 'm-1'", "bogus.x = 'y'", "bogus = 'y'", "x = 1",
    "metrics.acc > 0.1 AND params.model = 'tree'", "metrics.acc > 0.1 and params.model = 'tree' And tags.kind = 'sweep'", "metrics.acc > 0.1 OR params.model = 'tree'",
    "(metrics.acc > 0.1)", "(metrics.acc > 0.1) AND (params.model = 'tree')", "NOT metrics.acc > 0.1", "metrics.acc > 0.1 AND", "AND metrics.acc > 0.1", "metrics.acc > 0.1 AND AND params.model = 'tree'",
    "metrics.acc > 0.1 params.model = 'tree'", "metrics.acc > 0.1, params.model = 'tree'", "metrics.acc > 0.1 AND metrics.acc < 0.9", "metrics.acc > 0.1 AND metrics.loss < 5 AND metrics.acc != 7",
    "metrics.acc", "metrics.acc >", "> 0.1", "0.1 < metrics.acc", "metrics.acc > metrics.loss", "metrics. > 1", ".acc > 1", "metrics > 1", "metrics..acc > 1", "metrics.acc > 1 1", "metrics.acc > > 1",
    "metrics.acc = 0.5;", "metrics.acc = 0.5; DROP TABLE runs", "metrics.acc = 0.5 -- x", "metrics.acc = 0.5 # x", "metrics.acc /* x */ = 0.5", "params.model = 'a;b'", "params.model = 'tree", "params.model = tree'", "params.`model = 'tree'",
    "params.model = 'a' OR 1=1", "params.model = 'a'' OR ''1''=''1'", "params.model = '%s'", "params.model = ?", "params.model = :x", "params.model = $1", "params.model = NULL", "params.model = null", "params.model = TRUE",
    "params.model NOT LIKE 't%'", "params.model NOT ILIKE 't%'", "params.model RLIKE 't'", "params.model REGEXP 't'", "params.model BETWEEN 'a' AND 'b'", "params.model || 'x' = 'y'", "lower(params.model) = 'tree'", "count(*) > 1", "*", "''", "'a'", "5", "SELECT * FROM runs", "tags.order = 'x'", "tags.select = 'x'", "tags.from = 'x'", "tags.type = 'x'", "tags.`order` = 'x'", "params.key = 'x'", "params.value = 'x'", "tags.date = 'x'", "tags.user = 'x'", "tags.in = 'x'", "tags.like = 'x'", "tags.and = 'x'", "tags.1 = 'x'", "tags.1a = 'x'", "tags.a1 = 'x'", "tags.a_b = 'x'", "tags.@a = 'x'", "tags.$a = 'x'", "tags.a$ = 'x'", "tags.a:b = 'x'", "tags.a/b = 'x'", "tags.a b = 'x'",
    "params.model\n=\n'tree'", "params.model\t=\t'tree'", "params.model = 'tree'\nAND\nmetrics.acc > 0.1", "  params.model='tree'  AND  metrics.acc>0.1  ",
]
ORDERS = [
    ["metrics.acc"], ["metrics.acc ASC"], ["metrics.acc DESC"], ["metric.acc desc"], ["metrics.nan"], ["metrics.nan DESC"], ["metrics.inf"], ["metrics.inf DESC"], ["metrics.missing"], ["metrics.`val/acc top` DESC"], ["metrics.\"val/acc top\" DESC"],
    ["params.model"], ["params.model DESC"], ["params.`learning rate`"], ["tags.kind"], ["tags.kind DESC"], ["tags.mlflow.runName"], ["attributes.start_time"], ["attributes.start_time DESC"], ["start_time"], ["start_time ASC"], ["created DESC"],
    ["attribute.end_time"], ["end_time DESC"], ["status"], ["status DESC"], ["run_name"], ["run_name DESC"], ["run name"], ["`run name` DESC"], ["Run Name"], ["attributes.`Run name`"], ["user_id"], ["User"], ["duration"], ["experiment_id"], ["lifecycle_stage"],
    ["dataset.name"], ["bogus"], ["bogus.x"], ["metrics.acc SIDEWAYS"], ["metrics.acc ASC DESC"], ["metrics.acc, params.model"], ["metrics.acc DESC, params.model"], [""], [" "], ["metrics"], ["metrics."], [".acc"], ["params.model", "metrics.acc DESC", "start_time"], ["status", "start_time DESC"],
    ["'metrics.acc'"], ["metrics.acc;"], ["metrics.acc; DROP"], ["5"], [5], "metrics.acc", ["metrics.acc", "metrics.acc DESC"], ["tags.kind ASC", "run_name DESC"], ["metrics.acc  DESC"], ["metrics.acc\tDESC"], ["metrics.한글"], ["params.order"], ["order by x"],
]

STEPS = [
    post("an experiment", "experiments/create", {"name": "e"}, save={"e": "experiment_id"}),
    *run("one", [("acc", 0.5), ("loss", 2), ("val/acc top", 1), ("inf", "Infinity")], [("model", "tree"), ("depth", "5"), ("learning rate", "0.1"), ("quote", "it's"), ("double", 'say "hi"')], [("kind", "sweep"), ("a b", "x")], start_time=10, user_id="me"),
    *run("two", [("acc", 0.9), ("nan", "NaN"), ("a-b", 2)], [("model", "forest"), ("percent", "50%"), ("uni", "한글")], [("kind", "single"), ("mlflow.parentRunId", "{one}"), ("mlflow.user", "me")], start_time=20, user_id="you"),
    *run("three", [("acc", 0.1), ("nan", 1), ("inf", "-Infinity"), ("a.b", 3)], [("model", "Tree"), ("percent", "500"), ("한글", "x")], start_time=20),
    *run("four it's", [], [("empty", "x")], [("order", "x"), ("1", "x"), ("a/b", "x")], start_time=40),
    *run("gone", [("acc", 0.7)], start_time=50),
    post("finish two", "runs/update", {"run_id": "{two}", "status": "FINISHED", "end_time": 99}),
    post("fail three", "runs/update", {"run_id": "{three}", "status": "FAILED", "end_time": 98}),
    post("delete one", "runs/delete", {"run_id": "{gone}"}),
    post("a dataset of one", "runs/log-inputs", {"run_id": "{one}", "datasets": [{"dataset": {"name": "points", "digest": "abc", "source_type": "local", "source": "x"}, "tags": [{"key": "mlflow.data.context", "value": "training"}]}]}),
    post("everything", SEARCH, {"experiment_ids": ["{e}"]}),
    *each(post, SEARCH, "experiment_ids", [[], ["0"], ["0", "{e}"], ["99"], ["x"], "1", None, [1], [""]]),
    post("no experiments", SEARCH),
    *each(post, SEARCH, "run_view_type", ["ACTIVE_ONLY", "DELETED_ONLY", "ALL", "BOGUS", "", 1, 2, 3, 4, "3", None], experiment_ids=["{e}"]),
    *each(post, SEARCH, "max_results", [1, 0, -1, 50000, 50001, "2", "x", 1.5, None], experiment_ids=["{e}"]),
    *each(post, SEARCH, "page_token", ["", "nonsense", "eyJvZmZzZXQiOiAyfQ==", "eyJvZmZzZXQiOiAtMX0=", "e30=", "bnVsbA==", "eyJvZmZzZXQiOiAieCJ9", 5], experiment_ids=["{e}"]),
    post("a first page", SEARCH, {"experiment_ids": ["{e}"], "max_results": 2}, save={"token": "next_page_token"}),
    post("an exactly full last page", SEARCH, {"experiment_ids": ["{e}"], "max_results": 2, "page_token": "{token}"}),
    post("filter as number", SEARCH, {"experiment_ids": ["{e}"], "filter": 5}),
    post("filter as list", SEARCH, {"experiment_ids": ["{e}"], "filter": ["a"]}),
    *each_filter(post, SEARCH, FILTERS, experiment_ids=["{e}"], order_by=["start_time", "run_name"]),
    *each_order(post, SEARCH, ORDERS, experiment_ids=["{e}"]),
    # The ids differ on every server, so these orders are told by one run alone.
    *each_order(post, SEARCH, [["run_id"], ["artifact_uri"], ["run_id DESC"]], experiment_ids=["{e}"], filter="run_name = 'one'"),
]
