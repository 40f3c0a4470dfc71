"""The proofs of a file's fixes, kept by the blob that they are about."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from kova.analysis.finding import Finding
from kova.analysis.finding_codec import cache_key, holds_secret
from kova.analysis.ports import AnalysisCache
from kova.analysis.run_analyzers import AnalyzeTree
from kova.fixes.proof_codec import decode_outcome, encode_outcome
from kova.fixes.propose_fixes import FileOutcome
from kova.shared.code_source import TreeFile
from kova.version import VERSION

_LOG = logging.getLogger("kova.scan")
_PROOF = f"proof/{VERSION}"

IgnoredHere = Mapping[str, frozenset[str]]
"""By path, the fingerprints of findings that people ignore: no fix mends them."""


class ProofCache:
    """With the same analysers and the same prover, an equal file has equal proofs."""

    def __init__(
        self, *, cache: AnalysisCache, analyze: AnalyzeTree, prover: Callable[[], str]
    ) -> None:
        """Take where to keep them, the analysers, and what returns the prover's identity."""
        self._cache = cache
        self._analyze = analyze
        self._prover = prover

    async def load(
        self, repository_id: str, files: Sequence[TreeFile], ignored: IgnoredHere
    ) -> dict[str, FileOutcome]:
        """Return what is known, by path."""
        keys = {self._key(file.path, file.sha, ignored): file.path for file in files}
        found = await self._cache.load(repository_id, list(keys)) if keys else {}
        proofs: dict[str, FileOutcome] = {}
        for key, data in found.items():
            path = keys[key]
            try:
                fixes, combined = decode_outcome(data or b"", path)
                proofs[path] = FileOutcome(fixes=fixes, combined=combined)
            except ValueError:
                _LOG.warning("a cached proof is damaged", extra={"path": path})
        return proofs

    async def store(
        self,
        repository_id: str,
        outcomes: Mapping[str, FileOutcome],
        blobs: Mapping[str, str],
        findings: Iterable[Finding],
        ignored: IgnoredHere,
    ) -> None:
        """Keep outcomes; not of files in which an analyser saw a secret."""
        secret = {one.path for one in findings if holds_secret([one])}
        entries: dict[bytes, bytes | None] = {
            self._key(path, blobs[path], ignored): encode_outcome(one.fixes, one.combined)
            for path, one in outcomes.items()
            if path in blobs and path not in secret
        }
        if entries:
            await self._cache.store(repository_id, entries)

    def _key(self, path: str, blob_sha: str, ignored: IgnoredHere) -> bytes:
        kind = "/".join((_PROOF, self._prover(), *sorted(ignored.get(path, ()))))
        return cache_key(kind, path, blob_sha, self._analyze.digest(self._analyze.readers(path)))
