"""Repositories that were made to take a worker's memory: many statements, deep nesting, many hits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

Files = dict[str, bytes]
_MOST: Final = 999_000  # Larger files are not read at all.


def _file(path: str, piece: bytes, *, begin: bytes = b"", end: bytes = b"") -> Callable[[], Files]:
    """Return a file of one piece again and again."""
    return lambda: {path: begin + piece * ((_MOST - len(begin) - len(end)) // len(piece)) + end}


def _files(number: int, path: str, content: bytes) -> Callable[[], Files]:
    return lambda: {path.format(index): content for index in range(number)}


def _join(*trees: Callable[[], Files]) -> Callable[[], Files]:
    return lambda: {path: content for tree in trees for path, content in tree().items()}


_JS: Final = b"debugger;\n"
_PY: Final = b"def f(x=[]): pass\n"
_CALL: Final = b"import os\n" + b"os.system(input())\n" * 49_000
_SHELL: Final = b"#!/bin/sh\n" + b"rm $x\n" * 150_000
_DOCKER: Final = b"FROM a\n" + b"RUN cd x\n" * 100_000
_LETTERS: Final = "\U0001d431" * 220
_LIST: Final = b"x = [" + b"1," * 470_000 + b"]\n"

TREES: Final[dict[str, Callable[[], Files]]] = {
    "flagged statements of JavaScript": _file("a.js", _JS),
    "flagged functions of Python": _file("a.py", _PY),
    "tainted calls of Python": lambda: {"a.py": _CALL},
    "a list of Python": lambda: {"a.py": _LIST},
    "brackets of Python": _file("a.py", b"("),
    "branches of Python": _file("a.py", b"if x:\n y\n"),
    "brackets of JSON": _file("a.json", b"["),
    "objects of JSON": _file("a.json", b"{},", begin=b"[", end=b"{}]"),
    "a list of YAML": _file("a.yaml", b"a,", begin=b"[", end=b"]"),
    "jobs of a workflow": _join(
        *(
            _file(f".github/workflows/{name}.yml", f"  - run: echo {name}\n".encode())
            for name in "abcdefgh"
        )
    ),
    "secrets": _file("a.txt", b"token = 'ghp_" + b"0aB1" * 9 + b"'\n"),
}
TREES |= {  # How the bound was broken once it held for those above.
    "empty lines before a statement of JavaScript": _files(15, "a{}.js", b"\n" * 989_000 + _JS),
    "comments without a word in Python": _files(
        12, "a{}.py", b"def f(x):\n    return x is 'a'\n" + b"##\n" * 320_000
    ),
    "one long line with fixes": lambda: {
        "a.py": b"x=1;" + b"x is 'a';" * 60 + b"y='" + b"z" * 950_000 + b"'\n"
    },
    "empty lines of a shell": lambda: {"a.sh": _SHELL[:18] + b"\n" * 980_000},
    "definitions below a name of foreign letters": lambda: {
        "z.json": ("class " + "\U0001d431" * 600 + ":\n").encode() + b" def a\n" * 140_000,
        **_files(20, "a{}.js", ("debugger; //" + _LETTERS + "\n").encode() * 1_090)(),
    },
}
SLOW_TREES: Final[dict[str, Callable[[], Files]]] = {
    "flagged instructions of Docker": lambda: {"Dockerfile": _DOCKER},
    "flagged commands of a shell": lambda: {"a.sh": _SHELL},
    "as many findings as are kept of each file": _join(
        _files(30, "a{}.py", _PY * 9_000), _files(30, "a{}.js", _JS * 9_000)
    ),
    "eight files of JavaScript": _files(8, "a{}.js", _JS * 99_000),
    "eight files of calls": _files(8, "a{}.py", _CALL),
    "eight files of a shell": _files(8, "a{}.sh", _SHELL),
    "a hundred files of a shell": _files(100, "a{}.sh", _SHELL[:54_000]),
    "findings on lines of foreign letters": lambda: {
        **_files(48, "p{}.py", ("def f(x=[]): pass #" + _LETTERS + "\n").encode() * 1_030)(),
        **_files(46, "q{}.js", ("debugger; //" + _LETTERS + "\n").encode() * 1_090)(),
    },
    "something for everyone": lambda: {
        "a.js": _JS * 99_000, "a.py": _CALL, "b.py": _LIST, "a.sh": _SHELL, "Dockerfile": _DOCKER,
        **TREES["objects of JSON"](), **TREES["a list of YAML"](),
    },
}  # fmt: skip
