"""Content-MD5, x-amz-checksum-* in headers, in trailers and over multipart uploads; aws-chunked."""

import base64
import hashlib
import os
import zlib

import pytest
from s3_support import (  # noqa: F401
    ChunkSigner,
    bucket,
    refused,
    s3,
    send,
    signed,
    signed_headers,
)

ALGORITHMS = ["CRC32", "SHA1", "SHA256"]


def checksum(algorithm, data):
    if algorithm == "CRC32":
        return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
    return base64.b64encode(hashlib.new(algorithm, data).digest()).decode()


# From the catalogue of CRCs: the check values of "123456789".
CHECK_VALUES = {
    "CRC32": 0xCBF43926.to_bytes(4, "big"),
    "CRC32C": 0xE3069283.to_bytes(4, "big"),
    "CRC64NVME": 0xAE8B14860A799888.to_bytes(8, "big"),
}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_put_with_algorithm(s3, bucket, algorithm):
    body = os.urandom(100_000)
    name = "Checksum" + algorithm
    answer = s3.put_object(Bucket=bucket, Key="key", Body=body, ChecksumAlgorithm=algorithm)
    assert answer[name] == checksum(algorithm, body)
    head = s3.head_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED")
    assert head[name] == checksum(algorithm, body)
    assert head["ChecksumType"] == "FULL_OBJECT"
    assert name not in s3.head_object(Bucket=bucket, Key="key")
    # botocore verifies what it reads.
    assert s3.get_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED")["Body"].read() == body
    ranged = s3.get_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED", Range="bytes=0-9")
    assert name not in ranged


@pytest.mark.parametrize("algorithm", CHECK_VALUES)
def test_put_with_check_value(s3, bucket, algorithm):
    value = base64.b64encode(CHECK_VALUES[algorithm]).decode()
    name = "Checksum" + algorithm
    s3.put_object(Bucket=bucket, Key="key", Body=b"123456789", **{name: value})
    assert s3.head_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED")[name] == value
    code = refused(s3.put_object, Bucket=bucket, Key="bad", Body=b"123456780", **{name: value})
    assert code == ("BadDigest", 400)
    assert refused(s3.head_object, Bucket=bucket, Key="bad")[1] == 404


def test_put_with_content_md5(s3, bucket):
    good = base64.b64encode(hashlib.md5(b"hello").digest()).decode()
    s3.put_object(Bucket=bucket, Key="key", Body=b"hello", ContentMD5=good)
    code = refused(s3.put_object, Bucket=bucket, Key="bad", Body=b"other", ContentMD5=good)
    assert code == ("BadDigest", 400)
    code = refused(s3.put_object, Bucket=bucket, Key="bad", Body=b"x", ContentMD5="short")
    assert code == ("InvalidDigest", 400)
    assert refused(s3.head_object, Bucket=bucket, Key="bad")[1] == 404


def test_put_with_wrong_payload_hash(lab, s3, bucket):
    answer = signed(lab, "PUT", f"/{bucket}/bad", body=b"hello", payload="0" * 64)
    assert answer.refusal == ("XAmzContentSHA256Mismatch", 400)
    assert refused(s3.head_object, Bucket=bucket, Key="bad")[1] == 404


def test_put_with_unsigned_payload(lab, s3, bucket):
    answer = signed(lab, "PUT", f"/{bucket}/key", body=b"hello", payload="UNSIGNED-PAYLOAD")
    assert answer.status == 200
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"hello"


def put_chunked(lab, bucket, kind, frame, size, headers=None):
    headers = {
        "Content-Encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(size),
        **(headers or {}),
    }
    target = f"/{bucket}/chunked"
    head = signed_headers(lab, "PUT", target, headers, payload=kind)
    return send(lab, "PUT", target, head, frame(head))


SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


def test_put_signed_chunks(lab, s3, bucket):
    pieces = [os.urandom(70_000), os.urandom(65_536), b"end"]

    def frame(head):
        signer = ChunkSigner(lab, head)
        return b"".join(signer.chunk(piece) for piece in [*pieces, b""]) + b"\r\n"

    body = b"".join(pieces)
    assert put_chunked(lab, bucket, SIGNED, frame, len(body)).status == 200
    answer = s3.get_object(Bucket=bucket, Key="chunked")
    assert answer["Body"].read() == body
    assert "ContentEncoding" not in answer


def test_put_signed_chunks_keep_the_real_encoding(lab, s3, bucket):
    def frame(head):
        signer = ChunkSigner(lab, head)
        return signer.chunk(b"data") + signer.chunk(b"") + b"\r\n"

    encoding = {"Content-Encoding": "gzip,aws-chunked"}
    assert put_chunked(lab, bucket, SIGNED, frame, 4, encoding).status == 200
    assert s3.head_object(Bucket=bucket, Key="chunked")["ContentEncoding"] == "gzip"


def test_put_signed_chunks_changed_on_the_way(lab, s3, bucket):
    def frame(head):
        signer = ChunkSigner(lab, head)
        body = signer.chunk(b"data") + signer.chunk(b"") + b"\r\n"
        return body.replace(b"data", b"date")

    answer = put_chunked(lab, bucket, SIGNED, frame, 4)
    assert answer.refusal == ("SignatureDoesNotMatch", 403)
    assert refused(s3.head_object, Bucket=bucket, Key="chunked")[1] == 404


