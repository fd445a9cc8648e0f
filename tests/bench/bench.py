#!/usr/bin/env python3
"""Measures tracking servers side by side. See README.md beside this file."""

import argparse
import json
import math
import os
import random
import selectors
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

API = "/api/2.0/mlflow/"
TICKS = os.sysconf("SC_CLK_TCK")
CONNECTIONS = (1, 8, 32)
BATCH = 1000
RUNS = 10_000


def tree(root):
    """The process and all its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            parent = int(stat[stat.rindex(")") + 2 :].split()[1])
            children.setdefault(parent, []).append(int(entry))
    found, rest = [], [root]
    while rest:
        process = rest.pop()
        found.append(process)
        rest += children.get(process, [])
    return found


def cpu_seconds(root):
    total = 0
    for process in tree(root):
        try:
            stat = Path(f"/proc/{process}/stat").read_text()
        except OSError:
            continue
        fields = stat[stat.rindex(")") + 2 :].split()
        total += sum(int(field) for field in fields[11:15])  # own and those of ended children
    return total / TICKS


def pss_mib(root):
    total = 0
    for process in tree(root):
        try:
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            continue
    return total / 1024


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def http(method, path, body=b"", host="127.0.0.1"):
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    return (head + f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def unchunked(text):
    body = b""
    while True:
        length, _, text = text.partition(b"\r\n")
        length = int(length, 16)
        if not length:
            return body
        body, text = body + text[:length], text[length + 2 :]


class Wire:
    """One kept-alive connection that can be waited for."""

    def __init__(self, port):
        self.port = port
        self.open()

    def open(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, request):
        self.started = time.perf_counter()
        self.socket.sendall(request)

    def receive(self):
        """(status, body) when the answer is whole, else None."""
        data = self.socket.recv(1 << 20)
        if not data:
            raise OSError("closed")
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self.buffer[:end].lower()
        at = head.find(b"content-length:")
        if at >= 0:
            length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            if len(self.buffer) < end + 4 + length:
                return None
            body = self.buffer[end + 4 : end + 4 + length]
        elif b"transfer-encoding: chunked" in head:
            if not self.buffer.endswith(b"0\r\n\r\n"):
                return None
            body = unchunked(self.buffer[end + 4 :])
        else:
            body = b""
        self.buffer = b""
        return int(head[9:12]), body

    def ask(self, request):
        self.send(request)
        while True:
            answer = self.receive()
            if answer:
                return answer


def call(port, method, path, body=None):
    wire = Wire(port)
    status, text = wire.ask(http(method, API + path, json.dumps(body).encode() if body else b""))
    wire.socket.close()
    if status != 200:
        raise RuntimeError(f"{path}: {status} {text[:300]}")
    return json.loads(text)


def load(port, connections, seconds, make_request):
    """Keeps every connection busy; [latency] of the answers with 200, and how many had another."""
    selector = selectors.DefaultSelector()
    wires = [Wire(port) for _ in range(connections)]
    for wire in wires:
        selector.register(wire.socket, selectors.EVENT_READ, wire)
        wire.send(make_request())
    latencies, errors = [], 0
    started = time.perf_counter()
    open_wires = connections
    while open_wires:
        for key, _ in selector.select(timeout=150):
            wire = key.data
            try:
                answer = wire.receive()
            except OSError:
                answer = (0, b"")
            if not answer:
                continue
            now = time.perf_counter()
            if answer[0] == 200:
                latencies.append(now - wire.started)
            else:
                errors += 1
            if now - started >= seconds or answer[0] == 0:
                selector.unregister(wire.socket)
                wire.socket.close()
                open_wires -= 1
            else:
                wire.send(make_request())
    return latencies, errors, time.perf_counter() - started


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


def fill_by_sql(database, experiment):
    """Runs straight into MLflow's tables; the server is down."""
    source = random.Random(1)
    now = int(time.time() * 1000) - RUNS * 1000
    with sqlite3.connect(database) as connection:
        for number in range(RUNS):
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
    connection.close()


def fill_by_api(server, experiment):
    source, now = random.Random(1), int(time.time() * 1000) - RUNS * 1000
    wire = Wire(server.port)
    for number in range(RUNS):
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


class Counter:
    def __init__(self):
        self.value = int(time.time() * 1000)

    def __call__(self):
        self.value += 1
        return self.value


def measure(server, seconds, operation, connections, make_request, weight=1):
    before = cpu_seconds(server.process.pid)
    latencies, errors, wall = load(server.port, connections, seconds, make_request)
    cpu = cpu_seconds(server.process.pid) - before
    count = max(len(latencies), 1)
    label = f"{operation}, {connections} conn"
    result = {
        f"{label}: per second": len(latencies) * weight / wall,
        f"{label}: server CPU, µs each": cpu / (count * weight) * 1e6,
        f"{label}: p50, ms": statistics.median(latencies) * 1000 if latencies else math.nan,
    }
    if errors:
        print(f"  {server.name}: {label}: {errors} errors", file=sys.stderr)
    return result


