"""What the commands write: the console, and standard streams that can always be written to."""

from __future__ import annotations

import io
import os
import sys
from typing import IO, Any, Final, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from kova.shared.exceptions import KovaError
from kova.shared.text import visible

_WIDE: Final = 160


class OutputError(KovaError):
    """The output cannot be written."""

    reason = "output"


class _Output(io.TextIOWrapper):
    """A stream whose failures say that they are the output's, and not those of some file."""

    def write(self, text: str, /) -> int:
        """Write a text."""
        try:
            return super().write(text)
        except BrokenPipeError:
            raise
        except OSError as exc:
            raise OutputError(f"The output cannot be written: {exc.strerror}.") from exc

    def flush(self) -> None:
        """Write what is buffered."""
        try:
            super().flush()
        except BrokenPipeError:
            raise
        except OSError as exc:
            raise OutputError(f"The output cannot be written: {exc.strerror}.") from exc


def open_streams() -> None:
    """Make standard output and error usable, also where the caller has closed them.

    A closed descriptor would be taken by the next file that is opened. Closed output fails at the
    first write; closed error swallows the messages, and the exit code remains.
    Characters that the encoding lacks are escaped: a file name must not end the command.
    """
    for number, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            descriptor = os.open(os.devnull, mode)  # The lowest number that is free: this one.
            if descriptor != number:
                os.dup2(descriptor, number)
    sys.stdout = _open_stream(sys.stdout, 1)
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    if isinstance(sys.stderr, io.TextIOWrapper):  # Whoever runs Kova may have put another there.
        sys.stderr.reconfigure(errors="backslashreplace")


def _open_stream(stream: IO[str] | None, number: int) -> _Output:
    is_line_buffered = os.isatty(number)
    encoding = "utf-8"
    if isinstance(stream, io.TextIOWrapper):
        encoding = stream.encoding
        stream.flush()
        buffer: Any = stream.detach()
    else:
        buffer = open(number, "wb", closefd=False)  # noqa: SIM115
    output = _Output(
        buffer, encoding=encoding, errors="backslashreplace", line_buffering=is_line_buffered
    )
    # Typer and `end` write to it; a type stub calls it final, Python does not.
    sys.__stdout__ = output  # type: ignore[misc]
    return output


class _OutputConsole(Console):
    """A console that shows texts as they are: neither markup nor what a terminal would obey.

    Texts come from files, keys and servers. A style is given by `style` or a `Text`.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text, with control characters escaped."""
        return super().render_str(visible(text), **{**options, "markup": False, "emoji": False})

    def on_broken_pipe(self) -> NoReturn:
        """Raise BrokenPipeError. Rich would exit with 1, which means that errors were found."""
        raise BrokenPipeError


def console(*, errors: bool = False) -> Console:
    """Return a console as wide as the terminal, or 160 columns without one."""
    stream = sys.stderr if errors else sys.stdout
    return _OutputConsole(stderr=errors, width=None if stream.isatty() else _WIDE)


def print_line(text: str) -> None:
    """Print one line of text from outside."""
    typer.echo(visible(text))
