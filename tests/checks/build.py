"""`make build`: every function and layer, for this machine or for a deployment."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.checks.template import OWN_ARCHITECTURE, OWN_PYTHON, PLATFORMS, build, find_compiler

FOLDER = Path(".aws-sam")


def main() -> int:
    """Build, say what for and where, and return an exit code."""
    parser = argparse.ArgumentParser(prog="make build")
    parser.add_argument("--architecture", choices=sorted(PLATFORMS), default=OWN_ARCHITECTURE)
    parser.add_argument("--python", default=OWN_PYTHON, help="the version, such as 3.13")
    options = parser.parse_args()
    target = f"Python {options.python} on {options.architecture}"
    sys.stdout.write(f"Building every function and layer for {target} ...\n")
    sys.stdout.flush()
    try:
        build(FOLDER, options.architecture, options.python)
    except RuntimeError as exc:
        sys.stderr.write(str(exc))
        return 1
    if find_compiler(options.python) is None:
        sys.stdout.write(f"Without bytecode: python{options.python} is not on this machine.\n")
    sys.stdout.write(f"They are in {FOLDER / 'build'}.\n")
    if (options.architecture, options.python) == (OWN_ARCHITECTURE, OWN_PYTHON):
        sys.stdout.write("Run them here:  .venv/bin/kova up --lambda\n")
    else:
        parameters = f"PythonRuntime=python{options.python} Architecture={options.architecture}"
        command = f"sam deploy --guided --parameter-overrides {parameters}"
        sys.stdout.write(f"Deploy them:  .venv/sam/bin/{command}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
