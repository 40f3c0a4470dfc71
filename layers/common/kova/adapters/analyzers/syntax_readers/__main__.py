"""The child process: `check` a file by the reader of its language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from kova.adapters.analyzers.serving import Hit, serve
from kova.adapters.analyzers.syntax_readers.json_reader import check_json
from kova.adapters.analyzers.syntax_readers.toml_reader import check_toml
from kova.adapters.analyzers.syntax_readers.yaml_reader import check_yaml

_READERS: Final = {
    ".json": check_json,
    ".ipynb": check_json,
    ".webmanifest": check_json,
    ".yml": check_yaml,
    ".yaml": check_yaml,
    ".toml": check_toml,
}
_CONFLICT: Final = [re.compile(mark, re.MULTILINE) for mark in (r"^<{7} ", r"^={7}$", r"^>{7} ")]
"""The marks of a merge conflict. One expression would look for each end from each begin."""
# Helm, Jinja, Go, ERB and cookiecutter: the file becomes JSON or YAML later.
_TEMPLATE: Final = re.compile(r"(?<!\$)\{\{|\{%|<%|\$\{\w+\}|^[^\S\n]*@@|__\w+__", re.MULTILINE)


def check(path: str, text: str) -> Iterator[Hit]:
    """Yield what is wrong with a file; a template is what it will become, and is not judged."""
    reader = _READERS[PurePosixPath(path).suffix]
    hits = list(reader(path, text))
    broken = any(hit.rule.startswith("invalid-") for hit in hits)
    if broken and (begin := _find_conflict(text)) is not None:
        line = text.count("\n", 0, begin) + 1
        yield Hit(
            rule="merge-conflict",
            start=(line, 1),
            end=(line, 8),
            message="The markers of a merge conflict are left in the file.",
        )
    elif not (broken and _TEMPLATE.search(text)):
        yield from hits


def _find_conflict(text: str) -> int | None:
    """Return where the marks of a merge conflict begin."""
    begins: list[int] = []
    position = 0
    for mark in _CONFLICT:
        match = mark.search(text, position)
        if match is None:
            return None
        begins.append(match.start())
        position = match.end()
    return begins[0]


def main() -> None:
    """Serve the parent."""
    serve(check)


if __name__ == "__main__":
    main()
