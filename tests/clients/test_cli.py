"""The commands as a person types them: up, down, status, env, logs, verify and their refusals."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.config import Config
from conftest import Lab, clean_environment
from own_lab import binary, free_ports, wait_until

REPORTS = os.path.join(os.path.dirname(__file__), "..", "golden", "verify_storage")


def call(*arguments, environment=None, timeout=60, **rest):
    return subprocess.run(
        [binary(), *map(str, arguments)],
        env=clean_environment() | (environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        **rest,
    )


def ok(*arguments, **rest):
    done = call(*arguments, **rest)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def get(url, headers=None):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {})) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode(), refused.headers


@pytest.fixture
def ports():
    return free_ports(3)


@pytest.fixture
def detached(tmp_path, ports):
    """A lab in the background: (data directory, ports, what `up` printed)."""
    data = tmp_path / "my lab"
    flags = [f"--{name}={port}" for name, port in zip(("port", "s3-port", "console-port"), ports)]
    printed = ok("up", "--detach", "--data-dir", data, *flags)
    yield data, ports, printed
    ok("down", "--data-dir", data)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class TestUp:
    def test_the_banner_names_every_address_and_what_to_type(self, detached):
        data, ports, printed = detached
        for port in ports:
            assert f"http://127.0.0.1:{port}" in printed
        assert str(data) in printed
        assert f"eval \"$(./mlops-sandbox env --data-dir '{data}')\"" in printed

    def test_all_three_ports_answer_once_it_returned(self, detached):
        _, (port, s3_port, console_port), _ = detached
        assert get(f"http://127.0.0.1:{port}/health")[:2] == (200, "OK")
        assert get(f"http://127.0.0.1:{port}/version")[1] == "3.17.2"
        assert get(f"http://127.0.0.1:{s3_port}/minio/health/live")[0] == 200
        status, page, headers = get(f"http://127.0.0.1:{console_port}/")
        assert status == 200 and headers["Content-Type"].startswith("text/html")
        assert f"http://127.0.0.1:{port}" in page and f"http://127.0.0.1:{s3_port}" in page

    def test_the_foreground_prints_the_banner_and_stops_on_ctrl_c(self, tmp_path, ports):
        flags = [f"--{name}={port}" for name, port in zip(("port", "s3-port", "console-port"), ports)]
        process = subprocess.Popen(
            [binary(), "up", "--data-dir", tmp_path / "data", *flags],
            env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        line = process.stdout.readline()
        assert "is running" in line
        process.send_signal(signal.SIGINT)
        rest, errors = process.stdout.read(), process.stderr.read()
        assert process.wait(timeout=30) == 0
        assert "Ctrl-C here" in rest and errors == ""

    def test_a_second_lab_on_the_same_directory_is_refused(self, detached):
        data, _, _ = detached
        pid = (data / "lock").read_text().strip()
        for arguments in (("up", "--ci"), ("up", "--ci", "--detach")):
            refused = call(*arguments, "--data-dir", data)
            assert refused.returncode == 1
            assert f"already running as process {pid}" in refused.stderr
            assert "down" in refused.stderr and "--data-dir" in refused.stderr

    def test_a_port_in_use_names_its_holder_and_a_free_one(self, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as held:
            port = held.getsockname()[1]
            refused = call("up", "--ci", "--s3-port", port, "--data-dir", tmp_path / "data")
            assert refused.returncode == 1 and refused.stdout == ""
            assert f"Port {port} on 127.0.0.1 is held by process {os.getpid()} (" in refused.stderr
            offered = int(re.search(r"use a free port: --s3-port (\d+)", refused.stderr)[1])
            assert offered != port
            with socket.create_server(("127.0.0.1", offered)):
                pass

    def test_what_comes_later_says_so(self, tmp_path):
        for flag, value in (
            ("--artifacts-destination", "gs://bucket/path"),
            ("--default-artifact-root", "./artifacts"),
        ):
            refused = call("up", "--ci", "--data-dir", tmp_path / "data", flag, value)
            assert refused.returncode == 2
            assert flag in refused.stderr and "later version" in refused.stderr

    def test_the_four_flags_of_mlflow_server_are_taken(self, tmp_path):
        data = tmp_path / "data"
        (port,) = free_ports(1)
        process = subprocess.Popen(
            [binary(), "server", "--ci", "--data-dir", data, "--host", "0.0.0.0", "--port", str(port),
             "--backend-store-uri", "sqlite:///mlflow/mlflow.db",
             "--default-artifact-root", "s3://from-the-course"],
            env=clean_environment(), cwd=tmp_path, stdout=subprocess.PIPE,
        )
        addresses = json.loads(process.stdout.readline())
        assert addresses["tracking_url"] == f"http://127.0.0.1:{port}"
        assert (tmp_path / "mlflow" / "mlflow.db").exists()
        _, text, _ = get(addresses["tracking_url"] + "/api/2.0/mlflow/experiments/get?experiment_id=0")
        assert "s3://from-the-course/0" in text
        process.terminate()
        assert process.wait(timeout=30) == 0

    def test_buckets_are_there_from_the_start(self, tmp_path):
        lab = Lab(tmp_path / "data", "--bucket", "one", "--bucket", "two")
        client = boto3.client(
            "s3", endpoint_url=lab.s3_url, aws_access_key_id="minioadmin",
            aws_secret_access_key="minioadmin", region_name="us-east-1",
        )
        names = [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
        assert names == ["mlflow", "mlflow-artifacts", "one", "two"]
        lab.stop()

    def test_the_keys_of_minio_are_honoured_and_stay_secret(self, tmp_path):
        secret = "a-very-secret-word"
        lab = Lab(
            tmp_path / "data",
            environment={"MINIO_ROOT_USER": "minio", "MINIO_ROOT_PASSWORD": secret},
        )
        assert (lab.access_key, lab.secret_key) == ("minio", secret)
        client = boto3.client(
            "s3", endpoint_url=lab.s3_url, aws_access_key_id="minio",
            aws_secret_access_key=secret, region_name="us-east-1",
            config=Config(signature_version="s3v4"),
        )
        client.put_object(Bucket="mlflow", Key="a", Body=b"x")
        url = client.generate_presigned_url("get_object", Params={"Bucket": "mlflow", "Key": "a"})
        assert get(url)[:2] == (200, "x")
        signature = re.search(r"X-Amz-Signature=(\w+)", url)[1]
        lab.stop()
        log = lab.log()
        assert "PUT path=/mlflow/a" in log
        assert secret not in log
        assert signature not in log
        assert secret not in lab.output.read_text()
        # What holds the key is its owner's.
        assert (lab.data_dir.stat().st_mode & 0o077) == 0

    def test_settings_come_from_the_file_in_the_data_directory(self, tmp_path):
        data = tmp_path / "data"
        data.mkdir()
        (data / "mlops-sandbox.conf").write_text("# keys\naccess-key = somebody\nbucket = extra\n")
        lab = Lab(data)
        assert lab.access_key == "somebody"
        lab.stop()

    def test_an_unknown_flag_is_refused_with_where_to_look(self):
        refused = call("up", "--workers", "4")
        assert refused.returncode == 2
        assert "--workers" in refused.stderr and "up --help" in refused.stderr

    def test_a_data_directory_that_cannot_be_is_refused(self, tmp_path):
        (tmp_path / "file").write_text("")
        refused = call("up", "--ci", "--data-dir", tmp_path / "file")
        assert refused.returncode == 2 and "--data-dir" in refused.stderr


class TestCi:
    def test_it_prints_one_line_of_json(self, lab):
        assert set(lab.addresses) >= {
            "tracking_url", "s3_url", "console_url", "access_key", "secret_key", "data_dir", "pid",
        }
        assert lab.addresses["data_dir"] == str(lab.data_dir)
        assert lab.pid == lab.process.pid

    def test_without_a_place_it_takes_a_temporary_one_and_removes_it(self):
        process = subprocess.Popen(
            [binary(), "up", "--ci"], env=clean_environment(), stdout=subprocess.PIPE
        )
        place = json.loads(process.stdout.readline())["data_dir"]
        assert os.path.isdir(place)
        process.terminate()
        assert process.wait(timeout=30) == 0
        assert not os.path.exists(place)

    def test_it_ends_with_its_parent(self, tmp_path):
        script = (
            "import subprocess, sys\n"
            f"lab = subprocess.Popen([{binary()!r}, 'up', '--ci', '--data-dir', {str(tmp_path / 'd')!r}],\n"
            "    stdout=subprocess.PIPE)\n"
            "print(lab.stdout.readline().decode(), flush=True)\n"
            "sys.stdin.read()\n"
        )
        parent = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=clean_environment(),
        )
        pid = json.loads(parent.stdout.readline())["pid"]
        assert is_alive(pid)
        parent.kill()
        parent.communicate()
        wait_until(lambda: not is_alive(pid))

    def test_it_ends_when_its_open_standard_input_ends(self, tmp_path):
        process = subprocess.Popen(
            [binary(), "up", "--ci", "--data-dir", tmp_path / "data"], env=clean_environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        assert process.stdout.readline()
        process.stdin.close()
        assert process.wait(timeout=30) == 0

    def test_a_thread_that_starts_it_may_end(self, tmp_path):
        labs = []
        thread = threading.Thread(target=lambda: labs.append(Lab(tmp_path / "data")))
        thread.start()
        thread.join()
        assert get(labs[0].mlflow_url + "/health")[0] == 200
        labs[0].stop()


class TestStop:
    def test_a_running_request_finishes(self, fresh_lab):
        host, port = fresh_lab.mlflow_url.removeprefix("http://").split(":")
        body = b'{"name": "slow"}'
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(
                b"POST /api/2.0/mlflow/experiments/create HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nExpect: 100-continue\r\n"
                b"Content-Length: %d\r\n\r\n" % len(body)
            )
            # From here the handler runs and waits for the body.
            assert connection.recv(10_000).startswith(b"HTTP/1.1 100")
            fresh_lab.process.terminate()
            wait_until(lambda: "stopping" in fresh_lab.log())
            connection.sendall(body)
            answer = connection.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 200"), answer
        assert fresh_lab.process.wait(timeout=30) == 0
        assert "stopped" in fresh_lab.log().splitlines()[-1]

    def test_what_was_written_is_there_after_kill_and_after_stop(self, fresh_lab):
        def create(name):
            request = urllib.request.Request(
                fresh_lab.mlflow_url + "/api/2.0/mlflow/experiments/create",
                json.dumps({"name": name}).encode(), {"Content-Type": "application/json"},
            )
            return urllib.request.urlopen(request).status

        def exists(name):
            url = "/api/2.0/mlflow/experiments/get-by-name?experiment_name=" + name
            return get(fresh_lab.mlflow_url + url)[0] == 200

        assert create("first") == 200
        fresh_lab.kill9()
        fresh_lab.restart()
        assert exists("first") and create("second") == 200
        fresh_lab.restart()
        assert exists("first") and exists("second")

    def test_down_ends_the_lab_and_says_so(self, tmp_path):
        lab = Lab(tmp_path / "data")
        stopper = threading.Thread(target=lab.process.wait)
        stopper.start()
        printed = ok("down", "--data-dir", lab.data_dir)
        stopper.join()
        assert f"process {lab.pid}" in printed and str(lab.data_dir) in printed
        assert lab.process.returncode == 0
        assert "No lab is running" in ok("down", "--data-dir", lab.data_dir)


class TestStatus:
    def test_a_healthy_lab(self, lab):
        printed = ok("status", "--data-dir", lab.data_dir)
        assert printed.count("✅") == 3
        assert lab.mlflow_url in printed and lab.s3_url in printed and lab.console_url in printed

    def test_as_json(self, lab):
        seen = json.loads(ok("status", "--json", "--data-dir", lab.data_dir))
        assert seen["running"] and seen["healthy"] and seen["pid"] == lab.pid
        assert [part["answers"] for part in seen["parts"]] == [True] * 3

    def test_no_lab(self, tmp_path):
        seen = call("status", "--data-dir", tmp_path)
        assert seen.returncode == 3
        assert "up --detach" in seen.stdout

    def test_a_killed_lab_is_not_running(self, fresh_lab):
        fresh_lab.kill9()
        assert (fresh_lab.data_dir / "state.json").exists()
        assert call("status", "--data-dir", fresh_lab.data_dir).returncode == 3


# Every character that some shell reads as its own.
ODD_SECRET = "it's$a\"secret`"


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("odd") / "data", "--secret-key", ODD_SECRET)
    yield lab
    lab.stop()


class TestEnv:
    NAMES = [
        "MLFLOW_TRACKING_URI", "MLFLOW_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION",
    ]
    def values(self, lab):
        return dict(zip(self.NAMES, (
            lab.mlflow_url, lab.s3_url, lab.s3_url, "minioadmin", ODD_SECRET, "us-east-1",
        )))

    def test_a_shell_reads_it(self, odd):
        printed = ok("env", "--data-dir", odd.data_dir)
        shown = "".join(f'printf "%s\\n" "${name}";' for name in self.NAMES)
        out = subprocess.run(["sh", "-c", f'eval "$1"; {shown}', "sh", printed],
                             capture_output=True, text=True, check=True).stdout
        assert out.splitlines() == list(self.values(odd).values())

    def test_json(self, odd):
        printed = ok("env", "--format", "json", "--data-dir", odd.data_dir)
        assert json.loads(printed) == self.values(odd)

    def test_dotenv_is_read_back(self, odd):
        dotenv = pytest.importorskip("dotenv")
        import io

        printed = ok("env", "--format", "dotenv", "--data-dir", odd.data_dir)
        values = dotenv.dotenv_values(stream=io.StringIO(printed), interpolate=False)
        assert values["MLFLOW_TRACKING_URI"] == odd.mlflow_url
        assert list(values) == self.NAMES

    def test_the_others_as_they_are_written(self, lab):
        docker = ok("env", "--format", "docker", "--data-dir", lab.data_dir).strip()
        assert docker == " ".join(f"-e {name}={value}" for name, value in (
            ("MLFLOW_TRACKING_URI", lab.mlflow_url), ("MLFLOW_S3_ENDPOINT_URL", lab.s3_url),
            ("AWS_ENDPOINT_URL_S3", lab.s3_url), ("AWS_ACCESS_KEY_ID", "minioadmin"),
            ("AWS_SECRET_ACCESS_KEY", "minioadmin"), ("AWS_DEFAULT_REGION", "us-east-1"),
        ))
        power = ok("env", "--format", "powershell", "--data-dir", lab.data_dir).splitlines()
        assert power[0] == f"$env:MLFLOW_TRACKING_URI = '{lab.mlflow_url}'"

    def test_a_cluster_reads_it(self, odd):
        """S4-9: a ConfigMap and a Secret, whatever the keys look like."""
        import kubernetes_validate
        import yaml

        printed = ok("env", "--format", "k8s", "--data-dir", odd.data_dir)
        config, secret = yaml.safe_load_all(printed)
        for document in (config, secret):
            kubernetes_validate.validate(document, "1.37", strict=True)
        assert (config["kind"], secret["kind"]) == ("ConfigMap", "Secret")
        assert config["data"] | secret["stringData"] == self.values(odd)
        assert set(secret["stringData"]) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}

    def test_for_another_host(self, lab):
        printed = ok("env", "--for-host", "host.docker.internal", "--data-dir", lab.data_dir)
        port = lab.mlflow_url.rpartition(":")[2]
        assert f"MLFLOW_TRACKING_URI=http://host.docker.internal:{port}\n" in printed

    def test_without_a_lab_nothing_is_printed_for_the_shell(self, tmp_path):
        refused = call("env", "--data-dir", tmp_path)
        assert refused.returncode == 1 and refused.stdout == ""
        assert "up --detach" in refused.stderr


class TestLogs:
    def test_tail_and_component(self, lab):
        for number in range(3):
            get(f"{lab.mlflow_url}/health?n={number}")
            get(f"{lab.s3_url}/minio/health/live?n={number}")
        lines = ok("logs", "s3", "--tail", 2, "--data-dir", lab.data_dir).splitlines()
        assert len(lines) == 2 and all("part=s3" in line for line in lines)
        assert "n=2" in lines[1]
        assert "started" in ok("logs", "--data-dir", lab.data_dir)

    def test_follow(self, lab):
        follower = subprocess.Popen(
            [binary(), "logs", "-f", "tracking", "--tail", "1", "--data-dir", lab.data_dir],
            stdout=subprocess.PIPE, text=True, env=clean_environment(),
        )
        try:
            get(lab.mlflow_url + "/health?followed=1")
            for line in follower.stdout:
                if "followed=1" in line:
                    break
        finally:
            follower.terminate()
            follower.wait()
            follower.stdout.close()

    def test_every_request_has_an_id_that_the_client_gets_too(self, lab):
        _, _, headers = get(lab.mlflow_url + "/version")
        identity = headers["x-request-id"]
        assert identity
        lines = [line for line in lab.log().splitlines() if f"id={identity} " in line]
        assert len(lines) == 1
        assert "method=GET path=/version status=200" in lines[0]

    def test_no_log_yet(self, tmp_path):
        refused = call("logs", "--data-dir", tmp_path)
        assert refused.returncode == 1 and "no lab has run there" in refused.stderr


class TestVerifyStorage:
    def masked(self, printed, lab):
        for text, mask in (
            (lab.s3_url.rpartition(":")[2] + "/TCP," + lab.console_url.rpartition(":")[2] + "/TCP",
             "<s3>/TCP,<console>/TCP"),
            (lab.s3_url.rpartition(":")[2] + " (API)", "<s3> (API)"),
            (lab.console_url.rpartition(":")[2] + " (Console)", "<console> (Console)"),
            (str(lab.data_dir), "<data>"),
            (f"-{lab.pid}", "-<pid>"),
        ):
            printed = printed.replace(text, mask)
        printed = re.sub(r"\b\d+[smhd]$", "<age>", printed, flags=re.M)
        return re.sub(r"(?<=\S) {2,}", "  ", printed)

    @pytest.mark.parametrize("language", ["ko", "en"])
    def test_the_report(self, lab, language):
        printed = ok("verify", "storage", "--lang", language, "--data-dir", lab.data_dir)
        banners = [line for line in printed.splitlines() if line == "=" * 60]
        assert len(banners) == 10
        with open(f"{REPORTS}.{language}.txt") as golden:
            assert self.masked(printed, lab) == golden.read()

    def test_korean_is_the_usual_language(self, lab):
        printed = ok("verify", "storage", "--data-dir", lab.data_dir)
        assert printed.rstrip().endswith("✅ 스토리지 확인 완료!")

    def test_the_checklist_has_seven_points(self, lab):
        printed = ok("verify", "storage", "--checklist", "--data-dir", lab.data_dir)
        assert sum(line.startswith("✅") for line in printed.splitlines()) == 7

    @pytest.mark.parametrize("part", ["s3_url", "console_url", "tracking_url"])
    def test_a_part_that_does_not_answer_fails_it(self, fresh_lab, part):
        state = fresh_lab.data_dir / "state.json"
        (dead,) = free_ports(1)
        told = json.loads(state.read_text())
        state.write_text(json.dumps(told | {part: f"http://127.0.0.1:{dead}"}))
        seen = call("verify", "storage", "--lang", "en", "--data-dir", fresh_lab.data_dir)
        assert seen.returncode == 1
        assert "❌ Storage check failed" in seen.stdout and "complete!" not in seen.stdout
        assert str(dead) in seen.stdout
        checklist = call("verify", "storage", "--checklist", "--data-dir", fresh_lab.data_dir)
        assert checklist.returncode == 1 and "❌" in checklist.stdout

    def test_wrong_keys_fail_it(self, fresh_lab):
        state = fresh_lab.data_dir / "state.json"
        state.write_text(json.dumps(json.loads(state.read_text()) | {"secret_key": "wrong-one"}))
        seen = call("verify", "storage", "--lang", "en", "--data-dir", fresh_lab.data_dir)
        assert seen.returncode == 1 and "❌ No MinIO service" in seen.stdout

    def test_no_lab_fails_it(self, tmp_path):
        seen = call("verify", "storage", "--data-dir", tmp_path)
        assert seen.returncode == 1
        assert "완료!" not in seen.stdout and "up --detach" in seen.stdout


class TestOthers:
    def test_help_teaches(self):
        for arguments in ((), ("--help",), ("help",)):
            printed = ok(*arguments)
            assert "up --detach" in printed and 'eval "$(' in printed
        assert "MLOPS_SANDBOX_S3_PORT" in ok("up", "--help")

    @pytest.mark.parametrize(
        "command", ["up", "down", "status", "env", "logs", "verify", "api", "version"]
    )
    def test_every_command_has_help(self, command):
        assert "Usage: mlops-sandbox " + command in ok(command, "--help")

    @pytest.mark.parametrize(
        "command",
        ["doctor", "pipeline", "serve"],
    )
    def test_what_is_not_there_yet_says_so(self, command):
        refused = call(command, "something")
        assert refused.returncode == 2 and "later version" in refused.stderr

    def test_an_unknown_command(self):
        refused = call("upp")
        assert refused.returncode == 2 and "'upp'" in refused.stderr

    def test_version(self):
        assert re.match(r"mlops-sandbox \d+\.\d+\.\d+ ", ok("version"))

    def test_api_lists_the_endpoints(self, lab):
        printed = ok("api", "--data-dir", lab.data_dir)
        assert re.search(r"^\+ POST +2\.0/mlflow/runs/log-metric ", printed, re.M)

    def test_a_foreign_host_name_is_refused_with_the_way_out(self, lab):
        status, text, headers = get(lab.mlflow_url + "/", {"Host": "mlflow:5000"})
        assert status == 403 and "--allowed-hosts" in text
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert get(lab.mlflow_url + "/health", {"Host": "mlflow:5000"})[0] == 200

    def test_allowed_hosts(self, tmp_path):
        lab = Lab(tmp_path / "data", "--allowed-hosts", "mlflow:*,127.0.0.1:*")
        assert get(lab.mlflow_url + "/version", {"Host": "mlflow:5000"})[0] == 200
        assert get(lab.mlflow_url + "/", {"Host": "mlflow:5000"})[0] == 200
        assert get(lab.mlflow_url + "/", {"Host": "localhost:5000"})[0] == 403
        lab.stop()
