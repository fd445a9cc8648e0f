"""All ports over TLS, with a certificate that nobody signed but itself."""

import json
import os
import signal
import socket
import ssl
import subprocess
import threading

import boto3
import mlflow
import pytest
import requests
from conftest import Lab, clean_environment
from own_lab import binary, wait_until


def make_certificate(folder, name="lab", host="127.0.0.1"):
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    kind = "IP" if host[0].isdigit() else "DNS"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", f"/CN={host}", "-addext", f"subjectAltName={kind}:{host}",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )
    return certificate, key


class TlsLab(Lab):
    """A lab whose certificate the probe of its health does not check."""

    def start(self):
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        self.output = self.data_dir.with_name(self.data_dir.name + ".stderr")
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(
                [binary(), "up", "--ci", "--data-dir", str(self.data_dir), *self.options],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=output,
                env=clean_environment() | (self.environment or {}),
            )
        self.addresses = self._first_line()
        self.mlflow_url = self.addresses["tracking_url"]
        self.s3_url = self.addresses["s3_url"]
        self.console_url = self.addresses["console_url"]
        self.port = int(self.mlflow_url.rsplit(":", 1)[1])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def tls_lab(tmp_path_factory, certificate):
    folder = tmp_path_factory.mktemp("tls")
    running = TlsLab(folder / "data", "--tls-cert", str(certificate[0]), "--tls-key",
                     str(certificate[1]))
    yield running
    running.stop()


@pytest.fixture
def handshake(tls_lab, certificate):
    def connect(**options):
        context = ssl.create_default_context(cafile=certificate[0])
        if "alpn" in options:
            context.set_alpn_protocols(options["alpn"])
        plain = socket.create_connection(("127.0.0.1", tls_lab.port), timeout=30)
        return context.wrap_socket(plain, server_hostname="127.0.0.1")

    return connect


def read_answer(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        assert piece, data
        data += piece
    head, body = data.split(b"\r\n\r\n", 1)
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head, body


GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


class TestClients:
    def test_every_address_is_https(self, tls_lab, certificate):
        for url in (tls_lab.mlflow_url, tls_lab.s3_url, tls_lab.console_url):
            assert url.startswith("https://127.0.0.1:")
        health = requests.get(tls_lab.mlflow_url + "/health", verify=certificate[0], timeout=60)
        assert health.text == "OK"
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(tls_lab.mlflow_url + "/health", timeout=60)

    def test_mlflow(self, tls_lab, certificate, monkeypatch):
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate[0]))
        mlflow.set_tracking_uri(tls_lab.mlflow_url)
        mlflow.set_experiment("over tls")
        with mlflow.start_run() as run:
            mlflow.log_metric("m", 1.0)
            mlflow.log_text("x" * 3_000_000, "big.txt")
        assert mlflow.get_run(run.info.run_id).data.metrics == {"m": 1.0}
        text = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/big.txt")
        assert text == "x" * 3_000_000

    def test_boto3(self, tls_lab, certificate):
        s3 = boto3.client(
            "s3", endpoint_url=tls_lab.s3_url, verify=str(certificate[0]),
            aws_access_key_id=tls_lab.addresses["access_key"],
            aws_secret_access_key=tls_lab.addresses["secret_key"], region_name="us-east-1",
        )
        body = os.urandom(8_000_000)
        s3.put_object(Bucket="mlflow", Key="tls/object", Body=body)
        assert s3.get_object(Bucket="mlflow", Key="tls/object")["Body"].read() == body
        part = s3.get_object(Bucket="mlflow", Key="tls/object", Range="bytes=10-19")
        assert part["Body"].read() == body[10:20]

    def test_env_names_the_certificate(self, tls_lab, certificate):
        done = subprocess.run(
            [binary(), "env", "--format", "json", "--data-dir", str(tls_lab.data_dir)],
            env=clean_environment(), capture_output=True, text=True, timeout=60, check=True,
        )
        variables = json.loads(done.stdout)
        assert variables["MLFLOW_TRACKING_URI"] == tls_lab.mlflow_url
        assert variables["MLFLOW_TRACKING_SERVER_CERT_PATH"] == str(certificate[0])
        assert variables["AWS_CA_BUNDLE"] == str(certificate[0])

    def test_our_own_commands_trust_it(self, tls_lab):
        for words in (["status"], ["api"], ["verify", "storage"]):
            done = subprocess.run(
                [binary(), *words, "--data-dir", str(tls_lab.data_dir)],
                env=clean_environment(), capture_output=True, text=True, timeout=60,
            )
            assert done.returncode == 0, done.stdout + done.stderr


