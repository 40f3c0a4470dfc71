"""The public workflows: what zizmor and actionlint say, and every action pinned by its commit."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import yaml

WORKFLOWS: Final = Path(".github/workflows")
ACTIONLINT: Final = Path(".venv/deploy/bin/actionlint")
"""Any actionlint: upstream's program takes the same arguments."""
_USES: Final = re.compile(r"^\s*(?:- )?uses:\s*(\S+)(.*)$", re.MULTILINE)
_PINNED: Final = re.compile(r"[\w./-]+@[0-9a-f]{40}")
_SIGNS: Final = {"id-token", "attestations", "packages", "contents"}
_BUILDS: Final = re.compile(r"\b(make|docker build|pip|npm|uv)\b")


def check_workflows(folder: Path = WORKFLOWS) -> list[str]:
    """Return what is wrong with the workflows of a folder, but for what actionlint finds."""
    zizmor = str(Path(sys.executable).with_name("zizmor"))
    process = subprocess.run(
        [zizmor, "--offline", "--no-progress", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    problems = [] if process.returncode == 0 else [f"zizmor: {process.stdout}"]
    for file in sorted(folder.glob("*.yml")):
        text = file.read_text()
        for action, rest in _USES.findall(text):
            if not _PINNED.fullmatch(action) or not re.search(r"# v\d", rest):
                problems.append(f"{file.name}: {action} is not pinned to a commit with its version")
        for name, job in yaml.safe_load(text)["jobs"].items():
            problems += [f"{file.name}: {name} {problem}" for problem in _check_job(job)]
    return problems


def _check_job(job: dict[str, Any]) -> list[str]:
    """Return what is wrong with a job that may write, or that publishes."""
    writes = {name for name, access in job["permissions"].items() if access == "write"}
    steps = job["steps"]
    commands = "\n".join(step.get("run", "") for step in steps)
    uses = [step.get("uses", "").partition("@")[0] for step in steps]
    problems = []
    if writes & _SIGNS and (_BUILDS.search(commands) or "actions/checkout" in uses):
        problems.append("runs what others wrote, and may sign or publish")
    pushes = commands.count("docker push")
    provenance = [
        step["with"]
        for step in steps
        if step.get("uses", "").startswith("actions/attest@") and "sbom-path" not in step["with"]
    ]
    images = [inputs for inputs in provenance if inputs.get("push-to-registry")]
    if pushes != len(images):
        problems.append("pushes an image and does not say where it comes from")
    return problems


def lint_workflows(folder: Path = WORKFLOWS) -> list[str]:
    """Return what actionlint finds, a line each; in scripts it asks shellcheck."""
    shellcheck = str(Path(sys.executable).with_name("shellcheck"))
    command = [str(ACTIONLINT), "-oneline", "-no-color", "-shellcheck", shellcheck]
    files = sorted(str(file) for file in folder.glob("*.yml"))
    process = subprocess.run(
        [*command, "-pyflakes", "", *files],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if process.returncode not in {0, 1}:
        raise RuntimeError(f"actionlint: {process.stderr}")
    return process.stdout.splitlines()
