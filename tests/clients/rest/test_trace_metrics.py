"""POST 3.0/mlflow/traces/metrics: the numbers behind the charts of MLflow's pages."""

import json

import pytest

from trace_support import ROOT, send_info, send_spans

HOUR = 3_600_000
START = 1_735_689_600_000  # 2025-01-01T00:00:00Z
TOKENS = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}

FILLED = {}


class Charted:
    """Three traces; spans <name>-root and <name>-model each:

    at start   name    state  latency  session  tokens    cost  model  tags  assessments
    0 ms       a       OK     100      s1       10/5/15   0.3   gpt          q "yes", z (expected) "w"
    1500 ms    a       ERROR  250      s1                              k=v   q 3
    1 h 500ms  b       OK     400      s2       20/5/25                      q true (replaces false)
    """

    def __init__(self, api, unique):
        self.api = api
        if api.base not in FILLED:
            self.experiment = api.post("experiments/create", name=unique()).ok()["experiment_id"]
            self.run = api.new_run(self.experiment)["run_id"]
            first = self.trace("a", 0, 100, "s1", tokens=TOKENS, cost=0.3)
            second = self.trace("a", 1500, 250, "s1", state="ERROR", tags={"k": "v"})
            third = self.trace(
                "b", HOUR + 500, 400, "s2", tokens={**TOKENS, "input_tokens": 20, "total_tokens": 25}
            )
            self.assess(first, "q", feedback={"value": "yes"})
            self.assess(first, "z", expectation={"value": "w"})
            self.assess(second, "q", feedback={"value": 3})
            wrong = self.assess(third, "q", feedback={"value": False})
            self.assess(third, "q", feedback={"value": True}, overrides=wrong)
            api.post("traces/link-to-run", trace_ids=[second], run_id=self.run).ok()
            FILLED[api.base] = self.experiment, self.run
        self.experiment, self.run = FILLED[api.base]

    def trace(self, name, at, latency, session, state="OK", tokens=None, cost=None, tags=None):
        metadata = {"mlflow.trace.session": session}
        if tokens:
            metadata["mlflow.trace.tokenUsage"] = json.dumps(tokens)
        trace_id = send_info(
            self.api,
            self.experiment,
            START + at,
            latency,
            state,
            trace_metadata=metadata,
            tags={"mlflow.traceName": name, **(tags or {})},
        )
        start_ns = (START + at) * 1_000_000
        model = {"mlflow.spanType": "LLM"}
        if cost:
            model |= {
                "mlflow.llm.cost": {"input_cost": 0.1, "output_cost": 0.2, "total_cost": cost},
                "mlflow.llm.model": "gpt",
                "mlflow.llm.provider": "openai",
            }
        spans = [
            {"name": f"{name}-root", "end_ns": latency, "attributes": {"mlflow.spanType": "CHAIN"}},
            {"name": f"{name}-model", "end_ns": latency // 2, "attributes": model, "parent": 0},
        ]
        for span in spans:
            span["start_ns"] = start_ns
            span["end_ns"] = start_ns + span["end_ns"] * 1_000_000 + 999
        send_spans(self.api, self.experiment, trace_id, spans)
        return trace_id

    def assess(self, trace_id, name, **fields):
        body = {"assessment_name": name, "source": {"source_type": "CODE"}, **fields}
        path = f"{ROOT}/{trace_id}/assessments"
        return self.api.post(path, assessment=body).ok()["assessment"]["assessment_id"]

    def ask(self, view, metric, aggregations="COUNT", **fields):
        """Aggregations are written as "AVG,P50"."""
        wanted = [
            {"aggregation_type": "PERCENTILE", "percentile_value": float(one[1:])}
            if one.startswith("P")
            else {"aggregation_type": one}
            for one in aggregations.split(",")
        ]
        return self.api.post(
            f"{ROOT}/metrics",
            {
                "experiment_ids": [self.experiment],
                "view_type": view,
                "metric_name": metric,
                "aggregations": wanted,
                **fields,
            },
        )

    def points(self, view, metric, aggregations="COUNT", **fields):
        """[(dimensions in order of names, values)]"""
        found = self.ask(view, metric, aggregations, **fields).ok().get("data_points", [])
        assert all(point["metric_name"] == metric for point in found)
        return [
            (tuple(text for _, text in sorted(point.get("dimensions", {}).items())), point["values"])
            for point in found
        ]

    def count(self, view, metric, **fields):
        ((dimensions, values),) = self.points(view, metric, **fields)
        assert dimensions == ()
        return values["COUNT"]


@pytest.fixture
def charted(api, unique):
    return Charted(api, unique)


@pytest.mark.parametrize(
    "view, metric, aggregations, values",
    [
        ("TRACES", "trace_count", "COUNT", {"COUNT": 3}),
        ("TRACES", "session_count", "COUNT", {"COUNT": 2}),
        ("TRACES", "latency", "AVG,MIN,MAX", {"AVG": 250, "MIN": 100, "MAX": 400}),
        (
            "TRACES",
            "latency",
            "P0,P25,P50,P99.9,P100,AVG,MIN,MAX",
            {
                "P0.0": 100,
                "P25.0": 175,
                "P50.0": 250,
                "P99.9": 399.7,
                "P100.0": 400,
                "AVG": 250,
                "MIN": 100,
                "MAX": 400,
            },
        ),
        ("TRACES", "input_tokens", "SUM,AVG", {"SUM": 30, "AVG": 15}),
        ("TRACES", "output_tokens", "MIN,P50", {"MIN": 5, "P50.0": 5}),
        ("TRACES", "total_tokens", "SUM,P50", {"SUM": 40, "P50.0": 20}),
        ("SPANS", "span_count", "COUNT", {"COUNT": 6}),
        ("SPANS", "latency", "MAX,P50", {"MAX": 400, "P50.0": 162.5}),
        ("SPANS", "total_cost", "SUM,AVG,P50", {"SUM": 0.3, "AVG": 0.3, "P50.0": 0.3}),
        ("SPANS", "input_cost", "SUM", {"SUM": 0.1}),
        ("SPANS", "output_cost", "MAX", {"MAX": 0.2}),
        ("ASSESSMENTS", "assessment_count", "COUNT", {"COUNT": 4}),
        ("ASSESSMENTS", "assessment_value", "AVG,MAX,P50", {"AVG": 5 / 3, "MAX": 3, "P50.0": 1}),
    ],
)
def test_one_number_of_all(charted, view, metric, aggregations, values):
    ((dimensions, found),) = charted.points(view, metric, aggregations)
    assert dimensions == ()
    assert found == {name: pytest.approx(value) for name, value in values.items()}
    assert all(isinstance(value, float) for value in found.values())


@pytest.mark.parametrize("aggregations", ["SUM,AVG", "MAX,P50"])
def test_no_values_no_point(charted, aggregations):
    assert charted.ask("TRACES", "cache_read_input_tokens", aggregations).ok() == {}


def test_nothing_is_counted_too(charted, api):
    assert charted.count("TRACES", "trace_count", experiment_ids=["99999999"]) == 0
    assert charted.count("TRACES", "trace_count", experiment_ids=[]) == 0
    assert charted.points("TRACES", "trace_count", dimensions=["trace_name"], experiment_ids=[]) == []


@pytest.mark.parametrize(
    "view, metric, dimensions, points",
    [
        ("TRACES", "trace_count", ["trace_name"], [("a", 2), ("b", 1)]),
        (
            "TRACES",
            "trace_count",
            ["trace_name", "trace_status"],
            [("a", "ERROR", 1), ("a", "OK", 1), ("b", "OK", 1)],
        ),
        (
            "SPANS",
            "span_count",
            ["span_name", "span_type"],
            [
                ("a-model", "LLM", 2),
                ("a-root", "CHAIN", 2),
                ("b-model", "LLM", 1),
                ("b-root", "CHAIN", 1),
            ],
        ),
        ("SPANS", "span_count", ["span_status"], [("OK", 6)]),
        ("SPANS", "span_count", ["span_model_name", "span_model_provider"], [("gpt", "openai", 1)]),
        (
            "ASSESSMENTS",
            "assessment_count",
            ["assessment_name", "assessment_value"],
            [("q", '"yes"', 1), ("q", "3.0", 1), ("q", "true", 1), ("z", '"w"', 1)],
        ),
    ],
)
def test_dimensions(charted, view, metric, dimensions, points):
    found = charted.points(view, metric, dimensions=dimensions)
    assert [(*names, values["COUNT"]) for names, values in found] == points


@pytest.mark.parametrize("aggregations", ["AVG,MAX", "AVG,MAX,P50"])
def test_dimensions_with_and_without_percentiles(charted, aggregations):
    found = charted.points("TRACES", "latency", aggregations, dimensions=["trace_name"])
    assert [(names, values["AVG"], values["MAX"]) for names, values in found] == [
        (("a",), 175, 250),
        (("b",), 400, 400),
    ]
    limited = charted.points(
        "TRACES", "latency", aggregations, dimensions=["trace_name"], max_results=1
    )
    assert limited == found[:1]


@pytest.mark.parametrize(
    "view, metric, aggregations, seconds, points",
    [
        ("TRACES", "trace_count", "COUNT", 3600, {"00:00:00": 2, "01:00:00": 1}),
        ("TRACES", "trace_count", "COUNT", 1, {"00:00:00": 1, "00:00:01": 1, "01:00:00": 1}),
        ("TRACES", "latency", "P50", 3600, {"00:00:00": 175, "01:00:00": 400}),
        ("SPANS", "span_count", "COUNT", 60, {"00:00:00": 4, "01:00:00": 2}),
        ("SPANS", "total_cost", "SUM", 86400, {"00:00:00": 0.3}),
        ("ASSESSMENTS", "assessment_value", "AVG", 3600, {"00:00:00": 2, "01:00:00": 1}),
    ],
)
def test_by_time(charted, view, metric, aggregations, seconds, points):
    found = charted.points(
        view,
        metric,
        aggregations,
        time_interval_seconds=seconds,
        start_time_ms=START,
        end_time_ms=START + 2 * HOUR,
    )
    shown = [(time, *values.values()) for (time,), values in found]
    assert shown == [
        (f"2025-01-01T{time}+00:00", pytest.approx(value)) for time, value in points.items()
    ]


def test_by_time_and_name(charted):
    found = charted.ask(
        "TRACES",
        "trace_count",
        time_interval_seconds=3600,
        start_time_ms=START,
        end_time_ms=START + 2 * HOUR,
        dimensions=["trace_name"],
    ).ok()["data_points"]
    assert [(point["dimensions"], point["values"]) for point in found] == [
        ({"time_bucket": "2025-01-01T00:00:00+00:00", "trace_name": "a"}, {"COUNT": 2.0}),
        ({"time_bucket": "2025-01-01T01:00:00+00:00", "trace_name": "b"}, {"COUNT": 1.0}),
    ]


@pytest.mark.parametrize(
    "view, metric, start, end, count",
    [
        ("TRACES", "trace_count", 0, None, 3),
        ("TRACES", "trace_count", 1, None, 2),
        ("TRACES", "trace_count", 1500, 1500, 1),
        ("TRACES", "trace_count", None, 1499, 1),
        ("SPANS", "span_count", 1, None, 4),
        ("ASSESSMENTS", "assessment_count", None, 0, 2),
    ],
)
def test_ranges_of_time(charted, view, metric, start, end, count):
    fields = {}
    if start is not None:
        fields["start_time_ms"] = START + start
    if end is not None:
        fields["end_time_ms"] = START + end
    assert charted.count(view, metric, **fields) == count


def test_costs_count_by_the_start_of_their_span(charted):
    assert charted.points("SPANS", "total_cost", "SUM", start_time_ms=START + 1) == []
    ((_, values),) = charted.points(
        "SPANS", "total_cost", "SUM", start_time_ms=START, end_time_ms=START
    )
    assert values == {"SUM": pytest.approx(0.3)}


@pytest.mark.parametrize(
    "view, metric, filters, count",
    [
        ("TRACES", "trace_count", ["trace.status = 'OK'"], 2),
        ("TRACES", "trace_count", ['trace.status = "ERROR"'], 1),
        ("TRACES", "trace_count", ["trace.tag.k = 'v'"], 1),
        ("TRACES", "trace_count", ["trace.tag.`k` = 'v'"], 1),
        ("TRACES", "trace_count", ["trace.tag.\"k\" = 'v'"], 1),
        ("TRACES", "trace_count", ["trace.tag.mlflow.traceName = 'a'"], 2),
        ("TRACES", "trace_count", ["trace.metadata.mlflow.trace.session = 's1'"], 2),
        ("TRACES", "trace_count", ["trace.metadata.`mlflow.trace.session` = 's2'"], 1),
        ("TRACES", "trace_count", [f"trace.metadata.mlflow.trace.tokenUsage = '{json.dumps(TOKENS)}'"], 1),
        ("TRACES", "trace_count", ["trace.metadata.mlflow.trace.tokenUsage = '{}'"], 0),
        ("TRACES", "trace_count", ["trace.metadata.mlflow.sourceRun = '{run}'"], 1),
        ("TRACES", "trace_count", ["trace.status = 'OK'", "trace.tag.mlflow.traceName = 'a'"], 1),
        ("SPANS", "span_count", ["span.name = 'a-model'"], 2),
        ("SPANS", "span_count", ["span.type = 'LLM'", "span.status = 'OK'"], 3),
        ("SPANS", "span_count", ["trace.status = 'ERROR'"], 2),
        ("ASSESSMENTS", "assessment_count", ["assessment.name = 'q'"], 3),
        ("ASSESSMENTS", "assessment_count", ["assessment.type = 'expectation'"], 1),
        ("ASSESSMENTS", "assessment_count", ["trace.status = 'OK'"], 3),
        ("ASSESSMENTS", "assessment_count", ["trace.tag.k = 'v'"], 1),
        ("ASSESSMENTS", "assessment_count", ["trace.tag.mlflow.traceName = 'a'"], 3),
        ("ASSESSMENTS", "assessment_count", ["trace.metadata.mlflow.trace.session = 's1'"], 3),
    ],
)
def test_filters(charted, view, metric, filters, count):
    filters = [one.replace("{run}", charted.run) for one in filters]
    assert charted.count(view, metric, filters=filters) == count


@pytest.mark.parametrize(
    "filter, message",
    [
        ("trace.status != 'OK'", "Invalid comparator: '!=', only '=' operator is supported"),
        ("trace.status LIKE 'O%'", "Invalid comparator: 'LIKE', only '=' operator is supported"),
        ("trace.status = OK", "Parameter value is either not quoted or unidentified quote types"),
        ("trace.status = 5", "Expected a quoted string value for status value (e.g. 'my-value'). Got value 5"),
        ("trace.bogus = 'x'", "Invalid entity 'bogus' specified for view type 'trace'. Valid entities are ['status', 'tag', 'metadata']"),
        ("bogus.x = 'y'", "Invalid view type 'bogus'. Valid values are dict_keys(['trace', 'span', 'assessment'])"),
        ("status = 'OK'", "Invalid identifier 'status'. Columns should be specified as 'trace.<key>', 'span.<key>', 'assessment.<key>'."),
        ("trace.tag = 'x'", "Filtering by tag requires a key, e.g. 'trace.tag.<key> = <value>'"),
        ("trace.status.k = 'x'", "Filtering by status does not require a key, use 'trace.status' instead"),
        ("span.name = 'a'", "Filtering by span is only supported for SPANS view type, got TRACES"),
        ("assessment.name = 'q'", "Filtering by assessment is only supported for ASSESSMENTS view type, got TRACES"),
        ("trace.status = 'OK' AND trace.tag.k = 'v'", "Invalid clause(s) in filter string: AND"),
        ("", "Invalid filter: ''. Expected one filter clause."),
        (" ", "Invalid filter ' '. Could not be parsed."),
        ("junk", "Invalid clause(s) in filter string: junk"),
    ],
)  # fmt: skip
def test_a_bad_filter_is_refused(charted, filter, message):
    charted.ask("TRACES", "trace_count", filters=[filter]).invalid(message)


def test_what_a_metric_does_not_have(charted):
    charted.ask("TRACES", "bogus").invalid(
        "metric_name must be one of ['trace_count', 'session_count', 'latency', 'input_tokens', "
        "'output_tokens', 'total_tokens', 'cache_read_input_tokens', "
        "'cache_creation_input_tokens'], got 'bogus'"
    )
    charted.ask("TRACES", "latency", "SUM,COUNT").invalid(
        "Found invalid aggregation_type(s): ['COUNT', 'SUM']. "
        "Supported aggregation types: ['AVG', 'MAX', 'MIN', 'PERCENTILE']"
    )
    charted.ask("TRACES", "trace_count", dimensions=["bogus", "abc"]).invalid(
        "Found invalid dimension(s): ['abc', 'bogus']. "
        "Supported dimensions: ['trace_name', 'trace_status']"
    )
    charted.ask("TRACES", "session_count", dimensions=["trace_name"]).invalid(
        "Found invalid dimension(s): ['trace_name']. Supported dimensions: []"
    )
    charted.ask("TRACES", "trace_count", time_interval_seconds=60).invalid(
        "start_time_ms and end_time_ms are required if time_interval_seconds is set"
    )


def test_bad_input(api, charted):
    path = f"{ROOT}/metrics"
    body = {}
    for name, value in (
        ("experiment_ids", [charted.experiment]),
        ("view_type", "TRACES"),
        ("metric_name", "latency"),
    ):
        api.post(path, body).missing(name)
        body[name] = value
    api.post(path, body).missing("aggregations")
    charted.ask("TRACES", "trace_count", experiment_ids=["abc"]).invalid(
        "Invalid experiment ID 'abc'."
    )
    for name in ("filters", "dimensions"):
        charted.ask("TRACES", "trace_count", **{name: "x"}).wrong_type(name, '"x"', "str")
    charted.ask("TRACES", "trace_count", start_time_ms="x").wrong_type("start_time_ms", '"x"', "str")


@pytest.mark.parametrize(
    "aggregation, message",
    [
        ({"aggregation_type": "PERCENTILE"}, "Percentile value is required for PERCENTILE"),
        (
            {"aggregation_type": "PERCENTILE", "percentile_value": 101},
            "Percentile value must be between 0 and 100, got 101.0",
        ),
        (
            {"aggregation_type": "AVG", "percentile_value": 5},
            "Percentile value is only allowed for PERCENTILE aggregation type, got AVG",
        ),
    ],
)
def test_percentiles_that_break_the_reference(charted, is_reference, aggregation, message):
    answer = charted.api.post(
        f"{ROOT}/metrics",
        experiment_ids=[charted.experiment],
        view_type="TRACES",
        metric_name="latency",
        aggregations=[aggregation],
    )
    if is_reference:
        assert answer.status == 500
    else:
        answer.invalid(message)
