"""`make retrieval`: from a docstring's first sentence to its function, docstrings taken out.

Real packages are downloaded with pip, their functions cut by Kova's own rules and put into the
index of a Postgres that lives for the run. No key is needed. Prints MRR@10 and recall of all
functions together and of samples of whole files; the target is about the samples' mean. The fewer
functions there are, the easier it is: both sizes are told.
"""

from __future__ import annotations

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
from kova.adapters.postgres.migrate import migrate
from kova.adapters.postgres.pool import Database
from kova.code_index.index_repository import fill, list_files
from kova_server.embedded.stack import services

PACKAGES = ("click==8.5.1", "flask==3.1.3", "jinja2==3.1.6", "requests==2.34.2", "rich==15.0.0")
QUERIES = 400
FUNCTIONS_AT_LEAST = 1_200
SEEDS = (1, 2, 3, 4, 5)
TARGET = 0.55
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, kw_only=True)
class DocstringQuery:
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


def strip(text: str, path: str) -> tuple[str, list[DocstringQuery], int]:
    """Return a file without docstrings, what they ask for, and the number of functions."""
    lines = text.split("\n")
    queries: list[DocstringQuery] = []
    count = 0
    for node, name in walk(ast.parse(text), ""):
        count += isinstance(node, FUNCTIONS)
        first = node.body[0] if node.body else None
        if not isinstance(first, ast.Expr) or ast.get_docstring(node) is None:
            continue
        sentence = first_sentence(ast.get_docstring(node) or "")
        if isinstance(node, FUNCTIONS) and len(sentence.split()) >= 4:  # noqa: PLR2004
            queries.append(DocstringQuery(text=sentence, path=path, name=name))
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


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Some whole files, what is asked of them, and how many functions they have."""

    paths: list[str]
    queries: list[DocstringQuery]
    functions: int


def prepare(sources: Path) -> list[tuple[str, list[DocstringQuery], int]]:
    """Strip every file and return its path, its queries and the number of its functions."""
    files = []
    for file in sorted(sources.rglob("*.py")):
        path = file.relative_to(sources).as_posix()
        text, queries, count = strip(file.read_text("utf-8"), path)
        file.write_text(text, "utf-8")
        files.append((path, queries, count))
    return files


def pool(files: list[tuple[str, list[DocstringQuery], int]], seed: int, least: int | None) -> Pool:
    """Return files in random order until they have so many functions and queries, or all."""
    dice = random.Random(seed)  # noqa: S311 (a sample)
    order = dice.sample(files, len(files))
    sample: list[tuple[str, list[DocstringQuery], int]] = []
    functions = query_count = 0
    for file in order:
        if least is not None and functions >= least and query_count >= QUERIES:
            break
        sample.append(file)
        functions += file[2]
        query_count += len(file[1])
    queries = [query for _, file_queries, _ in sample for query in file_queries]
    dice.shuffle(queries)
    paths = sorted(path for path, _, _ in sample)
    return Pool(paths=paths, queries=queries[:QUERIES], functions=functions)


async def measure(url: str, sources: Path, sample: Pool, label: str) -> float:
    """Index, ask, print, and return the MRR."""
    repository = str(uuid.uuid4())
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO repositories (id, full_name, default_branch) VALUES (%s, %s, 'main')",
            (repository, f"bench/{repository}"),
        )
    database = Database(url)
    index = PostgresCodeIndex(database)
    await fill(index, repository, sources, list_files(sources, sample.paths))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")
    started = time.perf_counter()
    ranks = [await rank(index, repository, query) for query in sample.queries]
    each = (time.perf_counter() - started) / len(ranks) * 1_000
    await database.close()
    mrr = sum(1 / position for position in ranks if position) / len(ranks)
    recall = sum(position > 0 for position in ranks) / len(ranks)
    print(
        f"{label:<14} {sample.functions:>5} functions  {len(ranks)} queries  MRR@10 {mrr:.3f}"
        f"  recall@10 {recall:.3f}  {each:.1f} ms a query"
    )
    return mrr


async def rank(index: PostgresCodeIndex, repository: str, query: DocstringQuery) -> int:
    """Return at which place the function is found, 0 when it is not among the first ten."""
    chunks = await index.search(repository, query.text, 10)
    for place, chunk in enumerate(chunks, 1):
        if (chunk.path, chunk.name) == (query.path, query.name):
            return place
    return 0


async def run(url: str, sources: Path) -> float:
    """Measure the whole pool, and samples of the size that the target is about."""
    files = prepare(sources)
    print(f"packages: {', '.join(PACKAGES)}")
    await measure(url, sources, pool(files, 1, None), "all of it")
    scores = [
        await measure(url, sources, pool(files, seed, FUNCTIONS_AT_LEAST), f"sample {seed}")
        for seed in SEEDS
    ]
    mean = sum(scores) / len(scores)
    verdict = "holds" if mean >= TARGET else "missed"
    print(f"mean of the samples: MRR@10 {mean:.3f}, target {TARGET}: {verdict}")
    return mean


def main() -> int:
    """Run the benchmark; 1 when it misses the target."""
    with tempfile.TemporaryDirectory(prefix="kova-bench-") as name:
        sources = download(Path(name))
        with services(Path(name) / "stack") as settings:
            migrate(settings["KOVA_DATABASE_URL"])
            mrr = asyncio.run(run(settings["KOVA_DATABASE_URL"], sources))
    return 0 if mrr >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
