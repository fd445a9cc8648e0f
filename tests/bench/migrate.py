#!/usr/bin/env python3
"""Moves a running lab to PostgreSQL and another S3 server while a client logs, beside PostgreSQL's
COPY and `aws s3 sync` alone. See README.md beside this file."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import boto3

sys.path.append(str(Path(__file__).parents[1] / "clients"))
from machine import call, free_port  # noqa: E402
from postgres_server import PostgresServer  # noqa: E402
from servers import Server, Stock, fill_by_sql  # noqa: E402

KEY, SECRET = "bench", "bench-secret"
AWS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1"}


def sandbox(binary, name, folder):
    server = Server(name, [
        binary, "up", "--host=127.0.0.1", "--port={port}", f"--s3-port={free_port()}", "--console-port=0",
        "--data-dir={folder}/data", f"--access-key={KEY}", f"--secret-key={SECRET}",
    ], {}, folder)
    server.s3_url = "http://127.0.0.1:" + server.command[4].split("=")[1]
    return server


def s3(server):
    return boto3.client("s3", endpoint_url=server.s3_url, aws_access_key_id=KEY,
                        aws_secret_access_key=SECRET, region_name="us-east-1")


def make_files(folder, megabytes):
    """A tenth of the bytes in files of 100 kB, the rest in files of 100 MB."""
    folder.mkdir()
    small, large = megabytes, megabytes * 9 // 1000
    for number in range(small):
        (folder / f"small-{number}").write_bytes(os.urandom(100_000))
    for number in range(large):
        with open(folder / f"large-{number}", "wb") as file:
            for _ in range(100):
                file.write(os.urandom(1_000_000))
    return small * 100_000 + large * 100_000_000


def sync(folder, server, bucket):
    s3(server).create_bucket(Bucket=bucket)
    started = time.perf_counter()
    subprocess.run(
        [str(Path(sys.executable).with_name("aws")), "--endpoint-url", server.s3_url, "s3", "sync",
         "--quiet", str(folder), f"s3://{bucket}/files"],
        check=True, env={**os.environ, **AWS},
    )
    return time.perf_counter() - started


def copy_seconds(uri, postgres, database):
    postgres.psql("CREATE TABLE copied (LIKE metrics INCLUDING ALL)", database)
    rows = subprocess.run(["psql", "-q", uri, "-c", "\\copy metrics TO STDOUT"], check=True,
                          capture_output=True).stdout
    started = time.perf_counter()
    subprocess.run(["psql", "-q", uri, "-c", "\\copy copied FROM STDIN"], check=True, input=rows)
    return rows.count(b"\n"), time.perf_counter() - started


class Client:
    """Logs 200 points a second, ten in a request, and keeps the longest time one took."""

    def __init__(self, server, experiment):
        self.server, self.run = server, server.new_run(experiment)
        self.points, self.longest_s, self.is_over = 0, 0, threading.Event()
        self.thread = threading.Thread(target=self.log)
        self.thread.start()

    def log(self):
        while not self.is_over.is_set():
            due = time.perf_counter() + 0.05
            metrics = [{"key": "live", "value": step, "timestamp": step, "step": step}
                       for step in range(self.points, self.points + 10)]
            started = time.perf_counter()
            call(self.server.port, "POST", "runs/log-batch", {"run_id": self.run, "metrics": metrics})
            self.longest_s = max(self.longest_s, time.perf_counter() - started)
            self.points += 10
            time.sleep(max(0, due - time.perf_counter()))

    def stop(self):
        self.is_over.set()
        self.thread.join()


def move(binary, server, uri, *words):
    started = time.perf_counter()
    done = subprocess.run(
        [binary, "migrate", f"--data-dir={server.folder}/data", "--json", f"--to-db={uri}", *words],
        check=True, capture_output=True, text=True, env={**os.environ, **AWS},
    )
    return time.perf_counter() - started, json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sandbox", required=True, help="our program")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--megabytes", type=int, default=5_000, help="of artifacts")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-migrate-") as place:
        folder = Path(place)
        folder.chmod(0o755)  # the database's own user has to come in
        source = sandbox(arguments.sandbox, "source", folder)
        target = sandbox(arguments.sandbox, "target", folder)
        source.start()
        target.start()
        experiment = call(source.port, "POST", "experiments/create", {"name": "crowd"})["experiment_id"]
        source.stop()
        fill_by_sql(source.folder / "data" / "mlflow.db", experiment,
                    Stock(arguments.runs, arguments.points, 10))
        source.start()
        size = make_files(folder / "files", arguments.megabytes)
        sync(folder / "files", source, "work")
        s3(target).create_bucket(Bucket="cluster")
        with PostgresServer(folder / "postgres") as postgres:
            client = Client(source, experiment)
            rows_s, told = move(arguments.sandbox, source, postgres.make_database("rows"), "--no-switch")
            rows = sum(one["rows"] for one in told["tables"])
            rows_waited = told["waited_ms"]
            uri = postgres.make_database("all_of_it")
            all_s, told = move(arguments.sandbox, source, uri, "--to-s3=s3://cluster/lab",
                               f"--endpoint={target.s3_url}")
            client.stop()
            points = int(postgres.psql("SELECT count(*) FROM metrics WHERE key = 'live'", "all_of_it"))
            copied, copy_s = copy_seconds(uri, postgres, "all_of_it")
        sync_s = sync(folder / "files", target, "synced")
        files_s = all_s - rows_s
        source.stop()
        target.stop()
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("|  |  |\n|---|---|")
    print(f"| rows alone | {rows:,} in {rows_s:.1f} s, {rows / rows_s:,.0f} rows/s; writes waited {rows_waited / 1e3:.2f} s |")
    print(f"| COPY of the points alone | {copied / copy_s:,.0f} rows/s |")
    print(f"| with {size / 1e9:.1f} GB of files | {all_s:.1f} s; the files {size / files_s / 1e6:,.0f} MB/s; writes waited {told['waited_ms'] / 1e3:.2f} s |")
    print(f"| aws s3 sync alone | {size / sync_s / 1e6:,.0f} MB/s |")
    print(f"| the client meanwhile | {client.points:,} points, {points:,} on the target; the longest request {client.longest_s:.2f} s |")
    assert points == client.points


if __name__ == "__main__":
    main()
