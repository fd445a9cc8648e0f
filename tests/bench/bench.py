#!/usr/bin/env python3
"""Measures tracking servers side by side. See README.md beside this file."""

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from servers import Server, Stock
from workloads import Bench


def shown(value):
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "given up"
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
                if not value or not mine or not math.isfinite(value) or not math.isfinite(mine):
                    ratios.append("–")
                else:
                    is_rate = name.endswith(("per second", "MB/s"))
                    ratio = mine / value if is_rate else value / mine
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
    parser.add_argument("--patience", type=float, default=120,
                        help="seconds after which a single request is given up")
    parser.add_argument("--runs", type=int, default=100_000, help="that are searched")
    parser.add_argument("--points", type=int, default=1_000_000, help="of one long metric")
    parser.add_argument("--versions", type=int, default=10_000, help="of one registered model")
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
        "sandbox": (arguments.sandbox, "mlops-sandbox", [
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
                stock = Stock(arguments.runs, arguments.points, arguments.versions)
                bench = Bench(server, arguments.seconds, arguments.patience, stock, mlflow_schema,
                              arguments.mlflow)
                results[name] = bench.run()
                if arguments.json:
                    Path(arguments.json).write_text(json.dumps(results, indent=1))
            finally:
                if getattr(server, "process", None) and server.process.poll() is None:
                    server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print(table(list(results), results))


if __name__ == "__main__":
    main()
