"""The newest mlflow client's own functions for evaluation datasets, scorers, label schemas, review
queues and issues; and a real server that opens our database file and shows the same."""

import sys
import uuid

import mlflow
import pandas as pd
import pytest
import requests
from mlflow.entities import IssueSeverity, IssueStatus
from mlflow.exceptions import MlflowException
from mlflow.genai import datasets, label_schemas, review_queues
from mlflow.genai.label_schemas import InputCategorical, InputPassFail
from mlflow.genai.scorers import Correctness, Guidelines, delete_scorer, get_scorer, list_scorers, scorer
from mlflow.genai.scorers.registry import list_scorer_versions
from mlflow.tracking._tracking_service.utils import _get_store
from own_lab import OwnLab, RealServer
from real_clients import client_environment, server  # noqa: F401


@pytest.fixture
def experiment(server, monkeypatch, tmp_path):
    for name, value in client_environment(server).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(server.mlflow_url)
    return mlflow.set_experiment(f"experiment-{uuid.uuid4().hex[:12]}").experiment_id


def test_a_dataset_from_dicts_and_from_a_frame(experiment):
    name = f"dataset-{uuid.uuid4().hex[:12]}"
    made = datasets.create_dataset(name=name, experiment_id=experiment, tags={"team": "한글"})
    assert made.experiment_ids == [experiment]
    made.merge_records(
        [
            {
                "inputs": {"question": "What is 1 + 1?", "context": {"deep": [1, 2.5, None]}},
                "expectations": {"expected_response": "2"},
                "tags": {"source": "dicts"},
            },
            {"inputs": {"question": "And 2 + 2?"}, "outputs": {"answer": "4"}},
        ]
    )
    made.merge_records(
        pd.DataFrame(
            [
                {
                    "inputs": {"question": "And 2 + 2?"},
                    "expectations": {"expected_response": "4"},
                },
                {"inputs": {"question": "三?"}, "expectations": {"expected_response": "3"}},
            ]
        )
    )
    found = datasets.get_dataset(dataset_id=made.dataset_id)
    assert found.name == name
    assert found.tags["team"] == "한글"
    frame = found.to_df()
    assert len(frame) == 3
    rows = {row["inputs"]["question"]: row for _, row in frame.iterrows()}
    assert rows["What is 1 + 1?"]["inputs"]["context"] == {"deep": [1, 2.5, None]}
    assert rows["And 2 + 2?"]["outputs"] == {"answer": "4"}
    assert rows["And 2 + 2?"]["expectations"] == {"expected_response": "4"}
    assert rows["三?"]["expectations"] == {"expected_response": "3"}
    gone = rows["三?"]["dataset_record_id"]
    assert found.delete_records([gone]) == 1
    assert len(datasets.get_dataset(dataset_id=made.dataset_id).to_df()) == 2


def test_datasets_are_searched_tagged_tied_and_deleted(experiment):
    end = uuid.uuid4().hex[:12]
    made = [
        datasets.create_dataset(name=f"{n}-{end}", experiment_id=experiment, tags={"n": str(n)})
        for n in range(3)
    ]
    found = datasets.search_datasets(experiment_ids=experiment, order_by=["name ASC"])
    assert [one.dataset_id for one in found] == [one.dataset_id for one in made]
    found = datasets.search_datasets(experiment_ids=experiment, filter_string="tags.n = '1'")
    assert [one.dataset_id for one in found] == [made[1].dataset_id]
    assert datasets.get_dataset(name=f"2-{end}").dataset_id == made[2].dataset_id
    datasets.set_dataset_tags(dataset_id=made[0].dataset_id, tags={"a": "b", "n": "x"})
    datasets.delete_dataset_tag(dataset_id=made[0].dataset_id, key="a")
    assert datasets.get_dataset(dataset_id=made[0].dataset_id).tags["n"] == "x"
    datasets.add_dataset_to_experiments(dataset_id=made[0].dataset_id, experiment_ids=["0"])
    datasets.remove_dataset_from_experiments(
        dataset_id=made[0].dataset_id, experiment_ids=[experiment]
    )
    assert datasets.get_dataset(dataset_id=made[0].dataset_id).experiment_ids == ["0"]
    for one in made:
        datasets.delete_dataset(dataset_id=one.dataset_id)
    with pytest.raises(MlflowException, match="not found"):
        datasets.get_dataset(dataset_id=made[0].dataset_id)
    assert list(datasets.search_datasets(experiment_ids=experiment)) == []


