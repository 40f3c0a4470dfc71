"""The console of the commands."""

from __future__ import annotations

import sys
from typing import Final, NoReturn

from rich.console import Console

_WIDE: Final = 160


class _PipeConsole(Console):
    """A console that leaves a closed pipe to kova_server.cli.ending."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise BrokenPipeError. Rich would exit with 1, which means that errors were found."""
        raise BrokenPipeError


def console() -> Console:
    """Return a console as wide as the terminal, or 160 columns without one."""
    return _PipeConsole(width=None if sys.stdout.isatty() else _WIDE)
