from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from kova.adapters.github.checks import in_order, summary_of
from kova.adapters.github.client import GitHubClient
from kova.adapters.github.publisher import GitHubPublisher
from kova.fixes.publisher import CheckAnnotation, CheckRun
from kova.shared.exceptions import GitHubRefusedError, RepositoryNotFoundError
from kova.shared.repository import RepositoryRef

Connect = Callable[..., GitHubClient]
REPO = "/repos/octo/sample"
COMMIT = "c" * 40
LIST = f"{REPO}/commits/{COMMIT}/check-runs"
CREATE = f"POST {REPO}/check-runs"
UPDATE = f"PATCH {REPO}/check-runs/5"
STATUSES = f"{REPO}/commits/{COMMIT}/statuses"
PAGE = "https://github.example/octo/sample/runs/5"


def remark(number: int, **changed: Any) -> CheckAnnotation:
    fields: dict[str, Any] = {
        "path": f"f{number:04}.py",
        "start_line": 1,
        "end_line": 1,
        "start_column": 2,
        "end_column": 4,
        "level": "warning",
        "title": "T",
        "message": "M",
    }
    return CheckAnnotation(**(fields | changed))


def check(*annotations: CheckAnnotation, **changed: Any) -> CheckRun:
    fields: dict[str, Any] = {
        "commit_sha": COMMIT,
        "external_id": "scan-1",
        "conclusion": "failure",
        "title": "2 errors",
        "summary": "Two.",
    }
    return CheckRun(annotations=annotations, **(fields | changed))


def check_run_json(count: int, **changed: Any) -> dict[str, Any]:
    """The check run as GitHub shows it after `count` annotations."""
    fields: dict[str, Any] = {
        "id": 5,
        "external_id": "scan-1",
        "status": "completed",
        "conclusion": "failure",
        "html_url": PAGE,
        "output": {"title": "2 errors", "summary": "Two.", "annotations_count": count},
    }
    return fields | changed


@pytest.fixture
def publisher(script: Any, connect: Connect) -> GitHubPublisher:
    return GitHubPublisher(connect(script.url), now=lambda: datetime(2030, 1, 2, tzinfo=UTC))


