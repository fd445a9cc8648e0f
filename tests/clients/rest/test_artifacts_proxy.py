"""Files through the server. Paths are sent over a bare socket, because clients tidy them up."""

import hashlib
import http.client
import os
from urllib.parse import urlsplit

import pytest

ROOT = "/api/2.0/mlflow-artifacts/artifacts"


class Plain:
    """One answer to a request whose target went out byte for byte."""

    def __init__(self, answer):
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.read()

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


@pytest.fixture
def send(mlflow_url):
    def send(method, path, body=None, **headers):
        address = urlsplit(mlflow_url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        connection._validate_path = lambda url: None
        connection._encode_request = lambda request: request.encode("utf-8")
        try:
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body, headers=headers)
            return Plain(connection.getresponse())
        finally:
            connection.close()

    return send


@pytest.fixture
def folder(unique):
    return unique("folder")


def listed(api, path):
    found = api.get(ROOT, path=path).ok().get("files", [])
    return {file["path"]: file.get("file_size") for file in found}


def test_put_get_list_delete(api, send, folder):
    path = f"{ROOT}/{folder}/a/b.txt"
    put = send("PUT", path, b"hello")
    # The reference answers an empty body; older ones answered {}.
    assert put.status == 200 and put.body in (b"", b"{}"), put
    got = send("GET", path)
    assert (got.status, got.body) == (200, b"hello")
    assert got.headers["Content-Length"] == "5"
    assert api.get(ROOT, path=folder).ok() == {"files": [{"path": "a", "is_dir": True}]}
    assert api.get(ROOT, path=f"{folder}/a").ok() == {
        "files": [{"path": "b.txt", "is_dir": False, "file_size": 5}]
    }
    deleted = api.send("DELETE", path)
    assert deleted.ok() == {}
    assert send("GET", path).status == 404
    assert api.get(ROOT, path=f"{folder}/a").ok() == {}


def test_both_prefixes_reach_the_same_file(send, folder):
    send("PUT", f"/ajax-api/2.0/mlflow-artifacts/artifacts/{folder}/x", b"1")
    assert send("GET", f"{ROOT}/{folder}/x").body == b"1"


def test_a_second_put_replaces_the_first(send, folder):
    path = f"{ROOT}/{folder}/x"
    first_tag = None
    for body in (b"long first body", b"2"):
        assert send("PUT", path, body).status == 200
        got = send("GET", path)
        assert got.body == body and got.headers["ETag"] != first_tag
        first_tag = got.headers["ETag"]


def test_an_empty_file(api, send, folder):
    assert send("PUT", f"{ROOT}/{folder}/x", b"").status == 200
    got = send("GET", f"{ROOT}/{folder}/x")
    assert (got.status, got.body, got.headers["Content-Length"]) == (200, b"", "0")
    assert api.get(ROOT, path=folder).ok() == {"files": [{"path": "x", "is_dir": False}]}


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_file(api, send, folder, chunked):
    body = os.urandom(1 << 20) * 24
    pieces = (body[at : at + 70_000] for at in range(0, len(body), 70_000))
    api.send("PUT", f"{ROOT}/{folder}/big", data=pieces if chunked else body)
    assert listed(api, folder) == {"big": len(body)}
    got = send("GET", f"{ROOT}/{folder}/big").body
    assert hashlib.sha256(got).digest() == hashlib.sha256(body).digest()


def test_any_content_type_is_taken(api, folder):
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        answer = api.send(
            "PUT", f"{ROOT}/{folder}/x", data=b"{not json", headers={"Content-Type": kind}
        )
        assert answer.status == 200
        assert api.get(f"{ROOT}/{folder}/x").body == b"{not json"


def test_a_missing_file(api, folder):
    api.get(f"{ROOT}/{folder}/nope").absent(f"No such artifact: '{folder}/nope'")


def test_a_folder_is_no_file(api, send, folder):
    send("PUT", f"{ROOT}/{folder}/a/b", b"1")
    for path in (folder, f"{folder}/a"):
        answer = api.get(f"{ROOT}/{path}")
        # The reference has no error code here, only FastAPI's `detail`. An object store has no
        # folders: 404 is as right.
        assert answer.status == 400 or (not api.is_reference and answer.status == 404), answer


def test_a_put_needs_a_file_name(send, folder):
    for path in (f"{ROOT}/{folder}/", f"{ROOT}/"):
        answer = send("PUT", path, b"1")
        assert answer.status == 400 and b"{" in answer.body, answer


