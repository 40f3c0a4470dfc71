"""A command in a comment is done and answered by one reply."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from kova.adapters.memory.clock import Clock
from kova.adapters.memory.commands import MemoryCommandStore
from kova.adapters.memory.conversation import MemoryConversation
from kova.adapters.memory.model import Silence, Step, complete
from kova.adapters.memory.queues import MemoryScanQueue
from kova.adapters.memory.scan_recovery import MemoryScanRecovery
from kova.adapters.memory.scans import MemoryScanStore
from kova.commands.answer_comment import AnswerComment
from kova.commands.command import CommandRequest
from kova.commands.comment import CommentJob, Verb
from kova.commands.dispatch_job import DispatchCommandJob, command_log_context
from kova.commands.request_command import FinishCommand, RequestCommand
from kova.errors.error import ErrorStatus
from kova.errors.ignore_errors import IgnoreErrors
from kova.models.outcome import Outcome
from kova.models.ports import Began, Finish, Piece
from kova.models.provider import Provider, Task
from kova.scans.request_scan import RequestScan
from kova.scans.scan import ScanStatus
from kova.shared.exceptions import (
    BusyError,
    DatabaseUnavailableError,
    GitHubUnavailableError,
    QueueUnavailableError,
)
from kova.shared.reach import EVERYTHING
from kova.shared.repository import RepositoryRef
from tests.support.commands import ERROR, HEAD, NAME, CommandDesk
from tests.support.models import answer_json
from tests.support.subjects import SOMEBODY

GOOD = complete(answer_json("Because. cc @octocat"))
WORKING = "I am on it."


class ProcessEnd(BaseException):
    """The worker's process ends."""


class FlakyConversation(MemoryConversation):
    """GitHub fails at some replies, by their number from 1."""

    def __init__(self, permissions: dict[str, str], failures: dict[int, BaseException]) -> None:
        super().__init__(permissions)
        self._failures = failures
        self._count = 0

    async def reply(
        self, repository_ref: RepositoryRef, number: int, marker: str, body: str
    ) -> None:
        self._count += 1
        if self._count in self._failures:
            raise self._failures[self._count]
        await super().reply(repository_ref, number, marker, body)


@dataclass
class Thread:
    """A thread of comments of a pull request, and the use case that answers in it."""

    openai: Sequence[Sequence[Step]] = ()
    anthropic: Sequence[Sequence[Step]] = ()
    clock: Clock = field(default_factory=lambda: Clock(datetime(2026, 11, 28, tzinfo=UTC)))
    scan_queue: MemoryScanQueue = field(default_factory=MemoryScanQueue)
    failing_replies: dict[int, BaseException] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.desk = CommandDesk(
            openai=self.openai,
            anthropic=self.anthropic,
            clock=self.clock,
            commands=MemoryCommandStore(self.clock),
        )
        self.github = FlakyConversation(
            {"ann": "admin", "max": "maintain", "wes": "write", "tim": "triage", "rob": "read"},
            self.failing_replies,
        )
        errors: Any = self.desk.errors
        self.use_case = AnswerComment(
            conversation=self.github,
            source=self.desk.source,
            scan=RequestScan(
                repositories=self.desk.repositories,
                scans=MemoryScanStore(self.desk.database),
                recovery=MemoryScanRecovery(self.desk.database),
                source=self.desk.source,
                queue=self.scan_queue,
            ),
            ignore=IgnoreErrors(errors=errors),
            run=self.desk.run,
            commands=self.desk.commands,
            secret="s",
        )

    async def answer(self, verb: Verb, argument: str = "", **fields: Any) -> str:
        """Answer a comment and return the reply that stands there then."""
        await self.use_case.answer(job(verb, argument, **fields))
        (reply,) = self.github.comments.values()
        return reply


def job(verb: Verb, argument: str = "", **fields: Any) -> CommentJob:
    values = {
        "repository": NAME,
        "installation_id": 3,
        "number": 5,
        "pull_request": True,
        "comment_id": 77,
        "author": "ann",
        **fields,
    }
    return CommentJob(verb=verb, argument=argument, **values)


