"""Another tool's results join the same life of errors, and only on the commit scanned last."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from kova.errors.error import ErrorRecord, ErrorStatus
from kova.errors.ports import ErrorFilter
from kova.scans.import_sarif import ImportedSarif, ImportSarif
from kova.scans.scan import Scan, Trigger
from kova.shared.exceptions import (
    ConflictError,
    DatabaseUnavailableError,
    InvalidInputError,
    NotFoundError,
)
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING
from tests.support.stores import scan_target
from tests.support.workshop import Workshop

BAD = "def f():\n    BAD(x)\n"


def log_of(
    *results: tuple[str, int, str],
    tool: str = "linter",
    version: str = "1",
    successful: bool = True,
    category: str = "",
) -> bytes:
    """Return a log with a result for each path, line and flagged text."""
    run: dict[str, Any] = {
        "tool": {"driver": {"name": tool, "version": version}},
        "invocations": [{"executionSuccessful": successful}],
        "automationDetails": {"id": category},
        "results": [
            {
                "ruleId": "L1",
                "message": {"text": "Do not."},
                "locations": [
                    {
                        "physicalLocation": {
                            "artifactLocation": {"uri": path},
                            "region": {"startLine": line, "snippet": {"text": text}},
                        }
                    }
                ],
            }
            for path, line, text in results
        ],
    }
    return json.dumps({"version": "2.1.0", "runs": [run]}).encode()


FIRST = ("a.py", 1, "def f()")
SECOND = ("b.py", 1, "x = 1")


async def scan(workshop: Workshop) -> Scan:
    """Scan a branch whose own analyser reports one error in `a.py`."""
    workshop.push(a=BAD, b="x = 1\n")
    return await workshop.scan(fix=False)


async def import_log(
    workshop: Workshop, scan_id: str, body: bytes, checkout_uri: str | None = None
) -> ImportedSarif:
    return await ImportSarif(workshop.stores).import_log(
        scan_id, body, EVERYTHING, checkout_uri=checkout_uri
    )


async def statuses(workshop: Workshop) -> dict[tuple[str, str], ErrorStatus]:
    """Return the status of each error by analyser and path."""
    return {
        (error.finding.analyzer, error.finding.path): error.status
        for error in await list_errors(workshop)
    }


async def list_errors(workshop: Workshop) -> list[ErrorRecord]:
    return list((await workshop.stores.errors.page(PageRequest(), ErrorFilter(), EVERYTHING)).items)


async def test_results_become_errors_beside_those_of_the_scan(workshop: Workshop) -> None:
    row = await scan(workshop)
    result = await import_log(workshop, row.id, log_of(FIRST, SECOND))
    assert result.scan == row
    (tool,) = result.tools
    assert (tool.analyzer, tool.version, tool.accepted, tool.refused) == ("linter", "1", 2, {})
    assert await statuses(workshop) == {
        ("tool", "a.py"): ErrorStatus.OPEN,
        ("linter", "a.py"): ErrorStatus.OPEN,
        ("linter", "b.py"): ErrorStatus.OPEN,
    }


async def test_a_tool_that_is_new_introduced_nothing_and_its_next_log_in_the_commit_does(
    workshop: Workshop,
) -> None:
    row = await scan(workshop)
    first = await import_log(workshop, row.id, log_of(FIRST))
    second = await import_log(workshop, row.id, log_of(FIRST, SECOND))
    assert (first.change.new, second.change.new) == (0, 1)
    introduced = {
        error.finding.path: error.introduced_in
        for error in await list_errors(workshop)
        if error.finding.analyzer == "linter"
    }
    assert introduced == {"a.py": None, "b.py": row.commit_sha}


async def test_the_same_log_again_changes_nothing_and_counts_the_same(workshop: Workshop) -> None:
    row = await scan(workshop)
    await import_log(workshop, row.id, log_of(FIRST))
    first = await import_log(workshop, row.id, log_of(FIRST, SECOND))
    before = {error.id for error in await list_errors(workshop)}
    second = await import_log(workshop, row.id, log_of(FIRST, SECOND))
    assert {error.id for error in await list_errors(workshop)} == before
    assert (first.change.new, second.change.new, second.change.fixed) == (1, 1, 0)


async def test_what_a_finished_tool_no_longer_reports_is_fixed(workshop: Workshop) -> None:
    row = await scan(workshop)
    await import_log(workshop, row.id, log_of(FIRST, SECOND))
    result = await import_log(workshop, row.id, log_of(FIRST))
    assert result.change.fixed == 1
    assert (await statuses(workshop))["linter", "b.py"] is ErrorStatus.FIXED
    assert (await statuses(workshop))["tool", "a.py"] is ErrorStatus.OPEN


async def test_the_silence_of_a_tool_that_failed_proves_nothing(workshop: Workshop) -> None:
    row = await scan(workshop)
    await import_log(workshop, row.id, log_of(FIRST, SECOND))
    result = await import_log(workshop, row.id, log_of(FIRST, successful=False))
    assert (result.change.fixed, result.tools[0].finished) == (0, False)


async def test_a_result_that_cannot_be_placed_closes_nothing(workshop: Workshop) -> None:
    row = await scan(workshop)
    await import_log(workshop, row.id, log_of(FIRST, SECOND))
    elsewhere = ("file:///home/runner/work/x/x/b.py", 1, "x = 1")
    result = await import_log(workshop, row.id, log_of(FIRST, elsewhere))
    (tool,) = result.tools
    assert (tool.accepted, tool.refused) == (1, {"no_path_in_the_repository": 1})
    assert (result.change.fixed, tool.finished, tool.complete) == (0, True, False)
    assert set((await statuses(workshop)).values()) == {ErrorStatus.OPEN}


async def test_a_log_that_could_not_be_placed_leaves_no_trace(workshop: Workshop) -> None:
    row = await scan(workshop)
    before = await statuses(workshop)
    elsewhere = ("file:///home/runner/work/x/x/b.py", 1, "x = 1")
    await import_log(workshop, row.id, log_of(elsewhere))
    assert await statuses(workshop) == before
    # The tool is still new here: what it sees was there before.
    result = await import_log(workshop, row.id, log_of(FIRST))
    assert result.change.new == 0


async def test_the_caller_says_where_the_repository_was(workshop: Workshop) -> None:
    row = await scan(workshop)
    body = log_of(("file:///home/runner/work/x/x/b.py", 1, "x = 1"))
    root = "file:///home/runner/work/x/x"
    result = await import_log(workshop, row.id, body, checkout_uri=root)
    assert (result.tools[0].accepted, result.tools[0].complete) == (1, True)


async def test_categories_of_one_tool_live_side_by_side(workshop: Workshop) -> None:
    row = await scan(workshop)
    await import_log(workshop, row.id, log_of(FIRST, category="api/"))
    result = await import_log(workshop, row.id, log_of(SECOND, category="web/2026-11-29"))
    assert result.change.fixed == 0
    assert await statuses(workshop) == {
        ("tool", "a.py"): ErrorStatus.OPEN,
        ("linter [api]", "a.py"): ErrorStatus.OPEN,
        ("linter [web]", "b.py"): ErrorStatus.OPEN,
    }
    result = await import_log(workshop, row.id, log_of(category="web/2026-11-30"))
    assert result.change.fixed == 1


async def test_another_version_of_the_tool_closes_nothing_in_the_same_commit(
    workshop: Workshop,
) -> None:
    row = await scan(workshop)
    await import_log(workshop, row.id, log_of(FIRST, SECOND))
    result = await import_log(workshop, row.id, log_of(FIRST, version="2"))
    assert result.change.fixed == 0


async def test_a_tool_named_like_one_of_kovas_is_kept_apart(workshop: Workshop) -> None:
    row = await scan(workshop)
    result = await import_log(workshop, row.id, log_of(tool="tool"))
    assert (result.tools[0].analyzer, result.change.fixed) == ("tool (sarif)", 0)
    assert await statuses(workshop) == {("tool", "a.py"): ErrorStatus.OPEN}


async def test_the_next_scan_leaves_the_errors_of_other_tools(workshop: Workshop) -> None:
    row = await scan(workshop)
    await import_log(workshop, row.id, log_of(FIRST, SECOND))
    workshop.push(a="", b="x = 1\n")
    await workshop.scan(fix=False)
    assert await statuses(workshop) == {
        ("tool", "a.py"): ErrorStatus.FIXED,
        ("linter", "a.py"): ErrorStatus.OPEN,
        ("linter", "b.py"): ErrorStatus.OPEN,
    }


async def test_an_unknown_scan_is_not_found(workshop: Workshop) -> None:
    with pytest.raises(NotFoundError):
        await import_log(workshop, "none", log_of(FIRST))


async def test_a_scan_that_did_not_succeed_takes_no_results(workshop: Workshop) -> None:
    workshop.push(a=BAD)
    repository = await workshop.repository()
    queued = await workshop.stores.scans.create(scan_target(), repository.id)
    failed = await workshop.stores.scans.create(scan_target(), repository.id)
    await workshop.stores.scans.fail(failed.id, "github_refused")
    for row in (queued, failed):
        with pytest.raises(ConflictError, match="that succeeded"):
            await import_log(workshop, row.id, log_of(FIRST))


async def test_a_pull_request_takes_no_results(workshop: Workshop) -> None:
    base = workshop.push(a="")
    head = workshop.push("feature", a=BAD)
    row = await workshop.scan(
        trigger=Trigger.PULL_REQUEST, pull_request=1, base_sha=base, commit_sha=head
    )
    with pytest.raises(ConflictError, match="Only a branch's scan"):
        await import_log(workshop, row.id, log_of(FIRST))


async def test_a_commit_that_is_not_the_last_one_scanned_takes_no_results(
    workshop: Workshop,
) -> None:
    older = await scan(workshop)
    workshop.push(a="")
    await workshop.scan(fix=False)
    with pytest.raises(ConflictError, match="Another commit"):
        await import_log(workshop, older.id, log_of(FIRST))


async def test_a_branch_that_was_never_scanned_as_the_default_takes_no_results(
    workshop: Workshop,
) -> None:
    workshop.push(a="")
    feature = workshop.push("feature", a=BAD)
    row = await workshop.scan(ref="refs/heads/feature", commit_sha=feature)
    with pytest.raises(ConflictError, match="No commit of the default branch"):
        await import_log(workshop, row.id, log_of(FIRST))


@pytest.mark.parametrize("body", [b"", b"[]", b'{"version": "2.0.0", "runs": []}', b"\xff"])
async def test_what_is_no_sarif_changes_nothing(workshop: Workshop, body: bytes) -> None:
    row = await scan(workshop)
    before = await list_errors(workshop)
    with pytest.raises(InvalidInputError):
        await import_log(workshop, row.id, body)
    assert await list_errors(workshop) == before


async def test_an_outage_of_the_database_is_raised(workshop: Workshop) -> None:
    row = await scan(workshop)
    workshop.database.available = False
    with pytest.raises(DatabaseUnavailableError):
        await import_log(workshop, row.id, log_of(FIRST))


async def test_a_repository_that_was_renamed_since_takes_results(workshop: Workshop) -> None:
    row = await scan(workshop)
    info = replace(workshop.info, full_name="octo/renamed")
    await workshop.stores.repositories.save(info)
    await import_log(workshop, row.id, log_of(FIRST))
    names = {(error.repository, error.finding.analyzer) for error in await list_errors(workshop)}
    assert names == {("octo/renamed", "tool"), ("octo/renamed", "linter")}
