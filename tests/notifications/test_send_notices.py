"""Sending, over the twin of the store and the stand-in of Slack."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from starlette.responses import PlainTextResponse, Response

from kova.adapters.memory.clock import Clock
from kova.adapters.memory.database import MemoryDatabase
from kova.adapters.metrics.meter import PrometheusMeter
from kova.adapters.slack.messenger import SlackMessenger
from kova.notifications.compose_post import ComposePost
from kova.notifications.notice import MessageRecord, Notice
from kova.notifications.post import ChatPost
from kova.notifications.route_notices import NoticeRules, RouteNotices
from kova.notifications.send_notices import MOST_ATTEMPTS, Pace, SendNotices
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING
from kova_fakes.slack import FakeSlackApi
from tests.notifications.conftest import CHANNEL
from tests.support.stores import AllStores, apply_files, memory_stores, new_repository

SHA = "a" * 40


class SendingOffice:
    """A store, a Slack and what sends; its clock stands still but for `wait`."""

    def __init__(self, slack: FakeSlackApi, messenger: SlackMessenger) -> None:
        self.slack = slack
        self.clock = Clock()
        self.clock.advance(timedelta(0))
        self.stores: AllStores = memory_stores(MemoryDatabase(clock=self.clock))
        self.waited = 0.0
        self.sending = SendNotices(
            store=self.stores.notices,
            route=RouteNotices(NoticeRules(slack=True, slack_channel=CHANNEL), now=self.clock),
            compose=ComposePost(
                errors=self.stores.errors,
                fixes=self.stores.fixes,
                scans=self.stores.scans,
                public_url=None,
            ),
            messengers={"slack": messenger},
            meter=PrometheusMeter(),
            pace=Pace(seconds=1_000),
            clock=lambda: self.waited,
            sleep=self.sleep,
        )

    async def sleep(self, seconds: float) -> None:
        self.wait(seconds)

    def wait(self, seconds: float) -> None:
        self.waited += seconds
        self.clock.advance(timedelta(seconds=seconds))

    async def happen(self, *contents: str) -> None:
        """Let each content be a scan of the one file."""
        repository = await self.stores.repositories.get("octo/sample", EVERYTHING)
        repository = repository or await new_repository(self.stores)
        for content in contents:
            await apply_files(self.stores, repository, SHA, {"a.py": content})

    @property
    def shown(self) -> list[dict[str, object]]:
        return self.slack.channels[CHANNEL].messages

    async def records(self) -> list[MessageRecord]:
        return list((await self.stores.notices.page(PageRequest())).items)


@pytest.fixture
def office(slack: FakeSlackApi, slack_messenger: SlackMessenger) -> SendingOffice:
    return SendingOffice(slack, slack_messenger)


async def test_what_happened_is_told_once(office: SendingOffice) -> None:
    await office.happen("BAD(x)")
    assert [await office.sending.send() for _ in range(3)] == [1, 0, 0]
    assert len(office.shown) == 1


async def test_messages_of_one_thing_are_one_thread_and_a_second_apart(
    office: SendingOffice,
) -> None:
    await office.happen("BAD(x)", "x", "BAD(x)", "x", "BAD(x)")
    assert await office.sending.send() == 3
    first, second, third = office.shown
    assert "thread_ts" not in first
    assert second["thread_ts"] == third["thread_ts"] == first["ts"]
    assert office.waited > 1.9


@pytest.mark.parametrize("status", [500, 200])
async def test_a_message_that_arrived_without_an_answer_is_found_and_not_sent_again(
    office: SendingOffice, status: int
) -> None:
    await office.happen("BAD(x)")
    office.slack.fault_after = lambda _method: PlainTextResponse("?", status)
    assert await office.sending.send() == 0
    office.slack.fault_after = lambda _method: None
    office.wait(60)
    assert await office.sending.send() == 1
    assert len(office.shown) == 1


async def test_a_message_that_did_not_arrive_is_sent_again(office: SendingOffice) -> None:
    await office.happen("BAD(x)")
    office.slack.fault_before = lambda _method: PlainTextResponse("?", 503)
    assert await office.sending.send() == 0
    office.slack.fault_before = lambda _method: None
    office.wait(60)
    assert await office.sending.send() == 1
    assert len(office.shown) == 1


async def test_while_slack_asks_to_wait_nothing_is_sent_and_no_attempt_is_counted(
    office: SendingOffice,
) -> None:
    await office.happen("BAD(x)")
    waits = {"Retry-After": "1800"}
    office.slack.fault_before = lambda _method: PlainTextResponse("", 429, headers=waits)
    assert await office.sending.send() == 0
    asked = len(office.slack.calls)
    office.wait(100)
    await office.sending.send()
    assert len(office.slack.calls) == asked
    office.slack.fault_before = lambda _method: None
    office.wait(1_700)
    assert await office.sending.send() == 1
    assert [record.attempts for record in await office.records()] == [1]


async def test_a_channel_without_kova_is_tried_some_times_and_given_up_with_its_reason(
    office: SendingOffice,
) -> None:
    office.slack.channels[CHANNEL].is_member = False
    await office.happen("BAD(x)")
    for _ in range(MOST_ATTEMPTS + 3):
        await office.sending.send()
        office.wait(1_000)
        office.waited = 0
    (record,) = await office.records()
    assert (record.status, record.attempts) == ("failed", MOST_ATTEMPTS)
    assert "not_in_channel" in (record.reason or "")


async def test_after_kova_was_invited_the_message_comes(office: SendingOffice) -> None:
    office.slack.channels[CHANNEL].is_member = False
    await office.happen("BAD(x)")
    await office.sending.send()
    office.slack.channels[CHANNEL].is_member = True
    office.wait(60)
    assert await office.sending.send() == 1


async def test_a_message_that_slack_refuses_is_given_up_at_once(office: SendingOffice) -> None:
    def refuse(_method: str) -> Response:
        return PlainTextResponse('{"ok": false, "error": "invalid_blocks"}')

    await office.happen("BAD(x)")
    office.slack.fault_before = refuse
    await office.sending.send()
    (record,) = await office.records()
    assert (record.status, record.attempts) == ("failed", 1)


async def test_what_is_over_is_dropped_with_a_reason(office: SendingOffice) -> None:
    await office.happen("BAD(x)", "x")
    assert await office.sending.send() == 0
    (record,) = await office.records()
    assert (record.status, office.shown) == ("dropped", [])


class BrokenPost(ComposePost):
    """Writes no message about one repository: a fault of our own."""

    async def compose(self, notices: Sequence[Notice]) -> ChatPost | None:
        if notices[0].repository == "octo/sample":
            raise ZeroDivisionError
        return await super().compose(notices)


async def test_a_message_that_cannot_be_written_keeps_no_other_one_back(
    office: SendingOffice, caplog: pytest.LogCaptureFixture
) -> None:
    office.sending._compose.__class__ = BrokenPost
    await office.happen("BAD(x)")
    other = await new_repository(office.stores, "octo/other")
    await apply_files(office.stores, other, SHA, {"b.py": "BAD(x)"})
    assert await office.sending.send() == 1
    (message,) = office.shown
    assert "octo/other" in str(message)
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.exc_info is not None
    for _ in range(MOST_ATTEMPTS):
        office.wait(3_600)
        await office.sending.send()
    states = {record.repository: record for record in await office.records()}
    assert (states["octo/sample"].status, states["octo/sample"].attempts) == (
        "failed",
        MOST_ATTEMPTS,
    )
    assert "ZeroDivisionError" in str(states["octo/sample"].reason)
