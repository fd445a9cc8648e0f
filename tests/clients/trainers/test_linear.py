"""The trainers on LibTorch for tables: scikit-learn's numbers on the very same rows, models that open
in Python and say the same from raw columns. Rows S2-21 and S2-22 of the labs."""

import json
import signal
import time

import mlflow
import numpy
import pandas
import pytest
import torch
from PIL import Image
from sklearn import linear_model, metrics, preprocessing
from tables import train


def rows_of(trained, file, target):
    """The rows the trainer learnt from and those it was tested on: (X, y) each."""
    frame = pandas.read_csv(file)
    split = json.loads(trained.artifact("split.json").read_text())
    parts = [frame.loc[split[name]] for name in ("train", "test")]
    return [(part.drop(columns=target), part[target]) for part in parts]


def predictions(trained):
    return pandas.read_csv(trained.artifact("test_predictions.csv"))


def probabilities(said):
    return said[[column for column in said if column.startswith("probability of ")]]


SCALERS = {
    "standard": preprocessing.StandardScaler,
    "minmax": preprocessing.MinMaxScaler,
    "none": preprocessing.FunctionTransformer,
}


@pytest.mark.parametrize("scaling", ["standard", "minmax", "none"])
@pytest.mark.parametrize("alpha", [0, 2.5])
def test_least_squares_are_scikit_learns(shell, diabetes, scaling, alpha):
    """Row S2-22: coefficients and predictions of LinearRegression and Ridge on the same rows, scaled by
    what the training rows say."""
    trained = train(
        shell, "linear_regression", diabetes, "target", "--scaling", scaling, "--alpha", alpha
    )
    (learnt, truth), (held_out, test_truth) = rows_of(trained, diabetes, "target")
    theirs = linear_model.Ridge(alpha) if alpha else linear_model.LinearRegression()
    scaler = SCALERS[scaling]().fit(learnt.to_numpy())
    theirs.fit(scaler.transform(learnt.to_numpy()), truth)
    expected = theirs.predict(scaler.transform(held_out.to_numpy()))
    assert numpy.allclose(predictions(trained)["prediction"], expected, rtol=2e-5)
    assert trained.metrics["test_r2"] == pytest.approx(metrics.r2_score(test_truth, expected), abs=1e-5)
    assert trained.metrics["test_rmse"] == pytest.approx(
        metrics.root_mean_squared_error(test_truth, expected), rel=1e-5
    )
    assert trained.metrics["score"] == trained.metrics["test_r2"]

    (line,) = json.loads(trained.artifact("coefficients.json").read_text())
    names = list(held_out.columns)
    assert list(line["coefficients"]) == names
    plain = held_out.to_numpy() @ numpy.array(list(line["coefficients"].values())) + line["intercept"]
    assert numpy.allclose(plain, expected, rtol=2e-5)
    assert trained.params["alpha"] == ("0" if alpha == 0 else "2.5")
    picture = Image.open(trained.artifact("coefficients.png")).convert("RGB")
    assert len(picture.getcolors(1 << 24)) > 10


