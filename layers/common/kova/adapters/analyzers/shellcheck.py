"""Shellcheck as an analyser: shell scripts. A program of its own under the GPL, used if there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from kova.adapters.analyzers.process import Completed
from kova.adapters.analyzers.program import ProgramAnalyzer, parse
from kova.adapters.analyzers.rules.programs import SHELLCHECK
from kova.adapters.analyzers.tool_workspace import ToolWorkspace
from kova.analysis.finding import Finding, Span, Tier

_SUFFIXES: Final = frozenset({".sh", ".bash", ".ksh", ".dash", ".bats"})
# To the end of its line, whether it disables anything or not: of a line that is full of them only
# the first is looked at.
_DIRECTIVE: Final = re.compile(rb"#(\s*)shellcheck(\s[^\n]*)")
_ZSH: Final = re.compile(
    rb"\A#!.*\bzsh|^#?compdef\b|^[^\S\n]*autoload -U|\$\{\([a-zA-Z@]", re.MULTILINE
)
_SYNTAX: Final = 1072
SHELLCHECK.require("shellcheck", (f"SC{_SYNTAX}",))
# What something fills in, or a player types, before a shell sees it.
_TEMPLATE: Final = re.compile(rb"\{%|\{\{|<%|^[ \t]*(?:\{\w+\}|<\w+>)[ \t]*$", re.MULTILINE)


class ShellcheckAnalyzer(ProgramAnalyzer):
    """Shell."""

    name = "shellcheck"
    program = "shellcheck"
    catalogue = SHELLCHECK
    optional = True
    private = True

    def reason_to_skip(self, path: str, content: bytes) -> str | None:
        """Leave out what is written for a shell that the tool does not know."""
        if path.endswith(".dash") and not content.startswith(b"#!"):
            return "dashboard"
        return "zsh" if _ZSH.search(content) else None

    def handles(self, path: str) -> bool:
        """Tell whether it is a shell script by its name."""
        return PurePosixPath(path).suffix in _SUFFIXES

    def options(self, workspace: ToolWorkspace) -> Sequence[str]:
        """No .shellcheckrc, and no file that a script names is opened."""
        del workspace
        rules = ",".join(SHELLCHECK)
        return ("--norc", "--color=never", "--format=json1", f"--include={rules}")

    def prepare(self, content: bytes) -> bytes:
        """Return the content with comments disabled that switch rules off: Kova matches them."""
        return _DIRECTIVE.sub(_disable, content)

    def read(self, completed: Completed, workspace: ToolWorkspace) -> list[Finding]:
        """Read shellcheck's JSON."""
        comments = parse(completed.output)["comments"]
        return [
            self._finding(diagnostic, workspace)
            for diagnostic in comments
            if not _is_template(diagnostic, workspace)
            if SHELLCHECK.weigh(f"SC{diagnostic['code']}").tier is not Tier.HYGIENE
        ]

    def _finding(self, diagnostic: dict[str, Any], workspace: ToolWorkspace) -> Finding:
        code = f"SC{diagnostic['code']}"
        return self.finding(
            SHELLCHECK.weigh(code),
            path=workspace.path(diagnostic["file"]),
            span=Span(
                start_line=diagnostic["line"],
                start_column=diagnostic["column"],
                end_line=diagnostic["endLine"],
                end_column=diagnostic["endColumn"],
            ),
            message=diagnostic["message"],
            help_url=f"https://www.shellcheck.net/wiki/{code}",
        )


def _disable(directive: re.Match[bytes]) -> bytes:
    """Return a directive under another name if it switches rules off."""
    name = b"shellchecK" if b"disable=" in directive[2] else b"shellcheck"
    return b"#" + directive[1] + name + directive[2]


def _is_template(diagnostic: dict[str, Any], workspace: ToolWorkspace) -> bool:
    """Tell whether a script that does not parse is no script yet."""
    if diagnostic["code"] != _SYNTAX:
        return False
    content = workspace.places(workspace.path(diagnostic["file"])).content
    return _TEMPLATE.search(content) is not None
