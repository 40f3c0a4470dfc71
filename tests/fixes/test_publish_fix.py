"""One fix is offered in a pull request of its own, on the very file that it was proved on."""

from __future__ import annotations

import pytest

from kova.adapters.memory.publisher import MemoryPublisher
from kova.fixes.fix import Fix, FixStatus
from kova.fixes.publish_fix import PublishFix
from kova.fixes.publisher import FixPullRequest
from kova.shared.exceptions import (
    DatabaseUnavailableError,
    GitHubUnavailableError,
    StaleFixError,
    StaleHeadError,
)
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING
from kova.shared.repository import RepositoryRef
from tests.support.stores import NAME
from tests.support.workshop import Workshop

BAD = "def f():\n    BAD(x)\n"


def publish_of(workshop: Workshop) -> PublishFix:
    return PublishFix(
        fixes=workshop.stores.fixes,
        repositories=workshop.stores.repositories,
        source=workshop.source,
        publisher=workshop.publisher,
        limits=workshop.limits,
        pulls=workshop.pulls,
    )


async def new_fix(workshop: Workshop, text: str = BAD) -> Fix:
    """Return a verified fix that its scan did not publish, since it is not safe."""
    workshop.push(a=text)
    workshop.tool.safe = False
    await workshop.scan()
    assert workshop.publisher.pull_requests == {}
    return await only_fix(workshop)


async def only_fix(workshop: Workshop) -> Fix:
    (fix,) = (await workshop.stores.fixes.page(PageRequest(), None, None, EVERYTHING)).items
    return fix


async def test_the_pull_request_has_the_mended_file_on_the_head(workshop: Workshop) -> None:
    fix = await new_fix(workshop)
    head = workshop.push(a=BAD, b="x = 1\n")
    await publish_of(workshop).publish(fix.id)
    pull = workshop.publisher.pull_requests[NAME, f"kova/fix-{fix.id}"]
    assert pull.files == {"a.py": b"def f():\n    (x)\n"}
    assert (pull.base_branch, pull.base_sha) == ("main", head)
    assert "may change what the program does" in pull.body
    published = await only_fix(workshop)
    assert (published.status, published.pull_request_url) == (
        FixStatus.PUBLISHED,
        f"https://github.example/{NAME}/pull/1",
    )


async def test_publishing_again_ends_in_the_same_pull_request(workshop: Workshop) -> None:
    fix = await new_fix(workshop)
    await publish_of(workshop).publish(fix.id)
    first = await only_fix(workshop)
    await publish_of(workshop).publish(fix.id)
    assert len(workshop.publisher.pull_requests) == 1
    assert await only_fix(workshop) == first


async def test_line_ends_and_the_byte_order_mark_stay(workshop: Workshop) -> None:
    fix = await new_fix(workshop, "\ufeffdef f():\r\n    BAD(x)\r\n")
    await publish_of(workshop).publish(fix.id)
    (pull,) = workshop.publisher.pull_requests.values()
    assert pull.files == {"a.py": "\ufeffdef f():\r\n    (x)\r\n".encode()}


@pytest.mark.parametrize("text", ["x = 1\n" + BAD, BAD + "\n" * 9 + "x = 1\n", None])
async def test_a_fix_of_another_file_than_today_is_stale(
    workshop: Workshop, text: str | None
) -> None:
    fix = await new_fix(workshop)
    workshop.push_files({"b.py": ""} if text is None else {"a.py": text})
    with pytest.raises(StaleFixError):
        await publish_of(workshop).publish(fix.id)
    assert (await only_fix(workshop)).status is FixStatus.VERIFIED
    assert workshop.publisher.pull_requests == {}


async def test_a_patch_that_does_not_apply_is_stale(workshop: Workshop) -> None:
    fix = await new_fix(workshop)
    workshop.forget_blob_of(fix.error_id)
    workshop.push(a=BAD.replace("BAD(x)", "BAD(y)"))
    with pytest.raises(StaleFixError):
        await publish_of(workshop).publish(fix.id)


async def test_a_push_while_it_is_published_makes_it_be_tried_again(workshop: Workshop) -> None:
    fix = await new_fix(workshop)

    class PushedMeanwhile(MemoryPublisher):
        """The branch moves after its head was resolved."""

        async def pull_request(
            self, repository_ref: RepositoryRef, pull: FixPullRequest
        ) -> str | None:
            workshop.push(a=BAD, b="x = 1\n")
            return await super().pull_request(repository_ref, pull)

    usual = workshop.publisher
    workshop.publisher = PushedMeanwhile(workshop.source)
    with pytest.raises(StaleHeadError):
        await publish_of(workshop).publish(fix.id)
    assert workshop.publisher.pull_requests == {}
    workshop.publisher = usual
    await publish_of(workshop).publish(fix.id)
    assert (await only_fix(workshop)).status is FixStatus.PUBLISHED


@pytest.mark.parametrize(
    "status", [FixStatus.PROPOSED, FixStatus.REJECTED, FixStatus.MERGED, FixStatus.CLOSED]
)
async def test_a_fix_that_is_not_to_be_published_any_more_is_left(
    workshop: Workshop, status: FixStatus
) -> None:
    fix = await new_fix(workshop)
    workshop.set_fix_status(fix.id, status)
    await publish_of(workshop).publish(fix.id)
    await publish_of(workshop).publish("unknown")
    assert workshop.publisher.pull_requests == {}


async def test_an_outage_is_raised_and_another_attempt_publishes(workshop: Workshop) -> None:
    fix = await new_fix(workshop)
    workshop.publisher.failure = GitHubUnavailableError()
    with pytest.raises(GitHubUnavailableError):
        await publish_of(workshop).publish(fix.id)
    workshop.publisher.failure = None
    workshop.database.available = False
    with pytest.raises(DatabaseUnavailableError):
        await publish_of(workshop).publish(fix.id)
    workshop.database.available = True
    await publish_of(workshop).publish(fix.id)
    assert (await only_fix(workshop)).status is FixStatus.PUBLISHED