@pytest.mark.parametrize("c", [0.1, 1, 100])
@pytest.mark.parametrize("name, target", [("cancer", "diagnosis"), ("iris", "target")])
def test_logistic_regression_is_scikit_learns(shell, request, name, target, c):
    """Two classes and three: the probabilities of LogisticRegression with the same C, missing values
    filled with the mean of the training rows."""
    file = request.getfixturevalue(name)
    trained = train(shell, "logistic_regression", file, target, "--regularization-c", c)
    (learnt, truth), (held_out, test_truth) = rows_of(trained, file, target)
    mean = learnt.mean()
    scaler = preprocessing.StandardScaler().fit(learnt.fillna(mean))
    theirs = linear_model.LogisticRegression(C=c, tol=1e-9, max_iter=10_000)
    theirs.fit(scaler.transform(learnt.fillna(mean)), truth)
    expected = theirs.predict_proba(scaler.transform(held_out.fillna(mean)))
    said = predictions(trained)
    assert numpy.abs(probabilities(said).to_numpy() - expected).max() < 2e-5
    assert trained.metrics["slope"] <= 1e-8
    assert "has not arrived" not in trained.said
    assert trained.metrics["test_accuracy"] == metrics.accuracy_score(
        test_truth, theirs.predict(scaler.transform(held_out.fillna(mean)))
    )
    assert trained.metrics["test_log_loss"] == pytest.approx(
        metrics.log_loss(test_truth, expected), rel=1e-3
    )
    lines = json.loads(trained.artifact("coefficients.json").read_text())
    assert [line["class"] for line in lines] == (
        ["malignant"] if name == "cancer" else ["0", "1", "2"]
    )
    coefficients = [list(line["coefficients"].values()) for line in lines]
    assert numpy.allclose(coefficients, theirs.coef_ / scaler.scale_, rtol=1e-3, atol=1e-5)
    if name == "cancer":
        assert trained.metrics["test_roc_auc"] == pytest.approx(
            metrics.roc_auc_score(test_truth == "malignant", expected[:, 1]), abs=1e-6
        )
    assert "confusion_matrix.png" in trained.artifacts()


def test_too_few_steps_are_said(shell, cancer):
    trained = train(shell, "logistic_regression", cancer, "diagnosis", "--max-iter", 2)
    assert "L-BFGS has not arrived after 2 steps" in trained.said


@pytest.mark.parametrize(
    "trainer, name, target, words",
    [
        ("linear_regression", "friedman", "y", ()),
        ("logistic_regression", "cancer", "diagnosis", ()),
        ("logistic_regression", "iris", "target", ("--scaling", "minmax")),
        ("mlp", "friedman", "y", ("--epochs", 3, "--activation", "tanh")),
        ("mlp", "cancer", "diagnosis", ("--epochs", 3, "--dropout", 0.2)),
        ("mlp", "iris", "target", ("--epochs", 3, "--activation", "gelu", "--hidden", "8")),
    ],
)
def test_the_model_opens_in_python_and_says_the_same(shell, request, trainer, name, target, words):
    """Raw columns go in: filling and scaling are a part of the model."""
    file = request.getfixturevalue(name)
    trained = train(shell, trainer, file, target, *words)
    _, (held_out, _) = rows_of(trained, file, target)
    said = predictions(trained)
    expected = probabilities(said).to_numpy()
    if expected.shape[1] == 0:
        expected = said[["prediction"]].to_numpy()
    elif expected.shape[1] == 2:
        expected = expected[:, 1:]
    uri = f"runs:/{trained.run_id}/model"
    model = mlflow.pyfunc.load_model(uri)
    # The names bind, not the order of the columns.
    answer = model.predict(held_out[held_out.columns[::-1]])
    assert numpy.allclose(answer, expected, rtol=1e-6, atol=1e-7)
    assert model.metadata.signature.inputs.input_names() == list(held_out.columns)
    assert model.metadata.run_id == trained.run_id
    assert len(model.predict(model.input_example)) == 5
    script = mlflow.pytorch.load_model(uri)
    with torch.no_grad():
        raw = script(torch.tensor(held_out.to_numpy(dtype=numpy.float32)))
    assert numpy.allclose(raw.numpy(), expected, rtol=1e-6, atol=1e-7)
    state = torch.load(trained.artifact(f"{trainer}.pth"), weights_only=True)
    assert set(state) == set(script.state_dict())
    assert all(torch.equal(state[key], tensor) for key, tensor in script.state_dict().items())
    assert set(trained.artifacts("model")) == {
        "model/" + path for path in (
            "MLmodel", "conda.yaml", "data/model.pth", "data/pickle_module_info.txt",
            "input_example.json", "python_env.yaml", "requirements.txt", "serving_input_example.json",
        )
    }


