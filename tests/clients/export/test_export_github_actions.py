"""Workflows of an export, judged by actionlint, which hands their scripts to shellcheck."""

import json
import os
import subprocess

import boto3
import pytest
import yaml
from export_support import export, go_tool, lint
from own_lab import binary, clean_environment


def workflows(place):
    """By name; "on" is a boolean to YAML 1.1."""
    found = {}
    for file in sorted((place / ".github/workflows").glob("*.yml")):
        found[file.stem] = yaml.safe_load(file.read_text())
        found[file.stem]["on"] = found[file.stem].pop(True)
    return found


@pytest.mark.parametrize("preset", ("lab", "vision"))
def test_actionlint_takes_them(course_lab, tmp_path, preset):
    """S3-30. The runner's name is younger than this actionlint."""
    place = export(course_lab.data_dir, tmp_path, "github-actions", "--preset", preset) / "github-actions"
    lint(place)
    files = sorted(map(str, (place / ".github/workflows").glob("*.yml")))
    assert len(files) == 3
    done = subprocess.run(
        [go_tool("actionlint"), "-shellcheck", "shellcheck", "-ignore", 'label "ubuntu-24.04" is unknown', *files],
        capture_output=True, text=True, cwd=place,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # The judge itself sees a mistake.
    broken = tmp_path / "broken.yml"
    broken.write_text((place / ".github/workflows/test.yml").read_text().replace("steps:", "stepz:", 1))
    assert subprocess.run([go_tool("actionlint"), str(broken)], capture_output=True).returncode != 0


def test_when_they_run(course_lab, tmp_path):
    """S3-31, S3-32: pull request and main: tests; main and by hand: the image; a tag: all, and a release."""
    place = export(course_lab.data_dir, tmp_path, "github-actions", "--preset", "vision") / "github-actions"
    found = workflows(place)
    assert {"pull_request", "push", "workflow_call"} == set(found["test"]["on"])
    assert found["test"]["on"]["push"] == found["docker"]["on"]["push"] == {"branches": ["main"]}
    assert "workflow_dispatch" in found["docker"]["on"]
    assert found["release"]["on"]["push"]["tags"] == ["v[0-9]+.[0-9]+.[0-9]+"]
    jobs = found["release"]["jobs"]
    assert set(jobs["docker"]["needs"]) == {"test", "e2e"} and jobs["release"]["needs"] == "docker"
    assert set(found["test"]["jobs"]) == {"lint", "test", "image", "security"}
    assert found["docker"]["jobs"]["build"]["env"]["IMAGE"] == "ghcr.io/your-name/mlflow-study"
    for workflow in found.values():
        assert workflow["permissions"]["contents"] == "read"
        for job in workflow["jobs"].values():
            for step in job.get("steps", []):
                if "uses" in step:
                    version = step["uses"].split("@")[1]
                    assert version.startswith("v") and version.count(".") == 2, step["uses"]


# Stands for docker: the image is the program under test, on ports of its own.
DOCKER = """#!/usr/bin/env python3
import os, subprocess, sys
words = sys.argv[1:]
assert words[:5] == ["run", "--detach", "--name", "lab", "--network"], words
at = next(i for i, word in enumerate(words) if "mlops-sandbox:" in word)
print("image", words[at])
subprocess.run([os.environ["BINARY"], *words[at + 1:], "--detach"], check=True)
"""
# Stands for curl, which would ask the port that the workflow knows.
CURL = "#!/bin/sh\nexit 0\n"


def test_the_lab_starts_with_keys_of_the_job(course_lab, tmp_path):
    """The script's words are words of this program; its variables are those that boto3 and MLflow read."""
    place = export(
        course_lab.data_dir, tmp_path, "github-actions", "--set", "bucket=ci-artifacts"
    ) / "github-actions"
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in (("docker", DOCKER), ("curl", CURL)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    environment = clean_environment() | {
        "PATH": f"{tools}:{os.environ['PATH']}", "BINARY": str(binary()), "HOME": str(tmp_path),
        "GITHUB_ENV": str(tmp_path / "github.env"), "GITHUB_ACTIONS": "true",
        "MLOPS_SANDBOX_DATA_DIR": str(tmp_path / "data"), "MLOPS_SANDBOX_PORT": "0",
        "MLOPS_SANDBOX_S3_PORT": "0", "MLOPS_SANDBOX_CONSOLE_PORT": "0",
    }
    try:
        done = subprocess.run(
            [str(place / ".github/start-lab.sh")], env=environment, capture_output=True, text=True,
            timeout=120, cwd=tmp_path,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        variables = dict(
            line.split("=", 1) for line in (tmp_path / "github.env").read_text().splitlines()
        )
        assert variables["MLFLOW_TRACKING_URI"].endswith(":5000")
        secret = variables["AWS_SECRET_ACCESS_KEY"]
        # Nowhere but in the line that tells GitHub to hide it.
        assert done.stdout.count(secret) == 1 and f"::add-mask::{secret}" in done.stdout

        status = subprocess.run(
            [binary(), "status", "--json", "--data-dir", str(tmp_path / "data")],
            capture_output=True, text=True, env=clean_environment(),
        )

        address = next(part["url"] for part in json.loads(status.stdout)["parts"] if part["name"] == "s3")
        store = boto3.client(
            "s3", endpoint_url=address, aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=secret, region_name="us-east-1",
        )
        assert "ci-artifacts" in [each["Name"] for each in store.list_buckets()["Buckets"]]
    finally:
        subprocess.run([binary(), "down", "--data-dir", str(tmp_path / "data")], env=clean_environment())
