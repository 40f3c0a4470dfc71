"""Ruff as an analyser: isolated from the tree's configuration, JSON in, findings out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, Final

from kova.adapters.analyzers.process import Completed
from kova.adapters.analyzers.program import Ground, ProgramAnalyzer, parse
from kova.adapters.analyzers.rules.ruff import RULES
from kova.domain.finding import Finding, ProposedEdit, Severity, Span, TextEdit, Tier
from kova.domain.text import clean

_SUFFIXES: Final = frozenset({".py", ".pyi", ".pyw"})
# The newest grammar: a target that is too low invents syntax errors.
_TARGET: Final = "py314"
# Names that a loader or gettext puts into modules (salt's `__salt__`), that Python 2 had, or that a
# file uses so often that their lack could not have gone unseen: no file alone can tell.
_INJECTED: Final = re.compile(
    r"`(?:__\w+__|unicode|basestring|unichr|long|xrange|raw_input|reduce|cmp|file|reload|buffer"
    r"|get_ipython|execfile|_)`"
)
_OFTEN: Final = 4
_LOGGED: Final = frozenset({"PLE1205", "PLE1206"})
_MEANT: Final = _LOGGED | {"F633"}
_DEFINITION: Final = re.compile(r"\s*(?:@|(?:async\s+)?def\b|class\b)")
_SYNTAX: Final = "invalid-syntax"  # Not selected: ruff always tells it.


class RuffAnalyzer(ProgramAnalyzer):
    """Python."""

    name = "ruff"
    program = "ruff"
    catalogue = RULES

    def handles(self, path: str) -> bool:
        """Tell whether it is Python."""
        return PurePosixPath(path).suffix in _SUFFIXES

    def options(self, ground: Ground) -> Sequence[str]:
        """Nothing of the tree counts: no configuration, no ignore file, no comment."""
        del ground
        rules = ",".join(sorted(rule for rule in RULES if rule != _SYNTAX))
        return (
            *("check", "--isolated", "--no-cache", "--quiet", "--ignore-noqa"),
            *("--no-respect-gitignore", "--target-version", _TARGET),
            *("--select", rules, "--output-format", "json"),
        )

    def read(self, done: Completed, ground: Ground) -> list[Finding]:
        """Read ruff's JSON."""
        entries = list(_unique(parse(done.output)))
        uses = Counter((entry["filename"], entry["message"]) for entry in entries)
        return [
            self._finding(entry, ground, uses[entry["filename"], entry["message"]])
            for entry in entries
        ]

    def _finding(self, entry: dict[str, Any], ground: Ground, uses: int) -> Finding:
        rule, path = RULES[entry["code"] or _SYNTAX], ground.path(entry["filename"])
        message = entry["message"]
        given = rule.id == "F821" and (
            uses >= _OFTEN or _INJECTED.search(message) or _caught(ground, path, message)
        )
        again = rule.id == "F811" and not _defined_twice(ground, path, entry)
        # A logger that is not the standard library's may fill `{}` in; a file that does it, or what
        # only Python 2 takes, again and again means it.
        other = rule.id in _LOGGED and not _logs(ground, path)
        meant = rule.id in _MEANT and uses > 1
        shell = rule.id == "T100" and message.startswith("Import for")
        if given or again or other or meant or shell:
            rule = replace(rule, tier=Tier.WARNING, severity=Severity.LOW)
        return self.finding(
            rule,
            path=path,
            span=_span(entry),
            message=message,
            help_url=entry["url"],
            edit=_edit(entry["fix"]),
        )


def _logs(ground: Ground, path: str) -> bool:
    content = (ground.folder / path).read_bytes()
    return b"logging" in content or b"getLogger" in content


def _unique(entries: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Keep one syntax error a file, and one bad escape a string: what follows is their echo."""
    broken: set[str] = set()
    raised: set[tuple[str, str]] = set()
    for entry in entries:
        if entry["code"] == "W605" and entry["fix"]:
            edit = (entry["filename"], repr(entry["fix"]["edits"]))
            if edit in raised:
                continue
            raised.add(edit)
        if entry["code"] in (None, _SYNTAX):
            if entry["filename"] in broken:
                continue
            broken.add(entry["filename"])
        yield entry


def _defined_twice(ground: Ground, path: str, entry: dict[str, Any]) -> bool:
    """Tell whether a function or class takes another one's place: anything else is untidy only."""
    lines = (ground.folder / path).read_text(encoding="utf-8").split("\n")
    before = re.search(r"from line (\d+)", entry["message"])
    rows = [int(entry["location"]["row"]), *([int(before[1])] if before else [])]
    return all(row <= len(lines) and _DEFINITION.match(lines[row - 1]) for row in rows)


def _caught(ground: Ground, path: str, message: str) -> bool:
    """Tell whether a name is that of Python 2's `except Error, name`."""
    name = re.search(r"`(\w+)`", message)
    if name is None:
        return False
    text = (ground.folder / path).read_text(encoding="utf-8")
    return re.search(rf"except [\w., ()]+,\s*{name[1]}\s*:", text) is not None


def _span(entry: dict[str, Any]) -> Span:
    start, end = entry["location"], entry["end_location"]
    return Span(
        start_line=max(int(start["row"]), 1),
        start_column=max(int(start["column"]), 1),
        end_line=max(int(end["row"]), 1),
        end_column=max(int(end["column"]), 1),
    )


def _edit(fix: dict[str, Any] | None) -> ProposedEdit | None:
    if fix is None or fix["applicability"] not in {"safe", "unsafe"}:
        return None
    edits = tuple(TextEdit(span=_span(one), content=one["content"]) for one in fix["edits"])
    return ProposedEdit(
        edits=edits, safe=fix["applicability"] == "safe", description=clean(fix["message"] or "")
    )
