from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from kova.adapters.github import download as module
from kova.adapters.github.client import GitHubClient
from kova.adapters.github.source import GitHubSource
from kova.shared.code_source import FetchLimits, TreeFile
from kova.shared.exceptions import GitHubUnavailableError, RepositoryNotFoundError
from kova.shared.repository import RepositoryRef
from kova.shared.skipped import Skipped

Connect = Callable[..., GitHubClient]
REPO = "/repos/octo/sample"
COMMIT = "c" * 40
TARBALL = f"{REPO}/tarball/{COMMIT}"
BY_TARBALL = FetchLimits(blobs_instead_of_tarball=0)


def tree_file(path: str, content: bytes) -> TreeFile:
    blob = b"blob %d\0" % len(content) + content
    return TreeFile(path=path, sha=hashlib.sha1(blob).hexdigest(), size=len(content))  # noqa: S324


def tarball(**files: bytes) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"octo-sample-abc/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return raw.getvalue()


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture
def source(script: Any, connect: Connect) -> GitHubSource:
    return GitHubSource(connect(script.url))


@pytest.fixture
def give_blob(script: Any) -> Callable[..., TreeFile]:
    def give(path: str, content: bytes, **options: Any) -> TreeFile:
        file = tree_file(path, content)
        shown = base64.encodebytes(content).decode()
        script.json(
            f"{REPO}/git/blobs/{file.sha}",
            {"content": shown, "encoding": "base64", "message": "no"},
            **options,
        )
        return file

    return give


@pytest.fixture
def fetch(source: GitHubSource, repository: RepositoryRef, tmp_path: Path) -> Callable[..., Any]:
    async def run(
        files: Sequence[TreeFile], limits: FetchLimits = BY_TARBALL
    ) -> tuple[Skipped, ...]:
        return await source.download(repository, COMMIT, files, tmp_path, limits)

    return run


async def test_few_files_come_as_blobs(
    script: Any, give_blob: Callable[..., TreeFile], fetch: Callable[..., Any], tmp_path: Path
) -> None:
    files = [give_blob("a.py", b"a" * 200), give_blob("d/b.bin", bytes(range(256)))]

    assert await fetch(files, FetchLimits()) == ()
    assert (tmp_path / "a.py").read_bytes() == b"a" * 200
    assert (tmp_path / "d/b.bin").read_bytes() == bytes(range(256))
    assert TARBALL not in script.paths()


async def test_many_files_come_as_the_tarball(
    script: Any, fetch: Callable[..., Any], tmp_path: Path
) -> None:
    script.raw(TARBALL, status=302, location=f"{script.url}/codeload")
    script.raw(
        "/codeload", tarball(**{"a.py": b"a", "other": b"o"}), content_type="application/x-gzip"
    )

    assert await fetch([tree_file("a.py", b"a")]) == ()
    assert names_in(tmp_path) == ["a.py"]
    assert script.requests[1][2]["accept-encoding"] == "identity"


async def test_what_the_archive_alters_or_leaves_out_is_fetched_as_a_blob(
    script: Any, give_blob: Callable[..., TreeFile], fetch: Callable[..., Any], tmp_path: Path
) -> None:
    script.raw(TARBALL, tarball(version=b"$Id: expanded$"))
    files = [give_blob("version", b"$Id$"), give_blob("left_out", b"here")]

    assert await fetch(files) == ()
    assert (tmp_path / "version").read_bytes() == b"$Id$"
    assert (tmp_path / "left_out").read_bytes() == b"here"


