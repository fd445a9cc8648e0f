import re

import pytest


def test_create_answers_the_whole_run(api, experiment):
    answer = api.post(
        "runs/create",
        experiment_id=experiment,
        user_id="bob",
        run_name="first",
        start_time=1234567890123,
        tags=[{"key": "t", "value": "v"}],
    ).ok()
    run = answer["run"]["info"]["run_id"]
    assert re.fullmatch("[0-9a-f]{32}", run)
    assert answer == {
        "run": {
            "info": {
                "run_uuid": run,
                "experiment_id": experiment,
                "run_name": "first",
                "user_id": "bob",
                "status": "RUNNING",
                "start_time": 1234567890123,
                "artifact_uri": f"mlflow-artifacts:/{experiment}/{run}/artifacts",
                "lifecycle_stage": "active",
                "run_id": run,
            },
            "data": {
                "tags": [{"key": "t", "value": "v"}, {"key": "mlflow.runName", "value": "first"}]
            },
            "inputs": {},
        }
    }
    shown = api.get("runs/get", run_id=run).ok()
    assert shown == {"run": {**answer["run"], "outputs": {}}}
    assert api.get("runs/get", run_uuid=run).ok() == shown


def test_a_run_without_a_name_gets_one(api, experiment):
    for given in ({}, {"run_name": ""}, {"run_name": None}):
        info = api.new_run(experiment, **given)
        assert re.fullmatch(r"[a-z]+-[a-z]+-\d{1,4}", info["run_name"]), info
        tags = api.get("runs/get", run_id=info["run_id"]).ok()["run"]["data"]["tags"]
        assert tags == [{"key": "mlflow.runName", "value": info["run_name"]}]


def test_the_name_may_come_from_the_tag(api, experiment):
    tags = [{"key": "mlflow.runName", "value": "from tag"}]
    assert api.new_run(experiment, tags=tags)["run_name"] == "from tag"
    assert api.new_run(experiment, tags=tags, run_name="from tag")["run_name"] == "from tag"
    api.post("runs/create", experiment_id=experiment, tags=tags, run_name="other").invalid(
        "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different "
        "values (run_name='other', mlflow.runName='from tag')."
    )


def test_absent_fields_of_a_new_run(api, experiment):
    info = api.post("runs/create", experiment_id=experiment).ok()["run"]["info"]
    assert info["start_time"] == 0 and info["user_id"] == "" and "end_time" not in info


@pytest.mark.parametrize(
    "given, kept", [(0, 0), ("77", 77), (-5, -5), (1.0, 1), (2**63 - 1, 2**63 - 1), (None, 0)]
)
def test_start_time_is_a_64_bit_integer(api, experiment, given, kept):
    assert api.new_run(experiment, start_time=given)["start_time"] == kept


def test_create_refuses_wrong_types(api, experiment):
    api.post("runs/create", experiment_id=5).wrong_type("experiment_id", "5", "int")
    for field, value, shown in (("run_name", 5, "5"), ("start_time", "x", '"x"')):
        kind = type(value).__name__
        api.post("runs/create", {"experiment_id": experiment, field: value}).wrong_type(
            field, shown, kind
        )


def test_create_needs_a_known_experiment(api):
    api.post("runs/create", experiment_id="99999999").absent(
        "No Experiment with id=99999999 exists"
    )
    # Without an experiment the reference trips over its foreign key.
    api.post("runs/create").refused(400, "BAD_REQUEST", "")


def test_one_tag_twice_at_creation_creates_nothing(api, experiment):
    tags = [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]
    answer = api.post("runs/create", experiment_id=experiment, tags=tags)
    answer.refused(400, "BAD_REQUEST", "")
    assert api.post("runs/search", experiment_ids=[experiment]).ok() == {}


def test_a_long_tag_value_is_cut_at_8000(api, experiment):
    info = api.new_run(experiment, tags=[{"key": "a", "value": "x" * 8001}])
    assert len(api.run_data(info["run_id"])["tags"]["a"]) in (8000, 8001)


def test_get_of_an_unknown_run(api):
    api.get("runs/get", run_id="nope").absent("Run with id=nope not found")
    api.get("runs/get", run_id="a/b").absent("Run with id=a/b not found")
    api.get("runs/get").missing("run_id")
    api.get("runs/get", run_id="").missing("run_id")


