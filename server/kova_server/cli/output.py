"""Where commands print."""

from __future__ import annotations

import sys
from typing import Final

from rich.console import Console

_WIDE: Final = 160


def console() -> Console:
    """Return a console as wide as the terminal; elsewhere wide, so that no table is cut."""
    return Console(width=None if sys.stdout.isatty() else _WIDE)