def bench(server, seconds, mlflow_schema):
    results = {}
    print(f"{server.name} ...", file=sys.stderr)
    results["start on an empty store, s"] = server.start()
    experiment = call(server.port, "POST", "experiments/create", {"name": "bench"})["experiment_id"]
    crowd = call(server.port, "POST", "experiments/create", {"name": "crowd"})["experiment_id"]
    if mlflow_schema:
        server.stop()
        fill_by_sql(server.database, crowd)
        results["start on an existing store, s"] = server.start()
    else:
        fill_by_api(server, crowd)
        server.stop()
        results["start on an existing store, s"] = server.start()
    time.sleep(2)
    results["idle memory (PSS of the tree), MiB"] = pss_mib(server.process.pid)

    counter = Counter()
    for connections in CONNECTIONS:
        run = server.new_run(experiment)

        def one_metric():
            step = counter()
            body = b'{"run_id":"%s","key":"loss","value":%d.5,"timestamp":%d,"step":%d}' % (
                run.encode(), step % 1000, step, step)
            return http("POST", API + "runs/log-metric", body)

        results |= measure(server, seconds, "log-metric", connections, one_metric)
    for connections in CONNECTIONS:
        run = server.new_run(experiment)
        entries = ",".join(
            f'{{"key":"k{index % 10}","value":{index}.5,"timestamp":@,"step":{index}}}'
            for index in range(BATCH)
        )
        template = f'{{"run_id":"{run}","metrics":[{entries}]}}'.encode()

        def one_batch():
            return http("POST", API + "runs/log-batch", template.replace(b"@", b"%d" % counter()))

        results |= measure(
            server, seconds, f"log-batch of {BATCH} (metrics)", connections, one_batch, BATCH
        )

    body = {"experiment_ids": [crowd], "max_results": 1}
    some = call(server.port, "POST", "runs/search", body)["runs"][0]["info"]["run_id"]
    get = http("GET", f"{API}runs/get?run_id={some}")
    for connections in (1, 8):
        results |= measure(server, seconds, "runs/get", connections, lambda: get)
    searches = {
        f"page of 1000 newest of {RUNS} runs": {},
        "filter by metric and param, order by metric (page of 1000)": {
            "filter": "metrics.acc > 0.2 and params.model = 'a'",
            "order_by": ["metrics.acc DESC"],
        },
        "order by metric (page of 1000)": {"order_by": ["metrics.loss ASC"]},
    }
    for name, more in searches.items():
        body = {"experiment_ids": [crowd], "max_results": 1000, **more}
        request = http("POST", API + "runs/search", json.dumps(body).encode())
        results |= measure(server, seconds, f"runs/search, {name}", 1, lambda: request)
    results["memory after load (PSS of the tree), MiB"] = pss_mib(server.process.pid)
    server.stop()
    return results


def shown(value):
    if value is None or math.isnan(value):
        return "–"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def table(servers, results):
    ours = servers[-1]
    heads = ["", *servers]
    if len(servers) > 1:
        heads.append(f"{ours} is times better than " + " / ".join(servers[:-1]))
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    rows = []
    for server in servers:
        rows += [name for name in results[server] if name not in rows]
    for name in rows:
        values = [results[server].get(name) for server in servers]
        line = [name] + [shown(value) for value in values]
        if len(servers) > 1:
            ratios = []
            for value in values[:-1]:
                mine = results[ours].get(name)
                if not value or not mine or math.isnan(value) or math.isnan(mine):
                    ratios.append("–")
                else:
                    ratio = mine / value if name.endswith("per second") else value / mine
                    ratios.append(f"×{ratio:.3g}")
            line.append(" / ".join(ratios))
        lines.append("| " + " | ".join(line) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mlflow", help="python of an environment with mlflow")
    parser.add_argument("--fml", help="FastTrackML's fml program")
    parser.add_argument("--sandbox", help="our program")
    parser.add_argument("--seconds", type=float, default=5, help="of load per cell")
    parser.add_argument("--servers", default="mlflow,mlflow-w1,fasttrackml,sandbox")
    parser.add_argument("--json", help="write the numbers to this file too")
    arguments = parser.parse_args()

    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    mlflow = [
        str(arguments.mlflow), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", "{port}",
        "--backend-store-uri", "sqlite:///{database}",
        "--artifacts-destination", "{folder}/artifacts",
    ]
    choices = {
        "mlflow": (arguments.mlflow, "MLflow", mlflow, quiet, True),
        "mlflow-w1": (arguments.mlflow, "MLflow 1 worker", mlflow + ["--workers", "1"],
                      {**quiet, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}, True),
        "fasttrackml": (arguments.fml, "FastTrackML", [
            str(arguments.fml), "server", "--listen-address", "127.0.0.1:{port}",
            "--database-uri", "sqlite://{database}",
        ], {}, False),
        "sandbox": (arguments.sandbox, "MLOps Sandbox", [
            str(arguments.sandbox), "up", "--host=127.0.0.1", "--port={port}", "--s3-port=0",
            "--console-port=0", "--data-dir={folder}/data",
            "--backend-store-uri=sqlite:///{database}",
        ], {}, True),
    }
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    results = {}
    try:
        for chosen in arguments.servers.split(","):
            program, name, command, environment, mlflow_schema = choices[chosen]
            if not program:
                print(f"{name}: no program given, left out", file=sys.stderr)
                continue
            server = Server(name, command, environment, folder)
            try:
                results[name] = bench(server, arguments.seconds, mlflow_schema)
            finally:
                if getattr(server, "process", None) and server.process.poll() is None:
                    server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(results, indent=1))
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print(table(list(results), results))


if __name__ == "__main__":
    main()