def test_delete_may_be_repeated_and_takes_a_whole_folder(api, send, folder):
    for name in ("a/1", "a/2", "b"):
        send("PUT", f"{ROOT}/{folder}/{name}", b"1")
    assert api.send("DELETE", f"{ROOT}/{folder}/a").ok() == {}
    assert listed(api, folder) == {"b": 1}
    for path in (f"{folder}/b", f"{folder}/b", f"{folder}/nope/x"):
        assert api.send("DELETE", f"{ROOT}/{path}").ok() == {}


RANGES = [
    ("bytes=0-1", b"01", "bytes 0-1/10"),
    ("bytes=2-", b"23456789", "bytes 2-9/10"),
    ("bytes=-3", b"789", "bytes 7-9/10"),
    ("bytes=9-9", b"9", "bytes 9-9/10"),
    ("bytes=0-100", b"0123456789", "bytes 0-9/10"),
]


@pytest.mark.parametrize("asked, body, shown", RANGES)
def test_a_range(send, folder, asked, body, shown):
    send("PUT", f"{ROOT}/{folder}/x.bin", b"0123456789")
    got = send("GET", f"{ROOT}/{folder}/x.bin", Range=asked)
    assert (got.status, got.body, got.headers["Content-Range"]) == (206, body, shown)
    assert got.headers["Content-Length"] == str(len(body))


def test_a_range_beyond_the_end(send, folder):
    send("PUT", f"{ROOT}/{folder}/x.bin", b"0123456789")
    got = send("GET", f"{ROOT}/{folder}/x.bin", Range="bytes=10-")
    assert (got.status, got.headers["Content-Range"]) == (416, "bytes */10")


@pytest.mark.parametrize("asked", ["junk", "bytes=5-2", "lines=1-2", "bytes=a-b"])
def test_a_malformed_range_is_refused_or_ignored(send, folder, asked):
    # RFC 9110 lets a server ignore it; the reference answers 400.
    send("PUT", f"{ROOT}/{folder}/x.bin", b"0123456789")
    got = send("GET", f"{ROOT}/{folder}/x.bin", Range=asked)
    assert got.status in (400, 416) or (got.status, got.body) == (200, b"0123456789"), got


def test_headers_of_a_download(send, folder):
    send("PUT", f"{ROOT}/{folder}/x.bin", b"1")
    got = send("GET", f"{ROOT}/{folder}/x.bin")
    assert got.headers["Accept-Ranges"] == "bytes"
    assert got.headers["Last-Modified"].endswith(" GMT")
    assert got.headers["ETag"].startswith('"')
    assert got.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "name, kind",
    [
        ("m.txt", "text/plain"),
        ("m.json", "text/plain"),
        ("m.yaml", "text/plain"),
        ("m.csv", "text/plain"),
        ("m.py", "text/plain"),
        ("m.md", "text/plain"),
        ("m.js", "text/plain"),
        ("m.xml", "text/plain"),
        ("MLmodel", "text/plain"),
        ("m.html", "text/html"),
        ("m.png", "image/png"),
        ("m.svg", "image/svg+xml"),
        ("m.pdf", "application/pdf"),
        ("m.zip", "application/zip"),
        ("m.pkl", "application/octet-stream"),
        ("m.bin", "application/octet-stream"),
        ("noextension", "application/octet-stream"),
    ],
)
def test_content_types(send, folder, name, kind):
    send("PUT", f"{ROOT}/{folder}/{name}", b"x")
    got = send("GET", f"{ROOT}/{folder}/{name}")
    assert got.headers["Content-Type"].split(";")[0] == kind
    assert got.headers["Content-Disposition"] == f"attachment; filename={name}"


@pytest.mark.parametrize(
    "path, name, disposition",
    [
        ("sp%20ace.txt", "sp ace.txt", 'filename="sp ace.txt"'),
        ("%ED%95%9C%EA%B8%80.txt", "한글.txt", "filename=.txt; filename*=UTF-8''%ED%95%9C%EA%B8%80.txt"),
        ("%F0%9F%98%80", "😀", "filename=download; filename*=UTF-8''%F0%9F%98%80"),
        ("a+b.txt", "a+b.txt", "filename=a+b.txt"),
        ("p%25c.txt", "p%c.txt", "filename=p%c.txt"),
        ("q%3Fx.txt", "q?x.txt", 'filename="q?x.txt"'),
        ("a%3Ab.txt", "a:b.txt", 'filename="a:b.txt"'),
        ("s%27q.txt", "s'q.txt", "filename=s'q.txt"),
        ("d%22q.txt", 'd"q.txt', 'filename="d\\"q.txt"'),
        ("a;b", "a;b", 'filename="a;b"'),
        ("a=b&c", "a=b&c", 'filename="a=b&c"'),
        ("..dots", "..dots", "filename=..dots"),
        ("dots..", "dots..", "filename=dots.."),
        ("~t", "~t", "filename=~t"),
    ],
)
def test_unusual_names(api, send, folder, path, name, disposition):
    assert send("PUT", f"{ROOT}/{folder}/{path}", b"x").status == 200
    got = send("GET", f"{ROOT}/{folder}/{path}")
    assert (got.status, got.body) == (200, b"x")
    assert got.headers["Content-Disposition"] == "attachment; " + disposition
    assert listed(api, folder) == {name: 1}
    assert send("DELETE", f"{ROOT}/{folder}/{path}").status == 200
    assert listed(api, folder) == {}