async def test_a_new_check_run_is_complete_at_once(
    script: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    script.json(LIST, {"total_count": 0, "check_runs": []})
    script.json(CREATE, check_run_json(1), status=201)

    assert await publisher.check_run(repository, check(remark(1))) == PAGE
    [(_, body)] = script.sent("POST")
    assert body["head_sha"] == COMMIT
    assert (body["name"], body["external_id"]) == ("Kova", "scan-1")
    assert (body["status"], body["conclusion"]) == ("completed", "failure")
    assert body["completed_at"] == "2030-01-02T00:00:00Z"
    assert body["output"]["annotations"][0]["start_column"] == 2


async def test_annotations_go_fifty_a_call(
    script: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    script.json(LIST, {"check_runs": []})
    script.json(CREATE, check_run_json(50), status=201)
    script.json(UPDATE, check_run_json(100), check_run_json(120))

    await publisher.check_run(repository, check(*map(remark, range(120))))

    calls = [
        body["output"]["annotations"] for _, body in script.sent("POST") + script.sent("PATCH")
    ]
    assert [len(call) for call in calls] == [50, 50, 20]
    paths = [annotation["path"] for call in calls for annotation in call]
    assert paths == sorted(set(paths))


async def test_a_repetition_changes_nothing(
    script: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    script.json(
        LIST, {"check_runs": [check_run_json(3, external_id="other", id=4), check_run_json(1)]}
    )

    assert await publisher.check_run(repository, check(remark(1))) == PAGE
    assert script.sent("POST") + script.sent("PATCH") == []


async def test_after_a_crash_only_the_rest_of_the_annotations_is_sent(
    script: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    script.json(LIST, {"check_runs": [check_run_json(100)]})
    script.json(UPDATE, check_run_json(120))

    await publisher.check_run(repository, check(*map(remark, range(120))))

    [(_, body)] = script.sent("PATCH")
    assert [annotation["path"] for annotation in body["output"]["annotations"]] == [
        f"f{number:04}.py" for number in range(100, 120)
    ]


async def test_a_write_whose_answer_was_lost_is_not_done_twice(
    script: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    script.json(LIST, {"check_runs": []}, {"check_runs": [check_run_json(1)]})
    script.json(CREATE, {"message": "Bad gateway"}, status=502)

    assert await publisher.check_run(repository, check(remark(1))) == PAGE
    assert len(script.sent("POST")) == 1


async def test_another_outcome_updates_the_same_check_run(
    script: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    script.json(LIST, {"check_runs": [check_run_json(0, status="in_progress", conclusion=None)]})
    script.json(UPDATE, check_run_json(0))

    await publisher.check_run(repository, check())

    assert [body["conclusion"] for _, body in script.sent("PATCH")] == ["failure"]


async def test_the_oldest_of_several_is_taken_from_all_pages(
    script: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    link = f'<{script.url}{LIST}?page=2>; rel="next"'
    script.json(f"{LIST}?page=2", {"check_runs": [check_run_json(0)]})
    script.json(LIST, {"check_runs": [check_run_json(0, id=6)]}, link=link)

    assert await publisher.check_run(repository, check()) == PAGE
    assert "check_name=Kova" in script.paths()[0]
    assert "filter=all" in script.paths()[0]


async def test_a_token_that_may_not_write_checks_sets_one_status(
    script: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    status = {"context": "kova", "state": "failure", "description": "2 errors"}
    forbidden = {"message": "You must authenticate via a GitHub App."}
    script.json(LIST, {"check_runs": []})
    script.json(CREATE, forbidden, status=403)
    script.json(STATUSES, [], [{"context": "ci", "state": "success"}, status])
    script.json(f"POST {REPO}/statuses/{COMMIT}", status, status=201)

    assert await publisher.check_run(repository, check()) is None
    assert await publisher.check_run(repository, check()) is None
    statuses = [body for path, body in script.sent("POST") if "/statuses/" in path]
    assert statuses == [status]


async def test_a_status_that_says_otherwise_is_followed_by_a_new_one(
    script: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    old = {"context": "kova", "state": "failure", "description": "2 errors"}
    script.json(LIST, {"message": "Resource not accessible"}, status=403)
    script.json(STATUSES, [old])
    script.json(f"POST {REPO}/statuses/{COMMIT}", {}, status=201)

    await publisher.check_run(repository, check(conclusion="neutral", title="x" * 500))

    [(_, body)] = script.sent("POST")
    assert body["state"] == "success"
    assert len(body["description"]) == 140


async def test_another_refusal_is_an_error(
    script: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    script.json(LIST, {"check_runs": []})
    script.json(CREATE, {"message": "Validation failed"}, status=422)

    with pytest.raises(GitHubRefusedError):
        await publisher.check_run(repository, check())
    with pytest.raises(RepositoryNotFoundError):
        await publisher.check_run(repository, check(commit_sha="../main"))


async def test_texts_are_cut_to_githubs_limits(
    script: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    script.json(LIST, {"check_runs": []})
    script.json(CREATE, check_run_json(1), status=201)
    long = remark(1, title="t" * 999, message="é" * 99_000, level="odd", start_line=0, end_line=3)

    await publisher.check_run(repository, check(long, title="t\0" * 500, summary="s" * 99_999))

    [(_, body)] = script.sent("POST")
    [annotation] = body["output"]["annotations"]
    assert len(body["output"]["title"]) == len(annotation["title"]) == 255
    assert len(body["output"]["summary"]) == 65_535
    assert len(annotation["message"].encode()) <= 65_536
    assert (annotation["annotation_level"], annotation["start_line"], annotation["end_line"]) == (
        "warning",
        1,
        3,
    )
    assert "start_column" not in annotation
    assert "\0" not in body["output"]["title"]


def test_at_most_a_thousand_places_are_marked_and_that_is_said() -> None:
    run = check(*map(remark, range(1_500)), summary="s" * 99_999)

    assert len(in_order(run.annotations)) == 1_000
    assert summary_of(run).endswith("Only the first 1,000 of 1,500 places are marked.")
    assert len(summary_of(run)) == 65_535


def test_the_worst_comes_first_whatever_the_order_given() -> None:
    remarks = [remark(1, level="notice"), remark(2, level="failure"), remark(3), remark(0)]

    ordered = in_order(remarks)

    assert [remark.path[:5] for remark in ordered] == ["f0002", "f0000", "f0003", "f0001"]
    assert in_order(remarks[::-1]) == ordered
