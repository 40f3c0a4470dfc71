"""`python -m tests.chaos --seed N --deliveries N [--kills N] [--log FILE] [--resume FILE]`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tests.chaos.practice import FAULT_KINDS
from tests.chaos.report import print_differences, print_tables
from tests.chaos.run import RunOptions, RunResult, open_run
from tests.chaos.stack import PARTS
from tests.chaos.steps import FIXES, WEIGHTS

_SEEDS = (1, 2, 3)


def main() -> int:
    """Run, and return 0 only if what is there is what must be there."""
    arguments = _parser().parse_args()
    seeds = arguments.seed or list(_SEEDS)
    if arguments.resume is not None:
        line = json.loads(arguments.resume.open().readline())
        runs = [RunOptions(**{**line["options"], "without": tuple(line["options"]["without"])})]
    else:
        runs = [_options(arguments, seed, len(seeds)) for seed in seeds]
    tables: dict[str, dict[str, str]] = {}
    is_equal = True
    for options in runs:
        log = arguments.resume or arguments.log
        if log is not None and len(runs) > 1:
            log = log.with_stem(f"{log.stem}-{options.seed}")
        result = _run(options, log)
        tables[str(options.seed)] = {"seed": str(options.seed), **result.table}
        is_equal = is_equal and not result.differences
    print_tables(list(tables.values()))
    return 0 if is_equal else 1


def _run(options: RunOptions, log: Path | None) -> RunResult:
    """Run once and write the differences; a stack that nobody named a folder for goes."""
    with ExitStack() as cleanup:
        if not options.folder:
            folder = cleanup.enter_context(tempfile.TemporaryDirectory(prefix="kova-chaos-"))
            options = replace(options, folder=folder)
        run, stack = cleanup.enter_context(open_run(options, log))
        result = run.run(stack)
    print_differences(result.differences, options.seed)
    return result


def _options(arguments: argparse.Namespace, seed: int, runs: int) -> RunOptions:
    folder = arguments.folder.resolve() if arguments.folder else None
    if folder is not None and runs > 1:
        folder /= str(seed)
    kills = arguments.kills
    if kills is None:
        kills = max(arguments.deliveries * 7 // 300, 1)
    return RunOptions(
        seed=seed,
        deliveries=arguments.deliveries,
        kills=kills,
        folder=str(folder or ""),
        repositories=arguments.repositories or max(arguments.deliveries // 60, 4),
        faults=arguments.faults,
        quiet_seconds=arguments.quiet_seconds,
        without=tuple(arguments.without),
    )


def _parser() -> argparse.ArgumentParser:
    kinds = [*WEIGHTS, FIXES, "doubled", "reordered", "lost", *FAULT_KINDS, *PARTS]
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, action="append", help="may be repeated; 1, 2 and 3")
    parser.add_argument("--deliveries", type=int, default=3_000)
    parser.add_argument("--kills", type=int, help="70 in 3,000 deliveries")
    parser.add_argument("--repositories", type=int, help="one in 60 deliveries")
    parser.add_argument("--faults", type=float, default=0.05, help="a share of GitHub's answers")
    parser.add_argument("--quiet-seconds", type=float, default=1_800)
    parser.add_argument("--without", action="append", default=[], choices=kinds, metavar="KIND")
    parser.add_argument("--folder", type=Path, help="where the stack is; it stays")
    parser.add_argument("--log", type=Path, help="JSON lines")
    parser.add_argument("--resume", type=Path, help="the log of a run that was interrupted")
    return parser


if __name__ == "__main__":
    sys.exit(main())
