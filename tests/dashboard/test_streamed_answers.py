"""A question whose answer is shown while it arrives, as the page's script asks it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kova.access.person import csrf_token
from kova.access.subject import Role
from kova.adapters.memory.model import Step, complete
from kova.models.ports import Piece
from kova.models.provider import Provider
from kova.models.usage import TokenUsage
from kova.shared import exceptions
from tests.dashboard.conftest import House, Visitor, make_house
from tests.support.commands import NAME, CommandDesk
from tests.support.models import answer_json
from tests.support.workshop import Workshop

STREAM = {"accept": "text/event-stream"}
QUOTE = {"path": "app.py", "start_line": 5, "end_line": 5, "quote": "return serve(port)"}
WRONG = {**QUOTE, "quote": "return nothing()"}
USAGE = TokenUsage(input_tokens=100, output_tokens=20)
Events = list[tuple[str, dict[str, Any]]]


@asynccontextmanager
async def house_with(workshop: Workshop, *replies: list[Step]) -> AsyncIterator[House]:
    house = make_house(workshop, desk=CommandDesk(openai=replies, configured=(Provider.OPENAI,)))
    yield house
    for visitor in house.visitors:
        await visitor.client.aclose()
    await house.client.aclose()


async def ask(visitor: Visitor, **fields: str) -> Events:
    answer = await visitor.post("/ui/ask", {"question": "Why?", **fields}, **STREAM)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"  # nginx hands each event on.
    events = []
    for event in answer.text.split("\n\n")[:-1]:
        name, fields_line = event.split("\n")
        events.append((name.removeprefix("event: "), json.loads(fields_line[len("data: ") :])))
    return events


async def test_text_comes_first_and_checked_citations_and_the_cost_at_the_end(
    workshop: Workshop,
) -> None:
    reply = complete(answer_json("First line.\nSecond <b>line</b>.\n", QUOTE, WRONG), usage=USAGE)
    async with house_with(workshop, reply) as house:
        member = await house.visitor(Role.MEMBER)
        *before, (name, fields) = await ask(member, repository=NAME, path="app.py")
        assert {event for event, _ in before} == {"delta"}
        text = "".join(delta["text"] for _, delta in before)
        assert text.startswith("First line.\nSecond ")
        assert "app.py" not in text
        assert (name, set(fields)) == ("answer", {"html", "address"})
        assert "app.py:5\u20135" in fields["html"].replace("<wbr>", "")
        assert "1 citation did not match" in fields["html"]
        assert "tokens in" in fields["html"]
        assert "$0." in fields["html"]
        assert "<b>line" not in fields["html"]
        assert "<html" not in fields["html"]
        page = await member.get(fields["address"])
        assert "First line." in page


async def test_a_question_without_the_script_is_answered_as_a_page(workshop: Workshop) -> None:
    async with house_with(workshop, complete(answer_json("Because."))) as house:
        answer = await (await house.visitor(Role.MEMBER)).post("/ui/ask", {"question": "Why?"})
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "Because." in answer.text


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ([Piece(text='{"answer": "Half a line.\\n'), exceptions.ModelCutError()], "broke off"),
        ([exceptions.ModelMisconfiguredError()], "refuses our key or model"),
    ],
)
async def test_an_answer_that_breaks_off_says_why_and_cites_nothing(
    workshop: Workshop, reply: list[Step], words: str
) -> None:
    async with house_with(workshop, *[reply] * 6) as house:  # A call is tried again.
        *_, (name, fields) = await ask(await house.visitor(Role.MEMBER))
        assert (name, set(fields)) == ("problem", {"detail"})
        assert words in fields["detail"]


async def test_a_fault_of_ours_is_told_without_its_text(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house_with(workshop) as house:

        async def fail(*_: object) -> None:
            raise RuntimeError("hunter2")

        monkeypatch.setattr(house.desk.run, "run_command", fail)
        ((name, fields),) = await ask(await house.visitor(Role.MEMBER))
        assert (name, fields) == ("problem", {"detail": "Something went wrong."})


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"question": " "}, 400, "1 to 8,000 characters"),
        ({"question": "Why?", "repository": "x"}, 400, "owner/name"),
    ],
)
async def test_what_is_no_question_is_a_page_that_says_so(
    house: House, fields: dict[str, str], status: int, words: str
) -> None:
    answer = await (await house.visitor(Role.MEMBER)).post("/ui/ask", fields, **STREAM)
    assert (answer.status_code, words in answer.text) == (status, True)
    assert answer.headers["content-type"].startswith("text/html")


async def test_only_a_form_of_one_s_own_session_asks(house: House) -> None:
    member, viewer = await house.visitor(Role.MEMBER), await house.visitor(Role.VIEWER)
    for token in ("", "0" * 64, csrf_token(viewer.token or "")):
        data = {"question": "Why?", "csrf_token": token}
        answer = await member.client.post("/ui/ask", data=data, headers=STREAM)
        assert answer.status_code == 403
    assert (await viewer.post("/ui/ask", {"question": "Why?"}, **STREAM)).status_code == 403
    nobody = await house.visitor(None)
    answer = await nobody.client.post("/ui/ask", data={"question": "Why?"}, headers=STREAM)
    assert answer.status_code == 303
    assert house.desk.commands.all() == ()
