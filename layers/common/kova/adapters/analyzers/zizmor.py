"""Zizmor as an analyser: GitHub workflows and actions, with its safe fixes as edits."""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

from kova.adapters.analyzers.process import Completed, run
from kova.adapters.analyzers.program import (
    PassedOverError,
    ProgramAnalyzer,
    RefusedError,
    UnreadableError,
    parse,
)
from kova.adapters.analyzers.rules.tools import ZIZMOR
from kova.adapters.analyzers.tool_workspace import ToolWorkspace
from kova.analysis.finding import Finding, ProposedEdit, Span, TextEdit
from kova.analysis.source_text import decode
from kova.shared.line_diff import LineDiff

_WORKFLOW: Final = re.compile(r"(?:^|/)\.github/workflows/[^/]+\.ya?ml$|(?:^|/)action\.ya?ml$")
_MOST_EDITS: Final = 60  # As many lines as a proof lets a fix change.
_FIX_SECONDS: Final = 60.0
"""Of all files of a batch: zizmor takes longer the more it mends, and at least 50 ms a file."""
_NOTHING: Final = 3  # The status when no input could be read,
_REFUSED: Final = 1  # and when one of them ended the run.
_REFUSAL: Final = re.compile(r"^error: failed to load file://(.+) as \w+$", re.MULTILINE)
_READ: Final = re.compile(r"^ *INFO audit: zizmor: \S+ completed (.+)$", re.MULTILINE)


class ZizmorAnalyzer(ProgramAnalyzer):
    """GitHub workflows and composite actions."""

    name = "zizmor"
    program = "zizmor"
    catalogue = ZIZMOR
    private = True
    # 11 to 14 tell the worst severity that was found.
    found_statuses: ClassVar[frozenset[int]] = frozenset({0, 1, 3, 11, 12, 13, 14})

    def handles(self, path: str) -> bool:
        """Tell whether GitHub would run it."""
        return _WORKFLOW.search(path) is not None

    def options(self, workspace: ToolWorkspace) -> Sequence[str]:
        """Offline, without configuration, ignoring comments that would hide something."""
        del workspace
        return (
            *("--offline", "--no-config", "--no-ignores", "--collect", "all"),
            *("--no-progress", "--color", "never", "--format", "json"),
        )

    def read(self, completed: Completed, workspace: ToolWorkspace) -> list[Finding]:
        """Read zizmor's JSON; what it read and what not stands on standard error only."""
        if completed.status == _NOTHING:
            raise PassedOverError((), ())
        if completed.status == _REFUSED:
            refusal = _REFUSAL.search(completed.errors)
            raise RefusedError(workspace.path(refusal[1])) if refusal else UnreadableError
        findings = self._findings(completed, workspace)
        if "failed to" in completed.errors:
            raise PassedOverError(
                findings, {workspace.path(name) for name in _READ.findall(completed.errors)}
            )
        return findings

    def complete(
        self, findings: Sequence[Finding], workspace: ToolWorkspace, seconds: float
    ) -> list[Finding]:
        """Attach the edits of safe fixes, file after file, as long as there is time."""
        deadline = time.monotonic() + min(seconds, _FIX_SECONDS)
        completed = [finding for finding in findings if finding.edit is None]
        fixable: dict[str, list[tuple[Finding, str]]] = {}
        for finding in findings:
            if finding.edit is not None:
                group = fixable.setdefault(finding.path, [])
                group.append((finding, finding.edit.description))
        for path, group in fixable.items():
            completed += self._attach_edits(workspace, path, group, deadline - time.monotonic())
        return completed

    def _findings(self, completed: Completed, workspace: ToolWorkspace) -> list[Finding]:
        """Return findings; those with a safe fix have an edit without content as yet."""
        findings: list[Finding] = []
        diagnostics = [
            (self._finding(diagnostic, workspace), diagnostic["fixes"])
            for diagnostic in sorted(parse(completed.output), key=_path_of)
            # Others are stylistic, or of a version that we do not know.
            if diagnostic["ident"] in ZIZMOR
        ]
        for finding, fixes in diagnostics:
            safe = [fix["title"] for fix in fixes if fix["disposition"] == "safe"]
            edit = ProposedEdit(edits=(), safe=True, description=safe[0]) if safe else None
            findings.append(replace(finding, edit=edit))
        return findings

    def _finding(self, diagnostic: dict[str, Any], workspace: ToolWorkspace) -> Finding:
        primary = _primary(diagnostic)
        place = primary["concrete"]["location"]
        path = workspace.path(_path_of(diagnostic))
        offsets = place["offset_span"]
        note = primary["symbolic"]["annotation"]
        return self.finding(
            ZIZMOR[diagnostic["ident"]],
            path=path,
            span=workspace.places(path).span(int(offsets["start"]), int(offsets["end"])),
            message=f"{diagnostic['desc'].capitalize()}: {note}.",
            help_url=diagnostic["url"],
        )

    def _attach_edits(
        self,
        workspace: ToolWorkspace,
        path: str,
        group: Sequence[tuple[Finding, str]],
        seconds: float,
    ) -> list[Finding]:
        """Return the findings with edits: what `zizmor --fix` changes within their lines."""
        if seconds <= 0:
            return propose_edits(group, ())
        target = workspace.folder / path
        before = target.read_bytes()
        completed = run(
            [*self.launch, *self.options(workspace), "--fix=safe", *self.targets([path])],
            folder=workspace.folder,
            limits=replace(self._limits, seconds=seconds),
            writable=[workspace.folder],
        )
        # Whatever was ended may have written half a file.
        after = before if completed.reason else target.read_bytes()
        target.write_bytes(before)
        return propose_edits(group, _edits(before, after))


def _primary(diagnostic: dict[str, Any]) -> dict[str, Any]:
    locations: list[dict[str, Any]] = diagnostic["locations"]
    kinds = [location["symbolic"]["kind"] for location in locations]
    return locations[kinds.index("Primary") if "Primary" in kinds else 0]


def _path_of(diagnostic: dict[str, Any]) -> str:
    return str(_primary(diagnostic)["symbolic"]["key"]["Local"]["verbatim_path"])


def _edits(before: bytes, after: bytes) -> list[TextEdit]:
    old, new = decode(before), decode(after)
    if old is None or new is None:
        return []
    matcher = LineDiff(old.raw_lines, new.raw_lines)
    return [
        TextEdit(
            span=Span(start_line=first + 1, start_column=1, end_line=last + 1, end_column=1),
            content="".join(new.raw_lines[start:end]),
        )
        for tag, first, last, start, end in matcher.get_opcodes()
        if tag != "equal"
    ]


def propose_edits(group: Sequence[tuple[Finding, str]], edits: Sequence[TextEdit]) -> list[Finding]:
    """Return findings, each with those of a file's edits, in order, that touch its lines.

    A finding over more lines than a fix may change gets none: no proof would hold.
    """
    starts = [edit.span.start_line for edit in edits]
    ends = [edit.span.end_line for edit in edits]
    proposed: list[Finding] = []
    for finding, title in group:
        first = bisect_right(ends, finding.span.start_line)
        last = bisect_right(starts, finding.span.end_line)
        own = tuple(edits[first:last]) if 0 < last - first <= _MOST_EDITS else ()
        edit = ProposedEdit(edits=own, safe=True, description=title) if own else None
        proposed.append(replace(finding, edit=edit))
    return proposed
