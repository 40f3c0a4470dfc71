"""One suite for the errors in Postgres and their twin in memory."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kova.errors.error import ErrorRecord, ErrorStatus, IgnoreDecision, RuleCount
from kova.errors.lifecycle import History
from kova.errors.ports import AppliedState, ErrorFilter
from kova.shared.audit import Action
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING
from kova.shared.severity import Severity
from tests.support.findings import analysis_of
from tests.support.stores import NAME, AllStores, apply_files, new_claim, new_repository

FIRST, SECOND, THIRD = "1" * 40, "2" * 40, "3" * 40
TWO = "def f():\n    BAD(x)\n\ndef g():\n    BAD(y)\n"
UNTIL = datetime(2100, 1, 1, tzinfo=UTC)


async def list_errors(stores: AllStores, **filters: object) -> list[ErrorRecord]:
    page = await stores.errors.page(PageRequest(), ErrorFilter(**filters), EVERYTHING)  # type: ignore[arg-type]
    return list(page.items)


async def statuses(stores: AllStores) -> dict[tuple[str, int], str]:
    """Return the status of each error by path and line."""
    return {
        (error.finding.path, error.finding.span.start_line): error.status.value
        for error in await list_errors(stores)
    }


async def only_error(stores: AllStores) -> ErrorRecord:
    (error,) = await list_errors(stores)
    return error


def decision(reason: str = "known", until: datetime | None = None) -> IgnoreDecision:
    return IgnoreDecision(reason=reason, by="key:abc", until=until)


async def actions(stores: AllStores) -> list[str]:
    page = await stores.audit.page(PageRequest())
    return [event.action.value for event in page.items]


async def test_a_first_scan_opens_what_it_sees(stores: AllStores) -> None:
    repository = await new_repository(stores)
    change = await apply_files(stores, repository, FIRST, {"a.py": TWO})
    assert (change.new, change.fixed, change.reopened) == (2, 0, 0)
    errors = await list_errors(stores)
    assert {error.id for error in errors} == set(change.error_ids.values())
    assert change.finding_status.introduced == set(change.error_ids)
    assert {(error.status, error.introduced_in, error.repository) for error in errors} == {
        (ErrorStatus.OPEN, FIRST, NAME)
    }
    assert await stores.errors.get(errors[0].id, EVERYTHING) == errors[0]
    assert errors[0].finding.traits is None


async def test_an_error_stays_the_same_when_its_lines_move(stores: AllStores) -> None:
    repository = await new_repository(stores)
    await apply_files(stores, repository, FIRST, {"a.py": TWO})
    ids = {error.id for error in await list_errors(stores)}
    change = await apply_files(stores, repository, SECOND, {"a.py": f"# new\n\n{TWO}"})
    assert (change.new, change.fixed, change.reopened) == (0, 0, 0)
    assert {error.id for error in await list_errors(stores)} == ids
    assert await statuses(stores) == {("a.py", 4): "open", ("a.py", 7): "open"}


async def test_an_error_that_is_gone_is_fixed_and_comes_back_as_the_same_one(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    await apply_files(stores, repository, FIRST, {"a.py": TWO})
    change = await apply_files(stores, repository, SECOND, {"a.py": TWO.replace("BAD(y)", "y")})
    assert (change.new, change.fixed, change.reopened) == (0, 1, 0)
    assert await statuses(stores) == {("a.py", 2): "open", ("a.py", 5): "fixed"}
    (error,) = await list_errors(stores, status=ErrorStatus.FIXED)
    assert error.fixed_at is not None
    change = await apply_files(stores, repository, THIRD, {"a.py": TWO})
    assert (change.new, change.fixed, change.reopened) == (0, 0, 1)
    reopened = await stores.errors.get(error.id, EVERYTHING)
    assert reopened is not None
    assert (reopened.status, reopened.fixed_at) == (ErrorStatus.OPEN, None)
    assert change.error_ids[error.finding.fingerprint] == error.id
    assert change.finding_status.introduced == {error.finding.fingerprint}


async def test_errors_of_a_deleted_file_are_fixed_and_those_of_an_unread_one_stay(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    files = {"a.py": TWO, "b.py": "BAD(z)"}
    await apply_files(stores, repository, FIRST, files)
    assert await stores.errors.live_paths(repository.id) == {"a.py", "b.py"}
    change = await apply_files(
        stores, repository, SECOND, {"a.py": TWO}, unread=["a.py"], complete=False
    )
    assert change.fixed == 0
    change = await apply_files(stores, repository, THIRD, {"a.py": TWO}, unread=["a.py"])
    assert change.fixed == 1
    assert await stores.errors.live_paths(repository.id) == {"a.py"}


async def test_a_scan_applied_again_changes_nothing_and_counts_the_same(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    await apply_files(stores, repository, FIRST, {"a.py": TWO, "b.py": "BAD(z)"})
    files = {"a.py": TWO.replace("BAD(y)", "y"), "b.py": "BAD(z)\nBAD(new)"}
    claim = await new_claim(stores, repository, commit_sha=SECOND)
    first = await apply_files(stores, repository, SECOND, files, claim=claim)
    before = await list_errors(stores)
    second = await apply_files(stores, repository, SECOND, files, claim=claim)
    assert (first.new, first.fixed, first.reopened) == (1, 1, 0)
    assert second == first
    after = await list_errors(stores)
    assert [replace(error, last_seen_at=UNTIL) for error in after] == [
        replace(error, last_seen_at=UNTIL) for error in before
    ]


async def test_two_repositories_with_the_same_code_have_errors_of_their_own(
    stores: AllStores,
) -> None:
    for name in (NAME, "octo/fork"):
        repository = await new_repository(stores, name)
        assert (await apply_files(stores, repository, FIRST, {"a.py": TWO})).new == 2
    assert len(await list_errors(stores)) == 4


async def test_only_a_tool_is_new_where_the_code_is_the_same(stores: AllStores) -> None:
    repository = await new_repository(stores)
    await apply_files(stores, repository, FIRST, {"a.py": ""}, version="1")
    assert await stores.errors.state(repository.id) == AppliedState(
        commit_sha=FIRST, identities={"tool": "tool 1"}, generation=1
    )
    history = History(upgraded=frozenset({"tool"}), unchanged=frozenset({"a.py"}))
    change = await apply_files(
        stores, repository, SECOND, {"a.py": TWO}, version="2", history=history
    )
    assert (change.new, change.finding_status.introduced) == (0, frozenset())
    assert {error.introduced_in for error in await list_errors(stores)} == {None}
    assert await stores.errors.state(repository.id) == AppliedState(
        commit_sha=SECOND, identities={"tool": "tool 2"}, generation=2
    )


async def test_what_a_comment_silences_is_ignored_until_the_comment_is_gone(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    await apply_files(stores, repository, FIRST, {"a.py": "BAD(x)"})
    await apply_files(stores, repository, SECOND, {"a.py": "BAD(x)  # quiet"})
    error = await only_error(stores)
    assert (error.status, error.ignored) == (
        ErrorStatus.IGNORED,
        IgnoreDecision(reason="# quiet", by="kova", until=None),
    )
    await apply_files(stores, repository, THIRD, {"a.py": "BAD(x)"})
    error = await only_error(stores)
    assert (error.status, error.ignored) == (ErrorStatus.OPEN, None)


async def test_a_finding_that_was_silenced_from_the_beginning_is_no_error(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    change = await apply_files(stores, repository, FIRST, {"a.py": "BAD(x)  # quiet"})
    assert (change.new, change.error_ids, await list_errors(stores)) == (0, {}, [])


async def test_files_that_the_settings_leave_out_have_no_open_errors(stores: AllStores) -> None:
    repository = await new_repository(stores)
    await apply_files(stores, repository, FIRST, {"a.py": "BAD(x)"})
    analysis = analysis_of({"a.py": "BAD(x)"}, unread=["a.py"])
    claim = await new_claim(stores, repository, commit_sha=SECOND)
    analysis = replace(analysis, excluded=frozenset({"a.py"}))
    await stores.errors.apply(claim, SECOND, analysis)
    error = await only_error(stores)
    assert error.ignored == IgnoreDecision(reason="settings", by="kova", until=None)


async def test_an_ignored_error_stays_ignored_when_it_is_seen_again(stores: AllStores) -> None:
    repository = await new_repository(stores)
    await apply_files(stores, repository, FIRST, {"a.py": "BAD(x)"})
    error = await only_error(stores)
    record = await stores.errors.ignore(error.id, decision(until=UNTIL), EVERYTHING)
    assert record is not None
    assert (record.status, record.ignored) == (ErrorStatus.IGNORED, decision(until=UNTIL))
    change = await apply_files(stores, repository, SECOND, {"a.py": "\nBAD(x)"})
    assert change.finding_status.ignored == set(change.error_ids)
    assert (await only_error(stores)).ignored == decision(until=UNTIL)
    change = await apply_files(stores, repository, THIRD, {"a.py": ""})
    assert (change.fixed, (await only_error(stores)).status) == (0, ErrorStatus.IGNORED)


async def test_ignoring_is_recorded_once_for_the_same_reason(stores: AllStores) -> None:
    repository = await new_repository(stores)
    await apply_files(stores, repository, FIRST, {"a.py": "BAD(x)"})
    error = await only_error(stores)
    await stores.errors.ignore(error.id, decision(), EVERYTHING)
    await stores.errors.ignore(error.id, decision(), EVERYTHING)
    assert await actions(stores) == [Action.ERROR_IGNORED]
    await stores.errors.ignore(error.id, decision("another", UNTIL), EVERYTHING)
    (event, _) = (await stores.audit.page(PageRequest())).items
    assert (event.actor, event.target) == ("key:abc", error.id)
    assert event.detail == {"reason": "another", "until": UNTIL.isoformat()}


async def test_only_an_ignored_error_is_opened(stores: AllStores) -> None:
    repository = await new_repository(stores)
    await apply_files(stores, repository, FIRST, {"a.py": "BAD(x)"})
    error = await only_error(stores)
    assert await stores.errors.open(error.id, "cli", EVERYTHING) == error
    assert await actions(stores) == []
    await stores.errors.ignore(error.id, decision(), EVERYTHING)
    assert await stores.errors.open(error.id, "cli", EVERYTHING) == error
    assert await actions(stores) == [Action.ERROR_OPENED, Action.ERROR_IGNORED]


async def test_a_fixed_error_is_neither_ignored_nor_opened(stores: AllStores) -> None:
    repository = await new_repository(stores)
    await apply_files(stores, repository, FIRST, {"a.py": "BAD(x)"})
    await apply_files(stores, repository, SECOND, {"a.py": ""})
    error = await only_error(stores)
    assert await stores.errors.ignore(error.id, decision(), EVERYTHING) == error
    assert await stores.errors.open(error.id, "cli", EVERYTHING) == error
    assert await actions(stores) == []


@pytest.mark.parametrize("error_id", [str(uuid.UUID(int=7)), "no id"])
async def test_an_unknown_error_is_none(stores: AllStores, error_id: str) -> None:
    assert await stores.errors.get(error_id, EVERYTHING) is None
    assert await stores.errors.ignore(error_id, decision(), EVERYTHING) is None
    assert await stores.errors.open(error_id, "cli", EVERYTHING) is None
    assert await stores.errors.of_scan(error_id, 10, EVERYTHING) == []


async def test_errors_are_open_again_when_their_date_is_past(stores: AllStores) -> None:
    repository = await new_repository(stores)
    await apply_files(stores, repository, FIRST, {"a.py": TWO, "b.py": "BAD(z)"})
    first, second, third = await list_errors(stores)
    past = datetime.now(UTC) - timedelta(seconds=1)
    await stores.errors.ignore(first.id, decision(until=past), EVERYTHING)
    await stores.errors.ignore(second.id, decision(until=UNTIL), EVERYTHING)
    await stores.errors.ignore(third.id, decision(), EVERYTHING)
    assert (await stores.errors.expire(), await stores.errors.expire()) == (1, 0)
    (error,) = await list_errors(stores, status=ErrorStatus.OPEN)
    assert error == first


async def test_lists_are_narrowed_by_every_filter(stores: AllStores) -> None:
    repository = await new_repository(stores)
    await apply_files(
        stores, repository, FIRST, {"a.py": "BAD(x)\nBAD[R2](x)", "b.py": "BAD(z)"},
        rules=("R1", "R2"),
    )  # fmt: skip
    ignored = (await list_errors(stores, path="b.py"))[0]
    await stores.errors.ignore(ignored.id, decision(), EVERYTHING)
    for filters, number in (
        ({"repository": NAME.upper()}, 3),
        ({"repository": "octo/none"}, 0),
        ({"status": ErrorStatus.OPEN}, 2),
        ({"severity": Severity.HIGH}, 3),
        ({"severity": Severity.LOW}, 0),
        ({"analyzer": "tool"}, 3),
        ({"analyzer": "ruff"}, 0),
        ({"rule": "R1"}, 2),
        ({"path": "a.py"}, 2),
        ({"path": "a.py", "rule": "R2", "status": ErrorStatus.OPEN}, 1),
    ):
        assert len(await list_errors(stores, **filters)) == number, filters  # type: ignore[arg-type]


async def test_pages_are_newest_first_and_whole(stores: AllStores) -> None:
    repository = await new_repository(stores)
    files: dict[str, str] = {}
    for number in range(3):
        files[f"{number}.py"] = "BAD(x)"
        await apply_files(stores, repository, str(number) * 40, files)
    paths: list[str] = []
    request = PageRequest(limit=2)
    for length in (2, 1):
        page = await stores.errors.page(request, ErrorFilter(), EVERYTHING)
        assert len(page.items) == length
        paths += [error.finding.path for error in page.items]
        request = PageRequest(limit=2, after=page.next)
    assert (paths, page.next) == (["2.py", "1.py", "0.py"], None)


async def test_rules_with_most_open_errors_come_first(stores: AllStores) -> None:
    repository = await new_repository(stores)
    text = "BAD(x)\nBAD[R2](x)\nBAD[R2](y)\nBAD[R3](z)"
    await apply_files(stores, repository, FIRST, {"a.py": text}, rules=("R1", "R2", "R3"))
    (error,) = await list_errors(stores, rule="R3")
    await stores.errors.ignore(error.id, decision(), EVERYTHING)
    assert await stores.errors.rules(NAME.upper()) == [
        RuleCount(analyzer="tool", rule_id="R2", open=2),
        RuleCount(analyzer="tool", rule_id="R1", open=1),
        RuleCount(analyzer="tool", rule_id="R3", open=0),
    ]
    assert await stores.errors.rules("octo/none") == []


async def test_the_status_of_a_commit_is_read_without_a_change(stores: AllStores) -> None:
    repository = await new_repository(stores)
    await apply_files(stores, repository, FIRST, {"a.py": TWO})
    error = (await list_errors(stores))[0]
    await stores.errors.ignore(error.id, decision(), EVERYTHING)
    before = await list_errors(stores)
    analysis = analysis_of({"a.py": TWO + "\ndef h():\n    BAD(w)\n"})
    status = await stores.errors.finding_status(repository.id, SECOND, analysis)
    assert status.ignored == {error.finding.fingerprint}
    (fingerprint,) = status.introduced
    (new,) = [finding for finding in analysis.findings if finding.fingerprint == fingerprint]
    assert new.span.start_line == 8
    assert await list_errors(stores) == before
    assert (await stores.errors.state(repository.id)) == AppliedState(
        commit_sha=FIRST, identities={"tool": "tool 1"}, generation=1
    )


async def test_what_a_commit_introduced_is_introduced_when_it_is_scanned_again(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    first = await apply_files(stores, repository, FIRST, {"a.py": TWO})
    again = await apply_files(stores, repository, FIRST, {"a.py": TWO})
    assert (again.new, again.finding_status) == (0, first.finding_status)
    later = await apply_files(stores, repository, SECOND, {"a.py": TWO})
    assert later.finding_status.introduced == frozenset()


async def test_the_findings_of_a_scan_are_the_open_ones_the_worst_first(
    stores: AllStores,
) -> None:
    repository = await new_repository(stores)
    claim = await new_claim(stores, repository, commit_sha=FIRST)
    analysis = analysis_of({"a.py": TWO, "b.py": "BAD(z)"})
    severities = {"a.py": Severity.LOW, "b.py": Severity.CRITICAL}
    findings = [
        replace(finding, severity=severities[finding.path]) for finding in analysis.findings
    ]
    await stores.errors.apply(claim, FIRST, replace(analysis, findings=tuple(findings)))
    ignored = (await list_errors(stores, path="a.py"))[0]
    await stores.errors.ignore(ignored.id, decision(), EVERYTHING)
    exported = await stores.errors.of_scan(claim.id, 10, EVERYTHING)
    assert [(finding.path, finding.severity) for finding in exported] == [
        ("b.py", Severity.CRITICAL),
        ("a.py", Severity.LOW),
    ]


async def test_two_errors_with_one_fingerprint_are_kept_apart(stores: AllStores) -> None:
    """The first moved to another file; what is new in its place has the fingerprint that it had."""
    repository = await new_repository(stores)
    await apply_files(stores, repository, FIRST, {"a.py": TWO})
    before = {error.finding.fingerprint for error in await list_errors(stores)}
    history = History(moved={"a.py": "b.py"})
    await apply_files(stores, repository, SECOND, {"b.py": TWO}, history=history)
    change = await apply_files(stores, repository, THIRD, {"a.py": TWO, "b.py": TWO})
    errors = await list_errors(stores)
    fingerprints = {error.finding.fingerprint for error in errors}
    assert (change.new, len(errors), len(fingerprints)) == (2, 4, 4)
    assert before < fingerprints
