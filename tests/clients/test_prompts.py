"""Prompts with MLflow's own client: a way of using the registry, told apart by tags."""

import os
import uuid

import mlflow
import pytest
from own_lab import wait_until
from mlflow.entities.model_registry import PromptModelConfig
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from pydantic import BaseModel
from real_clients import server  # noqa: F401

# The client writes some tags from threads of its own, which may outlive the server.
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"


@pytest.fixture
def client(server, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(server.mlflow_url)
    mlflow.set_registry_uri(None)
    yield MlflowClient()
    while mlflow.active_run():
        mlflow.end_run()


@pytest.fixture
def name():
    return f"prompt_{uuid.uuid4().hex[:12]}"


@pytest.fixture
def experiment(client):
    return mlflow.set_experiment(f"experiment-{uuid.uuid4().hex[:12]}")


def test_text_prompts(client, name):
    first = mlflow.genai.register_prompt(
        name, "Hello {{who}}", commit_message="first", tags={"team": "a"}
    )
    assert (first.version, first.commit_message, first.template) == (1, "first", "Hello {{who}}")
    second = mlflow.genai.register_prompt(name, "Good day {{who}}", tags={"team": "b"})
    assert second.version == 2
    loaded = mlflow.genai.load_prompt(f"prompts:/{name}/1")
    assert loaded.format(who="you") == "Hello you"
    assert loaded.tags == {"team": "a"} and loaded.variables == {"who"}
    assert mlflow.genai.load_prompt(name, version=2).template == "Good day {{who}}"
    assert mlflow.genai.load_prompt(f"prompts:/{name}@latest").version == 2
    # The newest tags are the prompt's own.
    assert client.get_prompt(name).tags["team"] == "b"
    assert mlflow.genai.load_prompt(name, version=3, allow_missing=True) is None
    with pytest.raises(MlflowException):
        mlflow.genai.load_prompt(name, version=3)


def test_long_and_foreign_texts(client, name):
    text = "질문: {{question}}\n" + "x" * 90_000 + " 'quoted' \"twice\" \\ 😀"
    mlflow.genai.register_prompt(name, text)
    assert mlflow.genai.load_prompt(name, version=1).template == text
    with pytest.raises(MlflowException, match="Prompt text exceeds max length"):
        mlflow.genai.register_prompt(name, "x" * 100_001)
    # A first version that fails leaves no prompt behind.
    with pytest.raises(MlflowException):
        mlflow.genai.register_prompt(name + "-long", "x" * 100_001)
    assert client.get_prompt(name + "-long") is None


class Reply(BaseModel):
    text: str
    score: float


def test_chat_prompts_with_format_and_model(client, name):
    messages = [
        {"role": "system", "content": "You are {{style}}."},
        {"role": "user", "content": "{{question}}"},
    ]
    mlflow.genai.register_prompt(
        name,
        messages,
        response_format=Reply,
        model_config=PromptModelConfig(model_name="gpt-x", temperature=0.5, max_tokens=7),
    )
    loaded = mlflow.genai.load_prompt(f"prompts:/{name}/1")
    assert loaded.template == messages and not loaded.is_text_prompt
    assert loaded.response_format["properties"].keys() == {"text", "score"}
    assert loaded.model_config["temperature"] == 0.5
    assert loaded.format(style="kind", question="why")[1]["content"] == "why"
    mlflow.genai.set_prompt_model_config(name, 1, {"model_name": "other"})
    assert client.get_prompt_version(name, 1).model_config["model_name"] == "other"
    mlflow.genai.delete_prompt_model_config(name, 1)
    assert client.get_prompt_version(name, 1).model_config is None


def test_aliases(client, name):
    for number in (1, 2):
        mlflow.genai.register_prompt(name, f"text {number}")
    mlflow.genai.set_prompt_alias(name, "best", 1)
    assert mlflow.genai.load_prompt(f"prompts:/{name}@best", cache_ttl_seconds=0).version == 1
    mlflow.genai.set_prompt_alias(name, "best", 2)
    assert mlflow.genai.load_prompt(f"prompts:/{name}@best", cache_ttl_seconds=0).version == 2
    assert client.get_prompt_version_by_alias(name, "best").aliases == ["best"]
    mlflow.genai.delete_prompt_alias(name, "best")
    with pytest.raises(MlflowException):
        mlflow.genai.load_prompt(f"prompts:/{name}@best", cache_ttl_seconds=0)
    for wrong in ("latest", "v3"):
        with pytest.raises(MlflowException, match="reserved"):
            mlflow.genai.set_prompt_alias(name, wrong, 1)


def test_tags(client, name):
    mlflow.genai.register_prompt(name, "text")
    mlflow.genai.set_prompt_tag(name, "owner", "me")
    assert mlflow.genai.get_prompt_tags(name)["owner"] == "me"
    mlflow.genai.delete_prompt_tag(name, "owner")
    assert "owner" not in mlflow.genai.get_prompt_tags(name)
    mlflow.genai.set_prompt_version_tag(name, 1, "state", "draft")
    assert client.get_prompt_version(name, 1).tags["state"] == "draft"
    mlflow.genai.delete_prompt_version_tag(name, 1, "state")
    assert "state" not in client.get_prompt_version(name, 1).tags


def test_search(client, name, experiment):
    other = name + ".other"
    mlflow.genai.register_prompt(name, "text", tags={"team": "a"})
    mlflow.genai.register_prompt(other, "text", tags={"team": "b"})

    def found(filter_string=None, **more):
        return {p.name for p in mlflow.genai.search_prompts(filter_string, **more)}

    assert {name, other} <= found(max_results=1000)
    assert found(f"name = '{name}'") == {name}
    assert found(f"name LIKE '{name}%'") == {name, other}
    assert found(f"name ILIKE '{name.upper()}%' AND tags.team = 'b'") == {other}
    assert found(f"name LIKE '{name}%' AND tags.team != 'b'") == {name}
    first = client.search_prompts(f"name LIKE '{name}%'", max_results=1)
    second = client.search_prompts(f"name LIKE '{name}%'", max_results=1, page_token=first.token)
    assert [prompt.name for prompt in [*first, *second]] == [name, other]
    assert not second.token
    # The experiment is noted by a thread of the client's own.
    wait_until(lambda: found(f"experiment_id = '{experiment.experiment_id}'") == {name, other})
    assert found("experiment_id = '999999'") == set()


def test_prompts_and_models_do_not_mix(client, name):
    mlflow.genai.register_prompt(name, "text")
    model = name + "-model"
    client.create_registered_model(model)
    client.create_model_version(model, "s3://mlflow/m")
    listed = {m.name for m in client.search_registered_models(f"name LIKE '{name}%'")}
    assert listed == {model}
    versions = {v.name for v in client.search_model_versions(f"name LIKE '{name}%'")}
    assert versions == {model}
    assert {p.name for p in mlflow.genai.search_prompts(f"name LIKE '{name}%'")} == {name}
    with pytest.raises(MlflowException, match="already taken by a prompt"):
        client.create_registered_model(name)
    with pytest.raises(MlflowException, match="exists with the same name"):
        mlflow.genai.register_prompt(model, "text")
    with pytest.raises(MlflowException):
        client.get_prompt_version(model, 1)


@pytest.mark.parametrize("wrong", ["", "a b", "a/b", "a:b", "ü"])
def test_bad_names(client, wrong):
    with pytest.raises(MlflowException, match="Prompt name"):
        mlflow.genai.register_prompt(wrong, "text")


def test_deleting(client, name):
    for number in (1, 2):
        mlflow.genai.register_prompt(name, f"text {number}")
    client.delete_prompt_version(name, "1")
    with pytest.raises(MlflowException, match="not found"):
        client.get_prompt_version(name, 1)
    assert client.get_prompt_version(name, 2).template == "text 2"
    assert mlflow.genai.register_prompt(name, "text 3").version == 3
    client.delete_prompt(name)
    assert client.get_prompt(name) is None
    assert mlflow.genai.search_prompts(f"name = '{name}'") == []
    assert mlflow.genai.register_prompt(name, "again").version == 1


def test_links_to_runs_and_models(client, name, experiment):
    mlflow.genai.register_prompt(name, "text {{a}}")
    with mlflow.start_run() as run:
        loaded = mlflow.genai.load_prompt(f"prompts:/{name}/1", cache_ttl_seconds=0)
        client.link_prompt_version_to_run(run.info.run_id, loaded)
    linked = client.get_run(run.info.run_id).data.tags["mlflow.linkedPrompts"]
    assert name in linked and '"1"' in linked
    model = mlflow.create_external_model(name="model")
    client.link_prompt_version_to_model(name, "1", model.model_id)
    assert name in client.get_logged_model(model.model_id).tags["mlflow.linkedPrompts"]
    client.set_prompt_version_tag(name, 1, "mlflow.prompt.associatedRunIds", run.info.run_id)
    assert [prompt.name for prompt in client.list_logged_prompts(run.info.run_id)] == [name]
    client.detach_prompt_from_run(run.info.run_id, f"prompts:/{name}/1")
    assert client.list_logged_prompts(run.info.run_id) == []


def test_the_older_functions(client, name):
    """What 2.22 and 3.0 called mlflow.register_prompt and mlflow.load_prompt."""
    made = mlflow.register_prompt(name=name, template="Hi {{who}}", commit_message="c")
    assert made.version == 1
    mlflow.set_prompt_alias(name, "live", 1)
    assert mlflow.load_prompt(f"prompts:/{name}@live").format(who="you") == "Hi you"
    assert [prompt.name for prompt in mlflow.search_prompts(f"name = '{name}'")] == [name]
    mlflow.delete_prompt_alias(name, "live")
    with pytest.raises(MlflowException):
        mlflow.load_prompt(f"prompts:/{name}@live", cache_ttl_seconds=0)


def test_prompts_as_2_22_made_them(client, name):
    """The wire of 2.22: the text in a tag of the version, no type, no tags of the prompt beside."""
    registry = client._get_registry_client()
    registry.create_registered_model(name, tags={"mlflow.prompt.is_prompt": "true"})
    registry.create_model_version(
        name,
        source="dummy-source",
        tags={"mlflow.prompt.is_prompt": "true", "mlflow.prompt.text": "Old {{who}}"},
    )
    assert mlflow.genai.load_prompt(f"prompts:/{name}/1").format(who="one") == "Old one"
    assert name in {prompt.name for prompt in mlflow.genai.search_prompts(f"name = '{name}'")}
