"""Proofs of a file's fixes, cached by the blob that was proved on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from kova.analysis.finding import Finding
from kova.analysis.finding_codec import cache_key, holds_secret
from kova.analysis.ports import AnalysisCache
from kova.analysis.run_analyzers import AnalyzeTree
from kova.fixes.fix import FileFixes
from kova.fixes.proof_codec import decode_fixes, encode_fixes
from kova.shared.code_source import TreeFile
from kova.version import VERSION

_LOG = logging.getLogger("kova.scan")
_PROOF = f"proof/{VERSION}"

FingerprintsByPath = Mapping[str, frozenset[str]]


class ProofCache:
    """With the same analysers and the same prover, an equal file has equal proofs."""

    def __init__(
        self, *, cache: AnalysisCache, analyzers: AnalyzeTree, prover: Callable[[], str]
    ) -> None:
        """`prover` returns the identity of the code that proves."""
        self._cache = cache
        self._analyzers = analyzers
        self._prover = prover

    async def load(
        self, repository_id: str, files: Sequence[TreeFile], ignored: FingerprintsByPath
    ) -> dict[str, FileFixes]:
        """Return the cached proofs by path."""
        keys = {self._key(file.path, file.sha, ignored): file.path for file in files}
        payloads = await self._cache.load(repository_id, list(keys)) if keys else {}
        proofs: dict[str, FileFixes] = {}
        for key, payload in payloads.items():
            path = keys[key]
            try:
                proofs[path] = decode_fixes(payload or b"", path)
            except ValueError:
                _LOG.warning("a cached proof is damaged", extra={"path": path})
        return proofs

    async def store(
        self,
        repository_id: str,
        proofs: Mapping[str, FileFixes],
        blobs: Mapping[str, str],
        findings: Iterable[Finding],
        ignored: FingerprintsByPath,
    ) -> None:
        """Store proofs by path; not of files in which an analyser saw a secret."""
        secret = {finding.path for finding in findings if holds_secret([finding])}
        payloads: dict[bytes, bytes | None] = {
            self._key(path, blobs[path], ignored): encode_fixes(fixes)
            for path, fixes in proofs.items()
            if path in blobs and path not in secret
        }
        if payloads:
            await self._cache.store(repository_id, payloads)

    def _key(self, path: str, blob_sha: str, ignored: FingerprintsByPath) -> bytes:
        kind = "/".join((_PROOF, self._prover(), *sorted(ignored.get(path, ()))))
        return cache_key(
            kind, path, blob_sha, self._analyzers.digest(self._analyzers.readers(path))
        )
