"""A run: steps, deliveries, faults and kills; then quiet, and the oracle."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from kova_fakes.github import FakeGitHub, serve_github
from kova_fakes.github.apps import new_key
from kova_fakes.github.server import new_context
from kova_server.embedded.ports import free_port
from tests.chaos.actual import not_done, read_actual, unanswered
from tests.chaos.courier import Courier
from tests.chaos.journal import Journal
from tests.chaos.killer import Killer
from tests.chaos.observe import KovaObserver
from tests.chaos.oracle import Difference, Oracle
from tests.chaos.practice import DurableState, Ledger, RandomFaults
from tests.chaos.report import Progress
from tests.chaos.stack import KovaStack, run_stack
from tests.chaos.steps import ChaosStep, StepMaker
from tests.chaos.sweep import Sweeper
from tests.chaos.world import World

_DEPTH: Final = 20
"""While so many scans wait, nobody does anything more: the run is as long as the work."""
_POLL_SECONDS: Final = 0.2
_UNFINISHED: Final = "SELECT count(*) FROM scans WHERE status IN ('queued', 'running')"
_KILLED: Final = """SELECT ref, commit_sha FROM scans
WHERE status = 'failed' AND failure LIKE 'worker_killed%'"""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What a run is; the same options make the same steps.

    Attributes:
        folder: where everything is stored; a run goes on where one was interrupted.
        faults: the share of GitHub's answers that are faults.
        quiet_seconds: how long the end may take.
        without: kinds of steps, deliveries, faults and kills that do not happen.
    """

    seed: int
    deliveries: int
    kills: int
    folder: str
    repositories: int
    faults: float = 0.05
    quiet_seconds: float = 1_800
    without: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """How a run ended: the lines of its table, and the differences."""

    table: dict[str, str]
    differences: list[Difference]


