"""Multipart uploads from Create to Complete, and their listings."""

import hashlib
import io
import os

import pytest
from boto3.s3.transfer import TransferConfig
from s3_support import bucket, refused, s3, signed  # noqa: F401

MIB = 1 << 20


@pytest.fixture
def upload(s3, bucket):
    """The ids of an open upload, as arguments of the calls."""
    ids = dict(Bucket=bucket, Key="key")
    ids["UploadId"] = s3.create_multipart_upload(**ids, Metadata={"a": "b"})["UploadId"]
    return ids


def put_part(s3, upload, number, body):
    return {
        "PartNumber": number,
        "ETag": s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"],
    }


def complete(s3, upload, parts, **more):
    return s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **more)


def test_transfer_manager_20_mib(s3, bucket):
    body = os.urandom(20 * MIB)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_fileobj(io.BytesIO(body), bucket, "big", Config=config)
    head = s3.head_object(Bucket=bucket, Key="big")
    parts = [body[at : at + 5 * MIB] for at in range(0, len(body), 5 * MIB)]
    digest = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest()
    assert head["ETag"] == f'"{digest}-4"'
    out = io.BytesIO()
    s3.download_fileobj(bucket, "big", out, Config=config)
    assert out.getvalue() == body
    middle = s3.get_object(Bucket=bucket, Key="big", Range=f"bytes={5 * MIB - 3}-{5 * MIB + 2}")
    assert middle["Body"].read() == body[5 * MIB - 3 : 5 * MIB + 3]


def test_complete_out_of_order_resent_and_subset(s3, upload, bucket):
    third = put_part(s3, upload, 30, b"end")
    put_part(s3, upload, 1, b"replaced")
    first = put_part(s3, upload, 1, b"a" * 5 * MIB)
    put_part(s3, upload, 7, b"never used")
    answer = complete(s3, upload, [first, third])
    assert answer["Bucket"] == bucket and answer["Key"] == "key" and answer["Location"]
    got = s3.get_object(Bucket=bucket, Key="key")
    assert got["Body"].read() == b"a" * 5 * MIB + b"end"
    assert got["Metadata"] == {"a": "b"}
    assert refused(s3.list_parts, **upload) == ("NoSuchUpload", 404)


def test_complete_refuses_bad_lists(s3, upload):
    one = put_part(s3, upload, 1, b"a" * 5 * MIB)
    two = put_part(s3, upload, 2, b"small")
    three = put_part(s3, upload, 3, b"small")
    call = s3.complete_multipart_upload

    def code(parts):
        return refused(call, **upload, MultipartUpload={"Parts": parts})

    assert code([two, one]) == ("InvalidPartOrder", 400)
    assert code([one, one]) == ("InvalidPartOrder", 400)
    assert code([one, {"PartNumber": 2, "ETag": '"wrong"'}]) == ("InvalidPart", 400)
    assert code([one, {"PartNumber": 9, "ETag": two["ETag"]}]) == ("InvalidPart", 400)
    assert code([one, two, three]) == ("EntityTooSmall", 400)
    assert code([]) == ("MalformedXML", 400)
    complete(s3, upload, [one, two])


