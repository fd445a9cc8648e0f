"""PutObject, GetObject, HeadObject, DeleteObject, DeleteObjects."""

import concurrent.futures
import datetime
import hashlib
import os

import pytest
from s3_support import bucket, refused, s3, signed  # noqa: F401

AWKWARD_KEYS = [
    "plain",
    "a b+c&d=e?f#g",
    "ünïcödé/日本語/😀",
    "a//b",
    "/leading",
    "trailing/",
    "./dot",
    "../up",
    "a/../b",
    "per%cent%20",
    "quote\"'<>&",
    "back\\slash",
    "line\nbreak\r\ttab",
    "semi;colon:at@,comma",
    "~tilde*star!",
    "x" * 1024,
]


@pytest.mark.parametrize("key", AWKWARD_KEYS, ids=range(len(AWKWARD_KEYS)))
def test_put_get_list_delete_awkward_key(s3, bucket, key):
    body = os.urandom(100)
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    assert [one["Key"] for one in s3.list_objects(Bucket=bucket)["Contents"]] == [key]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})
    # XML parsers fold line ends, so boto3 itself reads \r as it is written: as a reference.
    assert [one["Key"] for one in answer["Deleted"]] == [key]
    assert refused(s3.get_object, Bucket=bucket, Key=key) == ("NoSuchKey", 404)


