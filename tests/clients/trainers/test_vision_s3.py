"""Images on an S3 server, read as a course's script would be told to (row S2-22's addresses, for the
sets of S3-6), and the data that a run read among its inputs."""

import hashlib
import io
import json
import signal
import time

import boto3
import mlflow
import numpy
import pytest
from PIL import Image
from tiny_sets import cifar10, fashion_mnist, images

QUICK = ["--epochs", 1, "--batch-size", 16]


@pytest.fixture
def s3(lab):
    return boto3.client(
        "s3", endpoint_url=lab.s3_url, aws_access_key_id=lab.access_key,
        aws_secret_access_key=lab.secret_key, region_name="us-east-1",
    )


@pytest.fixture
def variables(lab):
    return {
        "AWS_ACCESS_KEY_ID": lab.access_key, "AWS_SECRET_ACCESS_KEY": lab.secret_key,
        "MLFLOW_S3_ENDPOINT_URL": lab.s3_url,
    }


@pytest.fixture
def bucket(s3, request):
    name = "images-" + hashlib.md5(request.node.name.encode()).hexdigest()[:12]
    s3.create_bucket(Bucket=name)
    return name


def picture(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels.transpose(1, 2, 0)).save(out, "png")
    return out.getvalue()


def upload_pictures(s3, bucket, prefix, count=40):
    """A folder a class, in Korean too, and what is no picture."""
    for i, (pixels, label) in enumerate(zip(*images(count, 4, 1))):
        s3.put_object(Bucket=bucket, Key=f"{prefix}/종류 {label}/{i}.png", Body=picture(pixels))
    s3.put_object(Bucket=bucket, Key=f"{prefix}/notes.txt", Body=b"no picture")
    s3.put_object(Bucket=bucket, Key=f"{prefix}/종류 0/", Body=b"")
    s3.put_object(Bucket=bucket, Key=f"{prefix}-other/종류 9/0.png", Body=picture(images(1, 1, 1)[0][0]))


def copies(shell):
    """The whole files in the cache: path below the bucket -> (inode, time), which another loading changes."""
    root = shell.folder / "cache" / "mlops-sandbox" / "datasets" / "s3"
    return {
        "/".join(path.relative_to(root).parts[2:]): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".part"
    }


def test_pictures_below_a_prefix_are_a_dataset_and_are_loaded_once(shell, s3, bucket, variables):
    """Later runs load what is new or changed, and forget what is gone."""
    upload_pictures(s3, bucket, "pets/small")
    words = ["--dataset", f"folder:s3://{bucket}/pets/small", *QUICK]
    trained = shell.train(*words, **variables)
    assert trained.params["num_classes"] == "4" and "8 to test" in trained.said
    classes = mlflow.models.get_model_info(f"runs:/{trained.run_id}/model").metadata["classes"]
    assert classes == ["종류 0", "종류 1", "종류 2", "종류 3"]
    assert trained.run.data.tags["sandbox.dataset.source"] == f"s3://{bucket}/pets/small"
    first = copies(shell)
    assert len(first) == 40 and "pets/small/종류 1/5.png" in first
    shell.train(*words, **variables)
    assert copies(shell) == first
    changed, gone, new = (f"pets/small/종류 1/{name}.png" for name in (5, 9, 100))
    s3.put_object(Bucket=bucket, Key=changed, Body=picture(images(1, 1, 9)[0][0]))
    s3.delete_object(Bucket=bucket, Key=gone)
    s3.put_object(Bucket=bucket, Key=new, Body=picture(images(1, 1, 9)[0][0]))
    again = shell.train(*words, **variables)
    second = copies(shell)
    assert second.keys() == first.keys() - {gone} | {new}
    assert {path for path in first.keys() & second.keys() if first[path] != second[path]} == {changed}
    inputs = [{one.dataset.digest for one in run.run.inputs.dataset_inputs} for run in (trained, again)]
    assert inputs[0] != inputs[1]


@pytest.mark.parametrize("place", ["sets/cifar-10-binary.tar.gz", "sets", "sets/"])
def test_an_archive_is_read_from_its_key_or_from_the_prefix_it_lies_below(shell, s3, bucket, variables, place):
    archive = cifar10(shell.folder / "own.tar.gz")
    s3.upload_file(str(archive), bucket, "sets/cifar-10-binary.tar.gz")
    s3.put_object(Bucket=bucket, Key="sets/something else", Body=b"not wanted")
    words = ["--data-path", f"s3://{bucket}/{place}", *QUICK]
    trained = shell.train(*words, **variables)
    assert trained.run.data.tags["sandbox.dataset.md5"] == hashlib.md5(archive.read_bytes()).hexdigest()
    first = copies(shell)
    assert list(first) == ["sets/cifar-10-binary.tar.gz"]
    evaluated = shell.run("evaluate", trained.run_id, "--threads", 1, **variables)
    assert evaluated.code == 0, evaluated.said
    assert copies(shell) == first


