"""A GitHub that was taken over, or a proxy in its place: each answer is read, or named an outage.

What an outage is called decides whether the work is tried again (kova/shared/retry.py): a traceback
and a refusal that blames the caller would both end it.
"""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kova.adapters.github.client import GitHubClient
from kova.adapters.github.conversation import GitHubConversation
from kova.adapters.github.publisher import GitHubPublisher
from kova.adapters.github.source import GitHubSource
from kova.fixes.publisher import CheckRun
from kova.shared.exceptions import GitHubRefusedError, GitHubUnavailableError
from kova.shared.repository import RepositoryRef
from kova.shared.retry import FailureKind, failure_kind
from tests.github.conftest import ScriptedServer
from tests.github.conftest import connect as connect  # noqa: PLC0414 (a fixture)
from tests.github.conftest import http as http  # noqa: PLC0414
from tests.github.conftest import repository as repository  # noqa: PLC0414
from tests.github.conftest import script as script  # noqa: PLC0414
from tests.github.conftest import serve_script as serve_script  # noqa: PLC0414
from tests.github.conftest import waits as waits  # noqa: PLC0414
from tests.github.pulls.conftest import PAGE, pull_json
from tests.github.test_tree import COMMIT, TREES, blob, listing

REPO = "/repos/octo/sample"
DETAILS = {"id": 1, "full_name": "octo/sample", "default_branch": "main"}
LISTED = {**blob("a.py"), "path": ".kova.toml"}
Connect = Callable[..., GitHubClient]
Ask = Callable[[GitHubClient, RepositoryRef], Awaitable[object]]


async def describe(client: GitHubClient, repository: RepositoryRef) -> object:
    return await GitHubSource(client).repository(repository)


async def compare(client: GitHubClient, repository: RepositoryRef) -> object:
    return await GitHubSource(client).compare(repository, "main", COMMIT)


async def ask_permission(client: GitHubClient, repository: RepositoryRef) -> object:
    return await GitHubConversation(client).permission(repository, "octocat")


async def publish_check(client: GitHubClient, repository: RepositoryRef) -> object:
    run = CheckRun(
        commit_sha=COMMIT,
        external_id="1",
        conclusion="success",
        title="t",
        summary="s",
        annotations=(),
    )
    return await GitHubPublisher(client).check_run(repository, run)


CHECK_RUNS = f"GET {REPO}/commits/{COMMIT}/check-runs"
MISCOUNTED = {"id": 3, "external_id": "1", "output": {"annotations_count": True}}
OLD_RUN = {"id": 3, "external_id": "1", "output": {"annotations_count": 0}}


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param((describe, REPO, DETAILS | {"full_name": "octo/.."}), id="name-climbs"),
        pytest.param((describe, REPO, DETAILS | {"full_name": "octo/*"}), id="name-means-all"),
        pytest.param((describe, REPO, DETAILS | {"full_name": "octo/a\n"}), id="name-ends-a-line"),
        pytest.param((describe, REPO, DETAILS | {"default_branch": "a..b"}), id="branch-is-no-ref"),
        pytest.param(
            (describe, REPO, DETAILS | {"default_branch": ["main"]}), id="branch-is-a-list"
        ),
        pytest.param(
            (compare, f"{REPO}/compare/main...{COMMIT}", {"files": []}), id="no-merge-base"
        ),
        pytest.param(
            (
                compare,
                f"{REPO}/compare/main...{COMMIT}",
                {"merge_base_commit": {"sha": COMMIT}, "files": {"a.py": 1}},
            ),
            id="files-by-name",
        ),
        pytest.param(
            (ask_permission, f"{REPO}/collaborators/octocat/permission", {"permission": ["admin"]}),
            id="permission-in-a-list",
        ),
        pytest.param((publish_check, CHECK_RUNS, {"check_runs": {}}), id="check-runs-are-no-list"),
        pytest.param(
            (publish_check, CHECK_RUNS, {"check_runs": [{**OLD_RUN, "id": -3}]}),
            id="run-id-negative",
        ),
        pytest.param(
            (publish_check, CHECK_RUNS, {"check_runs": [MISCOUNTED]}), id="count-is-a-bool"
        ),
    ],
)
async def test_a_field_that_cannot_be_used_is_an_outage_that_is_waited_for(
    script: ScriptedServer,
    connect: Connect,
    repository: RepositoryRef,
    attack: tuple[Ask, str, Any],
) -> None:
    ask, path, answer = attack
    script.json(path, answer)
    script.json(f"PATCH {REPO}/check-runs/3", MISCOUNTED)
    with pytest.raises(GitHubUnavailableError) as caught:
        await ask(connect(script.url), repository)
    assert failure_kind(caught.value) is FailureKind.OUTAGE


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"mode": ["100644"]}, id="mode-is-a-list"),
        pytest.param({"mode": {"a": 1}}, id="mode-is-an-object"),
        pytest.param({"size": True}, id="size-is-a-bool"),
        pytest.param({"size": 2**63}, id="size-beyond-bigint"),
        pytest.param({"size": 3.0}, id="size-is-a-float"),
        pytest.param({"sha": "A" * 40}, id="sha-in-capitals"),
    ],
)
async def test_one_odd_entry_is_skipped_and_the_tree_is_read(
    script: ScriptedServer, connect: Connect, repository: RepositoryRef, odd: dict[str, Any]
) -> None:
    script.json(TREES + COMMIT, listing(blob("odd.py") | odd, blob("good.py")))
    tree = await GitHubSource(connect(script.url)).tree(repository, COMMIT)
    assert [file.path for file in tree.files] == ["good.py"]
    assert [(skip.path, skip.reason) for skip in tree.skipped] == [("odd.py", "malformed_entry")]