class TestConnections:
    def test_kept_alive_and_pipelined(self, handshake):
        with handshake() as connection:
            for _ in range(3):
                connection.sendall(GET)
                assert read_answer(connection)[1] == b"OK"
            connection.sendall(GET * 5)
            seen = b""
            while seen.count(b"200 OK") < 5:
                piece = connection.recv(65536)
                assert piece, seen
                seen += piece

    def test_a_body_and_the_next_request_in_one_record(self, handshake):
        body = b'{"max_results": 1}'
        head = (b"POST /api/2.0/mlflow/experiments/search HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
        with handshake() as connection:
            connection.sendall(head + body + GET)
            seen = b""
            while not seen.endswith(b"OK"):
                piece = connection.recv(65536)
                assert piece, seen
                seen += piece

    def test_a_head_that_comes_in_pieces(self, handshake):
        with handshake() as connection:
            for i in range(len(GET)):
                connection.sendall(GET[i:i + 1])
            assert read_answer(connection)[1] == b"OK"

    def test_http_1_1_is_what_it_speaks(self, handshake):
        with handshake(alpn=["h2", "http/1.1"]) as connection:
            assert connection.selected_alpn_protocol() == "http/1.1"
            assert connection.version() in ("TLSv1.2", "TLSv1.3")

    def test_plain_http_is_told_so(self, tls_lab):
        with socket.create_connection(("127.0.0.1", tls_lab.port), timeout=30) as connection:
            connection.sendall(GET)
            head, body = read_answer(connection)
            assert b" 400 " in head
            assert b"HTTPS" in body

    def test_the_end_is_announced(self, handshake):
        with handshake() as connection:
            connection.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            read_answer(connection)
            # Without TLS's own goodbye this would raise.
            assert connection.recv(1) == b""

    def test_who_never_finishes_a_handshake_is_in_nobodys_way(self, tls_lab, certificate):
        idle = [socket.create_connection(("127.0.0.1", tls_lab.port)) for _ in range(200)]
        for connection in idle[:100]:
            connection.sendall(b"\x16\x03\x01")
        try:
            for _ in range(5):
                assert requests.get(tls_lab.mlflow_url + "/health", verify=certificate[0],
                                    timeout=30).text == "OK"
            # They are dropped once their time is over.
            idle[0].settimeout(60)
            assert idle[0].recv(100) == b""
        finally:
            for connection in idle:
                connection.close()

    def test_noise_instead_of_a_handshake(self, tls_lab, certificate):
        for noise in (b"\x16\x03\x01\x02\x00" + os.urandom(512), b"\x16" * 5000, b"\x00" * 100):
            with socket.create_connection(("127.0.0.1", tls_lab.port), timeout=30) as connection:
                connection.sendall(noise)
                try:
                    while connection.recv(4096):
                        pass
                except ConnectionResetError:
                    pass
        assert requests.get(tls_lab.mlflow_url + "/health", verify=certificate[0],
                            timeout=30).text == "OK"

    def test_many_at_once(self, tls_lab, certificate):
        answers = []

        def work():
            with requests.Session() as session:
                for _ in range(20):
                    answer = session.post(
                        tls_lab.mlflow_url + "/api/2.0/mlflow/experiments/search",
                        json={"max_results": 5}, verify=certificate[0], timeout=60)
                    answers.append(answer.status_code)

        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [200] * 320


class TestStart:
    def test_wrong_files_are_told_apart(self, tmp_path, certificate):
        other = make_certificate(tmp_path, "other")
        text = tmp_path / "text"
        text.write_text("no certificate\n")
        cases = [
            ((certificate[0], None), "--tls-key is missing"),
            ((tmp_path / "absent", certificate[1]), f"--tls-cert {tmp_path}/absent cannot be read"),
            ((text, certificate[1]), "holds no certificate in PEM form"),
            ((certificate[0], text), "holds no private key in PEM form"),
            ((certificate[0], other[1]), "is not the key of the certificate"),
        ]
        for (cert, key), message in cases:
            words = ["--tls-cert", str(cert)] + (["--tls-key", str(key)] if key else [])
            done = subprocess.run(
                [binary(), "up", "--ci", "--data-dir", str(tmp_path / "data"), *words],
                env=clean_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=60,
            )
            assert done.returncode == 2, done.stderr
            assert message in done.stderr

    def test_addresses_use_a_name_of_the_certificate(self, tmp_path):
        cert, key = make_certificate(tmp_path, host="localhost")
        lab = TlsLab(tmp_path / "data", "--tls-cert", str(cert), "--tls-key", str(key))
        try:
            assert lab.mlflow_url.startswith("https://localhost:")
            assert requests.get(lab.mlflow_url + "/health", verify=cert, timeout=60).text == "OK"
        finally:
            lab.stop()

    def test_a_renewed_certificate_is_taken_up(self, tmp_path):
        cert, key = make_certificate(tmp_path)
        lab = TlsLab(tmp_path / "data", "--tls-cert", str(cert), "--tls-key", str(key))
        try:
            before = ssl.get_server_certificate(("127.0.0.1", lab.port))
            make_certificate(tmp_path)
            lab.process.send_signal(signal.SIGHUP)
            wait_until(lambda: ssl.get_server_certificate(("127.0.0.1", lab.port)) != before)
            key.write_text("broken")
            lab.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "could not be read again" in lab.log())
            assert requests.get(lab.mlflow_url + "/health", verify=cert, timeout=60).text == "OK"
        finally:
            lab.stop()
