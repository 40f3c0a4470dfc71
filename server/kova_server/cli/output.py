"""Where commands print."""

from __future__ import annotations

import sys
from typing import Final, NoReturn

from rich.console import Console

_WIDE: Final = 160


class _PipeConsole(Console):
    """A console that leaves it to the command's end to say what a closed pipe means."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise it; Rich would end the process with 1, which says that errors were found."""
        raise BrokenPipeError


def console() -> Console:
    """Return a console as wide as the terminal; elsewhere wide, so that no table is cut."""
    return _PipeConsole(width=None if sys.stdout.isatty() else _WIDE)
