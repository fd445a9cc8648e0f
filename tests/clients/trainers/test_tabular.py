"""The tabular trainers: as good as scikit-learn on the very same rows, their models open in Python
and say the same. Rows S2-21 and S2-22 of the labs."""

import json

import matplotlib.image
import mlflow
import numpy
import pandas
import pytest
import requests
from sklearn import ensemble, metrics
from tables import train


def rows_of(trained, file, target):
    """The rows the trainer learnt from and those it was tested on: (X, y) each."""
    frame = pandas.read_csv(file)
    split = json.loads(trained.artifact("split.json").read_text())
    assert sorted(split["train"] + split["test"]) == list(range(len(frame)))
    parts = [frame.loc[split[name]] for name in ("train", "test")]
    return [(part.drop(columns=target), part[target]) for part in parts]


def predictions(trained):
    return pandas.read_csv(trained.artifact("test_predictions.csv"))


@pytest.mark.parametrize("name, target", [("diabetes", "target"), ("friedman", "y")])
def test_the_forest_is_as_good_as_scikit_learns(shell, request, name, target):
    """Row S2-22: R² on held-out rows within 0.02 of scikit-learn's forest on the same split."""
    file = request.getfixturevalue(name)
    trained = train(shell, "random_forest", file, target, "--n-estimators", 300)
    (learnt, truth), (held_out, test_truth) = rows_of(trained, file, target)
    forest = ensemble.RandomForestRegressor(300, random_state=0).fit(learnt, truth)
    theirs = metrics.r2_score(test_truth, forest.predict(held_out))
    assert trained.metrics["test_r2"] == pytest.approx(theirs, abs=0.02)

    said = predictions(trained)
    assert said["row"].tolist() == held_out.index.tolist()
    assert trained.metrics["test_r2"] == pytest.approx(
        metrics.r2_score(test_truth, said["prediction"]), abs=1e-9
    )
    assert trained.metrics["test_rmse"] == pytest.approx(
        metrics.root_mean_squared_error(test_truth, said["prediction"])
    )
    assert trained.metrics["test_mae"] == pytest.approx(
        metrics.mean_absolute_error(test_truth, said["prediction"])
    )
    assert trained.metrics["train_r2"] > trained.metrics["test_r2"]
    assert trained.params["n_estimators"] == "300"
    assert trained.params["max_depth"] == "0"
    assert trained.params["task"] == "regression"


@pytest.mark.parametrize("name, target", [("cancer", "diagnosis"), ("iris", "target")])
def test_a_forest_of_classes_is_as_good_as_scikit_learns(shell, request, name, target):
    """Two classes and three: at most one of the held-out rows more is taken for another class."""
    file = request.getfixturevalue(name)
    trained = train(shell, "random_forest", file, target)
    (learnt, truth), (held_out, test_truth) = rows_of(trained, file, target)
    forest = ensemble.RandomForestClassifier(100, random_state=0).fit(learnt, truth)
    theirs = metrics.accuracy_score(test_truth, forest.predict(held_out))
    assert trained.metrics["test_accuracy"] >= theirs - 1.01 / len(test_truth)


def test_scores_of_two_classes_are_scikit_learns(shell, cancer):
    trained = train(shell, "random_forest", cancer, "diagnosis")
    _, (_, test_truth) = rows_of(trained, cancer, "diagnosis")
    said = predictions(trained)
    benign, malignant = said["probability of benign"], said["probability of malignant"]
    assert numpy.allclose(benign + malignant, 1)
    expected = {
        "accuracy": metrics.accuracy_score(test_truth, said["prediction"]),
        "f1": metrics.f1_score(test_truth, said["prediction"], pos_label="malignant"),
        "roc_auc": metrics.roc_auc_score(test_truth == "malignant", malignant),
        "log_loss": metrics.log_loss(test_truth == "malignant", malignant),
    }
    for name, value in expected.items():
        assert trained.metrics[f"test_{name}"] == pytest.approx(value, rel=1e-5), name
    assert trained.params["classes"] == "2"


def test_scores_of_three_classes_are_scikit_learns(shell, iris):
    trained = train(shell, "gradient_boosting", iris, "target", "--n-estimators", 5)
    _, (_, test_truth) = rows_of(trained, iris, "target")
    said = predictions(trained)
    probabilities = said[[f"probability of {name}" for name in (0, 1, 2)]]
    expected = {
        "accuracy": metrics.accuracy_score(test_truth, said["prediction"]),
        "f1_macro": metrics.f1_score(test_truth, said["prediction"], average="macro"),
        "log_loss": metrics.log_loss(test_truth, probabilities),
    }
    for name, value in expected.items():
        assert trained.metrics[f"test_{name}"] == pytest.approx(value, rel=1e-5), name


