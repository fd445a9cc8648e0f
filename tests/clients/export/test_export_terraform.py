"""The Terraform modules of a lab: parsed, held against each other, and given to terraform where it is."""

import json
import os
import re
import shutil
import subprocess

import hcl2
import pytest
import yaml
from export_support import export, texts
from own_lab import OwnLab

PRESETS = ("lab", "onprem", "vision", "docker-desktop")
MODULES = ("local", "cluster", "aws")


def parsed(place, module):
    """All blocks of a module: {kind: [(labels…, body)]}."""
    blocks = {}
    for file in sorted((place / module).glob("*.tf")):
        for kind, found in hcl2.loads(file.read_text()).items():
            blocks.setdefault(kind, []).extend(found)
    return blocks


def unquoted(text):
    return text.strip('"')


def variables_of(place, module):
    return {
        unquoted(name): body
        for block in parsed(place, module)["variable"]
        for name, body in block.items()
    }


def resources_of(place, module):
    return {
        (unquoted(kind), unquoted(name)): body
        for block in parsed(place, module)["resource"]
        for kind, named in block.items()
        for name, body in named.items()
    }


def members_of(text):
    """object({a = string, b = list(string)}) as {"a": "string", …}; depth by brackets."""
    inner = text[len("object({"):-len("})")]
    members, depth, start = [], 0, 0
    for at, letter in enumerate(inner + ","):
        depth += letter in "({" or -(letter in ")}")
        if letter == "," and depth == 0:
            members.append(inner[start:at])
            start = at + 1
    return dict(re.fullmatch(r"\s*(\w+) = (.+?)\s*", each).groups() for each in members if each.strip())


def check_type(kind, value, where):
    kind = kind.removeprefix("${").removesuffix("}") if kind.startswith("${") else kind
    if kind == "string":
        assert value is None or isinstance(value, str), where
    elif kind == "number":
        assert isinstance(value, int) and not isinstance(value, bool), where
    elif kind == "bool":
        assert isinstance(value, bool), where
    elif kind.startswith("list("):
        for each in value:
            check_type(kind[5:-1], each, where)
    elif kind.startswith("map("):
        assert isinstance(value, dict), where
        for name, each in value.items():
            check_type(kind[4:-1], each, f"{where}.{name}")
    else:
        assert kind.startswith("object("), f"{where}: {kind}"
        members = members_of(kind)
        assert set(members) == set(value), where
        for name, member in members.items():
            check_type(member, value[name], f"{where}.{name}")


def values_of(place, module):
    return json.loads((place / module / "terraform.tfvars.json").read_text())


@pytest.mark.parametrize("preset", PRESETS)
def test_values_fit_the_variables(course_lab, tmp_path, preset):
    """Names and types; what has no value is a secret, has a default, or is only known to its owner."""
    place = export(course_lab.data_dir, tmp_path, "terraform", "--preset", preset) / "terraform"
    for module in MODULES:
        declared = variables_of(place, module)
        values = values_of(place, module)
        for name, value in values.items():
            assert name in declared, f"{module}: {name}"
            check_type(declared[name]["type"], value, f"{module}: {name}")
        open_ones = {n for n, body in declared.items() if n not in values and "default" not in body}
        secrets = {"s3_access_key", "s3_secret_key"} if module == "local" else set()
        owners = {"vpc_id", "subnet_ids"} if module == "aws" else set()
        assert open_ones == secrets | owners
        for name, body in declared.items():
            is_secret = name.endswith(("_password", "_key"))
            assert body.get("sensitive", False) is is_secret, name
            assert unquoted(body["description"])
    for name, text in texts(place).items():
        for word in (course_lab.secret_key, course_lab.mlflow_url):
            assert word not in text, name


def test_modules_are_the_same_for_every_lab(course_lab, tmp_path):
    """Only data files tell labs apart."""
    kept = []
    for preset in PRESETS:
        place = export(course_lab.data_dir, tmp_path / preset, "terraform", "--preset", preset)
        kept.append({n: t for n, t in texts(place).items() if n.endswith(".tf")})
    assert len(kept[0]) == 9
    for modules in kept:
        assert modules == kept[0]


def test_every_reference_has_a_declaration(course_lab, tmp_path):
    """Variables, resources and providers that are named exist, and the other way round."""
    place = export(course_lab.data_dir, tmp_path, "terraform") / "terraform"
    for module in MODULES:
        text = "\n".join(file.read_text() for file in (place / module).glob("*.tf"))
        declared = set(variables_of(place, module))
        assert set(re.findall(r"\bvar\.(\w+)", text)) == declared, module
        resources = {f"{kind}.{name}" for kind, name in resources_of(place, module)}
        named = set(re.findall(r"\b((?:docker|helm|kubernetes|aws)_\w+\.\w+)\b", text))
        assert named <= resources, module
        (block,) = parsed(place, module)["terraform"]
        assert unquoted(block["required_version"]).startswith(">= 1.5")
        (providers,) = block["required_providers"]
        providers = {k: v for k, v in providers.items() if not k.startswith("__")}
        assert {kind.split("_")[0] for kind, _ in resources_of(place, module)} == set(providers)
        for provider in providers.values():
            assert re.fullmatch(r"~> \d+\.\d+", unquoted(provider["version"]))


