"""`kova dlq`."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Column, Table

from kova.bootstrap.settings import load_settings, require
from kova.shared.exceptions import InvalidInputError, NotFoundError
from kova.shared.text import duration, shorten, visible
from kova_server.cli.environment import DataOption, read_variables
from kova_server.cli.output import console, print_line

if TYPE_CHECKING:
    from kova.adapters.sqs_dead_letters import DeadLetter, SqsDeadLetters

EXAMPLES: Final = (
    "kova dlq list --data .kova",
    "kova dlq show scan 0b6c3f0e-6f3c-4a0e-9c0e-0a6f6a1f2b3c --data .kova",
    "kova dlq redrive scan --all --data .kova",
    "kova dlq drop command 0b6c3f0e-6f3c-4a0e-9c0e-0a6f6a1f2b3c --data .kova",
)
QUEUES: Final = ("scan", "fix", "command")
_ABOUT: Final = ("repository", "commit_sha", "pull_request", "fix_id", "id", "command_id")
_ABOUT_LIMIT: Final = 80
app = typer.Typer(
    help="Look at dead letters, send them again, or drop them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
QueueName = Annotated[str, typer.Argument(metavar="QUEUE", help="scan, fix or command.")]
Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="The ids, as `list` shows them.")
]
All = Annotated[bool, typer.Option("--all", help="Every dead letter of the queue.")]


@app.callback()
def dlq() -> None:
    """Look at the messages that were given up."""


@app.command("list")
def list_letters(
    queue: Annotated[
        str | None, typer.Argument(metavar="[QUEUE]", help="scan, fix or command. Without: all.")
    ] = None,
    data_folder: DataOption = None,
) -> None:
    """List dead letters, the oldest first. They stay where they are."""
    table = Table(
        "queue", Column("id", no_wrap=True), "age", "about", "reason", box=None, pad_edge=False
    )
    number = 0
    for name in QUEUES if queue is None else (queue,):
        letters = _open(name, data_folder, optional=queue is None)
        for letter in letters.look() if letters is not None else ():
            number += 1
            age = duration(timedelta(seconds=max(time.time() - letter.sent_at, 0)))
            about = shorten(visible(_about(letter)), _ABOUT_LIMIT)
            reason = visible(letter.reason or "received too often")
            table.add_row(name, letter.id, age, about, reason)
    if number:
        console().print(table)
    else:
        typer.echo("There are no dead letters.")


@app.command("show")
def show(
    queue: QueueName,
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")],
    data_folder: DataOption = None,
) -> None:
    """Print one dead letter as JSON. It stays where it is."""
    for letter in _require(queue, data_folder).look():
        if letter.id == letter_id:
            sent_at = datetime.fromtimestamp(letter.sent_at, UTC).isoformat(timespec="seconds")
            fields = {"id": letter.id, "queue": queue, "sent_at": sent_at, "reason": letter.reason}
            shown = json.dumps({**fields, "message": _message(letter) or letter.body}, indent=2)
            for line in shown.splitlines():
                print_line(line)
            return
    raise NotFoundError(f"There is no dead letter {letter_id}.")


@app.command("redrive")
def redrive(
    queue: QueueName, ids: Ids = None, *, everything: All = False, data_folder: DataOption = None
) -> None:
    """Send dead letters to their queue again, as new ones."""
    number = _require(queue, data_folder).redrive(_chosen(ids, everything=everything))
    typer.echo(f"{number} sent to the queue {queue} again.")


@app.command("drop")
def drop(
    queue: QueueName, ids: Ids = None, *, everything: All = False, data_folder: DataOption = None
) -> None:
    """Delete dead letters for good."""
    number = _require(queue, data_folder).drop(_chosen(ids, everything=everything))
    typer.echo(f"{number} deleted.")


def _chosen(ids: list[str] | None, *, everything: bool) -> list[str] | None:
    """Return the ids, or None for all."""
    if everything and ids:
        raise InvalidInputError("Name ids, or --all, and not both.")
    if not everything and not ids:
        raise InvalidInputError("Name the ids, or --all.")
    return None if everything else ids


def _require(queue: str, data_folder: Path | None) -> SqsDeadLetters:
    letters = _open(queue, data_folder)
    assert letters is not None
    return letters


def _open(queue: str, data_folder: Path | None, *, optional: bool = False) -> SqsDeadLetters | None:
    from kova.adapters.sqs import sqs_client
    from kova.adapters.sqs_dead_letters import SqsDeadLetters

    if queue not in QUEUES:
        raise InvalidInputError(f"There is no queue {queue!r}: {', '.join(QUEUES)}.")
    settings = load_settings(read_variables(data_folder), connects=False)
    urls = {
        "scan": settings.scan_queue_url,
        "fix": settings.fix_queue_url,
        "command": settings.ai.command_queue_url,
    }
    if urls[queue] is None and optional:
        return None
    return SqsDeadLetters(
        sqs_client(waits=True), require(urls[queue], f"KOVA_{queue.upper()}_QUEUE_URL")
    )


def _message(letter: DeadLetter) -> dict[str, Any] | None:
    try:
        message = json.loads(letter.body)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def _about(letter: DeadLetter) -> str:
    """Return what a message is about, as far as it says it."""
    message = _message(letter)
    if message is None:
        return letter.body
    parts = [str(message[name]) for name in _ABOUT if message.get(name)]
    return " ".join([str(message.get("kind", "?")), *parts])
