"""The installed client's own word on the API: its protocol descriptors and the routes of its server.

An endpoint is keyed by its method and its path below /api or /ajax-api, with the names of path
parameters left out: ("PATCH", "3.0/mlflow/traces/{}/tags").
"""

import importlib.util
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import mlflow
from mlflow.protos import (
    databricks_pb2,
    mlflow_artifacts_pb2,
    model_registry_pb2,
    service_pb2,
    webhooks_pb2,
)

SERVICES = (
    (service_pb2, "MlflowService"),
    (model_registry_pb2, "ModelRegistryService"),
    (mlflow_artifacts_pb2, "MlflowArtifactsService"),
    (webhooks_pb2, "WebhookService"),
)
PREFIX = re.compile(r"^/(ajax-)?api/")
PARAMETER = re.compile(r"<path:\w+>|\{\w+(?:\.\.\.|:path)\}|<\w+>|\{[\w.]+\}")


@dataclass
class Endpoint:
    method: str
    path: str
    parameters: list = field(default_factory=list)
    request: object = None  # a descriptor, or None when the reference publishes no shape
    response: object = None

    @property
    def key(self):
        return self.method, plain(self.path)


def plain(path):
    return PARAMETER.sub(lambda found: "{...}" if is_rest(found[0]) else "{}", path)


def is_rest(parameter):
    return parameter.startswith("<path:") or parameter.endswith(("...}", ":path}"))


def parameters(path):
    """Names of a path's parameters; {assessment.trace_id} is trace_id."""
    names = (re.sub(r"^<(path:)?|[<>{}]|\.\.\.|:path", "", found) for found in PARAMETER.findall(path))
    return [name.split(".")[-1] for name in names]


def described_endpoints():
    """Those of the protocol's services, with the shapes of request and answer."""
    for module, name in SERVICES:
        for method in module.DESCRIPTOR.services_by_name[name].methods:
            for one in method.GetOptions().Extensions[databricks_pb2.rpc].endpoints:
                path = f"{one.since.major}.0/{one.path.lstrip('/')}"
                yield Endpoint(
                    one.method, path, parameters(path), method.input_type, method.output_type
                )


def routed_endpoints():
    """Those that the server adds by hand: only their method and path are known."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.server
        from mlflow.server.fastapi_app import create_fastapi_app

        routes = [
            (method, rule.rule)
            for rule in mlflow.server.app.url_map.iter_rules()
            for method in rule.methods - {"HEAD", "OPTIONS"}
        ]
        for path, operations in create_fastapi_app(mlflow.server.app).openapi()["paths"].items():
            routes += [(method.upper(), path) for method in operations]
    for method, route in routes:
        if PREFIX.match(route):
            # One path of the descriptors lacks its slash, and so does its route.
            path = PREFIX.sub("", route).rstrip("/").replace("2.0mlflow/", "2.0/mlflow/")
            yield Endpoint(method, path, parameters(path))


def auth_paths():
    """Paths of the basic-auth application, whose routes name no methods."""
    source = Path(mlflow.__file__).parent / "server" / "auth" / "routes.py"
    specification = importlib.util.spec_from_file_location("auth_routes", source)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    values = [value for name, value in vars(module).items() if name.isupper()]
    return {plain(PREFIX.sub("", value)) for value in values if isinstance(value, str)}


def endpoints():
    found = {}
    for endpoint in [*described_endpoints(), *routed_endpoints()]:
        found.setdefault(endpoint.key, endpoint)
    return found
