"""A shell to train from, and a client that speaks to the same lab."""

import mlflow
import pytest
from training_shell import Shell


@pytest.fixture(scope="module", autouse=True)
def mlflow_client(lab):
    """The client of this process speaks to the lab."""
    mlflow.set_tracking_uri(lab.mlflow_url)
    mlflow.set_registry_uri(lab.mlflow_url)


@pytest.fixture
def shell(lab, tmp_path):
    return Shell(lab, tmp_path)
