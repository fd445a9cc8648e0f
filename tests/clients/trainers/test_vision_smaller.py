"""Row S3-42: the trained model made smaller by pruning and by weights of 8 bits, with the size and the
accuracy of each in the run, and files that Python's torch and MLflow open."""

import gzip
import json

import mlflow
import numpy
import pytest
import torch
import torch.nn.utils.prune
import torchvision
from tiny_sets import cifar10, images
from training_shell import Shell

MEAN = numpy.array([0.4914, 0.4822, 0.4465])[:, None, None]
DEVIATION = numpy.array([0.2470, 0.2435, 0.2616])[:, None, None]
TEST_IMAGES = 20


def unseen_images():
    pixels, labels = images(TEST_IMAGES, 10, 6)
    return torch.tensor((pixels / 255 - MEAN) / DEVIATION, dtype=torch.float32), torch.tensor(labels)


def accuracy(network):
    inputs, labels = unseen_images()
    with torch.no_grad():
        return (network(inputs).argmax(1) == labels).float().mean().item()


def prunable(network):
    """The layers whose weights may become zero, with their names in the state_dict."""
    return {
        f"{name}.weight": module for name, module in network.named_modules()
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear))
    }


@pytest.fixture(scope="module", params=["mobilenet_v3_small", "resnet18"])
def trained(request, lab, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    result = Shell(lab, folder).train(
        "--model-name", request.param, "--data-path", cifar10(folder / "cifar-10-binary.tar.gz"),
        "--epochs", 3, "--batch-size", 16, "--prune", 0.4, "--quantize",
    )
    result.name = request.param
    return result


def script(trained, folder):
    return torch.jit.load(str(trained.artifact(f"{folder}/data/model.pth")))


def test_the_smallest_weights_are_zero_and_the_others_as_they_were(trained):
    """Layer by layer the same that Python's l1_unstructured prunes; what else there is stays."""
    network = getattr(torchvision.models, trained.name)(num_classes=10)
    state = torch.load(trained.artifact(f"{trained.name}.pth"), weights_only=True)
    network.load_state_dict(state)
    layers = prunable(network)
    for layer in layers.values():
        torch.nn.utils.prune.l1_unstructured(layer, "weight", amount=0.4)
    with gzip.open(trained.artifact(f"pruned/{trained.name}.pth.gz")) as file:
        pruned = torch.load(file)
    zeros = 0
    for key, value in pruned.items():
        expected = layers[key].weight if key in layers else state[key]
        assert torch.equal(value, expected.detach()), key
        zeros += int((value == 0).sum()) if key in layers else 0
    count = sum(layer.weight.numel() for layer in layers.values())
    assert trained.metrics["sparsity"] == zeros / count
    assert abs(zeros / count - 0.4) < 1e-4
    assert trained.params["prune"] == "0.4" and trained.params["quantize"] == "True"


def test_the_pruned_model_is_as_good_as_the_run_says_and_smaller_when_compressed(trained):
    assert accuracy(script(trained, "pruned_model")) == pytest.approx(
        trained.metrics["pruned_test_accuracy"])
    size = trained.artifact(f"pruned/{trained.name}.pth.gz").stat().st_size
    assert trained.metrics["pruned_compressed_size_bytes"] == size
    assert size < 0.75 * trained.metrics["compressed_size_bytes"]


def test_the_quantized_model_is_as_good_as_the_run_says_and_a_quarter_of_the_size(trained):
    quantized = script(trained, "quantized_model")
    assert accuracy(quantized) == pytest.approx(trained.metrics["quantized_test_accuracy"])
    for name, key in (("model", "model_size_bytes"), ("quantized_model", "quantized_model_size_bytes")):
        size = trained.artifact(f"{name}/data/model.pth").stat().st_size
        assert trained.metrics[key] == size
    assert trained.metrics["quantized_model_size_bytes"] < 0.4 * trained.metrics["model_size_bytes"]


def test_the_quantized_weights_are_those_of_the_pruned_model_in_eight_bits(trained):
    """Linear layers compute in 8 bits; each output's weights have a scale of their own, and those that
    were zero still are."""
    before = script(trained, "pruned_model").state_dict()
    quantized = script(trained, "quantized_model")
    assert "quantized::linear_dynamic" in str(quantized.inlined_graph)
    state = quantized.state_dict()
    convolutions = [key for key, value in state.items() if value.is_quantized]
    assert len(convolutions) == sum(value.dim() == 4 for value in before.values())
    for key in convolutions:
        assert state[key].dtype == torch.qint8
        expected = before[key]
        step = expected.abs().flatten(1).max(1).values[:, None, None, None] / 127
        assert ((state[key].dequantize() - expected).abs() <= step * 0.501 + 1e-9).all(), key
        assert (state[key].dequantize()[expected == 0] == 0).all()
    inputs, _ = unseen_images()
    with torch.no_grad():
        near, far = script(trained, "pruned_model")(inputs), quantized(inputs)
    assert (near - far).abs().max() < 0.1 * near.abs().max()


@pytest.mark.parametrize("folder", ["pruned_model", "quantized_model"])
def test_mlflow_opens_the_smaller_models(trained, folder):
    example = numpy.array(
        json.loads(trained.artifact(f"{folder}/input_example.json").read_text()), numpy.float32)
    model = mlflow.pyfunc.load_model(f"runs:/{trained.run_id}/{folder}")
    with torch.no_grad():
        expected = script(trained, folder)(torch.from_numpy(example)).numpy()
    assert numpy.allclose(model.predict(example), expected, atol=1e-6)


def test_the_pruned_model_learns_again_and_its_zeros_stay(shell):
    trained = shell.train("--dataset", "synthetic", "--train-images", 60, "--test-images", 20,
                          "--batch-size", 16, "--epochs", 1, "--prune", 0.7, "--prune-epochs", 2)
    assert [step for step, _ in trained.history("pruned_train_loss")] == [2, 3]
    assert [step for step, _ in trained.history("train_loss")] == [1]
    network = torchvision.models.mobilenet_v3_small(num_classes=10)
    with gzip.open(trained.artifact("pruned/mobilenet_v3_small.pth.gz")) as file:
        pruned = torch.load(file)
    state = torch.load(trained.artifact("mobilenet_v3_small.pth"), weights_only=True)
    kept = [pruned[key] != 0 for key in prunable(network)]
    share = 1 - sum(int(one.sum()) for one in kept) / sum(one.numel() for one in kept)
    assert share == pytest.approx(trained.metrics["sparsity"]) and abs(share - 0.7) < 1e-3
    assert any(
        not torch.equal(pruned[key][where], state[key][where])
        for key, where in zip(prunable(network), kept)
    )


@pytest.mark.parametrize("words, sentence", [
    (["--prune", "1"], "0.99"), (["--prune", "many"], "prune"), (["--quantize=perhaps"], "true or false"),
])
def test_what_cannot_be_pruned_is_refused(shell, words, sentence):
    refused = shell.run("train", "vision", *words)
    assert refused.code == 2 and sentence in refused.said and refused.run_id is None
