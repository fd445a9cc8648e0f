"""The servers that are compared, and their stores filled with runs."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import time

from machine import API, Wire, call, free_port, http


class Server:
    def __init__(self, name, command, environment, folder):
        self.name, self.command, self.environment = name, command, environment
        self.folder = folder / name.replace(" ", "-")
        self.folder.mkdir()
        self.database = self.folder / "store.db"

    def start(self):
        self.port = free_port()
        words = {"port": self.port, "folder": self.folder, "database": self.database}
        output = open(self.folder / "output.txt", "ab")
        started = time.perf_counter()
        self.process = subprocess.Popen(
            [word.format(**words) for word in self.command],
            env={**os.environ, **self.environment},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        while True:
            try:
                if Wire(self.port).ask(http("GET", "/health"))[0] == 200:
                    break
            except (OSError, ValueError):
                pass
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended; see {self.folder}/output.txt")
            time.sleep(0.002)
        return time.perf_counter() - started

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def new_run(self, experiment):
        body = {"experiment_id": experiment, "start_time": int(time.time() * 1000)}
        return call(self.port, "POST", "runs/create", body)["run"]["info"]["run_id"]


def run_facts(number, random_source):
    metrics = {"acc": random_source.random(), "loss": random_source.random() * 3}
    metrics.update({f"extra{index}": float(number) for index in range(3)})
    params = {"model": random_source.choice("abcd"), "lr": str(random_source.choice([0.1, 0.01]))}
    params.update({f"option{index}": str(number % 17) for index in range(3)})
    return metrics, params, {"team": random_source.choice(["red", "blue"]), "note": "n" * 40}


class Stock:
    """What a store is filled with before it is measured."""

    def __init__(self, runs, points, versions):
        self.runs, self.points, self.versions = runs, points, versions
        self.long_run = None  # the id of the run whose metric "long" has all the points


def fill_by_sql(database, experiment, stock):
    """Straight into MLflow's tables; the server is down."""
    source = random.Random(1)
    now = int(time.time() * 1000) - stock.runs * 1000
    with sqlite3.connect(database) as connection:
        for number in range(stock.runs):
            run = f"{number:032x}"
            metrics, params, tags = run_facts(number, source)
            connection.execute(
                "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name,"
                " user_id, status, start_time, end_time, source_version, lifecycle_stage,"
                " artifact_uri, experiment_id) VALUES (?,?,'UNKNOWN','','','u','FINISHED',?,?,'',"
                "'active',?,?)",
                (run, f"run-{number}", now + number * 1000, now + number * 1000 + 500,
                 f"mlflow-artifacts:/{experiment}/{run}/artifacts", experiment),
            )
            tags = {**tags, "mlflow.runName": f"run-{number}"}
            for table in ("metrics", "latest_metrics"):
                connection.executemany(
                    f"INSERT INTO {table} (key, value, timestamp, step, is_nan, run_uuid)"
                    " VALUES (?,?,1,0,0,?)",
                    [(key, value, run) for key, value in metrics.items()],
                )
            for table, pairs in (("params", params), ("tags", tags)):
                connection.executemany(
                    f"INSERT INTO {table} (key, value, run_uuid) VALUES (?,?,?)",
                    [(key, value, run) for key, value in pairs.items()],
                )
        stock.long_run = f"{0:032x}"
        connection.executemany(
            "INSERT INTO metrics (key, value, timestamp, step, is_nan, run_uuid)"
            " VALUES ('long',?,?,?,0,?)",
            ((source.random(), now + step, step, stock.long_run) for step in range(stock.points)),
        )
        connection.execute(
            "INSERT INTO registered_models (workspace, name, creation_time, last_updated_time)"
            " VALUES ('default', 'crowd', ?, ?)", (now, now)
        )
        connection.executemany(
            "INSERT INTO model_versions (workspace, name, version, creation_time,"
            " last_updated_time, current_stage, source, run_id, status)"
            " VALUES ('default', 'crowd', ?, ?, ?, 'None', 's3://b/x', ?, 'READY')",
            ((v, now + v, now + v, f"{v:032x}") for v in range(1, stock.versions + 1)),
        )
    connection.close()


def fill_by_api(server, experiment, stock):
    """For a server with a schema of its own; it has no registry."""
    source, now = random.Random(1), int(time.time() * 1000) - stock.runs * 1000
    wire = Wire(server.port)
    for number in range(stock.runs):
        metrics, params, tags = run_facts(number, source)
        body = {"experiment_id": experiment, "start_time": now + number * 1000,
                "run_name": f"run-{number}"}
        status, text = wire.ask(http("POST", API + "runs/create", json.dumps(body).encode()))
        assert status == 200, text
        body = {
            "run_id": json.loads(text)["run"]["info"]["run_id"],
            "metrics": [
                {"key": k, "value": v, "timestamp": 1, "step": 0} for k, v in metrics.items()
            ],
            "params": [{"key": k, "value": v} for k, v in params.items()],
            "tags": [{"key": k, "value": v} for k, v in tags.items()],
        }
        status, text = wire.ask(http("POST", API + "runs/log-batch", json.dumps(body).encode()))
        assert status == 200, text
    stock.long_run = server.new_run(experiment)
    for first in range(0, stock.points, 1000):
        metrics = [
            {"key": "long", "value": source.random(), "timestamp": now + step, "step": step}
            for step in range(first, min(first + 1000, stock.points))
        ]
        body = {"run_id": stock.long_run, "metrics": metrics}
        status, text = wire.ask(http("POST", API + "runs/log-batch", json.dumps(body).encode()))
        assert status == 200, text
