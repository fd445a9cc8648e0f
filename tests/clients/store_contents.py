"""Everything the client of this environment sees of a store, as plain data: two stores with the same
contents give the same. `python store_contents.py URI` prints it as JSON."""

import hashlib
import json
import math
import sys
import tempfile
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import ViewType


def digests(path):
    root = Path(path)
    return {
        str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(root.rglob("*"))
        if file.is_file()
    }


def files_of(uri):
    with tempfile.TemporaryDirectory() as folder:
        try:
            return digests(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=folder))
        except mlflow.MlflowException as failure:
            # A directory is there with its first file only.
            if "No such artifact" not in str(failure) and "404 Client Error" not in str(failure):
                raise
            return {}


def shown(value):
    """A database keeps an infinity as the largest number."""
    return repr(math.copysign(sys.float_info.max, value) if math.isinf(value) else value)


def run_contents(client, run, files):
    info = run.info
    history = {
        key: sorted(
            ([point.step, point.timestamp, shown(point.value)] for point in client.get_metric_history(info.run_id, key)),
        )
        for key in run.data.metrics
    }
    return {
        "name": info.run_name,
        "experiment": info.experiment_id,
        "status": info.status,
        "times": [info.start_time, info.end_time],
        "user": info.user_id,
        "stage": info.lifecycle_stage,
        "params": run.data.params,
        "tags": {key: value for key, value in run.data.tags.items() if key != "mlflow.log-model.history"},
        "latest": {key: shown(value) for key, value in run.data.metrics.items()},
        "history": history,
        "inputs": [
            [one.dataset.name, one.dataset.digest, one.dataset.source, {tag.key: tag.value for tag in one.tags}]
            for one in run.inputs.dataset_inputs
        ],
        "outputs": [one.model_id for one in getattr(run.outputs, "model_outputs", None) or []],
        "files": files_of(info.artifact_uri) if files else None,
    }


def all_pages(search, **options):
    token, found = None, []
    while True:
        page = search(page_token=token, **options)
        found += page
        token = page.token
        if not token:
            return found


def contents(uri, files=True):
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(uri)
    experiments = all_pages(client.search_experiments, view_type=ViewType.ALL, max_results=100)
    ids = [experiment.experiment_id for experiment in experiments]
    runs = all_pages(client.search_runs, experiment_ids=ids, run_view_type=ViewType.ALL, max_results=100)
    versions = all_pages(client.search_model_versions, filter_string="", max_results=100)
    seen = {
        "experiments": {
            experiment.experiment_id: [
                experiment.name, experiment.lifecycle_stage, experiment.creation_time, dict(experiment.tags),
            ]
            for experiment in experiments
        },
        "runs": {run.info.run_id: run_contents(client, run, files) for run in runs},
        "models": {
            model.name: [
                model.description or "", dict(model.tags), model.creation_timestamp,
                {alias: int(version) for alias, version in model.aliases.items()},
            ]
            for model in all_pages(client.search_registered_models, max_results=100)
        },
        "versions": {
            f"{version.name}/{version.version}": [
                version.run_id, version.current_stage, version.status, version.description,
                dict(version.tags), version.creation_timestamp,
            ]
            for version in versions
        },
    }
    models = [model for id_ in ids for model in client.search_logged_models(experiment_ids=[id_])]
    seen["logged models"] = {
        model.model_id: [
            model.experiment_id, model.name, model.model_type, str(model.status), dict(model.tags),
            dict(model.params), model.source_run_id, model.creation_timestamp,
            [[metric.key, metric.value, metric.step] for metric in model.metrics or []],
            files_of(model.artifact_location) if files else None,
        ]
        for model in models
    }
    traces = client.search_traces(locations=ids, include_spans=files)
    seen["traces"] = {
        trace.info.trace_id: [
            trace.info.experiment_id, trace.info.request_time, trace.info.execution_duration,
            str(trace.info.state), trace.info.request_preview, trace.info.response_preview,
            {key: value for key, value in trace.info.tags.items() if key != "mlflow.artifactLocation"},
            dict(trace.info.trace_metadata),
            sorted([one.name, str(one.value), one.rationale] for one in trace.info.assessments),
            [[span.name, span.inputs, span.outputs] for span in trace.data.spans] if files else None,
        ]
        for trace in traces
    }
    return json.loads(json.dumps(seen, sort_keys=True, default=str))


if __name__ == "__main__":
    print(json.dumps(contents(sys.argv[1])))
