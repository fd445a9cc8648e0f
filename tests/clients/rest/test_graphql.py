"""POST /graphql: the four queries of MLflow's web UI, and the rest of its schema."""

import pytest

RUN = """
query GetRun($data: MlflowGetRunInput!) @component(name: "MLflow.ExperimentRunTracking") {
  mlflowGetRun(input: $data) {
    apiError { helpUrl code message }
    run {
      info { runName status runUuid experimentId artifactUri endTime lifecycleStage startTime userId }
      experiment { experimentId name tags { key value } artifactLocation lifecycleStage }
      modelVersions { status version name source }
      data {
        metrics { key value step timestamp }
        params { key value }
        tags { key value }
      }
      inputs {
        datasetInputs { dataset { digest name profile schema source sourceType } tags { key value } }
        modelInputs { modelId }
      }
      outputs { modelOutputs { modelId step } }
    }
  }
}"""


def ask(api, query, variables=None, operation=None):
    body = {"query": query, "variables": variables, "operationName": operation}
    return api.send("POST", "/graphql", json=body).ok()


def data(api, query, variables=None):
    answer = ask(api, query, variables)
    assert answer["errors"] is None, answer
    return answer["data"]


def mistakes(api, query, variables=None):
    answer = ask(api, query, variables)
    assert answer["data"] is None, answer
    return answer["errors"]


@pytest.fixture
def full_run(api, experiment, unique):
    run = api.new_run(experiment, run_name="named", user_id="somebody", start_time=5)["run_id"]
    api.post("runs/log-parameter", run_id=run, key="p", value="v").ok()
    api.post("runs/set-tag", run_id=run, key="t", value="w").ok()
    for key, value in (("m", 1.5), ("big", 2.0)):
        api.post(
            "runs/log-metric", run_id=run, key=key, value=value, timestamp=7, step=2**53 + 1
        ).ok()
    api.post("runs/log-metric", run_id=run, key="nan", value="NaN", timestamp=7, step=1).ok()
    dataset = {"name": "d", "digest": "x", "source_type": "local", "source": "s"}
    tags = [{"key": "mlflow.data.context", "value": "training"}]
    api.post("runs/log-inputs", run_id=run, datasets=[{"dataset": dataset, "tags": tags}]).ok()
    model = unique("model")
    api.post("registered-models/create", name=model).ok()
    api.post("model-versions/create", name=model, source=f"runs:/{run}/m", run_id=run).ok()
    return run, model


def test_a_run_as_the_run_page_asks_for_it(api, experiment, full_run):
    run, model = full_run
    answer = data(api, RUN, {"data": {"runId": run}})["mlflowGetRun"]
    assert answer["apiError"] is None
    shown = answer["run"]
    assert shown["info"] == {
        "runName": "named", "status": "RUNNING", "runUuid": run, "experimentId": experiment,
        "artifactUri": shown["info"]["artifactUri"], "endTime": "0", "lifecycleStage": "active",
        "startTime": "5", "userId": "somebody",
    }
    assert shown["info"]["artifactUri"].endswith(f"/{run}/artifacts")
    assert shown["experiment"]["experimentId"] == experiment
    assert shown["modelVersions"] == [
        {"status": "READY", "version": "1", "name": model, "source": f"runs:/{run}/m"}
    ]
    points = {point.pop("key"): point for point in shown["data"]["metrics"]}
    assert points == {
        "m": {"value": 1.5, "step": "9007199254740993", "timestamp": "7"},
        "big": {"value": 2.0, "step": "9007199254740993", "timestamp": "7"},
        "nan": {"value": None, "step": "1", "timestamp": "7"},
    }
    assert shown["data"]["params"] == [{"key": "p", "value": "v"}]
    assert {"key": "t", "value": "w"} in shown["data"]["tags"]
    assert shown["inputs"] == {
        "datasetInputs": [
            {
                "dataset": {
                    "digest": "x", "name": "d", "profile": "", "schema": "", "source": "s",
                    "sourceType": "local",
                },
                "tags": [{"key": "mlflow.data.context", "value": "training"}],
            }
        ],
        "modelInputs": [],
    }
    assert shown["outputs"] == {"modelOutputs": []}


