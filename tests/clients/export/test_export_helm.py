"""The chart of a lab: what helm itself says of it, and that it means what the manifests mean."""

import os
import subprocess

import pytest
import yaml
from export_support import (
    check_references,
    check_restricted,
    documents,
    export,
    go_tool,
    judge,
    lint,
    made_secrets,
    of_kind,
    one_of,
    pod_specs,
    texts,
    yaml_files,
)
from own_lab import OwnLab

PRESETS = ("lab", "onprem", "vision", "docker-desktop")
VALUES = {"S3_ACCESS_KEY": "tester", "S3_SECRET_KEY": "s3cr3t$%", "DATABASE_PASSWORD": "p@ss w%rd"}


@pytest.fixture(scope="module")
def chart(course_lab, tmp_path_factory):
    """Tests only read it."""
    return chart_in(export(course_lab.data_dir, tmp_path_factory.mktemp("chart"), "helm") / "helm")


def helm(*words, check=True):
    """Away from the settings of whoever runs the tests."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    done = subprocess.run(
        [go_tool("helm"), *map(str, words)], capture_output=True, text=True, env=environment
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def chart_in(place):
    (found,) = place.glob("*/Chart.yaml")
    return found.parent


def rendered(chart, *words):
    done = helm("template", "lab", chart, "--kube-version", "1.33.0", *words)
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def plain(document):
    """Without what only a chart says, and with variables by their names."""
    metadata = document["metadata"]
    for label in ("helm.sh/chart", "app.kubernetes.io/managed-by"):
        metadata.get("labels", {}).pop(label, None)
    metadata.pop("annotations", None)
    pod = document.get("spec", {}).get("template", {}).get("spec", {})
    for container in pod.get("containers", []) + pod.get("initContainers", []):
        names = [each["name"] for each in container["env"]]
        assert len(set(names)) == len(names)
        container["env"] = {each["name"]: each for each in container["env"]}
    return document


def plain_env(container):
    return [each["name"] for each in container["env"]]


def by_name(found):
    return {
        (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]): plain(each)
        for each in found
        if each["kind"] not in ("Namespace", "Kustomization")
    }


@pytest.mark.parametrize(
    "words",
    [("--preset", preset) for preset in PRESETS]
    + [
        ("--set", "server=mlops-sandbox"),
        ("--set", "server=mlops-sandbox", "--preset", "onprem"),
        ("--set", "database=external", "--set", "objects=external", "--set", "database_port=6432"),
        ("--set", "mlflow_namespace=models", "--set", "mlflow_port=80", "--set", "project=lab-of-ann",
         "--set", "database_service=db", "--set", "objects_secret=keys", "--set", "mlflow_replicas=3"),
    ],
    ids=" ".join,
)
def test_the_chart_means_what_the_manifests_mean(course_lab, tmp_path, words):
    """S3-2, S3-36: the same images, variables, ports, Secrets and names as the target k8s, for Helm's
    strict linter and Kubernetes' strict schemas of two versions."""
    export(course_lab.data_dir, tmp_path, "helm", "k8s", *words)
    place = tmp_path / "helm"
    for file in yaml_files(place):
        assert "/templates/" in str(file) or documents(file)
    chart = chart_in(place)
    helm("lint", "--strict", chart)
    found = rendered(chart)
    judge(found)
    check_restricted(found)
    needs_password = "DATABASE_PASSWORD" in (place / "make-secrets.sh").read_text()
    variables = {k: v for k, v in VALUES.items() if needs_password or "DATA" not in k}
    check_references(found, made_secrets(place / "make-secrets.sh", tmp_path, variables))
    expected = by_name(documents(*yaml_files(tmp_path / "k8s" / "base")))
    assert by_name(found) == expected
    namespaces = documents(place / "namespaces.yaml")
    assert namespaces == documents(tmp_path / "k8s/base/namespaces.yaml")
    judge(namespaces)


def test_rendering_is_the_same_every_time_and_claims_stay(course_lab, chart):
    """No password is made up while rendering: it would change with every upgrade."""
    once, again = (
        helm("template", "lab", chart, "--kube-version", "1.33.0").stdout for _ in range(2)
    )
    assert once == again
    found = [each for each in yaml.safe_load_all(once) if each]
    claims = of_kind(found, "PersistentVolumeClaim")
    assert {each["metadata"]["name"] for each in claims} == {"postgres-data", "minio-data"}
    for claim in claims:
        assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    for name, text in texts(chart).items():
        assert course_lab.secret_key not in text, name
    assert not of_kind(found, "Secret")
    lint(chart.parent / "namespaces.yaml")


def test_templates_are_the_same_for_every_lab(course_lab, tmp_path):
    """Only values.yaml and Chart.yaml tell labs apart."""
    charts = [
        texts(chart_in(export(course_lab.data_dir, tmp_path / preset, "helm", "--preset", preset)
                       / "helm"))
        for preset in PRESETS
    ]
    for chart in charts:
        for own in ("values.yaml", "Chart.yaml"):
            chart.pop(own)
        assert chart == charts[0]


