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
    """Choices for some paths; empty `paths` means all. None leaves a choice to a wider section."""

    paths: tuple[Glob, ...] = ()
    rules_off: tuple[str, ...] = ()
    rules_on: tuple[str, ...] = ()
    fail_on: Severity | None = None
    auto_fix: AutoFix | None = None

    def covers(self, path: str) -> bool:
        """Tell whether the section applies to the path."""
        return not self.paths or any(glob.matches(path) for glob in self.paths)


@dataclass(frozen=True, kw_only=True)
class KovaTomlSettings:
    """The whole file. The first section is the file's own top, later ones are narrower.

    `present` means that there is a file. `problems` says in sentences what is wrong with it; then
    all else is as without it.
    """

    exclude: tuple[Glob, ...] = ()
    include: tuple[Glob, ...] = ()
    languages: frozenset[str] | None = None
    analyzers: frozenset[str] | None = None
    sections: tuple[Section, ...] = field(default=())
    present: bool = False
    problems: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """A hash of what decides about findings: under another one their absence proves nothing."""
        parts = (
            [glob.pattern for glob in (*self.include, *self.exclude)],
            sorted(self.languages or ()),
            sorted(self.analyzers or ()),
            [
                ([glob.pattern for glob in section.paths], section.rules_off, section.rules_on)
                for section in self.sections
            ],
        )
        return hashlib.blake2b(repr(parts).encode("utf-8", "replace"), digest_size=6).hexdigest()

    def reads(self, path: str) -> bool:
        """Tell whether the file at a path is analysed."""
        if self.languages is not None and language_of(path) not in self.languages:
            return False
        if self.include and not any(glob.matches(path) for glob in self.include):
            return False
        return not any(glob.matches(path) for glob in self.exclude)

    def reports(self, finding: Finding) -> bool:
        """Tell whether a finding is reported; a narrower section decides over a wider one."""
        if self.analyzers is not None and finding.analyzer not in self.analyzers:
            return False
        names = (finding.rule_id, f"{finding.analyzer}/{finding.rule_id}")
        for section in self._about(finding.path):
            if _matches_any(section.rules_on, names):
                return True
            if _matches_any(section.rules_off, names):
                return False
        return True

    def fail_on(self, path: str, default: Severity) -> Severity:
        """Return the lowest severity at which an error of this path fails the check."""
        severities = (
            section.fail_on for section in self._about(path) if section.fail_on is not None
        )
        return next(severities, default)

    def auto_fix(self, path: str, default: AutoFix) -> AutoFix:
        """Return what happens with a fix of this path: never more than an administrator allows."""
        choice = next(
            (section.auto_fix for section in self._about(path) if section.auto_fix), default
        )
        return min(choice, default, key=_STRICTEST.index)

    def suppress(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return the findings, those that the settings turn off marked as suppressed."""
        return [
            finding
            if finding.suppressed is not None or self.reports(finding)
            else replace(finding, suppressed=SETTINGS)
            for finding in findings
        ]

    def _about(self, path: str) -> Iterable[Section]:
        """Yield the sections about a path, the last of the file first."""
        return (section for section in reversed(self.sections) if section.covers(path))


def _matches_any(patterns: Iterable[str], names: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in names)
