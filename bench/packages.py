"""`python -m bench.packages`: `kova scan` on real source distributions, as a user would run it.

For each package: a scan, a scan that writes the proved fixes, and a third one that must show
exactly those findings gone and none new, with every file that parsed before still parsing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import libcst
from rich.console import Console
from rich.table import Table

from examples.demo.source import source_distribution

PACKAGES: Final = (
    "six==1.16.0",
    "Flask==0.10",
    "requests==2.6.0",
    "tornado==4.5.3",
    "Django==1.11",
)
_CACHE: Final = Path(".kova/cache")
_RAN: Final = frozenset({0, 1})


@dataclass(frozen=True, kw_only=True)
class PackageResult:
    """What three scans of one package gave, and what was wrong."""

    package: str
    files: int
    findings: int
    proved: int
    written: int
    problems: tuple[str, ...]


def main() -> int:
    """Measure the packages named on the command line, or the usual five."""
    table = Table("package", "files", "findings", "fixes proved", "written", "problems", box=None)
    good = True
    for package in sys.argv[1:] or PACKAGES:
        outcome = measure(package)
        numbers = (outcome.files, outcome.findings, outcome.proved, outcome.written)
        table.add_row(package, *map(str, numbers), "; ".join(outcome.problems) or "none")
        good &= not outcome.problems
    Console().print(table)
    return 0 if good else 1


def measure(package: str) -> PackageResult:
    """Scan, mend and scan again a copy of one package."""
    source = source_distribution(_CACHE, package)
    with tempfile.TemporaryDirectory(prefix="kova-bench-") as name:
        folder = Path(name) / "tree"
        shutil.copytree(source, folder)
        parsed = _find_parsable(folder)
        first, mended, second = _scan(folder), _scan(folder, "--fix", "--apply"), _scan(folder)
        applied = {fix["id"] for fix in mended["fixes"] if fix["applied"]}
        before, after = _ids(first), _ids(second)
        problems = []
        if broken := parsed - _find_parsable(folder):
            problems.append(f"no longer parse: {sorted(broken)[:3]}")
        if unfixed := applied & after:
            problems.append(f"{len(unfixed)} written fixes left their finding")
        if lost := before - after - applied:
            problems.append(f"{len(lost)} other findings went")
        if new := after - before:
            problems.append(f"{len(new)} findings are new")
    return PackageResult(
        package=package,
        files=first["stats"]["files_analyzed"],
        findings=len(before),
        proved=sum(fix["status"] == "verified" for fix in mended["fixes"]),
        written=len(applied),
        problems=tuple(problems),
    )


def _scan(folder: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "kova_server", "scan", str(folder), "--format", "json"]
    process = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    if process.returncode not in _RAN or "Traceback" in process.stderr:
        raise SystemExit(f"kova scan failed: {process.stderr[-2_000:]}")
    document: dict[str, Any] = json.loads(process.stdout)
    return document


def _ids(document: dict[str, Any]) -> set[str]:
    return {finding["id"] for finding in document["findings"]}


def _find_parsable(folder: Path) -> set[Path]:
    parsing = set()
    for path in folder.rglob("*.py"):
        try:
            libcst.parse_module(path.read_bytes())
        except (libcst.ParserSyntaxError, UnicodeDecodeError, RecursionError, SyntaxError):
            continue
        parsing.add(path)
    return parsing


if __name__ == "__main__":
    sys.exit(main())
