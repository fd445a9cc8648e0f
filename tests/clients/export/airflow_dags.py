"""Run by Airflow's own Python: what its DagBag finds in a directory, as JSON. Each task's fields are
rendered as before a run, and its pod is built as it would be sent to Kubernetes."""

import json
import sys

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:  # Airflow 2
    from airflow.models.dagbag import DagBag
from kubernetes.client import ApiClient

VARIABLES = {"var": {"value": {"mlflow_uri": "http://from-the-variable:5000"}}}


def shown(dag):
    (task,) = dag.tasks
    task.render_template_fields(dict(VARIABLES))
    pod = ApiClient().sanitize_for_serialization(task.build_pod_request_obj(None))
    return {
        "task": task.task_id,
        "schedule": dag.schedule if hasattr(dag, "schedule") else dag.schedule_interval,
        "catchup": dag.catchup,
        "operator": type(task).__mro__[1].__name__,
        "retries": task.retries,
        "pod": pod,
    }


bag = DagBag(dag_folder=sys.argv[1])
print("DAGS " + json.dumps({"errors": bag.import_errors, "dags": {k: shown(v) for k, v in bag.dags.items()}}))
