"""Who may do what: signatures in headers and URLs, and how requests without a good one are refused."""

import datetime
import http.client
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
import requests
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from s3_support import (  # noqa: F401
    address,
    bucket,
    make_client,
    raw_exchange,
    refused,
    s3,
    send,
    signed,
    signed_headers,
)


@pytest.fixture
def signer(lab):
    """boto3 signs URLs with version 2 at endpoints it does not know, unless told otherwise."""
    return make_client(lab, signature_version="s3v4")


def fetch(url, method="GET", body=None, headers=None):
    """(status, body) of a URL, as a browser or curl would ask for it."""
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_presigned_get(signer, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a b/ü+.txt", Body=b"seen")
    params = {"Bucket": bucket, "Key": "a b/ü+.txt", "ResponseContentType": "text/x-test"}
    url = signer.generate_presigned_url("get_object", Params=params)
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"seen"
        assert answer.headers["Content-Type"] == "text/x-test"
    assert fetch(url, "HEAD")[0] == 403
    assert fetch(url + "x")[0] == 403


def test_presigned_put(signer, s3, bucket):
    params = {"Bucket": bucket, "Key": "key", "ContentType": "text/plain"}
    url = signer.generate_presigned_url("put_object", Params=params)
    assert fetch(url, "PUT", b"uploaded", {"Content-Type": "text/plain"})[0] == 200
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"uploaded"
    wrong_type = fetch(url, "PUT", b"other", {"Content-Type": "text/html"})
    assert wrong_type[0] == 403 and b"SignatureDoesNotMatch" in wrong_type[1]
    added = fetch(url, "PUT", b"x", {"Content-Type": "text/plain", "x-amz-meta-a": "b"})
    assert added[0] == 403 and b"HeadersNotSigned" in added[1]
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"uploaded"


def test_presigned_expiry(signer, s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    params = {"Bucket": bucket, "Key": "key"}
    url = signer.generate_presigned_url("get_object", Params=params, ExpiresIn=1)
    assert fetch(url)[0] == 200
    time.sleep(2.1)
    status, body = fetch(url)
    assert status == 403 and b"Request has expired" in body
    week = signer.generate_presigned_url("get_object", Params=params, ExpiresIn=604801)
    status, body = fetch(week)
    assert status == 400 and b"AuthorizationQueryParametersError" in body


def test_presigned_multipart(signer, s3, bucket):
    ids = dict(Bucket=bucket, Key="key")
    ids["UploadId"] = s3.create_multipart_upload(**ids)["UploadId"]
    url = signer.generate_presigned_url("upload_part", Params=dict(ids, PartNumber=1))
    assert fetch(url, "PUT", b"part")[0] == 200
    parts = s3.list_parts(**ids)["Parts"]
    s3.complete_multipart_upload(
        **ids, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": parts[0]["ETag"]}]}
    )
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"part"


def presign(lab, method, target):
    """A URL whose parameters are exactly those given, and signed."""
    request = AWSRequest(method=method, url=lab.s3_url + target)
    credentials = Credentials(lab.access_key, lab.secret_key)
    S3SigV4QueryAuth(credentials, "s3", "us-east-1", expires=60).add_auth(request)
    return request.url


def test_presigned_headers_in_the_url(lab, s3, bucket):
    s3.put_object(Bucket=bucket, Key="source", Body=b"copied")
    url = presign(lab, "PUT", f"/{bucket}/key?x-amz-meta-a=b&x-amz-tagging=t%3D1")
    assert fetch(url, "PUT", b"put")[0] == 200
    got = s3.get_object(Bucket=bucket, Key="key")
    assert (got["Metadata"], got["TagCount"]) == ({"a": "b"}, 1)
    url = presign(lab, "PUT", f"/{bucket}/copy?x-amz-copy-source={bucket}%2Fsource")
    assert fetch(url, "PUT")[0] == 200
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"copied"
    url = presign(lab, "PUT", f"/{bucket}/no?x-amz-server-side-encryption=AES256")
    assert fetch(url, "PUT", b"x")[0] == 501
    url = presign(lab, "PUT", f"/{bucket}/no?x-amz-meta-a=b%0D%0AInjected%3A%20c")
    assert fetch(url, "PUT", b"x")[0] == 400
    url = presign(lab, "PUT", f"/{bucket}/no?x-amz-checksum-crc32=AAAAAA%3D%3D")
    assert fetch(url, "PUT", b"x")[0] == 400
    assert refused(s3.head_object, Bucket=bucket, Key="no")[1] == 404


def fetch_as_is(url, method="GET", body=None, headers=None):
    """Like fetch, without the Content-Type that urllib adds: version 2 signs that there is none."""
    answer = requests.request(method, url, data=body, headers=headers, timeout=30)
    return answer.status_code, answer.content


SPECIAL_KEYS = ["plain", "a b/ü+.txt", "per%25cent", "q?a=b&c", "한글/파일.bin", "a//b", "~!*'()"]


@pytest.mark.parametrize("key", SPECIAL_KEYS)
def test_version_2_urls(s3, bucket, key):
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": key})
    get = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
    assert "AWSAccessKeyId=" in get and "X-Amz-" not in get
    assert fetch_as_is(put, "PUT", b"by url")[0] == 200
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"by url"
    assert fetch_as_is(get) == (200, b"by url")
    # The method is signed as well.
    assert fetch_as_is(get, "HEAD")[0] == 403
    assert fetch_as_is(get, "PUT", b"x")[0] == 403


def test_version_2_urls_sign_headers_and_parameters(s3, bucket):
    ids = {"Bucket": bucket, "Key": "key"}
    url = s3.generate_presigned_url(
        "put_object", Params=dict(ids, ContentType="text/plain", Metadata={"a": "b"})
    )
    assert fetch_as_is(url, "PUT", b"x", {"Content-Type": "text/html"})[0] == 403
    sent = {"Content-Type": "text/plain", "x-amz-meta-a": "b"}
    assert fetch_as_is(url, "PUT", b"x", dict(sent, **{"x-amz-meta-a": "c"}))[0] == 403
    assert fetch_as_is(url, "PUT", b"seen", sent)[0] == 200
    got = s3.get_object(**ids)
    assert (got["ContentType"], got["Metadata"]) == ("text/plain", {"a": "b"})

    disposition = 'attachment; filename="a b.txt"'
    url = s3.generate_presigned_url(
        "get_object", Params=dict(ids, ResponseContentDisposition=disposition)
    )
    assert requests.get(url, timeout=30).headers["Content-Disposition"] == disposition
    assert fetch_as_is(url.replace("a%20b", "c%20d"))[0] == 403


def test_version_2_urls_that_are_not_good(s3, bucket, lab):
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    s3.put_object(Bucket=bucket, Key="other", Body=b"secret")
    params = {"Bucket": bucket, "Key": "key"}
    url = s3.generate_presigned_url("get_object", Params=params)
    for wrong in (
        url.replace("/key?", "/other?"),
        url.replace("Expires=", "Expires=1"),
        url.replace("Signature=", "Signature=AAAA"),
        url + "&acl",
    ):
        status, body = fetch_as_is(wrong)
        assert status == 403 and b"<Code>SignatureDoesNotMatch</Code>" in body, wrong
    status, body = fetch_as_is(url.split("&Signature")[0])
    assert status == 403 and b"AccessDenied" in body
    status, body = fetch_as_is(url, headers={"Authorization": "AWS a:b"})
    assert status == 400 and b"Only one auth mechanism" in body
    status, body = fetch_as_is(s3.generate_presigned_url("get_object", Params=params, ExpiresIn=-10))
    assert status == 403 and b"Request has expired" in body
    nobody = make_client(lab, access_key="nobody")
    status, body = fetch_as_is(nobody.generate_presigned_url("get_object", Params=params))
    assert status == 403 and b"InvalidAccessKeyId" in body


def test_version_2_parts(s3, bucket):
    ids = dict(Bucket=bucket, Key="key")
    ids["UploadId"] = s3.create_multipart_upload(**ids)["UploadId"]
    url = s3.generate_presigned_url("upload_part", Params=dict(ids, PartNumber=1))
    assert fetch_as_is(url, "PUT", b"part")[0] == 200
    assert s3.list_parts(**ids)["Parts"][0]["Size"] == 4
    s3.abort_multipart_upload(**ids)


def test_wrong_keys(lab, bucket):
    wrong = make_client(lab, secret_key="wrong")
    assert refused(wrong.list_objects_v2, Bucket=bucket) == ("SignatureDoesNotMatch", 403)
    nobody = make_client(lab, access_key="nobody")
    assert refused(nobody.list_objects_v2, Bucket=bucket) == ("InvalidAccessKeyId", 403)
    # Before existence: nobody learns which buckets there are.
    assert refused(nobody.list_objects_v2, Bucket="missing-bucket") == ("InvalidAccessKeyId", 403)


def test_anonymous(lab, s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    for target in ("/", f"/{bucket}", f"/{bucket}/key", f"/{bucket}/missing", "/missing-bucket"):
        answer = send(lab, "GET", target)
        assert answer.refusal == ("AccessDenied", 403)
        assert answer.headers["x-amz-request-id"]
        assert answer.headers["server"]
    head = send(lab, "HEAD", f"/{bucket}/key")
    assert (head.status, head.body) == (403, b"")
    assert send(lab, "PUT", f"/{bucket}/new", body=b"x").refusal == ("AccessDenied", 403)


@pytest.mark.parametrize("region", ["minio", "auto", "us-east-1"])
def test_lenient_regions(lab, bucket, region):
    assert make_client(lab, region=region).list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_wrong_region_is_corrected_by_the_client(lab, bucket):
    # The refusal names the region, and botocore signs again with it.
    client = make_client(lab, region="eu-west-3")
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    headers = signed_headers(lab, "GET", f"/{bucket}")
    headers["Authorization"] = headers["Authorization"].replace("us-east-1", "eu-west-3")
    answer = send(lab, "GET", f"/{bucket}", headers)
    assert answer.refusal == ("AuthorizationHeaderMalformed", 400)
    assert b"<Region>us-east-1</Region>" in answer.body


def test_signature_version_2(lab, bucket):
    headers = {"Authorization": f"AWS {lab.access_key}:c2lnbmF0dXJl", "Date": "x"}
    assert send(lab, "GET", f"/{bucket}", headers).refusal == ("InvalidRequest", 400)


def test_clock_skew(lab, bucket, monkeypatch):
    import botocore.auth

    skewed = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=16)
    monkeypatch.setattr(
        botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: skewed.replace(tzinfo=None)
    )
    assert signed(lab, "GET", f"/{bucket}").refusal == ("RequestTimeTooSkewed", 403)


def test_header_that_is_not_signed(lab, bucket):
    headers = signed_headers(lab, "PUT", f"/{bucket}/key", body=b"x")
    headers["x-amz-meta-added"] = "on the way"
    answer = send(lab, "PUT", f"/{bucket}/key", headers, b"x")
    assert answer.refusal == ("AccessDenied", 403)
    assert b"<HeadersNotSigned>x-amz-meta-added</HeadersNotSigned>" in answer.body


def test_content_sha256_is_needed(lab, bucket):
    headers = signed_headers(lab, "GET", f"/{bucket}")
    headers = {name: v for name, v in headers.items() if name.lower() != "x-amz-content-sha256"}
    assert send(lab, "GET", f"/{bucket}", headers).refusal == ("InvalidRequest", 400)


@pytest.mark.parametrize(
    "method, target",
    [
        ("PUT", "key?renameObject"),
        ("PUT", "key?newThing"),
        ("PUT", "key?uploadId=x"),
        ("GET", "key?newThing"),
        ("DELETE", "key?newThing"),
        ("GET", "?session"),
        ("GET", "?newThing"),
        ("PUT", "?newThing"),
        ("DELETE", "?newThing"),
    ],
)
def test_unknown_sub_resource(lab, s3, bucket, method, target):
    s3.put_object(Bucket=bucket, Key="key", Body=b"kept")
    answer = signed(lab, method, f"/{bucket}/{target}")
    assert answer.refusal == ("NotImplemented", 501)
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"kept"


def test_method_nobody_knows(lab, bucket):
    assert signed(lab, "PATCH", f"/{bucket}/key").refusal == ("MethodNotAllowed", 405)


def test_truncated_body_stores_nothing(lab, s3, bucket):
    headers = signed_headers(lab, "PUT", f"/{bucket}/cut", body=b"x" * 1000)
    headers["Content-Length"] = "1000"
    head = f"PUT /{bucket}/cut HTTP/1.1\r\nHost: %s:%d\r\n" % address(lab)
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    answer = raw_exchange(lab, head.encode() + b"\r\n" + b"x" * 500)
    assert b" 400 " in answer.split(b"\r\n")[0] and b"IncompleteBody" in answer
    assert refused(s3.head_object, Bucket=bucket, Key="cut")[1] == 404


def test_body_without_a_length(lab, bucket):
    headers = signed_headers(lab, "PUT", f"/{bucket}/key", payload="UNSIGNED-PAYLOAD")
    headers = {name: v for name, v in headers.items() if name.lower() != "content-length"}
    connection = http.client.HTTPConnection(*address(lab), timeout=30)
    connection.request("PUT", f"/{bucket}/key", iter([b"a", b"b"]), headers, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 411 and b"MissingContentLength" in answer.read()


def test_body_too_large_is_refused_before_it_is_sent(lab, bucket):
    headers = signed_headers(lab, "PUT", f"/{bucket}/key", payload="UNSIGNED-PAYLOAD")
    headers["Content-Length"] = str((5 << 30) + 1)
    headers["Expect"] = "100-continue"
    assert send(lab, "PUT", f"/{bucket}/key", headers).refusal == ("EntityTooLarge", 400)


@pytest.mark.parametrize("refusal", ["signature", "condition", "bucket"])
def test_expect_is_answered_with_the_refusal(lab, s3, bucket, refusal):
    s3.put_object(Bucket=bucket, Key="key", Body=b"old")
    name = "missing-bucket" if refusal == "bucket" else bucket
    extra = {"If-None-Match": "*"} if refusal == "condition" else {}
    headers = signed_headers(lab, "PUT", f"/{name}/key", extra, payload="UNSIGNED-PAYLOAD")
    if refusal == "signature":
        headers["Authorization"] = headers["Authorization"][:-1] + "!"
    headers |= {"Content-Length": "5", "Expect": "100-continue"}
    answer = send(lab, "PUT", f"/{name}/key", headers)  # the body is never sent
    assert answer.refusal in (
        ("SignatureDoesNotMatch", 403),
        ("PreconditionFailed", 412),
        ("NoSuchBucket", 404),
    )


def test_preflight_is_refused(lab, bucket):
    headers = {"Origin": "http://example.com", "Access-Control-Request-Method": "GET"}
    assert send(lab, "OPTIONS", f"/{bucket}/key", headers).refusal == ("AccessForbidden", 403)


def test_request_xml_limit(lab, bucket):
    body = b"<Delete>" + b" " * (1 << 20) + b"</Delete>"
    assert signed(lab, "POST", f"/{bucket}?delete", body=body).refusal == ("MalformedXML", 400)
