import json
import re
import time

import pytest
from evaluation_support import V3, deleted_experiment  # noqa: F401

ROOT = V3 + "scorers/"
DASHED = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def builtin(model=None):
    return json.dumps({"name": "g", "builtin_scorer_pydantic_data": {"name": "g", "model": model}})


@pytest.fixture
def register(api, experiment):
    def send(name="s", text=builtin(), experiment_id=experiment):
        return api.post(
            ROOT + "register", experiment_id=experiment_id, name=name, serialized_scorer=text
        )

    return send


@pytest.fixture
def scorer(register):
    return register().ok()


def get(api, experiment, name="s", **version):
    return api.get(ROOT + "get", experiment_id=experiment, name=name, **version)


def test_register_answers_the_version(api, experiment, register):
    text = '{"a":1,  "b":"é","c":1.0e5}'
    shown = register("s", text).ok()
    assert DASHED.fullmatch(shown["scorer_id"])
    assert abs(shown["creation_time"] - time.time() * 1000) < 600_000
    assert shown == {
        "version": 1,
        "scorer_id": shown["scorer_id"],
        "experiment_id": experiment,
        "name": "s",
        "serialized_scorer": text,
        "creation_time": shown["creation_time"],
    }
    assert get(api, experiment).ok()["scorer"] == {
        "experiment_id": int(experiment),
        "scorer_name": "s",
        "scorer_version": 1,
        "serialized_scorer": text,
        "creation_time": shown["creation_time"],
        "scorer_id": shown["scorer_id"],
    }


def test_versions_count_up(api, experiment, register):
    first, second = register("s", '{"n":1}').ok(), register("s", '{"n":2}').ok()
    assert (first["version"], second["version"]) == (1, 2)
    assert first["scorer_id"] == second["scorer_id"]
    assert get(api, experiment).ok()["scorer"]["serialized_scorer"] == '{"n":2}'
    assert get(api, experiment, version=1).ok()["scorer"]["serialized_scorer"] == '{"n":1}'
    # Lists show scorers as Python writes JSON.
    shown = api.get(ROOT + "versions", experiment_id=experiment, name="s").ok()["scorers"]
    assert [(one["scorer_version"], one["serialized_scorer"]) for one in shown] == [
        (1, '{"n": 1}'),
        (2, '{"n": 2}'),
    ]


def test_list_shows_the_newest(api, experiment, register, unique):
    register("b", '{"n":1}').ok()
    register("b", '{"n":2}').ok()
    register("a", '{"u": "é"}').ok()
    other = api.post("experiments/create", name=unique()).ok()["experiment_id"]
    register("c", experiment_id=other).ok()

    def names(**where):
        found = api.get(ROOT + "list", **where).ok().get("scorers", [])
        return [(str(one["experiment_id"]), one["scorer_name"], one["scorer_version"]) for one in found]

    mine = [(experiment, "a", 1), (experiment, "b", 2)]
    assert names(experiment_id=experiment) == mine
    both = mine + [(other, "c", 1)]
    assert names(experiment_ids=[other, experiment, "99999999", other]) == both
    everything = names()
    assert [one for one in everything if one[0] in (experiment, other)] == both
    api.post("experiments/delete", experiment_id=other).ok()
    assert names(experiment_ids=[other, experiment]) == mine
    assert not [one for one in names() if one[0] == other]
    shown = api.get(ROOT + "list", experiment_id=experiment).ok()["scorers"]
    assert shown[0]["serialized_scorer"] == '{"u": "\\u00e9"}'


def test_list_refuses_bad_input(api, experiment, deleted_experiment):
    path = ROOT + "list"
    api.get(path, experiment_id=experiment, experiment_ids=[experiment]).invalid(
        "Cannot specify both 'experiment_id' and 'experiment_ids'."
    )
    api.get(path, experiment_id="99999999").absent("No Experiment with id=99999999 exists")
    api.get(path, experiment_id="abc").invalid("Invalid experiment ID 'abc'.")
    api.get(path, experiment_ids=["abc"]).invalid("Invalid experiment ID 'abc'.")
    api.get(path, experiment_id=deleted_experiment).invalid("must be in the 'active' state.")


@pytest.mark.parametrize("call", ["get", "versions", "delete"])
def test_an_unknown_scorer(api, experiment, scorer, deleted_experiment, call):
    def send(**where):
        return api.delete(ROOT + call, **where) if call == "delete" else api.get(ROOT + call, **where)

    send(experiment_id=experiment, name="nope").absent(
        f"Scorer with name 'nope' not found for experiment {experiment}."
    )
    send(experiment_id=experiment).missing("name")
    send(name="s").missing("experiment_id")
    send(experiment_id="99999999", name="s").absent("No Experiment with id=99999999 exists")
    send(experiment_id=deleted_experiment, name="s").invalid("must be in the 'active' state.")
    if call != "versions":
        send(experiment_id=experiment, name="s", version=9).absent(
            f"Scorer with name 's' and version 9 not found for experiment {experiment}."
        )
        send(experiment_id=experiment, name="s", version="x").wrong_type("version", '"x"', "str")