def test_an_unknown_run_is_an_error_beside_null(api):
    answer = ask(api, RUN, {"data": {"runId": "0" * 32}})
    assert answer == {
        "data": {"mlflowGetRun": None},
        "errors": [f"Run with id={'0' * 32} not found"],
    }


def test_an_experiment(api, unique):
    name = unique("experiment")
    tags = [{"key": "team", "value": "red"}]
    made = api.post("experiments/create", name=name, tags=tags).ok()["experiment_id"]
    answer = data(
        api,
        """query ($input: MlflowGetExperimentInput!) { mlflowGetExperiment(input: $input) {
          apiError { code } experiment { name experimentId effectiveTraceArchivalRetention
          lifecycleStage tags { key value } creationTime } } }""",
        {"input": {"experimentId": made}},
    )["mlflowGetExperiment"]
    assert answer["apiError"] is None
    assert answer["experiment"].pop("creationTime").isdigit()
    assert answer["experiment"] == {
        "name": name, "experimentId": made, "effectiveTraceArchivalRetention": "",
        "lifecycleStage": "active", "tags": tags,
    }
    missing = ask(api, '{ mlflowGetExperiment(input: {experimentId: "123456"}) { apiError { code } } }')
    assert missing["errors"] == ["No Experiment with id=123456 exists"]


@pytest.mark.parametrize("kind", ["query", "mutation"])
def test_runs_are_searched(api, experiment, full_run, kind):
    run, model = full_run
    other = api.new_run(experiment)["run_id"]
    query = kind + """ Search($input: MlflowSearchRunsInput!) {
      mlflowSearchRuns(input: $input) {
        nextPageToken
        runs { info { runId } experiment { experimentId } modelVersions { name } }
      } }"""
    everything = {"experimentIds": [experiment], "orderBy": ["attributes.start_time DESC"]}
    runs = data(api, query, {"input": everything})["mlflowSearchRuns"]["runs"]
    assert {(each["info"]["runId"], len(each["modelVersions"])) for each in runs} == {
        (run, 1), (other, 0)
    }
    assert [each["experiment"]["experimentId"] for each in runs] == [experiment] * 2
    found = data(api, query, {"input": everything | {"filter": "params.p = 'v'", "maxResults": 1}})
    assert [each["info"]["runId"] for each in found["mlflowSearchRuns"]["runs"]] == [run]
    assert found["mlflowSearchRuns"]["runs"][0]["modelVersions"] == [{"name": model}]
    wrong = ask(api, query, {"input": everything | {"filter": "metrics.a >> 3"}})
    assert wrong["data"] == {"mlflowSearchRuns": None}
    assert wrong["errors"][0].startswith("Invalid comparator '>>'")


def test_the_view_type_of_a_search(api, experiment, run, is_reference):
    api.post("runs/delete", run_id=run).ok()
    kept = api.new_run(experiment)["run_id"]
    for view, expected in (("ACTIVE_ONLY", {kept}), ("DELETED_ONLY", {run}), ("ALL", {run, kept})):
        answer = ask(
            api,
            '{ mlflowSearchRuns(input: {experimentIds: ["%s"], runViewType: %s}) '
            "{ runs { info { runId } } } }" % (experiment, view),
        )
        if is_reference:  # it fails at its own enum
            assert "run_view_type" in answer["errors"][0]
        else:
            runs = answer["data"]["mlflowSearchRuns"]["runs"]
            assert {each["info"]["runId"] for each in runs} == expected


def test_datasets_are_searched(api, experiment, full_run):
    query = """mutation ($ids: [String]) { mlflowSearchDatasets(input: {experimentIds: $ids}) {
      datasetSummaries { experimentId name digest context } } }"""
    assert data(api, query, {"ids": [experiment]})["mlflowSearchDatasets"] == {
        "datasetSummaries": [
            {"experimentId": experiment, "name": "d", "digest": "x", "context": "training"}
        ]
    }
    sentence = "SearchDatasets request must specify at least one experiment_id."
    assert ask(api, query, {"ids": []})["errors"] == [sentence]
    many = ask(api, query, {"ids": [str(number) for number in range(21)]})
    assert "cannot specify more than 20 experiment_ids" in many["errors"][0]