def test_the_network_learns_what_lines_cannot(shell, friedman):
    """Metrics of every epoch, early stopping, and the model of the best epoch."""
    words = ("--learning-rate", 0.01, "--patience", 5)
    trained = train(shell, "mlp", friedman, "y", *words)
    line = train(shell, "linear_regression", friedman, "y")
    assert trained.metrics["test_r2"] > line.metrics["test_r2"] + 0.1
    watched = trained.history("epoch_validation_rmse")
    learnt = trained.history("epoch_train_rmse")
    assert [step for step, _ in watched] == [step for step, _ in learnt]
    assert [step for step, _ in watched] == list(range(1, len(watched) + 1))
    best_epoch, best = min(watched, key=lambda point: (point[1], point[0]))
    assert trained.metrics["best_epoch"] == best_epoch
    assert trained.metrics["stopped_epoch"] == len(watched) == min(best_epoch + 5, 100)
    assert trained.metrics["validation_rmse"] == pytest.approx(best, rel=1e-5)
    assert trained.metrics["score"] == trained.metrics["validation_r2"]
    split = json.loads(trained.artifact("split.json").read_text())
    assert [len(split[part]) for part in ("train", "validation", "test")] == [1440, 160, 400]


def test_the_network_tells_classes_apart(shell, cancer):
    trained = train(shell, "mlp", cancer, "diagnosis", "--epochs", 30, "--weight-decay", 0.01)
    assert trained.metrics["test_accuracy"] > 0.93
    assert trained.metrics["test_roc_auc"] > 0.97


def test_the_same_seed_is_the_same_network(shell, friedman):
    """To the bit, with chance in the order, the beginning and the dropout."""
    first, second, other = (
        train(shell, "mlp", friedman, "y", "--epochs", 2, "--dropout", 0.3, "--seed", seed)
        for seed in (3, 3, 4)
    )
    assert predictions(first).equals(predictions(second))
    assert not predictions(first).equals(predictions(other))
    assert first.history("epoch_train_rmse") == second.history("epoch_train_rmse")


def test_a_stopped_training_is_killed_cleanly(shell, friedman):
    """Ctrl-C: exit code 130, run KILLED, the epochs before it are logged."""
    process = shell.start(
        "train", "mlp", "--data-path", friedman, "--target", "y", "--threads", 1,
        "--epochs", 100_000, "--patience", 0, "--run-name", "endless",
    )
    deadline = time.monotonic() + 60
    found = []
    while not found and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.1)
        ids = [one.experiment_id for one in shell.client.search_experiments()]
        runs = shell.client.search_runs(ids, "attributes.run_name = 'endless'")
        found = [run for run in runs if "epoch_train_rmse" in run.data.metrics]
    assert found
    process.send_signal(signal.SIGINT)
    stopped = shell.finished(process)
    assert stopped.code == 130, stopped.said
    assert stopped.run.info.status == "KILLED"
    assert len(stopped.history("epoch_train_rmse")) > 0


def test_the_threshold_and_the_registry(shell, friedman):
    """Row S2-22: both branches."""
    words = ("--register", "friedman-line", "--alias", "champion")
    below = train(shell, "linear_regression", friedman, "y", *words, "--min-r2", 0.99)
    assert below.run.data.tags["deploy"] == "false"
    with pytest.raises(mlflow.MlflowException):
        shell.client.get_registered_model("friedman-line")
    above = train(shell, "linear_regression", friedman, "y", *words, "--min-r2", 0.5)
    assert above.run.data.tags["deploy"] == "true"
    version = shell.client.get_model_version_by_alias("friedman-line", "champion")
    assert version.run_id == above.run_id
    assert mlflow.pyfunc.load_model("models:/friedman-line@champion").metadata.run_id == above.run_id


