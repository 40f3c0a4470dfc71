"""Cuts a source file into functions and classes, or into stretches of lines where there are none.

It looks at lines, their indentation and braces only. So it reads any version of any language, in
linear time, and never fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from kova.analysis.languages import language_of

MOST_LINES: Final = 200
_STRETCH: Final = 60
_LONGEST_LINE: Final = 400
_MOST_SCOPES: Final = 10
_PYTHON: Final = frozenset({".py", ".pyi", ".pyw"})
_PROSE: Final = frozenset({".md", ".rst"})
_DATA: Final = frozenset({"JSON"})
_DEFINITION: Final = re.compile(r"^([ \t]{0,80})(?:async[ \t]+)?(def|class)[ \t]+([^\W\d]\w{0,99})")
_DECORATOR: Final = re.compile(r"^[ \t]*@")
_BRACED: Final = re.compile(
    r"^([ \t]{0,80})(?:(?:export|default|public|private|protected|static|abstract|async|final|pub"
    r"|override|inline|virtual)[ \t]+){0,4}"
    r"(?:function[ \t*]+|class[ \t]+|interface[ \t]+|func[ \t]+(?:\([^()]{0,80}\)[ \t]*)?|fn[ \t]+"
    r"|(?:const|let|var)[ \t]+(?=[\w$]{1,100}[ \t]*=[ \t]*(?:async[ \t]*)?"
    r"(?:function|\([^()]{0,200}\)[ \t]*=>)))"
    r"([\w$]{1,100})"
)


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A named stretch of lines; `start_line` counts from 1."""

    name: str
    start_line: int
    lines: tuple[str, ...]


def is_indexed(path: str) -> bool:
    """True for code and prose; data files are not indexed."""
    language = language_of(path)
    prose = PurePosixPath(path).suffix.lower() in _PROSE
    return prose or (language is not None and language not in _DATA)


def cut_file(path: str, lines: Sequence[str]) -> tuple[Cut, ...]:
    """Return the stretches of a file, in order."""
    python = PurePosixPath(path).suffix in _PYTHON
    blocks = list(_python_blocks(lines) if python else _braced_blocks(lines))
    if not blocks:
        blocks = [
            (PurePosixPath(path).stem, start, min(start + _STRETCH, len(lines)))
            for start in range(0, len(lines), _STRETCH)
        ]
    cuts = []
    for name, start, end in blocks:
        part = tuple(line[:_LONGEST_LINE] for line in lines[start : min(end, start + MOST_LINES)])
        if any(line.strip() for line in part):
            cuts.append(Cut(name=name, start_line=start + 1, lines=part))
    return tuple(cuts)


def _python_blocks(lines: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield name, first line and end of each function, and of each class up to its first method."""
    open_scopes: list[tuple[int, str]] = []
    definitions: list[tuple[int, int, str, str]] = []
    for number, line in enumerate(lines):
        match = _DEFINITION.match(line)
        if match is None:
            continue
        indent = len(match[1].expandtabs(8))
        while open_scopes and open_scopes[-1][0] >= indent:
            open_scopes.pop()
        # Hundreds of long names may be open around each of thousands of functions.
        name = ".".join([*(scope for _, scope in open_scopes[-_MOST_SCOPES:]), match[3]])
        open_scopes.append((indent, match[3]))
        definitions.append((number, indent, match[2], name))
    for position, (number, indent, kind, name) in enumerate(definitions):
        end = _block_end(lines, number, indent)
        if kind == "class":
            following = definitions[position + 1 : position + 2]
            end = min([end, *(line for line, *_ in following)])
        start = number
        while start > 0 and _DECORATOR.match(lines[start - 1]):
            start -= 1
        yield name, start, end


def _block_end(lines: Sequence[str], number: int, indent: int) -> int:
    """Return the end (exclusive) of the block that begins at a line, less trailing blank lines."""
    end = number + 1
    depth = _depth(lines[number])
    for position in range(number + 1, min(len(lines), number + MOST_LINES)):
        line = lines[position]
        bare = line.strip()
        if bare and depth <= 0 and not bare.startswith((")", "]", "}", "#")):
            width = len(line.expandtabs(8)) - len(line.expandtabs(8).lstrip())
            if width <= indent:
                break
        if depth > 0:
            depth += _depth(line)
        if bare:
            end = position + 1
    return end


def _depth(line: str) -> int:
    """Return how many brackets a line leaves open; parameters of a definition may go on below."""
    return sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))


def _braced_blocks(lines: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield name, first line and end of each function and class whose block stands in braces."""
    for number, line in enumerate(lines):
        match = _BRACED.match(line[:_LONGEST_LINE])
        if match is None:
            continue
        depth, opened, end = 0, False, number + 1
        for position in range(number, min(len(lines), number + MOST_LINES)):
            depth += lines[position].count("{") - lines[position].count("}")
            opened |= "{" in lines[position]
            end = position + 1
            if opened and depth <= 0:
                break
        yield match[2], number, end
