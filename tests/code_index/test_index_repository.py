"""The code of the default branch is indexed after a scan, and never holds the scan up."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kova.adapters.memory.code_index import MemoryCodeIndex
from kova.adapters.memory.database import MemoryDatabase
from kova.adapters.memory.repositories import MemoryRepositoryStore
from kova.code_index.index_repository import (
    IndexRepository,
    blob_sha,
    chunks_of,
    fill,
    list_files,
)
from kova.code_index.ports import IndexedFile
from kova.scans.scan import ScanTarget, Trigger
from kova.shared.code_source import FetchLimits
from kova.shared.repository import Repository, RepositoryInfo
from tests.support.stand_ins import StandInSource, tree_files
from tests.support.virtual_time import run_in_virtual_time

COMMIT = "a" * 40
FILES = {
    "auth.py": b"def authenticate(user):\n    return user\n",
    "net/retry.py": b"def retry_request(call):\n    return call()\n",
    "data.json": b"{}",
    "empty.py": b"",
}
INFO = RepositoryInfo(
    full_name="octo/sample", github_id=7, installation_id=3, default_branch="main", private=True
)
PUSH = ScanTarget(
    repository="octo/sample", trigger=Trigger.PUSH, ref="refs/heads/main", commit_sha=COMMIT
)


@dataclass
class Shelf:
    """The use case with its twins; `folder` holds what the scan fetched."""

    folder: Path
    repository: Repository

    def __post_init__(self) -> None:
        self.store = MemoryCodeIndex()
        self.source = StandInSource(info=INFO, commits={COMMIT: FILES}, refs={"main": COMMIT})
        self.use_case = IndexRepository(self.store, source=self.source, limits=FetchLimits())

    async def index(
        self, files: Mapping[str, bytes] = FILES, target: ScanTarget = PUSH, *, fetch: bool = False
    ) -> None:
        self.source.commits[COMMIT] = files
        if fetch:
            self.write(files)
        await self.use_case.index(self.repository, target, self.folder, tree_files(files))

    def write(self, files: Mapping[str, bytes]) -> None:
        for path, content in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_bytes(content)

    async def names(self, query: str = "authenticate retry request") -> set[str]:
        chunks = await self.store.search(self.repository.id, query, 20)
        return {chunk.name for chunk in chunks}


@pytest.fixture
async def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path, await MemoryRepositoryStore(MemoryDatabase()).save(INFO))


@pytest.mark.parametrize("ref", ["main", "refs/heads/main"])
async def test_code_of_the_default_branch_is_indexed_and_data_is_not(
    shelf: Shelf, ref: str
) -> None:
    await shelf.index(target=replace(PUSH, ref=ref), fetch=True)
    assert await shelf.names() == {"authenticate", "retry_request"}
    assert shelf.source.downloads == [()]


@pytest.mark.parametrize(
    "target",
    [
        replace(PUSH, ref="refs/heads/topic"),
        replace(PUSH, ref="refs/tags/main"),
        replace(PUSH, ref=None),
        replace(PUSH, ref="refs/heads/main", pull_request=5),
    ],
)
async def test_other_commits_are_ignored(shelf: Shelf, target: ScanTarget) -> None:
    await shelf.index(target=target, fetch=True)
    assert await shelf.names() == set()
    assert shelf.source.downloads == []


async def test_files_that_the_scan_did_not_fetch_are_downloaded(shelf: Shelf) -> None:
    shelf.write({"auth.py": FILES["auth.py"]})
    await shelf.index()
    assert shelf.source.downloads == [("empty.py", "net/retry.py")]
    assert await shelf.names() == {"authenticate", "retry_request"}


async def test_files_that_are_indexed_are_not_downloaded_again(shelf: Shelf) -> None:
    await shelf.index(fetch=True)
    for path in FILES:
        (shelf.folder / path).unlink()
    await shelf.index()
    assert shelf.source.downloads[-1] == ()
    assert await shelf.names() == {"authenticate", "retry_request"}


async def test_a_deleted_or_changed_file_loses_its_chunks(shelf: Shelf) -> None:
    await shelf.index(fetch=True)
    await shelf.index({"auth.py": b"def verify(token):\n    return token\n"}, fetch=True)
    assert await shelf.names("authenticate verify retry request") == {"verify"}


async def test_a_file_that_cannot_be_downloaded_is_left_to_a_later_scan(shelf: Shelf) -> None:
    shelf.source.absent = frozenset({"auth.py"})
    await shelf.index()
    assert await shelf.names() == {"retry_request"}
    shelf.source.absent = frozenset()
    await shelf.index()
    assert await shelf.names() == {"authenticate", "retry_request"}


@pytest.mark.parametrize("service", ["index", "github"])
async def test_an_outage_is_logged_and_does_not_fail_the_scan(
    shelf: Shelf, service: str, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.store.available = service != "index"
    shelf.source.available = service != "github"
    with caplog.at_level(logging.WARNING, "kova.index"):
        await shelf.index()
    assert [record.getMessage() for record in caplog.records] == ["repository not indexed"]
    shelf.store.available = shelf.source.available = True
    await shelf.index()
    assert await shelf.names() == {"authenticate", "retry_request"}


def test_a_download_that_hangs_is_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def index() -> None:
        shelf = Shelf(tmp_path, await MemoryRepositoryStore(MemoryDatabase()).save(INFO))
        shelf.source.hangs = True
        await shelf.index()

    with caplog.at_level(logging.WARNING, "kova.index"):
        run_in_virtual_time(index())
    assert [record.__dict__["error"] for record in caplog.records] == ["TimeoutError"]


async def test_many_chunks_are_added_in_batches_and_one_that_ends_early_goes_on(
    shelf: Shelf,
) -> None:
    files = {f"f{number:03}.py": f"def f{number:03}(): pass\n".encode() for number in range(450)}
    shelf.write(files)
    indexed = list_files(shelf.folder, files)
    await fill(shelf.store, shelf.repository.id, shelf.folder, indexed[:210])
    missing = await shelf.store.missing(shelf.repository.id, indexed)
    assert len(missing) == 240
    await fill(shelf.store, shelf.repository.id, shelf.folder, indexed)
    assert await shelf.store.missing(shelf.repository.id, indexed) == frozenset()
    found = await shelf.store.search(shelf.repository.id, "f449 f000", 500)
    assert {"f449", "f000"} <= {chunk.name for chunk in found}


def test_blobs_have_the_ids_that_git_gives_them() -> None:
    assert blob_sha(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert blob_sha(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_chunks_hold_no_secrets_and_binary_files_have_none(tmp_path: Path) -> None:
    token = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
    (tmp_path / "a.py").write_text(f"def token():\n    return '{token}'\n")
    (tmp_path / "b.py").write_bytes(b"\0\1\2")
    (chunk,) = chunks_of(tmp_path, IndexedFile(path="a.py", blob_sha="1" * 40))
    assert chunk.text == "def token():\n    return '[redacted]'"
    assert chunks_of(tmp_path, IndexedFile(path="b.py", blob_sha="2" * 40)) == []
    assert chunks_of(tmp_path, IndexedFile(path="gone.py", blob_sha="3" * 40)) == []
