"""Which files a fix is never pushed to: one rule for what is offered and what is committed."""

from __future__ import annotations

import pytest

from kova.fixes.protected import is_protected


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/ci.yml",
        ".github/CODEOWNERS",
        ".GitHub/x",
        "package-lock.json",
        "web/yarn.lock",
        "Cargo.lock",
        "bun.lockb",
        "go.sum",
        "a/b/Pnpm-Lock.yaml",
    ],
)
def test_githubs_folder_and_lock_files_are_protected(path: str) -> None:
    assert is_protected(path)


@pytest.mark.parametrize(
    "path",
    [
        # GitHub reads its folder at the root of a repository only.
        "tests/samples/.github/workflows/ci.yml",
        "sub/.github/x",
        ".github-tools/x.py",
        "lock.py",
        "src/package_lock.py",
    ],
)
def test_other_files_are_not(path: str) -> None:
    assert not is_protected(path)
