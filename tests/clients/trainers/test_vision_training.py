"""How a training is told what to do, how it ends, and how it goes on: rows S3-8, S3-9, S3-10,
S3-13, S3-19, S3-45, S3-46 and S3-14's checkpoints."""

import resource
import shutil
import signal
import subprocess
import time

import mlflow
import numpy
import pytest
import torch
import torchvision
from PIL import Image
from own_lab import binary
from small_disk import small_disk
from tiny_sets import cifar10
from training_shell import Shell

SMALL = ["--dataset", "synthetic", "--train-images", 60, "--test-images", 20, "--batch-size", 16]


def weights(trained, name="mobilenet_v3_small.pth"):
    return torch.load(trained.artifact(name), weights_only=True)


def are_equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def wait_for(trained_client, run_id, key, count, seconds=60):
    deadline = time.monotonic() + seconds
    while len(trained_client.get_metric_history(run_id, key)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def started_run(shell, experiment):
    """The run that a training in the background opens in that experiment."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = shell.client.get_experiment_by_name(experiment)
        runs = shell.client.search_runs([found.experiment_id]) if found else []
        if runs:
            return runs[0].info.run_id
        time.sleep(0.05)
    raise AssertionError("no run was opened")


def test_settings_come_from_dotenv_the_environment_and_flags(shell):
    """S3-8: the lab's names; flags win over variables, variables over .env."""
    (shell.folder / ".env").write_text(
        "# the lab's settings\nMODEL_NAME=mobilenet_v3_small\nBATCH_SIZE=20\nexport EPOCHS=1\n"
        "DATASET=synthetic\nUSE_AUGMENTATION=false\nLEARNING_RATE='0.005' # quick\nDEVICE=cpu\n"
        "MLFLOW_S3_ENDPOINT_URL=http://minio:9000\n"
    )
    trained = shell.train("--train-images", 60, "--test-images", 10, "--batch-size", 10,
                          LEARNING_RATE="0.002")
    assert trained.params["batch_size"] == "10"
    assert trained.params["learning_rate"] == "0.002"
    assert trained.params["epochs"] == "1"
    assert trained.params["augmentation"] == "False"
    assert trained.run.data.tags["sandbox.dataset.is_synthetic"] == "true"


@pytest.mark.parametrize("flag, value, allowed", [
    ("model_name", "resnet19", "mobilenet_v3_small, mobilenet_v3_large, resnet18, resnet50"),
    ("dataset", "MNIST", "CIFAR10, CIFAR100, FashionMNIST, synthetic"),
    ("device", "tpu", "auto, cpu, cuda, mps"),
    ("epochs", "0", "a whole number from 1"),
    ("learning_rate", "-1", "a number above 0"),
    ("batch_size", "many", "a whole number from 2"),
    ("use_augmentation", "perhaps", "true or false"),
])
def test_a_value_that_is_not_allowed_is_refused_before_a_run_begins(shell, flag, value, allowed):
    """S3-8: the sentence names the parameter, the value, and what there is; the code is 2."""
    for words, variables in (((f"--{flag}", value), {}), ((), {flag.upper(): value})):
        refused = shell.run("train", "vision", *words, **variables)
        assert refused.code == 2
        assert flag in refused.said and value in refused.said and allowed in refused.said
        assert refused.run_id is None


def test_an_unknown_parameter_and_an_unknown_trainer_are_refused(shell):
    refused = shell.run("train", "vision", "--bacth-size", 4)
    assert refused.code == 2 and "--bacth-size" in refused.said
    refused = shell.run("train", "visoin")
    assert refused.code == 2 and "there are: vision" in refused.said


def test_the_trainers_are_listed_with_what_they_can_be_told(shell):
    listed = shell.run("trainers")
    assert listed.code == 0
    for word in ("vision", "model_name", "resnet50", "batch_size", "64"):
        assert word in listed.printed
    explained = shell.run("train", "vision", "--help")
    assert explained.code == 0
    for word in ("--model-name", "--learning-rate", "--register", "--resume", "[0.001]"):
        assert word in explained.printed


def test_without_a_tracking_server_it_says_how_to_start_one(shell, tmp_path):
    refused = shell.run("train", "vision", "--data-dir", tmp_path / "no lab")
    assert refused.code == 1 and "up --detach" in refused.said
    refused = shell.run("train", "vision", MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert refused.code == 1 and "cannot be reached" in refused.said


def test_the_running_lab_of_a_data_directory_is_found(shell):
    trained = shell.train(*SMALL, "--epochs", 1, "--data-dir", shell.lab.data_dir,
                          "--experiment", "found", "--run-name", "by directory",
                          MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert trained.run.info.run_name == "by directory"
    found = shell.client.get_experiment_by_name("found")
    assert trained.run.info.experiment_id == found.experiment_id


def test_a_program_without_its_trainers_says_so(shell, tmp_path):
    """What is built without LibTorch."""
    alone = tmp_path / "mlops-sandbox"
    shutil.copy2(binary(), alone)
    result = subprocess.run([alone, "train", "vision"], env=shell.environment(), text=True,
                            capture_output=True, cwd=shell.folder)
    assert result.returncode == 1
    assert "not built" in result.stderr and "packages.txt" in result.stderr


def test_a_device_that_is_not_there_is_the_processor_with_a_warning(shell):
    """S3-9."""
    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    trained = shell.train(*SMALL, "--epochs", 1, "--device", "cuda")
    assert "cuda" in trained.said and "processor instead" in trained.said
    assert trained.run.data.tags["sandbox.device"] == "cpu"


def test_a_batch_larger_than_the_data_fails_the_run_with_a_number(shell):
    failed = shell.run("train", "vision", *SMALL, "--batch-size", 64)
    assert failed.code == 1
    assert "batch_size of 54 or less" in failed.said
    assert failed.run.info.status == "FAILED"
    assert "batch_size of 54 or less" in failed.run.data.tags["mlflow.note.content"]


def test_out_of_memory_fails_the_run_with_a_smaller_batch_size(shell):
    """S3-10: under a limit that the first layer's output for one large batch goes beyond."""

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (2_500_000_000, 2_500_000_000))

    process = subprocess.Popen(
        [binary(), "train", "vision", "--model-name", "resnet18", "--dataset", "synthetic",
         "--train-images", "31000", "--batch-size", "27000", "--epochs", "1", "--threads", "1"],
        cwd=shell.folder, env=shell.environment(OPENBLAS_NUM_THREADS="1"), preexec_fn=limit,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    failed = shell.finished(process)
    assert failed.code == 1
    assert "Out of memory" in failed.said and "BATCH_SIZE=13500" in failed.said
    assert failed.run.info.status == "FAILED"
    assert "BATCH_SIZE=13500" in failed.run.data.tags["mlflow.note.content"]


def test_the_hint_of_the_default_batch_is_the_labs(shell):
    """S3-10's very words, BATCH_SIZE=32: with 64 images of an edge at which a first layer's output does not fit."""
    chance = numpy.random.default_rng(0)
    for i in range(160):
        folder = shell.folder / "pictures" / str(i % 2)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(chance.integers(0, 255, (8, 8, 3), numpy.uint8)).save(folder / f"{i}.png")

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (2_500_000_000, 2_500_000_000))

    process = subprocess.Popen(
        [binary(), "train", "vision", "--model-name", "resnet50", "--dataset", f"folder:{shell.folder / 'pictures'}",
         "--image-size", "640", "--epochs", "1", "--threads", "1"],
        cwd=shell.folder, env=shell.environment(OPENBLAS_NUM_THREADS="1"), preexec_fn=limit,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    failed = shell.finished(process)
    assert failed.code == 1 and "BATCH_SIZE=32." in failed.said
    assert "BATCH_SIZE=32." in failed.run.data.tags["mlflow.note.content"]


def test_weights_of_another_network_are_refused_by_the_first_tensor_that_does_not_fit(shell):
    """Wrong shapes, whatever is wrong with them; the head may be of another number of classes."""
    state = torchvision.models.mobilenet_v3_small(num_classes=7).state_dict()
    file = shell.folder / "begin.pth"

    def failure(**changes):
        torch.save({k: v for k, v in (state | changes).items() if v is not None}, file)
        failed = shell.run("train", "vision", *SMALL, "--epochs", 1, "--weights", file)
        assert failed.code == 1 and failed.run.info.status == "FAILED"
        return failed.run.data.tags["mlflow.note.content"]

    first = "features.0.0.weight"
    assert f"{first} has another shape" in failure(**{first: torch.zeros(16, 1, 3, 3)})
    assert f"{first} is missing" in failure(**{first: None})
    assert "a tensor layer9.weight" in failure(**{"layer9.weight": torch.zeros(2)})
    file.write_text("no tensors")
    failed = shell.run("train", "vision", *SMALL, "--weights", file)
    assert failed.code == 1 and "torch.save(model.state_dict(), file)" in failed.said
    failed = shell.run("train", "vision", *SMALL, "--weights", shell.folder / "none.pth")
    assert failed.code == 1 and "There is no file" in failed.said


def test_a_directory_that_cannot_be_written_fails_the_run_at_once(shell):
    (shell.folder / "file").write_text("")
    failed = shell.run("train", "vision", *SMALL, "--output", shell.folder / "file")
    assert failed.code == 1 and "--output" in failed.said
    (run,) = shell.client.search_runs(
        [shell.client.get_experiment_by_name("vision").experiment_id], max_results=1)
    assert run.info.status == "FAILED" and "--output" in run.data.tags["mlflow.note.content"]


def test_a_full_disk_fails_the_run_and_names_the_file(shell, tmp_path):
    """The first checkpoint does not fit; the metrics are in the run all the same."""
    with small_disk(tmp_path / "small", 3) as disk:
        failed = shell.run("train", "vision", *SMALL, "--threads", 1, "--output", disk.folder)
        assert failed.code == 1 and "Is the disk full?" in failed.said
    assert failed.run.info.status == "FAILED"
    assert "checkpoints" in failed.run.data.tags["mlflow.note.content"]
    assert len(failed.history("val_loss")) == 1


def test_one_seed_gives_one_result_to_the_bit_and_augmentation_changes_it(shell):
    """S3-45: on one thread; another seed, or no augmentation, is another result."""
    train = [*SMALL, "--epochs", 2]
    first, again = shell.train(*train), shell.train(*train)
    assert are_equal(weights(first), weights(again))
    assert first.history("train_loss") == again.history("train_loss")
    plain = shell.train(*train, "--no-use-augmentation")
    assert not are_equal(weights(first), weights(plain))
    other = shell.train(*train, "--seed", 7)
    assert not are_equal(weights(first), weights(other))


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_resumed_run_goes_on_as_if_it_had_never_stopped(shell, optimizer):
    """S3-46: killed after an epoch, the run has one continuous history, and the same weights as one
    that was left alone. Its settings need not be said again."""
    train = [*SMALL, "--optimizer", optimizer, "--schedule", "cosine", "--learning-rate", 0.01]
    whole = shell.train(*train, "--epochs", 4)
    experiment = f"killed {optimizer}"
    process = shell.start("train", "vision", "--threads", 1, *train, "--epochs", 4,
                          "--experiment", experiment)
    run_id = started_run(shell, experiment)
    wait_for(shell.client, run_id, "val_loss", 2)
    process.kill()
    process.communicate()
    shutil.rmtree(shell.folder / "mlops-sandbox-runs" / run_id)  # another machine goes on
    resumed = shell.run("train", "vision", "--resume", run_id)
    assert resumed.code == 0, resumed.said
    assert resumed.run_id == run_id and "Going on after epoch" in resumed.said
    assert resumed.run.info.status == "FINISHED"
    for key in ("train_loss", "val_accuracy", "learning_rate"):
        assert dict(resumed.history(key)) == dict(whole.history(key)), key
    assert are_equal(weights(whole), weights(resumed))
    assert resumed.params == whole.params


def test_a_resumed_run_can_get_more_epochs(shell):
    first = shell.train(*SMALL, "--epochs", 1)
    more = shell.run("train", "vision", "--resume", first.run_id, "--epochs", 3)
    assert more.code == 0, more.said
    assert [step for step, _ in more.history("train_loss")] == [1, 2, 3]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_is_killed_and_keeps_its_last_checkpoint(shell, number):
    experiment = f"stopped {number}"
    process = shell.start("train", "vision", "--threads", 1, *SMALL, "--epochs", 1000,
                          "--experiment", experiment)
    wait_for(shell.client, started_run(shell, experiment), "val_loss", 1)
    process.send_signal(number)
    stopped = shell.finished(process)
    assert stopped.code == 130, stopped.said
    assert stopped.run.info.status == "KILLED" and stopped.run.info.end_time
    checkpoint = torch.load(stopped.artifact("checkpoints/last.pth"), weights_only=True)
    assert checkpoint["epoch"] == len(stopped.history("val_loss"))


def test_a_paused_run_ends_well_and_goes_on_as_if_it_had_not_paused(shell):
    """The rates are those of all epochs, and the parameters say so. Issue 6, point 7: what halving uses."""
    train = [*SMALL, "--schedule", "cosine", "--epochs", 3]
    whole = shell.train(*train)
    paused = shell.train(*train, "--pause-after", 2, "--register", "paused")
    assert "Not registered as paused" in paused.said
    assert not shell.client.search_registered_models("name = 'paused'")
    assert paused.run.info.status == "FINISHED" and "Paused after epoch 2 of 3" in paused.said
    assert paused.params == whole.params and "best_val_accuracy" in paused.metrics
    assert not [path for path in paused.artifacts() if path.startswith("model")]
    resumed = shell.run("train", "vision", "--resume", paused.run_id, "--pause-after", 0)
    assert resumed.code == 0, resumed.said
    for key in ("train_loss", "learning_rate", "val_loss"):
        assert resumed.history(key) == whole.history(key), key
    assert are_equal(weights(whole), weights(resumed))


def test_half_precision_learns_nearly_the_same(shell):
    """On a processor bf16 is computed when it is asked for, and not otherwise. Weights stay float32."""
    train = [*SMALL, "--epochs", 2, "--model-name", "resnet18", "--no-use-augmentation"]
    full = shell.train(*train)
    half = shell.train(*train, "--precision", "bf16")
    assert full.run.data.tags["sandbox.precision"] == "float32"
    assert half.run.data.tags["sandbox.precision"] == "bf16"
    losses = [dict(trained.history("train_loss")) for trained in (full, half)]
    assert losses[0] != losses[1]
    assert losses[1][1] == pytest.approx(losses[0][1], rel=0.05)
    state = weights(half, "resnet18.pth")
    assert {value.dtype for key, value in state.items() if "num_batches" not in key} == {torch.float32}
    refused = shell.run("train", "vision", *SMALL, "--precision", "fp8")
    assert refused.code == 2 and "auto, float32, bf16" in refused.said


def test_it_stops_early_when_nothing_becomes_better(shell):
    trained = shell.train(*SMALL, "--epochs", 50, "--patience", 2, "--learning-rate", 1e-9)
    assert [step for step, _ in trained.history("val_accuracy")] == [1, 2, 3]
    assert "enough" in trained.said


def test_steps_of_the_learning_rate_are_logged(shell):
    trained = shell.train(*SMALL, "--epochs", 3, "--schedule", "step", "--step-epochs", 1,
                          "--step-factor", 0.5, "--learning-rate", 0.01)
    assert [rate for _, rate in trained.history("learning_rate")] == [0.01, 0.005, 0.0025]


def test_steps_that_are_too_large_are_named(shell):
    failed = shell.run("train", "vision", *SMALL, "--optimizer", "sgd", "--learning-rate", 100,
                       "--epochs", 30, "--momentum", 0.99, "--threads", 1)
    assert failed.code == 1 and "--learning-rate" in failed.said
    assert failed.run.info.status == "FAILED"


def test_a_model_is_registered_with_its_alias(shell):
    trained = shell.train(*SMALL, "--epochs", 1, "--register", "shapes", "--alias", "champion")
    version = shell.client.get_model_version_by_alias("shapes", "champion")
    assert version.run_id == trained.run_id and version.version == "1"
    assert mlflow.pytorch.load_model("models:/shapes@champion") is not None
    refused = shell.run("train", "vision", *SMALL, "--alias", "champion")
    assert refused.code == 2 and "--register" in refused.said
    refused = shell.run("train", "vision", *SMALL, "--register", "my/shapes")
    assert refused.code == 2 and "my/shapes" in refused.said and refused.run_id is None


def test_a_run_that_exists_is_used(shell):
    """MLFLOW_RUN_ID, as a job sets it."""
    run = shell.client.create_run(shell.client.create_experiment("of a job"))
    trained = shell.train(*SMALL, "--epochs", 1, MLFLOW_RUN_ID=run.info.run_id)
    assert trained.run_id == run.info.run_id
    assert trained.run.info.status == "FINISHED"


def test_an_experiment_whose_files_lie_elsewhere_is_refused_before_the_training(shell):
    shell.client.create_experiment("elsewhere", artifact_location="s3://bucket/elsewhere")
    refused = shell.run("train", "vision", *SMALL, "--experiment", "elsewhere")
    assert refused.code == 1
    assert "s3://bucket/elsewhere" in refused.said and "mlflow-artifacts:/" in refused.said
    assert refused.run.info.status == "FAILED" and "epoch" not in refused.said


def test_a_run_is_evaluated_again(shell):
    """S3-19: the same numbers again, written back into the run, without the trainer's own files."""
    archive = cifar10(shell.folder / "cifar-10-binary.tar.gz")
    trained = shell.train("--data-path", archive, "--epochs", 1, "--batch-size", 16)
    shutil.rmtree(shell.folder / "mlops-sandbox-runs")
    evaluated = shell.run("evaluate", trained.run_id, "--threads", 1)
    assert evaluated.code == 0, evaluated.said
    for key in ("test_accuracy", "test_f1", "test_loss"):
        values = [value for _, value in trained.history(key)]
        assert len(values) == 2 and values[0] == values[1], key
    assert trained.run.info.status == "FINISHED"


def test_a_run_of_somebody_else_cannot_be_evaluated(shell):
    run = shell.client.create_run(shell.client.create_experiment("of a person"))
    refused = shell.run("evaluate", run.info.run_id)
    assert refused.code == 1 and "built-in trainer" in refused.said
    refused = shell.run("evaluate", "0" * 32)
    assert refused.code == 1 and "0" * 32 in refused.said


def test_training_goes_on_while_the_tracking_server_is_away(fresh_lab, tmp_path):
    """Metrics, checkpoints and the end of the run come in when the server is back."""
    shell = Shell(fresh_lab, tmp_path)
    process = shell.start("train", "vision", "--threads", 1, *SMALL, "--epochs", 6,
                          "--log-every", 1, "--experiment", "patient")
    run_id = started_run(shell, "patient")
    wait_for(shell.client, run_id, "val_loss", 1)
    fresh_lab.kill9()
    folder = tmp_path / "mlops-sandbox-runs" / run_id
    deadline = time.monotonic() + 60
    while (folder / "metrics.jsonl").read_text().count("val_loss") < 6:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    fresh_lab.options = ("--port", fresh_lab.mlflow_url.rsplit(":", 1)[1])
    fresh_lab.start()
    trained = shell.finished(process)
    assert trained.code == 0, trained.said
    assert "cannot be reached" in trained.said
    assert trained.run.info.status == "FINISHED"
    assert [step for step, _ in trained.history("val_loss")] == [1, 2, 3, 4, 5, 6]
    assert [step for step, _ in trained.history("batch_loss")] == list(range(24))
    assert "mobilenet_v3_small.pth" in trained.artifacts()


def test_a_server_that_stays_away_ends_the_training_with_its_results_kept(fresh_lab, tmp_path):
    """After --wait-minutes it says where everything lies; --resume sends what the server did not get once there
    is one again, and nothing is trained twice."""
    shell = Shell(fresh_lab, tmp_path)
    process = shell.start("train", "vision", "--threads", 1, *SMALL, "--epochs", 3, "--experiment", "gone",
                          "--wait-minutes", 0)
    run_id = started_run(shell, "gone")
    wait_for(shell.client, run_id, "val_loss", 1)
    fresh_lab.kill9()
    ended = shell.finished(process)
    folder = tmp_path / "mlops-sandbox-runs" / run_id
    assert ended.code == 1 and "--wait-minutes is over" in ended.said and str(folder) in ended.said
    assert (folder / "metrics.jsonl").read_text().count("val_loss") == 3
    assert torch.load(folder / "checkpoints" / "last.pth")["epoch"] == 3
    assert (folder / "model" / "data" / "model.pth").stat().st_size > 0
    fresh_lab.options = ("--port", fresh_lab.mlflow_url.rsplit(":", 1)[1])
    fresh_lab.start()
    resumed = shell.run("train", "vision", "--resume", run_id)
    assert resumed.code == 0, resumed.said
    assert resumed.run.info.status == "FINISHED" and "mobilenet_v3_small.pth" in resumed.artifacts()
    assert [step for step, _ in resumed.history("val_loss")] == [1, 2, 3]
    assert not list(folder.glob("unsent*"))