def test_more_records_than_a_page(experiment):
    made = datasets.create_dataset(name=f"d-{uuid.uuid4().hex[:12]}", experiment_id=experiment)
    made.merge_records([{"inputs": {"n": n}} for n in range(1500)])
    frame = datasets.get_dataset(dataset_id=made.dataset_id).to_df()
    assert sorted(inputs["n"] for inputs in frame["inputs"]) == list(range(1500))


def test_builtin_scorers(experiment):
    made = Guidelines(guidelines=["Answer in English."], model="openai:/gpt-4.1-mini")
    made.register(name="english", experiment_id=experiment)
    Guidelines(guidelines=["Be kind."]).register(name="english", experiment_id=experiment)
    Correctness().register(name="correct", experiment_id=experiment)
    assert [one.name for one in list_scorers(experiment_id=experiment)] == ["correct", "english"]
    newest = get_scorer(name="english", experiment_id=experiment)
    assert isinstance(newest, Guidelines) and newest.guidelines == ["Be kind."]
    first = get_scorer(name="english", experiment_id=experiment, version=1)
    assert first.guidelines == ["Answer in English."]
    assert first.model == "openai:/gpt-4.1-mini"
    versions = list_scorer_versions(name="english", experiment_id=experiment)
    assert [version for _, version in versions] == [1, 2]
    delete_scorer(name="english", experiment_id=experiment, version=2)
    assert get_scorer(name="english", experiment_id=experiment).guidelines == first.guidelines
    delete_scorer(name="english", experiment_id=experiment, version="all")
    assert [one.name for one in list_scorers(experiment_id=experiment)] == ["correct"]
    with pytest.raises(MlflowException, match="not found"):
        get_scorer(name="english", experiment_id=experiment)


def test_label_schemas(experiment):
    thumbs = InputPassFail(positive_label="Right", negative_label="Wrong")
    made = label_schemas.create_label_schema(
        name="correct?",
        type="feedback",
        input=thumbs,
        instruction="Compare with the sources.",
        enable_comment=True,
        experiment_id=experiment,
    )
    assert label_schemas.get_label_schema("correct?", experiment_id=experiment) == made
    assert made.input == thumbs
    choice = InputCategorical(options=["a", "b"], multi_select=True)
    label_schemas.create_label_schema(
        name="which", type="expectation", input=choice, experiment_id=experiment
    )
    changed = label_schemas.update_label_schema(made.schema_id, name="right?", enable_comment=False)
    assert (changed.name, changed.enable_comment) == ("right?", False)
    found = label_schemas.list_label_schemas(experiment_id=experiment)
    assert {one.name for one in found} == {"right?", "which", "Feedback"}
    assert {one.name: one.input for one in found}["which"] == choice
    label_schemas.delete_label_schema(schema_id=made.schema_id)
    with pytest.raises(MlflowException, match="not found"):
        label_schemas.get_label_schema(schema_id=made.schema_id)


def test_review_queues(experiment):
    thumbs = InputPassFail(positive_label="Right", negative_label="Wrong")
    question = label_schemas.create_label_schema(
        name="q", type="feedback", input=thumbs, experiment_id=experiment
    )
    made = review_queues.create_review_queue(
        name="Friday",
        queue_type="custom",
        users=["Ann", "bo"],
        schema_ids=[question.schema_id],
        experiment_id=experiment,
    )
    assert (made.users, made.schema_ids) == (["ann", "bo"], [question.schema_id])
    own = review_queues.get_or_create_user_queue(user="Ann", experiment_id=experiment)
    assert own == review_queues.get_or_create_user_queue(user="ann", experiment_id=experiment)
    found = review_queues.list_review_queues(user="ann", experiment_id=experiment)
    assert {one.queue_id for one in found} == {made.queue_id, own.queue_id}
    changed = review_queues.update_review_queue(made.queue_id, users=["cy"], name="Monday")
    assert (changed.users, changed.name) == (["cy"], "Monday")
    assert list(review_queues.list_review_queue_items(made.queue_id)) == []
    with pytest.raises(MlflowException, match="do not exist in experiment"):
        review_queues.add_items_to_review_queue(made.queue_id, item_ids=["tr-nope"])
    review_queues.delete_review_queue(made.queue_id)
    with pytest.raises(MlflowException, match="not found"):
        review_queues.get_review_queue(made.queue_id)


