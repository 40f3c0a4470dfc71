"""`python -m tests.fuzz`: mutated webhooks, answers of GitHub, SARIF logs and settings, by a seed."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from kova.adapters.postgres.migrate import migrate
from kova_server.embedded.stack import services
from tests.fuzz.documents import send_sarif, send_settings
from tests.fuzz.doors import Door, FuzzError
from tests.fuzz.github_answers import answer_door
from tests.fuzz.run import fuzz
from tests.fuzz.webhooks import webhook_door


def main() -> int:
    """Fuzz each door, and print how often each outcome was seen."""
    options = _parser().parse_args()
    logging.disable(logging.CRITICAL)  # A refused answer of GitHub is logged each time.
    try:
        asyncio.run(_fuzz_documents(options))
        if options.answers:
            with (
                tempfile.TemporaryDirectory(prefix="kova-") as folder,
                services(Path(folder)) as settings,
            ):
                migrate(settings["KOVA_DATABASE_URL"])
                asyncio.run(_fuzz_answers(options, settings["KOVA_DATABASE_URL"]))
    except FuzzError as exc:
        sys.stderr.write(f"{exc.message}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--webhooks", type=int, default=100_000, help="deliveries")
    parser.add_argument("--answers", type=int, default=20_000, help="mutated answers of GitHub")
    parser.add_argument("--sarif", type=int, default=20_000, help="logs")
    parser.add_argument("--settings", type=int, default=20_000, help="files")
    return parser


async def _fuzz_documents(options: argparse.Namespace) -> None:
    with webhook_door() as door:
        await _fuzz_one("webhooks", door, options.seed, options.webhooks)
    await _fuzz_one("SARIF logs", send_sarif, options.seed, options.sarif)
    await _fuzz_one(".kova.toml files", send_settings, options.seed, options.settings)


async def _fuzz_answers(options: argparse.Namespace, database_url: str) -> None:
    async with answer_door(database_url) as (door, transport):
        name, most = "answers of GitHub", options.answers
        await _fuzz_one(name, door, options.seed, most, lambda: transport.mutated)


async def _fuzz_one(
    name: str, door: Door, seed: int, most: int, count: Callable[[], int] | None = None
) -> None:
    tenths = 0

    def show(number: int) -> None:
        nonlocal tenths
        if number * 10 // most > tenths:
            tenths = number * 10 // most
            sys.stderr.write(f"{name}: {number:,} of {most:,}\n")

    outcomes = await fuzz(name, door, seed, most, count=count, on_progress=show)
    _print(name, seed, most, outcomes)


def _print(name: str, seed: int, most: int, outcomes: Counter[str]) -> None:
    lines = [f"\n{most:,} {name}, seed {seed}"]
    lines += [f"  {number:>8,}  {outcome}" for outcome, number in outcomes.most_common()]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
