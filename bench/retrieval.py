"""`make retrieval`: from a docstring's first sentence to its function, docstrings taken out.

Real packages are downloaded with pip, their functions cut by Kova's own rules and put into the
index of a Postgres that lives for the run. No key is needed. Prints MRR@10 and recall.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import random
import subprocess
import sys
import tempfile
import time
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from kova.adapters.postgres.code_index import PostgresCodeIndex
from kova.adapters.postgres.pool import Database
from kova.usecases.index_repository import IndexRepository
from kova_server.embedded.stack import services
from kova_server.migrations import migrate

PACKAGES = ("click==8.5.1", "flask==3.1.3", "jinja2==3.1.6", "requests==2.34.2", "rich==15.0.0")
QUERIES = 400
TARGET = 0.55
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, kw_only=True)
class Query:
    """A sentence and the function that it was taken from."""

    text: str
    path: str
    name: str


def download(folder: Path) -> Path:
    """Download the packages and return the folder of their sources."""
    wheels, sources = folder / "wheels", folder / "sources"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--disable-pip-version-check", "-d", str(wheels)]
    subprocess.run([*command, *PACKAGES], check=True, stdout=subprocess.DEVNULL)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.endswith(".py")]
            archive.extractall(sources, names)
    return sources


def strip(text: str, path: str) -> tuple[str, list[Query], int]:
    """Return a file without docstrings, what they ask for, and the number of functions."""
    lines = text.split("\n")
    queries: list[Query] = []
    count = 0
    for node, name in walk(ast.parse(text), ""):
        count += isinstance(node, FUNCTIONS)
        first = node.body[0] if node.body else None
        if not isinstance(first, ast.Expr) or ast.get_docstring(node) is None:
            continue
        sentence = first_sentence(ast.get_docstring(node) or "")
        if isinstance(node, FUNCTIONS) and len(sentence.split()) >= 4:  # noqa: PLR2004
            queries.append(Query(text=sentence, path=path, name=name))
        assert first.end_lineno is not None
        for number in range(first.lineno, first.end_lineno + 1):
            lines[number - 1] = ""
    return "\n".join(lines), queries, count


def walk(tree: ast.AST, scope: str) -> Iterator[tuple[ast.FunctionDef | ast.ClassDef, str]]:
    """Yield each function and class with its qualified name."""
    for node in ast.iter_child_nodes(tree):
        name = scope
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            name = f"{scope}.{node.name}" if scope else node.name
            yield node, name  # type: ignore[misc]
        yield from walk(node, name)


def first_sentence(docstring: str) -> str:
    """Return the first sentence of a docstring in one line."""
    paragraph = " ".join(docstring.strip().split("\n\n")[0].split())
    return paragraph.partition(". ")[0].rstrip(".")


def prepare(sources: Path, seed: int) -> tuple[list[str], list[Query], int]:
    """Strip every file and return the paths, some queries, and the number of functions."""
    paths: list[str] = []
    queries: list[Query] = []
    functions = 0
    for file in sorted(sources.rglob("*.py")):
        path = file.relative_to(sources).as_posix()
        text, asked, count = strip(file.read_text("utf-8"), path)
        file.write_text(text, "utf-8")
        paths.append(path)
        queries += asked
        functions += count
    random.Random(seed).shuffle(queries)  # noqa: S311 (a sample)
    return paths, queries[:QUERIES], functions


async def measure(url: str, sources: Path, seed: int) -> float:
    """Index, ask, print, and return the MRR."""
    paths, queries, functions = prepare(sources, seed)
    with psycopg.connect(url) as connection:
        repository = str(uuid.uuid4())
        connection.execute(
            "INSERT INTO repositories (id, full_name, default_branch) VALUES (%s, 'a/b', 'main')",
            (repository,),
        )
    database = Database(url)
    index = PostgresCodeIndex(database)
    started = time.perf_counter()
    await IndexRepository(index).files(repository, sources, paths)
    indexed = time.perf_counter() - started
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")
    started = time.perf_counter()
    ranks = [await rank(index, repository, query) for query in queries]
    asked = time.perf_counter() - started
    await database.close()
    mrr = sum(1 / one for one in ranks if one) / len(ranks)
    found = sum(one > 0 for one in ranks) / len(ranks)
    print(f"packages   {', '.join(PACKAGES)}")
    print(f"functions  {functions} in {len(paths)} files, indexed in {indexed:.1f} s")
    print(f"queries    {len(queries)}, {asked / len(queries) * 1_000:.1f} ms each")
    print(f"MRR@10     {mrr:.3f} (target {TARGET})   recall@10 {found:.3f}")
    return mrr


async def rank(index: PostgresCodeIndex, repository: str, query: Query) -> int:
    """Return at which place the function is found, 0 when it is not among the first ten."""
    found = await index.search(repository, query.text, 10)
    for place, chunk in enumerate(found, 1):
        if (chunk.path, chunk.name) == (query.path, query.name):
            return place
    return 0


def main() -> int:
    """Run the benchmark; 1 when it misses the target."""
    parser = argparse.ArgumentParser(prog="make retrieval")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kova-bench-") as name:
        sources = download(Path(name))
        with services(Path(name) / "stack") as settings:
            migrate(settings["KOVA_DATABASE_URL"])
            mrr = asyncio.run(measure(settings["KOVA_DATABASE_URL"], sources, options.seed))
    return 0 if mrr >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
