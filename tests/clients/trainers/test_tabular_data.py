"""Where the tabular trainers' rows come from, and the sentences for rows that cannot be used. Rows
S2-17 to S2-19, S2-21 and S2-22 of the labs."""

import hashlib
import http.server
import json
import signal
import threading
import time

import boto3
import mlflow
import numpy
import pandas
import pytest
from sklearn import ensemble, metrics
from tables import CALIFORNIA_COLUMNS, california_rows, train, write_archive

SMALL_FOREST = ("--n-estimators", 10, "--max-depth", 8, "--threads", 1)


@pytest.fixture(scope="module")
def rows():
    return california_rows()


@pytest.fixture(scope="module")
def archive(tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("california") / "cal_housing.tgz"
    write_archive(file, rows)
    return file


def as_scikit_learn(rows):
    """What fetch_california_housing makes of the archive: features and target."""
    data = rows[:, [7, 2, 3, 4, 5, 6, 1, 0]].copy()
    data[:, 2] /= data[:, 5]
    data[:, 3] /= data[:, 5]
    data[:, 5] = data[:, 4] / data[:, 5]
    return pandas.DataFrame(data, columns=CALIFORNIA_COLUMNS), rows[:, 8] / 100_000


def california(shell, *words, **variables):
    trained = shell.run(
        "train", "random_forest", "--dataset", "california_housing", *SMALL_FOREST, *words,
        **variables,
    )
    assert trained.code == 0, trained.said
    return trained


def test_california_housing_from_its_archive(shell, archive, rows):
    """Rows S2-21 and S2-22: 20,640 rows, 16,512 to learn from, scikit-learn's columns."""
    trained = shell.run(
        "train", "random_forest", "--dataset", "california_housing", "--data-path", archive,
        "--n-estimators", 20, "--max-depth", 10, "--threads", 1, "--min-r2", 0.75,
    )
    assert trained.code == 0, trained.said
    assert "is not the official archive" in trained.said
    assert trained.run.data.tags["deploy"] == "true"
    assert trained.params["n_estimators"] == "20"
    assert trained.params["max_depth"] == "10"
    assert [trained.params[name] for name in ("rows", "train_rows", "test_rows", "columns")] == [
        "20640", "16512", "4128", "8",
    ]
    (used,) = trained.run.inputs.dataset_inputs
    assert used.dataset.name == "california_housing"

    features, target = as_scikit_learn(rows)
    split = json.loads(trained.artifact("split.json").read_text())
    said = pandas.read_csv(trained.artifact("test_predictions.csv"))
    assert numpy.allclose(said["target"], target[split["test"]], rtol=1e-12)
    model = mlflow.pyfunc.load_model(f"runs:/{trained.run_id}/model")
    assert model.metadata.signature.inputs.input_names() == CALIFORNIA_COLUMNS
    assert numpy.array_equal(
        model.predict(features.loc[split["test"]]), said["prediction"].to_numpy(numpy.float32)
    )
    forest = ensemble.RandomForestRegressor(20, max_depth=10, random_state=0)
    forest.fit(features.loc[split["train"]], target[split["train"]])
    theirs = metrics.r2_score(target[split["test"]], forest.predict(features.loc[split["test"]]))
    assert trained.metrics["test_r2"] == pytest.approx(theirs, abs=0.02)


def test_the_derived_features(shell, archive, rows):
    """Rows S2-17 to S2-19, as pandas computes them."""
    trained = california(
        shell, "--data-path", archive, "--derived-features", "--drop", "Latitude,Longitude"
    )
    features, _ = as_scikit_learn(rows)
    features["bedroom_ratio"] = features["AveBedrms"] / (features["AveRooms"] + 1e-6)
    features["people_per_household"] = features["Population"] / (features["AveOccup"] + 1e-6)
    features["dist_to_bay"] = numpy.sqrt(
        (features["Latitude"] - 37.77) ** 2 + (features["Longitude"] + 122.42) ** 2
    )
    features = features.drop(columns=["Latitude", "Longitude"])
    split = json.loads(trained.artifact("split.json").read_text())
    model = mlflow.pyfunc.load_model(f"runs:/{trained.run_id}/model")
    assert model.metadata.signature.inputs.input_names() == list(features.columns)
    example = model.input_example
    held_out = features.loc[split["test"]]
    assert numpy.allclose(example, held_out.head(len(example)), rtol=1e-12)
    said = pandas.read_csv(trained.artifact("test_predictions.csv"))
    assert numpy.allclose(model.predict(held_out), said["prediction"], rtol=1e-6)
    assert trained.params["derived_features"] == "True"


class Mirror(http.server.ThreadingHTTPServer):
    """Gives one file at every path, and counts."""

    def __init__(self, content):
        asked = self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/files/5976036"


@pytest.fixture
def mirror(archive):
    server = Mirror(archive.read_bytes())
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_california_housing_is_downloaded_once_and_checked(shell, archive, mirror):
    """Row S2-21: cached for offline use; what is not the official file is refused."""
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    # A server keeps a dataset of the same name and digest once for all runs of an experiment.
    words = ("--data-url", mirror.url, "--data-digest", digest, "--experiment", "downloads")
    first = california(shell, *words)
    again = california(shell, *words)
    assert mirror.asked == ["/files/5976036"]
    assert first.params["rows"] == again.params["rows"] == "20640"
    (used,) = again.run.inputs.dataset_inputs
    assert used.dataset.source_type == "http"
    assert json.loads(used.dataset.source) == {"url": mirror.url}

    refused = shell.run(
        "train", "random_forest", "--dataset", "california_housing", "--data-url", mirror.url,
        *SMALL_FOREST,
    )
    assert refused.code == 1
    assert digest in refused.said and "aaa5c9a6afe2225cc2aed2723682ae40" in refused.said
    assert refused.run.info.status == "FAILED"


def test_rows_in_a_bucket_of_the_lab(shell, lab, tmp_path):
    """s3:// addresses: with the variables of `mlops-sandbox env`, and with --data-dir alone."""
    frame = pandas.DataFrame({"a": range(50), "b": [i % 7 for i in range(50)]})
    frame["y"] = frame["a"] * 0.5 + frame["b"]
    client = boto3.client(
        "s3", endpoint_url=lab.s3_url, aws_access_key_id=lab.access_key,
        aws_secret_access_key=lab.secret_key, region_name="us-east-1",
    )
    client.create_bucket(Bucket="tables")
    client.put_object(Bucket="tables", Key="a folder/표.csv", Body=frame.to_csv(index=False).encode())
    variables = {
        "MLFLOW_S3_ENDPOINT_URL": lab.s3_url,
        "AWS_ACCESS_KEY_ID": lab.access_key,
        "AWS_SECRET_ACCESS_KEY": lab.secret_key,
    }
    uri = "s3://tables/a folder/표.csv"
    words = ("train", "random_forest", "--data-path", uri, "--target", "y", *SMALL_FOREST)
    for trained in (shell.run(*words, **variables), shell.run(*words, "--data-dir", lab.data_dir)):
        assert trained.code == 0, trained.said
        assert trained.params["rows"] == "50"
        (used,) = trained.run.inputs.dataset_inputs
        assert used.dataset.source_type == "s3"
        assert json.loads(used.dataset.source) == {"uri": uri}
        # The copy was there for reading only.
        assert not list(trained.folder.glob("data*"))

    def refusal(place, **variables):
        refused = shell.run("train", "random_forest", "--data-path", place, "--target", "y", **variables)
        assert refused.code == 1
        assert refused.run.info.status == "FAILED"
        return refused.said

    assert "s3://tables/none.csv cannot be read" in refusal("s3://tables/none.csv", **variables)
    assert "NoSuchBucket" in refusal("s3://no-such-bucket/x.csv", **variables)
    assert "is s3://bucket/key" in refusal("s3://tables", **variables)
    assert "AWS_ACCESS_KEY_ID" in refusal(uri)
    wrong = variables | {"AWS_SECRET_ACCESS_KEY": "wrong-secret"}
    said = refusal(uri, **wrong)
    assert "cannot be read" in said and "wrong-secret" not in said


BAD_TABLES = {
    "nothing in it": ("", "table.csv is empty."),
    "only a header": ("a,y\n", "no row below it"),
    "no such target": ("a,b\n1,2\n", "There is no column 'y' to predict; table.csv has a, b."),
    "text in a feature": ("a,y\n1,2\nx,3\n", "table.csv, line 3, column 'a': 'x' is no finite number"),
    "a target without a value": ("a,y\n1,2.5\n2,NaN\n", "table.csv, line 3: the target 'y' has no value"),
    "an empty column": ("a,b,y\n1,,2\n2,,3\n", "'b' of table.csv holds no value at all"),
    "a constant target": ("a,y\n1,2\n2,2\n", "the same in every row"),
    "a line too long": ("a,y\n1,2\n1,2,3\n", "line 3 has 3 fields"),
    "too few rows": ("a,y\n1,1.5\n2,2.5\n3,3\n", "too few rows"),
    "a name XGBoost refuses": ("a<b,y\n1,2\n2,3\n", "'a<b' cannot be used"),
    "an open quote": ('a,y\n"1,2\n', "line 2: a quote that begins here is never closed"),
}


@pytest.mark.parametrize("content, sentence", BAD_TABLES.values(), ids=BAD_TABLES)
def test_tables_that_cannot_be_learnt_from(shell, tmp_path, content, sentence):
    """The run is FAILED and says why, in a sentence with the place."""
    file = tmp_path / "table.csv"
    file.write_text(content)
    refused = shell.run("train", "random_forest", "--data-path", file, "--target", "y")
    assert refused.code == 1
    assert sentence in refused.said
    assert refused.run.info.status == "FAILED"
    assert sentence in refused.run.data.tags["mlflow.note.content"]


@pytest.mark.parametrize("name", ["table.parquet", "table.csv"])
def test_parquet_is_known_by_name_and_by_content(shell, tmp_path, name):
    """It is not read, and the sentence says what to do."""
    file = tmp_path / name
    pandas.DataFrame({"a": [1.0, 2, 3, 4], "y": [1.5, 2, 3, 4]}).to_parquet(tmp_path / "real")
    (tmp_path / "real").rename(file)
    refused = shell.run("train", "random_forest", "--data-path", file, "--target", "y")
    assert refused.code == 1
    assert f"{file} is Parquet" in refused.said
    assert 'pandas.read_parquet("table.parquet").to_csv("table.csv", index=False)' in refused.said


def test_parameters_are_checked_before_anything_begins(shell, tmp_path):
    def refusal(*words):
        refused = shell.run("train", *words)
        assert refused.code == 2 and refused.run_id is None
        return refused.said

    assert "n_estimators cannot be '0'" in refusal("random_forest", "--n-estimators", 0)
    assert "one of csv, california_housing" in refusal("gradient_boosting", "--dataset", "mnist")
    assert "one of auto, regression, classification" in refusal("random_forest", "--task", "both")
    assert "There is no parameter --learning-rate" in refusal("random_forest", "--learning-rate", 1)
    assert "random_forest, gradient_boosting" in refusal("random_tree")

    nothing = shell.run("train", "random_forest", "--target", "y")
    assert nothing.code == 1 and "--data-path" in nothing.said
    missing = shell.run("train", "random_forest", "--data-path", tmp_path / "no.csv", "--target", "y")
    assert missing.code == 1 and f"There is no file {tmp_path / 'no.csv'}" in missing.said


def test_an_archive_that_is_none(shell, tmp_path, rows):
    broken = tmp_path / "broken.tgz"
    broken.write_bytes(b"this is no archive" * 100)
    other = tmp_path / "other.tgz"
    write_archive(other, rows[:5], name="CaliforniaHousing/else.data")
    narrow = tmp_path / "narrow.tgz"
    write_archive(narrow, rows[:5, :8])
    for file, why in (
        (broken, "is no archive of California Housing"),
        (other, "no cal_housing.data in it"),
        (narrow, "line 1 of cal_housing.data is not nine numbers"),
    ):
        refused = shell.run(
            "train", "random_forest", "--dataset", "california_housing", "--data-path", file
        )
        assert refused.code == 1
        assert why in refused.said
    other = shell.run(
        "train", "random_forest", "--dataset", "california_housing", "--target", "price"
    )
    assert other.code == 1
    assert "The target of california_housing is MedHouseVal" in other.said


def test_a_boosting_is_stopped_at_any_round(shell, tmp_path):
    """Ctrl-C: the run is KILLED, and keeps the metrics of the rounds that were."""
    chance = numpy.random.default_rng(1)
    frame = pandas.DataFrame(chance.random((5000, 10)), columns=list("abcdefghij"))
    frame["y"] = frame["a"] + chance.random(5000)
    frame.to_csv(tmp_path / "table.csv", index=False)
    process = shell.start(
        "train", "gradient_boosting", "--data-path", "table.csv", "--target", "y",
        "--n-estimators", 100_000, "--threads", 1,
    )
    runs = []
    deadline = time.monotonic() + 60
    while not any(run.data.metrics for run in runs):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
        experiment = shell.client.get_experiment_by_name("gradient_boosting")
        runs = shell.client.search_runs(
            [experiment.experiment_id], "attributes.status = 'RUNNING'"
        ) if experiment else []
    process.send_signal(signal.SIGINT)
    stopped = shell.finished(process)
    assert stopped.code == 130
    assert stopped.run.info.status == "KILLED"
    assert len(stopped.history("round_train_rmse")) > 1
    assert stopped.artifacts() == []
