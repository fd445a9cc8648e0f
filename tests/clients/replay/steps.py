"""The words a group of requests is written in. A group is a module of groups/ with a list STEPS.

A step has a name that is unique in its group, a method, a path below /api/2.0/mlflow/ (a whole path
when it starts with "/"), and what is sent: the query of a GET, the JSON body of the others. {name}
in any text stands for what an earlier step saved under that name.
"""

import re
from dataclasses import dataclass, field


@dataclass
class Ours:
    """What this server answers instead of the reference, and why. The message may be a part."""

    why: str
    status: int = 400
    code: str = "INVALID_PARAMETER_VALUE"
    message: str = ""
    body: object = None  # the whole body instead of an error
    same_as: str = ""  # our answer is the reference's to this other step


@dataclass
class Step:
    name: str
    method: str
    path: str
    sent: object = None
    headers: dict = field(default_factory=dict)
    text: object = None  # a body that is no JSON, or not to be encoded
    save: dict = field(default_factory=dict)  # variable -> where in the answer: "run.info.run_id"
    ours: Ours = None


def get(name, path, sent=None, **rest):
    return Step(name, "GET", path, sent, **rest)


def post(name, path, sent=None, **rest):
    return Step(name, "POST", path, {} if sent is None and "text" not in rest else sent, **rest)


def patch(name, path, sent=None, **rest):
    return Step(name, "PATCH", path, {} if sent is None else sent, **rest)


def put(name, path, sent=None, **rest):
    return Step(name, "PUT", path, sent, **rest)


def delete(name, path, sent=None, **rest):
    return Step(name, "DELETE", path, {} if sent is None else sent, **rest)


def each(step, path, key, values, /, **fixed):
    """One step for each value of one parameter, named by the path's last word and the value."""
    word = re.split(r"[/}]", path)[-1] or path
    name = f"{word}: {key} = " if step is not get else f"GET {word}: {key} = "
    return [step(name + shown(value), path, {**fixed, key: value}) for value in values]


def shown(value):
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:30]}… of {len(text)}"


def each_filter(step, path, filters, /, key="filter", **fixed):
    return [step(one, path, {**fixed, key: one}) for one in filters]


def each_order(step, path, orders, key="order_by", **fixed):
    return [step(f"order by {one}", path, {**fixed, key: one}) for one in orders]


# Why this server answers otherwise: reasons that many steps share.
SLOW = "the reference answers a server error, which clients repeat for minutes"
SENTENCE = "the same refusal in other words"
DROPPED = "the reference drops a value of a wrong type in silence"
KINDER = "the reference refuses what can only mean one thing"
