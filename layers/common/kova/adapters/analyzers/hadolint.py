"""Hadolint as an analyser: Dockerfiles. A program of its own under the GPL, used if there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kova.adapters.analyzers.ground import Ground
from kova.adapters.analyzers.process import Completed
from kova.adapters.analyzers.program import ProgramAnalyzer, parse
from kova.adapters.analyzers.rules.programs import HADOLINT
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

    def options(self, ground: Ground) -> Sequence[str]:
        """Our configuration, and no comment that would hide something."""
        config = ground.folder.parent / "hadolint.yaml"
        return (
            *("--config", str(config) if ground.folder.name else "hadolint.yaml"),
            *("--disable-ignore-pragma", "--no-color", "--format", "json"),
        )

    def read(self, done: Completed, ground: Ground) -> list[Finding]:
        """Read hadolint's JSON."""
        return [
            self._finding(entry, ground)
            for entry in parse(done.output)
            if entry["code"] in HADOLINT
        ]

    def _finding(self, entry: dict[str, Any], ground: Ground) -> Finding:
        code, path = entry["code"], ground.path(entry["file"])
        wiki = "https://github.com/hadolint/hadolint/wiki"
        return self.finding(
            HADOLINT[code],
            path=path,
            span=ground.places(path).whole_line(max(int(entry["line"]), 1)),
            message=entry["message"],
            help_url=f"{wiki}/{code}" if code != _SYNTAX else None,
        )
