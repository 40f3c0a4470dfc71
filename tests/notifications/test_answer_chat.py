"""Commands, mentions, links and buttons of Slack: over the twins and the stand-in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest

from kova.access.sign_in_rules import SignInRules, rules_of
from kova.access.subject import Role
from kova.adapters.slack.client import SlackClient
from kova.bootstrap.chat.chat_job import AddressRoles
from kova.commands.chat import ChatJob, ChatKind
from kova.errors.error import ErrorStatus
from kova.fixes.fix import FixStatus
from kova.notifications.press_button import FORBIDDEN
from kova.shared.audit import Action
from kova.shared.exceptions import BusyError, QueueUnavailableError
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING
from kova_fakes.slack import FakeSlackApi
from tests.notifications.room import TEAM, Room
from tests.support.stores import NAME, new_repository


@pytest.fixture
async def room(slack: FakeSlackApi, slack_client: SlackClient, http: httpx.AsyncClient) -> Room:
    opened = Room(slack, slack_client, http)
    await opened.open()
    return opened


async def test_a_fix_is_published_and_the_message_says_by_whom(room: Room) -> None:
    assert "has asked to publish" in await room.say(room.publish())
    assert room.queues.fixes == [room.fix_id]
    assert "Ada \u2039!here\u203a has asked to publish this fix." in room.shown(1)
    seen = room.slack.seen(room.messages[1])
    assert (seen.mentions, [button.get("url") is None for button in seen.buttons]) == ([], [False])
    events = (await room.stores.audit.page(PageRequest())).items
    published = [event for event in events if event.action is Action.FIX_PUBLISHED]
    assert [event.actor for event in published] == [f"slack:{TEAM}/UADA"]


async def test_a_button_pressed_twice_acts_once(room: Room) -> None:
    await room.say(room.publish())
    assert "done already: Ada" in await room.say(room.publish(number=2))
    assert "done already: Ada" in await room.say(room.publish("UBOB"))
    assert room.queues.fixes == [room.fix_id]


async def test_a_delivery_that_slack_repeats_is_one(room: Room) -> None:
    await room.say(room.publish())
    told = len(room.slack.webhook_answers)
    await room.answering.answer(room.publish())
    assert (len(room.slack.webhook_answers), len(room.queues.fixes)) == (told, 1)


async def settle(room: Room, job: ChatJob) -> None:
    """Answer a job as the queue does: again where somebody else is at it."""
    while True:
        try:
            await room.answering.answer(job)
        except BusyError:
            await asyncio.sleep(0.01)
        else:
            return


async def test_pressed_by_many_people_at_once_it_acts_once_and_says_by_whom(room: Room) -> None:
    jobs = [room.publish(user, number) for user in ("UADA", "UBOB") for number in range(4)]
    await asyncio.gather(*(settle(room, job) for job in jobs))
    assert room.queues.fixes == [room.fix_id]
    told = [" ".join(room.slack.seen(answer).text) for answer in room.slack.webhook_answers]
    names = {
        text.removeprefix("That is done already: ").removeprefix("Kova answers. ") for text in told
    }
    assert len(told) == 8
    assert len({"Ada" in name for name in names}) == 1
    assert sum("done already" in text for text in told) == 7


async def test_two_people_ignore_an_error_at_once_and_the_first_ones_reason_stays(
    room: Room,
) -> None:
    jobs = [room.ignore("UADA", reason="first"), room.ignore("UBOB", reason="second")]
    await asyncio.gather(*(settle(room, job) for job in jobs))
    reason = await room.ignored_reason()
    assert reason in {"first", "second"}
    assert f"ignores this error: {reason}" in room.shown(0)
    events = (await room.stores.audit.page(PageRequest())).items
    assert len([event for event in events if event.action is Action.ERROR_IGNORED]) == 1


async def test_an_error_that_was_opened_again_can_be_ignored_again(room: Room) -> None:
    await room.say(room.ignore(reason="first"))
    await room.stores.errors.open(room.error_id, "cli", EVERYTHING)
    await room.say(room.ignore("UBOB", reason="second"))
    assert await room.ignored_reason() == "second"


@pytest.mark.parametrize(
    "user",
    ["UVERA", "UEVE", "UCLAIMS", "UVAGUE", "UFLOW", "UGUEST", "UBOT", "UGONE", "UNOBODY"],
)
@pytest.mark.parametrize("kind", [ChatKind.PUBLISH, ChatKind.IGNORE])
async def test_who_has_no_role_for_it_can_neither_publish_nor_ignore(
    room: Room, user: str, kind: ChatKind
) -> None:
    job = room.publish(user) if kind is ChatKind.PUBLISH else room.ignore(user)
    assert FORBIDDEN in await room.say(job)
    assert (room.queues.fixes, await room.ignored_reason()) == ([], None)


async def test_an_address_of_another_workspace_is_nobodys(room: Room) -> None:
    assert FORBIDDEN in await room.say(replace(room.publish(), team="T0EVIL"))
    room.slack.users["UADA"]["team_id"] = "T0EVIL"
    assert FORBIDDEN in await room.say(room.publish(number=2))
    assert room.queues.fixes == []


async def test_a_fix_that_cannot_be_published_any_more_is_said(room: Room) -> None:
    room.database.fixes[room.fix_id] = replace(
        room.database.fixes[room.fix_id], status=FixStatus.CLOSED
    )
    assert "only a verified one is published" in await room.say(room.publish())


async def test_while_the_queue_is_away_the_press_is_tried_again(room: Room) -> None:
    room.queues.available = False
    with pytest.raises(QueueUnavailableError):
        await room.answering.answer(room.publish())
    room.queues.available = True
    assert "has asked to publish" in await room.say(room.publish())
    assert room.queues.fixes == [room.fix_id]


async def test_a_scan_is_queued_once(room: Room) -> None:
    assert "is queued" in await room.say(room.command(f"scan {NAME}"))
    await room.answering.answer(room.command(f"scan {NAME}"))
    (target,) = room.queues.scans
    assert target.fix is False
    assert "offered" in await room.say(room.command(f"fix {NAME}", number=2))


@pytest.mark.parametrize(
    ("text", "user", "words"),
    [
        ("status", "UVERA", f"Open errors in {NAME}: 0 critical, 1 high"),
        (f"status {NAME}", "UADA", "The last scan of commit aaaaaaaaaaaa: running"),
        ("status octo/none", "UADA", "I do not watch a repository of this name."),
        (f"scan {NAME}", "UVERA", FORBIDDEN),
        ("status", "UEVE", FORBIDDEN),
        ("ask", "UADA", "Ask me something"),
        ("ask why?", "UVERA", FORBIDDEN),
        (f"ignore {NAME}", "UADA", "/kova ignore"),
        (f"ignore {NAME} R1 it is a test", "UADA", "gnored"),
        (f"ignore {NAME} R1 it is a test", "UVERA", FORBIDDEN),
    ],
)
async def test_a_command_is_answered_to_who_may(
    room: Room, text: str, user: str, words: str
) -> None:
    assert words in await room.say(room.command(text, user))


async def test_with_two_repositories_a_command_has_to_name_one(room: Room) -> None:
    await new_repository(room.stores, "octo/other")
    assert "Name a repository" in await room.say(room.command("status"))


async def test_a_rule_is_ignored(room: Room) -> None:
    await room.say(room.command(f"ignore {NAME} R1 it is a test"))
    error = await room.stores.errors.get(room.error_id, EVERYTHING)
    assert error is not None
    assert error.status is ErrorStatus.IGNORED


async def test_a_mention_is_answered_once_in_its_thread_and_as_text(room: Room) -> None:
    first = room.messages[0]["ts"]
    job = room.job(ChatKind.MENTION, text="is it so?", thread=first, message="1.2")
    await room.answering.answer(job)
    await room.answering.answer(job)
    answer = room.messages[-1]
    assert (len(room.messages), answer["thread_ts"]) == (3, first)
    seen = room.slack.seen(answer)
    assert (seen.mentions, seen.styled) == ([], [])
    assert "It is **so**. <!here>" in " ".join(seen.text)
    (command,) = room.desk.commands.all()
    assert (command.request.error_id, command.request.repository) == (room.error_id, NAME)


async def test_an_answer_that_was_sent_before_a_worker_died_is_not_sent_again(room: Room) -> None:
    first = room.messages[0]["ts"]
    job = room.job(ChatKind.MENTION, text="is it so?", thread=first, message="1.2")
    room.slack.fault_after = lambda method: (
        httpx_response() if method == "chat.postMessage" else None
    )
    with pytest.raises(Exception, match="status 500"):
        await room.answering.answer(job)
    room.slack.fault_after = lambda _method: None
    await room.answering.answer(job)
    assert len(room.messages) == 3


def httpx_response() -> Any:
    from starlette.responses import PlainTextResponse

    return PlainTextResponse("", 500)


async def test_own_links_are_shown_to_who_may_see_them(room: Room) -> None:
    own = f"https://kova.example/ui/errors/{room.error_id}"
    links = "\n".join(
        [own, f"https://evil.example/ui/errors/{room.error_id}", "https://kova.example/ui/errors/x",
         f"http://kova.example/ui/errors/{room.error_id}", "https://[", "javascript:alert(1)"]
    )  # fmt: skip
    ts = room.messages[0]["ts"]
    await room.answering.answer(room.job(ChatKind.LINKS, "UEVE", text=links, message=ts))
    assert room.slack.unfurls == []
    await room.answering.answer(room.job(ChatKind.LINKS, "UVERA", text=links, message=ts))
    (unfurl,) = room.slack.unfurls
    assert set(unfurl["unfurls"]) == {own}


async def test_an_answer_goes_to_slack_and_nowhere_else(room: Room) -> None:
    job = replace(room.command("status"), response_url="https://evil.example/hook")
    await room.answering.answer(job)
    assert room.slack.webhook_answers == []


async def test_without_an_address_an_answer_is_for_one_person_alone(room: Room) -> None:
    assert "ignores this error" in await room.say(replace(room.ignore(), response_url=""))


@pytest.mark.parametrize(
    ("address", "role"),
    [
        ("Boss@example.com", Role.ADMIN),
        ("dev@team.example", Role.MEMBER),
        ("dev@team.example.evil", None),
        ("github:octo", None),
        ("x", None),
        ("", None),
    ],
)
def test_an_address_has_the_role_that_a_rule_names(address: str, role: Role | None) -> None:
    rules = SignInRules(
        admins=rules_of(["boss@example.com", "github:octo"]),
        members=rules_of(["@team.example"]),
        hosted_domain="team.example",
    )
    assert AddressRoles(rules).of(address) is role


@pytest.mark.parametrize("text", ["scan octo", "fix octo/sampel.git/", "scan ../.."])
async def test_a_name_that_is_none_does_not_mean_the_only_repository(room: Room, text: str) -> None:
    assert "OWNER/NAME" in await room.say(room.command(text))
    assert room.queues.scans == []


@pytest.mark.parametrize("address", ["https://[", "https://hooks.slack.com@evil.example/x"])
async def test_an_answer_goes_to_no_address_but_slacks(room: Room, address: str) -> None:
    before = len(room.slack.webhook_answers)
    await room.answering.answer(replace(room.command("status"), response_url=address))
    assert len(room.slack.webhook_answers) == before
