"""A commit is analysed once: what is known comes from the cache, the rest is fetched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kova.analysis.globs import Glob
from kova.analysis.repository_settings import KovaTomlSettings, Section
from kova.shared.code_source import FetchLimits
from kova.shared.exceptions import GitHubUnavailableError, RepositoryNotFoundError
from kova.shared.skipped import Skipped
from tests.support.analyzer import MarkAnalyzer
from tests.support.workshop import Workshop

BAD = "BAD(x)\n"


async def test_every_file_that_an_analyser_reads_is_fetched_and_analysed(
    workshop: Workshop,
) -> None:
    sha = workshop.push_files({"b.py": BAD, "a/c.py": BAD, "image.png": "x"})
    analysis = await workshop.analyze(sha)
    assert [finding.path for finding in analysis.findings] == ["a/c.py", "b.py"]
    assert workshop.source.downloaded == ["a/c.py", "b.py"]
    assert analysis.fetched_paths == analysis.analyzed == {"a/c.py", "b.py"}
    assert analysis.listed == {"a/c.py", "b.py", "image.png"} == set(analysis.blobs)
    assert (analysis.files, analysis.cached, analysis.skipped) == (2, frozenset(), ())


async def test_a_commit_that_is_analysed_again_fetches_nothing(workshop: Workshop) -> None:
    sha = workshop.push(a=BAD, b="")
    first = await workshop.analyze(sha)
    workshop.source.downloaded.clear()
    second = await workshop.analyze(sha)
    assert workshop.source.downloaded == []
    assert second.cached == {"a.py", "b.py"}
    assert [finding.fingerprint for finding in second.findings] == [
        finding.fingerprint for finding in first.findings
    ]
    assert second.coverage == first.coverage


async def test_only_changed_files_are_fetched_again(workshop: Workshop) -> None:
    await workshop.analyze(workshop.push(a=BAD, b=BAD))
    workshop.source.downloaded.clear()
    analysis = await workshop.analyze(workshop.push(a=BAD, b=BAD + BAD))
    assert workshop.source.downloaded == ["b.py"]
    assert (len(analysis.findings), analysis.cached) == (3, {"a.py"})


async def test_a_new_version_of_an_analyser_reads_everything_again(workshop: Workshop) -> None:
    sha = workshop.push(a=BAD)
    await workshop.analyze(sha)
    workshop.source.downloaded.clear()
    workshop.tool.version = "2"
    assert (await workshop.analyze(sha)).cached == frozenset()
    assert workshop.source.downloaded == ["a.py"]


async def test_a_full_analysis_does_not_ask_the_cache(workshop: Workshop) -> None:
    sha = workshop.push(a=BAD)
    await workshop.analyze(sha)
    analysis = await workshop.analyze(sha, full=True)
    assert workshop.source.downloaded == ["a.py", "a.py"]
    assert analysis.cached == frozenset()


async def test_only_the_requested_paths_are_analysed(workshop: Workshop) -> None:
    sha = workshop.push(a=BAD, b=BAD)
    analysis = await workshop.analyze(sha, only=frozenset({"a.py", "deleted.py"}))
    assert (workshop.source.downloaded, analysis.analyzed) == (["a.py"], {"a.py"})


async def test_what_the_settings_leave_out_is_not_fetched_and_what_they_turn_off_is_suppressed(
    workshop: Workshop,
) -> None:
    sha = workshop.push(a="BAD(x)\nBAD[R2](y)\n", b=BAD)
    settings = KovaTomlSettings(
        exclude=(Glob(pattern="b.py"),), sections=(Section(rules_off=("R2",)),), present=True
    )
    analysis = await workshop.analyze(sha, settings=settings)
    assert workshop.source.downloaded == ["a.py"]
    assert analysis.excluded == {"b.py"}
    assert [finding.rule_id for finding in analysis.findings] == ["R1"]
    assert [finding.suppressed for finding in analysis.suppressed] == ["settings"]
    (coverage,) = analysis.coverage
    assert coverage.identity == f"tool 1 {settings.digest}"


async def test_files_beyond_a_limit_are_skipped_with_the_reason(workshop: Workshop) -> None:
    workshop.limits = FetchLimits(file_bytes=10)
    analysis = await workshop.analyze(workshop.push(a=BAD, b=BAD * 9))
    assert analysis.skipped == (Skipped(path="b.py", reason="too_large"),)
    assert (analysis.analyzed, analysis.files) == ({"a.py"}, 2)


async def test_links_are_skipped_and_a_listing_that_is_not_whole_proves_no_deletion(
    workshop: Workshop,
) -> None:
    workshop.source.skipped = (
        Skipped(path="link.py", reason="symlink"), Skipped(path="logo.png", reason="symlink")
    )  # fmt: skip
    analysis = await workshop.analyze(workshop.push(a=BAD))
    assert analysis.skipped == (Skipped(path="link.py", reason="symlink"),)
    assert analysis.listed == {"a.py", "link.py", "logo.png"}
    workshop.source.complete = False
    analysis = await workshop.analyze(workshop.push(a=BAD))
    assert analysis.skipped[0] == Skipped(path="", reason="tree_incomplete")
    assert analysis.listed is None


async def test_a_file_that_github_does_not_give_is_skipped_and_tried_again(
    workshop: Workshop,
) -> None:
    sha = workshop.push(a=BAD, b=BAD)
    request = await workshop.request(sha)
    tree = await workshop.source.tree(request.repository_ref, sha)
    altered = replace(tree, files=(tree.files[0], replace(tree.files[1], sha="0" * 40)))
    analysis = await workshop.analyze(sha, tree=altered)
    assert analysis.skipped == (Skipped(path="b.py", reason="fetch_failed"),)
    assert (analysis.analyzed, analysis.fetched_paths) == ({"a.py"}, {"a.py"})
    assert (await workshop.analyze(sha)).cached == {"a.py"}


async def test_an_outage_of_github_and_an_unknown_commit_are_raised(workshop: Workshop) -> None:
    sha = workshop.push(a=BAD)
    with pytest.raises(RepositoryNotFoundError):
        await workshop.analyze("0" * 40)
    workshop.source.failure = GitHubUnavailableError()
    with pytest.raises(GitHubUnavailableError):
        await workshop.analyze(sha)


async def test_one_changed_file_makes_an_analyser_of_programs_read_all(workshop: Workshop) -> None:
    program = MarkAnalyzer(name="program", whole_program=True)
    workshop.tools.append(program)
    sha = workshop.push(a=BAD, b="")
    first = await workshop.analyze(sha)
    second = await workshop.analyze(sha)
    assert (second.coverage, second.cached) == (first.coverage, {"a.py", "b.py"})
    assert {finding.analyzer for finding in second.findings} == {"program", "tool"}
    assert program.runs == [["a.py", "b.py"]]
    workshop.source.downloaded.clear()
    analysis = await workshop.analyze(workshop.push(a=BAD, b="x = 1"))
    assert program.runs[1:] == [["a.py", "b.py"]]
    assert (analysis.cached, sorted(workshop.source.downloaded)) == ({"a.py"}, ["a.py", "b.py"])
    assert sorted(finding.analyzer for finding in analysis.findings) == ["program", "tool"]


async def test_an_analyser_of_programs_is_not_asked_about_a_part(workshop: Workshop) -> None:
    program = MarkAnalyzer(name="program", whole_program=True)
    workshop.tools.append(program)
    sha = workshop.push(a=BAD, b="")
    analysis = await workshop.analyze(sha, only=frozenset({"a.py"}))
    assert program.runs == []
    assert {finding.analyzer for finding in analysis.findings} == {"tool"}
