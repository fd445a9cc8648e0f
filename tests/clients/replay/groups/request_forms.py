"""How requests are read: content types, bodies, spellings, unknown paths and methods, pages."""

from steps import SENTENCE, SLOW, Ours, Step, delete, get, patch, post, put

CREATE = "experiments/create"
TYPES = ["application/json", "application/json; charset=utf-8", "application/JSON", "text/plain", "application/x-www-form-urlencoded", "", "application/jsonx", "multipart/form-data"]
BODIES = ["", "{}", "null", "[]", "5", "\"x\"", "true", "{", "{\"name\": \"a\",}", "{'name': 'a'}", "\ufeff{\"name\": \"bom\"}", "{\"name\": \"twice\", \"name\": \"thrice\"}", "{\"name\": NaN}", "{\"name\": \"nul\\u0000byte\"}", "{\"name\": \"\\ud83d\\ude00\"}", "{\"name\": \"esc\\u00e9\"} trailing", "\"{\\\"name\\\": \\\"inner\\\"}\"", "   {\"name\": \"spaces\"}   "]


FOREIGN_HOST = (
    "Invalid Host header - possible DNS rebinding attack detected. This server does not answer to the "
    "name 'evil.example'. Use localhost or the machine's private address, or start the sandbox with "
    "--allowed-hosts and the names it should answer to.\n"
)
FOREIGN_ORIGIN = (
    "Cross-origin request blocked. A web page from 'http://evil.example' may not change anything "
    "here; start the sandbox with --cors-allowed-origins to let it.\n"
)
SERVER_INFO = {
    "store_type": "SqlStore",
    "workspaces_enabled": False,
    "trace_archival_enabled": False,
    "multipart_uploads_enabled": True,
    "multipart_downloads_enabled": False,
    "presigned_upload_run_id_supported": True,
    "presigned_upload_model_id_supported": True,
    "features_enabled": {"gateway": False},
}


def raw(name, path, text, kind="application/json", method="POST"):
    return Step(name, method, path, None, {"Content-Type": kind} if kind else {}, text)


STEPS = [
    *[raw(f"content type {kind!r}", CREATE, '{"name": "type %d"}' % i, kind) for i, kind in enumerate(TYPES)],
    *[raw(f"body {body!r}", CREATE, body) for body in BODIES],
    raw("a body that is not UTF-8", CREATE, b'{"name": "\xff"}'),
    raw("PATCH without content type", "registered-models/update", '{"name": "x"}', "", "PATCH"),
    raw("DELETE without content type", "registered-models/delete", '{"name": "x"}', "", "DELETE"),
    raw("DELETE as text", "registered-models/delete", '{"name": "x"}', "text/plain", "DELETE"),
    post("an experiment", CREATE, {"name": "one"}, save={"e": "experiment_id"}),
    post("camelCase of a required field", "experiments/delete", {"experimentId": "{e}"}),
    post("camelCase of another field", CREATE, {"name": "camel", "artifactLocation": "s3://b/c"}, save={"camel": "experiment_id"}),
    get("camelCase was read", "experiments/get", {"experiment_id": "{camel}"}),
    post("both spellings", CREATE, {"name": "both", "artifactLocation": "s3://b/c", "artifact_location": "s3://b/d"}),
    get("camelCase in a query", "experiments/get", {"experimentId": "0"}),
    get("a parameter twice", "experiments/get", {"experiment_id": ["0", "{e}"]}),
    get("an unknown parameter", "experiments/get", {"experiment_id": "0", "color": "red"}),
    get("an unknown path", "nobody/nothing"),
    post("an unknown path by POST", "nobody/nothing"),
    get("the wrong method", CREATE),
    post("the other wrong method", "experiments/get"),
    put("PUT to a POST path", CREATE, {"name": "put"}),
    get("a trailing slash", "experiments/get/", {"experiment_id": "0"}),
    get("another version", "/api/1.0/mlflow/experiments/get", {"experiment_id": "0"}),
    get("version 3.0 of a 2.0 path", "/api/3.0/mlflow/experiments/get", {"experiment_id": "0"}),
    get("below ajax-api", "/ajax-api/2.0/mlflow/experiments/get", {"experiment_id": "0"}),
    get("below the preview prefix", "/api/2.0/preview/mlflow/experiments/get", {"experiment_id": "0"}),
    get("health", "/health"),
    get("version", "/version"),
    get("server info", "/api/3.0/mlflow/server-info"),
    get("a foreign host", "experiments/get", {"experiment_id": "0"}, headers={"Host": "evil.example"}),
    get("a private host", "experiments/get", {"experiment_id": "0"}, headers={"Host": "192.168.1.5:5000"}),
    get("health of a foreign host", "/health", headers={"Host": "evil.example"}),
    post("a foreign origin", CREATE, {"name": "origin"}, headers={"Origin": "http://evil.example"}),
    post("a local origin", CREATE, {"name": "origin"}, headers={"Origin": "http://localhost:3000"}),
    get("a foreign origin reading", "experiments/get", {"experiment_id": "0"}, headers={"Origin": "http://evil.example"}),
    Step("OPTIONS", "OPTIONS", "experiments/get"),
    Step("HEAD", "HEAD", "experiments/get?experiment_id=0"),
    delete("DELETE of a GET path", "experiments/get"),
    patch("PATCH of a POST path", CREATE, {"name": "patch"}),
]

# What this server answers otherwise, and why.
OURS = {
    "body '[]'": Ours(SLOW, message="The request body must be a JSON object."),
    "body '5'": Ours(SLOW, message="The request body must be a JSON object."),
    "body '\"x\"'": Ours(SLOW, message="Missing value for required parameter 'name'. See the API docs for more"),
    "body 'true'": Ours(SLOW, message="The request body must be a JSON object."),
    "body '{\"name\": NaN}'": Ours(SENTENCE, message="Missing value for required parameter 'name'. See the API docs for more"),
    "server info": Ours("each tells of its own features", 200, body=SERVER_INFO),
    "a foreign host": Ours("a refusal that says what to do", 403, body=FOREIGN_HOST),
    "a foreign origin": Ours("a refusal that says what to do", 403, body=FOREIGN_ORIGIN),
    "HEAD": Ours("HEAD is a GET without body", 200, body=""),
}
