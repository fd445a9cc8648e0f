"""Steps of training change the weights as the same steps in Python's torch do: losses, batch
normalisation, and the three optimizers."""

import numpy
import pytest
import torch
import torchvision
from tiny_sets import cifar10, images
from training_shell import Shell

MEAN = numpy.array([0.4914, 0.4822, 0.4465])[:, None, None]
DEVIATION = numpy.array([0.2470, 0.2435, 0.2616])[:, None, None]
STEPS = 2

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.00001, momentum=0.9, weight_decay=0.1),
    "adam": lambda p: torch.optim.Adam(p, lr=0.001, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.001, weight_decay=0.1),
}


def training_images():
    """The images of the archive's five batches, as a network sees them."""
    batches = [images(10, 10, i) for i in range(1, 6)]
    pixels = numpy.concatenate([pixels for pixels, _ in batches])
    labels = numpy.concatenate([labels for _, labels in batches])
    normal = (pixels / 255 - MEAN) / DEVIATION
    return torch.tensor(normal, dtype=torch.float32), torch.tensor(labels, dtype=torch.long)


# So small for sgd that a second gradient is not another one for a rounding in the first.
RATES = {"sgd": 0.00001, "adam": 0.001, "adamw": 0.001}


def trained_state(shell, network, name, optimizer, epochs):
    """What the trainer makes of those weights in so many steps, each of all training images."""
    begin = shell.folder / "begin.pth"
    torch.save(dict(network.state_dict()), begin)
    trained = shell.train(
        "--model-name", name, "--weights", begin, "--optimizer", optimizer,
        "--learning-rate", f"{RATES[optimizer]:f}", "--weight-decay", 0.1, "--epochs", epochs, "--batch-size", 49,
        "--val-fraction", 0.01, "--no-use-augmentation",
        "--data-path", cifar10(shell.folder / "cifar-10-binary.tar.gz"),
    )
    checkpoint = torch.load(trained.artifact("checkpoints/last.pth"), weights_only=True)
    assert checkpoint["epoch"] == epochs
    return {
        key[len("model/"):]: value for key, value in checkpoint.items() if key.startswith("model/")
    }


@pytest.fixture(scope="module")
def trained_with(lab, tmp_path_factory):
    """The 49 of 50 images that train, whatever the network: those whose mean behind a first layer
    is the one that a first step kept."""
    torch.manual_seed(0)
    network = torchvision.models.mobilenet_v3_small(num_classes=10)
    shell = Shell(lab, tmp_path_factory.mktemp("split"))
    state = trained_state(shell, network, "mobilenet_v3_small", "sgd", 1)
    # The running mean begins at 0 and takes over a hundredth of a batch's.
    kept = state["features.0.1.running_mean"] / 0.01
    inputs, labels = training_images()
    with torch.no_grad():
        means = network.features[0][0](inputs).mean((2, 3))
    distances = [
        (torch.cat([means[:i], means[i + 1:]]).mean(0) - kept).abs().max()
        for i in range(len(labels))
    ]
    left_out = int(numpy.argmin(distances))
    assert distances[left_out] < 1e-4
    training = [i for i in range(len(labels)) if i != left_out]
    return inputs[training], labels[training]


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_a_resnet_learns_as_in_python(shell, trained_with, optimizer):
    """Every weight after two steps; the optimizers are torch.optim's."""
    torch.manual_seed(0)
    network = torchvision.models.resnet18(num_classes=10)
    inputs, labels = trained_with
    state = trained_state(shell, network, "resnet18", optimizer, STEPS)
    begin = {key: value.clone() for key, value in network.state_dict().items()}
    stepper = OPTIMIZERS[optimizer](network.parameters())
    network.train()
    for _ in range(STEPS):
        stepper.zero_grad()
        torch.nn.functional.cross_entropy(network(inputs), labels).backward()
        stepper.step()
    # Adam makes a whole step of a gradient that is nothing but rounding: some go the other way.
    allowed = 0.02 if optimizer == "sgd" else 0.2
    for key, expected in network.state_dict().items():
        if key.endswith("num_batches_tracked"):
            assert state[key] == STEPS
            continue
        moved = (expected - begin[key]).norm()
        assert (state[key] - expected).norm() < allowed * moved, key


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "mobilenet_v3_large"])
def test_a_mobilenet_normalises_as_in_python(shell, trained_with, name):
    """The statistics of all its layers after a first step, before dropout's chance has a say."""
    torch.manual_seed(0)
    network = getattr(torchvision.models, name)(num_classes=10)
    state = trained_state(shell, network, name, "sgd", 1)
    network.train()
    network(trained_with[0])
    for key, expected in network.state_dict().items():
        if "running" in key:
            assert torch.allclose(state[key], expected, rtol=1e-3, atol=1e-4), key


def test_only_the_head_learns_when_the_rest_is_frozen(shell):
    """S3-11: frozen parameters are counted, and stay as they were."""
    torch.manual_seed(0)
    network = torchvision.models.resnet18(num_classes=1000)
    begin = shell.folder / "imagenet.pth"
    torch.save(network.state_dict(), begin)
    trained = shell.train(
        "--model-name", "resnet18", "--weights", begin, "--freeze", "--epochs", 1,
        "--batch-size", 16, "--data-path", cifar10(shell.folder / "cifar-10-binary.tar.gz"),
    )
    assert trained.params["trainable_parameters"] == str(512 * 10 + 10)
    assert trained.params["frozen_parameters"] == str(11_181_642 - 5_130)
    state = torch.load(trained.artifact("resnet18.pth"))
    for key, before in network.state_dict().items():
        if "running" not in key and "num_batches" not in key and not key.startswith("fc."):
            assert torch.equal(state[key], before), key
    assert state["fc.weight"].shape == (10, 512)