def test_update_ends_and_renames_a_run(api, experiment):
    run = api.new_run(experiment, run_name="before")["run_id"]
    info = api.post("runs/update", run_id=run, status="FINISHED", end_time=99).ok()["run_info"]
    assert (info["status"], info["end_time"], info["run_name"]) == ("FINISHED", 99, "before")
    info = api.post("runs/update", run_id=run, run_name="after").ok()["run_info"]
    assert (info["status"], info["end_time"], info["run_name"]) == ("FINISHED", 99, "after")
    shown = api.get("runs/get", run_id=run).ok()["run"]
    assert shown["info"] == info
    assert {"key": "mlflow.runName", "value": "after"} in shown["data"]["tags"]
    info = api.post("runs/update", run_uuid=run, status="FAILED").ok()["run_info"]
    assert info["status"] == "FAILED"


def test_setting_the_name_tag_renames_the_run(api, run):
    api.post("runs/set-tag", run_id=run, key="mlflow.runName", value="by tag").ok()
    assert api.get("runs/get", run_id=run).ok()["run"]["info"]["run_name"] == "by tag"
    api.post(
        "runs/log-batch", run_id=run, tags=[{"key": "mlflow.runName", "value": "by batch"}]
    ).ok()
    assert api.get("runs/get", run_id=run).ok()["run"]["info"]["run_name"] == "by batch"


@pytest.mark.parametrize(
    "status, number", [("RUNNING", 1), ("SCHEDULED", 2), ("FINISHED", 3), ("FAILED", 4), ("KILLED", 5)]
)
def test_every_status_by_word_and_by_number(api, run, status, number):
    for value in (status, number):
        info = api.post("runs/update", run_id=run, status=value).ok()["run_info"]
        assert info["status"] == status


def test_update_ignores_an_unknown_status_and_an_empty_name(api, experiment):
    run = api.new_run(experiment, run_name="kept")["run_id"]
    for body in ({}, {"status": "BOGUS"}, {"run_name": ""}):
        info = api.post("runs/update", {"run_id": run, **body}).ok()["run_info"]
        assert (info["status"], info["run_name"]) == ("RUNNING", "kept")


def test_update_refuses_bad_values(api, run):
    api.post("runs/update", run_id=run, status=99).wrong_type("status", "99", "int")
    api.post("runs/update", run_id=run, end_time="x").wrong_type("end_time", '"x"', "str")
    api.post("runs/update", run_id="nope", status="FINISHED").absent("Run with id=nope not found")
    api.post("runs/update", status="FINISHED").missing("run_id")


def test_delete_and_restore_may_be_repeated(api, run):
    for _ in range(2):
        assert api.post("runs/delete", run_id=run).ok() == {}
        info = api.get("runs/get", run_id=run).ok()["run"]["info"]
        assert info["lifecycle_stage"] == "deleted"
    for _ in range(2):
        assert api.post("runs/restore", run_id=run).ok() == {}
        info = api.get("runs/get", run_id=run).ok()["run"]["info"]
        assert info["lifecycle_stage"] == "active"


@pytest.mark.parametrize("verb", ["delete", "restore"])
def test_delete_and_restore_need_a_known_run(api, verb):
    api.post(f"runs/{verb}", run_id="nope").absent("Run with id=nope not found")
    api.post(f"runs/{verb}").missing("run_id")


@pytest.mark.parametrize(
    "call, body",
    [
        ("log-metric", {"key": "m", "value": 1, "timestamp": 1}),
        ("log-parameter", {"key": "p", "value": "1"}),
        ("set-tag", {"key": "t", "value": "1"}),
        ("delete-tag", {"key": "mlflow.runName"}),
        ("log-batch", {"metrics": [{"key": "m", "value": 1, "timestamp": 1}]}),
        ("log-batch", {}),
        ("update", {"status": "FINISHED"}),
        ("log-inputs", {"datasets": []}),
        ("outputs", {"models": []}),
    ],
)
def test_a_deleted_run_takes_no_writes(api, run, call, body):
    api.post("runs/delete", run_id=run).ok()
    api.post(f"runs/{call}", {"run_id": run, **body}).invalid(
        f"The run {run} must be in the 'active' state. Current state is deleted."
    )
    assert api.run_data(run) == {"metrics": {}, "params": {}, "tags": {}}


def test_a_deleted_run_still_shows_its_history(api, run):
    api.post("runs/log-metric", run_id=run, key="m", value=1, timestamp=1).ok()
    api.post("runs/delete", run_id=run).ok()
    points = api.get("metrics/get-history", run_id=run, metric_key="m").ok()["metrics"]
    assert [point["value"] for point in points] == [1.0]
