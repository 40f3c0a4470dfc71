"""Every command in a document names commands, options, targets and services that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.documents import ROOT, documents, problems_of, shown_commands


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_are_there(document: Path) -> None:
    commands = list(shown_commands(document.read_text(), document.name))
    assert [problem for command in commands for problem in problems_of(command)] == []


@pytest.mark.parametrize(
    ("shown", "problem"),
    [
        ("```sh\nkova backup x --kept 3\n```", "No such option: --kept"),
        ("```sh\nKOVA_ENV=local .venv/bin/kova restor x\n```", "there is no `kova restor`"),
        ("```sh\nkova keys make x\n```", "there is no `kova keys make`"),
        ("```sh\nset -a; . x; kova backup\n```", "Missing argument"),
        ("```sh\nkova backup x --keep many\n```", "Invalid value"),
        ("Use `kova restore FILE --over`.", "No such option: --over"),
        ("Use `kova keys --stick`.", "No such option: --stick"),
        ("```sh\nif true; then make tets; fi\n```", "no target tets"),
        ("`make run PROT=1`", "no variable PROT"),
        ("```sh\npython -m bench.cost\n```", "no module bench.cost"),
        ("```sh\ndocker compose exec backups kova backup x\n```", "no service backups"),
        ("```sh\ndocker compose exec backup kova backup x --kept 1\n```", "No such option"),
        ("```sh\nkubectl exec deployment/kova-api -- kova key list\n```", "no `kova key`"),
        ("```sh\nx |\\\n  docker compose logs apis\n```", "no service apis"),
    ],
)
def test_what_is_not_there_is_seen(shown: str, problem: str) -> None:
    (command, *others) = [
        text for command in shown_commands(shown + "\n", "x") for text in problems_of(command)
    ]
    assert problem in command
    assert others == []


@pytest.mark.parametrize(
    "shown",
    [
        "```sh\nkubectl -n kova get pods\naws x --stack-name kova --query y\n```",
        "```sh\nkova scans replay SCAN_ID --data .kova\n```",
        "`kova keys --stack`",
        "`make test T=tests/fixes`, `kova up`, `kova keys create ci --scope read`",
        "```sh\ndocker compose exec --index 1 api kova keys list\n```",
    ],
)
def test_what_is_there_passes(shown: str) -> None:
    commands = list(shown_commands(shown + "\n", "x"))
    assert commands
    assert [text for command in commands for text in problems_of(command)] == []


def broken_anchors(document: Path) -> list[str]:
    """Return the links of a document to a part of a page that the page does not have."""
    broken = []
    for target, anchor in re.findall(r"\]\(([^()\s#:]*)#([^()\s]+)\)", document.read_text()):
        page = document.parent / target if target else document
        if page.suffix == ".md" and anchor not in anchors(page.read_text()):
            broken.append(f"{target}#{anchor}")
    return broken


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    found: set[str] = set()
    text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        words = re.sub(r"\]\([^)]*\)", "", heading)  # A link's words alone.
        name = re.sub(r"[^\w\- ]", "", words.lower()).strip().replace(" ", "-")
        found.add(
            next(
                form for form in (name, *(f"{name}-{n}" for n in range(1, 99))) if form not in found
            )
        )
    return found


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_parts_that_are_linked_are_there(document: Path) -> None:
    assert broken_anchors(document) == []


def test_a_link_to_a_part_that_is_not_there_is_seen(tmp_path: Path) -> None:
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    other.write_text("# 1. Use `it`\n\n## Twice\n\n## Twice\n\n```sh\n# none\n```\n")
    page.write_text("[a](other.md#1-use-it) [b](other.md#twice-1) [c](#d)\n\n## D\n")
    assert broken_anchors(page) == []
    page.write_text("[a](other.md#2-use-it) [b](other.md#twice-2) [c](#d) [d](other.md#none)\n")
    assert broken_anchors(page) == ["other.md#2-use-it", "other.md#twice-2", "#d", "other.md#none"]