@pytest.mark.parametrize(
    ("file", "renamed"),
    [
        pytest.param({"filename": "b.py", "status": ["removed"]}, {}, id="status-is-a-list"),
        pytest.param({"filename": "b.py", "status": {}}, {}, id="status-is-an-object"),
        pytest.param(
            {"filename": "b.py", "status": "renamed", "previous_filename": ["a.py"]},
            {},
            id="former-name-is-a-list",
        ),
    ],
)
async def test_an_odd_file_of_a_comparison_counts_as_changed(
    script: ScriptedServer,
    connect: Connect,
    repository: RepositoryRef,
    file: dict[str, Any],
    renamed: dict[str, str],
) -> None:
    files = [file, {"filename": 5}, {"filename": "a.py", "status": "modified"}]
    script.json(
        f"{REPO}/compare/main...{COMMIT}", {"merge_base_commit": {"sha": COMMIT}, "files": files}
    )
    comparison = await GitHubSource(connect(script.url)).compare(repository, "main", COMMIT)
    assert comparison.changed == {"a.py", "b.py"}
    assert comparison.renamed == renamed


@pytest.mark.parametrize(
    ("odd", "expected"),
    [
        pytest.param({"mode": [1]}, None, id="mode-is-a-list"),
        pytest.param({"size": True}, None, id="size-is-a-bool"),
        pytest.param({"size": -1}, None, id="size-is-negative"),
        pytest.param({"size": 10**18}, b"\0" * 11, id="size-is-an-exabyte"),
    ],
)
async def test_settings_that_github_describes_oddly_are_none_or_too_large(
    script: ScriptedServer,
    connect: Connect,
    repository: RepositoryRef,
    odd: dict[str, Any],
    expected: bytes | None,
) -> None:
    script.json(TREES + COMMIT, listing(LISTED | odd))
    source = GitHubSource(connect(script.url))
    assert await source.root_file(repository, COMMIT, ".kova.toml", 10) == expected
    assert not [path for path in script.paths() if "blobs" in path]


@pytest.mark.parametrize(
    ("field", "text"),
    [
        pytest.param("body", "fine \ud800 text", id="surrogate-in-the-text"),
        pytest.param("title", "nul \0", id="nul-in-the-title"),
    ],
)
async def test_a_pull_request_s_texts_can_be_stored_and_sent(
    script: ScriptedServer, connect: Connect, repository: RepositoryRef, field: str, text: str
) -> None:
    script.json(
        f"{REPO}/pulls/9",
        {**pull_json(**{field: text}), "base": {"sha": COMMIT}, "head": {"sha": COMMIT}},
    )
    pull = await GitHubSource(connect(script.url)).pull_request(repository, 9)
    assert not set("\0\ud800") & set(pull.title + pull.body)


