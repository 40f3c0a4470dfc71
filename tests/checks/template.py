"""template.yaml: cfn-lint, the SAM translator, and `sam build` for the interpreter at hand."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

SAM = Path(".venv/sam/bin/sam")


def sam(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the SAM CLI without telemetry, for the interpreter and the processor at hand."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    variables = os.environ | {
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAM_CLI_TELEMETRY": "0",
        "KOVA_PYTHON": sys.executable,
        "KOVA_PYTHON_VERSION": version,
        "KOVA_PLATFORM": f"{platform.machine()}-manylinux_2_28",
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


def check_template() -> list[str]:
    """Return what is wrong with the template."""
    process = sam("validate", "--lint")
    return [] if process.returncode == 0 else [f"sam validate: {process.stdout}{process.stderr}"]


def build(folder: Path) -> None:
    """Build every function and layer into a folder.

    Raises:
        RuntimeError: the build failed.
    """
    cache = str(folder / "cache")
    process = sam("build", "--build-dir", str(folder / "build"), "--cache-dir", cache)
    if process.returncode != 0:
        raise RuntimeError(process.stdout + process.stderr)
