"""A branch is analysed as a whole, a pull request by what it introduces."""

from __future__ import annotations

import pytest

from kova.analysis.analyze_commit import CommitAnalysis
from kova.scans.analyze_target import is_default
from kova.scans.scan import Trigger
from kova.shared.exceptions import GitHubUnavailableError, RepositoryNotFoundError
from kova.shared.skipped import Skipped
from tests.support.stores import scan_target
from tests.support.workshop import Workshop

BAD = "def f():\n    BAD(x)\n"
SETTINGS = ".kova.toml"


async def analyze_branch(
    workshop: Workshop, commit_sha: str, ref: str = "refs/heads/main"
) -> CommitAnalysis:
    target = scan_target(commit_sha=commit_sha, ref=ref)
    return await workshop.target_analysis.analyze(
        await workshop.repository(), target, workshop.new_folder()
    )


async def analyze_pull_request(workshop: Workshop, head: str, base: str) -> CommitAnalysis:
    target = scan_target(
        trigger=Trigger.PULL_REQUEST,
        ref="refs/pull/1/head",
        pull_request=1,
        commit_sha=head,
        base_sha=base,
    )
    return await workshop.target_analysis.analyze(
        await workshop.repository(), target, workshop.new_folder()
    )


async def test_a_branch_is_analysed_as_a_whole(workshop: Workshop) -> None:
    analysis = await analyze_branch(workshop, workshop.push(a=BAD, b=BAD))
    assert [finding.path for finding in analysis.findings] == ["a.py", "b.py"]
    assert not analysis.request.settings.present


async def test_the_default_branch_is_analysed_by_its_own_settings(workshop: Workshop) -> None:
    sha = workshop.push_files({"a.py": BAD, "b.py": BAD, SETTINGS: 'exclude = ["b.py"]\n'})
    analysis = await analyze_branch(workshop, sha)
    assert analysis.excluded == {"b.py"}
    assert analysis.request.settings.present


async def test_another_branch_does_not_bring_settings_of_its_own(workshop: Workshop) -> None:
    workshop.push(a=BAD)
    files = {"a.py": BAD, SETTINGS: 'exclude = ["a.py"]\n'}
    sha = workshop.push_files(files, branch="feature")
    analysis = await analyze_branch(workshop, sha, "refs/heads/feature")
    assert (analysis.excluded, len(analysis.findings)) == (frozenset(), 1)


async def test_a_pull_request_does_not_bring_settings_of_its_own(workshop: Workshop) -> None:
    base = workshop.push(a="")
    head = workshop.push_files({"a.py": BAD, SETTINGS: 'exclude = ["a.py"]\n'}, branch="feature")
    analysis = await analyze_pull_request(workshop, head, base)
    assert len(analysis.findings) == 1


async def test_settings_that_are_too_large_or_no_toml_are_a_problem_and_not_a_failure(
    workshop: Workshop,
) -> None:
    for text in ("#" * 1_000_000, "= no toml"):
        sha = workshop.push_files({"a.py": BAD, SETTINGS: text})
        settings = (await analyze_branch(workshop, sha)).request.settings
        assert (settings.present, len(settings.problems)) == (True, 1)


async def test_a_pull_request_shows_what_it_introduces(workshop: Workshop) -> None:
    base = workshop.push(a=BAD, b="", c=BAD)
    head = workshop.push("feature", a=BAD + "\n\ndef g():\n    BAD(y)\n", b=BAD, c=BAD)
    analysis = await analyze_pull_request(workshop, head, base)
    places = [(finding.path, finding.span.start_line) for finding in analysis.findings]
    assert places == [("a.py", 6), ("b.py", 2)]
    assert (analysis.tree_files, analysis.fetched_paths) == ((), frozenset())


async def test_what_the_base_got_since_is_not_the_pull_requests(workshop: Workshop) -> None:
    workshop.push(a="")
    head = workshop.push("feature", a="", b=BAD)
    base = workshop.push(a=BAD)
    analysis = await analyze_pull_request(workshop, head, base)
    assert [finding.path for finding in analysis.findings] == ["b.py"]


async def test_a_renamed_file_introduces_nothing(workshop: Workshop) -> None:
    base = workshop.push(old=BAD)
    analysis = await analyze_pull_request(workshop, workshop.push("feature", new=BAD), base)
    assert analysis.findings == ()


async def test_an_analyser_that_did_not_finish_at_the_base_is_named(workshop: Workshop) -> None:
    base = workshop.push(a="x = 1")
    head = workshop.push("feature", a=BAD)
    workshop.tool.completed = False
    analysis = await analyze_pull_request(workshop, head, base)
    assert analysis.incomplete == {"tool"}


async def test_a_comparison_that_was_cut_short_is_said(workshop: Workshop) -> None:
    base = workshop.push(a="")
    head = workshop.push("feature", a=BAD)
    workshop.source.complete = False
    analysis = await analyze_pull_request(workshop, head, base)
    assert Skipped(path="", reason="comparison_incomplete") in analysis.skipped


async def test_more_files_than_github_lists_are_all_read(workshop: Workshop) -> None:
    base = workshop.push(a="")
    files = {f"{number:03}.py": "x = 1\n" for number in range(359)}
    head = workshop.push_files({"a.py": "", **files, "z.py": BAD}, branch="feature")
    workshop.source.listed_files = 300
    analysis = await analyze_pull_request(workshop, head, base)
    assert [finding.path for finding in analysis.findings] == ["z.py"]
    assert analysis.skipped == ()


async def test_what_could_not_be_read_at_the_base_is_not_called_new(workshop: Workshop) -> None:
    base = workshop.push(a=BAD + "#" * 1_000_000, b="")
    head = workshop.push("feature", a=BAD, b=BAD)
    analysis = await analyze_pull_request(workshop, head, base)
    assert [finding.path for finding in analysis.findings] == ["b.py"]
    assert Skipped(path="a.py", reason="base_unread") in analysis.skipped


async def test_an_outage_and_a_base_that_is_gone_are_raised(workshop: Workshop) -> None:
    head = workshop.push(a=BAD)
    with pytest.raises(RepositoryNotFoundError):
        await analyze_pull_request(workshop, head, "0" * 40)
    workshop.source.failure = GitHubUnavailableError()
    with pytest.raises(GitHubUnavailableError):
        await analyze_branch(workshop, head)


@pytest.mark.parametrize(
    ("ref", "default"),
    [
        ("refs/heads/main", True),
        ("main", True),
        ("refs/heads/feature", False),
        ("refs/tags/main", False),
        (None, False),
    ],
)
async def test_the_default_branch_is_known_by_its_ref(
    workshop: Workshop, ref: str | None, default: bool
) -> None:
    assert is_default(await workshop.repository(), scan_target(ref=ref)) is default
