"""The code index: one contract over Postgres's ranking and over Pinecone's vectors."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from kova.adapters.embeddings import OpenAIEmbeddings
from kova.adapters.openai import openai_client
from kova.adapters.pinecone import PineconeVectors, pinecone_client
from kova.adapters.postgres.code_index import PostgresCodeIndex
from kova.adapters.postgres.pool import Database
from kova.adapters.vector_index import VectorCodeIndex
from kova.code_index.chunks import cut_file, is_indexed
from kova.code_index.index_repository import blob_sha, fill, list_files
from kova.code_index.ports import CodeIndex
from kova.code_index.terms import terms
from kova.shared.exceptions import IndexUnavailableError
from kova_fakes.openai.server import FakeOpenAI
from kova_fakes.pinecone import FakePinecone, serve_pinecone
from tests.commands.conftest import Ai

FILES = {
    "auth/login.py": b"def authenticate_user(name, password):\n    return check(name, password)\n",
    "net/retry.py": b"def retry_request(call, times):\n    for _ in range(times):\n        call()\n",
    "web/page.js": b"export function renderPage(template) {\n  return template({});\n}\n",
}


@pytest.fixture
def pinecone() -> Iterator[FakePinecone]:
    with serve_pinecone() as fake:
        yield fake


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def repositories(database_url: str) -> tuple[str, str]:
    ids = (str(uuid.uuid4()), str(uuid.uuid4()))
    with psycopg.connect(database_url) as connection:
        for number, repository_id in enumerate(ids):
            connection.execute(
                "INSERT INTO repositories (id, full_name, default_branch) VALUES (%s, %s, 'main')",
                (repository_id, f"octo/r{number}"),
            )
    return ids


@pytest.fixture(params=["postgres", "pinecone"])
async def index(
    request: pytest.FixtureRequest, database: Database, pinecone: FakePinecone, gpt: FakeOpenAI
) -> AsyncIterator[CodeIndex]:
    chunks = PostgresCodeIndex(database)
    if request.param == "postgres":
        yield chunks
        return

    def load() -> PineconeVectors:
        return PineconeVectors(
            client=pinecone_client(pinecone.api_key),
            index_name="kova",
            host=pinecone.url,
            embeddings=OpenAIEmbeddings(
                openai_client(gpt.script.api_key, gpt.url), "text-embedding-3-small"
            ),
        )

    vectors = VectorCodeIndex(chunks=chunks, load=load)
    yield vectors
    await vectors.close()
    assert pinecone.refused == []


def write_files(folder: Path, files: dict[str, bytes]) -> list[str]:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return sorted(files)


async def index_files(
    index: CodeIndex, repository: str, folder: Path, files: dict[str, bytes]
) -> None:
    await fill(index, repository, folder, list_files(folder, write_files(folder, files)))


async def test_a_question_finds_its_function(
    index: CodeIndex, repositories: tuple[str, str], tmp_path: Path
) -> None:
    await index_files(index, repositories[0], tmp_path, FILES)
    (first, *_) = await index.search(repositories[0], "retry a request several times", 3)
    assert (first.path, first.name, first.start_line) == ("net/retry.py", "retry_request", 1)
    assert first.text.startswith("def retry_request")
    assert await index.search(repositories[1], "retry a request", 3) == ()


async def test_unchanged_files_are_not_added_twice(
    index: CodeIndex,
    repositories: tuple[str, str],
    tmp_path: Path,
    pinecone: FakePinecone,
    gpt: FakeOpenAI,
) -> None:
    await index_files(index, repositories[0], tmp_path, FILES)
    embedded, upserted = gpt.script.count("/embeddings"), len(pinecone.upserted)
    await index_files(index, repositories[0], tmp_path, FILES)
    assert (gpt.script.count("/embeddings"), len(pinecone.upserted)) == (embedded, upserted)
    (tmp_path / "net/retry.py").unlink()
    moved = {key: content for key, content in FILES.items() if key != "net/retry.py"}
    await index_files(
        index, repositories[0], tmp_path, {**moved, "net/again.py": FILES["net/retry.py"]}
    )
    assert gpt.script.count("/embeddings") == embedded
    (first, *_) = await index.search(repositories[0], "retry request", 3)
    assert first.path == "net/again.py"


async def test_deleted_and_changed_files_are_followed(
    index: CodeIndex, repositories: tuple[str, str], tmp_path: Path, pinecone: FakePinecone
) -> None:
    await index_files(index, repositories[0], tmp_path, FILES)
    await index_files(index, repositories[1], tmp_path, FILES)
    changed = {**FILES, "auth/login.py": b"def authenticate_token(token):\n    return token\n"}
    del changed["net/retry.py"]
    await index_files(index, repositories[0], tmp_path, changed)
    chunks = await index.search(repositories[0], "authenticate user retry request", 10)
    assert {chunk.name for chunk in chunks} <= {"authenticate_token", "renderPage"}
    old = blob_sha(FILES["net/retry.py"])
    vectors = pinecone.namespaces.get(repositories[0], {})
    assert not [vector_id for vector_id in vectors if vector_id.startswith(old)]
    other_chunks = await index.search(repositories[1], "retry request", 3)
    assert other_chunks[0].name == "retry_request"


async def test_a_file_is_missing_until_it_was_there_to_be_read(
    index: CodeIndex, repositories: tuple[str, str], tmp_path: Path
) -> None:
    """One without any code is read once too; one that could not be fetched waits."""
    files = {**FILES, "pkg/__init__.py": b"", "late.py": b"def late():\n    return 1\n"}
    listing = list_files(tmp_path, write_files(tmp_path, files))
    (tmp_path / "late.py").unlink()
    await fill(index, repositories[0], tmp_path, listing)
    late = blob_sha(files["late.py"])
    assert await index.missing(repositories[0], listing) == {late}
    write_files(tmp_path, {"late.py": files["late.py"]})
    await fill(index, repositories[0], tmp_path, listing)
    assert await index.missing(repositories[0], listing) == frozenset()


@pytest.mark.parametrize(
    ("path", "worth"),
    [
        ("a/b.py", True),
        ("Dockerfile", True),
        ("docs/setup.md", True),
        ("locale/de/django.po", False),
        ("fixtures/data.json", False),
        ("LICENSE", False),
    ],
)
def test_code_and_prose_are_indexed_data_is_not(path: str, worth: bool) -> None:
    assert is_indexed(path) is worth


async def test_hostile_files_are_indexed_or_left_out(
    index: CodeIndex, repositories: tuple[str, str], tmp_path: Path
) -> None:
    files = {
        "nul.py": b"def f():\n    '\0'\n",
        "latin.py": b"def g(): '\xe9'\n",
        "empty.py": b"",
        "deep.py": b"def h(" + b"(" * 5_000 + b"\n",
        "secret.py": b"def token():\n    return 'ghp_0123456789abcdefghijklmnopqrstuvwxyz'\n",
        "long.py": b"x = '" + b"a" * 100_000 + b"'\n",
        # Many tokens in few characters, and more of them than one request may have.
        **{f"faces{n}.py": f"x{n} = '{'🙂' * 300}'\n".encode() * 50 for n in range(40)},
        "last.py": b"def last_of_all():\n    return 1\n",
    }
    await index_files(index, repositories[0], tmp_path, files)
    chunks = await index.search(repositories[0], "token", 5)
    assert "ghp_" not in "".join(chunk.text for chunk in chunks)
    assert await index.search(repositories[0], "", 5) is not None
    (first, *_) = await index.search(repositories[0], "last of all", 1)
    assert first.path == "last.py"


@pytest.mark.parametrize("index", ["pinecone"], indirect=True)
async def test_vectors_of_somebody_else_in_the_namespace_are_passed_over(
    index: CodeIndex, repositories: tuple[str, str], tmp_path: Path, pinecone: FakePinecone
) -> None:
    await index_files(index, repositories[0], tmp_path, FILES)
    space = pinecone.namespaces[repositories[0]]
    (vector, *_) = space.values()
    for odd in ("x", "a:b", "abc:99999999999999999999", f"{'a' * 40}:0", f"{'a' * 40}:-1"):
        space[odd] = vector.model_copy(update={"id": odd})
    chunks = await index.search(repositories[0], "retry a request authenticate user page", 30)
    assert {chunk.path for chunk in chunks} == set(FILES)


async def test_pinecone_that_is_down_is_one_error(
    database: Database, pinecone: FakePinecone, gpt: FakeOpenAI, repositories: tuple[str, str]
) -> None:
    pinecone.down = True
    vectors = PineconeVectors(
        client=pinecone_client(pinecone.api_key),
        index_name="kova",
        host=pinecone.url,
        embeddings=OpenAIEmbeddings(
            openai_client(gpt.script.api_key, gpt.url), "text-embedding-3-small"
        ),
    )
    with pytest.raises(IndexUnavailableError):
        await vectors.nearest(repositories[0], "x", 3)
    await vectors.close()


def test_an_answer_cites_what_the_index_found(ai: Ai, tmp_path: Path) -> None:
    import asyncio

    ai.execute("INSERT INTO repositories (full_name, default_branch) VALUES ('octo/r', 'main')")
    (row,) = ai.rows("SELECT id FROM repositories")

    async def fill() -> None:
        database = Database(ai.database_url)
        await index_files(PostgresCodeIndex(database), str(row["id"]), tmp_path, FILES)
        await database.close()

    asyncio.run(fill())
    body = ai.ask("where is a request retried?", repository="octo/r").json()
    assert body["citations"] == [{"path": "net/retry.py", "start_line": 1, "end_line": 1}]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "class A:\n    x = 1\n\n    def f(self):\n        pass\n\n    async def g(self): ...\n",
            ["A", "A.f", "A.g"],
        ),
        ("@d\ndef f(\n    a,\n):\n    return 1\n\nx = 1\n", ["f"]),
        ("def f():\n    def g():\n        pass\n    return g\n", ["f", "f.g"]),
        ("x = 1\n", ["m"]),
        ("", []),
    ],
)
def test_python_is_cut_by_functions_and_classes(text: str, names: list[str]) -> None:
    assert [chunk.name for chunk in cut_file("m.py", text.split("\n"))] == names


def test_a_cut_has_all_lines_of_its_function() -> None:
    text = "@d\ndef f(\n    a,\n):\n    return 1\n\nx = 1\n"
    (chunk,) = cut_file("m.py", text.split("\n"))
    assert (chunk.start_line, chunk.lines[-1]) == (1, "    return 1")


def test_terms_are_split_on_case_and_underscore_and_stemmed() -> None:
    assert terms("parseHTTPResponse the_parsed_responses") == terms(
        "parse http response parse response"
    )
    assert terms("the of a") == []
