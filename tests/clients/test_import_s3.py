"""Buckets of another S3 server come into a lab: row S4-7 of the labs. A second sandbox and moto stand
for MinIO and AWS; objects are made and looked at with boto3."""

import hashlib
import os
import subprocess

import boto3
import pytest
from botocore.config import Config
from import_support import clean_environment, import_into, import_report, start_import
from own_lab import binary, free_ports, wait_until
from test_external_store import KEY, SECRET, Moto, new_store

LARGE = os.urandom((17 << 20) + 5)
PLAIN = {"a.txt": b"one", "dir/": b"", "dir/empty": b"", "한글/ü b+c 100%.txt": "본문".encode()}


def s3_of(place, key=KEY, secret=SECRET):
    return boto3.client(
        "s3", endpoint_url=place.s3_url, aws_access_key_id=key, aws_secret_access_key=secret,
        region_name="us-east-1", config=Config(s3={"addressing_style": "path"}),
    )


def s3_in(lab):
    return s3_of(lab, lab.access_key, lab.secret_key)


def fill(client):
    for bucket in ("photos", "mlflow-old"):
        client.create_bucket(Bucket=bucket)
    for key, body in PLAIN.items():
        client.put_object(Bucket="photos", Key=key, Body=body)
    client.put_object(
        Bucket="photos", Key="dir/page.html", Body=b"<p>", ContentType="text/html; charset=utf-8",
        CacheControl="max-age=60", ContentDisposition="inline", ContentLanguage="ko",
        Metadata={"owner": "ann", "step": "3"}, Tagging="team=vision&stage=raw%20data",
    )
    # In parts, so that its ETag does not tell of the content.
    upload = client.create_multipart_upload(
        Bucket="photos", Key="dir/large.bin", ContentType="application/x-thing",
        Metadata={"made": "in parts"}, Tagging="size=large",
    )["UploadId"]
    parts = []
    for number, start in enumerate(range(0, len(LARGE), 6 << 20), 1):
        part = client.upload_part(
            Bucket="photos", Key="dir/large.bin", UploadId=upload, PartNumber=number,
            Body=LARGE[start : start + (6 << 20)],
        )
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    client.complete_multipart_upload(
        Bucket="photos", Key="dir/large.bin", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    client.put_object(Bucket="mlflow-old", Key="0/run/artifacts/model/MLmodel", Body=b"flavors: {}")


def seen(client, bucket, prefix=""):
    """All that a client can ask of the objects of a bucket."""
    found = {}
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            place = {"Bucket": bucket, "Key": entry["Key"]}
            got = client.get_object(**place)
            tags = client.get_object_tagging(**place)["TagSet"]
            found[entry["Key"].removeprefix(prefix)] = [
                hashlib.sha256(got["Body"].read()).hexdigest(), got["ContentType"], got["Metadata"],
                got.get("CacheControl"), got.get("ContentDisposition"), got.get("ContentLanguage"),
                sorted((tag["Key"], tag["Value"]) for tag in tags),
            ]
    return found


@pytest.fixture(scope="module", params=["sandbox", "moto"])
def source(request, tmp_path_factory):
    """Only read by the tests."""
    folder = tmp_path_factory.mktemp(request.param)
    store = new_store(folder) if request.param == "sandbox" else Moto(folder)
    fill(s3_of(store))
    yield store
    store.stop()


def keys():
    return ["--access-key", KEY, "--secret-key", SECRET]


def test_all_buckets_come_whole_and_once(source, fresh_lab):
    theirs, ours = s3_of(source), s3_in(fresh_lab)
    lines, total = import_report(fresh_lab, "s3", source.s3_url, *keys())
    assert not lines and total["is_equal"] and total["added"] == 7
    assert total["counts"]["objects in photos"] == (6, 6)
    assert total["counts"]["objects in mlflow-old"] == (1, 1)
    assert total["counts"]["bytes"][0] == total["counts"]["bytes"][1] > len(LARGE)
    for bucket in ("photos", "mlflow-old"):
        assert seen(ours, bucket) == seen(theirs, bucket)
    assert seen(ours, "photos")["dir/page.html"][1:] == [
        "text/html; charset=utf-8", {"owner": "ann", "step": "3"}, "max-age=60", "inline", "ko",
        [("stage", "raw data"), ("team", "vision")],
    ]
    written = ours.head_object(Bucket="photos", Key="a.txt")["LastModified"]
    lines, again = import_report(fresh_lab, "s3", source.s3_url, *keys())
    assert not lines and again["added"] == 0 and again["present"] >= 7
    assert again["counts"] == total["counts"]
    assert ours.head_object(Bucket="photos", Key="a.txt")["LastModified"] == written
    assert SECRET not in fresh_lab.log()


def test_a_dry_run_counts_and_changes_nothing(source, fresh_lab):
    before = [one["Name"] for one in s3_in(fresh_lab).list_buckets()["Buckets"]]
    printed = import_into(fresh_lab, "s3", source.s3_url, *keys(), "--dry-run")
    assert "nothing was changed" in printed and "7 things would be added" in printed
    assert [one["Name"] for one in s3_in(fresh_lab).list_buckets()["Buckets"]] == before


def test_one_directory_comes_to_another_place(source, fresh_lab):
    lines, total = import_report(
        fresh_lab, "s3", "s3://photos/dir", "--endpoint", source.s3_url, *keys(),
        "--to", "s3://mlflow/old/photos/",
    )
    assert not lines and total["is_equal"]
    ours = s3_in(fresh_lab)
    assert seen(ours, "mlflow", "old/photos/") == seen(s3_of(source), "photos", "dir/")
    assert len(seen(ours, "mlflow")) == 4
    assert "photos" not in [one["Name"] for one in ours.list_buckets()["Buckets"]]


def test_a_stopped_lab_and_keys_of_the_environment(source, fresh_lab):
    fresh_lab.stop()
    process = start_import_with_keys(fresh_lab, source)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    fresh_lab.start()
    assert seen(s3_in(fresh_lab), "photos") == seen(s3_of(source), "photos")


def start_import_with_keys(lab, source):
    return subprocess.Popen(
        [binary(), "import", "s3", source.s3_url, "--data-dir", str(lab.data_dir)],
        env=clean_environment() | {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )


def test_what_the_lab_has_otherwise_stays(source, fresh_lab):
    """Also where size and number of parts are the same; --overwrite has the source's."""
    ours = s3_in(fresh_lab)
    ours.create_bucket(Bucket="photos")
    ours.put_object(Bucket="photos", Key="a.txt", Body=b"two")
    ours.put_object(Bucket="photos", Key="dir/large.bin", Body=LARGE[:-1] + bytes([LARGE[-1] ^ 1]))
    ours.put_object(Bucket="photos", Key="mine", Body=b"mine")
    lines, total = import_report(fresh_lab, "s3", source.s3_url, *keys(), code=1)
    assert sorted(line["id"] for line in lines) == ["s3://photos/a.txt", "s3://photos/dir/large.bin"]
    assert all("--overwrite" in line["note"] for line in lines)
    assert total["different"] == 2 and total["counts"]["objects in photos"] == (6, 4)
    assert ours.get_object(Bucket="photos", Key="a.txt")["Body"].read() == b"two"
    lines, total = import_report(fresh_lab, "s3", source.s3_url, *keys(), "--overwrite")
    assert not lines and total["is_equal"] and total["added"] == 2
    mine = seen(ours, "photos")
    assert mine.pop("mine") and mine == seen(s3_of(source), "photos")


def test_a_wrong_source_is_named(source, lab):
    (port,) = free_ports(1)
    named = ["--endpoint", source.s3_url, *keys()]
    for code, words, sentence in [
        (1, ["s3://nothing-here", *named], "no bucket 'nothing-here'"),
        (2, ["photos", *named], "takes the address of an S3 server that runs"),
        (2, ["/home/me/minio/data"], "minio server DIR"),
        (2, ["s3://photos", *keys()], "--endpoint"),
        (2, [source.s3_url], "wants keys"),
        (2, [source.s3_url, "--access-key", KEY], "belong together"),
        (1, [source.s3_url, *keys(), "--to", "s3://x"], "one bucket"),
        (1, ["s3://photos", *named, "--to", "mlflow"], "--to has to be"),
        (1, [f"http://127.0.0.1:{port}", *keys()], f"127.0.0.1:{port}"),
    ]:
        printed = import_into(lab, "s3", *words, code=code)
        assert sentence in printed
        assert SECRET not in printed
    assert "are for `import s3`" in import_into(lab, "mlruns", "/tmp", "--to", "s3://x", code=2)


def test_wrong_keys_are_named(lab, tmp_path):
    """moto does not look at them."""
    store = new_store(tmp_path)
    try:
        words = ["--access-key", KEY, "--secret-key", "wrong-secret-word"]
        printed = import_into(lab, "s3", store.s3_url, *words, code=1)
    finally:
        store.stop()
    assert "key" in printed and store.s3_url in printed and "wrong-secret-word" not in printed


def test_a_killed_import_goes_on(fresh_lab, tmp_path):
    """kill -9 of the lab amid many objects: those that came are whole, the same command brings the
    others."""
    store = new_store(tmp_path)
    try:
        client = s3_of(store)
        client.create_bucket(Bucket="many")
        for number in range(40):
            client.put_object(Bucket="many", Key=f"{number:03}", Body=os.urandom(1 << 20))
        process = start_import(fresh_lab, "s3", store.s3_url, *keys())
        ours = s3_in(fresh_lab)

        def has_begun():
            try:
                return ours.list_objects_v2(Bucket="many", MaxKeys=1).get("KeyCount", 0) > 0
            except ours.exceptions.NoSuchBucket:
                return False

        wait_until(has_begun, 60)
        fresh_lab.kill9()
        out, err = process.communicate(timeout=60)
        assert process.returncode == 1 and "run the same command: it goes on" in out + err
        fresh_lab.start()
        ours, theirs = s3_in(fresh_lab), seen(client, "many")
        came = seen(ours, "many")
        assert 0 < len(came) < 40 and came.items() <= theirs.items()
        lines, total = import_report(fresh_lab, "s3", store.s3_url, *keys())
        assert not lines and total["is_equal"] and 0 < total["added"] <= 40 - len(came)
        assert seen(ours, "many") == theirs
    finally:
        store.stop()