TRICKS = [
    "../x",
    "..%2fx",
    "%2e%2e/x",
    "%2e%2e%2fx",
    "%2E%2E%2Fx",
    ".%2e/x",
    "a/../../x",
    "a/%2e%2e/%2e%2e/x",
    "%252e%252e/x",
    "%252e%252e%252fx",
    "..",
    "%2e%2e",
    "h%23x",
]


@pytest.mark.parametrize("path", TRICKS)
@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_a_path_that_leaves_its_place_is_refused(api, send, folder, method, path):
    answer = send(method, f"{ROOT}/{folder}/{path}", b"x" if method == "PUT" else None)
    assert answer.status == 400, answer
    assert b"INVALID_PARAMETER_VALUE" in answer.body and b"Invalid path" in answer.body, answer
    assert listed(api, folder) == {}


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_a_bare_hash_in_the_target_is_refused(api, send, folder, method):
    # No HTTP request may hold one, so a server may say 400 before it knows of any API.
    assert send(method, f"{ROOT}/{folder}/h#x", b"x" if method == "PUT" else None).status == 400
    assert listed(api, folder) == {}


@pytest.mark.parametrize("path", ["/etc/passwd", "%2fetc%2fpasswd"])
def test_an_absolute_path_is_refused(send, path):
    for method in ("PUT", "GET", "DELETE"):
        answer = send(method, f"{ROOT}/{path}", b"x" if method == "PUT" else None)
        # Flask redirects a doubled slash to the tidied path.
        assert answer.status in (308, 400, 404), answer
        assert b"root:" not in answer.body


@pytest.mark.parametrize(
    "path", ["a%00b", "%00", "a\\b", "..%5cx", "..\\x", "C:%5cx", "C:/x", "file:/etc/passwd", "a//b", "%2fx"]
)
def test_a_doubtful_path_is_a_plain_name_or_refused(api, send, folder, path):
    put = send("PUT", f"{ROOT}/{folder}/{path}", b"mine")
    assert put.status in (200, 400), put
    if put.status == 200:
        assert send("GET", f"{ROOT}/{folder}/{path}").body == b"mine"
        assert len(listed(api, folder)) == 1
        assert listed(api, "x") == {}
    else:
        assert listed(api, folder) == {}


@pytest.mark.parametrize("path", ["./x", "a/./b", "%2e", "file:///etc/passwd", "s3://b/x"])
def test_a_path_that_breaks_the_reference_is_a_plain_name_or_refused(api, send, folder, path):
    put = send("PUT", f"{ROOT}/{folder}/{path}", b"mine")
    if api.is_reference:
        assert put.status == 500
    elif put.status == 200:
        assert send("GET", f"{ROOT}/{folder}/{path}").body == b"mine"
    else:
        assert put.status == 400, put


@pytest.mark.parametrize(
    "path", ["../x", "%2e%2e/x", "%252e%252e", "/etc", "%2fetc", "a%23b", "a/../../b"]
)
def test_a_list_path_that_leaves_its_place_is_refused(send, path):
    answer = send("GET", f"{ROOT}?path={path}")
    assert answer.status == 400, answer
    assert b"INVALID_PARAMETER_VALUE" in answer.body and b"Invalid path" in answer.body


def test_a_list_of_nothing_is_empty(api, send, folder):
    send("PUT", f"{ROOT}/{folder}/file", b"1")
    assert api.get(ROOT, path=f"{folder}/nope").ok() == {}
    assert api.get(ROOT, path=f"{folder}/file").ok() == {}
    assert listed(api, folder + "/") == {"file": 1}


def test_lists_are_sorted_and_shallow(api, send, folder):
    for name in ("b", "a/deep/1", "B", "a.txt", "c/1", "a-b"):
        send("PUT", f"{ROOT}/{folder}/{name}", b"1")
    found = api.get(ROOT, path=folder).ok()["files"]
    assert [file["path"] for file in found] == ["B", "a", "a-b", "a.txt", "b", "c"]
    assert [file["path"] for file in found if file["is_dir"]] == ["a", "c"]
    assert all("file_size" not in file for file in found if file["is_dir"])


