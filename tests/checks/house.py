"""The words and sizes of the code, as CONTRIBUTING.md asks for them: counted, and held."""

from __future__ import annotations

import ast
import statistics
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

# Pronouns and participles: a name that is one says nothing of the value.
WEAK: Final = frozenset(
    """one found told given known done held said wanted chosen more left asked mine most there
    spoken begun kept gone made anew whole taken seen""".split()
)
# What the first list must not be renamed into.
VAGUE: Final = frozenset(
    """item items data thing things obj value2 elem element entry entries val tmp temp x y it other
    others""".split()
)
_ROOTS: Final = (
    "layers/common/kova",
    "server",
    "fakes",
    "functions",
    "tests",
    "bench",
    "deploy",
    "examples",
)
# Code that analysers are tried on is not ours to name.
_FOREIGN: Final = ("tests/corpus/", "tests/analyzers/samples/")
_PRODUCT: Final = ("layers/", "server/", "fakes/", "functions/")
_CORE: Final = (
    *("access", "analysis", "code_index", "commands", "errors", "fixes", "intake", "models"),
    *("notifications", "reports", "scans", "setup", "shared", "bootstrap"),
)

MOST_WEAK_PERCENT: Final = 0.5
MOST_VAGUE_PERCENT: Final = 1.0
MOST_FILE_LINES: Final = 400
MOST_FUNCTION_LINES: Final = 60
MOST_FOLDER_FILES: Final = 30


@dataclass(kw_only=True)
class Census:
    """What was counted over some files."""

    names: Counter[str] = field(default_factory=Counter)
    file_lines: dict[str, int] = field(default_factory=dict)
    function_lines: dict[str, int] = field(default_factory=dict)
    classes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def percent(self, words: frozenset[str]) -> float:
        """Return how many per cent of the bindings are one of these words."""
        return 100 * sum(self.names[word] for word in words) / max(self.names.total(), 1)


def take_census(texts: Mapping[str, str]) -> Census:
    """Count the bindings, lines and classes of Python files, by path.

    A binding is an assigned name (also in loops and comprehensions) or an argument.
    """
    census = Census()
    for path, text in texts.items():
        tree = ast.parse(text)
        census.file_lines[path] = text.count("\n")
        census.names.update(_bindings(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                census.function_lines[f"{path}:{node.lineno} {node.name}"] = lines
            elif isinstance(node, ast.ClassDef):
                census.classes[node.name].append(path)
    return census


def _bindings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg


def read_texts() -> dict[str, str]:
    """Return the Python files of the repository that are ours to name, by path."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "--", *_ROOTS]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    paths = [path for path in listed if path.endswith(".py") and not path.startswith(_FOREIGN)]
    return {path: Path(path).read_text() for path in paths if Path(path).exists()}


def check_house() -> list[str]:
    """Return what is beyond the limits."""
    census = take_census(read_texts())
    return [*_check_words(census), *_check_sizes(census), *_check_classes(census)]


def describe_house() -> list[str]:
    """Return the figures in lines for people."""
    census = take_census(read_texts())
    product = _product_only(census.file_lines)
    functions = _product_only(census.function_lines)
    folder, files = max(_core_folders(census).items(), key=lambda pair: pair[1])
    weak, vague = census.percent(WEAK), census.percent(VAGUE)
    return [
        f"weak names: {weak:.2f} % of {census.names.total()} (at most {MOST_WEAK_PERCENT} %)",
        f"vague names: {vague:.2f} % (at most {MOST_VAGUE_PERCENT} %)",
        f"largest folder of the core: {folder}, {files} files (at most {MOST_FOLDER_FILES})",
        f"lines of a file: {_spread(product)} (at most {MOST_FILE_LINES})",
        f"lines of a function: {_spread(functions)} (at most {MOST_FUNCTION_LINES})",
    ]


def _check_words(census: Census) -> list[str]:
    limits = (("weak", WEAK, MOST_WEAK_PERCENT), ("vague", VAGUE, MOST_VAGUE_PERCENT))
    return [
        f"{census.percent(words):.2f} % of all names are {kind}, {limit} % is the limit"
        for kind, words, limit in limits
        if census.percent(words) > limit
    ]


def _check_sizes(census: Census) -> list[str]:
    problems = [
        f"{path} has {lines} lines, {MOST_FILE_LINES} is the limit"
        for path, lines in census.file_lines.items()
        if lines > MOST_FILE_LINES
    ]
    problems += [
        f"{place} has {lines} lines, {MOST_FUNCTION_LINES} is the limit"
        for place, lines in _product_only(census.function_lines).items()
        if lines > MOST_FUNCTION_LINES
    ]
    return problems + [
        f"{folder} has {files} files, {MOST_FOLDER_FILES} is the limit"
        for folder, files in _core_folders(census).items()
        if files > MOST_FOLDER_FILES
    ]


def _check_classes(census: Census) -> list[str]:
    return [
        f"{len(paths)} classes are called {name}: {', '.join(paths)}"
        for name, paths in sorted(census.classes.items())
        if len(_outside_references(paths)) > 1
    ]


def _outside_references(paths: Sequence[str]) -> list[str]:
    """Return the paths but those of the bare functions that a benchmark compares with."""
    return [path for path in paths if not path.startswith("bench/cold_start/references/")]


def _product_only(lines: Mapping[str, int]) -> dict[str, int]:
    return {place: count for place, count in lines.items() if place.startswith(_PRODUCT)}


def _core_folders(census: Census) -> Counter[str]:
    folders = (Path(path).parent for path in census.file_lines)
    return Counter(
        folder.name for folder in folders if folder.name in _CORE and "kova" in folder.parts
    )


def _spread(lines: Mapping[str, int]) -> str:
    counts = sorted(lines.values())
    p90 = statistics.quantiles(counts, n=10)[-1]
    return f"median {statistics.median(counts):.0f}, p90 {p90:.0f}, most {counts[-1]}"
