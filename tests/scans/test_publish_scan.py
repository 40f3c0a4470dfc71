"""What people see of a scan: one check run, and what may go into a pull request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kova.analysis.finding import Finding, Span
from kova.analysis.globs import Glob
from kova.analysis.repository_settings import KovaTomlSettings, Section
from kova.errors.error import FindingStatus
from kova.fixes.fix import FileFixes
from kova.fixes.publisher import CheckRun
from kova.scans.publish_scan import PublishScan
from kova.scans.report import ScanReport
from kova.scans.scan import ScanTarget, Trigger
from kova.shared.repository import AutoFix, Repository
from kova.shared.severity import Severity
from kova.shared.skipped import Skipped
from tests.support.findings import analysis_of
from tests.support.stores import NAME, scan_target
from tests.support.workshop import Workshop

SHA = "1" * 40
NO_SETTINGS = KovaTomlSettings()


async def publish(
    workshop: Workshop,
    findings: tuple[Finding, ...],
    *,
    status: FindingStatus | None = None,
    settings: KovaTomlSettings = NO_SETTINGS,
    target: ScanTarget | None = None,
    fail_on: Severity = Severity.HIGH,
    skipped: tuple[Skipped, ...] = (),
    incomplete: frozenset[str] = frozenset(),
) -> CheckRun:
    """Publish findings, by default all of them new, and return the last check run."""
    repository = replace(await workshop.repository(), fail_on=fail_on)
    new = frozenset(finding.fingerprint for finding in findings)
    report = ScanReport(
        analysis=replace(
            analysis_of({"a.py": ""}), findings=findings, skipped=skipped, incomplete=incomplete
        ),
        status=status or FindingStatus(introduced=new),
        fixes=(),
        settings=settings,
        is_branch=target is None,
    )
    target = target or scan_target(commit_sha=SHA)
    await PublishScan(workshop.publisher).publish_check_run(repository, target, report)
    return list(workshop.publisher.check_runs.values())[-1]


def findings_of(text: str, **fields: object) -> tuple[Finding, ...]:
    findings = analysis_of({"a.py": text}).findings
    return tuple(replace(finding, **fields) for finding in findings)  # type: ignore[arg-type]


async def test_scanning_a_commit_again_updates_its_one_check_run(workshop: Workshop) -> None:
    await publish(workshop, findings_of("BAD(x)"))
    check_run = await publish(workshop, ())
    assert len(workshop.publisher.check_runs) == 1
    assert (check_run.conclusion, check_run.title) == ("success", "No new errors")


async def test_a_branch_and_a_pull_request_at_one_commit_have_two_check_runs(
    workshop: Workshop,
) -> None:
    await publish(workshop, ())
    await publish(workshop, (), target=scan_target(commit_sha=SHA, pull_request=7))
    names = [external_id for _, _, external_id in workshop.publisher.check_runs]
    assert names == ["kova/branch", "kova/pull/7"]


@pytest.mark.parametrize(
    ("severity", "fail_on", "conclusion"),
    [
        (Severity.HIGH, Severity.HIGH, "failure"),
        (Severity.CRITICAL, Severity.HIGH, "failure"),
        (Severity.MEDIUM, Severity.HIGH, "neutral"),
        (Severity.LOW, Severity.LOW, "failure"),
    ],
)
async def test_the_check_fails_from_the_severity_that_the_repository_names(
    workshop: Workshop, severity: Severity, fail_on: Severity, conclusion: str
) -> None:
    findings = findings_of("BAD(x)", severity=severity)
    assert (await publish(workshop, findings, fail_on=fail_on)).conclusion == conclusion


async def test_the_settings_of_a_path_decide_over_the_repository(workshop: Workshop) -> None:
    section = Section(paths=(Glob(pattern="a.py"),), fail_on=Severity.CRITICAL)
    settings = KovaTomlSettings(sections=(section,), present=True)
    check_run = await publish(workshop, findings_of("BAD(x)"), settings=settings)
    assert check_run.conclusion == "neutral"


async def test_only_what_the_commit_brought_is_marked(workshop: Workshop) -> None:
    first, second = findings_of("BAD(x)\nBAD(y)")
    status = FindingStatus(introduced=frozenset({second.fingerprint}))
    check_run = await publish(workshop, (first, second), status=status)
    assert [note.start_line for note in check_run.annotations] == [2]


async def test_a_mark_has_columns_where_it_is_one_line(workshop: Workshop) -> None:
    (finding,) = findings_of("BAD(x)", severity=Severity.LOW)
    (note,) = (await publish(workshop, (finding,))).annotations
    assert (note.path, note.level, note.title) == ("a.py", "notice", "tool R1")
    assert (note.start_line, note.end_line, note.start_column, note.end_column) == (1, 1, 1, 7)
    long = replace(finding, span=Span(start_line=1, start_column=3, end_line=4, end_column=2))
    (note,) = (await publish(workshop, (long,))).annotations
    assert (note.start_line, note.end_line, note.start_column, note.end_column) == (
        1,
        4,
        None,
        None,
    )


def files_of(*paths: str, content: bytes | None = b"x") -> list[FileFixes]:
    return [FileFixes(path=path, fixes=(), content=content) for path in paths]


@pytest.mark.parametrize(
    ("allowed", "by_settings", "paths"),
    [
        (AutoFix.PULL_REQUEST, None, ["a.py", "b.py"]),
        (AutoFix.PULL_REQUEST, AutoFix.OFF, ["b.py"]),
        (AutoFix.SUGGEST, AutoFix.PULL_REQUEST, []),
        (AutoFix.OFF, None, []),
    ],
)
async def test_a_file_is_offered_where_administrators_and_settings_allow_it(
    workshop: Workshop, allowed: AutoFix, by_settings: AutoFix | None, paths: list[str]
) -> None:
    repository: Repository = replace(await workshop.repository(), auto_fix=allowed)
    section = Section(paths=(Glob(pattern="a.py"),), auto_fix=by_settings)
    settings = KovaTomlSettings(sections=(section,), present=True)
    files = files_of("a.py", "b.py", "poetry.lock", ".github/a.py")
    publish_scan = PublishScan(workshop.publisher)
    selected = publish_scan.select_offerable(repository, files, settings)
    assert [file.path for file in selected] == paths


async def test_without_content_or_files_there_is_no_pull_request(workshop: Workshop) -> None:
    repository, publish_scan = await workshop.repository(), PublishScan(workshop.publisher)
    files = files_of("a.py", content=None)
    assert publish_scan.select_offerable(repository, files, NO_SETTINGS) == []
    assert await publish_scan.publish_pull_request(repository, SHA, []) is None


async def test_a_later_commit_updates_the_one_pull_request(workshop: Workshop) -> None:
    repository, publish_scan = await workshop.repository(), PublishScan(workshop.publisher)
    urls = [
        await publish_scan.publish_pull_request(repository, workshop.push(a=text), files_of("a.py"))
        for text in ("1", "2")
    ]
    assert urls == [f"https://github.example/{NAME}/pull/1"] * 2
    assert list(workshop.publisher.pull_requests) == [(NAME, "kova/fix-main")]


PULL_REQUEST = scan_target(
    trigger=Trigger.PULL_REQUEST,
    ref="refs/pull/1/head",
    pull_request=1,
    commit_sha=SHA,
    base_sha="2" * 40,
)


@pytest.mark.parametrize(
    ("target", "skipped", "incomplete", "conclusion"),
    [
        (PULL_REQUEST, ("a.py", "too_large"), "", "neutral"),
        (PULL_REQUEST, ("", "comparison_incomplete"), "", "neutral"),
        (PULL_REQUEST, None, "ruff", "neutral"),
        (PULL_REQUEST, ("a", "symlink"), "", "success"),
        (PULL_REQUEST, ("a", "submodule"), "", "success"),
        # A branch has such files in every commit.
        (None, ("a.py", "too_large"), "", "success"),
        (None, ("", "tree_incomplete"), "", "neutral"),
        (None, None, "ruff", "neutral"),
    ],
)
async def test_what_was_read_in_part_is_never_a_success(
    workshop: Workshop,
    target: ScanTarget | None,
    skipped: tuple[str, str] | None,
    incomplete: str,
    conclusion: str,
) -> None:
    check_run = await publish(
        workshop,
        (),
        target=target,
        skipped=(Skipped(path=skipped[0], reason=skipped[1]),) if skipped else (),
        incomplete=frozenset({incomplete} - {""}),
    )
    assert check_run.conclusion == conclusion
    is_whole = conclusion == "success"
    assert check_run.title == ("No new errors" if is_whole else "No new errors in what was read")