class ChaosRun:
    """One run over a running product."""

    def __init__(
        self, options: RunOptions, ledger: Ledger, journal: Journal, github: FakeGitHub
    ) -> None:
        assert isinstance(github.state, DurableState)
        assert isinstance(github.context.faults, RandomFaults)
        self._options = options
        self._ledger = ledger
        self._journal = journal
        self._github = github
        self._state = github.state
        self._faults = github.context.faults
        self.world = World()
        self.progress = Progress(options.deliveries)
        self._courier = Courier(
            seed=options.seed, ledger=ledger, github=github, without=options.without
        )
        self._maker = StepMaker(
            seed=options.seed,
            world=self.world,
            github=github,
            faults=self._faults,
            repositories=options.repositories,
            without=options.without,
        )
        self._observer = KovaObserver(self.world, github)
        self._looks = 0
        self._number = 0
        self._pressed: set[tuple[str, str]] = set()
        for line in journal.lines("step", "kill"):
            self._replay(dict(line))

    def run(self, stack: KovaStack) -> RunResult:
        """Do all steps that are still to be done, wait for quiet, and compare."""
        self._courier.url = f"{stack.address}/webhooks/github"
        self._github.context.credentials.app.hook_url = self._courier.url
        killer = Killer(
            seed=self._options.seed,
            stack=stack,
            journal=self._journal,
            progress=self.progress,
            without=frozenset(self._options.without),
        )
        kills = self.progress.counts["kills"]
        while self.progress.counts["sent"] < self._options.deliveries and stack.is_alive:
            self._number += 1
            self._take(self._maker.make(self._number))
            self._observe()
            self._courier.send_due(self._number)
            due = self._options.kills * self.progress.counts["sent"] // self._options.deliveries
            while kills < due:
                kills += 1
                killer.ask(kills)
            self._wait_for_room(stack)
            self.progress.show(len(unanswered(self._state)) if self._number % 50 == 0 else None)
        killer.finish()
        self._faults.rate = 0.0
        return self._end(stack)

    def _take(self, step: ChaosStep, label: str | None = None) -> None:
        """Take a step into the world, the ledger and the log, all at once."""
        statements, counts = self._courier.plan(
            label or str(step.number), self._number, step.outgoing
        )
        line = {
            "step": step.number,
            "kind": step.kind,
            "facts": step.facts,
            "deliveries": [delivery.guid for delivery in step.outgoing],
            "counts": dict(counts),
            "at": time.time(),
        }
        self._journal.record("step", *statements, **line)
        self._replay({"line": "step", **line})

    def _replay(self, line: dict[str, Any]) -> None:
        if line["line"] == "kill":
            self.progress.counts["kills"] += 1
            return
        self._number = max(self._number, line["step"])
        self._looks += line["kind"] == "kova"
        self.world.apply(line["step"], line["kind"], line["facts"])
        self.progress.counts.update(line["counts"])

    def _observe(self) -> bool:
        step = self._observer.observe(self._number)
        if step is None:
            return False
        self._take(step, f"kova {self._looks}")
        return True

    def _wait_for_room(self, stack: KovaStack) -> None:
        while stack.is_alive:
            with contextlib.suppress(BotoCoreError, ClientError):
                if stack.depths("scan")["scan"] < _DEPTH and self._courier.waiting < _DEPTH:
                    return
            time.sleep(_POLL_SECONDS)

    def _end(self, stack: KovaStack) -> RunResult:
        began = time.monotonic()
        swept = self._wait_for_quiet(stack, began + self._options.quiet_seconds)
        seconds = time.monotonic() - began
        actual = read_actual(stack, self._state)
        differences = Oracle(self.world, actual).compare()
        table = self.progress.table(
            lines=list(self._journal.lines("kill", "fault", "session")),
            scans=[row["status"] for row in actual.scans],
            swept=swept,
            unanswered=f"{len(unanswered(self._state))}, not done {len(actual.unanswered)}",
            quiet_seconds=seconds,
            differences=len(differences),
        )
        self._journal.record(
            "end", table=table, differences=[asdict(difference) for difference in differences]
        )
        return RunResult(table=table, differences=differences)

    def _wait_for_quiet(self, stack: KovaStack, end: float) -> int:
        """Return how many deliveries came back by the sweep."""
        self._courier.send_due(10**9)
        self._courier.wait()
        missing = len(unanswered(self._state))
        sweeper = Sweeper(self._state, self._ledger, self._journal, stack)
        while time.monotonic() < end and stack.is_alive:
            stack.start_second()
            if not self._is_idle(stack):
                time.sleep(_POLL_SECONDS)
                continue
            if not_done(stack, self._state):
                sweeper.sweep()
                continue
            moved = self._observe() or self._press_reruns(stack)
            self._courier.send_due(10**9)
            self._courier.wait()
            if not moved and not not_done(stack, self._state) and self._is_idle(stack):
                break
        return missing - len(unanswered(self._state))

    def _is_idle(self, stack: KovaStack) -> bool:
        try:
            if any(depth for name, depth in stack.depths().items() if "dlq" not in name):
                return False
            with psycopg.connect(stack.settings["KOVA_DATABASE_URL"]) as connection:
                row = connection.execute(_UNFINISHED).fetchone()
        except (BotoCoreError, ClientError, psycopg.OperationalError):
            return False
        return row == (0,)

    def _press_reruns(self, stack: KovaStack) -> bool:
        """Press "Re-run" where a scan ended since its worker was killed too often, each once."""
        with psycopg.connect(stack.settings["KOVA_DATABASE_URL"]) as connection:
            killed = set(connection.execute(_KILLED).fetchall())
        step = ChaosStep(number=self._number, kind="rerun")
        for model in self.world.repositories.values():
            for run in self._state.check_runs(model.name):
                ref = run["external_id"].replace("kova/pull/", "refs/pull/")
                key = (
                    "refs/heads/main" if ref == "kova/branch" else f"{ref}/head",
                    run["head_sha"],
                )
                if key in killed and key not in self._pressed:
                    self._pressed.add(key)
                    step.facts.append(self._maker.press_rerun(model, run, step))
        if step.facts:
            self._take(step, f"rerun {len(self._pressed)}")
            self.progress.counts["pressed"] += len(step.facts)
        return bool(step.facts)


@contextlib.contextmanager
def open_run(options: RunOptions, log: Path | None = None) -> Iterator[tuple[ChaosRun, KovaStack]]:
    """Start what a run needs, or take it up where it was interrupted; stop it at the end."""
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(folder / "chaos.db")
    journal = Journal(ledger, log)
    try:
        if not list(journal.lines("run")):
            journal.record("run", options=asdict(options))
        journal.record("session", at=time.time())
        context = new_context(
            private_key_pem=ledger.remember("key", new_key()),
            webhook_secret=ledger.remember("secret", f"{random.getrandbits(128):x}"),
        )
        context.state = DurableState(ledger)
        context.faults = RandomFaults(
            options.seed,
            options.faults,
            options.without,
            lambda kind, method, path: journal.record(
                "fault", kind=kind, method=method, path=path, at=time.time()
            ),
        )
        # The same one when the run goes on: addresses of it are in the database.
        port = int(ledger.remember("github", str(free_port())))
        with serve_github(port, context) as github:
            run = ChaosRun(options, ledger, journal, github)
            with run_stack(folder / "stack", github) as stack:
                yield run, stack
    finally:
        journal.close()
        ledger.close()


__all__ = ["ChaosRun", "RunOptions", "RunResult", "open_run"]
