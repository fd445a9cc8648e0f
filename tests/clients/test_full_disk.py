"""A full disk: whoever writes is told so, nothing acknowledged is lost, nothing refused is kept, the
server stays up, reads go on, and writing goes on once there is space again (row S0-27)."""

import hashlib
import os
import sqlite3
import subprocess
import time

import pytest
import requests
from botocore.exceptions import ClientError
from disk_writers import API, check_points, log_step, make_run, refusals, write_until_full
from own_lab import OwnLab, binary, free_ports
from s3_support import make_client
from small_disk import small_disk


def test_a_start_on_a_full_disk(tmp_path):
    """Is refused with a sentence, harms nothing, and works once there is space."""
    with small_disk(tmp_path / "disk", 96) as disk:
        place = disk.folder / "lab"
        with OwnLab(place) as lab:
            run = make_run(lab)
            lab.stop()
        disk.fill()
        ports = zip(("port", "s3-port", "console-port"), free_ports(3))
        done = subprocess.run(
            [
                binary(), "up", "--host=127.0.0.1", *(f"--{name}={port}" for name, port in ports),
                f"--data-dir={place}", "--access-key=tester", "--secret-key=tester-secret",
            ],
            capture_output=True, text=True, timeout=60,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 1, said
        assert f"The object store in {place}/objects cannot be opened: the disk is full. Free" in said
        assert said.count("cannot be opened") == 1
        disk.free()
        with OwnLab(place) as lab:
            assert log_step(requests, lab, run, 0).status_code == 200
            lab.stop()


def test_the_disk_of_the_sqlite_database(tmp_path):
    with small_disk(tmp_path / "disk", 24) as disk:
        file = disk.folder / "lab.db"
        with OwnLab(tmp_path / "lab", f"--backend-store-uri=sqlite:///{file}") as lab:
            writers = write_until_full(lab, disk)
            for told in refusals(writers):
                assert str(file) in told and "Free some disk space" in told
            asked = requests.get(
                lab.mlflow_url + API + "runs/get", {"run_id": writers[0].run_id}, timeout=60
            )
            assert asked.status_code == 200, asked.text

            disk.free()
            assert lab.process.poll() is None
            late = make_run(lab)
            assert log_step(requests, lab, late, 0).status_code == 200
            lab.kill()
            lab.start()
            lab.stop()
        with sqlite3.connect(file) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            sql = "SELECT run_uuid, step, count(*) FROM metrics GROUP BY 1, 2"
            rows = database.execute(sql).fetchall()
        database.close()
        check_points(writers, rows)
        assert any(run == late for run, _, _ in rows)


@pytest.mark.parametrize("size", [20_000, 3 << 20], ids=["small", "large"])
def test_the_disk_of_the_object_store(tmp_path, size):
    database = f"--backend-store-uri=sqlite:///{tmp_path}/lab.db"
    with small_disk(tmp_path / "disk", 96) as disk:
        with OwnLab(disk.folder / "lab", database) as lab:
            s3 = make_client(lab)
            s3.create_bucket(Bucket="full")
            digests = {}

            def put(name):
                body = os.urandom(size)
                s3.put_object(Bucket="full", Key=name, Body=body)
                digests[name] = hashlib.sha256(body).hexdigest()

            def put_when_possible():
                """The engine looks every few seconds whether there is space again."""
                deadline = time.monotonic() + 60
                while True:
                    try:
                        return put("after")
                    except ClientError:
                        assert time.monotonic() < deadline, "Free space is not noticed"
                        time.sleep(0.2)

            def check(client):
                names = client.get_paginator("list_objects_v2").paginate(Bucket="full")
                listed = {entry["Key"] for page in names for entry in page.get("Contents", [])}
                assert listed == set(digests)
                for name, digest in digests.items():
                    body = client.get_object(Bucket="full", Key=name)["Body"].read()
                    assert hashlib.sha256(body).hexdigest() == digest, name

            for number in range(5):
                put(f"before-{number}")
            disk.fill()
            refused = []
            for number in range(20_000):
                try:
                    put(f"during-{number}")
                except ClientError as error:
                    refused.append(error.response)
                    if len(refused) == 3:
                        break
            assert len(refused) == 3, "The disk was never full"
            for response in refused:
                assert response["Error"]["Code"] == "InsufficientStorage", response
                assert response["ResponseMetadata"]["HTTPStatusCode"] == 507
                assert "Free space" in response["Error"]["Message"]
            check(s3)

            disk.free()
            assert lab.process.poll() is None
            put_when_possible()
            check(s3)
            lab.kill()
            lab.start()
            check(make_client(lab))
            lab.stop()
