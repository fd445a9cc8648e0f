#!/usr/bin/env python3
"""Trains the same networks on the same images with the sandbox's vision trainer and with torchvision in
Python, and compares processor time an image. See README.md beside this file."""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path += [str(Path(__file__).parents[1] / "clients"), str(Path(__file__).parents[1] / "clients" / "trainers")]

# As people write it, and with the switches that help: argv is archive, model, images, epochs, "default"
# or "tuned".
SCRIPT = """
import sys, tarfile

import numpy, torch, torchvision
from PIL import Image

archive, name, count, epochs, kind = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
torch.set_num_threads(1)
with tarfile.open(archive) as files:
    data = b"".join(files.extractfile(f"cifar-10-batches-bin/data_batch_{i}.bin").read() for i in range(1, 6))
records = numpy.frombuffer(data, numpy.uint8).reshape(-1, 3073)[:count]
images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy()
labels = records[:, 0].astype(int)
transforms = torchvision.transforms.Compose([
    torchvision.transforms.RandomCrop(32, padding=4), torchvision.transforms.RandomHorizontalFlip(),
    torchvision.transforms.ToTensor(),
    torchvision.transforms.Normalize((0.4914, 0.4822, 0.4465), (0.247, 0.243, 0.2616)),
])


class Images(torch.utils.data.Dataset):
    def __len__(self):
        return len(labels)

    def __getitem__(self, index):  # as torchvision.datasets.CIFAR10 does
        return transforms(Image.fromarray(images[index])), labels[index]


loader = torch.utils.data.DataLoader(Images(), batch_size=64, shuffle=True, drop_last=True)
model = getattr(torchvision.models, name)(num_classes=10)
form = torch.contiguous_format
if kind == "tuned":
    form = torch.channels_last
    model = model.to(memory_format=form)
optimizer = torch.optim.Adam(model.parameters(), lr=0.001, **({"foreach": True} if kind == "tuned" else {}))
loss_of = torch.nn.CrossEntropyLoss()
model.train()
for _ in range(epochs):
    for batch, target in loader:
        optimizer.zero_grad(set_to_none=kind == "tuned")
        loss = loss_of(model(batch.to(memory_format=form)), target)
        loss.backward()
        optimizer.step()
        loss.item()
"""


def measured(command, environment, folder):
    """Seconds on the processor and on the clock."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    _, error = process.communicate()
    wall = time.perf_counter() - started
    assert process.returncode == 0, error[-2000:]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sandbox", required=True, help="our program, its trainers beside it")
    parser.add_argument("--python", required=True, help="a Python with torch, torchvision and mlflow")
    parser.add_argument("--images", type=int, default=2560)
    parser.add_argument("--models", nargs="*", default=["mobilenet_v3_small", "mobilenet_v3_large", "resnet18"])
    options = parser.parse_args()
    from own_lab import OwnLab
    from tiny_sets import cifar10

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        archive = cifar10(folder / "cifar-10-binary.tar.gz", train=options.images, test=10)
        (folder / "script.py").write_text(SCRIPT)
        plain = os.environ | {"OMP_NUM_THREADS": "1"}

        def python(kind):
            return lambda model, epochs: (
                [options.python, "script.py", archive, model, str(options.images), str(epochs), kind], plain)

        with OwnLab(folder / "lab") as lab:
            def ours(model, epochs):
                words = [
                    options.sandbox, "train", "vision", "--dataset=CIFAR10", f"--data-path={archive}", "--threads=1",
                    f"--model-name={model}", f"--epochs={epochs}", "--val-fraction=0.01", "--log-every=1000000",
                ]
                return words, plain | {"MLFLOW_TRACKING_URI": lab.mlflow_url}

            ways = {"default script": python("default"), "tuned script": python("tuned"), "mlops-sandbox": ours}
            print("| processor ms an image | " + " | ".join(ways) + " | times default | times tuned |")
            print("|---" * (len(ways) + 3) + "|")
            for model in options.models:
                # What starting and ending cost falls out of the difference.
                each = []
                for way in ways.values():
                    one, three = (measured(*way(model, epochs), folder)[0] for epochs in (1, 3))
                    each.append((three - one) / 2 / options.images * 1000)
                cells = [f"{value:.2f}" for value in each]
                print(f"| {model} | " + " | ".join(cells) + f" | {each[0] / each[2]:.2f} | {each[1] / each[2]:.2f} |",
                      flush=True)
            print("\n| whole training of 64 images, s | " + " | ".join(ways) + " |")
            print("|---" * (len(ways) + 1) + "|")
            options.images = 64
            archive = cifar10(folder / "cifar-10-binary.tar.gz", train=65, test=10)
            print("| " + options.models[0] + " | "
                  + " | ".join(f"{measured(*way(options.models[0], 1), folder)[1]:.2f}" for way in ways.values()) + " |")


if __name__ == "__main__":
    main()
