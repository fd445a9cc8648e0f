"""What is measured of each server, row by row."""

import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from pathlib import Path
from urllib.parse import urlencode

from machine import API, Wire, call, cpu_seconds, http, load, pss_mib
from servers import fill_by_api, fill_by_sql

AJAX = "/ajax-api/2.0/mlflow/"
CONNECTIONS = (1, 8, 32)
BATCH = 1000
BIG_BYTES = 1 << 30
SMALL_FILES = 1000


class Counter:
    def __init__(self):
        self.value = int(time.time() * 1000)

    def __call__(self):
        self.value += 1
        return self.value


class Bench:
    """All rows of one server: name to number; infinity stands for a request that was given up."""

    def __init__(self, server, seconds, patience, stock, mlflow_schema, client_python):
        self.server, self.seconds, self.patience, self.stock = server, seconds, patience, stock
        self.mlflow_schema, self.client_python = mlflow_schema, client_python
        self.counter = Counter()
        self.results = {}

    def run(self):
        print(f"{self.server.name} ...", file=sys.stderr)
        self.fill()
        self.writes()
        self.reads()
        self.searches()
        self.histories()
        self.registry()
        self.artifacts()
        self.client()
        self.results["memory after load (PSS of the tree), MiB"] = self.memory()
        self.server.stop()
        return self.results

    def memory(self):
        return pss_mib(self.server.process.pid)

    def fill(self):
        server = self.server
        self.results["start on an empty store, s"] = server.start()
        self.experiment, self.crowd = (
            call(server.port, "POST", "experiments/create", {"name": name})["experiment_id"]
            for name in ("bench", "crowd")
        )
        if self.mlflow_schema:
            server.stop()
            fill_by_sql(server.database, self.crowd, self.stock)
        else:
            fill_by_api(server, self.crowd, self.stock)
            server.stop()
        self.results["start on an existing store, s"] = server.start()
        time.sleep(2)
        self.results["idle memory (PSS of the tree), MiB"] = self.memory()

    def loaded(self, operation, connections, make_request, weight=1):
        """Keeps that many connections busy."""
        before = cpu_seconds(self.server.process.pid)
        latencies, errors, wall = load(self.server.port, connections, self.seconds, make_request)
        cpu = cpu_seconds(self.server.process.pid) - before
        if errors:
            print(f"  {self.server.name}: {operation}: {errors} errors", file=sys.stderr)
        if not latencies:
            return
        label = f"{operation}, {connections} conn"
        count = len(latencies)
        self.results |= {
            f"{label}: per second": count * weight / wall,
            f"{label}: server CPU, µs each": cpu / (count * weight) * 1e6,
            f"{label}: p50, ms": statistics.median(latencies) * 1000,
            f"{label}: p99, ms": sorted(latencies)[int(count * 0.99)] * 1000,
        }

    def repeated(self, operation, request):
        """One request after the other, the first not counted, for the given time."""
        wire = Wire(self.server.port)
        wire.socket.settimeout(self.patience)
        latencies = []
        try:
            status, text = wire.ask(request)
            if status != 200:
                print(f"  {self.server.name}: {operation}: {status}", file=sys.stderr)
                return
            before = cpu_seconds(self.server.process.pid)
            until = time.perf_counter() + self.seconds
            while not latencies or time.perf_counter() < until:
                wire.ask(request)
                latencies.append(time.perf_counter() - wire.started)
        except TimeoutError:
            self.results |= {f"{operation}: p50, ms": math.inf, f"{operation}: CPU, ms": math.inf}
            self.server.stop()  # it would go on with what was given up
            self.server.start()
            return
        cpu = cpu_seconds(self.server.process.pid) - before
        self.results |= {
            f"{operation}: p50, ms": statistics.median(latencies) * 1000,
            f"{operation}: CPU, ms": cpu / len(latencies) * 1000,
        }

    def post(self, path, body):
        return http("POST", API + path, json.dumps(body).encode())

    def writes(self):
        for connections in CONNECTIONS:
            run = self.server.new_run(self.experiment)

            def one_metric():
                step = self.counter()
                body = b'{"run_id":"%s","key":"loss","value":%d.5,"timestamp":%d,"step":%d}' % (
                    run.encode(), step % 1000, step, step)
                return http("POST", API + "runs/log-metric", body)

            self.loaded("log-metric", connections, one_metric)
        for connections in CONNECTIONS:
            run = self.server.new_run(self.experiment)
            entries = ",".join(
                f'{{"key":"k{index % 10}","value":{index}.5,"timestamp":@,"step":{index}}}'
                for index in range(BATCH)
            )
            template = f'{{"run_id":"{run}","metrics":[{entries}]}}'.encode()

            def one_batch():
                body = template.replace(b"@", b"%d" % self.counter())
                return http("POST", API + "runs/log-batch", body)

            self.loaded(f"log-batch of {BATCH} (metrics)", connections, one_batch, BATCH)
        for connections in (1, 32):
            self.loaded("runs/create", connections, lambda: self.post(
                "runs/create", {"experiment_id": self.experiment, "start_time": self.counter()}))
            run = self.server.new_run(self.experiment)
            self.loaded("set-tag", connections, lambda: self.post(
                "runs/set-tag", {"run_id": run, "key": "k", "value": str(self.counter())}))

    def reads(self):
        body = {"experiment_ids": [self.crowd], "max_results": 1}
        some = call(self.server.port, "POST", "runs/search", body)["runs"][0]["info"]["run_id"]
        for connections in (1, 8):
            self.loaded("/health (the bare door)", connections, lambda: http("GET", "/health"))
            request = http("GET", f"{API}runs/get?run_id={some}")
            self.loaded("runs/get", connections, lambda: request)

    def searches(self):
        deep = b64encode(json.dumps({"offset": self.stock.runs * 9 // 10}).encode()).decode()
        by_acc = {"order_by": ["metrics.acc DESC"]}
        for name, more in {
            "100 newest": {"max_results": 100},
            "1000 newest": {},
            "100 newest, deep page": {"max_results": 100, "page_token": deep},
            "100 ordered by a metric": {"max_results": 100, **by_acc},
            "100 filtered by metric and param, ordered by the metric": {
                "max_results": 100, "filter": "metrics.acc > 0.2 and params.model = 'a'", **by_acc},
            "few of a selective filter": {
                "max_results": 100, "filter": "metrics.acc > 0.9999"},
        }.items():
            body = {"experiment_ids": [self.crowd], "max_results": 1000, **more}
            self.repeated(f"runs/search over {self.stock.runs:,}: {name}",
                          self.post("runs/search", body))

    def histories(self):
        query = {"run_ids": self.stock.long_run, "metric_key": "long", "max_results": 320}
        self.repeated(f"320 of {self.stock.points:,} points (bulk-interval)", http(
            "GET", f"{AJAX}metrics/get-history-bulk-interval?{urlencode(query)}"))

    def registry(self):
        deep = b64encode(json.dumps({"offset": self.stock.versions * 9 // 10}).encode()).decode()
        for name, more in {
            "200 newest": {}, "200 of one model": {"filter": "name = 'crowd'"},
            "200, deep page": {"page_token": deep},
            "by run": {"filter": f"run_id = '{7:032x}'"},
        }.items():
            query = urlencode({"max_results": 200, **more})
            self.repeated(f"model-versions/search over {self.stock.versions:,}: {name}",
                          http("GET", f"{API}model-versions/search?{query}"))

    def artifacts(self):
        root = f"/api/2.0/mlflow-artifacts/artifacts/{self.experiment}/bench/"
        probe = http("PUT", root + "probe", b"x", "text/plain")
        if Wire(self.server.port).ask(probe)[0] != 200:
            return
        self.timed("artifact proxy, 1 GiB up: MB/s", BIG_BYTES / 1e6, lambda: self.put_big(root))
        self.timed("artifact proxy, 1 GiB down: MB/s", BIG_BYTES / 1e6, lambda: self.get_big(root))
        small = b"s" * 10_000

        def put_small():
            wire = Wire(self.server.port)
            for number in range(SMALL_FILES):
                wire.ask(http("PUT", f"{root}small/{number}", small, "text/plain"))

        def get_small():
            wire = Wire(self.server.port)
            for number in range(SMALL_FILES):
                wire.ask(http("GET", f"{root}small/{number}"))

        self.timed("artifact proxy, files of 10 KB up: per second", SMALL_FILES, put_small)
        self.timed("artifact proxy, files of 10 KB down: per second", SMALL_FILES, get_small)

    def timed(self, label, amount, work):
        before, started = cpu_seconds(self.server.process.pid), time.perf_counter()
        work()
        wall = time.perf_counter() - started
        self.results[label] = amount / wall
        cpu = cpu_seconds(self.server.process.pid) - before
        self.results[label.split(":")[0] + ": server CPU, s in all"] = cpu

    def put_big(self, root):
        wire = Wire(self.server.port)
        head = f"PUT {root}big HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {BIG_BYTES}\r\n\r\n"
        wire.socket.sendall(head.encode())
        piece = bytes(1 << 20)
        for _ in range(BIG_BYTES // len(piece)):
            wire.socket.sendall(piece)
        while not (answer := wire.receive()):
            pass
        assert answer[0] == 200, answer

    def get_big(self, root):
        wire = Wire(self.server.port)
        wire.send(http("GET", root + "big"))
        received = 0
        while received < BIG_BYTES:
            piece = wire.socket.recv(1 << 20)
            if not piece:
                break
            received += len(piece)

    def client(self):
        """5,000 log_metric of MLflow's own Python client, one after the other."""
        if not self.client_python:
            return
        script = Path(__file__).with_name("client_calls.py")
        with tempfile.TemporaryDirectory() as folder:
            answer = subprocess.run(
                [self.client_python, str(script), f"http://127.0.0.1:{self.server.port}"],
                cwd=folder, check=True, capture_output=True, text=True,
            )
        for label, seconds in json.loads(answer.stdout).items():
            self.results[f"Python client, 5,000 log_metric{label}, s"] = seconds