@pytest.mark.parametrize(
    "text, message",
    [
        ("nonsense", "serialized_scorer must be valid JSON"),
        ('{"call_source": "def f(): ..."}', "Custom scorer registration (using @scorer decorator) is disabled by default"),
        ('{"ensemble": {"scorers": [{"call_source": "x"}]}}', "Custom scorer registration"),
        (builtin(5), "Scorer model must be a string, got int."),
        (builtin("  "), "Scorer model cannot be empty or contain only whitespace."),
        ('{"third_party_scorer_data": {"kwargs": {"deep": [{"api_base": "x", "base_url": "y"}]}}}', "third_party_scorer_data.kwargs must not contain 'api_base', 'base_url': "),
        ('{"x": [{"third_party_scorer_data": {"kwargs": {"o": [["fallbacks", 1]]}}}]}', "must not contain 'fallbacks'"),
        ('{"third_party_scorer_data": {"kwargs": [1]}}', "third_party_scorer_data.kwargs must be a JSON object, got list."),
    ],
)  # fmt: skip
def test_texts_that_are_refused(register, text, message):
    register("x", text).invalid(message)


@pytest.mark.parametrize("text", ["[1]", "5", '{"builtin_scorer_pydantic_data": 5}'])
def test_texts_that_break_the_reference_are_refused(register, text):
    register("x", text).invalid("", reference_fails=True)


def test_register_refuses_bad_input(api, experiment, register, deleted_experiment):
    api.post(ROOT + "register").missing("experiment_id")
    register("").missing("name")
    register("s", "").missing("serialized_scorer")
    register("  ").invalid("Scorer name cannot be empty or contain only whitespace.")
    register(experiment_id="99999999").absent("No Experiment with id=99999999 exists")
    register(experiment_id=deleted_experiment).invalid("must be in the 'active' state.")
    register("s", builtin("gateway:/no-such-endpoint")).absent(
        "GatewayEndpoint not found (name='no-such-endpoint')"
    )
    assert api.get(ROOT + "list", experiment_id=experiment).ok() == {}


def test_a_version_and_all_of_a_scorer_are_deleted(api, experiment, register):
    for _ in range(3):
        made = register().ok()

    def delete(**version):
        return api.delete(ROOT + "delete", experiment_id=experiment, name="s", **version)

    assert delete(version=3).ok() == {}
    assert get(api, experiment).ok()["scorer"]["scorer_version"] == 2
    assert delete().ok() == {}
    delete().absent(f"Scorer with name 's' not found for experiment {experiment}.")
    assert register().ok()["scorer_id"] != made["scorer_id"]


def test_a_scorer_without_versions_keeps_its_id(api, experiment, register, scorer):
    api.delete(ROOT + "delete", experiment_id=experiment, name="s", version=1).ok()
    message = f"Scorer with name 's' not found for experiment {experiment}."
    get(api, experiment).absent(message)
    api.get(ROOT + "versions", experiment_id=experiment, name="s").absent(message)
    api.delete(ROOT + "delete", experiment_id=experiment, name="s").absent(message)
    again = register().ok()
    assert (again["version"], again["scorer_id"]) == (1, scorer["scorer_id"])


@pytest.fixture
def configure(api, experiment):
    def send(**fields):
        body = {"experiment_id": experiment, "name": "s", "sample_rate": 0} | fields
        return api.send("PUT", ROOT + "online-config", json=body)

    return send


def configs(api, *ids):
    return api.get(ROOT + "online-configs", scorer_ids=ids).ok()["configs"]


def test_online_config_is_replaced(api, experiment, scorer, configure):
    first = configure(sample_rate="0", filter_string="status = 'OK'").ok()["config"]
    assert re.fullmatch("[0-9a-f]{32}", first["online_scoring_config_id"])
    assert first == {
        "online_scoring_config_id": first["online_scoring_config_id"],
        "scorer_id": scorer["scorer_id"],
        "sample_rate": 0.0,
        "experiment_id": experiment,
        "filter_string": "status = 'OK'",
    }
    assert configs(api, scorer["scorer_id"], "x", scorer["scorer_id"]) == [first]
    second = configure(filter_string=None).ok()["config"]
    assert "filter_string" not in second
    assert configs(api, scorer["scorer_id"]) == [second]
    assert configure(filter_string="").ok()["config"]["filter_string"] == ""
    api.delete(ROOT + "delete", experiment_id=experiment, name="s").ok()
    assert configs(api, scorer["scorer_id"]) == []


def test_online_config_refuses_bad_input(api, scorer, configure, deleted_experiment):
    path = ROOT + "online-config"
    api.send("PUT", path, json={}).missing("experiment_id")
    configure(sample_rate=None).missing("sample_rate")
    for rate in ("x", [1]):
        assert configure(sample_rate=rate).status == (500 if api.is_reference else 400)
    configure(sample_rate=2).invalid("sample_rate must be between 0.0 and 1.0, got 2.0")
    configure(sample_rate=-0.1).invalid("sample_rate must be between 0.0 and 1.0, got -0.1")
    configure(filter_string=5).invalid(
        "Invalid value 5 for parameter 'filter_string' supplied: Value was of type 'int'. "
        "Expected type 'str' or None."
    )
    configure(filter_string="status = ").invalid("Invalid clause(s) in filter string: ")
    configure(filter_string="bogus = 'x'").invalid("Invalid attribute key 'bogus' specified.")
    configure(name="nope").absent("Scorer with name 'nope' not found for experiment ")
    configure(experiment_id="99999999").absent("No Experiment with id=99999999 exists")
    configure(experiment_id=deleted_experiment).invalid("must be in the 'active' state.")
    configure(experiment_id=5).wrong_type("experiment_id", "5", "int")
    configure(sample_rate=0.5).invalid(
        "Scorer 's' does not use a gateway model. Automatic evaluation is only supported for "
        "scorers that use gateway models."
    )
    assert configs(api, scorer["scorer_id"]) == []


def test_online_configs_need_scorers(api):
    api.get(ROOT + "online-configs").missing("scorer_ids")
    assert configs(api, "x") == []
