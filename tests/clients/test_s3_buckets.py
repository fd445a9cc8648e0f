"""Buckets and the questions clients ask about them."""

import uuid

import pytest
from s3_support import bucket, make_client, refused, s3, send, signed  # noqa: F401


def test_create_list_head_delete(s3):
    name = "made-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name)
    assert name in [one["Name"] for one in s3.list_buckets()["Buckets"]]
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "us-east-1"
    s3.delete_bucket(Bucket=name)
    assert refused(s3.head_bucket, Bucket=name) == ("404", 404)
    assert refused(s3.delete_bucket, Bucket=name) == ("NoSuchBucket", 404)
    assert refused(s3.list_objects_v2, Bucket=name) == ("NoSuchBucket", 404)


def test_create_twice(s3, bucket):
    assert refused(s3.create_bucket, Bucket=bucket) == ("BucketAlreadyOwnedByYou", 409)


def test_create_with_a_bad_name(lab):
    for name in ("UPPER", "ab", "a" * 64, "under_score", "192.168.1.1"):
        assert signed(lab, "PUT", "/" + name).refusal == ("InvalidBucketName", 400), name


def test_create_with_location_constraint(lab, s3):
    name = "placed-" + uuid.uuid4().hex[:12]
    body = b"<CreateBucketConfiguration><LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>"
    there = signed(lab, "PUT", "/" + name, body=body % b"mars-1")
    assert there.refusal == ("InvalidLocationConstraint", 400)
    assert signed(lab, "PUT", "/" + name, body=b"<Create").refusal == ("MalformedXML", 400)
    assert signed(lab, "PUT", "/" + name, body=body % b"us-east-1").status == 200
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    s3.delete_bucket(Bucket=name)


def test_delete_while_not_empty(s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    assert refused(s3.delete_bucket, Bucket=bucket) == ("BucketNotEmpty", 409)


def test_list_buckets_in_pages(s3):
    prefix = "page-" + uuid.uuid4().hex[:8] + "-"
    names = [prefix + str(number) for number in range(5)]
    for name in names:
        s3.create_bucket(Bucket=name)
    pages = list(
        s3.get_paginator("list_buckets").paginate(Prefix=prefix, PaginationConfig={"PageSize": 2})
    )
    assert [len(page["Buckets"]) for page in pages] == [2, 2, 1]
    assert [one["Name"] for page in pages for one in page["Buckets"]] == names
    for name in names:
        s3.delete_bucket(Bucket=name)


def test_configurations_nobody_made(s3, bucket):
    absent = {
        s3.get_bucket_policy: "NoSuchBucketPolicy",
        s3.get_bucket_lifecycle_configuration: "NoSuchLifecycleConfiguration",
        s3.get_bucket_tagging: "NoSuchTagSet",
        s3.get_bucket_encryption: "ServerSideEncryptionConfigurationNotFoundError",
        s3.get_bucket_replication: "ReplicationConfigurationNotFoundError",
        s3.get_bucket_cors: "NoSuchCORSConfiguration",
        s3.get_bucket_website: "NoSuchWebsiteConfiguration",
        s3.get_object_lock_configuration: "ObjectLockConfigurationNotFoundError",
        s3.get_public_access_block: "NoSuchPublicAccessBlockConfiguration",
        s3.get_bucket_ownership_controls: "OwnershipControlsNotFoundError",
    }
    for call, code in absent.items():
        assert refused(call, Bucket=bucket) == (code, 404)


def test_configurations_that_are_empty(s3, bucket):
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert "TopicConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)


def test_configurations_that_are_not_offered(s3, bucket):
    enable = {"Status": "Enabled"}
    call = s3.put_bucket_versioning
    assert refused(call, Bucket=bucket, VersioningConfiguration=enable) == ("NotImplemented", 501)
    assert refused(s3.get_bucket_logging, Bucket=bucket) == ("NotImplemented", 501)
    call = s3.put_bucket_policy
    assert refused(call, Bucket=bucket, Policy="{}") == ("NotImplemented", 501)


def test_acl_is_private(s3, bucket):
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    for acl in (s3.get_bucket_acl(Bucket=bucket), s3.get_object_acl(Bucket=bucket, Key="key")):
        assert [grant["Permission"] for grant in acl["Grants"]] == ["FULL_CONTROL"]
        assert acl["Grants"][0]["Grantee"]["ID"] == acl["Owner"]["ID"]
    s3.put_object_acl(Bucket=bucket, Key="key", ACL="private")
    public = refused(s3.put_bucket_acl, Bucket=bucket, ACL="public-read")
    assert public == ("AccessControlListNotSupported", 400)
    public = refused(s3.put_object, Bucket=bucket, Key="key", Body=b"", ACL="public-read")
    assert public == ("AccessControlListNotSupported", 400)
    assert refused(s3.get_object_acl, Bucket=bucket, Key="none") == ("NoSuchKey", 404)


def test_configuration_of_a_missing_bucket(s3):
    assert refused(s3.get_bucket_policy, Bucket="missing-bucket") == ("NoSuchBucket", 404)


@pytest.mark.parametrize("path", ["live", "ready", "cluster"])
def test_health_without_a_signature(lab, path):
    for method in ("GET", "HEAD"):
        answer = send(lab, method, "/minio/health/" + path)
        assert (answer.status, answer.body) == (200, b"")
    assert send(lab, "GET", "/minio/health/other").refusal == ("AccessDenied", 403)


def test_virtual_host_style(lab, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a/b c.txt", Body=b"seen")
    port = lab.s3_url.rsplit(":", 1)[1]
    for domain in ("localhost", "s3.localhost"):
        virtual = make_client(lab, "virtual", endpoint_url=f"http://{domain}:{port}")
        # Not every resolver knows names below localhost; the Host header is what counts.
        virtual.meta.events.register("before-send.s3", lambda request, **_: _to_loopback(request))
        assert virtual.get_object(Bucket=bucket, Key="a/b c.txt")["Body"].read() == b"seen"
        virtual.put_object(Bucket=bucket, Key="other", Body=b"put")
        assert virtual.list_objects_v2(Bucket=bucket)["KeyCount"] == 2


def _to_loopback(request):
    host = request.url.split("/")[2]
    request.headers["Host"] = host
    request.url = request.url.replace(host, "127.0.0.1:" + host.split(":")[1], 1)
