"""What `.kova.toml` on the default branch says (docs/kova-toml.md)."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from kova.analysis.finding import Finding
from kova.analysis.globs import Glob
from kova.analysis.languages import language_of
from kova.shared.repository import AutoFix
from kova.shared.severity import Severity

FILE_NAME = ".kova.toml"
SETTINGS = "settings"
_STRICTEST = (AutoFix.OFF, AutoFix.SUGGEST, AutoFix.PULL_REQUEST)


@dataclass(frozen=True, kw_only=True)
class Section:
    """Choices for some paths; empty `paths` means all. None leaves a choice to what is wider."""

    paths: tuple[Glob, ...] = ()
    rules_off: tuple[str, ...] = ()
    rules_on: tuple[str, ...] = ()
    fail_on: Severity | None = None
    auto_fix: AutoFix | None = None

    def covers(self, path: str) -> bool:
        """Tell whether the section is about the path."""
        return not self.paths or any(one.matches(path) for one in self.paths)


@dataclass(frozen=True, kw_only=True)
class RepositorySettings:
    """The whole file. The first section is the file's own top, later ones are narrower.

    `problems` says in sentences what is wrong with the file; then all else is as without it.
    """

    exclude: tuple[Glob, ...] = ()
    include: tuple[Glob, ...] = ()
    languages: frozenset[str] | None = None
    analyzers: frozenset[str] | None = None
    sections: tuple[Section, ...] = field(default=())
    found: bool = False
    problems: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """What decides about findings: with another one, silence means something else."""
        chosen = (
            [one.pattern for one in (*self.include, *self.exclude)],
            sorted(self.languages or ()),
            sorted(self.analyzers or ()),
            [
                ([glob.pattern for glob in one.paths], one.rules_off, one.rules_on)
                for one in self.sections
            ],
        )
        return hashlib.blake2b(repr(chosen).encode("utf-8", "replace"), digest_size=6).hexdigest()

    def reads(self, path: str) -> bool:
        """Tell whether the file at a path is analysed."""
        if self.languages is not None and language_of(path) not in self.languages:
            return False
        if self.include and not any(one.matches(path) for one in self.include):
            return False
        return not any(one.matches(path) for one in self.exclude)

    def wants(self, finding: Finding) -> bool:
        """Tell whether a finding is to be told; a narrower section decides over a wider one."""
        if self.analyzers is not None and finding.analyzer not in self.analyzers:
            return False
        names = (finding.rule_id, f"{finding.analyzer}/{finding.rule_id}")
        for section in self._about(finding.path):
            if _any(section.rules_on, names):
                return True
            if _any(section.rules_off, names):
                return False
        return True

    def fail_on(self, path: str, default: Severity) -> Severity:
        """Return the mildest severity at which an error of this path fails the check."""
        chosen = (one.fail_on for one in self._about(path) if one.fail_on is not None)
        return next(chosen, default)

    def auto_fix(self, path: str, default: AutoFix) -> AutoFix:
        """Return what happens with a fix of this path: never more than an administrator allows."""
        chosen = next((one.auto_fix for one in self._about(path) if one.auto_fix), default)
        return min(chosen, default, key=_STRICTEST.index)

    def marked(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return the findings, those that are not wanted marked as suppressed."""
        return [
            one
            if one.suppressed is not None or self.wants(one)
            else replace(one, suppressed=SETTINGS)
            for one in findings
        ]

    def _about(self, path: str) -> Iterable[Section]:
        """Yield the sections about a path, the last of the file first."""
        return (one for one in reversed(self.sections) if one.covers(path))


def _any(patterns: Iterable[str], names: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in names)
