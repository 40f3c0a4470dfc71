"""How a command ends that cannot do its work: one line on standard error, and an exit code."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Final, NoReturn

import typer
from typer._click.exceptions import NoArgsIsHelpError
from typer.exceptions import TyperException

from kova.shared.exceptions import KovaError
from kova.shared.text import shorten, visible
from kova_server.cli.output import OutputError

COULD_NOT_RUN: Final = 2
INTERRUPTED: Final = 128 + signal.SIGINT
READER_GONE: Final = 128 + signal.SIGPIPE
_LINE_LIMIT: Final = 1_000


def exit_code(command: Callable[[], int | None]) -> int:
    """Run a command and return the code to exit with.

    It is 130 after Ctrl-C and 141 when the reader of the output is gone, both without a message.
    For every other failure it is 2, with a message of one line, and with a traceback if
    KOVA_LOG_LEVEL is `debug`.
    """
    try:
        code = command() or 0
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError as exc:
        if exc.filename is None:
            return READER_GONE
        return _report(exc, f"{exc.filename}: {exc.strerror}.")
    except SystemExit as exc:  # Raised by a library; by Typer also for a closed pipe.
        if isinstance(exc.__context__, BrokenPipeError):
            return READER_GONE
        return COULD_NOT_RUN if exc.code else 0
    except TyperException as exc:
        return _report(exc, _usage_message(exc))
    except KovaError as exc:
        return _report(exc, _message_of(exc))
    except Exception as exc:  # noqa: BLE001 (every failure of a command becomes one line)
        return _report(exc, _unexpected_message(exc))
    return code


def end(code: int) -> NoReturn:
    """End the process with a code, even if buffered output cannot be written."""
    stdout = sys.__stdout__  # Typer may have replaced `sys.stdout`.
    if stdout is None:
        raise SystemExit(code)
    try:
        stdout.flush()
    except (OSError, OutputError):
        # Otherwise the interpreter tries to write it again at its end, and complains.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
    raise SystemExit(code)


def _message_of(error: KovaError) -> str:
    """Return the message; of a service that does not answer also where it is looked for."""
    server = error.data.get("server")
    return f"{error.message.removesuffix('.')} ({server})." if server else error.message


def _usage_message(error: TyperException) -> str:
    context = getattr(error, "ctx", None)
    if context is None:
        return error.format_message()
    if isinstance(error, NoArgsIsHelpError):  # Its message is the group's help.
        message = "A command is missing."
    else:
        message = " ".join(error.format_message().split())
    return f"{message} `{context.command_path} --help` explains it."


def _unexpected_message(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}."
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"Unexpected {text} (KOVA_LOG_LEVEL=debug shows where)"


def _report(error: BaseException, message: str) -> int:
    line = shorten(visible(" ".join(message.split())), _LINE_LIMIT)
    try:
        if os.environ.get("KOVA_LOG_LEVEL", "").lower() == "debug":
            traceback.print_exception(error)
        sys.stderr.write(f"kova: {line}\n")
        sys.stderr.flush()
    except OSError:
        return COULD_NOT_RUN  # Nobody can read the message; the exit code still says it.
    return COULD_NOT_RUN