def test_put_keeps_keys_apart(s3, bucket):
    keys = ["a", "a/", "a/b", "a//b", "a/./b"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in keys:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()


def test_put_key_too_long(s3, bucket):
    code = refused(s3.put_object, Bucket=bucket, Key="x" * 1025, Body=b"")
    assert code == ("KeyTooLongError", 400)


@pytest.mark.parametrize("size", [0, 1, 65536, 300_000, 5_000_000])
def test_put_get_sizes(s3, bucket, size):
    body = os.urandom(size)
    etag = s3.put_object(Bucket=bucket, Key="key", Body=body)["ETag"]
    assert etag == '"%s"' % hashlib.md5(body).hexdigest()
    answer = s3.get_object(Bucket=bucket, Key="key")
    assert answer["ContentLength"] == size
    assert answer["ETag"] == etag
    assert answer["Body"].read() == body


def test_put_headers_and_metadata_come_back(s3, bucket):
    given = dict(
        ContentType="text/plain; charset=utf-8",
        CacheControl="max-age=60",
        ContentDisposition='attachment; filename="a.txt"',
        ContentEncoding="gzip",
        ContentLanguage="de",
        Metadata={"color": "blue", "mixed-case": "Value  with blanks"},
        StorageClass="STANDARD_IA",
    )
    s3.put_object(Bucket=bucket, Key="key", Body=b"x", **given)
    for answer in (
        s3.get_object(Bucket=bucket, Key="key"),
        s3.head_object(Bucket=bucket, Key="key"),
    ):
        assert {name: answer[name] for name in given} == given
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["StorageClass"] == "STANDARD_IA"


def test_put_without_content_type(s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    assert s3.head_object(Bucket=bucket, Key="key")["ContentType"] == "binary/octet-stream"


def test_put_metadata_too_large(s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Metadata={"k": "v" * 2047})
    code = refused(s3.put_object, Bucket=bucket, Key="key", Metadata={"k": "v" * 2048})
    assert code == ("MetadataTooLarge", 400)


def test_put_tags(s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Tagging="team=ml%20ops&stage=dev")
    tags = s3.get_object_tagging(Bucket=bucket, Key="key")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "ml ops", "stage": "dev"}
    assert s3.get_object(Bucket=bucket, Key="key")["TagCount"] == 2
    many = "&".join(f"k{number}=v" for number in range(11))
    assert refused(s3.put_object, Bucket=bucket, Key="key", Tagging=many) == ("InvalidTag", 400)
    twice = refused(s3.put_object, Bucket=bucket, Key="key", Tagging="a=1&a=2")
    assert twice == ("InvalidTag", 400)


def test_put_tagging_of_an_object_is_not_offered(s3, bucket):
    s3.put_object(Bucket=bucket, Key="key")
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
    code = refused(s3.put_object_tagging, Bucket=bucket, Key="key", Tagging=tags)
    assert code == ("NotImplemented", 501)
    assert s3.get_object_tagging(Bucket=bucket, Key="key")["TagSet"] == []


def test_put_encryption_is_refused_and_stores_nothing(s3, bucket):
    put = s3.put_object
    code = refused(put, Bucket=bucket, Key="key", Body=b"x", ServerSideEncryption="AES256")
    assert code == ("NotImplemented", 501)
    code = refused(put, Bucket=bucket, Key="key", Body=b"x", ServerSideEncryption="aws:kms")
    assert code == ("NotImplemented", 501)
    assert refused(s3.head_object, Bucket=bucket, Key="key") == ("404", 404)


def test_put_object_lock_is_refused(s3, bucket):
    code = refused(
        s3.put_object, Bucket=bucket, Key="key", ObjectLockLegalHoldStatus="ON", Body=b""
    )
    assert code == ("InvalidRequest", 400)


def test_get_ranges(s3, bucket):
    body = bytes(range(100))
    s3.put_object(Bucket=bucket, Key="key", Body=body)
    for text, wanted, where in [
        ("bytes=0-9", body[:10], "bytes 0-9/100"),
        ("bytes=90-", body[90:], "bytes 90-99/100"),
        ("bytes=-10", body[-10:], "bytes 90-99/100"),
        ("bytes=-1000", body, "bytes 0-99/100"),
        ("bytes=50-1000", body[50:], "bytes 50-99/100"),
        ("bytes=99-99", body[99:], "bytes 99-99/100"),
    ]:
        answer = s3.get_object(Bucket=bucket, Key="key", Range=text)
        assert answer["Body"].read() == wanted
        assert answer["ContentRange"] == where
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert s3.head_object(Bucket=bucket, Key="key", Range=text)["ContentLength"] == len(wanted)
    for text in ("bytes=0-1,5-6", "bytes=5-1", "items=0-1", "bytes=a-b", "bytes="):
        answer = s3.get_object(Bucket=bucket, Key="key", Range=text)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert answer["Body"].read() == body


def test_get_range_outside(lab, s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"12345")
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    for key, text, size in [("key", "bytes=5-", 5), ("key", "bytes=-0", 5), ("empty", "bytes=0-", 0)]:
        code = refused(s3.get_object, Bucket=bucket, Key=key, Range=text)
        assert code == ("InvalidRange", 416)
        answer = signed(lab, "GET", f"/{bucket}/{key}", {"Range": text})
        assert answer.headers["content-range"] == f"bytes */{size}"


def test_get_conditions(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="key", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="key")["LastModified"]
    before, after = modified - datetime.timedelta(hours=1), modified + datetime.timedelta(hours=1)
    for call, missing in ((s3.get_object, "304"), (s3.head_object, "304")):
        for holds in (
            {"IfMatch": etag},
            {"IfMatch": "*"},
            {"IfNoneMatch": '"other"'},
            {"IfModifiedSince": before},
            {"IfUnmodifiedSince": after},
            {"IfMatch": etag, "IfUnmodifiedSince": before},
            {"IfNoneMatch": '"other"', "IfModifiedSince": after},
        ):
            assert call(Bucket=bucket, Key="key", **holds)["ETag"] == etag
        for stays in ({"IfNoneMatch": etag}, {"IfModifiedSince": modified}):
            assert refused(call, Bucket=bucket, Key="key", **stays)[1] == 304
        for fails in ({"IfMatch": '"other"'}, {"IfUnmodifiedSince": before}):
            assert refused(call, Bucket=bucket, Key="key", **fails)[1] == 412


def test_get_not_modified_has_an_etag_and_no_body(lab, s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="key", Body=b"x")["ETag"]
    answer = signed(lab, "GET", f"/{bucket}/key", {"If-None-Match": etag})
    assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag)


def test_get_response_overrides(s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"x", ContentType="text/plain")
    answer = s3.get_object(
        Bucket=bucket,
        Key="key",
        ResponseContentType="application/json",
        ResponseContentDisposition="attachment; filename=ü.txt".encode().decode("latin-1"),
        ResponseCacheControl="no-store",
    )
    assert answer["ContentType"] == "application/json"
    assert answer["CacheControl"] == "no-store"
    code = refused(s3.get_object, Bucket=bucket, Key="key", ResponseContentType="a\r\nInjected: b")
    assert code == ("InvalidArgument", 400)


