"""Rows S3-3, S3-4, S3-5, S3-11, S3-12, S3-13, S3-14: each network trains on a tiny CIFAR10 in the
official format, and what it leaves behind opens in Python's torch, torchvision and MLflow."""

import json

import mlflow
import numpy
import pytest
import torch
import torchvision
from PIL import Image
from tiny_sets import CIFAR10_CLASSES, cifar10, images
from training_shell import Shell

# Row -> parameters with ten classes.
COUNTS = {
    "mobilenet_v3_small": 1_528_106,
    "mobilenet_v3_large": 4_214_842,
    "resnet18": 11_181_642,
    "resnet50": 23_528_522,
}


def python_network(name, classes=10):
    return getattr(torchvision.models, name)(num_classes=classes)


@pytest.fixture(scope="module", params=list(COUNTS))
def trained(request, lab, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    archive = cifar10(folder / "cifar-10-binary.tar.gz")
    result = Shell(lab, folder).train(
        "--model-name", request.param, "--data-path", archive, "--epochs", 2,
        "--batch-size", 16, "--log-every", 1, "--val-fraction", 0.2,
    )
    result.name = request.param
    return result


def test_the_parameters_are_logged_under_their_exact_names(trained):
    """S3-11, and the counts of S3-3 to S3-5."""
    count = str(COUNTS[trained.name])
    assert trained.params == {
        "model_name": trained.name, "num_classes": "10", "batch_size": "16",
        "learning_rate": "0.001", "epochs": "2", "dataset": "CIFAR10", "augmentation": "True",
        "total_parameters": count, "trainable_parameters": count, "frozen_parameters": "0",
    }
    assert sum(p.numel() for p in python_network(trained.name).parameters()) == int(count)


def test_every_epoch_and_every_batch_has_its_metrics(trained):
    """S3-12 and S3-13: as many points as epochs; final metrics once."""
    for key in ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "learning_rate"):
        assert [step for step, _ in trained.history(key)] == [1, 2], key
    # 40 training images in batches of 16 are three steps an epoch.
    assert [step for step, _ in trained.history("batch_loss")] == list(range(6))
    assert [step for step, _ in trained.history("batch_accuracy")] == list(range(6))
    for key in ("best_val_accuracy", "test_accuracy", "test_f1", "test_loss"):
        assert len(trained.history(key)) == 1, key
    best = max(value for _, value in trained.history("val_accuracy"))
    assert trained.metrics["best_val_accuracy"] == best


def test_the_artifacts_are_there_and_the_pictures_decode(trained):
    """S3-14."""
    assert set(trained.artifacts()) >= {
        f"{trained.name}.pth", "plots/confusion_matrix.png", "plots/per_class_accuracy.png",
        "checkpoints/last.pth", "checkpoints/best.pth", "model/MLmodel", "model/data/model.pth",
        "model/requirements.txt", "model/input_example.json",
    }
    for name in ("confusion_matrix", "per_class_accuracy"):
        with Image.open(trained.artifact(f"plots/{name}.png")) as picture:
            picture.load()
            assert picture.format == "PNG" and min(picture.size) > 300
            assert len(picture.getcolors(1 << 24)) > 20


def test_the_pth_is_torchvisions_state_dict(trained):
    """S3-14: torch.load takes it without running code, and torchvision's network strictly."""
    state = torch.load(trained.artifact(f"{trained.name}.pth"), weights_only=True)
    network = python_network(trained.name)
    assert {k: (v.shape, v.dtype) for k, v in state.items()} == {
        k: (v.shape, v.dtype) for k, v in network.state_dict().items()
    }
    network.load_state_dict(state, strict=True)


def test_the_same_weights_give_torchvisions_output(trained):
    """The TorchScript was made by running our network, so it says what ours computes."""
    network = python_network(trained.name)
    network.load_state_dict(torch.load(trained.artifact(f"{trained.name}.pth")))
    network.eval()
    ours = torch.jit.load(str(trained.artifact("model/data/model.pth")))
    for shape in ((1, 3, 32, 32), (5, 3, 32, 32), (2, 3, 64, 48)):
        images = torch.randn(shape, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            expected, got = network(images), ours(images)
        assert torch.allclose(expected, got, rtol=1e-4, atol=1e-5)
    assert set(ours.state_dict()) == set(network.state_dict())


def test_mlflow_opens_the_model_folder(trained):
    """S3-14: both flavors, the signature and the input example."""
    uri = f"runs:/{trained.run_id}/model"
    example = numpy.array(
        json.loads(trained.artifact("model/input_example.json").read_text()), numpy.float32
    )
    assert example.shape == (1, 3, 32, 32)
    eager = mlflow.pytorch.load_model(uri)
    with torch.no_grad():
        expected = eager(torch.from_numpy(example)).numpy()
    model = mlflow.pyfunc.load_model(uri)
    assert numpy.allclose(model.predict(example), expected, atol=1e-6)
    assert expected.shape == (1, 10)
    with pytest.raises(Exception, match="shape"):
        model.predict(example[:, :1])
    info = mlflow.models.get_model_info(uri)
    assert info.signature.inputs.to_dict()[0]["tensor-spec"]["shape"] == (-1, 3, 32, 32)
    assert info.signature.outputs.to_dict()[0]["tensor-spec"]["shape"] == (-1, 10)
    assert info.metadata["classes"] == CIFAR10_CLASSES


def test_the_example_is_the_first_test_image_normalised(trained):
    """What a person has to do to an image before the model sees it stands in the folder."""
    info = mlflow.models.get_model_info(f"runs:/{trained.run_id}/model")
    pixels, _ = images(20, 10, 6)
    mean = numpy.array(info.metadata["normalisation_mean"])[:, None, None]
    deviation = numpy.array(info.metadata["normalisation_deviation"])[:, None, None]
    example = json.loads(trained.artifact("model/input_example.json").read_text())
    assert numpy.allclose(example[0], (pixels[0] / 255 - mean) / deviation, atol=1e-5)
