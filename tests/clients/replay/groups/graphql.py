"""GraphQL as the UI asks."""

from steps import SLOW, Ours, get, post


def query(name, text, **variables):
    return post(name, "/graphql", {"query": text, "variables": variables})


RUN = "query($i: MlflowGetRunInput!) { mlflowGetRun(input: $i) { run { info { runId runName status startTime endTime experimentId artifactUri lifecycleStage userId } data { metrics { key value timestamp step } params { key value } tags { key value } } experiment { experimentId name } modelVersions { name version } inputs { datasetInputs { dataset { name digest } tags { key value } } } } apiError { code message helpUrl } } }"
EXPERIMENT = "query($i: MlflowGetExperimentInput!) { mlflowGetExperiment(input: $i) { experiment { experimentId name artifactLocation lifecycleStage tags { key value } } apiError { code message } } }"

STEPS = [
    post("an experiment", "experiments/create", {"name": "e", "tags": [{"key": "t", "value": "1"}]}, save={"e": "experiment_id"}),
    post("a run", "runs/create", {"experiment_id": "{e}", "start_time": 5, "run_name": "r", "user_id": "u"}, save={"run": "run.info.run_id"}),
    post("its data", "runs/log-batch", {"run_id": "{run}", "metrics": [{"key": "m", "value": 0.5, "timestamp": 9, "step": 2}], "params": [{"key": "p", "value": "1"}], "tags": [{"key": "k", "value": "v"}]}),
    post("its dataset", "runs/log-inputs", {"run_id": "{run}", "datasets": [{"dataset": {"name": "d", "digest": "g", "source_type": "s", "source": "x"}}]}),
    query("test", "query { test(inputString: \"x\") { output } }"),
    query("the run", RUN, i={"runId": "{run}"}),
    query("an unknown run", RUN, i={"runId": "0" * 32}),
    query("no run", RUN, i={}),
    query("the experiment", EXPERIMENT, i={"experimentId": "{e}"}),
    query("an unknown experiment", EXPERIMENT, i={"experimentId": "99"}),
    query("search runs", "mutation($i: MlflowSearchRunsInput!) { mlflowSearchRuns(input: $i) { runs { info { runName } } apiError { code message } } }", i={"experimentIds": ["{e}"]}),
    query("search runs as a query", "query($i: MlflowSearchRunsInput!) { mlflowSearchRuns(input: $i) { runs { info { runName } } } }", i={"experimentIds": ["{e}"], "filter": "metrics.m > 0.1"}),
    query("search with a bad filter", "query($i: MlflowSearchRunsInput!) { mlflowSearchRuns(input: $i) { runs { info { runName } } apiError { code message } } }", i={"experimentIds": ["{e}"], "filter": "bogus"}),
    query("list artifacts", "query($i: MlflowListArtifactsInput!) { mlflowListArtifacts(input: $i) { rootUri files { path isDir fileSize } } }", i={"runId": "{run}"}),
    query("bulk history", "query($i: MlflowGetMetricHistoryBulkIntervalInput!) { mlflowGetMetricHistoryBulkInterval(input: $i) { metrics { runId key value step timestamp } } }", i={"runIds": ["{run}"], "metricKey": "m", "maxResults": 10}),
    query("model versions", "query($i: MlflowSearchModelVersionsInput!) { mlflowSearchModelVersions(input: $i) { modelVersions { name version } } }", i={"filter": "name = 'x'"}),
    query("datasets", "mutation($i: MlflowSearchDatasetsInput!) { mlflowSearchDatasets(input: $i) { datasetSummaries { experimentId name digest } } }", i={"experimentIds": ["{e}"]}),
    query("no syntax", "query {"),
    query("an unknown field", "query { nobody }"),
    query("an alias and a fragment", "query($i: MlflowGetExperimentInput!) { x: mlflowGetExperiment(input: $i) { experiment { ...f } } } fragment f on MlflowExperiment { name __typename }", i={"experimentId": "{e}"}),
    query("eleven root fields", "query { " + " ".join(f"a{i}: test(inputString: \"x\") {{ output }}" for i in range(11)) + " }"),
    post("no query", "/graphql", {}),
    get("a query by GET", "/graphql", {"query": "{ test(inputString: \"x\") { output } }"}),
    post("an operation by name", "/graphql", {"query": "query A { test(inputString: \"a\") { output } } query B { test(inputString: \"b\") { output } }", "operationName": "B"}),
]

# What this server answers otherwise, and why.
OURS = {
    "no syntax": Ours(SLOW, 400, "BAD_REQUEST", message="Syntax Error: Expected Name, found "),
    "eleven root fields": Ours("this server has no such setting to name", 200, body={"data": None, "errors": ["GraphQL queries should have at most 10 root fields, got 11 root fields."]}),
    "no query": Ours(SLOW, message="Missing value for required parameter 'query'. See the API docs for mor"),
    "a query by GET": Ours(SLOW, 200, body={"data": {"test": {"output": "x"}}, "errors": None}),
}
