"""Rows S3-6 and S3-7: images from archives in the official formats, from folders, from a mirror;
and what is said about files that are damaged."""

import hashlib
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from tiny_sets import cifar10, cifar100, fashion_mnist, images

QUICK = ["--epochs", 1, "--batch-size", 16]


def test_cifar100_has_its_hundred_classes(shell):
    archive = cifar100(shell.folder / "cifar-100-binary.tar.gz")
    trained = shell.train("--dataset", "CIFAR100", "--data-path", archive, *QUICK)
    assert trained.params["num_classes"] == "100" and trained.params["dataset"] == "CIFAR100"
    assert "kind_99" in trained.artifact("model/MLmodel").read_text()


@pytest.mark.parametrize("place", ["", "FashionMNIST/raw"])
def test_fashion_mnist_is_read_where_it_lies(shell, place):
    """Also where torchvision puts it. 28 x 28 grey images become three channels."""
    fashion_mnist(shell.folder / "data" / place)
    trained = shell.train("--dataset", "FashionMNIST", "--data-path", shell.folder / "data", *QUICK)
    assert trained.params["num_classes"] == "10"
    assert "[-1, 3, 28, 28]" in trained.artifact("model/MLmodel").read_text()


def picture_folder(path, formats=("png", "jpg")):
    pixels, labels = images(40, 4, 1)
    for i, (image, label) in enumerate(zip(pixels, labels)):
        folder = path / f"class {label}"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{i}.{formats[i % len(formats)]}"
        Image.fromarray(image.transpose(1, 2, 0)).save(file)
    return path


def test_a_folder_of_pictures_is_a_dataset(shell):
    """A folder a class, PNG and JPEG; a fifth of them is for testing."""
    folder = picture_folder(shell.folder / "pictures")
    trained = shell.train("--dataset", f"folder:{folder}", "--image-size", 24, *QUICK)
    assert trained.params["num_classes"] == "4"
    assert "32 images to train" not in trained.said and "8 to test" in trained.said
    text = trained.artifact("model/MLmodel").read_text()
    assert "[-1, 3, 24, 24]" in text and '"class 3"' in text


def test_a_folder_with_train_and_test_is_taken_as_it_is(shell):
    folder = shell.folder / "pictures"
    picture_folder(folder / "train")
    picture_folder(folder / "test")
    trained = shell.train("--dataset", f"folder:{folder}", *QUICK)
    assert "36 images to train, 4 to validate, 40 to test" in trained.said


def test_a_damaged_picture_is_named(shell):
    folder = picture_folder(shell.folder / "pictures", ("png",))
    victim = next((folder / "class 2").iterdir())
    victim.write_bytes(victim.read_bytes()[:100])
    failed = shell.run("train", "vision", "--dataset", f"folder:{folder}", *QUICK)
    assert failed.code == 1 and victim.name in failed.said
    assert failed.run.info.status == "FAILED"


def test_a_folder_that_is_no_dataset_is_told_what_it_has(shell):
    one = picture_folder(shell.folder / "pictures")
    for number in (1, 2, 3):
        shutil.rmtree(one / f"class {number}")
    for folder, sentence in ((one, "has 1 folders with 10 pictures"), (shell.folder / "none", "There is no folder")):
        failed = shell.run("train", "vision", "--dataset", f"folder:{folder}", *QUICK)
        assert failed.code == 1 and sentence in failed.said and str(folder) in failed.said
        assert failed.run.info.status == "FAILED"


@pytest.mark.parametrize("damage", ["cut", "text", "other set"])
def test_a_damaged_archive_is_told_by_its_digest(shell, damage):
    archive = cifar10(shell.folder / "cifar-10-binary.tar.gz")
    if damage == "cut":
        archive.write_bytes(archive.read_bytes()[:-2000])
    elif damage == "text":
        archive.write_text("<html>Not found</html>")
    else:
        cifar100(archive)
    failed = shell.run("train", "vision", "--data-path", archive, *QUICK)
    assert failed.code == 1 and failed.run.info.status == "FAILED"
    note = failed.run.data.tags["mlflow.note.content"]
    assert hashlib.md5(archive.read_bytes()).hexdigest() in note
    assert "c32a1d4ab5d03f1284b67883e8d87530" in note and str(archive) in note


