"""An empty account of AWS for the tests of templates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import cloudformation


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An emulator, for this test alone."""
    if not cloudformation.EMULATOR.exists():
        pytest.skip("`make test` without T= sets the emulator up")
    with cloudformation.empty_account(tmp_path, monkeypatch):
        yield