def test_a_list_without_a_path_shows_the_root(api, send, folder):
    send("PUT", f"{ROOT}/{folder}/x", b"1")
    for path in ({}, {"path": ""}):
        found = api.get(ROOT, **path).ok()["files"]
        assert {"path": folder, "is_dir": True} in found


def test_other_methods_are_refused(send, folder):
    assert send("POST", f"{ROOT}/{folder}/x", b"1").status == 405


@pytest.mark.parametrize("step", ["create", "complete", "abort"])
def test_a_multipart_upload_is_declined_so_that_clients_fall_back(api, folder, step):
    info = api.get("/api/3.0/mlflow/server-info").ok()
    if info["multipart_uploads_enabled"]:
        return  # a server that offers it is tested through the client
    answer = api.post(
        f"/api/2.0/mlflow-artifacts/mpu/{step}/{folder}/big",
        path=f"{folder}/big",
        num_parts=2,
        upload_id="x",
        parts=[],
    )
    answer.refused(501, "NOT_IMPLEMENTED", "Multipart upload is not supported for the current")
    assert answer.json["message"].startswith("Multipart upload is not supported")


def test_a_multipart_upload_of_an_old_client_is_declined(api, folder):
    # Clients 2.9 and 2.10 put the path into the body only. The reference answers an HTML 404,
    # on which they die; the 501 lets them fall back.
    answer = api.post("/api/2.0/mlflow-artifacts/mpu/create", path=f"{folder}/big", num_parts=2)
    if api.is_reference:
        assert answer.status == 404
    elif answer.status != 200:
        answer.refused(501, "NOT_IMPLEMENTED", "")
        assert answer.json["message"].startswith("Multipart upload is not supported")


@pytest.fixture
def filled_run(api, send, experiment, run):
    for name, body in (("z.txt", b"zz"), ("dir/one.txt", b"1"), ("dir/empty", b""), ("B.txt", b"1")):
        assert send("PUT", f"{ROOT}/{experiment}/{run}/artifacts/{name}", body).status == 200
    return run


def test_the_files_of_a_run(api, experiment, filled_run):
    root = f"mlflow-artifacts:/{experiment}/{filled_run}/artifacts"
    whole = [
        {"path": "B.txt", "is_dir": False, "file_size": 1},
        {"path": "dir", "is_dir": True},
        {"path": "z.txt", "is_dir": False, "file_size": 2},
    ]
    for more in ({}, {"path": ""}, {"page_token": "x"}):
        answer = api.get("artifacts/list", run_id=filled_run, **more).ok()
        assert answer == {"root_uri": root, "files": whole}
    assert api.get("artifacts/list", run_uuid=filled_run).ok()["files"] == whole
    for path in ("dir", "dir/"):
        assert api.get("artifacts/list", run_id=filled_run, path=path).ok()["files"] == [
            {"path": "dir/empty", "is_dir": False},
            {"path": "dir/one.txt", "is_dir": False, "file_size": 1},
        ]
    for path in ("nope", "dir/one.txt"):
        assert api.get("artifacts/list", run_id=filled_run, path=path).ok() == {"root_uri": root}


def test_the_files_of_a_run_that_has_none(api, experiment, run):
    assert api.get("artifacts/list", run_id=run).ok() == {
        "root_uri": f"mlflow-artifacts:/{experiment}/{run}/artifacts"
    }


def test_a_bad_list_of_a_run(api, run):
    for path in ("../x", "/etc", "%2e%2e", "a/../../b"):
        api.get("artifacts/list", run_id=run, path=path).invalid("Invalid path")
    api.get("artifacts/list", run_id="nope").absent("Run with id=nope not found")
    api.get("artifacts/list").missing("run_id")


def test_a_file_of_a_run_for_the_browser(api, send, filled_run):
    got = send("GET", f"/get-artifact?run_id={filled_run}&path=z.txt")
    assert (got.status, got.body) == (200, b"zz")
    assert got.headers["Content-Disposition"] == "attachment; filename=z.txt"
    assert send("GET", f"/get-artifact?run_uuid={filled_run}&path=dir/one.txt").body == b"1"
    api.get("/get-artifact", run_id=filled_run, path="nope").absent("No such artifact: ")
    api.get("/get-artifact", run_id=filled_run, path="../x").invalid("Invalid path")
    api.get("/get-artifact", run_id="nope", path="x").absent("Run with id=nope not found")


def test_a_browser_uploads_a_file(api, send, run):
    path = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}"
    assert send("POST", path + "&path=up.txt", b"up").status == 200
    assert send("GET", f"/get-artifact?run_id={run}&path=up.txt").body == b"up"
    api.send("POST", path, data=b"up").invalid("Request must specify path.")
    api.send("POST", path + "&path=../x", data=b"up").invalid("Invalid path")
