"""ListObjects, ListObjectsV2, ListObjectVersions."""

import pytest
from s3_support import bucket, refused, s3  # noqa: F401

KEYS = ["a", "a/1", "a/2", "b b", "c/x/1", "c/x/2", "c/y", "d", "é/1", "~"]


@pytest.fixture
def full(s3, bucket):
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return bucket


def keys_of(page):
    return [one["Key"] for one in page.get("Contents", [])]


def prefixes_of(page):
    return [one["Prefix"] for one in page.get("CommonPrefixes", [])]


def test_list_in_order_of_bytes(s3, full):
    page = s3.list_objects_v2(Bucket=full)
    assert keys_of(page) == sorted(KEYS, key=str.encode)
    assert page["KeyCount"] == len(KEYS) and page["MaxKeys"] == 1000 and not page["IsTruncated"]
    assert [one["Size"] for one in page["Contents"]] == [
        len(key.encode()) for key in sorted(KEYS, key=str.encode)
    ]


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_list_with_delimiter_in_pages(s3, full, operation, size):
    pages = list(
        s3.get_paginator(operation).paginate(
            Bucket=full, Delimiter="/", PaginationConfig={"PageSize": size}
        )
    )
    assert [key for page in pages for key in keys_of(page)] == ["a", "b b", "d", "~"]
    assert [one for page in pages for one in prefixes_of(page)] == ["a/", "c/", "é/"]
    for page in pages[:-1]:
        assert len(keys_of(page)) + len(prefixes_of(page)) == size


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("size", [1, 3, 4])
def test_list_in_pages(s3, full, operation, size):
    pages = s3.get_paginator(operation).paginate(Bucket=full, PaginationConfig={"PageSize": size})
    assert [key for page in pages for key in keys_of(page)] == sorted(KEYS, key=str.encode)


def test_list_prefix_and_delimiter(s3, full):
    page = s3.list_objects_v2(Bucket=full, Prefix="c/", Delimiter="/")
    assert (keys_of(page), prefixes_of(page)) == (["c/y"], ["c/x/"])
    page = s3.list_objects_v2(Bucket=full, Prefix="c/x", Delimiter="/")
    assert (keys_of(page), prefixes_of(page)) == ([], ["c/x/"])
    page = s3.list_objects_v2(Bucket=full, Delimiter="/x/")
    assert prefixes_of(page) == ["c/x/"]
    assert s3.list_objects_v2(Bucket=full, Prefix="none")["KeyCount"] == 0


def test_list_start_after(s3, full):
    page = s3.list_objects_v2(Bucket=full, StartAfter="c/x/1")
    assert keys_of(page) == ["c/x/2", "c/y", "d", "~", "é/1"]
    assert page["StartAfter"] == "c/x/1"
    first = s3.list_objects_v2(Bucket=full, StartAfter="c", MaxKeys=1)
    second = s3.list_objects_v2(
        Bucket=full, StartAfter="zzz", ContinuationToken=first["NextContinuationToken"], MaxKeys=1
    )
    assert (keys_of(first), keys_of(second)) == (["c/x/1"], ["c/x/2"])
    assert keys_of(s3.list_objects(Bucket=full, Marker="d")) == ["~", "é/1"]


def test_list_owner(s3, full):
    assert "Owner" not in s3.list_objects_v2(Bucket=full)["Contents"][0]
    assert s3.list_objects_v2(Bucket=full, FetchOwner=True)["Contents"][0]["Owner"]["ID"]
    assert s3.list_objects(Bucket=full)["Contents"][0]["Owner"]["ID"]


def test_list_max_keys(s3, full):
    page = s3.list_objects_v2(Bucket=full, MaxKeys=0)
    assert page["KeyCount"] == 0 and not page["IsTruncated"]
    assert s3.list_objects_v2(Bucket=full, MaxKeys=5000)["MaxKeys"] == 1000
    code = refused(s3.list_objects_v2, Bucket=full, MaxKeys=-1)
    assert code == ("InvalidArgument", 400)


def test_list_refuses_bad_tokens(s3, full):
    call = s3.list_objects_v2
    for token in ("", "not a token!"):
        assert refused(call, Bucket=full, ContinuationToken=token) == ("InvalidArgument", 400)
    code = refused(s3.list_objects, Bucket=full, EncodingType="base64")
    assert code == ("InvalidArgument", 400)


def test_list_markers_only_with_delimiter(s3, full):
    assert "NextMarker" not in s3.list_objects(Bucket=full, MaxKeys=1)
    assert s3.list_objects(Bucket=full, MaxKeys=2, Delimiter="/")["NextMarker"] == "a/"


def test_list_versions(s3, full):
    pages = list(
        s3.get_paginator("list_object_versions").paginate(
            Bucket=full, PaginationConfig={"PageSize": 3}
        )
    )
    versions = [one for page in pages for one in page["Versions"]]
    assert [one["Key"] for one in versions] == sorted(KEYS, key=str.encode)
    assert {(one["VersionId"], one["IsLatest"]) for one in versions} == {("null", True)}
    assert not any("DeleteMarkers" in page for page in pages)
