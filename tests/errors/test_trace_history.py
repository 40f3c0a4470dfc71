"""What happened since the last scan that changed the errors: renames, new tools, old findings."""

from __future__ import annotations

import pytest

from kova.analysis.analyze_commit import CommitAnalysis
from kova.errors.lifecycle import History
from kova.errors.trace_history import match_blobs
from kova.shared.exceptions import GitHubUnavailableError
from tests.support.stores import NAME, new_claim
from tests.support.workshop import Workshop

BAD = "def f():\n    BAD(x)\n"
WORSE = BAD + "\n\ndef g():\n    BAD[R2](y)\n"


async def apply(workshop: Workshop, commit_sha: str) -> None:
    """Scan a commit, so that it is the last one that changed the errors."""
    claim = await new_claim(workshop.stores, await workshop.repository(), commit_sha=commit_sha)
    analysis = await workshop.analyze(commit_sha)
    await workshop.stores.errors.apply(claim, commit_sha, analysis)
    workshop.source.downloaded.clear()


async def trace(workshop: Workshop, commit_sha: str) -> tuple[History, CommitAnalysis]:
    analysis = await workshop.analyze(commit_sha)
    return await workshop.history.trace(analysis), analysis


async def test_before_the_first_scan_there_is_no_history(workshop: Workshop) -> None:
    history, _ = await trace(workshop, workshop.push(a=BAD))
    assert history == History()


async def test_an_ordinary_push_needs_no_look_back(workshop: Workshop) -> None:
    await apply(workshop, workshop.push(a=BAD, b=""))
    history, _ = await trace(workshop, workshop.push(a=WORSE, b=""))
    assert history == History()
    assert workshop.source.downloaded == ["a.py"]


async def test_a_deleted_file_without_errors_needs_no_look_back(workshop: Workshop) -> None:
    await apply(workshop, workshop.push(a=BAD, b=""))
    history, _ = await trace(workshop, workshop.push(a=BAD))
    assert history == History()


async def test_a_renamed_file_is_found_by_its_content(workshop: Workshop) -> None:
    await apply(workshop, workshop.push(a=BAD, b=""))
    history, _ = await trace(workshop, workshop.push(c=BAD, b=""))
    assert (history.moved, history.upgraded) == ({"a.py": "c.py"}, frozenset())
    assert history.unchanged == {"b.py", "c.py"}


async def test_a_new_tool_introduces_nothing_in_code_that_did_not_change(
    workshop: Workshop,
) -> None:
    workshop.tool.rules = ("R1",)
    await apply(workshop, workshop.push(a=WORSE, b=WORSE))
    workshop.tool.rules, workshop.tool.version = ("R1", "R2"), "2"
    changed = WORSE + "\n\ndef h():\n    BAD[R2](z)\n"
    history, analysis = await trace(workshop, workshop.push(a=WORSE, b=changed))
    assert (history.upgraded, history.unchanged) == ({"tool"}, {"a.py"})
    new = [finding for finding in analysis.findings if not history.is_older(finding)]
    assert [(finding.path, finding.span.start_line) for finding in new] == [("b.py", 10)]


async def test_a_new_tool_knows_the_old_findings_of_a_renamed_and_changed_file(
    workshop: Workshop,
) -> None:
    workshop.tool.rules = ("R1",)
    await apply(workshop, workshop.push(a=WORSE))
    workshop.tool.rules, workshop.tool.version = ("R1", "R2"), "2"
    history, analysis = await trace(workshop, workshop.push(b=WORSE))
    assert history.moved == {"a.py": "b.py"}
    assert all(history.is_older(finding) for finding in analysis.findings)


async def test_the_same_commit_with_a_new_tool_is_unchanged(workshop: Workshop) -> None:
    sha = workshop.push(a=BAD)
    await apply(workshop, sha)
    workshop.tool.version = "2"
    history, _ = await trace(workshop, sha)
    assert history == History(upgraded=frozenset({"tool"}), unchanged=frozenset({"a.py"}))


async def test_a_commit_that_was_pushed_away_tells_nothing_but_the_new_tool(
    workshop: Workshop,
) -> None:
    gone = workshop.push(a=BAD)
    await apply(workshop, gone)
    head = workshop.push(a=WORSE)
    workshop.source.forget_commit(NAME, gone)
    workshop.tool.version = "2"
    history, _ = await trace(workshop, head)
    assert history == History(upgraded=frozenset({"tool"}))


async def test_an_outage_is_raised_and_not_taken_for_a_deletion(workshop: Workshop) -> None:
    await apply(workshop, workshop.push(a=BAD))
    analysis = await workshop.analyze(workshop.push(b=BAD))
    workshop.source.failure = GitHubUnavailableError()
    with pytest.raises(GitHubUnavailableError):
        await workshop.history.trace(analysis)


@pytest.mark.parametrize(
    ("now", "moved"),
    [
        ({"b/a.py": "1"}, {"a.py": "b/a.py"}),
        ({"b.py": "1", "c/a.py": "1"}, {"a.py": "c/a.py"}),
        ({"b.py": "2"}, {}),
        ({}, {}),
    ],
)
def test_equal_content_is_a_rename_preferably_under_the_same_name(
    now: dict[str, str], moved: dict[str, str]
) -> None:
    assert match_blobs({"a.py": "1"}, now, frozenset({"a.py"})) == moved


def test_two_deleted_files_do_not_become_one() -> None:
    before = {"a.py": "1", "b.py": "1"}
    moved = match_blobs(before, {"c.py": "1"}, frozenset(before))
    assert moved == {"a.py": "c.py"}
