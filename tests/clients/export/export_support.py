"""What tests of exports share: a lab's export as files, and judges of what is in them."""

import os
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import yaml
from own_lab import binary, clean_environment
from yamllint import linter
from yamllint.config import YamlLintConfig

# Both ends of the Kubernetes versions that are looked after.
KUBERNETES_VERSIONS = ("1.33", "1.37")
GO_TOOLS = Path(__file__).parents[3] / "build" / "go" / "bin"
LINT_RULES = YamlLintConfig(
    "extends: default\nrules:\n  line-length: disable\n  document-start: disable\n"
    "  comments: {min-spaces-from-content: 1}\n"
)
# Kinds that are no part of Kubernetes itself; their own tests judge them.
FOREIGN = ("external-secrets.io/", "kustomize.config.k8s.io/", "serving.kserve.io/")


def go_tool(name):
    """A program that tests/run made of a Go module, or one of that name on the PATH."""
    place = Path(os.environ.get("SANDBOX_GO_TOOLS", GO_TOOLS)) / name
    found = str(place) if place.exists() else shutil.which(name)
    assert found, f"There is no {name}: tests/run makes it"
    return found


def run_export(data_dir, *words, environment=None):
    return subprocess.run(
        [binary(), "export", *map(str, words), "--data-dir", str(data_dir)],
        capture_output=True,
        text=True,
        env=clean_environment() | (environment or {}),
        timeout=60,
    )


def export(data_dir, out, *words):
    """Exports and answers the directory."""
    done = run_export(data_dir, *words, "--out", out)
    assert done.returncode == 0, done.stderr
    return Path(out)


def documents(*files):
    """The YAML documents of files, in order."""
    found = []
    for file in files:
        found += [each for each in yaml.safe_load_all(Path(file).read_text()) if each]
    return found


def yaml_files(directory):
    return sorted(Path(directory).rglob("*.yaml"))


def lint(directory):
    """Nothing that yamllint complains about in any YAML file."""
    for file in yaml_files(directory):
        problems = [str(each) for each in linter.run(file.read_text(), LINT_RULES, str(file))]
        assert not problems, f"{file}: {problems}"


def judge(found):
    """Every Kubernetes object fits the schemas of both ends, strictly: an unknown field is an error."""
    judged = 0
    for document in found:
        if document["apiVersion"].startswith(FOREIGN):
            continue
        for version in KUBERNETES_VERSIONS:
            kubernetes_validate.validate(document, version, strict=True)
        judged += 1
    assert judged, "There was nothing to judge"


def of_kind(found, kind):
    return [each for each in found if each["kind"] == kind]


def one_of(found, kind, name):
    matching = [each for each in of_kind(found, kind) if each["metadata"]["name"] == name]
    assert len(matching) == 1, f"{len(matching)} of {kind} {name}"
    return matching[0]


