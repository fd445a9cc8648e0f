"""Traces for the walk: as a script it logs them with the real client, and Traced asks the server for
the ids."""

import sys

import mlflow
import mlflow.genai.datasets
import requests
from mlflow.entities import AssessmentSource


class Traced:
    def __init__(self, server):
        answer = requests.get(
            server.mlflow_url + "/api/2.0/mlflow/experiments/get-by-name",
            params={"experiment_name": "traced"},
            timeout=60,
        )
        self.experiment = answer.json()["experiment"]["experiment_id"]


@mlflow.trace(name="look-up", span_type="RETRIEVER")
def look_up(question):
    return [f"something about {question}"]


@mlflow.trace(name="answer-it", span_type="CHAIN")
def answer(question, session):
    mlflow.update_current_trace(
        tags={"topic": "weather"}, metadata={"mlflow.trace.session": session}
    )
    look_up(question)
    if question == "why?":
        raise ValueError("nobody knows why")
    return f"the answer to {question}"


def trace(address):
    mlflow.set_tracking_uri(address)
    mlflow.set_experiment("traced")
    for question in ("is it raining?", "how cold?", "why?"):
        try:
            answer(question, "talk-1")
        except ValueError:
            pass
    mlflow.flush_trace_async_logging()
    first = mlflow.search_traces(return_type="list", order_by=["timestamp_ms ASC"])[0]
    mlflow.log_feedback(
        trace_id=first.info.trace_id,
        name="helpful",
        value=True,
        rationale="it says what was asked",
        source=AssessmentSource(source_type="HUMAN", source_id="somebody"),
    )
    mlflow.genai.datasets.create_dataset(
        name="questions", experiment_id=mlflow.set_experiment("traced").experiment_id
    ).merge_records([{"inputs": {"question": "how warm?"}, "expectations": {"answer": "very"}}])


if __name__ == "__main__":
    trace(sys.argv[1])
