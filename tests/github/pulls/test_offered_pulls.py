"""Fixes become one pull request, whatever was there before."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from kova.adapters.github.publisher import GitHubPublisher
from kova.shared.exceptions import (
    GitHubRefusedError,
    GitHubUnavailableError,
    RepositoryNotFoundError,
)
from kova.shared.repository import RepositoryRef
from tests.github.pulls.conftest import (
    BASE,
    BLOB,
    BRANCH,
    CREATE_PULL,
    CREATE_REF,
    FIX,
    MOVE_REF,
    OLD,
    PAGE,
    PULLS,
    REF,
    REPO,
    SRC,
    TREE,
    UPDATE_PULL,
    allow_moves,
    commit,
    fix,
    json_bytes,
    list_moves,
    list_writes,
    pull_json,
    ref_json,
)


async def test_a_new_branch_gets_a_pull_request(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    github.json(PULLS, [])
    github.json(CREATE_REF, {}, status=201)
    github.json(CREATE_PULL, pull_json(), status=201)

    assert await publisher.pull_request(repository, fix()) == PAGE
    assert list_writes(github) == [CREATE_REF, CREATE_PULL]
    bodies = dict(github.sent("POST"))
    assert bodies[f"{REPO}/git/refs"] == {"ref": f"refs/heads/{BRANCH}", "sha": FIX}
    assert bodies[f"{REPO}/pulls"]["head"] == BRANCH
    assert bodies[f"{REPO}/pulls"]["base"] == "main"


async def test_the_commit_depends_only_on_the_fix(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    github.json(PULLS, [pull_json()])
    github.json(REF, ref_json(FIX))
    files = {"src/run": b"\xff\xfe", "src/a.py": "é\r\n".encode()}

    await publisher.pull_request(repository, fix(files=files))

    bodies = dict(github.sent("POST"))
    tree, commit = bodies[f"{REPO}/git/trees"], bodies[f"{REPO}/git/commits"]
    assert tree["base_tree"] == TREE
    assert tree["tree"] == [
        {"path": "src/a.py", "mode": "100644", "type": "blob", "content": "é\r\n"},
        {"path": "src/run", "mode": "100755", "type": "blob", "sha": OLD},
    ]
    assert base64.b64decode(bodies[f"{REPO}/git/blobs"]["content"]) == b"\xff\xfe"
    assert commit["parents"] == [BASE]
    assert commit["author"] == commit["committer"]
    assert commit["author"]["date"] == "2030-01-02T03:04:05Z"


async def test_a_repetition_writes_nothing_more(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    github.json(PULLS, [pull_json(body="Proved.")])
    github.json(REF, ref_json(FIX))

    assert await publisher.pull_request(repository, fix()) == PAGE
    assert list_writes(github) == []


async def test_a_branch_without_its_pull_request_gets_it(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    github.json(PULLS, [])
    github.json(REF, ref_json(FIX))
    github.json(CREATE_PULL, pull_json(), status=201)

    assert await publisher.pull_request(repository, fix()) == PAGE
    assert list_writes(github) == [CREATE_PULL]


async def test_a_newer_fix_moves_the_branch_and_mends_the_texts(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    github.json(
        PULLS, [pull_json(title="Old", head={"ref": BRANCH, "sha": OLD, "repo": {"id": 1}})]
    )
    github.json(REF, ref_json(OLD))
    github.json(f"{REPO}/git/commits/{OLD}", commit(OLD))
    allow_moves(github)
    github.json(UPDATE_PULL, pull_json())

    assert await publisher.pull_request(repository, fix()) == PAGE
    assert list_writes(github) == [MOVE_REF, UPDATE_PULL]
    move = {"name": f"refs/heads/{BRANCH}", "beforeOid": OLD, "afterOid": FIX, "force": True}
    assert list_moves(github) == [move]
    assert dict(github.sent("PATCH"))[f"{REPO}/pulls/9"]["title"] == "Fix it"


async def test_commits_of_a_person_are_never_overwritten(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    head = {"ref": BRANCH, "sha": OLD, "repo": {"id": 1}}
    github.json(PULLS, [pull_json(head=head)], [])
    github.json(REF, ref_json(OLD))
    github.json(f"{REPO}/git/commits/{OLD}", commit(OLD, email="ada@example.org"))

    for page in (PAGE, None):
        with pytest.raises(GitHubRefusedError, match="somebody else") as caught:
            await publisher.pull_request(repository, fix())
        assert (caught.value.data["refusal"], caught.value.data["url"]) == ("branch_taken", page)
    assert list_writes(github) == []


COMPARED = {"status": "ahead", "files": [{"filename": "src/a.py", "sha": BLOB}]}


@pytest.mark.parametrize(
    ("mine", "moved", "writes"),
    [
        (COMPARED, {"status": "ahead", "files": [{"filename": "b.py", "sha": OLD}]}, []),
        (COMPARED, COMPARED, [MOVE_REF]),
        (COMPARED, {"status": "diverged", "files": []}, [MOVE_REF]),
        (COMPARED, {"status": "ahead", "files": [{"filename": "b.py"}] * 300}, [MOVE_REF]),
        (
            COMPARED,
            {
                "status": "ahead",
                "files": [{"filename": "b.py", "previous_filename": "src/a.py", "sha": OLD}],
            },
            [MOVE_REF],
        ),
        (
            {"status": "ahead", "files": [{"filename": "src/a.py", "sha": OLD}]},
            {"status": "ahead", "files": []},
            [MOVE_REF],
        ),
    ],
)
async def test_a_branch_moves_only_where_its_fixes_or_their_files_changed(
    github: Any,
    publisher: GitHubPublisher,
    repository: RepositoryRef,
    *,
    mine: dict[str, Any],
    moved: dict[str, Any],
    writes: list[str],
) -> None:
    head = {"ref": BRANCH, "sha": OLD, "repo": {"id": 1}}
    github.json(PULLS, [pull_json(head=head)])
    github.json(REF, ref_json(OLD))
    before = "e" * 40
    github.json(f"{REPO}/git/commits/{OLD}", commit(OLD) | {"parents": [{"sha": before}]})
    github.json(f"{REPO}/compare/{before}...{OLD}", mine)
    github.json(f"{REPO}/compare/{before}...{BASE}", moved)
    allow_moves(github)

    assert await publisher.pull_request(repository, fix()) == PAGE
    assert list_writes(github) == writes


async def test_a_base_that_moved_is_left_alone(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    assert await publisher.pull_request(repository, fix(base_sha=OLD)) is None
    assert [method for method, _, _, _ in github.requests] == ["GET"]


async def test_a_base_that_was_deleted_is_left_alone_but_a_lost_repository_is_said(
    script: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    with pytest.raises(RepositoryNotFoundError):
        await publisher.pull_request(repository, fix())
    script.json(REPO, {"id": 1})
    assert await publisher.pull_request(repository, fix()) is None


MERGED = {"state": "closed", "merged_at": "2030-01-01T00:00:00Z"}


async def test_a_change_that_is_merged_meanwhile_is_left_to_the_next_scan(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    main = f"{REPO}/git/ref/heads/main"
    github.answers[main] = []
    github.json(main, ref_json(BASE), ref_json(OLD))
    github.json(PULLS, [pull_json(**MERGED)])
    assert await publisher.pull_request(repository, fix()) is None
    assert list_writes(github) == []


async def test_a_merged_change_is_offered_again_where_the_base_was_set_back(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    github.json(PULLS, [pull_json(**MERGED)])
    github.json(CREATE_REF, {}, status=201)
    github.json(CREATE_PULL, pull_json(), status=201)
    assert await publisher.pull_request(repository, fix()) == PAGE
    assert list_writes(github) == [CREATE_REF, CREATE_PULL]


OTHER_HEAD = {"ref": BRANCH, "sha": OLD, "repo": {"id": 1}}


@pytest.mark.parametrize(
    ("closed", "known", "paths"),
    [
        ({}, {}, {"src/a.py"}),
        ({"head": OTHER_HEAD}, {}, {"src/a.py"}),
        ({"head": OTHER_HEAD}, {"followed": frozenset({9})}, set()),
    ],
    ids=["the same commit", "the same content", "followed"],
)
async def test_what_people_closed_is_not_offered_again(
    github: Any,
    publisher: GitHubPublisher,
    repository: RepositoryRef,
    *,
    closed: dict[str, Any],
    known: dict[str, Any],
    paths: set[str],
) -> None:
    github.json(PULLS, [pull_json(state="closed", **closed), pull_json(number=8, **MERGED)])
    github.json(f"{REPO}/git/commits/{OLD}", commit(OLD) | {"parents": [{"sha": SRC}]})
    github.json(f"{REPO}/compare/{SRC}...{OLD}", COMPARED)
    with pytest.raises(GitHubRefusedError, match="People have closed") as caught:
        await publisher.pull_request(repository, fix(**known))
    assert caught.value.data == {"refusal": "declined", "url": PAGE, "paths": paths}
    assert list_writes(github) == []


@pytest.mark.parametrize(
    ("email", "blob", "known"),
    [
        ("kova@kova.invalid", OLD, {}),
        ("ada@example.org", BLOB, {}),
        (None, BLOB, {}),
        ("kova@kova.invalid", BLOB, {"withdrawn": frozenset({9})}),
    ],
)
async def test_another_change_after_a_closed_one_is_offered(
    github: Any,
    publisher: GitHubPublisher,
    repository: RepositoryRef,
    *,
    email: str | None,
    blob: str,
    known: dict[str, Any],
) -> None:
    github.json(PULLS, [pull_json(state="closed", head=OTHER_HEAD)])
    if email is not None:
        old = commit(OLD, email) | {"parents": [{"sha": SRC}]}
        github.json(f"{REPO}/git/commits/{OLD}", old)
    files = [{"filename": "src/a.py", "sha": blob}]
    github.json(f"{REPO}/compare/{SRC}...{OLD}", {"status": "ahead", "files": files})
    github.json(CREATE_REF, {}, status=201)
    github.json(CREATE_PULL, pull_json(), status=201)

    assert await publisher.pull_request(repository, fix(**known)) == PAGE
    assert list_writes(github) == [CREATE_REF, CREATE_PULL]


async def test_a_pull_request_of_a_fork_is_not_ours(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    head = {"ref": BRANCH, "sha": FIX, "repo": {"id": 2}}
    fork_head = {"ref": BRANCH, "sha": FIX, "repo": None}
    github.json(
        PULLS,
        [pull_json(head=head), pull_json(head=fork_head), pull_json(state="closed", head=head)],
    )
    github.json(REF, ref_json(FIX))
    github.json(CREATE_PULL, pull_json(), status=201)

    assert await publisher.pull_request(repository, fix()) == PAGE
    assert list_writes(github) == [CREATE_PULL]


async def test_one_that_exists_after_all_is_found(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    exists = {"message": "Validation Failed", "errors": [{"message": "already exists"}]}
    github.json(PULLS, [], [pull_json()])
    github.json(CREATE_REF, exists, status=422)
    github.json(REF, {"message": "Not Found"}, {"message": "Not Found"}, status=404)
    github.json(CREATE_PULL, exists, status=422)
    github.answers[REF].append(
        (200, {"content-type": "application/json"}, json_bytes(ref_json(FIX)))
    )

    assert await publisher.pull_request(repository, fix()) == PAGE
    assert list_writes(github) == [CREATE_REF, CREATE_PULL]


async def test_a_create_whose_answer_was_lost_is_looked_for(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    github.json(PULLS, [], [pull_json()])
    github.json(REF, ref_json(FIX))
    github.json(CREATE_PULL, {"message": "Bad gateway"}, status=502)

    assert await publisher.pull_request(repository, fix()) == PAGE
    assert list_writes(github) == [CREATE_PULL]


async def test_a_github_that_stays_broken_is_unavailable(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    github.json(PULLS, [])
    github.json(REF, ref_json(FIX))
    github.json(CREATE_PULL, {"message": "Bad gateway"}, status=502)

    with pytest.raises(GitHubUnavailableError):
        await publisher.pull_request(repository, fix())
    assert len(list_writes(github)) == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"branch": "main"},
        {"branch": "kova"},
        {"branch": "feature/kova/x"},
        {"branch": "kova/../main"},
        {"branch": "kova/"},
        {"branch": "kova/x", "base_branch": "kova/x"},
        {"base_branch": "../x"},
        {"base_sha": "main"},
        {"files": {}},
    ],
)
async def test_only_kovas_own_branches_are_written(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef, changed: dict[str, Any]
) -> None:
    with pytest.raises(GitHubRefusedError):
        await publisher.pull_request(repository, fix(**changed))
    assert github.requests == []


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/ci.yml",
        ".GitHub/x",
        "package-lock.json",
        "web/yarn.lock",
        "Cargo.lock",
        "bun.lockb",
        "go.sum",
        "../x",
        "/x",
        ".git/config",
        "src/link",
        "src/missing.py",
        "src",
        "src/a.py/x",
    ],
)
async def test_what_a_fix_may_not_touch_is_refused(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef, path: str
) -> None:
    with pytest.raises(GitHubRefusedError):
        await publisher.pull_request(repository, fix(files={path: b"x"}))
    assert github.sent("POST") == []


async def test_a_fix_that_changes_nothing_is_refused(
    github: Any, publisher: GitHubPublisher, repository: RepositoryRef
) -> None:
    github.answers[f"POST {REPO}/git/trees"] = []
    github.json(f"POST {REPO}/git/trees", {"sha": TREE}, status=201)

    with pytest.raises(GitHubRefusedError, match="changes nothing"):
        await publisher.pull_request(repository, fix())
    assert list_writes(github) == []