def test_the_points_of_a_curve(api, run):
    for step in range(5):
        api.post("runs/log-metric", run_id=run, key="m", value=step / 2, timestamp=1, step=step).ok()
    answer = data(
        api,
        """query ($data: MlflowGetMetricHistoryBulkIntervalInput!) {
          mlflowGetMetricHistoryBulkInterval(input: $data) {
            __typename metrics { timestamp step runId key value } apiError { code message } } }""",
        {"data": {"runIds": [run], "metricKey": "m", "maxResults": 100}},
    )["mlflowGetMetricHistoryBulkInterval"]
    assert answer["__typename"] == "MlflowGetMetricHistoryBulkIntervalResponse"
    assert answer["metrics"] == [
        {"timestamp": "1", "step": str(step), "runId": run, "key": "m", "value": step / 2}
        for step in range(5)
    ]


def test_files_are_listed(api, experiment, run):
    path = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/d/x.txt"
    assert api.send("PUT", path, data=b"hello").status == 200
    query = """query ($run: String, $path: String) {
      mlflowListArtifacts(input: {runId: $run, path: $path}) {
        rootUri nextPageToken files { path isDir fileSize } } }"""
    top = data(api, query, {"run": run})["mlflowListArtifacts"]
    assert top["rootUri"].endswith(f"/{run}/artifacts")
    assert top["files"] == [{"path": "d", "isDir": True, "fileSize": "0"}]
    below = data(api, query, {"run": run, "path": "d"})["mlflowListArtifacts"]
    assert below["files"] == [{"path": "d/x.txt", "isDir": False, "fileSize": "5"}]
    assert ask(api, query, {"run": run, "path": "../d"})["errors"] == ["Invalid path"]


def test_model_versions_are_searched(api, full_run):
    _, model = full_run
    query = """query ($filter: String, $max: LongString) {
      mlflowSearchModelVersions(input: {filter: $filter, maxResults: $max}) {
        nextPageToken modelVersions { name version status currentStage aliases } } }"""
    assert data(api, query, {"filter": f"name = '{model}'", "max": "5"}) == {
        "mlflowSearchModelVersions": {
            "nextPageToken": "",
            "modelVersions": [
                {"name": model, "version": "1", "status": "READY", "currentStage": "None", "aliases": []}
            ],
        }
    }


def test_the_echo(api):
    assert data(api, '{ test(inputString: "a") { output __typename } }') == {
        "test": {"output": "a", "__typename": "Test"}
    }
    assert data(api, '{ ...f } fragment f on Query { one: test(inputString: "a") { o: output } }') == {
        "one": {"o": "a"}
    }


def test_mistakes_are_explained_in_words(api):
    assert mistakes(api, '{ test(inputString: "a") { outputt } }') == [
        "Cannot query field 'outputt' on type 'Test'. Did you mean 'output'?"
    ]
    assert mistakes(api, "{ mlflowGetRun(input: {bad: 1}) { apiError { code } } }") == [
        "Field 'bad' is not defined by type 'MlflowGetRunInput'."
    ]
    assert mistakes(api, RUN, {}) == [
        "Variable '$data' of required type 'MlflowGetRunInput!' was not provided."
    ]
    assert mistakes(api, RUN, {"data": {"bad": 1}}) == [
        "Variable '$data' got invalid value {'bad': 1}; "
        "Field 'bad' is not defined by type 'MlflowGetRunInput'."
    ]
    many = " ".join(f'a{number}: test(inputString: "x") {{ output }}' for number in range(11))
    (sentence,) = mistakes(api, "{" + many + "}")
    assert "at most 10 root fields, got 11 root fields" in sentence


def test_a_query_that_is_none(api):
    answer = api.send("POST", "/graphql", json={"query": "{"})
    answer.refused(400, "BAD_REQUEST", "Syntax Error", reference_fails=True)
    api.post_text("/graphql", "query { test }", "text/plain").invalid("Content-Type must be one of")