def test_complete_conditions(s3, upload, bucket):
    part = put_part(s3, upload, 1, b"new")
    s3.put_object(Bucket=bucket, Key="key", Body=b"old")
    call = s3.complete_multipart_upload
    listed = {"Parts": [part]}
    code = refused(call, **upload, MultipartUpload=listed, IfNoneMatch="*")
    assert code == ("PreconditionFailed", 412)
    code = refused(call, **upload, MultipartUpload=listed, IfMatch='"other"')
    assert code == ("PreconditionFailed", 412)
    etag = s3.head_object(Bucket=bucket, Key="key")["ETag"]
    complete(s3, upload, [part], IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"new"


def test_upload_part_numbers(lab, s3, upload):
    for number in (0, 10001, -1):
        code = refused(s3.upload_part, **upload, PartNumber=number, Body=b"x")
        assert code == ("InvalidArgument", 400)
    put_part(s3, upload, 10000, b"x")
    target = f"/{upload['Bucket']}/key?partNumber=one&uploadId={upload['UploadId']}"
    assert signed(lab, "PUT", target, body=b"x").refusal == ("InvalidArgument", 400)


def test_unknown_upload(s3, bucket):
    ids = dict(Bucket=bucket, Key="key", UploadId="0" * 32)
    assert refused(s3.upload_part, **ids, PartNumber=1, Body=b"x") == ("NoSuchUpload", 404)
    assert refused(s3.list_parts, **ids) == ("NoSuchUpload", 404)
    assert refused(s3.abort_multipart_upload, **ids) == ("NoSuchUpload", 404)
    parts = {"Parts": [{"PartNumber": 1, "ETag": '"e"'}]}
    code = refused(s3.complete_multipart_upload, **ids, MultipartUpload=parts)
    assert code == ("NoSuchUpload", 404)


def test_abort(s3, upload, bucket):
    put_part(s3, upload, 1, b"x")
    s3.abort_multipart_upload(**upload)
    assert refused(s3.upload_part, **upload, PartNumber=2, Body=b"x") == ("NoSuchUpload", 404)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert refused(s3.head_object, Bucket=bucket, Key="key")[1] == 404


def test_list_parts_in_pages(s3, upload):
    for number in (5, 1, 3, 9):
        put_part(s3, upload, number, b"x" * number)
    pages = list(s3.get_paginator("list_parts").paginate(**upload, PaginationConfig={"PageSize": 3}))
    assert [[part["PartNumber"] for part in page["Parts"]] for page in pages] == [[1, 3, 5], [9]]
    assert [part["Size"] for page in pages for part in page["Parts"]] == [1, 3, 5, 9]


def test_upload_part_copy(s3, upload, bucket):
    body = os.urandom(12 * MIB)
    s3.put_object(Bucket=bucket, Key="source", Body=body)
    source = {"Bucket": bucket, "Key": "source"}
    parts = []
    for number, text in ((1, f"bytes=0-{6 * MIB - 1}"), (2, f"bytes={6 * MIB}-{12 * MIB - 1}")):
        answer = s3.upload_part_copy(
            **upload, PartNumber=number, CopySource=source, CopySourceRange=text
        )
        parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
    whole = s3.upload_part_copy(**upload, PartNumber=3, CopySource=source)
    parts.append({"PartNumber": 3, "ETag": whole["CopyPartResult"]["ETag"]})
    complete(s3, upload, parts)
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == body + body


def test_upload_part_copy_bad_ranges(s3, upload, bucket):
    s3.put_object(Bucket=bucket, Key="source", Body=b"12345")
    copy = dict(upload, PartNumber=1, CopySource={"Bucket": bucket, "Key": "source"})
    for text in ("0-2", "bytes=0", "bytes=hello-world", "bytes=0-bar", "bytes=2-1", "bytes=0-1,3-4"):
        code = refused(s3.upload_part_copy, **copy, CopySourceRange=text)
        assert code == ("InvalidArgument", 400), text
    assert refused(s3.upload_part_copy, **copy, CopySourceRange="bytes=0-5") == ("InvalidRange", 416)
    code = refused(s3.upload_part_copy, **copy, CopySourceIfMatch='"other"')
    assert code == ("PreconditionFailed", 412)


def test_list_multipart_uploads(s3, bucket):
    keys = ["a", "a", "b/1", "b/2", "c é"]
    for key in keys:
        s3.create_multipart_upload(Bucket=bucket, Key=key)
    pages = list(
        s3.get_paginator("list_multipart_uploads").paginate(
            Bucket=bucket, PaginationConfig={"PageSize": 1}
        )
    )
    assert [one["Key"] for page in pages for one in page["Uploads"]] == keys
    assert len({one["UploadId"] for page in pages for one in page["Uploads"]}) == 5
    for size in (1, 2, 100):
        pages = list(
            s3.get_paginator("list_multipart_uploads").paginate(
                Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": size}
            )
        )
        keys_seen = [one["Key"] for page in pages for one in page.get("Uploads", [])]
        groups = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", [])]
        assert (keys_seen, groups) == (["a", "a", "c é"], ["b/"])
    only = s3.list_multipart_uploads(Bucket=bucket, Prefix="b/")
    assert [one["Key"] for one in only["Uploads"]] == ["b/1", "b/2"]
    after = s3.list_multipart_uploads(Bucket=bucket, KeyMarker="a")
    assert [one["Key"] for one in after["Uploads"]] == ["b/1", "b/2", "c é"]


def test_get_one_part(s3, upload, bucket):
    pieces = {2: b"a" * 5 * MIB, 4: b"last"}
    listed = [put_part(s3, upload, number, piece) for number, piece in pieces.items()]
    complete(s3, upload, listed)
    for number, piece in pieces.items():
        answer = s3.get_object(Bucket=bucket, Key="key", PartNumber=number)
        assert answer["Body"].read() == piece
        assert answer["PartsCount"] == 2
        head = s3.head_object(Bucket=bucket, Key="key", PartNumber=number)
        assert head["ContentLength"] == len(piece)
    code = refused(s3.get_object, Bucket=bucket, Key="key", PartNumber=3)
    assert code == ("InvalidPartNumber", 416)
    s3.put_object(Bucket=bucket, Key="whole", Body=b"whole")
    assert s3.get_object(Bucket=bucket, Key="whole", PartNumber=1)["Body"].read() == b"whole"


def test_attributes_show_parts(s3, bucket):
    ids = dict(Bucket=bucket, Key="key")
    ids["UploadId"] = s3.create_multipart_upload(**ids, ChecksumAlgorithm="SHA256")["UploadId"]
    listed = []
    for number, piece in enumerate((b"a" * 5 * MIB, b"b"), 1):
        part = s3.upload_part(**ids, PartNumber=number, Body=piece, ChecksumAlgorithm="SHA256")
        listed.append({"PartNumber": number, "ETag": part["ETag"]})
    s3.complete_multipart_upload(**ids, MultipartUpload={"Parts": listed})
    parts = s3.get_object_attributes(
        Bucket=bucket, Key="key", ObjectAttributes=["ObjectParts"]
    )["ObjectParts"]
    assert parts["TotalPartsCount"] == 2
    assert [part["Size"] for part in parts["Parts"]] == [5 * MIB, 1]
    assert all(part["ChecksumSHA256"] for part in parts["Parts"])
