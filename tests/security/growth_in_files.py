"""Paths over the files of repositories: identities, comments, settings, fixes, the index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from kova.analysis.finding import Finding
from kova.analysis.fingerprint import identify
from kova.analysis.globs import Glob
from kova.analysis.introduced import select_introduced
from kova.analysis.kova_toml import parse_settings
from kova.analysis.matching import recognise, sighting_of
from kova.analysis.secrets import hide_secrets, mask_secrets
from kova.analysis.select_files import select_files
from kova.analysis.source_text import SourceText, decode
from kova.analysis.suppression import mark_suppressed
from kova.code_index.chunks import cut_file
from kova.code_index.terms import weigh_terms
from kova.errors.trace_history import match_blobs
from kova.fixes import proof
from kova.fixes.combine_fixes import merge_proofs
from kova.fixes.outline import Outline
from kova.fixes.patch import apply_patch
from kova.fixes.prove_fix import FileState, FixCandidate, Proof
from kova.shared.code_source import FetchLimits, TreeFile
from kova.shared.line_diff import LineDiff
from tests.security.growth_paths import (
    GrowthPath,
    edited,
    identified,
    span,
    spread,
    stack,
)
from tests.support.findings import finding

_LIMITS: Final = FetchLimits()
_EMPTY: Final = Outline(definitions={}, names=frozenset(), imports=frozenset())
Flagged = tuple[list[Finding], list[str]]


def _find_identities(flagged: Flagged) -> object:
    return identify(*flagged)


def _mask(flagged: Flagged) -> object:
    return mask_secrets(*flagged), hide_secrets(*flagged)


def _suppress(flagged: Flagged) -> object:
    return mark_suppressed(*flagged)


def _wide(number: int, _: Path) -> Flagged:
    return [finding(span=span(1, 1, 40 * number))] * number, ["x " * (20 * number)]


def _tall(number: int, _: Path) -> Flagged:
    lines = ["x" * 40] * number
    return [finding(span=span(1, last=number), rule_id=str(n)) for n in range(number)], lines


def _beside_blank(number: int, _: Path) -> Flagged:
    blank = " " * (400 * number)
    return [finding(span=span(2))] * number, [blank, "x", blank]


def _nested(number: int, _: Path) -> Flagged:
    lines = [" " * depth + "def f():" for depth in range(number)]
    flagged = [finding(span=span(number + line)) for line in range(1, number + 1)]
    return flagged, [*lines, *(" x" for _ in range(number))]


def _secrets_on_a_line(number: int, _: Path) -> Flagged:
    words = [f"{index:06} " for index in range(number)]
    return spread(number, width=7, match="h"), ["".join(words)]


def _secrets_over_all(number: int, _: Path) -> Flagged:
    flagged = [finding(span=span(1, last=number), match="h") for _ in range(number)]
    return flagged, [f"line {index}" for index in range(number)]


def _near_secrets(number: int, _: Path) -> Flagged:
    secrets = [finding(span=span(line), match="h") for line in range(1, number + 1)]
    return [*secrets, *stack(number)], [f"{index:08}" for index in range(number)]


def _comments(text: str, analyzer: str, rule: str) -> Any:
    def make(number: int, _: Path) -> Flagged:
        return stack(number, analyzer=analyzer, rule_id=rule), [text] * number

    return make


def _comments_on_a_line(text: str, analyzer: str, rule: str) -> Any:
    def make(number: int, _: Path) -> Flagged:
        return [finding(analyzer=analyzer, rule_id=rule)] * 20, [text * number]

    return make


def _equal_errors(number: int, _: Path) -> Any:
    return [
        [sighting_of(flagged) for flagged in identified(stack(count))]
        for count in (number, 2 * number)
    ]


def _groups_of_errors(number: int, _: Path) -> Any:
    return [
        [
            sighting_of(flagged)
            for group in range(number // 20)
            for flagged in identified(stack(count, path=f"{group}.py"))
        ]
        for count in (20, 30)
    ]


def _trees(number: int, _: Path) -> Any:
    before = {f"a/{index}": "sha" for index in range(number)}
    after = {f"b/{index}": "sha" for index in range(number)}
    return before, after, frozenset(before)


def _every_other_line(number: int, _: Path) -> tuple[str, str]:
    lines = [f"{index}\n" for index in range(number)]
    return "".join(lines), "".join(
        line if index % 2 else f"new {line}" for index, line in enumerate(lines)
    )


def _turned_around(number: int, _: Path) -> tuple[str, str]:
    lines = [f"{index}\n" for index in range(number)]
    return "".join(lines), "".join(reversed(lines))


def _diff(texts: tuple[str, str]) -> object:
    return proof.unified_diff("a", *texts)


def _hunks(number: int, _: Path) -> tuple[str, str]:
    hunks = (f"@@ -{2 * index + 1} +{2 * index + 1} @@\n-x\n+y\n" for index in range(number))
    return "x\n" * (2 * number), "--- a\n+++ b\n" + "".join(hunks)


def _proofs(number: int, _: Path) -> Sequence[Proof]:
    source = SourceText(text="x = 1\n" * number, bom=False)
    state = FileState(path="a.py", source=source, findings=(), outline=_EMPTY)
    flagged = [edited(flagged, f"y{flagged.span.start_line}") for flagged in stack(number)]
    return [Proof(candidate=FixCandidate.of(state, part), steps=()) for part in flagged]


def _imports(number: int, _: Path) -> Any:
    far = edited(finding(span=span(1, 1, 1)), "import a\n\n" * number + "x")
    flagged = finding(span=span(100), edit=far.edit)
    return SourceText(text="x\n" * 200, bom=False), [flagged]


def _edits(number: int, _: Path) -> Any:
    source = SourceText(text="x\n" * number, bom=False)
    return source, [edit for part in stack(number) for edit in (edited(part).edit or _EMPTY).edits]  # type: ignore[union-attr]


def _files(number: int, _: Path) -> list[TreeFile]:
    return [TreeFile(path="a/" * 60 + str(index), sha="0" * 40, size=1) for index in range(number)]


FILE_PATHS: Final[tuple[GrowthPath, ...]] = (
    GrowthPath(name="identities of what spans one long line", make=_wide, call=_find_identities, steps=200, timed=40),
    GrowthPath(name="identities of what spans the whole file", make=_tall, call=_find_identities, steps=200, timed=60),
    GrowthPath(name="identities beside blank lines", make=_beside_blank, call=_find_identities, steps=100, timed=40),
    GrowthPath(name="identities in nested definitions", make=_nested, call=_find_identities, steps=300),
    GrowthPath(name="secrets on one line", make=_secrets_on_a_line, call=_mask, steps=400, timed=320),
    GrowthPath(name="secrets over the whole file", make=_secrets_over_all, call=_mask, steps=400, timed=60),
    GrowthPath(name="findings near secrets", make=_near_secrets, call=_mask, steps=400, timed=320),
    GrowthPath(name="comments of ruff", make=_comments("x # noqa: E501", "ruff", "F632"), call=_suppress, steps=300),
    GrowthPath(name="comments of shellcheck", make=_comments("# shellcheck disable=SC1", "shellcheck", "SC2"), call=_suppress, steps=300),
    GrowthPath(name="comments of eslint", make=_comments("// eslint-disable a", "oxlint", "eslint/b"), call=_suppress, steps=300),
    GrowthPath(name="a line of eslint's comments", make=_comments_on_a_line("eslint-disable a ", "oxlint", "eslint/b"), call=_suppress, steps=100, timed=800),
    GrowthPath(name="a line of noqa", make=_comments_on_a_line("# noqa: A1,", "ruff", "F632"), call=_suppress, timed=8_000),
    GrowthPath(name="a line of kova's comments", make=_comments_on_a_line("# kova: ignore[", "kova", "r"), call=_suppress, timed=600),
    GrowthPath(name="equal errors beyond the table of alignment", make=_equal_errors, call=lambda sightings: recognise(*sightings), steps=600),
    GrowthPath(name="groups of equal errors", make=_groups_of_errors, call=lambda sightings: recognise(*sightings), steps=200),
    GrowthPath(name="what a change introduces", make=lambda number, _: identified(stack(number)), call=lambda flagged: select_introduced(flagged, flagged, {}), steps=200),
    GrowthPath(name="a pattern of folders", make=lambda number, _: "a/" * number + "c", call=Glob(pattern="**/a/" * 30 + "b").matches, steps=300),
    GrowthPath(name="a pattern of any folders", make=lambda number, _: (Glob(pattern="**/" * number + "b"), "a/" * number + "c"), call=lambda parts: parts[0].matches(parts[1]), steps=50),
    GrowthPath(name="a pattern of stars", make=lambda number, _: "a" * number, call=Glob(pattern="*a" * 90 + "b").matches, timed=20_000),
    GrowthPath(name=".kova.toml of unknown keys", make=lambda number, _: b"".join(b"k%d = 1\n" % index for index in range(number)), call=parse_settings, steps=200, timed=200),
    GrowthPath(name=".kova.toml of dotted keys", make=lambda number, _: (b"a." * 150 + b"a = 1\n") * number, call=parse_settings, steps=5),
    GrowthPath(name="lines of a text", make=lambda number, _: b"\r" * number, call=lambda content: decode(content).lines, timed=10_000),  # type: ignore[union-attr]
    GrowthPath(name="edits of a text", make=_edits, call=lambda parts: parts[0].apply(parts[1]), steps=300, timed=300),
    GrowthPath(name="the choice of files", make=_files, call=lambda files: select_files(files, lambda _: True, _LIMITS), steps=300),
    GrowthPath(name="equal files that moved", make=_trees, call=lambda trees: match_blobs(*trees), steps=300),
    GrowthPath(name="a difference at every other line", make=_every_other_line, call=_diff, timed=600),
    GrowthPath(name="a difference of lines turned around", make=_turned_around, call=_diff, steps=500, timed=1_000),
    GrowthPath(name="opcodes of equal lines", make=lambda number, _: LineDiff(["x"] * number, ["y", *["x"] * number]), call=lambda diff: diff.get_opcodes(), steps=500, timed=5_000),
    GrowthPath(name="a patch of hunks", make=_hunks, call=lambda texts: apply_patch(*texts), steps=300, timed=300),
    GrowthPath(name="fixes put together", make=_proofs, call=merge_proofs, steps=100),
    GrowthPath(name="an edit of imports", make=_imports, call=lambda parts: proof.check_applies(parts[0], *parts[1]), timed=2_000),
    GrowthPath(name="edits applied together", make=lambda number, _: (SourceText(text="x = 1\n" * number, bom=False), list(map(edited, stack(number)))), call=lambda parts: proof.check_applies(parts[0], *parts[1]), steps=200, timed=100),
    GrowthPath(name="suppressions in a text", make=lambda number, _: "# \n" * number, call=lambda text: proof.adds_suppression(text, text), timed=2_000),
    GrowthPath(name="dangers in a text", make=lambda number, _: "sk-spawn.gho_" * number, call=lambda text: proof.new_dangers(text, text), timed=1_000),
    GrowthPath(name="chunks of classes", make=lambda number, _: ["class A: pass"] * number, call=lambda lines: cut_file("a.py", lines), steps=200, timed=150),
    GrowthPath(name="chunks of nested functions", make=lambda number, _: [" " * (index % 80) + f"def {'f' * 90}():" for index in range(number)], call=lambda lines: cut_file("a.py", lines), steps=800),
    GrowthPath(name="chunks of braces", make=lambda number, _: ["function f() {", *["{"] * 9] * (number // 10), call=lambda lines: cut_file("a.js", lines), steps=1_200),
    GrowthPath(name="terms of one word", make=lambda number, _: "A" * number, call=lambda text: weigh_terms("a", text), timed=60_000),
    GrowthPath(name="terms of words", make=lambda number, _: "aAbB1_" * number, call=lambda text: weigh_terms("a", text), steps=200),
)  # fmt: skip
