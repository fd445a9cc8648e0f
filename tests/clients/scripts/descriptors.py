"""Prints the endpoints this client's descriptors name: [[method, path, [request fields]], ...]."""

import json

from mlflow.protos import databricks_pb2, mlflow_artifacts_pb2, model_registry_pb2, service_pb2

endpoints = []
for module in (service_pb2, model_registry_pb2, mlflow_artifacts_pb2):
    for service in module.DESCRIPTOR.services_by_name.values():
        for method in service.methods:
            for one in method.GetOptions().Extensions[databricks_pb2.rpc].endpoints:
                path = "{}.0/{}".format(one.since.major, one.path.lstrip("/"))
                fields = [field.name for field in method.input_type.fields]
                endpoints.append([one.method, path, fields])
print(json.dumps(endpoints))
