"""Snapshots of a lab on PostgreSQL, beside clients that write: restored with SQLite or PostgreSQL,
all of it belongs to one instant. Rows S0-27, S1-2, S1-3."""

import subprocess
import threading

import pytest
from mlflow import MlflowClient
from own_lab import OwnLab, binary
from snapshot_support import Clients, check_all, command


@pytest.fixture()
def lab(server, tmp_path, request):
    uri = server.make_database("snap_" + str(abs(hash(request.node.name))))
    with OwnLab(tmp_path / "lab", f"--backend-store-uri={uri}") as running:
        running.database_uri = uri
        yield running


class Points(threading.Thread):
    """Logs one point after the other into a run of its own; knows which was acknowledged last."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.client = MlflowClient(lab.mlflow_url)
        self.run_id = self.client.create_run("0").info.run_id
        self.acknowledged = 0
        self.failure = None
        self.ended = threading.Event()
        self.start()

    def run(self):
        try:
            while not self.ended.is_set():
                step = self.acknowledged + 1
                self.client.log_metric(self.run_id, "m", step, timestamp=step, step=step)
                self.acknowledged = step
        except Exception as failure:
            self.failure = failure

    def end(self):
        self.ended.set()
        self.join()
        assert self.failure is None, self.failure


def points_of(client, run_id):
    """Of any number."""
    found, token = [], None
    while True:
        page = client._tracking_client.store.get_metric_history(
            run_id, "m", max_results=20_000, page_token=token)
        found += [(point.step, point.value) for point in page]
        token = page.token
        if not token:
            return sorted(found)


def test_a_snapshot_under_load_is_one_instant(server, lab, tmp_path):
    """What was acknowledged before is there, nothing after something that is missing, and whatever
    names a file has it; in a fork on SQLite, and restored into PostgreSQL."""
    MlflowClient(lab.mlflow_url).create_registered_model("lab-model")
    points = [Points(lab) for _ in range(2)]
    clients = Clients(lab, tmp_path / "files",
                      ["log_run", "log_run", "log_model", "delete_run"])
    taken = []
    try:
        clients.wait_for(4, 2)
        for number in range(2):
            cleaner = subprocess.Popen([binary(), "gc", "--data-dir", str(lab.data_dir)],
                                       stdout=subprocess.DEVNULL)
            before = (list(clients.runs), list(clients.models),
                      [each.acknowledged for each in points])
            command(lab.data_dir, "snapshot", "save", f"s{number}")
            taken.append(before + ([each.acknowledged for each in points],))
            assert cleaner.wait(timeout=120) == 0
            clients.wait_for(len(clients.runs) + 2, len(clients.models) + 1)
    finally:
        clients.end()
        for each in points:
            each.end()
    assert points[0].acknowledged > taken[-1][3][0]

    def check(second, number):
        runs, models, least, most = taken[number]
        check_all(second, runs, models)
        client = MlflowClient(second.mlflow_url)
        for each, before, after in zip(points, least, most):
            found = points_of(client, each.run_id)
            assert found == [(step, float(step)) for step in range(1, len(found) + 1)]
            assert before <= len(found) <= after + 1
        assert int(client.create_experiment("later")) > 0

    for number in range(2):
        command(lab.data_dir, "snapshot", "verify", f"s{number}")
    command(lab.data_dir, "fork", "s0", "--into", tmp_path / "fork", "--no-start")
    assert (tmp_path / "fork" / "mlflow.db").exists()
    with OwnLab(tmp_path / "fork") as second:
        check(second, 0)
        second.stop()
    uri = server.make_database("restored")
    command(lab.data_dir, "snapshot", "restore", "s1", "--into", tmp_path / "third", "--to-db", uri)
    with OwnLab(tmp_path / "third") as third:
        check(third, 1)
        third.stop()
    # The first lab has gone on.
    check_all(lab, clients.runs, clients.models)
    real = real_store(uri)
    assert {run.info.run_id for run in real.search_runs(["0"], "", 1, 1_000)} >= set(taken[1][0])
    # Ids that PostgreSQL gives begin after those that were restored.
    assert int(real.create_experiment("from-mlflow")) == 2


def real_store(uri):
    """MLflow's own code on that database."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    return SqlAlchemyStore(uri.replace("postgresql:", "postgresql+psycopg2:"), "mlflow-artifacts:/")


def test_a_restore_into_a_database_in_use_is_refused(server, lab, tmp_path):
    client = MlflowClient(lab.mlflow_url)
    run = client.create_run("0").info.run_id
    command(lab.data_dir, "snapshot", "save", "running")
    said = command(lab.data_dir, "snapshot", "restore", "running", "--into", tmp_path / "second",
                   "--to-db", lab.database_uri, code=1)
    assert "Other servers have" in said and server.password not in said
    lab.stop()
    # A stopped lab knows its database.
    command(lab.data_dir, "snapshot", "save", "s")
    said = command(lab.data_dir, "snapshot", "restore", "s", "--into", tmp_path / "second",
                   "--to-db", lab.database_uri, code=1)
    assert "has a lab in it already" in said and server.password not in said
    assert not (tmp_path / "second" / "objects").exists()
    said = command(lab.data_dir, "fork", "s", "--into", tmp_path / "third", "--no-start",
                   "--to-db", "sqlite:////tmp/x.db", code=2)
    assert "restored into PostgreSQL" in said
    lab.start()
    assert MlflowClient(lab.mlflow_url).get_run(run).info.run_id == run


def test_a_fork_onto_postgresql_lives_its_own_life(server, lab, tmp_path):
    client = MlflowClient(lab.mlflow_url)
    run = client.create_run("0").info.run_id
    command(lab.data_dir, "fork", "--into", tmp_path / "second", "--no-start",
            "--to-db", server.make_database("forked"))
    settings = tmp_path / "second" / "mlops-sandbox.conf"
    assert settings.stat().st_mode & 0o077 == 0
    with OwnLab(tmp_path / "second") as second:
        other = MlflowClient(second.mlflow_url)
        other.log_param(run, "there", "1")
        client.log_param(run, "here", "2")
        assert other.get_run(run).data.params == {"there": "1"}
        assert client.get_run(run).data.params == {"here": "2"}
        second.stop()
    assert server.psql("SELECT key FROM params", "forked") == "there"
