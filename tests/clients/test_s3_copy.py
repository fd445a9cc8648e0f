"""CopyObject."""

import datetime
import os

from s3_support import bucket, refused, s3, signed  # noqa: F401


def source(bucket, key="source"):
    return {"Bucket": bucket, "Key": key}


def test_copy_keeps_metadata(s3, bucket):
    body = os.urandom(3_000_000)
    given = dict(ContentType="text/plain", CacheControl="max-age=1", Metadata={"a": "b"})
    put = s3.put_object(Bucket=bucket, Key="source", Body=body, Tagging="t=1", **given)
    answer = s3.copy_object(Bucket=bucket, Key="copy", CopySource=source(bucket))
    assert answer["CopyObjectResult"]["ETag"] == put["ETag"]
    copied = s3.get_object(Bucket=bucket, Key="copy", ChecksumMode="ENABLED")
    assert copied["Body"].read() == body
    assert {name: copied[name] for name in given} == given
    assert copied["TagCount"] == 1
    assert copied["ChecksumCRC32"] == put["ChecksumCRC32"]


def test_copy_replaces_metadata(s3, bucket):
    s3.put_object(Bucket=bucket, Key="source", Body=b"x", ContentType="text/plain", Metadata={"a": "b"})
    s3.copy_object(
        Bucket=bucket,
        Key="copy",
        CopySource=source(bucket),
        MetadataDirective="REPLACE",
        Metadata={"c": "d"},
        TaggingDirective="REPLACE",
        Tagging="t=2",
    )
    head = s3.head_object(Bucket=bucket, Key="copy")
    assert head["Metadata"] == {"c": "d"}
    assert head["ContentType"] == "binary/octet-stream"
    assert s3.get_object_tagging(Bucket=bucket, Key="copy")["TagSet"] == [{"Key": "t", "Value": "2"}]


def test_copy_onto_itself(s3, bucket):
    s3.put_object(Bucket=bucket, Key="source", Body=b"x")
    itself = dict(Bucket=bucket, Key="source", CopySource=source(bucket))
    assert refused(s3.copy_object, **itself) == ("InvalidRequest", 400)
    s3.copy_object(**itself, MetadataDirective="REPLACE", Metadata={"a": "b"})
    assert s3.get_object(Bucket=bucket, Key="source")["Body"].read() == b"x"
    assert s3.head_object(Bucket=bucket, Key="source")["Metadata"] == {"a": "b"}


def test_copy_of_an_awkward_key(s3, bucket):
    key = "a b+c/ü?versionId=x&%41"
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source(bucket, key))
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"x"


def test_copy_conditions(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="source", Body=b"x")["ETag"]
    hour = datetime.timedelta(hours=1)
    modified = s3.head_object(Bucket=bucket, Key="source")["LastModified"]
    copy = dict(Bucket=bucket, Key="copy", CopySource=source(bucket))
    for holds in (
        {"CopySourceIfMatch": etag},
        {"CopySourceIfNoneMatch": '"other"'},
        {"CopySourceIfModifiedSince": modified - hour},
        {"CopySourceIfUnmodifiedSince": modified + hour},
    ):
        s3.copy_object(**copy, **holds)
    for fails in (
        {"CopySourceIfMatch": '"other"'},
        {"CopySourceIfNoneMatch": etag},
        {"CopySourceIfModifiedSince": modified},
        {"CopySourceIfUnmodifiedSince": modified - hour},
    ):
        assert refused(s3.copy_object, **copy, **fails) == ("PreconditionFailed", 412)


def test_copy_of_nothing(s3, bucket):
    assert refused(s3.copy_object, Bucket=bucket, Key="copy", CopySource=source(bucket)) == (
        "NoSuchKey",
        404,
    )
    assert refused(
        s3.copy_object, Bucket=bucket, Key="copy", CopySource=source("missing-bucket")
    ) == ("NoSuchBucket", 404)


def test_copy_with_a_bad_source(lab, bucket):
    for text in ("", "/", "bucket-only", "/bucket-only/"):
        answer = signed(lab, "PUT", f"/{bucket}/copy", {"x-amz-copy-source": text})
        assert answer.refusal == ("InvalidArgument", 400), text


def test_copy_of_a_multipart_object(s3, bucket):
    ids = dict(Bucket=bucket, Key="source")
    ids["UploadId"] = s3.create_multipart_upload(**ids, ChecksumAlgorithm="CRC32")["UploadId"]
    pieces = [os.urandom(5 << 20), b"end"]
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(**ids, PartNumber=n, Body=piece)["ETag"]}
        for n, piece in enumerate(pieces, 1)
    ]
    s3.complete_multipart_upload(**ids, MultipartUpload={"Parts": parts})
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source(bucket))
    copied = s3.get_object(Bucket=bucket, Key="copy", ChecksumMode="ENABLED")
    # In one piece now, so the checksum is one of the whole, which botocore verifies.
    assert copied["ChecksumType"] == "FULL_OBJECT"
    assert copied["Body"].read() == b"".join(pieces)
    assert "-" not in copied["ETag"]