@pytest.mark.parametrize(
    "setting, word",
    [
        ("server.replicas=two", "server.replicas"),
        ("server.replicas=0", "server.replicas"),
        ("server.replcas=2", "replcas"),
        ("nonsense=1", "nonsense"),
        ("postgresql.enabled=yes please", "postgresql.enabled"),
        ("server.service.nodePort=5000", "nodePort"),
        ("server.kind=django", "server.kind"),
        ("server.image=mlflow", "server.image"),
        ("server.image=mlflow:latest", "server.image"),
        ("server.namespace=Upper", "server.namespace"),
        ("s3.endpoint=minio:9000", "s3.endpoint"),
        ("server.env.A=1", "server.env.A"),  # a number is no text
        ("minio.claim.size=big", "minio.claim.size"),
        ("tools.upgradeResources.limit.cpu=1", "limit"),
    ],
)
def test_the_schema_refuses(chart, setting, word):
    """Wrong types, unknown keys and what Kubernetes would refuse later, with the key's name."""
    done = helm(
        "template", "lab", chart, "--kube-version", "1.33.0", "--set", setting, check=False
    )
    assert done.returncode != 0
    assert "schema" in done.stderr and word in done.stderr


def test_stores_outside_switch_the_charts_own_off(course_lab, chart, tmp_path):
    """S1-27: `enabled: false` in the values of a lab with an external database, and by hand."""
    words = ("helm", "--preset", "onprem")
    outside = chart_in(export(course_lab.data_dir, tmp_path, *words) / "helm")
    values = yaml.safe_load((outside / "values.yaml").read_text())
    assert values["postgresql"]["enabled"] is False and values["minio"]["enabled"] is False
    found = rendered(
        chart, "--set", "postgresql.enabled=false", "--set", "minio.enabled=false",
        "--set", "s3.endpoint=https://s3.example.org",
    )
    judge(found)
    assert [each["metadata"]["name"] for each in of_kind(found, "Deployment")] == ["mlflow-server"]
    assert not of_kind(found, "PersistentVolumeClaim")
    server = plain(one_of(found, "Deployment", "mlflow-server"))
    (container,) = server["spec"]["template"]["spec"]["containers"]
    assert container["env"]["MLFLOW_S3_ENDPOINT_URL"]["value"] == "https://s3.example.org"
    out = one_of(found, "NetworkPolicy", "mlflow-server")["spec"]["egress"]
    ports = [port["port"] for rule in out if "to" not in rule for port in rule["ports"]]
    assert ports == [5432, 443, 9000]
    # Without an endpoint it is AWS, which needs none.
    aws = rendered(chart, "--set", "minio.enabled=false")
    names = [name for _, pod in pod_specs(aws) for c in pod["containers"] for name in plain_env(c)]
    assert "AWS_ACCESS_KEY_ID" in names and "MLFLOW_S3_ENDPOINT_URL" not in names
    assert "mlflow-s3-endpoint-url" not in one_of(aws, "ConfigMap", "mlflow-config")["data"]


def test_an_ingress_is_that_of_the_manifests(course_lab, tmp_path):
    export(course_lab.data_dir, tmp_path, "helm", "k8s")
    found = rendered(chart_in(tmp_path / "helm"), "--set", "server.ingress.enabled=true",
                     "--set", "networkPolicies.enabled=false")
    judge(found)
    assert not of_kind(found, "NetworkPolicy")
    expected = by_name(documents(tmp_path / "k8s/components/ingress/ingress.yaml"))
    assert by_name(of_kind(found, "Ingress")) == expected


@pytest.mark.parametrize("kind", ["mlflow", "mlops-sandbox"])
def test_users_come_with_their_secret(tmp_path, kind):
    """A lab with users: what the manifests say of them, the chart says too."""
    variables = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": "a long password"}
    start = {"MLFLOW_AUTH_ADMIN_PASSWORD": "a long password"}
    with OwnLab(tmp_path / "data", "--auth", "basic", environment=start | variables) as lab:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            export(lab.data_dir, tmp_path / "out", "helm", "k8s", "--set", f"server={kind}")
        lab.stop()
    found = rendered(chart_in(tmp_path / "out/helm"))
    judge(found)
    assert by_name(found) == by_name(documents(*yaml_files(tmp_path / "out/k8s/base")))
    assert "mlflow-auth" in yaml.safe_dump_all(found)


def test_text_that_means_something_to_templates_arrives_as_it_is(tmp_path):
    """Template marks, quotes and line ends in a lab's names are data."""
    prefix = "a {{ fail \"x\" }} 'q' \"d\" $(HOME) ${x} %d: #é\\n"
    with OwnLab(tmp_path / "data", "--artifacts-destination", f"s3://mlflow/{prefix}") as lab:
        export(lab.data_dir, tmp_path / "out", "helm")
        lab.stop()
    chart = chart_in(tmp_path / "out/helm")
    helm("lint", "--strict", chart)
    server = plain(one_of(rendered(chart), "Deployment", "mlflow-server"))
    (container,) = server["spec"]["template"]["spec"]["containers"]
    variable = container["env"]["MLFLOW_ARTIFACTS_DESTINATION"]["value"]
    assert variable == f"s3://mlflow/{prefix}"


def test_notes_say_how_to_reach_it(course_lab, tmp_path):
    """S4-25: the port of the nodes is named where there is one."""
    chart = chart_in(
        export(course_lab.data_dir, tmp_path, "helm", "--preset", "docker-desktop") / "helm"
    )
    # Helm prints the notes only with a cluster at hand; as a text in a manifest they are the same.
    text = "".join(f"  {line}" for line in (chart / "templates/NOTES.txt").open())
    (chart / "templates/notes.yaml").write_text(f"kind: Notes\nnotes: |\n{text}")
    (notes,) = of_kind(rendered(chart, "--set", "server.ingress.enabled=true"), "Notes")
    for words in (
        "http://localhost:30500",
        "https://mlflow.example.org",
        "kubectl -n monitoring port-forward service/mlflow 5000:5000",
        "http://mlflow.monitoring.svc.cluster.local:5000",
        "jobs in training read that from the ConfigMap mlflow-config",
    ):
        assert words in notes["notes"]
