"""What MLflow's own pages ask about traces, in the words its browser code uses."""

import pytest

from trace_support import ROOT, send_info, send_spans

PAGES = ROOT.replace("/api/", "/ajax-api/")
START = 1_735_689_600_000

FILLED = {}


class Shown:
    """Traces a, b, c, made in this order, of sessions s-one, s-one and s-two."""

    def __init__(self, api, unique):
        self.api = api
        if api.base not in FILLED:
            experiment = api.post("experiments/create", name=unique()).ok()["experiment_id"]
            ids = {}
            for i, name in enumerate("abc"):
                trace_id = send_info(
                    api,
                    experiment,
                    START + i * 1000,
                    (i + 1) * 100,
                    "ERROR" if name == "b" else "OK",
                    trace_metadata={
                        "mlflow.trace.session": "s-two" if name == "c" else "s-one",
                        "mlflow.trace.user": f"user-{name}",
                        "mlflow.source.name": "app.py",
                    },
                    tags={"mlflow.traceName": name, "my tag": name},
                )
                start_ns = (START + i * 1000) * 1_000_000
                span = {
                    "name": f"step-{name}",
                    "start_ns": start_ns,
                    "end_ns": start_ns + 5,
                    "attributes": {"mlflow.spanInputs": {"question": f"What is {name.upper()}?"}},
                }
                send_spans(api, experiment, trace_id, [span])
                ids[name] = trace_id
            feedback = {"assessment_name": "my quality", "feedback": {"value": "good"}}
            feedback |= {"source": {"source_type": "HUMAN", "source_id": "me"}, "trace_id": ids["a"]}
            api.post(f"{PAGES}/{ids['a']}/assessments", assessment=feedback).ok()
            FILLED[api.base] = experiment, ids
        self.experiment, self.ids = FILLED[api.base]
        self.names = {trace_id: name for name, trace_id in self.ids.items()}

    def search(self, **fields):
        location = {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": self.experiment},
        }
        body = {"locations": [location], "max_results": 100, **fields}
        return self.api.post(f"{PAGES}/search", body).ok()

    def find(self, **fields):
        found = self.search(**fields).get("traces", [])
        return "".join(self.names[one["trace_id"]] for one in found)


@pytest.fixture
def shown(api, unique):
    return Shown(api, unique)


@pytest.mark.parametrize(
    "filter, names",
    [
        ("attributes.status = 'ERROR'", "b"),
        ("attributes.execution_time_ms >= 200", "cb"),
        ("attributes.name = 'a'", "a"),
        ("attributes.name ILIKE '%A%'", "a"),
        (f"attributes.timestamp_ms > {START} AND attributes.timestamp_ms < {START + 2000}", "b"),
        ("request_metadata.\"mlflow.trace.user\" = 'user-b'", "b"),
        ("request_metadata.mlflow.trace.session = 's-one'", "ba"),
        ("request_metadata.mlflow.trace.session ILIKE '%TWO%'", "c"),
        ("request_metadata.\"mlflow.source.name\" = 'app.py'", "cba"),
        ("span.name ILIKE '%STEP-A%'", "a"),
        ("span.content ILIKE '%what is b%'", "b"),
        ("trace.text ILIKE '%what is c%'", "c"),
        ("span.status = 'OK'", "cba"),
        ("tags.`my tag` = 'b'", "b"),
        ("feedback.`my quality` = 'good'", "a"),
        ("feedback.`my quality` IS NULL", "cb"),
        ("expectation.`my quality` = 'good'", ""),
    ],
)
def test_the_filters_of_the_table(shown, filter, names):
    assert shown.find(filter=filter, order_by=["timestamp DESC"]) == names


@pytest.mark.parametrize(
    "order, names",
    [
        ("timestamp DESC", "cba"),
        ("timestamp_ms DESC", "cba"),
        ("timestamp ASC", "abc"),
        ("execution_time ASC", "abc"),
        ("attributes.timestamp_ms ASC", "abc"),
    ],
)
def test_the_orders_of_the_table(shown, order, names):
    assert shown.find(order_by=[order]) == names


def test_the_next_rows_of_the_table(shown):
    first = shown.search(max_results=2, order_by=["timestamp DESC"])
    assert [shown.names[one["trace_id"]] for one in first["traces"]] == ["c", "b"]
    token = first["next_page_token"]
    assert shown.find(max_results=2, order_by=["timestamp DESC"], page_token=token) == "a"


def test_the_rows_of_the_sessions_page(shown):
    rows = shown.search(filter="request_metadata.mlflow.trace.session = 's-one'")["traces"]
    for row in rows:
        assert row["trace_metadata"]["mlflow.trace.session"] == "s-one"
        assert row["trace_metadata"]["mlflow.trace.user"].startswith("user-")


def test_infos_by_id(api, shown):
    wanted = [shown.ids["a"], shown.ids["c"], "tr-nope"]
    found = api.post(f"{PAGES}/batchGetInfos", trace_ids=wanted).ok()["trace_infos"]
    assert {one["trace_id"] for one in found} == {shown.ids["a"], shown.ids["c"]}
    (assessment,) = next(one for one in found if one["trace_id"] == shown.ids["a"])["assessments"]
    assert assessment["feedback"] == {"value": "good"}
    assert found == [
        api.get(f"{PAGES}/{one['trace_id']}").ok()["trace"]["trace_info"] for one in found
    ]


def test_feedback_given_on_the_page(api, shown):
    path = f"{PAGES}/{shown.ids['c']}/assessments"
    source = {"source_type": "HUMAN", "source_id": "default"}
    new = {"assessment_name": "thumbs", "source": source, "feedback": {"value": True}}
    made = api.post(path, assessment={**new, "trace_id": shown.ids["c"]}).ok()["assessment"]
    one = f"{path}/{made['assessment_id']}"
    changed = api.patch(
        one,
        assessment={"feedback": {"value": False}, "rationale": "no"},
        update_mask="feedback,rationale",
    ).ok()["assessment"]
    assert (changed["feedback"], changed["rationale"]) == ({"value": False}, "no")
    assert api.send("DELETE", one).ok() == {}
    api.get(one).absent("not found")


def test_the_charts_of_the_overview(api, shown):
    def chart(view, metric, aggregations, **fields):
        body = {
            "experiment_ids": [shown.experiment],
            "view_type": view,
            "metric_name": metric,
            "aggregations": aggregations,
            "start_time_ms": START,
            "end_time_ms": START + 3_600_000,
            **fields,
        }
        return api.post(f"{PAGES}/metrics", body).ok()["data_points"]

    count = [{"aggregation_type": "COUNT"}]
    by_time = chart("TRACES", "trace_count", count, time_interval_seconds=60)
    assert [point["values"] for point in by_time] == [{"COUNT": 3.0}]
    by_status = chart("TRACES", "trace_count", count, dimensions=["trace_status"])
    assert {p["dimensions"]["trace_status"]: p["values"]["COUNT"] for p in by_status} == {
        "OK": 2.0,
        "ERROR": 1.0,
    }
    percentiles = [
        {"aggregation_type": "PERCENTILE", "percentile_value": value} for value in (50, 90, 99)
    ]
    (latency,) = chart("TRACES", "latency", percentiles, time_interval_seconds=60)
    assert set(latency["values"]) == {"P50.0", "P90.0", "P99.0"}
    names = chart("ASSESSMENTS", "assessment_count", count, dimensions=["assessment_name"])
    assert [point["dimensions"]["assessment_name"] for point in names] == ["my quality"]
