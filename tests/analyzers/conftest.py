import random
import re
import string
from pathlib import Path

import pytest

from kova.adapters.analyzers.program import ProgramAnalyzer
from kova.adapters.analyzers.ruff import RuffAnalyzer
from kova.bootstrap.analyzers import local_analyzers
from kova.bootstrap.settings import Settings

# Secrets are made when the tests run: none stands in the repository for a scanner to trip over.
_RANDOM = random.Random(20261124)


def made_up_token() -> str:
    letters = string.ascii_letters + string.digits
    return "ghp_" + "".join(_RANDOM.choice(letters) for _ in range(36))


TOKEN = made_up_token()


@pytest.fixture(scope="session")
def analyzers() -> dict[str, ProgramAnalyzer]:
    found: dict[str, ProgramAnalyzer] = {}
    for one in local_analyzers(Settings(whole_program=True)):
        assert isinstance(one, ProgramAnalyzer)
        found[one.name] = one
    return found


@pytest.fixture(scope="session")
def ruff(analyzers: dict[str, ProgramAnalyzer]) -> RuffAnalyzer:
    analyzer = analyzers["ruff"]
    assert isinstance(analyzer, RuffAnalyzer)
    return analyzer


def write(folder: Path, files: dict[str, bytes]) -> list[str]:
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return list(files)


def laid_out(sample: Path, folder: Path) -> list[str]:
    """Copy a sample tree, its marks `@@TOKEN@@` replaced by a token; return its paths."""
    files = {
        file.relative_to(sample).as_posix(): re.sub(
            rb"@@TOKEN@@", TOKEN.encode(), file.read_bytes()
        )
        for file in sorted(sample.rglob("*"))
        if file.is_file() and file.name != "expected.txt"
    }
    return write(folder, files)