async def test_a_question_is_answered_by_one_reply_that_was_edited() -> None:
    thread = Thread(openai=[GOOD])
    reply = await thread.answer(Verb.ASK, "why?")
    assert reply.startswith("Because.")
    assert thread.github.replies[0] == WORKING
    assert len(thread.github.comments) == 1
    (command,) = thread.desk.commands.all()
    assert (command.request.command, command.outcome) == ("why?", Outcome.OK)


async def test_a_reply_notifies_nobody() -> None:
    assert "@octocat" not in await Thread(openai=[GOOD]).answer(Verb.ASK, "why?")


async def test_a_second_delivery_edits_the_same_reply_and_asks_no_model() -> None:
    thread = Thread(openai=[GOOD, complete(answer_json("Otherwise."))])
    first = await thread.answer(Verb.ASK, "why?")
    thread.desk.cache._answers.clear()
    assert await thread.answer(Verb.ASK, "why?") == first
    assert thread.github.replies.count(WORKING) == 1
    assert len(thread.desk.prompts()) == 1


async def test_two_comments_have_two_replies() -> None:
    thread = Thread(openai=[GOOD, GOOD])
    await thread.use_case.answer(job(Verb.ASK, "why?"))
    await thread.use_case.answer(job(Verb.ASK, "why?", comment_id=78))
    assert len(thread.github.comments) == 2


@pytest.mark.parametrize("author", ["tim", "rob", "stranger"])
@pytest.mark.parametrize("verb", list(Verb))
async def test_somebody_who_cannot_write_is_refused_politely_and_nothing_is_done(
    author: str, verb: Verb
) -> None:
    thread = Thread(openai=[GOOD], anthropic=[GOOD])
    reply = await thread.answer(verb, "R1 because", author=author)
    assert reply.startswith("Sorry, I take commands only from people who can write")
    assert thread.desk.prompts() == []
    assert (thread.desk.commands.all(), thread.desk.database.scans) == ((), {})
    error = await thread.desk.errors.get(ERROR.id, EVERYTHING)
    assert error is not None
    assert error.status is ErrorStatus.OPEN


async def test_strangers_are_refused_once_in_a_thread() -> None:
    thread = Thread(openai=[GOOD])
    for comment_id in range(5):
        for author in ("tim", "rob", "stranger"):
            await thread.use_case.answer(
                job(Verb.ASK, "why?", author=author, comment_id=100 + comment_id)
            )
    assert len(thread.github.comments) == 1
    await thread.use_case.answer(job(Verb.ASK, "why?", comment_id=200))
    assert len(thread.github.comments) == 2


@pytest.mark.parametrize("author", ["ann", "max", "wes"])
async def test_everybody_who_can_write_is_answered(author: str) -> None:
    reply = await Thread(openai=[GOOD]).answer(Verb.ASK, "why?", author=author)
    assert reply.startswith("Because.")


@pytest.mark.parametrize(
    ("verb", "fields"),
    [
        (Verb.HELP, {}),
        (Verb.ASK, {}),
        (Verb.EXPLAIN, {"pull_request": False}),
        (Verb.REVIEW, {"pull_request": False}),
    ],
)
async def test_a_command_that_says_too_little_is_answered_with_the_list(
    verb: Verb, fields: dict[str, Any]
) -> None:
    thread = Thread(openai=[GOOD], anthropic=[GOOD])
    assert (await thread.answer(verb, **fields)).startswith("I know these commands:")
    assert thread.desk.prompts() == []


async def test_a_pull_request_is_explained_and_reviewed_as_itself() -> None:
    thread = Thread(openai=[GOOD])
    await thread.answer(Verb.EXPLAIN)
    (command,) = thread.desk.commands.all()
    assert (command.task, command.request.pull_request) == (Task.ANALYZE, 5)
    review = complete('{"answer": "Fine.", "findings": []}')
    thread = Thread(anthropic=[review])
    assert await thread.answer(Verb.REVIEW, "look at the port") == "Fine."
    (command,) = thread.desk.commands.all()
    assert (command.task, command.request.command) == (Task.REVIEW, "look at the port")


