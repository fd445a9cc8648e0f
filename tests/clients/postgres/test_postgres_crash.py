"""Row S0-27 on PostgreSQL: whoever is killed or restarted under load, what was acknowledged is there
afterwards, once, and callers wait for a server that comes back."""

import http.client
import json
import threading
import time
import urllib.parse

import pytest
from own_lab import OwnLab
from postgres_server import PostgresServer

API = "/api/2.0/mlflow/"
WRITERS = 4


@pytest.fixture(scope="module")
def server(postgres_folder):
    with PostgresServer(postgres_folder / "server", survives_crashes=True) as running:
        yield running


class Writer(threading.Thread):
    """Makes runs and logs to them, one request after the other, until told to stop. Never sends a
    request twice."""

    def __init__(self, lab, number):
        super().__init__(daemon=True)
        self.address = urllib.parse.urlsplit(lab.mlflow_url).netloc
        self.number = number
        self.ended = threading.Event()
        self.runs = []  # names that were acknowledged
        self.points = []  # (run, step) that were acknowledged
        self.refused = []

    def post(self, connection, path, **body):
        connection.request(
            "POST", API + path, json.dumps(body), {"Content-Type": "application/json"}
        )
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            self.refused.append(text.decode())
            return None
        return json.loads(text)

    def run(self):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        made = 0
        try:
            while not self.ended.is_set():
                name = f"w{self.number}-{made}"
                made += 1
                answer = self.post(
                    connection, "runs/create", experiment_id="0", run_name=name, start_time=1
                )
                if answer is None:
                    continue
                self.runs.append(name)
                run = answer["run"]["info"]["run_id"]
                for step in range(3):
                    logged = self.post(
                        connection, "runs/log-batch", run_id=run,
                        metrics=[
                            {"key": key, "value": step, "timestamp": 1, "step": step}
                            for key in ("a", "b")
                        ],
                        params=[], tags=[],
                    )
                    if logged is not None:
                        self.points.append((run, step))
        except (OSError, http.client.HTTPException):
            pass  # the lab was killed; what was not answered may be there or not


def load(lab, disturb, seconds=1.5):
    writers = [Writer(lab, number) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    time.sleep(seconds)
    disturb()
    time.sleep(seconds)
    for writer in writers:
        writer.ended.set()
    for writer in writers:
        writer.join(timeout=90)
        assert not writer.is_alive()
    return writers


def check(server, database, writers):
    rows = server.psql("SELECT name, count(*) FROM runs GROUP BY name", database).splitlines()
    counts = dict(row.split("|") for row in rows)
    acknowledged = [name for writer in writers for name in writer.runs]
    assert len(acknowledged) > 2 * WRITERS
    assert {name for name in acknowledged if counts.get(name) != "1"} == set()
    assert set(counts.values()) == {"1"}
    points = set(
        server.psql("SELECT run_uuid, step, count(*) FROM metrics GROUP BY 1, 2", database)
        .splitlines()
    )
    lost = [
        each for writer in writers for each in writer.points if f"{each[0]}|{each[1]}|2" not in points
    ]
    assert lost == []
    assert all(point.endswith("|2") for point in points), "a half-made batch is visible"


def test_the_lab_is_killed(server, tmp_path):
    uri = server.make_database("killed_lab")
    with OwnLab(tmp_path / "lab", f"--backend-store-uri={uri}") as lab:
        writers = load(lab, lab.kill)
        lab.start()
        check(server, "killed_lab", writers)
        lab.stop()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_postgres_is_restarted(server, tmp_path, mode):
    """immediate is what kill -9 of all of PostgreSQL's processes is: it recovers from its log."""
    uri = server.make_database("restarted_" + mode)

    def restart():
        server.stop(mode)
        time.sleep(1)
        server.start()

    with OwnLab(tmp_path / "lab", f"--backend-store-uri={uri}") as lab:
        writers = load(lab, restart, 3)
        assert [refused for writer in writers for refused in writer.refused] == []
        check(server, "restarted_" + mode, writers)
        lab.stop()


def test_a_server_that_stays_away_is_told_of(server, tmp_path):
    uri = server.make_database("away")
    with OwnLab(tmp_path / "lab", f"--backend-store-uri={uri}") as lab:
        connection = http.client.HTTPConnection(
            urllib.parse.urlsplit(lab.mlflow_url).netloc, timeout=60
        )
        server.stop()
        try:
            connection.request("GET", API + "experiments/get?experiment_id=0")
            answer = connection.getresponse()
            told = json.loads(answer.read())
        finally:
            server.start()
        assert answer.status == 503 and told["error_code"] == "TEMPORARILY_UNAVAILABLE"
        assert "Connection refused" in told["message"] and server.password not in told["message"]
        connection.request("GET", API + "experiments/get?experiment_id=0")
        assert connection.getresponse().status == 200
        lab.stop()