def test_local_is_the_document_with_the_docker_provider(course_lab, tmp_path):
    """S3-39: kreuzwerker/docker, main.tf and outputs.tf; S3-16: port 5001; what Compose says too."""
    export(course_lab.data_dir, tmp_path, "terraform", "compose", "--preset", "vision")
    place = tmp_path / "terraform"
    assert (place / "local/main.tf").exists() and (place / "local/outputs.tf").exists()
    (block,) = parsed(place, "local")["terraform"]
    assert unquoted(block["required_providers"][0]["docker"]["source"]) == "kreuzwerker/docker"
    values = values_of(place, "local")
    services = yaml.safe_load((tmp_path / "compose/docker-compose.yml").read_text())["services"]
    server = services["mlflow"]
    assert values["server"]["port"] == 5001
    assert values["server"]["image"] == server["image"]
    assert values["server"]["command"] == server["entrypoint"]
    assert values["server"]["environment"].items() <= server["environment"].items()
    assert values["server"]["backend_uri"] == server["environment"]["MLFLOW_BACKEND_STORE_URI"]
    assert values["server"]["health"] == server["healthcheck"]["test"][1:]
    assert values["s3"]["buckets"] == services["make-buckets"]["entrypoint"][2:]
    assert values["postgres"]["image"] == services["postgres"]["image"]
    assert values["minio"]["image"] == services["minio"]["image"]
    for script in ("make_buckets.py", "upgrade_database.py"):
        own, other = (tmp_path / t / "scripts" / script for t in ("terraform/local", "compose"))
        assert own.read_bytes() == other.read_bytes()
    containers = {name: body for (kind, name), body in resources_of(place, "local").items()
                  if kind == "docker_container"}
    assert set(containers) == {"postgres", "minio", "mlflow", "make_buckets", "upgrade_database"}
    for name, body in containers.items():
        assert body["read_only"] is True and body["capabilities"][0]["drop"] == ['"ALL"'], name
        for port in body.get("ports", []):
            assert unquoted(port["ip"]) == "127.0.0.1", name


def test_users_want_their_secrets(tmp_path):
    """Without a password of its own MLflow's admin would have one that everybody knows: the values
    say that users log in, and the container's preconditions ask for what that takes."""
    login = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": "a long password"}
    start = {"MLFLOW_AUTH_ADMIN_PASSWORD": "a long password"}
    with OwnLab(tmp_path / "data", "--auth", "basic", environment=start | login) as lab:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in login.items():
                patch.setenv(name, value)
            place = export(lab.data_dir, tmp_path / "out", "terraform") / "terraform"
        lab.stop()
    server = values_of(place, "local")["server"]
    check_type(variables_of(place, "local")["server"]["type"], server, "server")
    assert server["users"] is True and server["settings_file"] is True
    assert "PGPASSWORD" not in server["environment"]
    uri = next(line for line in (place / "local/basic-auth.ini").read_text().splitlines()
               if line.startswith("database_uri"))
    assert uri.endswith("@postgres:5432/mlflow_auth?sslmode=prefer") and uri.count(":") == 2
    lifecycle = resources_of(place, "local")[("docker_container", "mlflow")]["lifecycle"][0]
    asked = " ".join(each["error_message"] for each in lifecycle["precondition"])
    for name in ("database_password", "mlflow_admin_password", "mlflow_flask_key"):
        assert f"TF_VAR_{name}" in asked
        assert f"TF_VAR_{name}=" in (place / "README.md").read_text()


def test_cluster_installs_the_exported_chart(course_lab, tmp_path):
    """S3-38: helm_release "mlflow" with values.yaml; the syntax of provider 3; ~/.kube/config."""
    export(course_lab.data_dir, tmp_path, "terraform", "helm", "--preset", "vision")
    place = tmp_path / "terraform"
    release = resources_of(place, "cluster")[("helm_release", "mlflow")]
    assert "values.yaml" in release["values"]
    values = values_of(place, "cluster")
    chart = place / "cluster" / values["chart"]
    assert (chart / "Chart.yaml").exists()
    written, own = (yaml.safe_load((f / "values.yaml").read_text()) for f in (place / "cluster", chart))
    assert written == own
    providers = {unquoted(name): body for block in parsed(place, "cluster")["provider"]
                 for name, body in block.items()}
    assert isinstance(providers["helm"]["kubernetes"], dict), "an argument, not a block"
    assert unquoted(variables_of(place, "cluster")["kubeconfig"]["default"]) == "~/.kube/config"
    spaces = {each["metadata"]["name"]: each["metadata"]["labels"]
              for each in yaml.safe_load_all((tmp_path / "helm/namespaces.yaml").read_text()) if each}
    assert set(values["namespaces"]) == set(spaces) and values["release_namespace"] in spaces
    metadata = resources_of(place, "cluster")[("kubernetes_namespace_v1", "lab")]["metadata"][0]
    labels = {unquoted(name): unquoted(value) for name, value in metadata["labels"].items()}
    labels["app.kubernetes.io/part-of"] = values["project"]
    for own in spaces.values():
        assert labels == own