async def test_an_answer_names_its_places() -> None:
    quote = {"path": "app.py", "start_line": 5, "end_line": 5, "quote": "serve('any-host', port)"}
    thread = Thread(openai=[complete(answer_json("See.", quote))])
    reply = await thread.answer(Verb.EXPLAIN)
    assert reply == "See.\n\nBased on `app.py:5-5`."
    finding = '{"path": "app.py", "start_line": 5, "end_line": 5, "quote": "any-host",'
    review = f'{{"answer": "One.", "findings": [{finding} "severity": "high", "message": "Hm."}}]}}'
    thread = Thread(anthropic=[complete(review)])
    assert await thread.answer(Verb.REVIEW) == "One.\n\n- **high** `app.py:5` Hm."


async def test_a_pull_request_is_scanned_at_its_head() -> None:
    thread = Thread()
    reply = await thread.answer(Verb.SCAN)
    (target,) = thread.scan_queue.targets()
    assert (target.ref, target.fix, target.full) == (HEAD, False, False)
    assert f"Scan `{target.scan_id}` is queued. " in reply


async def test_a_fix_is_a_scan_of_the_default_branch_that_offers_fixes() -> None:
    thread = Thread()
    reply = await thread.answer(Verb.FIX)
    (target,) = thread.scan_queue.targets()
    assert (target.ref, target.fix) == (None, True)
    assert "its fixes will be offered as a pull request" in reply


async def test_errors_are_ignored_for_the_reason_and_in_the_name_of_who_asks() -> None:
    thread = Thread()
    reply = await thread.answer(Verb.IGNORE, "R1 known and harmless")
    error = await thread.desk.errors.get(ERROR.id, EVERYTHING)
    assert error is not None
    assert error.ignored is not None
    assert (error.ignored.by, error.ignored.reason) == ("github:ann", "known and harmless")
    assert "1 error of `R1`" in reply
    assert await thread.answer(Verb.IGNORE, "R1 known and harmless") == reply


async def test_on_a_pull_request_only_errors_of_its_files_are_ignored() -> None:
    thread = Thread()
    comparison = thread.desk.source.comparison
    assert comparison is not None
    thread.desk.source.comparison = replace(comparison, changed=frozenset({"other.py"}))
    reply = await thread.answer(Verb.IGNORE, "R1 harmless")
    assert "I ignored nothing" in reply
    reply = await thread.answer(Verb.IGNORE, "R1 harmless", pull_request=False)
    assert "is ignored" in reply


@pytest.mark.parametrize("argument", ["", "R1"])
async def test_ignoring_needs_a_rule_and_a_reason(argument: str) -> None:
    thread = Thread()
    assert (await thread.answer(Verb.IGNORE, argument)).startswith("Please say which rule and why")
    error = await thread.desk.errors.get(ERROR.id, EVERYTHING)
    assert error is not None
    assert error.status is ErrorStatus.OPEN


async def test_a_refusal_of_the_model_is_the_reply_and_is_not_asked_again() -> None:
    thread = Thread(openai=[complete("x", finish=Finish.REFUSAL), GOOD])
    first = await thread.answer(Verb.ASK, "why?")
    assert first == "I could not answer: The model refuses to answer this."
    assert await thread.answer(Verb.ASK, "why?") == first
    assert len(thread.desk.prompts()) == 1


async def test_a_context_that_is_not_there_is_said() -> None:
    thread = Thread(openai=[GOOD])
    reply = await thread.answer(Verb.EXPLAIN, number=6)
    assert reply.startswith("I could not answer: GitHub shows no such repository")


