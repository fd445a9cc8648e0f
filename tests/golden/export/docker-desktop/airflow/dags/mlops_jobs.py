"""The lab's jobs that have a schedule, a DAG each. Runs in Airflow 2.11 and 3."""

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

settings = json.loads(Path(__file__).with_name("mlops_lab.json").read_text())


class JobOperator(KubernetesPodOperator):
    """A job's words are its own: {{ }} in them and names such as x.json mean nothing to Airflow."""

    template_fields = ()
    template_ext = ()


for job in settings["jobs"]:
    with DAG(
        dag_id=job["dag_id"],
        description=job["name"],
        schedule=job["schedule"],
        # Runs from before the DAG came are not made up for (catchup).
        start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
        catchup=False,
        max_active_runs=1,
        tags=[settings["project"]],
    ) as dag:
        JobOperator(
            task_id="run",
            name=job["dag_id"],
            namespace=settings["namespace"],
            pod_template_dict=job["pod"],
            base_container_name=job["container"],
            retries=job["retries"],
            execution_timeout=timedelta(seconds=job["timeout_s"]) if job["timeout_s"] else None,
            startup_timeout_seconds=600,
            get_logs=True,
            on_finish_action="delete_succeeded_pod",
        )
    globals()[job["dag_id"]] = dag