def test_wrong_labels_and_sizes_are_told(shell):
    folder = fashion_mnist(shell.folder / "data")
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(
        (folder / "t10k-labels-idx1-ubyte.gz").read_bytes())
    failed = shell.run("train", "vision", "--dataset", "FashionMNIST", "--data-path", folder, *QUICK)
    assert failed.code == 1 and "20 labels for 60 images" in failed.said


class Mirror:
    """Serves one file; the first answer breaks off in the middle."""

    def __init__(self, content):
        mirror = self
        self.ranges = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                wanted = self.headers.get("Range")
                mirror.ranges.append(wanted)
                begin = int(wanted.split("=")[1].rstrip("-")) if wanted else 0
                self.send_response(206 if wanted else 200)
                self.send_header("Content-Length", str(len(content) - begin))
                self.end_headers()
                end = len(content) // 2 if len(mirror.ranges) == 1 else len(content)
                self.wfile.write(content[begin:end])
                self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/sets"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def test_a_download_goes_on_where_it_broke_off_and_is_kept(shell):
    archive = cifar10(shell.folder / "source.tar.gz")
    content = archive.read_bytes()
    digest = hashlib.md5(content).hexdigest()
    with Mirror(content) as mirror:
        words = ["--data-url", mirror.url, "--data-digest", digest, *QUICK]
        trained = shell.train(*words)
        assert mirror.ranges == [None, f"bytes={len(content) // 2}-"]
        assert trained.run.data.tags["sandbox.dataset.md5"] == digest
        shell.train(*words)
        assert len(mirror.ranges) == 2
    kept = shell.folder / "cache" / "mlops-sandbox" / "datasets" / "cifar-10-binary.tar.gz"
    assert kept.read_bytes() == content


def test_a_download_of_something_else_is_removed(shell):
    content = cifar10(shell.folder / "source.tar.gz").read_bytes()
    with Mirror(content) as mirror:
        failed = shell.run("train", "vision", "--data-url", mirror.url, *QUICK)
    assert failed.code == 1
    assert "c32a1d4ab5d03f1284b67883e8d87530" in failed.said and "removed" in failed.said
    assert not list((shell.folder / "cache").rglob("*.gz*"))


def test_an_address_that_does_not_answer_says_where_to_put_the_file(shell):
    failed = shell.run("train", "vision", "--data-url", "http://127.0.0.1:9/", "--data-path",
                       shell.folder / "sets", *QUICK)
    assert failed.code == 1
    assert str(shell.folder / "sets" / "cifar-10-binary.tar.gz") in failed.said
    assert failed.run.info.status == "FAILED"


def test_a_real_small_set_is_learnt(shell):
    """The digits that scikit-learn ships, as a folder of pictures: more than nine in ten right."""
    digits = load_digits()
    chance = numpy.random.default_rng(0)
    places = chance.permutation(len(digits.target))[:700]
    for place in places:
        folder = shell.folder / "digits" / str(digits.target[place])
        folder.mkdir(parents=True, exist_ok=True)
        image = (digits.images[place] * 255 / 16).astype(numpy.uint8)
        Image.fromarray(image).save(folder / f"{place}.png")
    trained = shell.train(
        "--model-name", "resnet18", "--dataset", f"folder:{shell.folder / 'digits'}",
        "--image-size", 32, "--epochs", 4, "--batch-size", 32, "--schedule", "cosine",
        "--no-use-augmentation",
    )
    assert trained.metrics["test_accuracy"] > 0.9
