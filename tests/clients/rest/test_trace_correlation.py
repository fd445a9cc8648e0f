"""POST 3.0/mlflow/traces/calculate-filter-correlation: how far two filters find the same traces."""

import pytest

from trace_support import ROOT, send_info

FILLED = {}


class Correlated:
    """Ten traces: five are named a, of which four failed; of the five others, one failed."""

    def __init__(self, api, unique):
        self.api = api
        if api.base not in FILLED:
            experiment = api.post("experiments/create", name=unique()).ok()["experiment_id"]
            for i in range(10):
                name = "a" if i < 5 else "b"
                send_info(
                    api,
                    experiment,
                    start_ms=i,
                    state="ERROR" if i in (0, 1, 2, 3, 9) else "OK",
                    tags={"mlflow.traceName": name, "same": "yes"},
                )
            FILLED[api.base] = experiment
        self.experiment = FILLED[api.base]

    def ask(self, first, second, **fields):
        return self.api.post(
            f"{ROOT}/calculate-filter-correlation",
            {
                "experiment_ids": [self.experiment],
                "filter_string1": first,
                "filter_string2": second,
                **fields,
            },
        )

    def counts(self, first, second, **fields):
        found = self.ask(first, second, **fields).ok()
        names = ("filter1_count", "filter2_count", "joint_count", "total_count")
        return tuple(found.pop(name) for name in names), found


@pytest.fixture
def correlated(api, unique):
    return Correlated(api, unique)


@pytest.mark.parametrize(
    "first, second, counts, npmi, smoothed",
    [
        ("name = 'a'", "status = 'ERROR'", (5, 5, 4, 10), 0.5129415947320599, 0.4133901052228477),
        ("name = 'b'", "status = 'ERROR'", (5, 5, 1, 10), -0.3979400086720376, -0.3333333333333333),
        ("name = 'a'", "name = 'b'", (5, 5, 0, 10), -1.0, -0.5637914160289369),
        ("name = 'a'", "name = 'a'", (5, 5, 5, 10), 1.0, 0.7769392487011186),
        ("tags.same = 'yes'", "timestamp_ms >= 0", (10, 10, 10, 10), 1.0, 1.0),
        ("tags.same = 'yes'", "name = 'a'", (10, 5, 5, 10), 0.0, None),
    ],
)
def test_correlation(correlated, first, second, counts, npmi, smoothed):
    found, values = correlated.counts(first, second)
    assert found == counts
    assert values["npmi"] == pytest.approx(npmi)
    if smoothed is not None:
        assert values["npmi_smoothed"] == pytest.approx(smoothed)
    # Both ways round it is the same.
    assert correlated.counts(second, first)[1] == pytest.approx(values)


def test_what_is_never_found_has_no_correlation(correlated):
    assert correlated.counts("name = 'a'", "name = 'zzz'") == ((5, 0, 0, 10), {})
    assert correlated.counts("name = 'zzz'", "name = 'a'") == ((0, 5, 0, 10), {})
    nothing = (0, 0, 0, 0), {}
    assert correlated.counts("name = 'a'", "name = 'b'", experiment_ids=["99999999"]) == nothing
    assert correlated.counts("name = 'a'", "name = 'b'", experiment_ids=[]) == nothing


def test_a_base_filter_bounds_all(correlated):
    found, values = correlated.counts(
        "name = 'a'", "status = 'ERROR'", base_filter="timestamp_ms > 1 AND tags.same = 'yes'"
    )
    assert found == (3, 3, 2, 8)
    assert values["npmi"] == pytest.approx(0.4150375)
    found, _ = correlated.counts("name = 'a'", "status = 'ERROR'", base_filter="")
    assert found == (5, 5, 4, 10)


def test_bad_input(api, correlated):
    path = f"{ROOT}/calculate-filter-correlation"
    body = {}
    for name, value in (
        ("experiment_ids", [correlated.experiment]),
        ("filter_string1", "name = 'a'"),
        ("filter_string2", "name = 'b'"),
    ):
        api.post(path, body).missing(name)
        body[name] = value
    api.post(path, {**body, "filter_string1": ""}).missing("filter_string1")
    correlated.ask("name = 'a'", "name = 'b'", experiment_ids=["abc"]).invalid(
        "Invalid experiment ID 'abc'."
    )
    for bad in ({"filter_string1": "junk"}, {"filter_string2": "junk"}, {"base_filter": "junk"}):
        api.post(path, {**body, **bad}).invalid("Invalid clause(s) in filter string: 'junk'")
