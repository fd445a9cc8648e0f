"""Small sets of images in the formats of the official archives."""

import gzip
import io
import struct
import tarfile

import numpy

CIFAR10_CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()


def images(count, classes, seed, size=32):
    """Images a network can tell apart (each class has a brightness of its own), and labels."""
    chance = numpy.random.default_rng(seed)
    labels = numpy.arange(count) % classes
    base = (labels * (200 // classes) + 20)[:, None, None, None]
    noise = chance.integers(0, 40, (count, 3, size, size))
    return (base + noise).clip(0, 255).astype(numpy.uint8), labels.astype(numpy.uint8)


def _tar(path, folder, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def cifar10(path, train=50, test=20):
    """cifar-10-binary.tar.gz: five batches of records of a label and 3,072 bytes."""

    def batch(count, seed):
        pixels, labels = images(count, 10, seed)
        return b"".join(bytes([label]) + pixel.tobytes() for label, pixel in zip(labels, pixels))

    files = {f"data_batch_{i}.bin": batch(train // 5, i) for i in range(1, 6)}
    files["test_batch.bin"] = batch(test, 6)
    files["batches.meta.txt"] = ("\n".join(CIFAR10_CLASSES) + "\n").encode()
    return _tar(path, "cifar-10-batches-bin", files)


def cifar100(path, train=200, test=100):
    """cifar-100-binary.tar.gz: a coarse label, a fine one and 3,072 bytes."""

    def records(count, seed):
        pixels, labels = images(count, 100, seed)
        return b"".join(
            bytes([label // 5, label]) + pixel.tobytes() for label, pixel in zip(labels, pixels)
        )

    files = {
        "train.bin": records(train, 1),
        "test.bin": records(test, 2),
        "fine_label_names.txt": "".join(f"kind_{i}\n" for i in range(100)).encode(),
    }
    return _tar(path, "cifar-100-binary", files)


def fashion_mnist(folder, train=60, test=20):
    """The four idx files: 28 x 28 grey images and their labels."""
    folder.mkdir(parents=True, exist_ok=True)
    for prefix, count, seed in (("train", train, 1), ("t10k", test, 2)):
        pixels, labels = images(count, 10, seed, 28)
        grey = pixels[:, 0]
        head = struct.pack(">HBBIII", 0, 8, 3, count, 28, 28)
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(
            gzip.compress(head + grey.tobytes())
        )
        head = struct.pack(">HBBI", 0, 8, 1, count)
        (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(
            gzip.compress(head + labels.tobytes())
        )
    return folder
