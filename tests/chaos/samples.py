"""The files of the suite's repositories, with the errors in them: a table that people wrote."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

_TABLE = Path(__file__).with_name("samples.toml")
_UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class FileSample:
    """A kind of file.

    Attributes:
        rules: what Kova reports of it, each rule as often as it does.
        mended: its content after the fixes that Kova proves; None where there are none.
    """

    name: str
    suffix: str
    text: str
    rules: tuple[str, ...]
    mended: str | None = None


@dataclass(frozen=True, kw_only=True)
class SampleState:
    """What a file holds: a sample with its note, mended or as people wrote it."""

    sample: str
    note: str
    mended: bool = False

    @property
    def content(self) -> bytes:
        """The bytes of the file."""
        sample = samples()[self.sample]
        text = (sample.mended or "") if self.mended else sample.text
        return text.replace("NOTE", self.note).encode()

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that Kova reports; none of what is mended, or of what nobody here wrote."""
        if self.mended or self.sample == _UNKNOWN:
            return ()
        return samples()[self.sample].rules

    @property
    def repair(self) -> SampleState | None:
        """The file after Kova's fixes, None where there are none."""
        if self.mended or self.sample == _UNKNOWN or samples()[self.sample].mended is None:
            return None
        return SampleState(sample=self.sample, note=self.note, mended=True)

    def partial_repairs(self) -> list[SampleState]:
        """Return the file with some of Kova's fixes and not all, as blobs that nobody wrote."""
        if self.repair is None:
            return []
        lines, mended = self.content.split(b"\n"), self.repair.content.split(b"\n")
        places = [at for at, line in enumerate(lines) if line != mended[at]]
        subsets = [some for size in range(1, len(places)) for some in combinations(places, size)]
        return [
            unknown_state(
                _blob_sha(
                    b"\n".join(mended[at] if at in some else lines[at] for at in range(len(lines)))
                )
            )
            for some in subsets
        ]

    def encode(self) -> str:
        """Return it as the log has it."""
        return f"{self.sample}:{self.note}" + (":mended" if self.mended else "")


def decode_state(text: str) -> SampleState:
    """Return the state that `encode` wrote."""
    sample, note, *mended = text.split(":")
    return SampleState(sample=sample, note=note, mended=bool(mended))


def unknown_state(sha: str) -> SampleState:
    """Return the state of a file with a blob that nobody here wrote."""
    return SampleState(sample=_UNKNOWN, note=sha)


def _blob_sha(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


@cache
def samples() -> dict[str, FileSample]:
    """Return the table by name."""
    rows = tomllib.loads(_TABLE.read_text())["sample"]
    table = [
        FileSample(
            name=row["name"],
            suffix=row["suffix"],
            text=row["text"],
            rules=tuple(sorted(row["rules"])),
            mended=row.get("mended"),
        )
        for row in rows
    ]
    return {sample.name: sample for sample in table}
