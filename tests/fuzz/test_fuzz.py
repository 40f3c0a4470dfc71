"""A short form of `python -m tests.fuzz`; the long one is run by hand."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.documents import send_sarif, send_settings
from tests.fuzz.doors import Door, FuzzError
from tests.fuzz.github_answers import answer_door
from tests.fuzz.run import fuzz, input_random
from tests.fuzz.webhooks import webhook_door

SEED = 15


async def test_mutated_deliveries_are_queued_whole_or_refused_by_name() -> None:
    with webhook_door() as door:
        outcomes = await fuzz("webhooks", door, SEED, 1_500)
    assert {
        "202 queued",
        "202 ignored",
        "400 invalid_input",
        "401 bad_signature",
    } <= outcomes.keys()


@pytest.mark.parametrize("door", [send_sarif, send_settings], ids=["sarif", "kova.toml"])
async def test_mutated_documents_are_read_or_refused_by_name(door: Door) -> None:
    outcomes = await fuzz("documents", door, SEED, 1_500)
    assert len(outcomes) > 1


async def test_mutated_answers_of_github_end_a_scan_by_name_and_are_forgotten(
    database_url: str,
) -> None:
    async with answer_door(database_url) as (door, transport):
        outcomes = await fuzz("answers", door, SEED, 60, count=lambda: transport.mutated)
    assert {"succeeded", "github_unavailable"} <= outcomes.keys()


async def test_a_fault_is_shown_with_the_number_by_which_it_comes_again() -> None:
    async def fail(random_: random.Random) -> str:
        if random_.random() < 0.5:
            raise FuzzError("answered 500", b"body")
        return "200"

    with pytest.raises(FuzzError, match=r"door 15/[0-9]+: .*answered 500.*b'body'") as caught:
        await fuzz("door", fail, SEED, 100)
    number = int(caught.value.message.split(":")[0].split("/")[1])
    assert input_random(SEED, "door", number).random() < 0.5
