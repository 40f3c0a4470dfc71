"""What messages say, over the twins of the stores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from kova.adapters.memory.database import MemoryDatabase
from kova.errors.error import IgnoreDecision
from kova.fixes.fix import FixStatus, ProvedFix, Strategy
from kova.notifications.compose_post import ComposePost, excerpt_of
from kova.notifications.notice import Notice, NoticeKind, PlannedMessage
from kova.notifications.post import Act, ChatPost, Tone
from kova.scans.scan import ScanStats, ScanStatus, Trigger
from kova.shared.reach import EVERYTHING
from tests.support.findings import finding
from tests.support.stores import (
    NAME,
    AllStores,
    apply_files,
    memory_stores,
    new_claim,
    new_repository,
    release,
    scan_target,
)

SHA = "a" * 40
PATCH = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-BAD(x)\n+good(x)\n"


@pytest.fixture
def stores() -> AllStores:
    return memory_stores(MemoryDatabase())


def composer(stores: AllStores, public_url: str | None = "https://kova.example/") -> ComposePost:
    return ComposePost(
        errors=stores.errors, fixes=stores.fixes, scans=stores.scans, public_url=public_url
    )


async def take(stores: AllStores) -> list[Notice]:
    notices: list[Notice] = []

    def plan(fresh: Sequence[Notice]) -> list[PlannedMessage]:
        notices.extend(fresh)
        return []

    await stores.notices.route(plan)
    return notices


async def apply(stores: AllStores, content: str) -> tuple[str, dict[str, str]]:
    repository = await stores.repositories.get(NAME, EVERYTHING) or await new_repository(stores)
    claim = await new_claim(stores, repository, commit_sha=SHA)
    change = await apply_files(stores, repository, SHA, {"a.py": content}, claim=claim)
    await release(stores, claim)
    return claim.id, change.error_ids


async def prove(stores: AllStores, scan_id: str, error_ids: dict[str, str]) -> None:
    fixes = [
        ProvedFix(
            finding=finding(fingerprint=fingerprint),
            strategy=Strategy.DETERMINISTIC,
            status=FixStatus.VERIFIED,
            safe=True,
            patch=PATCH,
            verification=(),
        )
        for fingerprint in error_ids
    ]
    await stores.fixes.save(scan_id, fixes, error_ids)


async def compose(stores: AllStores, notices: Sequence[Notice], **fields: str | None) -> ChatPost:
    post = await composer(stores, **fields).compose(notices)
    assert post is not None
    return post


async def test_an_error_is_shown_with_its_place_and_a_button_to_ignore_it(
    stores: AllStores,
) -> None:
    _, error_ids = await apply(stores, "BAD(x)")
    (error_id,) = error_ids.values()
    post = await compose(stores, await take(stores))
    assert (post.title, post.tone) == (f"New high error in {NAME}", Tone.HIGH)
    assert (post.text, post.place) == ("Bad.", "a.py:1")
    assert [(button.act, button.target) for button in post.buttons] == [(Act.IGNORE, error_id)]
    assert [link.url for link in post.links] == [f"https://kova.example/ui/errors/{error_id}"]


async def test_a_fix_is_shown_as_a_diff_with_a_button_to_publish_it(stores: AllStores) -> None:
    await prove(stores, *await apply(stores, "BAD(x)"))
    error, fix = await take(stores)
    post = await compose(stores, [fix])
    assert (post.tone, post.excerpt) == (Tone.GOOD, PATCH.rstrip())
    assert [button.act for button in post.buttons] == [Act.PUBLISH, Act.IGNORE]
    # The error's message can publish it too: it is written when it is sent.
    assert [button.act for button in (await compose(stores, [error])).buttons] == [
        Act.PUBLISH,
        Act.IGNORE,
    ]


async def test_a_published_fix_has_its_pull_request_in_place_of_the_button(
    stores: AllStores,
) -> None:
    scan_id, error_ids = await apply(stores, "BAD(x)")
    await prove(stores, scan_id, error_ids)
    await stores.fixes.mark_published(list(error_ids.values()), "https://github.example/pull/1")
    post = await compose(stores, (await take(stores))[1:])
    assert [button.act for button in post.buttons] == [Act.IGNORE]
    assert [link.label for link in post.links] == ["Open", "Pull request"]


async def test_a_failed_scan_that_is_tried_again_already_is_not_told_until_it_fails_again(
    stores: AllStores,
) -> None:
    scan = await stores.scans.create(scan_target(), (await new_repository(stores)).id)
    await stores.scans.fail(scan.id, "github_refused: No.")
    (notice,) = await take(stores)
    assert "github_refused: No." in ((await compose(stores, [notice])).text or "")
    assert await stores.recovery.reopen(scan.id)
    assert await composer(stores).compose([notice]) is None
    await stores.scans.fail(scan.id, "github_refused: Never.")
    (again,) = await take(stores)
    assert "Never." in ((await compose(stores, [again])).text or "")


async def test_what_is_over_before_it_is_told_is_not_told(stores: AllStores) -> None:
    _, error_ids = await apply(stores, "BAD(x)\nBAD(y)")
    ignored, _ = error_ids.values()
    await stores.errors.ignore(
        ignored, IgnoreDecision(reason="test", by="cli", until=None), EVERYTHING
    )
    notices = await take(stores)
    told = [await composer(stores).compose([notice]) for notice in notices]
    assert sum(post is not None for post in told) == 1
    await apply(stores, "x")
    assert await composer(stores).compose([notices[1]]) is None
    assert await composer(stores).compose(notices) is None


async def test_many_errors_are_one_list(stores: AllStores) -> None:
    await apply(stores, "\n".join(f"BAD(x{number})" for number in range(8)))
    post = await compose(stores, await take(stores))
    assert (len(post.rows), post.more, post.buttons) == (5, 3, ())
    assert (post.title, post.facts) == (f"8 new severe errors in {NAME}", (("High", "8"),))


async def test_many_fixes_are_one_list(stores: AllStores) -> None:
    content = "\n".join(f"BAD(x{number})" for number in range(7))
    await prove(stores, *await apply(stores, content))
    notices = [each for each in await take(stores) if each.kind is NoticeKind.FIX_READY]
    post = await compose(stores, notices)
    assert (post.title, len(post.rows), post.more) == (f"7 proved fixes for {NAME}", 5, 2)


async def test_a_failed_scan_says_why(stores: AllStores) -> None:
    repository = await new_repository(stores)
    claim = await new_claim(stores, repository)
    await stores.scans.finish(
        claim, ScanStatus.FAILED, stats=ScanStats(), skipped=(), failure="gone: It is gone."
    )
    post = await compose(stores, await take(stores))
    assert "gone: It is gone." in post.text


async def test_failed_checks_name_the_pull_request(stores: AllStores) -> None:
    repository = await new_repository(stores)
    claim = await new_claim(
        stores, repository, trigger=Trigger.PULL_REQUEST, ref="refs/pull/7/head"
    )
    await stores.scans.finish(
        claim,
        ScanStatus.SUCCEEDED,
        stats=ScanStats(errors=2, new_errors=2),
        skipped=(),
        check_run_url="javascript:alert(1)",
        checks_failed=True,
    )
    post = await compose(stores, await take(stores))
    assert "pull request 7" in post.text
    assert [link.label for link in post.links] == ["Open"]


async def test_without_an_address_of_its_own_kova_links_nowhere(stores: AllStores) -> None:
    await apply(stores, "BAD(x)")
    assert (await compose(stores, await take(stores), public_url=None)).links == ()


async def test_a_digest_counts(stores: AllStores) -> None:
    await apply(stores, "BAD(x)")
    await take(stores)
    await stores.notices.record_digest("2026-11-29")
    post = await compose(stores, await take(stores))
    assert dict(post.facts)["New errors"] == "1"


@pytest.mark.parametrize(
    ("level", "subject", "words"),
    [
        ("80", "all", "all commands together. 80 %"),
        ("100", "key:1", "the key ci. Further commands are refused"),
        ("80", "repository:1", f"the repository {NAME}. 80 %"),
    ],
)
async def test_a_budget_says_whose_it_is(
    stores: AllStores, level: str, subject: str, words: str
) -> None:
    await apply(stores, "BAD(x)")
    (notice,) = await take(stores)
    facts = {"level": level, "month": "2026-11", "spent_usd": "8", "cap_usd": "10", "name": "ci"}
    budget = replace(notice, kind=NoticeKind.BUDGET_LOW, subject=subject, facts=facts)
    assert words in (await compose(stores, [budget])).text


def test_an_excerpt_is_the_beginning_and_says_how_much_is_left() -> None:
    lines = excerpt_of("\n".join(f"line {number}" for number in range(100))).splitlines()
    assert (lines[0], lines[-1]) == ("line 0", "(76 lines more)")
    assert len(excerpt_of("x" * 100_000)) == 300
