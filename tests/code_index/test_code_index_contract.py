"""One suite for the code index in Postgres and its twin in memory."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from kova.code_index.ports import Chunk, CodeIndex, IndexedFile
from tests.support.stores import AllStores, new_repository

CHUNKS = [
    Chunk(
        blob_sha="a" * 40,
        path="auth/login.py",
        name="authenticate_user",
        start_line=3,
        text="def authenticate_user(name, password):\n    return check(name, password)",
    ),
    Chunk(
        blob_sha="a" * 40,
        path="auth/login.py",
        name="check",
        start_line=8,
        text="def check(name, password):\n    return users[name].password == password",
    ),
    Chunk(
        blob_sha="b" * 40,
        path="net/retry.py",
        name="retry_request",
        start_line=1,
        text="def retry_request(call, times):\n    for _ in range(times):\n        call()",
    ),
    Chunk(
        blob_sha="c" * 40,
        path="web/page.js",
        name="renderPage",
        start_line=1,
        text="function renderPage(template) {\n  return template({})\n}",
    ),
]
FILES = [
    IndexedFile(path="auth/login.py", blob_sha="a" * 40),
    IndexedFile(path="net/retry.py", blob_sha="b" * 40),
    IndexedFile(path="web/page.js", blob_sha="c" * 40),
]


@dataclass
class Indexed:
    index: CodeIndex
    repository: str
    other: str

    async def fill(self) -> None:
        await self.index.add(self.repository, CHUNKS)
        await self.index.keep(self.repository, FILES)

    async def names(self, query: str, limit: int = 10) -> list[str]:
        chunks = await self.index.search(self.repository, query, limit)
        return [chunk.name for chunk in chunks]


@pytest.fixture
async def indexed(stores: AllStores) -> Indexed:
    ids = [(await new_repository(stores, f"octo/r{number}")).id for number in (1, 2)]
    return Indexed(stores.code_index, *ids)


async def test_blobs_are_missing_until_their_chunks_were_added(indexed: Indexed) -> None:
    missing = await indexed.index.missing(indexed.repository, FILES)
    assert missing == {file.blob_sha for file in FILES}
    await indexed.index.add(indexed.repository, CHUNKS[:2])
    assert await indexed.index.missing(indexed.repository, FILES) == {"b" * 40, "c" * 40}
    assert await indexed.index.missing(indexed.repository, []) == frozenset()


async def test_a_file_without_chunks_is_indexed_once_it_was_kept(indexed: Indexed) -> None:
    empty = IndexedFile(path="empty.py", blob_sha="e" * 40)
    assert await indexed.index.missing(indexed.repository, [empty]) == {"e" * 40}
    await indexed.index.keep(indexed.repository, [empty])
    assert await indexed.index.missing(indexed.repository, [empty]) == frozenset()


async def test_a_question_finds_its_chunk_whole(indexed: Indexed) -> None:
    await indexed.fill()
    (first, *_) = await indexed.index.search(indexed.repository, "retry a failed request", 3)
    assert first == CHUNKS[2]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("how is a user authenticated?", ["authenticate_user"]),
        ("authentication", ["authenticate_user"]),
        ("checks the password of a user", ["check", "authenticate_user"]),
        ("password authenticator", ["authenticate_user", "check"]),
        ("render the template of a page", ["renderPage"]),
        ("RETRY times", ["retry_request"]),
        ("zebra", []),
        ("", []),
        ("the of and", []),
        ("\0\ud800 retry", ["retry_request"]),
    ],
)
async def test_chunks_are_ranked_by_their_words_and_names(
    indexed: Indexed, query: str, names: list[str]
) -> None:
    await indexed.fill()
    assert (await indexed.names(query))[: len(names) or 10] == names


async def test_no_more_chunks_than_the_limit_are_returned(indexed: Indexed) -> None:
    await indexed.fill()
    assert len(await indexed.names("name password check", 1)) == 1
    assert len(await indexed.names("name password check")) > 1


async def test_adding_chunks_again_changes_nothing(indexed: Indexed) -> None:
    await indexed.fill()
    before = await indexed.names("password retry template")
    await indexed.fill()
    assert await indexed.names("password retry template") == before
    assert len(before) == len(set(before)) == 4


async def test_chunks_of_files_that_are_not_kept_are_deleted(indexed: Indexed) -> None:
    await indexed.fill()
    await indexed.index.keep(indexed.repository, FILES[:1])
    assert set(await indexed.names("retry request template")) <= {"authenticate_user", "check"}
    assert await indexed.index.missing(indexed.repository, FILES) == {"b" * 40, "c" * 40}


async def test_a_renamed_file_keeps_its_chunks_under_the_new_path(indexed: Indexed) -> None:
    await indexed.fill()
    renamed = IndexedFile(path="net/again.py", blob_sha="b" * 40)
    await indexed.index.keep(indexed.repository, [renamed])
    assert await indexed.index.missing(indexed.repository, [renamed]) == frozenset()
    (first,) = await indexed.index.search(indexed.repository, "retry", 3)
    assert (first.path, first.name) == ("net/again.py", "retry_request")


async def test_a_changed_file_has_the_chunks_of_its_new_blob_alone(indexed: Indexed) -> None:
    await indexed.fill()
    changed = Chunk(
        blob_sha="d" * 40, path="net/retry.py", name="resend", start_line=1, text="def resend():"
    )
    await indexed.index.add(indexed.repository, [changed])
    await indexed.index.keep(
        indexed.repository, [FILES[0], IndexedFile(path="net/retry.py", blob_sha="d" * 40)]
    )
    assert await indexed.names("retry request resend") == ["resend"]


async def test_a_blob_at_two_paths_is_shown_once_at_the_first(indexed: Indexed) -> None:
    await indexed.fill()
    copies = [*FILES, IndexedFile(path="a/copy.py", blob_sha="b" * 40)]
    await indexed.index.keep(indexed.repository, copies)
    found = await indexed.index.search(indexed.repository, "retry", 9)
    assert [chunk.path for chunk in found if chunk.blob_sha == "b" * 40] == ["a/copy.py"]


async def test_chunks_are_not_found_before_their_file_is_kept(indexed: Indexed) -> None:
    await indexed.index.add(indexed.repository, CHUNKS)
    assert await indexed.names("retry request") == []


async def test_repositories_do_not_see_each_other(indexed: Indexed) -> None:
    await indexed.fill()
    assert await indexed.index.search(indexed.other, "retry request", 5) == ()
    await indexed.index.keep(indexed.other, [])
    assert (await indexed.names("retry request"))[0] == "retry_request"


async def test_text_that_cannot_be_stored_is_cleaned(indexed: Indexed) -> None:
    odd = Chunk(
        blob_sha="f" * 40, path="odd\0.py", name="odd\0", start_line=1, text="odd = '\0\ud800'"
    )
    await indexed.index.add(indexed.repository, [odd])
    await indexed.index.keep(indexed.repository, [IndexedFile(path="odd\0.py", blob_sha="f" * 40)])
    (first,) = await indexed.index.search(indexed.repository, "odd", 1)
    assert (first.path, first.name, first.text) == (
        "odd\ufffd.py",
        "odd\ufffd",
        "odd = '\ufffd\ufffd'",
    )