def test_evaluation_of_the_same_rows_and_of_others(shell, cancer, folder):
    """Scores written back: of the rows held out the same again, of another file beside them."""
    trained = train(shell, "logistic_regression", cancer, "diagnosis")
    before = trained.metrics
    again = shell.run("evaluate", trained.run_id)
    assert again.code == 0, again.said
    assert len(trained.history("test_accuracy")) == 2
    for name, value in before.items():
        assert trained.metrics[name] == pytest.approx(value, rel=1e-6), name

    frame = pandas.read_csv(cancer).sample(100, random_state=1)
    other = folder / "other.csv"
    frame[frame.columns[::-1]].to_csv(other, index=False)
    evaluated = shell.run("evaluate", trained.run_id, "--data-path", other)
    assert evaluated.code == 0, evaluated.said
    model = mlflow.pyfunc.load_model(f"runs:/{trained.run_id}/model")
    said = model.predict(frame.drop(columns="diagnosis")).to_numpy().ravel()
    truth = frame["diagnosis"] == "malignant"
    assert trained.metrics["evaluation_accuracy"] == metrics.accuracy_score(truth, said > 0.5)
    assert trained.metrics["evaluation_roc_auc"] == pytest.approx(metrics.roc_auc_score(truth, said))
    assert trained.metrics["test_accuracy"] == before["test_accuracy"]
    assert trained.run.info.status == "FINISHED"
    assert len(pandas.read_csv(trained.artifact("evaluation_predictions.csv"))) == 100


@pytest.mark.parametrize(
    "trainer, words, sentence",
    [
        ("mlp", ("--batch-size", 5000), "A batch of 5000 rows is more than the 1440"),
        ("mlp", ("--hidden", "64,none"), "hidden is '64,none'; it names the sizes"),
        ("mlp", ("--learning-rate", 10, "--weight-decay", 100), "The loss is no number any more in epoch"),
        ("linear_regression", ("--task", "classification"), "take logistic_regression or mlp"),
        ("logistic_regression", ("--task", "regression"), "take linear_regression or mlp"),
    ],
)
def test_what_cannot_be_is_said(shell, friedman, trainer, words, sentence):
    refused = shell.run("train", trainer, "--data-path", friedman, "--target", "y", *words)
    assert refused.code == 1
    assert sentence in refused.said
    assert refused.run.info.status == "FAILED"


def test_one_class_is_nothing_to_tell_apart(shell, cancer, folder):
    frame = pandas.read_csv(cancer)
    file = folder / "one.csv"
    frame[frame["diagnosis"] == "benign"].to_csv(file, index=False)
    refused = shell.run("train", "logistic_regression", "--data-path", file, "--target", "diagnosis")
    assert refused.code == 1
    assert "'diagnosis' of one.csv is the same in every row" in refused.said


def test_columns_of_one_value_do_no_harm(shell, friedman, folder):
    frame = pandas.read_csv(friedman)
    frame["same"] = 0.1
    file = folder / "same.csv"
    frame.to_csv(file, index=False)
    trained = train(shell, "linear_regression", file, "y")
    plain = train(shell, "linear_regression", friedman, "y")
    assert "The column 'same' holds no two values in the rows to learn from" in trained.said
    assert trained.metrics["test_r2"] == pytest.approx(plain.metrics["test_r2"], abs=1e-6)
    (line,) = json.loads(trained.artifact("coefficients.json").read_text())
    assert line["coefficients"]["same"] == pytest.approx(0, abs=1e-9)


def test_a_column_empty_in_the_rows_to_learn_from(shell, friedman, folder):
    """A mean that is none is said, not computed with."""
    split = json.loads(train(shell, "linear_regression", friedman, "y").artifact("split.json").read_text())
    frame = pandas.read_csv(friedman)
    frame["rare"] = numpy.nan
    frame.loc[split["test"], "rare"] = 1.0
    file = folder / "rare.csv"
    frame.to_csv(file, index=False)
    refused = shell.run("train", "linear_regression", "--data-path", file, "--target", "y")
    assert refused.code == 1
    assert "The column 'rare' holds no value in the rows to learn from" in refused.said
