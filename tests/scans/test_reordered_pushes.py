"""Whatever order pushes, answers and deaths come in: in the end the errors are the head's.

Each seed is one history. What must be there is computed from the practice GitHub alone.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import pytest

from kova.scans.scan_repository import MOST_DEATHS
from kova_fakes.github import Fault, serve_github
from tests.support.push_desk import NAME, KilledError, PushDesk

HEAD: Final = "/commits/heads/main$"
LINES: Final = ("BAD(x)", "BAD(y)", "(x)", "(y)", "")
STEPS: Final = 14
PUSHES_A_SECOND: Final = 2  # People and bots push no branch three times in a second.


class PushHistory:
    """One random history: people push, GitHub delivers and answers as it likes, workers die."""

    def __init__(self, desk: PushDesk, seed: int) -> None:
        self.random = random.Random(seed)
        self.desk = desk
        self.log: list[str] = []
        self.commits: list[str] = []
        self.waiting: list[dict[str, Any]] = []
        self.deaths = 0
        self.depth = 0
        self.is_over = False
        self._in_second = 0

    async def live(self) -> None:
        self._note_push("create", self.desk.create(a=self._text(), b=self._text()))
        for method in ("resolve", "compare"):
            self.desk.source.hooks[method] = self._on_the_way
        for method in ("state", "apply"):
            self.desk.errors.hooks[method] = self._die_at_times
        for method in ("list", "record"):
            self.desk.pushes.hooks[method] = self._die_at_times
        for method in ("create", "claim", "skip", "finish"):
            self.desk.scan_rows.hooks[method] = self._die_at_times
        steps = (self._push, self._push, self._force, self._deliver, self._deliver, self._work)
        for _ in range(STEPS):
            await self.random.choice(steps)()
        # The last push decides: nothing comes later that would put a wrong end right.
        await self.random.choice((self._push, self._force))()
        self.desk.github.clear_faults()
        self.desk.github.inject(Fault(kind="stale", path=HEAD, times=3))
        self.is_over = True
        while self.waiting or len(self.desk.queue):
            await self._deliver()
            await self.desk.expire_leases()
            await self.desk.work(self.random.randint(1, 3), until=timedelta(minutes=30))

    def _text(self) -> str:
        return "\n".join(self.random.choice(LINES) for _ in range(3)) + "\n"

    def _advance(self) -> None:
        """Let some time pass at GitHub before a push."""
        wait = self.random.choice((0, 1, 1, 2, 30, 90))
        self._in_second = 1 if wait else self._in_second + 1
        if self._in_second > PUSHES_A_SECOND:
            wait, self._in_second = 1, 1
        self.desk.second += wait - 1  # Each push adds one.

    def _note_push(self, what: str, payload: dict[str, Any]) -> None:
        after = payload["after"]
        self.log.append(f"{what} {payload['before'][:7]} {after[:7]} at {self.desk.second}")
        self.commits.append(after)
        self.waiting.append(payload)

    async def _push(self) -> None:
        self._advance()
        name = self.random.choice("abc")
        self._note_push("push", self.desk.push(**{name: self._text()}))
        self._make_answers_stale()

    async def _force(self) -> None:
        others = sorted({sha for sha in self.commits if sha != self.desk.head()})
        if others:
            self._advance()
            self._note_push("force", self.desk.force(self.random.choice(others)))
            self._make_answers_stale()

    def _make_answers_stale(self) -> None:
        """Let GitHub lag behind this push for some answers, which is seconds and not minutes."""
        self.desk.github.clear_faults()
        if self.random.random() < 0.5:
            times = self.random.randint(1, 3)
            self.log.append(f"stale {times}")
            self.desk.github.inject(Fault(kind="stale", path=HEAD, times=times))

    async def _deliver(self) -> None:
        """Deliver one of the events that wait, and some of them twice."""
        if not self.waiting:
            return
        payload = self.waiting.pop(self.random.randrange(len(self.waiting)))
        self.log.append(f"deliver {payload['after'][:7]}")
        for _ in range(self.random.choice((1, 1, 2))):
            self.desk.deliver(payload)
        if self.random.random() < 0.2 and not self.is_over:
            self.waiting.append(payload)  # By a second webhook, or again.

    async def _work(self) -> None:
        workers, seconds = self.random.randint(1, 3), self.random.choice((1, 5, 60, 900))
        self.log.append(f"work {workers} for {seconds}")
        await self.desk.work(workers, until=timedelta(seconds=seconds))
        await self.desk.expire_leases()

    async def _on_the_way(self, answer: object) -> None:
        """Let another worker or a person be quicker than the answer."""
        await self._die_at_times(answer)
        if self.depth == 0 and not self.is_over and self.random.random() < 0.3:
            self.depth += 1
            try:
                await self.random.choice((self._push, self._force, self._deliver))()
                await self.desk.work_one()
            finally:
                self.depth -= 1

    async def _die_at_times(self, _: object) -> None:
        # One more of the same scan would end it as failed.
        if self.deaths < MOST_DEATHS - 1 and self.random.random() < 0.03:
            self.deaths += 1
            self.log.append("death")
            raise KilledError


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[PushDesk]:
    with serve_github() as github:
        new_desk = PushDesk(github, database_url)
        yield new_desk
        await new_desk.close()


@pytest.mark.parametrize("seed", range(8))
async def test_the_errors_are_those_of_the_true_head_in_the_end(desk: PushDesk, seed: int) -> None:
    history = PushHistory(desk, seed)
    await history.live()
    story = "\n".join(history.log)
    assert await desk.open_errors() == desk.true_errors(), story
    scans = await desk.scans()
    assert {scan.status.value for scan in scans} <= {"succeeded", "skipped"}, story
    assert (len(desk.queue), desk.queue.dead) == (0, []), story
    (state,) = await desk.execute("SELECT commit_sha FROM repository_states")
    assert state["commit_sha"] == desk.head(), story
    runs = [run for run in desk.github.state.check_runs(NAME) if run["head_sha"] == desk.head()]
    assert [run["status"] for run in runs] == ["completed"], story
    assert runs[0]["output"]["title"] != "A newer push came before the scan", story