def test_get_missing_key_and_version(s3, bucket):
    assert refused(s3.get_object, Bucket=bucket, Key="no") == ("NoSuchKey", 404)
    assert refused(s3.head_object, Bucket=bucket, Key="no") == ("404", 404)
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    assert s3.get_object(Bucket=bucket, Key="key", VersionId="null")["ContentLength"] == 1
    assert refused(s3.get_object, Bucket=bucket, Key="key", VersionId="v1") == ("NoSuchVersion", 404)


def test_get_attributes(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="key", Body=b"hello")["ETag"]
    answer = s3.get_object_attributes(
        Bucket=bucket, Key="key", ObjectAttributes=["ETag", "Checksum", "ObjectSize", "StorageClass"]
    )
    assert answer["ETag"] == etag.strip('"')
    assert answer["ObjectSize"] == 5
    assert answer["Checksum"]["ChecksumCRC32"] == "NhCmhg=="
    assert answer["StorageClass"] == "STANDARD"


def test_put_if_none_match(s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"first", IfNoneMatch="*")
    code = refused(s3.put_object, Bucket=bucket, Key="key", Body=b"second", IfNoneMatch="*")
    assert code == ("PreconditionFailed", 412)
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"first"


def test_put_if_match(s3, bucket):
    missing = refused(s3.put_object, Bucket=bucket, Key="key", Body=b"x", IfMatch='"e"')
    assert missing == ("NoSuchKey", 404)
    etag = s3.put_object(Bucket=bucket, Key="key", Body=b"first")["ETag"]
    s3.put_object(Bucket=bucket, Key="key", Body=b"second", IfMatch=etag)
    code = refused(s3.put_object, Bucket=bucket, Key="key", Body=b"third", IfMatch=etag)
    assert code == ("PreconditionFailed", 412)
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"second"


def test_put_race_has_one_winner(s3, bucket):
    def attempt(number):
        try:
            s3.put_object(Bucket=bucket, Key="key", Body=b"%d" % number, IfNoneMatch="*")
            return number
        except s3.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] in (
                "PreconditionFailed",
                "ConditionalRequestConflict",
            )

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        winners = [number for number in pool.map(attempt, range(16)) if number is not None]
    assert len(winners) == 1
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"%d" % winners[0]


def test_delete_is_idempotent(s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    for _ in range(2):
        answer = s3.delete_object(Bucket=bucket, Key="key")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_delete_other_version_keeps_the_object(s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="key", VersionId="v1")
    s3.head_object(Bucket=bucket, Key="key")
    s3.delete_object(Bucket=bucket, Key="key", VersionId="null")
    assert refused(s3.head_object, Bucket=bucket, Key="key")[1] == 404


def test_delete_if_match_is_refused_not_faked(s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    code = refused(s3.delete_object, Bucket=bucket, Key="key", IfMatch='"other"')
    assert code == ("NotImplemented", 501)
    s3.head_object(Bucket=bucket, Key="key")


def test_delete_objects(s3, bucket):
    for number in range(5):
        s3.put_object(Bucket=bucket, Key=f"k{number}", Body=b"x")
    listed = {"Objects": [{"Key": f"k{number}"} for number in range(6)]}
    answer = s3.delete_objects(Bucket=bucket, Delete=listed)
    assert len(answer["Deleted"]) == 6
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_delete_objects_quietly(s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "key"}], "Quiet": True})
    assert "Deleted" not in answer and "Errors" not in answer
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_delete_objects_more_than_a_thousand(s3, bucket):
    listed = {"Objects": [{"Key": f"k{number}"} for number in range(1001)]}
    assert refused(s3.delete_objects, Bucket=bucket, Delete=listed) == ("MalformedXML", 400)


def test_delete_objects_without_digest_and_with_broken_xml(lab, s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    body = b"<Delete><Object><Key>key</Key></Object></Delete>"
    assert signed(lab, "POST", f"/{bucket}?delete", body=body).status == 200
    for broken in (b"", b"<Delete>", b"<Delete></Delete>", b"<Other/>"):
        assert signed(lab, "POST", f"/{bucket}?delete", body=broken).refusal == ("MalformedXML", 400)
