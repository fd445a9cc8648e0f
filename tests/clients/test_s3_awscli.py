"""The aws command line, unmodified."""

import json
import os
import subprocess
import sys

import pytest
from s3_support import bucket, s3  # noqa: F401

pytest.importorskip("awscli")


@pytest.fixture
def aws(lab, tmp_path):
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": lab.access_key,
        "AWS_SECRET_ACCESS_KEY": lab.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_ENDPOINT_URL": lab.s3_url,
    }

    def run(*arguments):
        command = [sys.executable, "-m", "awscli", *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_make_copy_list_sync_remove(aws, s3, bucket, tmp_path):
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    files = {"one.txt": b"1", "sub/two ü.bin": os.urandom(100_000), "big": os.urandom(17 << 20)}
    for name, body in files.items():
        (tmp_path / "tree" / name).write_bytes(body)
    aws("s3", "sync", tmp_path / "tree", f"s3://{bucket}/tree")
    assert "one.txt" in aws("s3", "ls", f"s3://{bucket}/tree/")
    aws("s3", "sync", f"s3://{bucket}/tree", tmp_path / "back")
    for name, body in files.items():
        assert (tmp_path / "back" / name).read_bytes() == body
    assert aws("s3", "sync", tmp_path / "tree", f"s3://{bucket}/tree") == ""
    aws("s3", "mv", f"s3://{bucket}/tree/one.txt", f"s3://{bucket}/moved.txt")
    aws("s3", "cp", f"s3://{bucket}/tree/big", f"s3://{bucket}/copy")
    assert s3.head_object(Bucket=bucket, Key="copy")["ContentLength"] == 17 << 20
    aws("s3", "rm", "--recursive", f"s3://{bucket}")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_make_and_remove_bucket(aws):
    aws("s3", "mb", "s3://made-by-awscli")
    assert "made-by-awscli" in aws("s3", "ls")
    aws("s3", "rb", "s3://made-by-awscli")


def test_api_commands(aws, bucket, tmp_path):
    (tmp_path / "file").write_bytes(b"hello")
    put = aws("s3api", "put-object", "--bucket", bucket, "--key", "k", "--body", tmp_path / "file")
    assert json.loads(put)["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    listed = json.loads(aws("s3api", "list-objects-v2", "--bucket", bucket))
    assert [one["Key"] for one in listed["Contents"]] == ["k"]
    aws("s3", "presign", f"s3://{bucket}/k")
