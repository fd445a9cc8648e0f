"""Reads InferenceServices, a JSON list on standard input, with the models of KServe's own SDK: a field
that they do not know, or a value of another type, is an error. Run by the environment that has it."""

import json
import re
import sys

import kubernetes.client.models
from kserve import models

PLAIN = {"str": str, "bool": bool, "int": int, "float": (int, float)}


def model_named(name):
    return getattr(models, name, None) or getattr(kubernetes.client.models, name, None)


def check(value, kind, place):
    if kind.startswith(("list[", "List[")):
        assert isinstance(value, list), f"{place} is no list"
        for index, each in enumerate(value):
            check(each, kind[5:-1], f"{place}[{index}]")
    elif kind.startswith(("dict(", "Dict[", "dict[")):
        assert isinstance(value, dict), f"{place} is no map"
        for key, each in value.items():
            check(each, re.split(", *", kind[5:-1], maxsplit=1)[1], f"{place}.{key}")
    elif kind in PLAIN:
        is_right = isinstance(value, PLAIN[kind]) and not (kind == "int" and isinstance(value, bool))
        assert is_right, f"{place} is no {kind}"
    elif kind == "ResourceQuantity":
        assert isinstance(value, (str, int)), f"{place} is no quantity"
    elif kind not in ("object", "datetime"):
        check_model(value, model_named(kind), place)


def check_model(value, model, place):
    assert model is not None and isinstance(value, dict), f"{place} is no map"
    members = {wire: name for name, wire in model.attribute_map.items()}
    for key, each in value.items():
        assert key in members, f"{place} has no {key}"
        check(each, model.openapi_types[members[key]], f"{place}.{key}")
    # The models themselves refuse what is missing.
    model(**{members[key]: each for key, each in value.items()})


for document in json.load(sys.stdin):
    try:
        check_model(document, models.V1beta1InferenceService, document["metadata"]["name"])
    except (AssertionError, ValueError) as failure:
        sys.exit(str(failure))