def test_put_signed_chunks_with_trailer(lab, s3, bucket):
    def frame(head):
        signer = ChunkSigner(lab, head)
        body = signer.chunk(b"hello") + signer.chunk(b"")
        return body + signer.trailer("x-amz-checksum-crc32", "NhCmhg==") + b"\r\n"

    answer = put_chunked(
        lab,
        bucket,
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        frame,
        5,
        {"x-amz-trailer": "x-amz-checksum-crc32"},
    )
    assert answer.status == 200
    assert answer.headers["x-amz-checksum-crc32"] == "NhCmhg=="


def unsigned_trailer(value, data=b"hello"):
    return lambda head: (
        b"%x\r\n%s\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n" % (len(data), data, value)
    )


def test_put_unsigned_chunks_with_trailer(lab, s3, bucket):
    trailer = {"x-amz-trailer": "x-amz-checksum-crc32"}
    answer = put_chunked(lab, bucket, UNSIGNED_TRAILER, unsigned_trailer(b"NhCmhg=="), 5, trailer)
    assert answer.status == 200
    head = s3.head_object(Bucket=bucket, Key="chunked", ChecksumMode="ENABLED")
    assert head["ChecksumCRC32"] == "NhCmhg=="


def test_put_unsigned_chunks_with_a_wrong_trailer(lab, s3, bucket):
    trailer = {"x-amz-trailer": "x-amz-checksum-crc32"}
    wrong = unsigned_trailer(b"AAAAAA==")
    answer = put_chunked(lab, bucket, UNSIGNED_TRAILER, wrong, 5, trailer)
    assert answer.refusal == ("BadDigest", 400)
    none = put_chunked(
        lab, bucket, UNSIGNED_TRAILER, lambda head: b"5\r\nhello\r\n0\r\n\r\n", 5, trailer
    )
    assert none.refusal == ("MalformedTrailerError", 400)
    assert refused(s3.head_object, Bucket=bucket, Key="chunked")[1] == 404


def test_put_chunks_with_a_wrong_decoded_length(lab, s3, bucket):
    trailer = {"x-amz-trailer": "x-amz-checksum-crc32"}
    for size in (4, 6):
        right = unsigned_trailer(b"NhCmhg==")
        answer = put_chunked(lab, bucket, UNSIGNED_TRAILER, right, size, trailer)
        assert answer.refusal == ("IncompleteBody", 400)
    assert refused(s3.head_object, Bucket=bucket, Key="chunked")[1] == 404


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256", "SHA1"])
def test_multipart_composite(s3, bucket, algorithm):
    name = "Checksum" + algorithm
    upload = s3.create_multipart_upload(Bucket=bucket, Key="key", ChecksumAlgorithm=algorithm)
    assert upload["ChecksumType"] == "COMPOSITE"
    pieces = [os.urandom(5 << 20), b"the rest"]
    parts = []
    for number, piece in enumerate(pieces, 1):
        part = s3.upload_part(
            Bucket=bucket,
            Key="key",
            UploadId=upload["UploadId"],
            PartNumber=number,
            Body=piece,
            ChecksumAlgorithm=algorithm,
        )
        assert part[name] == checksum(algorithm, piece)
        parts.append({"PartNumber": number, "ETag": part["ETag"], name: part[name]})
    done = s3.complete_multipart_upload(
        Bucket=bucket, Key="key", UploadId=upload["UploadId"], MultipartUpload={"Parts": parts}
    )
    raw = b"".join(base64.b64decode(checksum(algorithm, piece)) for piece in pieces)
    assert done[name] == checksum(algorithm, raw) + "-2"
    assert done["ChecksumType"] == "COMPOSITE"
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"".join(pieces)


def test_multipart_full_object(s3, bucket):
    upload = s3.create_multipart_upload(
        Bucket=bucket, Key="key", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT"
    )
    pieces = [os.urandom(5 << 20), os.urandom(6 << 20), b"the rest"]
    ids = dict(Bucket=bucket, Key="key", UploadId=upload["UploadId"])
    parts = []
    for number, piece in enumerate(pieces, 1):
        part = s3.upload_part(**ids, PartNumber=number, Body=piece)
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    whole = b"".join(pieces)
    finish = dict(ids, MultipartUpload={"Parts": parts})
    code = refused(s3.complete_multipart_upload, **finish, ChecksumCRC32="AAAAAA==")
    assert code == ("BadDigest", 400)
    code = refused(s3.complete_multipart_upload, **finish, MpuObjectSize=5)
    assert code == ("InvalidRequest", 400)
    done = s3.complete_multipart_upload(
        **finish, ChecksumCRC32=checksum("CRC32", whole), MpuObjectSize=len(whole)
    )
    assert done["ChecksumCRC32"] == checksum("CRC32", whole)
    assert done["ChecksumType"] == "FULL_OBJECT"
    # botocore verifies the whole of a FULL_OBJECT checksum.
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == whole


def test_multipart_checksum_of_another_kind(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="key", ChecksumAlgorithm="SHA256")
    code = refused(
        s3.upload_part,
        Bucket=bucket,
        Key="key",
        UploadId=upload["UploadId"],
        PartNumber=1,
        Body=b"x",
        ChecksumAlgorithm="SHA1",
    )
    assert code == ("InvalidRequest", 400)
    create = s3.create_multipart_upload
    for algorithm, kind in (("SHA256", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE")):
        pair = dict(ChecksumAlgorithm=algorithm, ChecksumType=kind)
        assert refused(create, Bucket=bucket, Key="key", **pair) == ("InvalidRequest", 400)
