"""Betterleaks as an analyser: secrets.

The tool hashes each secret with our key (HMAC SHA-256); the hash is the finding's `match`, so that
the same secret is known again and no stored hash can be guessed at without the key.
analysis/run_analyzers.py masks the place in every snippet and message of the file. Files get names
that mean nothing: the tool passes over some by their names.

It is not asked to redact: it would also redact each group of its pattern, such as the user `u` of
`postgres://u:p@h`, wherever it stands in its own answer, the rule's name and the path too. That
made the answer about a file unreadable, and a stranger could ask for it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any, Final

from kova.adapters.analyzers.process import Completed, ProcessLimits
from kova.adapters.analyzers.program import ProgramAnalyzer, parse
from kova.adapters.analyzers.rules.tools import BETTERLEAKS
from kova.adapters.analyzers.tool_workspace import ToolWorkspace
from kova.analysis.finding import Confidence, Finding, Tier
from kova.analysis.rule import Rule, is_test
from kova.analysis.secrets import DEFAULT_KEY

_KEY_VARIABLE: Final = "BETTERLEAKS_FINGERPRINT_HMAC_KEY"
# Not text, or made of other files.
_LEFT_OUT: Final = frozenset(
    """
    .png .jpg .jpeg .gif .webp .ico .bmp .tif .tiff .psd .svg .pdf .eps .ai .mp3 .mp4 .mov .avi
    .wav .ogg .webm .flac .woff .woff2 .ttf .otf .eot .zip .gz .tgz .bz2 .xz .zst .7z .rar .tar
    .whl .jar .war .class .pyc .pyo .so .dylib .dll .exe .o .a .lib .obj .wasm .bin .dat .db
    .sqlite .sqlite3 .parquet .npy .npz .h5 .hdf5 .pkl .pickle .onnx .pt .safetensors .mo .po .pot
    .min.js .min.css .map .lock .sum .snap .mmdb .xls .xlsx .doc .docx .ppt .pptx .odt .gpg .sig
    """.split()
)
_LOCKS: Final = frozenset(
    {"package-lock.json", "yarn.lock", "pnpm-lock.yaml", "npm-shrinkwrap.json"}
)
_LAUNCHER_SIZE: Final = 100_000  # Bytes; a script that starts the program has fewer.
_ENCODED: Final = re.compile(rb"[A-Za-z0-9+/=]{40}")
_ANY: Final = "secret"  # The row of every rule that has none of its own.
_KEY: Final = "private-key"
BETTERLEAKS.require("betterleaks", (_ANY,))
_CONFIDENCE: Final = {"high": Confidence.HIGH, "medium": Confidence.MEDIUM}


class BetterleaksAnalyzer(ProgramAnalyzer):
    """Secrets in any text."""

    name = "betterleaks"
    program = "betterleaks"
    catalogue = BETTERLEAKS
    by_folder = True
    any_text = True

    def __init__(
        self,
        program: Path,
        limits: ProcessLimits | None = None,
        *,
        key: bytes = DEFAULT_KEY,
        former_keys: Sequence[bytes] = (),
    ) -> None:
        """Hash secrets with the key; those of before only recognise what was stored with them."""
        super().__init__(program, limits)
        self._key = key.hex()
        self._former_keys = [former.hex() for former in former_keys]

    @cached_property
    def identity(self) -> str:
        """As for every program, and by the key: another one makes other hashes."""
        key = hashlib.sha256(self._key.encode()).hexdigest()[:8]
        return f"{super().identity} {key}"

    @staticmethod
    def locate(program: Path) -> Path:
        """Return the program itself where the path is the Python wheel's launcher of it."""
        spec = find_spec("betterleaks")
        if spec is None or spec.origin is None or program.stat().st_size > _LAUNCHER_SIZE:
            return program
        inside = Path(spec.origin).parent / "bin" / "betterleaks"
        return inside if inside.exists() else program

    def handles(self, path: str) -> bool:
        """Tell whether it may be text that people write."""
        pure = PurePosixPath(path.lower())
        return pure.name not in _LOCKS and _LEFT_OUT.isdisjoint(
            {pure.suffix, "".join(pure.suffixes[-2:])}
        )

    def options(self, workspace: ToolWorkspace) -> Sequence[str]:
        """The default engine reserves four gigabytes of addresses; Go's own needs none."""
        del workspace
        return (
            *("filesystem", "--no-banner", "--silent", "--log-level", "fatal"),
            *("--regex-engine", "stdlib", "--no-allow-signatures"),
            *("--confidence", "medium", "--max-archive-depth", "0", "--output", "-"),
        )

    def variables(self) -> Mapping[str, str]:
        """The key goes by the environment: arguments can be read by others.

        Go collects garbage at five times what is in use instead of twice: a fourth of the work of
        a small run is gone, for 30 MB in a large one.
        """
        return {_KEY_VARIABLE: self._key, "GOGC": "400"}

    def targets(self, batch: Sequence[str]) -> Sequence[str]:
        """Name the folder: each file that is named costs the tool 20 ms."""
        del batch
        return ["."]

    def read(self, completed: Completed, workspace: ToolWorkspace) -> list[Finding]:
        """Read betterleaks's JSON."""
        document = parse(completed.output)
        if document["scan"]["state"] != "complete":
            raise ValueError("the scan is not complete")
        diagnostics = sorted(document["findings"], key=lambda entry: entry["location"]["path"])
        return [self._finding(diagnostic, workspace) for diagnostic in diagnostics]

    def _finding(self, diagnostic: dict[str, Any], workspace: ToolWorkspace) -> Finding:
        place, match = diagnostic["location"], diagnostic["match"]["fingerprint"]
        if not match.startswith("hmac-sha256:"):
            raise ValueError("the secret is not hashed")
        path = workspace.path(place["path"])
        description = diagnostic["description"].rstrip(".")
        name = diagnostic["rule_id"]
        rule = _rule(name, _CONFIDENCE.get(diagnostic["confidence"], Confidence.LOW), path)
        # A column that is 0 is left out: that of something decoded which ends with a line.
        start = (place["start_line"], place.get("start_column", 0))
        end = (place["end_line"], place.get("end_column", 0) + 1)
        span = workspace.places(path).by_columns(start, end)
        return self.finding(
            rule if name != _KEY or _has_key(workspace, path, start, end) else rule.milder(),
            path=path,
            span=span,
            message=f"{description}. Revoke it: it stays in the history.",
            match=match,
            former_matches=tuple(
                _hash_secret(diagnostic["match"]["value"], former) for former in self._former_keys
            ),
        )


def _hash_secret(secret: str, key: str) -> str:
    """Return what the tool says of a secret with this key."""
    encoded = secret.encode("utf-8", "surrogatepass")
    return f"hmac-sha256:{hmac.new(key.encode(), encoded, hashlib.sha256).hexdigest()}"


def _has_key(
    workspace: ToolWorkspace, path: str, start: tuple[int, int], end: tuple[int, int]
) -> bool:
    """Tell whether a key stands between the lines that announce it, and not a word about it."""
    return _ENCODED.search(workspace.places(path).near(start, end)) is not None


def _rule(name: str, confidence: Confidence, path: str) -> Rule:
    rule = BETTERLEAKS.get(name, BETTERLEAKS[_ANY])
    pure = PurePosixPath(path)
    sample = is_test(path) or pure.suffix in {".md", ".rst", ".txt"} or pure.name == "PKG-INFO"
    tier = Tier.WARNING if sample or confidence is not Confidence.HIGH else rule.tier
    return replace(rule, id=name, confidence=confidence, tier=tier)
