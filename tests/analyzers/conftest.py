import compileall
import os
import random
import re
import shutil
import string
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Protocol

import pytest

import kova
from kova.adapters.analyzers.program import ProgramAnalyzer
from kova.adapters.analyzers.ruff import RuffAnalyzer
from kova.bootstrap.analyzers import local_analyzers
from kova.bootstrap.settings import Settings

# Secrets are made when the tests run: none stands in the repository for a scanner to trip over.
_RANDOM = random.Random(20261124)


def make_token() -> str:
    letters = string.ascii_letters + string.digits
    return "ghp_" + "".join(_RANDOM.choice(letters) for _ in range(36))


TOKEN = make_token()


@pytest.fixture(scope="session")
def analyzers() -> dict[str, ProgramAnalyzer]:
    by_name: dict[str, ProgramAnalyzer] = {}
    for analyzer in local_analyzers(Settings(whole_program=True)):
        assert isinstance(analyzer, ProgramAnalyzer)
        by_name[analyzer.name] = analyzer
    return by_name


@pytest.fixture(scope="session")
def ruff(analyzers: dict[str, ProgramAnalyzer]) -> RuffAnalyzer:
    analyzer = analyzers["ruff"]
    assert isinstance(analyzer, RuffAnalyzer)
    return analyzer


class ChangedKova(Protocol):
    """Runs code with a copy of kova in which some lines are others; returns what it printed."""

    def __call__(
        self, changes: Mapping[str, tuple[str, str]], code: str, *, compiled: bool = False
    ) -> str: ...


@pytest.fixture(scope="session")
def changed_kova(tmp_path_factory: pytest.TempPathFactory) -> ChangedKova:
    source = Path(kova.__file__).parent

    def run(changes: Mapping[str, tuple[str, str]], code: str, *, compiled: bool = False) -> str:
        folder = tmp_path_factory.mktemp("kova")
        shutil.copytree(
            source, folder / "kova", ignore=shutil.ignore_patterns("__pycache__"), symlinks=True
        )
        for name, (before, after) in changes.items():
            path = folder / "kova" / name
            text = path.read_text()
            assert before in text
            path.write_text(text.replace(before, after))
        if compiled:
            mode = PycInvalidationMode.UNCHECKED_HASH
            assert compileall.compile_dir(
                folder, legacy=True, quiet=1, invalidation_mode=mode, stripdir=folder
            )
            for path in folder.rglob("*.py"):
                path.unlink()
        process = subprocess.run(
            [sys.executable, "-B", "-c", code],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        return process.stdout + process.stderr

    return run


def write(folder: Path, files: dict[str, bytes]) -> list[str]:
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return list(files)


def copy_sample(sample: Path, folder: Path) -> list[str]:
    """Copy a sample tree, its marks `@@TOKEN@@` replaced by a token; return its paths."""
    files = {
        file.relative_to(sample).as_posix(): re.sub(
            rb"@@TOKEN@@", TOKEN.encode(), file.read_bytes()
        )
        for file in sorted(sample.rglob("*"))
        if file.is_file() and file.name != "expected.txt"
    }
    return write(folder, files)
