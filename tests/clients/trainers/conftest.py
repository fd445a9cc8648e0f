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


# Tables to learn from, which scikit-learn is asked for only where a test wants one: it is slow to
# load.
@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tables")


@pytest.fixture(scope="module")
def diabetes(folder):
    from sklearn import datasets

    file = folder / "diabetes.csv"
    datasets.load_diabetes(as_frame=True, scaled=False).frame.to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def friedman(folder):
    """Ten columns, of which five tell the number, and not along a line."""
    import pandas
    from sklearn import datasets

    features, target = datasets.make_friedman1(2000, noise=1.0, random_state=1)
    frame = pandas.DataFrame(features, columns=[f"x{i}" for i in range(features.shape[1])])
    frame["y"] = target
    file = folder / "friedman.csv"
    frame.to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def cancer(folder):
    """Two classes that are named."""
    from sklearn import datasets

    loaded = datasets.load_breast_cancer(as_frame=True)
    frame = loaded.frame.drop(columns="target")
    frame["diagnosis"] = loaded.target_names[loaded.target]
    file = folder / "cancer.csv"
    frame.to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def iris(folder):
    """Three classes that are numbers, and missing values."""
    from sklearn import datasets

    frame = datasets.load_iris(as_frame=True).frame
    frame.loc[[3, 77, 120], "petal width (cm)"] = float("nan")
    file = folder / "iris.csv"
    frame.to_csv(file, index=False)
    return file