def pod_specs(found):
    """The pods that objects would make."""
    for document in found:
        spec = document.get("spec", {})
        if document["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if "template" in spec and document["kind"] in ("Deployment", "Job", "CronJob", "StatefulSet"):
            yield document, spec["template"]["spec"]


def texts(directory):
    """All text of an export, by file."""
    return {
        str(file.relative_to(directory)): file.read_text()
        for file in sorted(Path(directory).rglob("*"))
        if file.is_file()
    }


def check_restricted(found):
    """The restricted profile of the Pod Security Standards, and resources, for every pod."""
    for document, pod in pod_specs(found):
        name = document["metadata"]["name"]
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["seccompProfile"]["type"] == "RuntimeDefault", name
        for container in pod["containers"] + pod.get("initContainers", []):
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False, name
            assert own["capabilities"]["drop"] == ["ALL"], name
            assert container["resources"]["requests"], name
            assert container["resources"]["limits"]["memory"], name
            assert ":" in container["image"] and not container["image"].endswith(":latest"), name


def check_references(found, secrets):
    """Selectors, Services, claims, ConfigMaps and Secrets that are named exist. `secrets` are
    (namespace, name, key) of what make-secrets.sh makes."""
    found = [each for each in found if "metadata" in each]
    made = {(d["kind"], d["metadata"].get("namespace"), d["metadata"]["name"]): d for d in found}
    for document, pod in pod_specs(found):
        space = document["metadata"]["namespace"]
        for volume in pod.get("volumes", []):
            if "persistentVolumeClaim" in volume:
                claim = volume["persistentVolumeClaim"]["claimName"]
                assert ("PersistentVolumeClaim", space, claim) in made, claim
            if "configMap" in volume:
                assert ("ConfigMap", space, volume["configMap"]["name"]) in made
        if "serviceAccountName" in pod:
            assert ("ServiceAccount", space, pod["serviceAccountName"]) in made
        for container in pod["containers"] + pod.get("initContainers", []):
            for variable in container.get("env", []):
                source = variable.get("valueFrom", {})
                if "secretKeyRef" in source:
                    key = (space, source["secretKeyRef"]["name"], source["secretKeyRef"]["key"])
                    assert key in secrets, key
                if "configMapKeyRef" in source:
                    config = made[("ConfigMap", space, source["configMapKeyRef"]["name"])]
                    assert source["configMapKeyRef"]["key"] in config["data"]
        if document["kind"] in ("Job", "CronJob"):
            assert pod["restartPolicy"] in ("Never", "OnFailure")
    for deployment in of_kind(found, "Deployment"):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    for service in of_kind(found, "Service"):
        space = service["metadata"]["namespace"]
        pods = [
            pod
            for document, pod in pod_specs(found)
            if document["metadata"]["namespace"] == space
            and service["spec"]["selector"].items()
            <= document["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert pods, f"No pod for the Service {service['metadata']['name']}"
        ports = {p["name"] for pod in pods for c in pod["containers"] for p in c.get("ports", [])}
        assert {each["targetPort"] for each in service["spec"]["ports"]} <= ports


# Stands for kubectl: `create secret` as it is, `apply` kept in a file. No cluster is needed.
KUBECTL = """#!/usr/bin/env python3
import base64, json, pathlib, sys
words = sys.argv[1:]
record = pathlib.Path(__file__).with_name("applied.jsonl")
if words[:3] == ["create", "secret", "generic"]:
    folder = pathlib.Path(next(w for w in words if w.startswith("--from-file=")).split("=", 1)[1])
    data = {f.name: base64.b64encode(f.read_bytes()).decode() for f in sorted(folder.iterdir())}
    print(json.dumps({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": data,
                      "metadata": {"name": words[3], "namespace": words[words.index("--namespace") + 1]}}))
elif words[:2] == ["annotate", "--local"]:
    document = json.loads(pathlib.Path(words[words.index("--filename") + 1]).read_text())
    document["metadata"]["annotations"] = dict(w.split("=", 1) for w in words if "=" in w)
    print(json.dumps(document))
elif words[:1] == ["apply"]:
    with record.open("a") as out:
        out.write(sys.stdin.read().strip() + "\\n")
else:
    sys.exit(f"unexpected: {words}")
"""


def applied_secrets(script, tmp_path, variables):
    """The Secrets that make-secrets.sh would give the cluster."""
    import json

    folder = tmp_path / "kubectl"
    folder.mkdir()
    (folder / "kubectl").write_text(KUBECTL)
    (folder / "kubectl").chmod(0o755)
    environment = clean_environment() | variables
    environment["PATH"] = f"{folder}:{environment['PATH']}"
    done = subprocess.run(
        [str(script)], capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stderr
    for value in variables.values():
        assert value not in done.stdout + done.stderr
    secrets = [json.loads(line) for line in (folder / "applied.jsonl").read_text().splitlines()]
    judge(secrets)
    return secrets


def made_secrets(script, tmp_path, variables):
    """The same as {(namespace, name, key): value}."""
    import base64

    values = {}
    for secret in applied_secrets(script, tmp_path, variables):
        space, name = secret["metadata"]["namespace"], secret["metadata"]["name"]
        for key, text in secret["data"].items():
            values[(space, name, key)] = base64.b64decode(text).decode()
    return values