@pytest.mark.parametrize("trainer", ["random_forest", "gradient_boosting"])
@pytest.mark.parametrize("name, target", [("friedman", "y"), ("cancer", "diagnosis"), ("iris", "target")])
def test_the_model_opens_in_python_and_says_the_same(shell, request, trainer, name, target):
    file = request.getfixturevalue(name)
    trained = train(shell, trainer, file, target, "--n-estimators", 30)
    _, (held_out, _) = rows_of(trained, file, target)
    uri = f"runs:/{trained.run_id}/model"
    model = mlflow.pyfunc.load_model(uri)
    said = predictions(trained)
    probabilities = [column for column in said if column.startswith("probability of ")]
    if not probabilities:
        expected = said["prediction"]
    elif len(probabilities) == 2:
        expected = said[probabilities[1]]
    else:
        expected = said[probabilities]
    # The names bind, not the order of the columns.
    assert numpy.array_equal(
        model.predict(held_out[held_out.columns[::-1]]),
        expected.to_numpy(dtype=numpy.float32),
    )
    assert model.metadata.signature.inputs.input_names() == list(held_out.columns)
    assert model.metadata.run_id == trained.run_id
    assert model.metadata.metadata["classes"] == [
        column.removeprefix("probability of ") for column in probabilities
    ]
    example = model.input_example
    assert len(example) == 5 and list(example.columns) == list(held_out.columns)
    assert len(model.predict(example)) == 5

    booster = mlflow.xgboost.load_model(uri)
    assert booster.feature_names == list(held_out.columns)
    assert set(trained.artifacts("model")) == {
        "model/" + name for name in (
            "MLmodel", "conda.yaml", "input_example.json", "model.ubj", "python_env.yaml",
            "requirements.txt", "serving_input_example.json",
        )
    }
    with pytest.raises(mlflow.MlflowException, match="missing"):
        model.predict(held_out.drop(columns=held_out.columns[0]))


def test_what_a_training_leaves(shell, iris):
    """The dataset among the run's inputs, the importance of columns, pictures."""
    trained = train(shell, "random_forest", iris, "target")
    (used,) = trained.run.inputs.dataset_inputs
    assert used.dataset.name == "iris.csv"
    assert used.dataset.source_type == "local"
    assert json.loads(used.dataset.source) == {"uri": str(iris)}
    assert json.loads(used.dataset.profile) == {"num_rows": 150, "num_elements": 750}
    assert [tag.value for tag in used.tags] == ["training"]
    assert trained.params["data_sha256"].startswith(used.dataset.digest)

    importance = json.loads(trained.artifact("feature_importance.json").read_text())
    assert {one["feature"] for one in importance} == set(pandas.read_csv(iris).columns[:-1])
    assert sum(one["importance"] for one in importance) == pytest.approx(1)
    assert importance[0]["feature"].startswith("petal")
    for name in ("feature_importance.png", "confusion_matrix.png"):
        picture = matplotlib.image.imread(trained.artifact(name))
        assert picture.shape[0] > 200 and picture.shape[1] > 400
        assert len(numpy.unique(picture.reshape(-1, picture.shape[2]), axis=0)) > 10


def test_the_same_seed_is_the_same_model(shell, friedman):
    first, second, other = (
        train(shell, "random_forest", friedman, "y", "--n-estimators", 10, "--seed", seed)
        for seed in (3, 3, 4)
    )
    assert predictions(first).equals(predictions(second))
    assert not predictions(first).equals(predictions(other))


def test_boosting_logs_every_round_and_keeps_the_best(shell, diabetes):
    """Early stopping: the model is that of the best round, which the metrics agree with."""
    trained = train(
        shell, "gradient_boosting", diabetes, "target", "--n-estimators", 500,
        "--learning-rate", 0.3, "--early-stopping-rounds", 5,
    )
    watched = trained.history("round_validation_rmse")
    learnt = trained.history("round_train_rmse")
    assert [step for step, _ in watched] == [step for step, _ in learnt] == list(range(len(watched)))
    assert len(watched) < 500
    best_round, best = min(watched, key=lambda point: (point[1], point[0]))
    assert trained.metrics["best_iteration"] == best_round
    assert trained.metrics["stopped_iteration"] == len(watched) - 1 == best_round + 5
    assert trained.metrics["validation_rmse"] == pytest.approx(best, rel=1e-6)
    booster = mlflow.xgboost.load_model(f"runs:/{trained.run_id}/model")
    assert booster.num_boosted_rounds() == best_round + 1
    split = json.loads(trained.artifact("split.json").read_text())
    assert [len(split[part]) for part in ("train", "validation", "test")] == [317, 36, 89]
    assert learnt[-1][1] < learnt[0][1]


@pytest.mark.parametrize("trainer", ["random_forest", "gradient_boosting"])
def test_the_threshold_decides_about_deployment(shell, friedman, trainer):
    """Row S2-22: both branches, by moving the threshold."""
    words = ("--n-estimators", 50, "--register", f"friedman-{trainer}", "--alias", "champion")
    below = train(shell, trainer, friedman, "y", *words, "--min-r2", 0.99)
    assert below.run.data.tags["deploy"] == "false"
    assert "below the threshold of 0.99: deploy=false" in below.said
    assert "Not registered" in below.said
    with pytest.raises(mlflow.MlflowException):
        shell.client.get_registered_model(f"friedman-{trainer}")

    above = train(shell, trainer, friedman, "y", *words, "--min-r2", 0.75)
    assert above.run.data.tags["deploy"] == "true"
    assert above.metrics["test_r2"] >= 0.75
    version = shell.client.get_model_version_by_alias(f"friedman-{trainer}", "champion")
    assert version.run_id == above.run_id
    _, (held_out, _) = rows_of(above, friedman, "y")
    champion = mlflow.pyfunc.load_model(f"models:/friedman-{trainer}@champion")
    assert numpy.array_equal(
        champion.predict(held_out), predictions(above)["prediction"].to_numpy(numpy.float32)
    )

    none = train(shell, trainer, friedman, "y", "--n-estimators", 5)
    assert "deploy" not in none.run.data.tags


