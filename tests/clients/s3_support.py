"""What the S3 tests share: clients, a bucket of one's own, and requests signed by hand."""

import datetime
import hashlib
import hmac
import http.client
import socket
import urllib.parse
import uuid
import xml.etree.ElementTree as ElementTree

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError


def make_client(lab, style="path", **config):
    """A boto3 client as a user would make it, without retries so that failures show."""
    return boto3.client(
        "s3",
        endpoint_url=config.pop("endpoint_url", lab.s3_url),
        aws_access_key_id=config.pop("access_key", lab.access_key),
        aws_secret_access_key=config.pop("secret_key", lab.secret_key),
        region_name=config.pop("region", "us-east-1"),
        config=Config(
            s3={"addressing_style": style}, retries={"total_max_attempts": 1}, **config
        ),
    )


@pytest.fixture
def s3(lab):
    return make_client(lab)


@pytest.fixture
def bucket(s3):
    """A bucket of its own for each test, emptied and deleted afterwards."""
    name = "test-" + uuid.uuid4().hex[:16]
    s3.create_bucket(Bucket=name)
    yield name
    for upload in s3.list_multipart_uploads(Bucket=name).get("Uploads", []):
        s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for entry in page.get("Contents", []):
            s3.delete_object(Bucket=name, Key=entry["Key"])
    s3.delete_bucket(Bucket=name)


def refused(call, **arguments):
    """(code, HTTP status) with which a boto3 call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def code(self):
        return ElementTree.fromstring(self.body).findtext("Code")

    @property
    def refusal(self):
        return self.code, self.status


def address(lab):
    parts = urllib.parse.urlsplit(lab.s3_url)
    return parts.hostname, parts.port


def send(lab, method, target, headers=None, body=None):
    """Sends exactly this, signed or not."""
    connection = http.client.HTTPConnection(*address(lab), timeout=30)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        headers = dict(headers or {})
        if body is not None and not any(n.lower() == "content-length" for n in headers):
            headers["Content-Length"] = str(len(body))
        for name, value in headers.items():
            if name.lower() != "host":
                connection.putheader(name, value)
        connection.endheaders()
        if body:
            connection.send(body)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def signed_headers(lab, method, target, headers=None, body=b"", payload=None):
    """The headers of a request, signed by botocore; `payload` overrides x-amz-content-sha256."""
    request = AWSRequest(method=method, url=lab.s3_url + target, data=body, headers=headers or {})
    request.headers["x-amz-content-sha256"] = payload or hashlib.sha256(body or b"").hexdigest()
    credentials = Credentials(lab.access_key, lab.secret_key)

    class Auth(S3SigV4Auth):
        def payload(self, request):
            return request.headers["x-amz-content-sha256"]

        def _modify_request_before_signing(self, request):
            digest = request.headers["x-amz-content-sha256"]
            super()._modify_request_before_signing(request)
            del request.headers["x-amz-content-sha256"]
            request.headers["x-amz-content-sha256"] = digest

    Auth(credentials, "s3", "us-east-1").add_auth(request)
    return dict(request.headers.items())


def signed(lab, method, target, headers=None, body=b"", payload=None):
    """A request signed by hand, for what no client would send."""
    return send(
        lab, method, target, signed_headers(lab, method, target, headers, body, payload), body
    )


def raw_exchange(lab, data, until_close=True):
    """Sends bytes on a socket of its own and returns all that comes back."""
    with socket.create_connection(address(lab), timeout=30) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


class ChunkSigner:
    """Signs the chunks of an aws-chunked body after the headers were signed."""

    def __init__(self, lab, headers):
        self.date = headers["X-Amz-Date"]
        day = self.date[:8]
        self.scope = f"{day}/us-east-1/s3/aws4_request"
        key = ("AWS4" + lab.secret_key).encode()
        for part in (day, "us-east-1", "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        self.key = key
        self.previous = headers["Authorization"].rsplit("Signature=", 1)[1]

    def _sign(self, kind, *parts):
        text = "\n".join((kind, self.date, self.scope, self.previous) + parts)
        self.previous = hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()
        return self.previous

    def chunk(self, data):
        signature = self._sign(
            "AWS4-HMAC-SHA256-PAYLOAD",
            hashlib.sha256(b"").hexdigest(),
            hashlib.sha256(data).hexdigest(),
        )
        head = f"{len(data):x};chunk-signature={signature}\r\n".encode()
        return head + data + b"\r\n" if data else head

    def trailer(self, name, value):
        line = f"{name}:{value}"
        signature = self._sign(
            "AWS4-HMAC-SHA256-TRAILER", hashlib.sha256((line + "\n").encode()).hexdigest()
        )
        return f"{line}\r\nx-amz-trailer-signature:{signature}\r\n".encode()


def utc(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)