def test_the_four_files_of_a_set_come_together(shell, s3, bucket, variables):
    folder = fashion_mnist(shell.folder / "data")
    for file in folder.iterdir():
        s3.upload_file(str(file), bucket, f"fashion/{file.name}")
    words = ["--dataset", "FashionMNIST", "--data-path", f"s3://{bucket}/fashion", *QUICK]
    assert shell.train(*words, **variables).params["num_classes"] == "10"
    s3.delete_object(Bucket=bucket, Key="fashion/t10k-labels-idx1-ubyte.gz")
    failed = shell.run("train", "vision", *words, **variables)
    assert failed.code == 1 and f"s3://{bucket}/fashion has no t10k-labels-idx1-ubyte.gz" in failed.said


def test_what_cannot_be_read_is_named(shell, s3, bucket, variables, lab):
    def failure(place, **changes):
        failed = shell.run("train", "vision", "--data-path", place, *QUICK, **variables | changes)
        assert failed.code == 1 and failed.run.info.status == "FAILED"
        assert failed.run.data.tags["mlflow.note.content"] in failed.said
        return failed.said

    s3.put_object(Bucket=bucket, Key="bad/cifar-10-binary.tar.gz", Body=b"<html>Not found</html>")
    said = failure(f"s3://{bucket}/bad")
    assert f"s3://{bucket}/bad; put the right one there" in said and hashlib.md5(b"<html>Not found</html>").hexdigest() in said
    assert "nothing that is wanted below" in failure(f"s3://{bucket}/nothing")
    assert "NoSuchBucket" in failure("s3://no-such-bucket/sets")
    assert "s3://bucket/prefix" in failure("s3://")
    assert "cannot be a folder" in failure(f"s3://{bucket}/../other")
    assert "SignatureDoesNotMatch" in failure(f"s3://{bucket}/bad", AWS_SECRET_ACCESS_KEY="wrong")
    assert lab.secret_key not in failure(f"s3://{bucket}/bad", MLFLOW_S3_ENDPOINT_URL="http://127.0.0.1:9")
    assert "AWS_ACCESS_KEY_ID" in failure(f"s3://{bucket}/bad", AWS_ACCESS_KEY_ID="")


def test_a_key_that_would_leave_the_cache_is_left_out(shell, s3, bucket, variables):
    upload_pictures(s3, bucket, "pets")
    s3.put_object(Bucket=bucket, Key="pets/종류 1/../../../../escaped.png", Body=picture(images(1, 1, 9)[0][0]))
    shell.train("--dataset", f"folder:s3://{bucket}/pets", *QUICK, **variables)
    assert not list(shell.folder.rglob("escaped.png")) and len(copies(shell)) == 40


def test_loading_can_be_stopped_and_goes_on(shell, s3, bucket, variables):
    """Ctrl-C while objects come: the run is KILLED, and what came need not come again."""
    pixels = numpy.random.default_rng(0).integers(0, 255, (3, 400, 400), numpy.uint8)
    for i in range(300):
        s3.put_object(Bucket=bucket, Key=f"many/{i % 2}/{i}.png", Body=picture(pixels)[: 200_000 + i])
    words = ["train", "vision", "--dataset", f"folder:s3://{bucket}/many", *QUICK]
    process = shell.start(*words, **variables)
    deadline = time.monotonic() + 60
    while len(copies(shell)) < 3:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    stopped = shell.finished(process)
    assert stopped.code == 130 and stopped.run.info.status == "KILLED"
    first = copies(shell)
    assert 3 <= len(first) < 300
    failed = shell.run(*words, **variables)  # all are cut off, so the reading of the first one fails
    second = copies(shell)
    assert failed.code == 1 and len(second) == 300 and "It was copied from s3://" in failed.said
    assert {path: second[path] for path in first} == first


def test_a_run_names_the_images_it_trained_and_tested_with(shell, tmp_path):
    """As MLflow's own log_input of mlflow.data.from_numpy does; once, however often it is resumed."""
    archive = cifar10(tmp_path / "cifar-10-binary.tar.gz")
    # In an experiment the same data have one source: the one that was logged first.
    trained = shell.train("--data-path", archive, "--epochs", 2, "--batch-size", 16, "--pause-after", 1,
                          "--experiment", "inputs")
    resumed = shell.run("train", "vision", "--resume", trained.run_id, "--pause-after", 0)
    assert resumed.code == 0, resumed.said
    inputs = resumed.run.inputs.dataset_inputs
    assert len(inputs) == 2
    by_context = {tag.value: one.dataset for one in inputs for tag in one.tags if tag.key == "mlflow.data.context"}
    assert set(by_context) == {"training", "testing"}
    for context, count in (("training", 50), ("testing", 20)):
        dataset = by_context[context]
        assert dataset.name == "CIFAR10" and len(dataset.digest) == 8
        assert dataset.source_type == "local" and json.loads(dataset.source) == {"uri": str(archive)}
        profile = json.loads(dataset.profile)
        assert profile["features_shape"] == [count, 32, 32, 3] and profile["targets_shape"] == [count]
        features = json.loads(json.loads(dataset.schema)["mlflow_tensorspec"]["features"])
        assert features == [{"type": "tensor", "tensor-spec": {"dtype": "uint8", "shape": [-1, 32, 32, 3]}}]
    assert by_context["training"].digest != by_context["testing"].digest


def test_made_up_images_are_named_as_such(shell):
    trained = shell.train("--dataset", "synthetic", "--train-images", 40, "--test-images", 10, *QUICK)
    assert {(one.dataset.name, one.dataset.source_type) for one in trained.run.inputs.dataset_inputs} == {("synthetic", "code")}
