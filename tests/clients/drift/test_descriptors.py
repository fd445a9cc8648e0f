"""What /sandbox/api.json declares is what the installed client's descriptors say, or allowed.txt
names the difference with a date and a reason. A line there that is no difference any more fails too.

After a change: python test_descriptors.py --rewrite-allowed [api.json]. It drops stale lines, keeps
the reasons of the others and adds what is new as "unexplained", which the test does not accept.
"""

import copy
import fnmatch
import json
import re
import sys
import tempfile
from datetime import date
from pathlib import Path

import pytest
import requests

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
from reference import auth_paths, endpoints, parameters, plain  # noqa: E402

ALLOWED = Path(__file__).with_name("allowed.txt")
UNEXPLAINED = "unexplained"

KINDS = {
    "TYPE_STRING": "string",
    "TYPE_BYTES": "string",
    "TYPE_BOOL": "bool",
    "TYPE_DOUBLE": "double",
    "TYPE_FLOAT": "double",
    "TYPE_INT32": "int64",
    "TYPE_INT64": "int64",
    "TYPE_UINT32": "int64",
    "TYPE_UINT64": "int64",
    "TYPE_SINT32": "int64",
    "TYPE_SINT64": "int64",
    "TYPE_ENUM": "enum",
    "TYPE_MESSAGE": "object",
}
# How JSON writes the well-known types.
WELL_KNOWN = {
    "google.protobuf.Timestamp": "string",
    "google.protobuf.Duration": "string",
    "google.protobuf.FieldMask": "string",
    "google.protobuf.Struct": "json",
    "google.protobuf.Value": "json",
    "google.protobuf.ListValue": "json",
    "google.protobuf.Any": "json",
}
DEPTH_MAX = 12


def type_names(descriptor):
    return {
        value: name for name, value in vars(type(descriptor)).items() if name.startswith("TYPE_")
    }


def kind_of(field):
    """The word our schema uses for a field's type, lists aside."""
    if field.message_type is not None and field.message_type.full_name in WELL_KNOWN:
        return WELL_KNOWN[field.message_type.full_name]
    return KINDS[type_names(field)[field.type]]


def is_map(field):
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def is_list(field):
    repeated = getattr(field, "is_repeated", None)
    return field.label == field.LABEL_REPEATED if repeated is None else repeated


def ours_of(shape):
    """The word for what we publish: an object without fields is any JSON."""
    return "json" if shape["type"] == "object" and "fields" not in shape else shape["type"]


def compare_field(where, shape, field, side, depth):
    wanted = kind_of(field)
    if is_map(field):
        if ours_of(shape) != "json":
            yield f"wrong type: {where} is {ours_of(shape)}, the reference has a map"
        return
    if is_list(field):
        if shape["type"] != "list":
            yield f"wrong type: {where} is {ours_of(shape)}, the reference has a list"
            return
        shape = shape["items"]
    elif shape["type"] == "list":
        yield f"wrong type: {where} is a list, the reference has {wanted}"
        return
    ours = ours_of(shape)
    if wanted == "enum" and ours == "enum":
        values = {value.name: value.number for value in field.enum_type.values}
        if shape["values"] != values:
            yield f"wrong values: {where} has {sorted(shape['values'])}, the reference {sorted(values)}"
    elif wanted == "enum":
        # An answer's enum is text in any case; a request's may also be a number.
        if ours not in ("json", "string") or (ours == "string" and side == "request"):
            yield f"wrong type: {where} is {ours}, the reference has enum"
    elif ours != wanted:
        yield f"wrong type: {where} is {ours}, the reference has {wanted}"
    elif wanted == "object" and depth < DEPTH_MAX:
        yield from compare_message(where, shape["fields"], field.message_type, side, depth + 1)


def compare_message(where, shapes, message, side, depth=0):
    aliases = {shape["alias"]: shape for shape in shapes.values() if "alias" in shape}
    for field in message.fields:
        shape = shapes.get(field.name) or aliases.get(field.name)
        if shape is None:
            yield f"missing field: {where}.{field.name}"
        else:
            yield from compare_field(f"{where}.{field.name}", shape, field, side, depth)
    known = {field.name for field in message.fields}
    for name in shapes:
        if name not in known:
            yield f"extra field: {where}.{name}"


def request_shapes(row, endpoint):
    """The declared request with path parameters under the reference's names; those that the
    reference has in its path alone are left out."""
    shapes = dict(row["request"])
    known = {field.name for field in endpoint.request.fields}
    for ours, theirs in zip(parameters(row["path"]), endpoint.parameters):
        shape = shapes.pop(ours, None) or {"type": "string"}
        if theirs in known:
            shapes[theirs] = shape
    return shapes