def test_a_classification_has_its_own_threshold(shell, cancer):
    trained = train(shell, "random_forest", cancer, "diagnosis", "--min-accuracy", 0.9)
    assert trained.run.data.tags["deploy"] == "true"
    refused = shell.run(
        "train", "random_forest", "--data-path", cancer, "--target", "diagnosis", "--min-r2", 0.9
    )
    assert refused.code == 1
    assert "its threshold is min_accuracy, not min_r2" in refused.said
    assert refused.run.info.status == "FAILED"


@pytest.mark.parametrize("trainer", ["random_forest", "gradient_boosting"])
@pytest.mark.parametrize("name, target", [("friedman", "y"), ("iris", "target")])
def test_evaluation_of_the_same_rows_and_of_others(shell, request, folder, trainer, name, target):
    """Scores written back: of the rows held out the same again, of another file beside them."""
    file = request.getfixturevalue(name)
    trained = train(shell, trainer, file, target, "--n-estimators", 10)
    before = trained.metrics
    again = shell.run("evaluate", trained.run_id)
    assert again.code == 0, again.said
    tested = [key for key in before if key.startswith("test_")]
    for key in tested:
        assert len(trained.history(key)) == 2
        assert trained.metrics[key] == pytest.approx(before[key], rel=1e-6), key

    frame = pandas.read_csv(file).sample(60, random_state=2)
    other = folder / f"other-{trainer}-{name}.csv"
    frame[frame.columns[::-1]].assign(more=1).to_csv(other, index=False)
    evaluated = shell.run("evaluate", trained.run_id, "--data-path", other)
    assert evaluated.code == 0, evaluated.said
    said = mlflow.pyfunc.load_model(f"runs:/{trained.run_id}/model").predict(
        frame.drop(columns=target)
    )
    if name == "iris":
        expected = metrics.accuracy_score(frame[target], said.argmax(axis=1))
        assert trained.metrics["evaluation_accuracy"] == pytest.approx(expected)
    else:
        assert trained.metrics["evaluation_r2"] == pytest.approx(
            metrics.r2_score(frame[target], said), rel=1e-5
        )
    assert all(trained.metrics[key] == pytest.approx(before[key], rel=1e-6) for key in tested)
    assert trained.run.info.status == "FINISHED"
    (used,) = [
        one.dataset for one in trained.run.inputs.dataset_inputs if one.tags[0].value == "evaluation"
    ]
    assert used.name == other.name


def test_an_evaluation_of_what_does_not_fit(shell, iris, folder):
    trained = train(shell, "random_forest", iris, "target", "--n-estimators", 5)
    frame = pandas.read_csv(iris)
    narrow, strange = folder / "narrow.csv", folder / "strange.csv"
    frame.drop(columns="petal width (cm)").to_csv(narrow, index=False)
    frame.assign(target=7).to_csv(strange, index=False)
    for file, sentence in (
        (narrow, "The model wants a column 'petal width (cm)', which narrow.csv does not have"),
        (strange, "strange.csv, line 2: the target 'target' is '7', a class that the model does not know"),
    ):
        refused = shell.run("evaluate", trained.run_id, "--data-path", file)
        assert refused.code == 1
        assert sentence in refused.said
        assert trained.run.info.status == "FINISHED"


@pytest.mark.parametrize("name, target, metric", [
    ("friedman", "y", "test_r2"), ("cancer", "diagnosis", "test_accuracy"),
])
def test_a_sweep_knows_what_is_best(shell, request, name, target, metric):
    """Without --metric, for both tasks: both log `score`."""
    swept = shell.run(
        "train", "random_forest", "--data-path", request.getfixturevalue(name), "--target", target,
        "--threads", 1, "--n-estimators", 5, "--experiment", f"sweep-{name}",
        "--sweep", "max_depth=1,6", "--strategy", "grid",
    )
    assert swept.code == 0, swept.said
    experiment = shell.client.get_experiment_by_name(f"sweep-{name}")
    runs = shell.client.search_runs([experiment.experiment_id], "params.n_estimators = '5'")
    assert sorted(run.data.params["max_depth"] for run in runs) == ["1", "6"]
    (best,) = [run for run in runs if run.data.tags.get("sandbox.sweep.best") == "true"]
    assert best.data.metrics[metric] == max(run.data.metrics[metric] for run in runs)
    assert best.data.metrics["score"] == best.data.metrics[metric]