def test_issues(experiment):
    store = _get_store()
    made = store.create_issue(
        experiment_id=experiment,
        name="slow",
        description="Answers come late.",
        severity=IssueSeverity.HIGH,
        root_causes=["one", "둘"],
        categories=["latency"],
    )
    assert store.get_issue(made.issue_id) == made
    changed = store.update_issue(made.issue_id, status=IssueStatus.RESOLVED)
    assert (changed.status, changed.root_causes) == (IssueStatus.RESOLVED, ["one", "둘"])
    found = store.search_issues(experiment_id=experiment, filter_string="status = 'resolved'")
    assert [one.issue_id for one in found] == [made.issue_id]


@scorer
def shouts(outputs):
    return outputs.isupper()


def fill(base):
    """Something of every noun, made through the client."""
    mlflow.set_tracking_uri(base)
    experiment = mlflow.set_experiment("kept").experiment_id
    made = datasets.create_dataset(name="qa", experiment_id=experiment, tags={"team": "한글"})
    made.merge_records(
        [
            {
                "inputs": {"q": f"é {n}", "f": 1e-7 * n},
                "expectations": {"e": [n, None, {"x": float("inf")}]},
                "tags": {"mlflow.user": "al"},
                "source": {"source_type": "HUMAN", "source_data": {"source_id": "s"}},
            }
            for n in range(3)
        ]
    )
    made.merge_records([{"inputs": {"q": "é 1", "f": 1e-7}, "outputs": "now"}])
    Guidelines(guidelines=["한글"]).register(name="g", experiment_id=experiment)
    Guidelines(guidelines=["two"]).register(name="g", experiment_id=experiment)
    shouts.register(name="shouts", experiment_id=experiment)
    _get_store().create_issue(experiment_id=experiment, name="n", description="d", root_causes=["é"])
    thumbs = InputPassFail(positive_label="예", negative_label="no")
    question = label_schemas.create_label_schema(
        name="ok?", type="feedback", input=thumbs, experiment_id=experiment
    )
    label_schemas.list_label_schemas(experiment_id=experiment)
    review_queues.create_review_queue(
        name="Über",
        queue_type="custom",
        users=["Ann"],
        schema_ids=[question.schema_id],
        experiment_id=experiment,
    )
    review_queues.get_or_create_user_queue(user="bo", experiment_id=experiment)
    return experiment


def seen(base, experiment):
    """Everything that can be asked for, as the server answers it."""

    def ask(path, **params):
        answer = requests.get(f"{base}/api/3.0/mlflow/{path}", params=params, timeout=60)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    answers = {"datasets": ask("datasets/search")}
    (dataset,) = answers["datasets"]["datasets"]
    for what in ("records", "experiment-ids"):
        answers[what] = ask(f"datasets/{dataset['dataset_id']}/{what}")
    answers["scorers"] = ask("scorers/list", experiment_id=experiment)
    answers["versions"] = ask("scorers/versions", experiment_id=experiment, name="g")
    answers["schemas"] = ask("label-schemas/list", experiment_id=experiment)
    answers["queues"] = ask("review-queues/list", experiment_id=experiment)
    answers["queue"] = ask("review-queues/get-by-name", experiment_id=experiment, name="ÜBER")
    issues = requests.post(f"{base}/api/3.0/mlflow/issues/search", json={}, timeout=60)
    answers["issues"] = issues.json()
    return answers


def test_a_real_server_shows_the_same(tmp_path, monkeypatch):
    """Also a scorer that carries code, which both sides keep when they are told to."""
    monkeypatch.chdir(tmp_path)
    database = tmp_path / "mlflow.db"
    flags = (f"--backend-store-uri=sqlite:///{database}", "--enable-custom-scorers")
    with OwnLab(tmp_path / "lab", *flags) as lab:
        for name, value in client_environment(lab).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("MLFLOW_SERVER_ENABLE_CUSTOM_SCORERS", "true")
        experiment = fill(lab.mlflow_url)
        ours = seen(lab.mlflow_url, experiment)
        lab.stop()
    assert [one["scorer_name"] for one in ours["scorers"]["scorers"]] == ["g", "shouts"]
    with RealServer(sys.executable, database, tmp_path / "real") as real:
        assert seen(real.mlflow_url, experiment) == ours
        mlflow.set_tracking_uri(real.mlflow_url)
        dataset = datasets.get_dataset(name="qa")
        dataset.merge_records([{"inputs": {"q": "é 0", "f": 0.0}, "expectations": {"more": 1}}])
        assert len(dataset.to_df()) == 3
        theirs = seen(real.mlflow_url, experiment)
    # The real server found its own hash of the inputs, and we read what it wrote.
    with OwnLab(tmp_path / "lab", *flags) as lab:
        assert seen(lab.mlflow_url, experiment) == theirs
        lab.stop()