def compare_endpoint(row, endpoint):
    name = f"{endpoint.method} {plain(endpoint.path)}"
    if not row["implemented"]:
        yield f"refused: {name}"
    elif endpoint.request is not None:
        yield from compare_message(
            f"{name} request", request_shapes(row, endpoint), endpoint.request, "request"
        )
        yield from compare_message(f"{name} response", row["response"], endpoint.response, "response")


def catches(row, key):
    method, path = key
    pattern = re.escape(plain(row["path"])).replace(r"\{\.\.\.\}", ".+").replace(r"\{\}", "[^/]+")
    return row["method"] == method and re.fullmatch(pattern, path) is not None


def differences(table):
    rows = {(row["method"], plain(row["path"])): row for row in table["endpoints"]}
    refused_below = [row for row in rows.values() if row["path"].endswith("...}")]
    wanted = endpoints()
    found = []
    for key, endpoint in wanted.items():
        row = rows.get(key) or next((row for row in refused_below if catches(row, key)), None)
        if row is None:
            found.append(f"missing endpoint: {' '.join(key)}")
        else:
            found += compare_endpoint(row, endpoint)
    auth = auth_paths()
    for key, row in rows.items():
        is_catch_all = row in refused_below and not row["implemented"]
        if key not in wanted and key[1] not in auth and not is_catch_all:
            found.append(f"extra endpoint: {' '.join(key)}")
    return sorted(set(found))


class Allowance:
    """One line: a difference (with * for any text), "  # ", a date, a reason."""

    def __init__(self, line):
        difference, _, comment = line.partition("  # ")
        self.line = line
        self.difference = difference.strip()
        self.date, _, self.reason = comment.strip().partition(" ")

    def covers(self, difference):
        return fnmatch.fnmatchcase(difference, self.difference.replace("[", "[[]"))


def allowances():
    lines = ALLOWED.read_text().splitlines() if ALLOWED.exists() else []
    return [Allowance(line) for line in lines if line.strip() and not line.startswith("#")]


@pytest.fixture(scope="module")
def table(lab):
    return requests.get(lab.mlflow_url + "/sandbox/api.json", timeout=30).json()


@pytest.fixture(scope="module")
def found(table):
    return differences(table)


def test_every_difference_from_the_reference_is_known(found):
    allowed = allowances()
    unknown = [one for one in found if not any(line.covers(one) for line in allowed)]
    assert not unknown, "\n" + "\n".join(unknown)


def test_every_allowed_difference_still_is_one(found):
    stale = [line.line for line in allowances() if not any(map(line.covers, found))]
    assert not stale, "\n" + "\n".join(stale)


def test_every_allowed_difference_has_a_date_and_a_reason():
    for line in allowances():
        assert date.fromisoformat(line.date) <= date.today(), line.line
        assert len(line.reason.split()) >= 3 and line.reason != UNEXPLAINED, line.line


def test_a_drift_is_named(table, found):
    drifted = copy.deepcopy(table)
    rows = {(row["method"], row["path"]): row for row in drifted["endpoints"]}
    row = rows["POST", "2.0/mlflow/runs/create"]
    del row["request"]["tags"]["items"]["fields"]["value"]
    row["request"]["start_time"]["type"] = "string"
    row["response"]["run"]["fields"]["info"]["fields"]["color"] = {"type": "string"}
    drifted["endpoints"].remove(rows["GET", "2.0/mlflow/runs/get"])
    assert set(differences(drifted)) - set(found) == {
        "missing field: POST 2.0/mlflow/runs/create request.tags.value",
        "wrong type: POST 2.0/mlflow/runs/create request.start_time is string, the reference has int64",
        "extra field: POST 2.0/mlflow/runs/create response.run.info.color",
        "missing endpoint: GET 2.0/mlflow/runs/get",
    }


def rewrite_allowed(table):
    found = differences(table)
    head = [line for line in ALLOWED.read_text().splitlines() if line.startswith("#")]
    kept = [line for line in allowances() if any(map(line.covers, found))]
    new = [one for one in found if not any(line.covers(one) for line in kept)]
    lines = [line.line for line in kept]
    lines += [f"{one}  # {date.today().isoformat()} {UNEXPLAINED}" for one in new]
    ALLOWED.write_text("\n".join(head + sorted(lines)) + "\n")
    print(f"{len(kept)} lines kept, {len(new)} unexplained ones added")


def built_table():
    from own_lab import OwnLab

    with tempfile.TemporaryDirectory() as folder, OwnLab(Path(folder) / "data") as lab:
        table = requests.get(lab.mlflow_url + "/sandbox/api.json", timeout=30).json()
        lab.stop()
    return table


if __name__ == "__main__":
    assert sys.argv[1:2] == ["--rewrite-allowed"], __doc__
    rewrite_allowed(json.loads(Path(sys.argv[2]).read_text()) if sys.argv[2:] else built_table())
