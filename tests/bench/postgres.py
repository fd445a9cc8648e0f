#!/usr/bin/env python3
"""Measures MLflow and the sandbox on the same PostgreSQL server, each on a copy of the same rows,
and how long the sandbox took to move them there. See README.md beside this file."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "clients"))
from bench import table  # noqa: E402
from machine import call  # noqa: E402
from postgres_server import PostgresServer  # noqa: E402
from servers import Server, Stock, fill_by_sql  # noqa: E402
from workloads import Bench  # noqa: E402


def sandbox(binary, name, folder, *options):
    command = [binary, "up", "--host=127.0.0.1", "--port={port}", "--s3-port=0",
               "--console-port=0", "--data-dir={folder}/data", *options]
    return Server(name, command, {}, folder)


def filled(binary, folder, stock):
    """A stopped lab on SQLite, and the ids of its empty and its full experiment."""
    server = sandbox(binary, "source", folder)
    server.start()
    experiments = [
        call(server.port, "POST", "experiments/create", {"name": name})["experiment_id"]
        for name in ("bench", "crowd")
    ]
    server.stop()
    fill_by_sql(server.folder / "data" / "mlflow.db", experiments[1], stock)
    return server.folder / "data", experiments


def moved(binary, data_dir, uri, postgres):
    started = time.perf_counter()
    subprocess.run(
        [binary, "migrate", f"--data-dir={data_dir}", f"--to-db={uri}"],
        check=True, stdout=subprocess.DEVNULL,
    )
    seconds = time.perf_counter() - started
    tables = ("runs", "metrics", "latest_metrics", "params", "tags", "model_versions")
    rows = sum(int(postgres.psql(f"SELECT count(*) FROM {name}", "ours")) for name in tables)
    print(f"migrate: {rows:,} rows in {seconds:.1f} s, {rows / seconds:,.0f} rows/s, compared\n")
    started = time.perf_counter()
    postgres.psql("CREATE TABLE copied (LIKE metrics INCLUDING ALL)", "ours")
    copied = subprocess.run(
        ["psql", "-q", uri, "-c", "\\copy (SELECT * FROM metrics) TO STDOUT"],
        check=True, capture_output=True,
    )
    started = time.perf_counter()
    subprocess.run(["psql", "-q", uri, "-c", "\\copy copied FROM STDIN"], check=True,
                   input=copied.stdout)
    seconds = time.perf_counter() - started
    points = copied.stdout.count(b"\n")
    print(f"COPY of the metrics alone: {points / seconds:,.0f} rows/s\n")
    postgres.psql("DROP TABLE copied; ANALYZE", "ours")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mlflow", required=True, help="python with mlflow and psycopg2")
    parser.add_argument("--sandbox", required=True, help="our program")
    parser.add_argument("--seconds", type=float, default=5, help="of load per cell")
    parser.add_argument("--patience", type=float, default=60)
    parser.add_argument("--runs", type=int, default=100_000, help="that are searched")
    parser.add_argument("--points", type=int, default=1_000_000, help="of one long metric")
    arguments = parser.parse_args()
    stock = Stock(arguments.runs, arguments.points, 1_000)
    results = {}
    with tempfile.TemporaryDirectory(prefix="bench-pg-") as place:
        folder = Path(place)
        folder.chmod(0o755)  # the database's own user has to come in
        data_dir, experiments = filled(arguments.sandbox, folder, stock)
        with PostgresServer(folder / "postgres") as postgres:
            uri = postgres.make_database("ours")
            moved(arguments.sandbox, data_dir, uri, postgres)
            postgres.psql("CREATE DATABASE theirs TEMPLATE ours")
            theirs = postgres.uri("theirs", scheme="postgresql+psycopg2")
            quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true",
                     "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
            servers = [
                Server("MLflow 1 worker", [
                    arguments.mlflow, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port",
                    "{port}", "--workers", "1", "--backend-store-uri", theirs,
                ], quiet, folder),
                sandbox(arguments.sandbox, "mlops-sandbox", folder, f"--backend-store-uri={uri}"),
            ]
            for server in servers:
                bench = Bench(server, arguments.seconds, arguments.patience, stock, True, None)
                bench.experiment, bench.crowd = experiments
                server.start()
                try:
                    bench.writes()
                    bench.reads()
                    bench.searches()
                    bench.histories()
                finally:
                    server.stop()
                results[server.name] = bench.results
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print(table(list(results), results))


if __name__ == "__main__":
    main()
