"""Hadolint as an analyser: Dockerfiles. A program of its own under the GPL, used if there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kova.adapters.analyzers.process import Completed
from kova.adapters.analyzers.program import ProgramAnalyzer, parse
from kova.adapters.analyzers.rules.programs import HADOLINT
from kova.adapters.analyzers.tool_workspace import ToolWorkspace
from kova.analysis.finding import Finding

_DOCKERFILE: Final = re.compile(
    r"(?:^|/)(?:Dockerfile|Containerfile)(?:\.[\w-]+)?$|\.(?:dockerfile|containerfile)$",
    re.IGNORECASE,
)
_SYNTAX: Final = "DL1000"
HADOLINT.require("hadolint", (_SYNTAX,))


class HadolintAnalyzer(ProgramAnalyzer):
    """Dockerfiles."""

    name = "hadolint"
    program = "hadolint"
    catalogue = HADOLINT
    optional = True
    private = True

    def handles(self, path: str) -> bool:
        """Tell whether it is a Dockerfile, and not a template of one."""
        return _DOCKERFILE.search(path) is not None and not path.endswith((".j2", ".tmpl", ".in"))

    def own_files(self) -> Mapping[str, bytes]:
        """An empty configuration in place of the tree's."""
        return {"hadolint.yaml": b"failure-threshold: none\n"}

    def options(self, workspace: ToolWorkspace) -> Sequence[str]:
        """Our configuration, and no comment that would hide something."""
        config = workspace.folder.parent / "hadolint.yaml"
        return (
            *("--config", str(config) if workspace.folder.name else "hadolint.yaml"),
            *("--disable-ignore-pragma", "--no-color", "--format", "json"),
        )

    def read(self, completed: Completed, workspace: ToolWorkspace) -> list[Finding]:
        """Read hadolint's JSON."""
        return [
            self._finding(diagnostic, workspace)
            for diagnostic in parse(completed.output)
            if diagnostic["code"] in HADOLINT
        ]

    def _finding(self, diagnostic: dict[str, Any], workspace: ToolWorkspace) -> Finding:
        code, path = diagnostic["code"], workspace.path(diagnostic["file"])
        wiki = "https://github.com/hadolint/hadolint/wiki"
        return self.finding(
            HADOLINT[code],
            path=path,
            span=workspace.places(path).whole_line(max(int(diagnostic["line"]), 1)),
            message=diagnostic["message"],
            help_url=f"{wiki}/{code}" if code != _SYNTAX else None,
        )