async def test_a_question_that_another_worker_has_in_hand_waits() -> None:
    thread = Thread(openai=[[Began(), Piece(text="{"), Silence.FOR_EVER], GOOD])
    running = asyncio.ensure_future(thread.use_case.answer(job(Verb.ASK, "why?")))
    await thread.desk.models[Provider.OPENAI].asked.wait()
    with pytest.raises(BusyError):
        await thread.use_case.answer(job(Verb.ASK, "why?"))
    assert thread.github.replies == [WORKING]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    reply = await thread.answer(Verb.ASK, "why?")
    assert reply == "I could not answer: it was cancelled."


async def test_a_question_whose_worker_died_is_answered_by_the_next() -> None:
    thread = Thread(openai=[GOOD], failing_replies={1: ProcessEnd()})
    with pytest.raises(ProcessEnd):
        await thread.use_case.answer(job(Verb.ASK, "why?"))
    with pytest.raises(BusyError):
        await thread.use_case.answer(job(Verb.ASK, "why?"))
    thread.clock.advance(thread.desk.run.lease)
    assert (await thread.answer(Verb.ASK, "why?")).startswith("Because.")


async def test_a_github_that_is_away_is_asked_again_before_anything_is_spent() -> None:
    thread = Thread(openai=[GOOD])
    thread.github.available = False
    with pytest.raises(GitHubUnavailableError):
        await thread.use_case.answer(job(Verb.ASK, "why?"))
    assert thread.desk.prompts() == []
    thread.github.available = True
    assert (await thread.answer(Verb.ASK, "why?")).startswith("Because.")


async def test_an_answer_that_could_not_be_posted_is_posted_later_and_not_asked_for_again() -> None:
    thread = Thread(openai=[GOOD], failing_replies={2: GitHubUnavailableError()})
    with pytest.raises(GitHubUnavailableError):
        await thread.use_case.answer(job(Verb.ASK, "why?"))
    assert thread.github.replies == [WORKING]
    assert (await thread.answer(Verb.ASK, "why?")).startswith("Because.")
    assert len(thread.desk.prompts()) == 1


async def test_a_working_reply_that_fails_does_not_keep_the_answer_back() -> None:
    thread = Thread(openai=[GOOD], failing_replies={1: GitHubUnavailableError()})
    assert (await thread.answer(Verb.ASK, "why?")).startswith("Because.")
    assert WORKING not in thread.github.replies


async def test_an_outage_of_the_database_or_the_queue_is_tried_again() -> None:
    thread = Thread(openai=[GOOD])
    thread.desk.commands.available = False
    with pytest.raises(DatabaseUnavailableError):
        await thread.use_case.answer(job(Verb.ASK, "why?"))
    thread.scan_queue.available = False
    with pytest.raises(QueueUnavailableError):
        await thread.use_case.answer(job(Verb.SCAN))
    assert thread.github.replies == []
    (row,) = thread.desk.database.scans.values()
    assert (row.scan.status, row.scan.failure) == (ScanStatus.FAILED, "queue_unavailable")


async def test_jobs_of_the_queue_go_to_the_use_case_that_can_do_them() -> None:
    thread = Thread(openai=[GOOD, complete(answer_json("Yes."))])
    desk, made = thread.desk, []

    def answer() -> AnswerComment:
        made.append(thread.use_case)
        return thread.use_case

    dispatch = DispatchCommandJob(FinishCommand(run=desk.run, commands=desk.commands), answer)
    request = RequestCommand(run=desk.run, commands=desk.commands, queue=desk.queue)
    command = await request.request(CommandRequest(command="why?"), SOMEBODY)
    assert await dispatch.dispatch(command.id) == command.id
    assert made == []
    comment = job(Verb.ASK, "really?")
    assert await dispatch.dispatch(comment) == f"{NAME}#77"
    assert len(made) == 1
    assert [row.outcome for row in desk.commands.all()] == [Outcome.OK, Outcome.OK]
    assert command_log_context(comment) == {"about": f"{NAME}#77"}
