"""The check of the public workflows sees what it is there for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checks.workflows import WORKFLOWS, check_workflows

CHECKOUT = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2"


def test_the_workflows_are_clean() -> None:
    assert check_workflows() == []


@pytest.mark.parametrize(
    ("part", "planted"),
    [
        (CHECKOUT, "actions/checkout@v4"),
        ("# v4.2.2", ""),
        ("permissions: {}", "permissions: write-all"),
        ('make "$TARGET"', 'echo "${{ github.event.pull_request.title }}"'),
    ],
)
def test_a_planted_mistake_is_seen(tmp_path: Path, part: str, planted: str) -> None:
    text = (WORKFLOWS / "checks.yml").read_text()
    assert part in text
    (tmp_path / "checks.yml").write_text(text.replace(part, planted))
    assert check_workflows(tmp_path)