async def test_beyond_a_bound_what_the_archive_lacks_is_skipped(
    script: Any, fetch: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOBS_AFTER_ARCHIVE", 0)
    script.raw(TARBALL, tarball(version=b"$Id: expanded$"))

    skipped = await fetch([tree_file("version", b"$Id$"), tree_file("left_out", b"here")])

    assert set(skipped) == {
        Skipped(path="version", reason="changed_in_archive"),
        Skipped(path="left_out", reason="missing_in_archive"),
    }


async def test_an_archive_that_is_broken_is_completed_by_blobs(
    script: Any, give_blob: Callable[..., TreeFile], fetch: Callable[..., Any]
) -> None:
    script.raw(TARBALL, tarball(a=b"a", b=b"b")[:-30])

    assert await fetch([give_blob("a", b"a"), give_blob("b", b"b")]) == ()


async def test_a_broken_archive_with_much_missing_is_githubs_failure(
    script: Any, fetch: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOBS_AFTER_ARCHIVE", 0)
    script.raw(TARBALL, b"<html>")

    with pytest.raises(GitHubUnavailableError):
        await fetch([tree_file("a", b"a")])


async def test_an_archive_over_the_cap_is_not_kept(
    script: Any, fetch: Callable[..., Any], tmp_path: Path
) -> None:
    script.raw(TARBALL, tarball(a=b"a") + b"\0" * 10_000)
    limits = FetchLimits(blobs_instead_of_tarball=0, total_bytes=5_000)

    skipped = await fetch([tree_file("a", b"a")], limits)

    assert [file.reason for file in skipped] == ["fetch_failed"]
    assert names_in(tmp_path) == []


async def test_a_blob_that_is_not_what_the_tree_says_is_skipped(
    script: Any, fetch: Callable[..., Any], tmp_path: Path
) -> None:
    file = tree_file("a.py", b"right")
    script.json(
        f"{REPO}/git/blobs/{file.sha}",
        {"content": base64.b64encode(b"wrong").decode(), "encoding": "base64"},
    )

    assert await fetch([file], FetchLimits()) == (Skipped(path="a.py", reason="fetch_failed"),)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("status", [403, 404, 422])
async def test_a_blob_that_is_refused_is_skipped_and_the_others_are_there(
    give_blob: Callable[..., TreeFile], fetch: Callable[..., Any], status: int
) -> None:
    files = [give_blob("a", b"a", status=status), give_blob("b", b"b")]

    skipped = await fetch(files, FetchLimits())

    assert skipped == (Skipped(path="a", reason="fetch_failed"),)


async def test_a_blob_of_another_size_is_not_read_to_its_end(
    script: Any, fetch: Callable[..., Any]
) -> None:
    file = tree_file("a", b"a")
    bomb = gzip.compress(b'{"content": "' + b"A" * 3_000_000 + b'"}')
    script.raw(f"{REPO}/git/blobs/{file.sha}", bomb, content_encoding="gzip")

    assert await fetch([file], FetchLimits()) == (Skipped(path="a", reason="fetch_failed"),)


@pytest.mark.parametrize(
    "body", [{}, {"content": "ab", "encoding": "utf-8"}, {"content": "a", "encoding": "base64"}]
)
async def test_a_blob_that_cannot_be_read_is_githubs_failure(
    script: Any, fetch: Callable[..., Any], body: Any
) -> None:
    file = tree_file("a", b"a")
    script.json(f"{REPO}/git/blobs/{file.sha}", body)

    with pytest.raises(GitHubUnavailableError):
        await fetch([file], FetchLimits())


@pytest.mark.parametrize("blobs", [0, 20])
async def test_time_that_is_up_is_said_for_every_file(
    script: Any, fetch: Callable[..., Any], blobs: int
) -> None:
    limits = FetchLimits(seconds=0.0, blobs_instead_of_tarball=blobs)
    files = [tree_file("a", b"a"), tree_file("b", b"b")]

    assert {file.reason for file in await fetch(files, limits)} == {"time_limit"}


async def test_limits_and_unsafe_names_are_kept_whoever_asks(
    script: Any, fetch: Callable[..., Any], tmp_path: Path
) -> None:
    files = [tree_file("../out", b"x"), tree_file("big", b"x" * 50)]

    assert set(await fetch(files, FetchLimits(file_bytes=10))) == {
        Skipped(path="../out", reason="unsafe_path"),
        Skipped(path="big", reason="too_large"),
    }
    assert not (tmp_path.parent / "out").exists()


async def test_nothing_wanted_asks_for_nothing(script: Any, fetch: Callable[..., Any]) -> None:
    assert await fetch([], BY_TARBALL) == ()
    assert script.requests == []


def comparison_json(*files: dict[str, Any]) -> dict[str, Any]:
    return {"merge_base_commit": {"sha": "b" * 40}, "files": list(files)}


async def test_a_comparison_names_what_is_new_at_the_head(
    script: Any, source: GitHubSource, repository: RepositoryRef
) -> None:
    script.json(
        f"{REPO}/compare/main...{COMMIT}",
        comparison_json(
            {"filename": "new", "status": "added"},
            {"filename": "old", "status": "modified"},
            {"filename": "gone", "status": "removed"},
            {"filename": "to", "status": "renamed", "previous_filename": "from"},
            {"filename": "copy", "status": "copied", "previous_filename": "old"},
        ),
    )

    result = await source.compare(repository, "main", COMMIT)

    assert result.merge_base_sha == "b" * 40
    assert result.changed == {"new", "old", "to", "copy"}
    assert result.renamed == {"to": "from"}
    assert result.complete


async def test_a_comparison_of_300_files_may_have_more(
    script: Any, source: GitHubSource, repository: RepositoryRef
) -> None:
    files = [{"filename": f"f{number}", "status": "added"} for number in range(300)]
    script.json(f"{REPO}/compare/main...{COMMIT}", comparison_json(*files))

    assert not (await source.compare(repository, "main", COMMIT)).complete


async def test_a_pull_request_of_more_files_is_listed_by_its_own_pages(
    script: Any, source: GitHubSource, repository: RepositoryRef
) -> None:
    files = [{"filename": f"f{number:03}", "status": "added"} for number in range(360)]
    script.json(f"{REPO}/compare/main...{COMMIT}", comparison_json(*files[:300]))
    script.json(f"{REPO}/pulls/7/files", files)

    result = await source.compare(repository, "main", COMMIT, pull_request=7)

    assert result.changed == result.added == {file["filename"] for file in files}
    assert result.complete


@pytest.mark.parametrize("status", [404, 409, 422])
async def test_a_ref_that_is_not_there_is_not_found(
    script: Any, source: GitHubSource, repository: RepositoryRef, status: int
) -> None:
    script.json(f"{REPO}/commits/nothing", {"message": "No commit found"}, status=status)

    with pytest.raises(RepositoryNotFoundError):
        await source.resolve(repository, "nothing")


@pytest.mark.parametrize("ref", ["", "../x", "a b", "a..b", "x?y", "-x", "a\0b"])
async def test_what_git_does_not_allow_as_a_ref_is_never_asked(
    script: Any, source: GitHubSource, repository: RepositoryRef, ref: str
) -> None:
    with pytest.raises(RepositoryNotFoundError):
        await source.resolve(repository, ref)
    assert script.requests == []


async def test_an_odd_branch_is_quoted(
    script: Any, source: GitHubSource, repository: RepositoryRef
) -> None:
    script.json(f"{REPO}/commits/heads/a%23b%25c/%C3%A9?per_page=1", {"sha": COMMIT})

    assert await source.resolve(repository, "refs/heads/a#b%c/é") == COMMIT
