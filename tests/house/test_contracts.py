"""Each import contract fails on a planted violation: one that cannot fail holds nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "kova": ROOT / "layers/common/kova",
    "functions": ROOT / "functions",
    "kova_server": ROOT / "server/kova_server",
    "kova_fakes": ROOT / "fakes/kova_fakes",
}

TAINT = "kova.adapters.analyzers.python_rules.taint"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for name, source in PACKAGES.items():
        shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def broken_contracts(house: Path) -> list[str]:
    process = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=house,
        env=os.environ | {"PYTHONPATH": str(house)},
        capture_output=True,
        text=True,
        check=False,
    )
    broken = [
        line.removesuffix(" BROKEN") for line in process.stdout.splitlines() if "BROKEN" in line
    ]
    assert (process.returncode != 0) == bool(broken), process.stdout + process.stderr
    return broken


def test_the_house_as_it_stands_keeps_every_contract(house: Path) -> None:
    assert broken_contracts(house) == []


@pytest.mark.parametrize(
    ("planted", "line", "contract"),
    [
        ("kova/web/planted.py", "import kova_server.worker", "Arrows point inward"),
        ("functions/health/planted.py", "import kova_server.worker", "Arrows point inward"),
        ("kova/shared/planted.py", "import kova.analysis.finding", "The capabilities of kova"),
        ("kova/analysis/planted.py", "import kova.models.prompt", "The capabilities of kova"),
        ("kova/access/planted.py", "import kova.errors.error", "The capabilities of kova"),
        ("kova/setup/planted.py", "import kova.access.admit", "The capabilities of kova"),
        ("kova/setup/planted.py", "import httpx", "The core knows no vendor"),
        ("kova/models/planted.py", "import kova.fixes.fix", "The capabilities of kova"),
        ("kova/errors/planted.py", "import kova.fixes.fix", "The capabilities of kova"),
        ("kova/fixes/planted.py", "import kova.scans.scan", "The capabilities of kova"),
        ("kova/scans/planted.py", "import kova.code_index.chunks", "The capabilities of kova"),
        ("kova/code_index/planted.py", "import kova.commands.command", "The capabilities of kova"),
        ("kova/commands/planted.py", "import kova.intake.delivery", "The capabilities of kova"),
        ("kova/intake/planted.py", "import kova.adapters.sqs", "The capabilities of kova"),
        ("kova/adapters/planted.py", "import kova.bootstrap.settings", "The capabilities of kova"),
        ("kova/web/planted.py", "import kova.adapters.sqs", "The capabilities of kova"),
        ("kova/attic.py", "", "The capabilities of kova"),
        ("functions/health/planted.py", "import functions.api.app", "Functions do not know"),
        ("kova/scans/planted.py", "import httpx", "The core knows no vendor"),
        ("kova/errors/planted.py", "import psycopg", "The core knows no vendor"),
        (f"{TAINT.replace('.', '/')}/expressions.py", f"import {TAINT}.statements", "Taint looks"),
        (f"{TAINT.replace('.', '/')}/state.py", f"import {TAINT}.module_analysis", "Taint looks"),
        ("kova_server/planted.py", "import kova_fakes.github", "The product does not know"),
    ],
)
def test_a_planted_violation_is_seen(house: Path, planted: str, line: str, contract: str) -> None:
    (house / planted).write_text(f"{line}\n")
    assert any(name.startswith(contract) for name in broken_contracts(house))
