"""The public workflows: what zizmor says, and every action pinned by its commit."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

WORKFLOWS: Final = Path(".github/workflows")
_USES: Final = re.compile(r"^\s*(?:- )?uses:\s*(\S+)(.*)$", re.MULTILINE)
_PINNED: Final = re.compile(r"[\w./-]+@[0-9a-f]{40}")


def check_workflows(folder: Path = WORKFLOWS) -> list[str]:
    """Return what is wrong with the workflows of a folder."""
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
        for action, rest in _USES.findall(file.read_text()):
            if not _PINNED.fullmatch(action) or not re.search(r"# v\d", rest):
                problems.append(f"{file.name}: {action} is not pinned to a commit with its version")
    return problems
