"""What the analysers said of a file, kept by the blob that they read."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from kova.analysis.finding import Finding
from kova.analysis.finding_codec import (
    KnownFile,
    cache_key,
    decode_file,
    decode_findings,
    encode_file,
    encode_findings,
)
from kova.analysis.ports import AnalysisCache
from kova.analysis.run_analyzers import AnalyzeTree, TreeRun
from kova.shared.code_source import TreeFile
from kova.shared.skipped import Skipped
from kova.version import VERSION

_LOG = logging.getLogger("kova.scan")
# How findings are weighed and files left out is part of our version.
_FILE: Final = f"file/{VERSION}"
_PROGRAM: Final = "program"


class FindingCache:
    """With the same analysers, an equal file at the same path has equal findings."""

    def __init__(self, *, cache: AnalysisCache, analyze: AnalyzeTree) -> None:
        """Take where to keep them and the analysers."""
        self._cache = cache
        self._analyze = analyze

    async def load(self, repository_id: str, files: Iterable[TreeFile]) -> dict[str, KnownFile]:
        """Return what is known, by path."""
        keys = {self._key(file): file.path for file in files if self._analyze.readers(file.path)}
        known: dict[str, KnownFile] = {}
        for key, data in (await self._cache.load(repository_id, list(keys))).items():
            path = keys[key]
            try:
                known[path] = decode_file(data, path)
            except ValueError:
                _LOG.warning("cached findings are damaged", extra={"path": path})
        return known

    async def store(self, repository_id: str, files: Iterable[TreeFile], ran: TreeRun) -> None:
        """Keep the files of which every analyser said all that it will ever say."""
        findings: Mapping[str, list[Finding]] = defaultdict(list)
        for finding in ran.findings:
            if finding.analyzer not in self._analyze.programs:
                findings[finding.path].append(finding)
        skipped: Mapping[str, list[Skipped]] = defaultdict(list)
        for one in ran.skipped:
            skipped[one.path].append(one)
        nowhere: frozenset[str] = frozenset()
        entries: dict[bytes, bytes | None] = {}
        for file in files:
            readers, left_out = self._analyze.readers(file.path), skipped[file.path]
            unread = {name for name in readers if file.path not in ran.covered.get(name, nowhere)}
            failed = unread & ran.incomplete or not all(one.lasting for one in left_out)
            if readers and not failed:
                known = KnownFile(
                    findings=tuple(findings[file.path]),
                    skipped=tuple(left_out),
                    unread=frozenset(unread),
                )
                entries[self._key(file)] = encode_file(known)
        if entries:
            await self._cache.store(repository_id, entries)

    async def load_program(
        self, repository_id: str, files: Sequence[TreeFile]
    ) -> tuple[Finding, ...] | None:
        """Return what the whole-program analysers said of just these files, None if unknown."""
        key = self._program_key(files)
        loaded = await self._cache.load(repository_id, [key])
        try:
            return decode_findings(loaded[key]) if key in loaded else None
        except ValueError:
            return None

    async def store_program(
        self, repository_id: str, files: Sequence[TreeFile], ran: TreeRun
    ) -> None:
        """Keep what they said, unless one did not finish."""
        programs = self._analyze.programs
        if not programs & ran.incomplete:
            found = [one for one in ran.findings if one.analyzer in programs]
            entry = {self._program_key(files): encode_findings(found)}
            await self._cache.store(repository_id, entry)

    def _key(self, file: TreeFile) -> bytes:
        readers = self._analyze.readers(file.path)
        return cache_key(_FILE, file.path, file.sha, self._analyze.digest(readers))

    def _program_key(self, files: Sequence[TreeFile]) -> bytes:
        blobs = " ".join(f"{file.path}\x1f{file.sha}" for file in files)
        return cache_key(_PROGRAM, "", blobs, self._analyze.digest(self._analyze.programs))
