"""The files of deploy/kubernetes are Kova's: its settings, compose's images, and names that are there."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from kova.bootstrap.settings import load_settings
from kova_server.worker import NEEDED, NEEDED_IN_PRODUCTION
from tests.checks.deployed_settings import check_variables
from tests.checks.kubernetes import FOLDER, OVERLAYS, check_resources

SECRETS = {
    "KOVA_DATABASE_PASSWORD": "x",
    "KOVA_REDIS_PASSWORD": "x",
    "KOVA_SECRETS_KEY": "x",
    "KOVA_SIGNING_KEY": "x",
    "KOVA_GITHUB_TOKEN": "x",
}
DIGEST = re.compile(r"image: ([\w./-]+:[\w.-]+@sha256:[0-9a-f]{64})")
POD: dict[str, Any] = {
    "kind": "Deployment",
    "metadata": {"name": "a"},
    "spec": {
        "selector": {"matchLabels": {"app": "a"}},
        "template": {
            "metadata": {"labels": {"app": "a"}},
            "spec": {
                "volumes": [{"configMap": {"name": "settings"}}],
                "containers": [
                    {
                        "image": "registry.example.com/kova:1",
                        "envFrom": [{"configMapRef": {"name": "settings"}}],
                        "env": [{"valueFrom": {"secretKeyRef": {"name": "kova-redis"}}}],
                    }
                ],
            },
        },
    },
}
SETTINGS = {"kind": "ConfigMap", "metadata": {"name": "settings"}}
SERVICE = {"kind": "Service", "metadata": {"name": "a"}, "spec": {"selector": {"app": "a"}}}
POLICY: dict[str, Any] = {
    "kind": "NetworkPolicy",
    "metadata": {"name": "p"},
    "spec": {
        "podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a"]}]},
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "a"}}}]}],
    },
}


def changed(resource: dict[str, Any], *path: Any, to: Any) -> dict[str, Any]:
    """Return a copy in which one value is another."""
    whole = copy.deepcopy(resource)
    place: Any = whole
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = to
    return whole


def test_names_that_are_there_are_no_problem() -> None:
    assert check_resources([POD, SETTINGS, SERVICE, POLICY]) == []


@pytest.mark.parametrize(
    ("resource", "problem"),
    [
        (
            changed(POD, "spec", "template", "spec", "volumes", 0, "configMap", "name", to="b"),
            "there is no ConfigMap b",
        ),
        (
            changed(POD, "spec", "template", "spec", "containers", 0, "image", to="redis:8"),
            "redis:8 has no digest",
        ),
        (changed(POD, "spec", "template", "spec", "serviceAccountName", to="b"), "ServiceAccount b"),
        (changed(SERVICE, "spec", "selector", "app", to="b"), "no pod has the labels"),
        (
            changed(POLICY, "spec", "podSelector", "matchExpressions", 0, "values", to=["a", "b"]),
            "no pod has the labels {'app': 'b'}",
        ),
        (
            changed(POLICY, "spec", "ingress", 0, "from", 0, "podSelector", "matchLabels", to={"app": "b"}),
            "no pod has the labels",
        ),
        ({"kind": "Secret", "metadata": {"name": "s"}}, "a Secret stands in the files"),
    ],
)  # fmt: skip
def test_a_mistake_is_found(resource: dict[str, Any], problem: str) -> None:
    (said,) = check_resources([POD, SETTINGS, resource])
    assert problem in said


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_has_all_settings_that_kova_needs(overlay: str) -> None:
    base = yaml.safe_load((FOLDER / "base/kustomization.yaml").read_text())
    own = yaml.safe_load((FOLDER / "overlays" / overlay / "kustomization.yaml").read_text())
    literals = [
        literal
        for kustomization in (base, own)
        for literal in kustomization["configMapGenerator"][0]["literals"]
    ]
    variables = dict(literal.split("=", 1) for literal in literals)
    # Raises where one is missing or not valid.
    settings = load_settings(
        {**variables, **SECRETS}, needed=NEEDED, needed_in_production=NEEDED_IN_PRODUCTION
    )
    assert settings.environment == "production"
    assert settings.redis_url
    assert settings.fix_queue_url
    assert settings.ai.command_queue_url
    assert check_variables("worker", variables, SECRETS) == []


def test_images_are_those_of_compose() -> None:
    compose = set(DIGEST.findall(Path("docker-compose.yml").read_text()))
    files = [*FOLDER.glob("base/*.yaml"), *FOLDER.glob("overlays/*/*.yaml")]
    kubernetes = {image for file in files for image in DIGEST.findall(file.read_text())}
    assert len(kubernetes) == 3
    assert kubernetes <= compose


def test_the_page_makes_a_restore_of_the_backup_job() -> None:
    page = Path("docs/deploy-kubernetes.md").read_text()
    (job,) = [
        resource["spec"]["jobTemplate"]
        for resource in yaml.safe_load_all((FOLDER / "base" / "backup.yaml").read_text())
        if resource["kind"] == "CronJob"
    ]
    # As `kubectl create job --from --dry-run=client --output=json` prints it.
    text = json.dumps(job, indent=4)
    for script in re.findall(r"\| (sed '[^']+')", page):
        process = subprocess.run(
            ["bash", "-c", script], input=text, capture_output=True, text=True, check=True
        )
        text = process.stdout
    (container,) = json.loads(text)["spec"]["template"]["spec"]["containers"]
    command, file, replace = container["args"]
    assert (command, replace) == ("restore", "--replace")
    assert Path(file).parent == Path(container["volumeMounts"][0]["mountPath"])