def test_aws_keeps_data_and_passwords(course_lab, tmp_path):
    """Versions, no public access, encryption; the database's password in no state; nothing deleted."""
    place = export(course_lab.data_dir, tmp_path, "terraform", "--preset", "onprem") / "terraform"
    resources = resources_of(place, "aws")
    database = resources[("aws_db_instance", "lab")]
    for name in ("manage_master_user_password", "storage_encrypted", "deletion_protection"):
        assert database[name] is True
    assert database["publicly_accessible"] is False and "password" not in database
    access = resources[("aws_s3_bucket_public_access_block", "lab")]
    for name in ("block_public_acls", "block_public_policy", "ignore_public_acls",
                 "restrict_public_buckets"):
        assert access[name] is True
    versioning = resources[("aws_s3_bucket_versioning", "lab")]["versioning_configuration"][0]
    assert unquoted(versioning["status"]) == "Enabled"
    assert ("aws_s3_bucket_server_side_encryption_configuration", "lab") in resources
    assert ("aws_iam_access_key", "mlflow") not in resources
    values = values_of(place, "aws")
    assert values["region"] == "ap-northeast-2" and values["client_networks"] == ["192.168.18.0/24"]
    assert values["database"] == {
        "name": "mlflow_db", "user": "mlflow_user", "port": 5432, "storage_gib": 20,
    }


def test_the_policy_allows_what_the_document_lists(course_lab, tmp_path):
    """S2-32: Put, Get and Delete on objects, List on the buckets, nothing else."""
    place = export(course_lab.data_dir, tmp_path, "terraform", "--preset", "onprem") / "terraform"
    policy = json.loads((place / "aws/mlflow-s3-access.json").read_text())
    allowed = {action: set(each["Resource"]) for each in policy["Statement"] for action in each["Action"]}
    buckets = values_of(place, "aws")["buckets"]
    objects = {f"arn:aws:s3:::{bucket}/*" for bucket in buckets}
    assert allowed == {
        "s3:PutObject": objects,
        "s3:GetObject": objects,
        "s3:DeleteObject": objects,
        "s3:ListBucket": {f"arn:aws:s3:::{bucket}" for bucket in buckets},
    }
    assert "file(\"${path.module}/mlflow-s3-access.json\")" in (place / "aws/main.tf").read_text()
    assert {each["Effect"] for each in policy["Statement"]} == {"Allow"}


def hostile_export(tmp_path):
    prefix = "a ${upper(\"x\")} %{ if true } $$ 'q' \"d\" #é\\n {{x}}"
    with OwnLab(tmp_path / "data", "--artifacts-destination", f"s3://mlflow/{prefix}") as lab:
        place = export(lab.data_dir, tmp_path / "out", "terraform") / "terraform"
        lab.stop()
    return place, f"s3://mlflow/{prefix}"


def terraform(*words, cwd):
    program = shutil.which("terraform")
    if not program:
        pytest.skip("terraform is not installed")
    settings = cwd / "terraformrc"
    settings.write_text("")
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), "CHECKPOINT_DISABLE": "1",
                   "TF_CLI_CONFIG_FILE": str(settings)}
    return subprocess.run(
        [program, *map(str, words)], cwd=cwd, capture_output=True, text=True, env=environment
    )


def test_text_of_the_lab_is_no_expression(tmp_path):
    """Marks of Terraform's language in a lab's names are data."""
    place, expected = hostile_export(tmp_path)
    environment = values_of(place, "local")["server"]["environment"]
    assert environment["MLFLOW_ARTIFACTS_DESTINATION"] == expected


def test_terraform_formats_and_reads_it_alike(tmp_path):
    """The real program, where there is one: its formatter has nothing to do, and its own check of
    types takes the values and hands the texts on as they are. Providers come from a registry, so the
    resources are left out."""
    place, expected = hostile_export(tmp_path)
    done = terraform("fmt", "-check", "-recursive", place, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    for module in MODULES:
        folder = tmp_path / module
        folder.mkdir()
        shutil.copy(place / module / "variables.tf", folder)
        shutil.copy(place / module / "terraform.tfvars.json", folder)
        shown = "var.server" if module == "local" else "var.project"
        (folder / "outputs.tf").write_text(f'output "shown" {{\n  value = {shown}\n}}\n')
        secrets = ["-var=s3_access_key=a", "-var=s3_secret_key=b"] if module == "local" else []
        owners = ["-var=vpc_id=v", '-var=subnet_ids=["a","b"]'] if module == "aws" else []
        assert terraform("init", cwd=folder).returncode == 0
        done = terraform("apply", "-auto-approve", "-input=false", *secrets, *owners, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Warning: Value for undeclared variable" not in done.stdout
        value = json.loads(terraform("output", "-json", "shown", cwd=folder).stdout)
        if module == "local":
            assert value["environment"]["MLFLOW_ARTIFACTS_DESTINATION"] == expected
