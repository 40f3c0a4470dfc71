"""How a command ends when it could not do its work: one line on standard error, and a code."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Final, NoReturn

import typer
from typer.exceptions import TyperException

from kova.shared.exceptions import KovaError
from kova.shared.text import shorten, visible

COULD_NOT_RUN: Final = 2
INTERRUPTED: Final = 128 + signal.SIGINT
READER_GONE: Final = 128 + signal.SIGPIPE
_LINE_LIMIT: Final = 1_000


class OutputError(KovaError):
    """The output cannot be written."""

    reason = "output"


def exit_code(command: Callable[[], int | None]) -> int:
    """Run a command and return the code to exit with.

    130 after Ctrl-C and 141 when the reader of the output is gone, both without a word; 2 with one
    line for whatever else goes wrong, and with a traceback where KOVA_LOG_LEVEL is `debug`.
    """
    try:
        code = command() or 0
        _flush()
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError as exc:
        if exc.filename is None:
            return READER_GONE
        return _say(exc, f"{exc.filename}: {exc.strerror}.")
    except SystemExit as exc:  # A library's own idea of how a process ends; Typer's of a pipe.
        if isinstance(exc.__context__, BrokenPipeError):
            return READER_GONE
        return COULD_NOT_RUN if exc.code else 0
    except TyperException as exc:
        return _say(exc, _usage(exc))
    except KovaError as exc:
        return _say(exc, exc.message)
    except Exception as exc:  # noqa: BLE001 (every failure of a command is told, in one line)
        return _say(exc, _unexpected(exc))
    return code


def end(code: int) -> NoReturn:
    """End the process; what could not be written does not change the code any more."""
    stdout = sys.__stdout__  # Typer may have put another one in its place.
    if stdout is None:
        raise SystemExit(code)
    try:
        stdout.flush()
    except OSError:
        # The interpreter writes it again at its end, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
    raise SystemExit(code)


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as exc:
        raise OutputError(f"The output cannot be written: {exc.strerror}.") from exc


def _usage(error: TyperException) -> str:
    context = getattr(error, "ctx", None)
    if context is None:
        return error.format_message()
    message = error.format_message().strip()
    if "\n" in message:  # Typer's answer to a group without a command is the group's help.
        message = "A command is missing."
    return f"{message} `{context.command_path} --help` explains it."


def _unexpected(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        if error.filename is None:
            # Reads and writes of files name them: this is a stream of ours.
            return f"The output cannot be written: {error.strerror}."
        return f"{os.fsdecode(error.filename)}: {error.strerror}."
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"Unexpected {text} (KOVA_LOG_LEVEL=debug shows where)"


def _say(error: BaseException, message: str) -> int:
    line = shorten(visible(" ".join(message.split())), _LINE_LIMIT)
    try:
        if os.environ.get("KOVA_LOG_LEVEL", "").lower() == "debug":
            traceback.print_exception(error)
        sys.stderr.write(f"kova: {line}\n")
        sys.stderr.flush()
    except OSError:
        return COULD_NOT_RUN  # Nobody can be told; the code still says it.
    return COULD_NOT_RUN
