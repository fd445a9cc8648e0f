"""Run by the Python that has kfp: loads a pipeline's folder as kfp's compiler and client do, says what is
in it as JSON, and with parameters runs it here as kfp.local does, a process for each component."""

import importlib.util
import json
import sys
import tempfile
from pathlib import Path

import yaml
from kfp import compiler, components, local

folder, parameters = Path(sys.argv[1]), json.loads(sys.argv[2])


def source():
    spec = importlib.util.spec_from_file_location("pipeline", folder / "pipeline.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def documents(text):
    return [each for each in yaml.safe_load_all(text) if each]


text = (folder / "e2e_pipeline.yaml").read_text()
loaded = components.load_component_from_text(text)
module = source()
with tempfile.TemporaryDirectory() as place:
    compiler.Compiler().compile(module.e2e_pipeline, place + "/compiled.yaml")
    compiled = documents(Path(place, "compiled.yaml").read_text())
shown = {
    "name": loaded.name,
    "schema": loaded.pipeline_spec.schema_version,
    "inputs": {name: each.default for name, each in loaded.component_spec.inputs.items()},
    "tasks": sorted(loaded.pipeline_spec.root.dag.tasks),
    "executors": sorted(loaded.pipeline_spec.deployment_spec["executors"]),
    "same": compiled == documents(text),
}
if parameters:
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=sys.argv[3])
    module.e2e_pipeline(**parameters)
print("PIPELINE " + json.dumps(shown))
