"""The public workflows: what zizmor and actionlint say, and every action pinned by its commit."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

WORKFLOWS: Final = Path(".github/workflows")
ACTIONLINT: Final = Path(".venv/deploy/bin/actionlint")
"""Any actionlint: upstream's program takes the same arguments."""
_USES: Final = re.compile(r"^\s*(?:- )?uses:\s*(\S+)(.*)$", re.MULTILINE)
_PINNED: Final = re.compile(r"[\w./-]+@[0-9a-f]{40}")
# What a job that may write does: nothing of it runs a file, or a program in an image.
_COMMANDS: Final = (
    ("docker", "load"),
    ("docker", "tag"),
    ("docker", "login"),
    ("docker", "inspect"),
    ("docker", "push"),
    ("docker", "image", "push"),
    ("gh", "release", "create"),
    ("echo",),
)
_ACTIONS: Final = frozenset({"actions/download-artifact", "actions/attest"})
_OUTPUTS: Final = frozenset({"$GITHUB_OUTPUT", "$GITHUB_STEP_SUMMARY"})
# Variables by which a file is run, before or in place of a command.
_RUNS_A_FILE: Final = re.compile(
    r"PATH|BASH_ENV|ENV|IFS|SHELLOPTS|BASHOPTS|LD_\w+|DOCKER_\w+|GH_PATH"
)
_OF_JOB: Final = frozenset({"container", "services", "defaults", "uses"})
_PUSH: Final = re.compile(r"\bdocker\s+(?:image\s+|manifest\s+)?push\b|--push\b")
_SUBSTITUTION: Final = re.compile(r"\$\(([^()]*)\)")
_ASSIGNMENT: Final = re.compile(r"[a-z_][a-z_0-9]*=.*", re.DOTALL)


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
    for file in _files(folder):
        text = file.read_text()
        for action, rest in _USES.findall(text):
            if not _PINNED.fullmatch(action) or not re.search(r"# v\d", rest):
                problems.append(f"{file.name}: {action} is not pinned to a commit with its version")
        workflow = yaml.safe_load(text)
        for name, job in workflow["jobs"].items():
            access = job.get("permissions", workflow.get("permissions", "write-all"))
            problems += [f"{file.name}: {name} {problem}" for problem in _check_job(job, access)]
    return problems


def _files(folder: Path) -> list[Path]:
    """Return the workflows of a folder, under both endings that GitHub reads."""
    return sorted(file for file in folder.iterdir() if file.suffix in {".yml", ".yaml"})


def _check_job(job: Mapping[str, Any], access: str | Mapping[str, str]) -> list[str]:
    """Return what is wrong with a job that may write, or that publishes."""
    steps = job.get("steps", [])
    problems = []
    if access == "write-all":
        problems.append("may write everything")
    if access == "write-all" or (isinstance(access, dict) and "write" in access.values()):
        problems += _check_writer(job, steps)
    commands = "\n".join(step.get("run", "") for step in steps).replace("\\\n", " ")
    pushes = len(_PUSH.findall(commands))
    provenance = [
        step["with"]
        for step in steps
        if step.get("uses", "").startswith("actions/attest@") and "sbom-path" not in step["with"]
    ]
    images = [inputs for inputs in provenance if inputs.get("push-to-registry")]
    if pushes != len(images):
        problems.append("pushes an image and does not say where it comes from")
    return problems


def _check_writer(job: Mapping[str, Any], steps: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what could run in a job that may write, and is not on a list here."""
    yield from (f"has {key} and may write" for key in sorted(_OF_JOB & set(job)))
    for step in (job, *steps):
        yield from (f"sets {name}" for name in step.get("env", {}) if _RUNS_A_FILE.fullmatch(name))
    for step in steps:
        action = step.get("uses", "").partition("@")[0]
        if action and action not in _ACTIONS:
            yield f"uses {action} and may write"
        if "shell" in step:
            yield "runs a shell of its own"
        yield from _check_script(step.get("run", "").replace("\\\n", " "))


def _check_script(script: str) -> Iterator[str]:
    """Yield the commands of a script that are not on the list, and the files that it writes."""
    while inner := _SUBSTITUTION.search(script):
        yield from _check_script(inner[1])
        script = script.replace(inner[0], "SUBSTITUTED")
    for line in script.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split, lexer.commenters = True, ""
        try:
            tokens = list(lexer)
        except ValueError:
            tokens = ["$("]
        if any("`" in token or "$(" in token for token in tokens):
            yield f"runs what cannot be read: {line}"
        elif not line.lstrip().startswith("#"):
            yield from _check_commands(tokens)


def _check_commands(tokens: list[str]) -> Iterator[str]:
    words: list[str] = []
    rest = iter((*tokens, ";"))
    for token in rest:
        if set(token) <= set("<>&") and token.strip("&"):
            file = next(rest)
            if token != ">>" or file not in _OUTPUTS:
                yield f"writes to {file} or reads it"
        elif set(token) <= set("();<>|&"):
            while words and _ASSIGNMENT.fullmatch(words[0]):
                words.pop(0)
            if words and not any(tuple(words[: len(row)]) == row for row in _COMMANDS):
                yield f"runs `{' '.join(words)}`, and may write"
            words = []
        else:
            words.append(token)


def lint_workflows(folder: Path = WORKFLOWS) -> list[str]:
    """Return what actionlint finds, a line each; in scripts it asks shellcheck."""
    shellcheck = str(Path(sys.executable).with_name("shellcheck"))
    command = [str(ACTIONLINT), "-oneline", "-no-color", "-shellcheck", shellcheck]
    files = [str(file) for file in _files(folder)]
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
