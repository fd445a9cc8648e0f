"""Searching for traces: the filter, the order and the pages."""

import pytest

TRACES = "/api/3.0/mlflow/traces"


def place(*experiments):
    return [
        {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": one}}
        for one in experiments
    ]


@pytest.fixture(scope="module")
def module_cache():
    return {}


@pytest.fixture
def world(api, module_cache, unique):
    """Three traces a, b and c, one second apart, and the search among them."""
    if "experiment" not in module_cache:
        experiment = api.post("experiments/create", name=unique("search")).ok()["experiment_id"]
        run = api.new_run(experiment)["run_id"]
        ids = {}
        moment = "2025-01-01T00:00:00Z"
        common = {"source": {"source_type": "HUMAN"}, "create_time": moment,
                  "last_update_time": moment}
        details = {
            "a": {
                "state": "OK",
                "execution_duration": "5s",
                "client_request_id": "client-a",
                "tags": {"mlflow.traceName": "first", "team": "red"},
                "trace_metadata": {"k": "x", "mlflow.sourceRun": run, "mlflow.trace.session": "s"},
                "assessments": [
                    {"assessment_name": "score", "feedback": {"value": 0.8}, **common},
                    {"assessment_name": "good", "feedback": {"value": "yes"}, **common},
                    {"assessment_name": "right", "expectation": {"value": True}, **common},
                ],
            },
            "b": {
                "state": "ERROR",
                "execution_duration": "1s",
                "tags": {"mlflow.traceName": "second", "team": "blue"},
                "trace_metadata": {
                    "k": "y",
                    "mlflow.trace.tokenUsage": '{"input_tokens": 3, "total_tokens": 3}',
                },
            },
            "c": {"state": "IN_PROGRESS"},
        }
        for second, (name, fields) in enumerate(details.items(), 1):
            ids[unique("tr")] = name
            info = {
                "trace_id": list(ids)[-1],
                "trace_location": place(experiment)[0],
                "request_time": f"2025-01-01T00:00:0{second}Z",
                **fields,
            }
            api.post(TRACES, {"trace": {"trace_info": info}}).ok()
        module_cache.update(experiment=experiment, ids=ids, run=run)

    def search(filter_string="", *order_by, **more):
        return api.post(
            f"{TRACES}/search",
            locations=place(module_cache["experiment"]),
            filter=filter_string,
            order_by=list(order_by),
            **more,
        )

    search.names = lambda *arguments: "".join(
        module_cache["ids"][one["trace_id"]] for one in search(*arguments).ok().get("traces", [])
    )
    search.run = module_cache["run"]
    search.ids = {name: trace_id for trace_id, name in module_cache["ids"].items()}
    return search


@pytest.mark.parametrize(
    "filter_string, found",
    [
        ("", "cba"),
        ("status = 'OK'", "a"),
        ("trace.status != 'OK'", "cb"),
        ("attributes.status IN ('OK', 'ERROR')", "ba"),
        ("status NOT IN ('OK', 'ERROR')", "c"),
        ("status LIKE 'E%'", "b"),
        ("status ILIKE 'e%'", "b"),
        ("status RLIKE '^(OK|ERR)'", "ba"),
        ("timestamp_ms > 1735689601000", "cb"),
        ("timestamp >= 1735689602000 AND timestamp < 1735689603000", "b"),
        ("execution_time_ms > 1000", "a"),
        ("end_time = 1735689606000", "a"),
        ("client_request_id = 'client-a'", "a"),
        ("name = 'first'", "a"),
        ("name LIKE '%s%'", "ba"),
        ("tags.team = 'red'", "a"),
        ("tag.team != 'red'", "b"),
        ("tags.`team` LIKE 'b%'", "b"),
        ("tags.team ILIKE 'R%'", "a"),
        ("tags.team RLIKE 'e$'", "b"),
        ("tags.team IS NULL", "c"),
        ("tags.team IS NOT NULL", "ba"),
        ("metadata.k = 'x'", "a"),
        ("request_metadata.k != 'x'", "b"),
        ("metadata.k IS NULL", "c"),
        ("metadata.`mlflow.trace.session` = 's'", "a"),
        ("metadata.`mlflow.trace.session` IS NULL", "cb"),
        ("metadata.`mlflow.trace.tokenUsage` IS NOT NULL", "b"),
        (
            "metadata.`mlflow.trace.tokenUsage` = '{\"input_tokens\": 3, \"total_tokens\": 3}'",
            "b",
        ),
        ("feedback.score > 0.5", "a"),
        ("feedback.score < 0.5", ""),
        ("feedback.good = 'yes'", "a"),
        ("feedback.good LIKE '%es%'", "a"),
        ("feedback.good IS NULL", "cb"),
        ("expectation.right = 'true'", "a"),
        ("expectation.good = 'yes'", ""),
        ("issue.id = 'iss-1'", ""),
        ("tags.team = 'red' and status = 'OK'", "a"),
    ],
)
def test_a_filter_finds(world, filter_string, found):
    assert world.names(filter_string) == found


def test_ids_and_runs_are_found(world):
    ids = world.ids
    assert world.names(f"request_id = '{ids['b']}'") == "b"
    assert world.names(f"request_id IN ('{ids['b']}', '{ids['c']}')") == "cb"
    assert world.names(f"run_id = '{world.run}'") == "a"


@pytest.mark.parametrize(
    "order, found",
    [
        (["timestamp ASC"], "abc"),
        (["timestamp_ms DESC"], "cba"),
        (["execution_time"], "bac"),
        (["execution_time_ms DESC"], "abc"),
        (["tags.team"], "bac"),
        (["metadata.k DESC"], "bac"),
        (["name DESC", "timestamp"], "bac"),
        (["status"], "bca"),
        (["experiment_id", "timestamp"], "abc"),
        (["run_id"], "acb"),
    ],
)
def test_an_order_puts_absent_values_last(world, order, found):
    assert world.names("", *order) == found


@pytest.mark.parametrize(
    "filter_string, message",
    [
        ("bogus = 'x'", "Invalid attribute key 'bogus' specified"),
        ("bogus.x = 'x'", "Invalid entity type 'bogus'"),
        ("status > 'OK'", "Invalid comparator '>' not one of"),
        ("status = 5", "attributes support comparison with numeric values"),
        ("name = nm", "Parameter value is either not quoted or unidentified quote types"),
        ("tags.t = 5", "Expected a quoted string value for tag (e.g. 'my-value'). Got value 5"),
        ("tags.t > 'x'", "Invalid comparator '>' not one of"),
        ("tags.t IN ('v')", "Invalid comparator 'IN' not one of"),
        ("metadata.a IN ('b')", "Expected a quoted string value for request_metadata"),
        ("feedback.f = 5", "Expected a quoted string value for feedback"),
        ("feedback.f > 'x'", "Expected a numeric value for feedback when using comparator '>'"),
        ("span.bogus = 'x'", "Invalid span attribute 'bogus'. Supported attributes: name, status"),
        ("span.content = 'x'", "span.content comparator '=' not one of"),
        ("span.attributes.a > 'x'", "span.attributes.a comparator '>' not one of"),
        ("issue.foo = 'x'", "Invalid issue attribute 'foo'. Supported attributes: id"),
        ("prompt LIKE 'x'", "Invalid comparator 'LIKE' for prompts filter."),
        ("prompt = 'x'", "Invalid prompts filter value 'x'."),
        (
            "metadata.`mlflow.trace.cost` LIKE 'x'",
            "Comparator 'LIKE' is not supported for reserved metadata 'mlflow.trace.cost'.",
        ),
        ("timestamp_ms IN (5)", "supports comparison with a list of quoted string values"),
        ("tag.t = 'v' OR tag.t = 'x'", "Invalid clause(s) in filter string: 'OR'"),
    ],
)
def test_a_filter_that_says_nothing_is_refused(world, filter_string, message):
    world(filter_string).invalid(message)


@pytest.mark.parametrize(
    "order, message",
    [
        ("bogus", "Invalid attribute key 'bogus' specified"),
        ("feedback.f", "Invalid identifier type 'feedback'"),
        ("timestamp_ms SIDEWAYS", "Invalid ordering key in order_by clause"),
        ("metadata.`mlflow.trace.tokenUsage`", "Ordering by reserved metadata"),
    ],
)
def test_an_order_that_says_nothing_is_refused(world, order, message):
    world("", order).invalid(message)


def test_a_field_orders_once(world):
    world("", "status", "status DESC").invalid("duplicate fields", reference_fails=True)


def test_results_come_in_pages(world):
    first = world("", max_results=2).ok()
    assert len(first["traces"]) == 2
    second = world("", max_results=2, page_token=first["next_page_token"]).ok()
    assert [one["trace_id"] for one in second["traces"]] == [world.ids["a"]]
    assert "next_page_token" not in second
    # A full page has a token, also when it is the last.
    assert "next_page_token" in world("", max_results=3).ok()
    world("", page_token="nonsense").invalid("Invalid page token")


@pytest.mark.parametrize(
    "count, message", [(0, "must be a positive integer"), (501, "Invalid value 501")]
)
def test_a_page_has_its_limits(world, count, message):
    world("", max_results=count).invalid(message)


def test_a_search_is_over_experiments(api, experiment):
    search = f"{TRACES}/search"
    assert api.post(search, locations=place(experiment)).ok() == {}
    assert api.post(search, locations=[]).ok() == {}
    api.post(search, {}).missing("locations")
