"""Findings of a file, cached by the blob that the analysers read."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from kova.analysis.analysis import Analysis, split_suppressed
from kova.analysis.finding import Finding
from kova.analysis.finding_codec import (
    cache_key,
    decode_file,
    decode_findings,
    encode_file,
    encode_findings,
)
from kova.analysis.ports import AnalysisCache
from kova.analysis.run_analyzers import AnalyzeTree
from kova.shared.code_source import TreeFile
from kova.shared.skipped import Skipped
from kova.version import VERSION

_LOG = logging.getLogger("kova.scan")
# How findings are weighed and files left out is part of our version.
_FILE: Final = f"file/{VERSION}"
_PROGRAM: Final = "program"


class FindingCache:
    """With the same analysers, an equal file at the same path has equal findings."""

    def __init__(self, *, cache: AnalysisCache, analyzers: AnalyzeTree) -> None:
        self._cache = cache
        self._analyzers = analyzers

    async def load(self, repository_id: str, files: Iterable[TreeFile]) -> Analysis:
        """Return the analysis of those files whose results are cached; `cached` names them."""
        keys = {self._key(file): file.path for file in files if self._analyzers.readers(file.path)}
        findings: list[Finding] = []
        skipped: list[Skipped] = []
        cached: set[str] = set()
        read_paths: dict[str, set[str]] = defaultdict(set)
        for key, payload in (await self._cache.load(repository_id, list(keys))).items():
            path = keys[key]
            try:
                file_findings, file_skipped, unread = decode_file(payload, path)
            except ValueError:
                _LOG.warning("cached findings are damaged", extra={"path": path})
                continue
            cached.add(path)
            findings += file_findings
            skipped += file_skipped
            for name in self._analyzers.readers(path) - unread:
                read_paths[name].add(path)
        reported, suppressed = split_suppressed(findings)
        return Analysis(
            findings=reported,
            suppressed=suppressed,
            skipped=tuple(skipped),
            files=len(cached),
            analyzed=frozenset(cached) - {skip.path for skip in skipped},
            cached=frozenset(cached),
            coverage=self._analyzers.coverage_of(read_paths),
        )

    async def store(
        self, repository_id: str, files: Iterable[TreeFile], analysis: Analysis
    ) -> None:
        """Store the results of those files about which no analyser has more to say."""
        findings: Mapping[str, list[Finding]] = defaultdict(list)
        for finding in (*analysis.findings, *analysis.suppressed):
            if finding.analyzer not in self._analyzers.programs:
                findings[finding.path].append(finding)
        skipped: Mapping[str, list[Skipped]] = defaultdict(list)
        for skip in analysis.skipped:
            skipped[skip.path].append(skip)
        coverage = {part.name: part for part in analysis.coverage}
        payloads: dict[bytes, bytes | None] = {}
        for file in files:
            path = file.path
            readers = self._analyzers.readers(path)
            unread = {
                name for name in readers if name not in coverage or not coverage[name].covers(path)
            }
            failed = unread & analysis.incomplete or not all(skip.lasting for skip in skipped[path])
            if readers and not failed:
                payloads[self._key(file)] = encode_file(findings[path], skipped[path], unread)
        if payloads:
            await self._cache.store(repository_id, payloads)

    async def load_program(
        self, repository_id: str, files: Sequence[TreeFile]
    ) -> tuple[Finding, ...] | None:
        """Return the findings of whole-program analysers in just these files; None: not cached."""
        key = self._program_key(files)
        payloads = await self._cache.load(repository_id, [key])
        try:
            return decode_findings(payloads[key]) if key in payloads else None
        except ValueError:
            return None

    async def store_program(
        self, repository_id: str, files: Sequence[TreeFile], analysis: Analysis
    ) -> None:
        """Store the findings of the whole-program analysers, unless one did not finish."""
        programs = self._analyzers.programs
        if not programs & analysis.incomplete:
            findings = [
                finding
                for finding in (*analysis.findings, *analysis.suppressed)
                if finding.analyzer in programs
            ]
            payload = {self._program_key(files): encode_findings(findings)}
            await self._cache.store(repository_id, payload)

    def _key(self, file: TreeFile) -> bytes:
        readers = self._analyzers.readers(file.path)
        return cache_key(_FILE, file.path, file.sha, self._analyzers.digest(readers))

    def _program_key(self, files: Sequence[TreeFile]) -> bytes:
        blobs = " ".join(f"{file.path}\x1f{file.sha}" for file in files)
        return cache_key(_PROGRAM, "", blobs, self._analyzers.digest(self._analyzers.programs))
