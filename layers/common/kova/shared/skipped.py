"""Something that was not analysed, and the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, order=True)
class Skipped:
    """Something that was not analysed, and why. Every result lists these."""

    path: str
    reason: str

    @property
    def lasting(self) -> bool:
        """Tell whether the reason is the file itself: another try would end in the same way."""
        return not self.reason.endswith(_PASSING)

    @property
    def unread(self) -> bool:
        """Tell whether code of the commit was not looked at: a link or a module is none of it."""
        return self.reason not in _NO_CODE


_NO_CODE: Final = frozenset({"symlink", "submodule"})
# What an analyser may be spared the next time, on another machine or with more memory.
_PASSING: Final = (
    "_crashed", "_garbled_output", "_timed_out", "_too_much_memory", "_too_much_output",
)  # fmt: skip