async def test_a_surrogate_in_a_pull_request_does_not_keep_it_from_being_withdrawn(
    script: ScriptedServer, connect: Connect, repository: RepositoryRef
) -> None:
    script.json(f"GET {REPO}/pulls/9", pull_json(body="\ud800"))
    script.json(f"PATCH {REPO}/pulls/9", {})
    script.json(f"POST {REPO}/issues/9/comments", {})
    publisher = GitHubPublisher(connect(script.url))
    pull = await publisher.find_pull(repository, PAGE)
    assert pull is not None
    await publisher.withdraw(repository, pull, "Not needed any more.")
    assert [path for path, _ in script.sent("PATCH")] == [f"{REPO}/pulls/9"]


@pytest.mark.parametrize(
    "errors",
    [
        pytest.param([{"type": ["NOT_FOUND"]}], id="type-is-a-list"),
        pytest.param([{"type": {}, "message": {"a": 1}}], id="type-is-an-object"),
        pytest.param([{"message": "\ud800\0"}], id="message-cannot-be-stored"),
    ],
)
async def test_an_odd_error_of_graphql_is_a_refusal(
    script: ScriptedServer, connect: Connect, repository: RepositoryRef, errors: Any
) -> None:
    script.json("/graphql", {"errors": errors})
    with pytest.raises(GitHubRefusedError) as caught:
        await connect(script.url).graphql(repository, "mutation", {})
    caught.value.message.encode()


BOMB = gzip.compress(gzip.compress(b" " * 100_000_000, 1), 1)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        pytest.param("gzip, gzip", BOMB, id="packed-twice"),
        pytest.param("gzip", gzip.compress(b" " * 100_000_000, 1), id="packed-a-thousandfold"),
        pytest.param("deflate", zlib.compress(b" " * 100_000_000, 1), id="deflated"),
    ],
)
async def test_a_packed_answer_unfolds_no_further_than_its_limit(
    script: ScriptedServer, connect: Connect, repository: RepositoryRef, encoding: str, body: bytes
) -> None:
    script.raw(REPO, body, content_encoding=encoding)
    client = connect(script.url)
    tracemalloc.start()
    with pytest.raises((GitHubRefusedError, GitHubUnavailableError)):
        await client.get(repository, "", limit=10_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


@pytest.mark.parametrize("value", [b"[],", b"{},", b'{"":0},', b"0,"], ids=repr)
async def test_millions_of_values_are_refused_before_they_take_memory(
    script: ScriptedServer, connect: Connect, repository: RepositoryRef, value: bytes
) -> None:
    body = b'{"tree": [' + value * (6_000_000 // len(value)) + b"0]}"
    script.raw(TREES + COMMIT, body)
    source = GitHubSource(connect(script.url))
    tracemalloc.start()
    with pytest.raises(GitHubUnavailableError):
        await source.tree(repository, COMMIT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * len(body)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param({"content_encoding": "gzip"}, gzip.compress(b"{}")[:-9], id="gzip-is-cut"),
        pytest.param({"content_encoding": "gzip"}, b"{}", id="gzip-is-none"),
        pytest.param({"content_encoding": "br"}, b"{}", id="packed-as-nobody-asked"),
        pytest.param({}, b'{"id": NaN, "full_name": "o/r"}', id="nan"),
        pytest.param({}, b'{"id": ' + b"9" * 5_000 + b"}", id="number-of-5000-digits"),
        pytest.param({}, '{"id": 1}'.encode("utf-16"), id="utf-16"),
        pytest.param({}, b"\xef\xbb\xbf{}\0", id="nul-behind-it"),
        pytest.param({"content_type": "image/png"}, b'{"id": 1}', id="called-a-picture"),
        pytest.param({"content_type": "text/html"}, b'{"id": 1}', id="called-a-page"),
    ],
)
async def test_a_body_that_is_not_json_as_github_writes_it_is_an_outage(
    script: ScriptedServer,
    connect: Connect,
    repository: RepositoryRef,
    headers: dict[str, Any],
    body: bytes,
) -> None:
    script.raw(REPO, body, **headers)
    with pytest.raises(GitHubUnavailableError):
        await describe(connect(script.url), repository)
