"""The templates: cfn-lint, the SAM translator, and `sam build`, whose results must fit into Lambda."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

SAM: Final = Path(".venv/sam/bin/sam")
CFN_LINT: Final = Path(".venv/sam/bin/cfn-lint")
CHECKOV: Final = Path(".venv/checkov/bin/checkov")
TEMPLATE: Final = Path("template.yaml")
NESTED: Final = Path("deploy/aws")
CHECKOV_SETTINGS: Final = NESTED / "checkov.yaml"
PLATFORMS: Final = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
MOST_MIB: Final = 235
"""Lambda refuses more than 250 MiB; the rest is for what the next versions of libraries add."""


OWN_PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
OWN_ARCHITECTURE: Final = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"


def sam(
    *arguments: str, architecture: str = OWN_ARCHITECTURE, python: str = OWN_PYTHON
) -> subprocess.CompletedProcess[str]:
    """Run the SAM CLI without telemetry.

    Args:
        arguments: of the CLI.
        architecture: arm64 or x86_64.
        python: the version to build for. Only an interpreter of that version can compile; where
            it is not installed, the functions are built without bytecode.
    """
    variables = os.environ | {
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAM_CLI_TELEMETRY": "0",
        "KOVA_PYTHON": find_compiler(python) or "",
        "KOVA_PYTHON_VERSION": python,
        "KOVA_PLATFORM": PLATFORMS[architecture],
        "KOVA_UV": str(Path(sys.executable).with_name("uv")),
    }
    return subprocess.run(
        [str(SAM.absolute()), *arguments],
        capture_output=True,
        text=True,
        env=variables,
        check=False,
        timeout=600,
    )


def find_compiler(python: str) -> str | None:
    """Return the interpreter of a version, such as 3.13; None if this machine has none."""
    return sys.executable if python == OWN_PYTHON else shutil.which(f"python{python}")


def check_template() -> list[str]:
    """Return what is wrong with the templates."""
    process = sam("validate", "--lint")
    problems = [] if process.returncode == 0 else [f"sam validate: {process.stdout}"]
    problems += lint([path for path in NESTED.glob("*.yaml") if path != CHECKOV_SETTINGS])
    return problems + check_weaknesses([TEMPLATE, *NESTED.glob("*.yaml")])


def lint(templates: Sequence[Path]) -> list[str]:
    """Return what cfn-lint says about templates."""
    command = [str(CFN_LINT), *sorted(map(str, templates))]
    process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    return [f"cfn-lint: {process.stdout}{process.stderr}"] if process.returncode else []


def check_weaknesses(templates: Sequence[Path], settings: Path = CHECKOV_SETTINGS) -> list[str]:
    """Return the weak settings that checkov, with settings of its own, finds in templates."""
    files = sorted(str(path) for path in templates if path.name != settings.name)
    command = [str(CHECKOV), "--config-file", str(settings), "--file", *files]
    process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    return [] if process.returncode == 0 else [f"checkov: {process.stdout}{process.stderr}"]


def translated_template() -> dict[str, Any]:
    """Return template.yaml as SAM's transform makes it."""
    script = Path("tests/checks/translate_template.py")
    process = subprocess.run(
        [str(SAM.with_name("python")), str(script), str(TEMPLATE)],
        capture_output=True,
        text=True,
        env=os.environ | {"AWS_DEFAULT_REGION": "us-east-1"},
        check=True,
        timeout=120,
    )
    template: dict[str, Any] = json.loads(process.stdout)
    return template


def build(folder: Path, architecture: str = OWN_ARCHITECTURE, python: str = OWN_PYTHON) -> None:
    """Build every function and layer into a folder, whose `build` has the result.

    Raises:
        RuntimeError: the build failed.
    """
    places = ("--build-dir", str(folder / "build"), "--cache-dir", str(folder / "cache"))
    process = sam("build", *places, architecture=architecture, python=python)
    if process.returncode != 0:
        raise RuntimeError(process.stdout + process.stderr)


@dataclass(frozen=True, kw_only=True)
class Package:
    """What Lambda unpacks for a function."""

    function: str
    architecture: str
    layers: tuple[str, ...]
    size: int  # Bytes, with the bytecode.

    @property
    def mebibytes(self) -> float:
        """The size in MiB."""
        return self.size / 1024**2


def measure_packages(folder: Path, architecture: str) -> list[Package]:
    """Return the packages of what was built into a folder, each with every layer it can have."""
    sizes: dict[str, int] = {}

    def size_of(name: str) -> int:
        if name not in sizes:
            files = (folder / "build" / name).rglob("*")
            sizes[name] = sum(file.stat().st_size for file in files if file.is_file())
        return sizes[name]

    return [
        Package(
            function=name,
            architecture=architecture,
            layers=layers,
            size=size_of(name) + sum(map(size_of, layers)),
        )
        for name, layers in layers_by_function().items()
    ]


def layers_by_function() -> dict[str, tuple[str, ...]]:
    """Return the names of the layers that each function of the template can have."""
    template = read_template(TEMPLATE)
    functions = {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    shared = _names_in(template["Globals"]["Function"]["Layers"])
    return {
        name: (*shared, *_names_in(properties.get("Layers", [])))
        for name, properties in functions.items()
    }


def read_template(path: Path) -> dict[str, Any]:
    """Read a template; a short form such as `!Ref Name` becomes its value, `Name`."""
    template: dict[str, Any] = yaml.load(path.read_text(), _Loader)  # noqa: S506 (a safe loader)
    return template


def check_build() -> list[str]:
    """Build everything for both processors, print how large it is, and hold it to Lambda's limit."""
    packages: list[Package] = []
    for architecture in PLATFORMS:
        with tempfile.TemporaryDirectory() as name:
            build(Path(name), architecture)
            packages += measure_packages(Path(name), architecture)
    for package in packages:
        layers = " + ".join(package.layers)
        sys.stdout.write(
            f"  {package.architecture:7} {package.mebibytes:4.0f} MiB  "
            f"{package.function} + {layers}\n"
        )
    return [
        f"{package.function} has {package.mebibytes:.0f} MiB on {package.architecture}; "
        f"{MOST_MIB} is the limit"
        for package in packages
        if package.mebibytes > MOST_MIB
    ]


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as lists and texts."""


def _read_tag(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _read_tag)


def _names_in(value: Any) -> list[str]:
    """Return the names of layers in a value that may be conditional."""
    if isinstance(value, list):
        return [name for part in value for name in _names_in(part)]
    return [value] if isinstance(value, str) and value.endswith("Layer") else []
