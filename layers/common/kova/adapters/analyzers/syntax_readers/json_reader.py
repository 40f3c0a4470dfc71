"""JSON as its readers take it: strict, but for the files whose own tools allow more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from kova.adapters.analyzers.serving import Hit

_OPENING: Final = frozenset("{[")
_CLOSING: Final = frozenset("}]")
# A string and a comment without an end are tokens, too: nothing is looked for again in them.
_TOKEN: Final = re.compile(
    r'"(?:[^"\\\n]++|\\.)*+"?|//[^\n]*|/\*(?:[^*]++|\*(?!/))*+(?:\*/)?|[{}\[\]:,]', re.DOTALL
)
_AFTER_COMMA: Final = {
    ("Expecting property name enclosed in double quotes", "}"): "object",
    ("Expecting value", "]"): "array",
}
_HASHED: Final = re.compile(r"^[^\S\n]*#[^\n]*$", re.MULTILINE)
# Tools that read their own files with comments and trailing commas.
_LENIENT: Final = re.compile(
    r"(?:^|/)(?:[tj]sconfig[^/]*|\.?eslintrc[^/]*|tslint|devcontainer|\.?jshintrc|\.?babelrc|\.swcrc"
    r"|deno|turbo|nx|project|api-extractor[^/]*|biome|rush|launch|settings|tasks|extensions"
    r"|keybindings|c_cpp_properties|renovate|wrangler|typedoc|cspell|\.?oxlintrc|knip|angular"
    r"|pyrightconfig|\.?hintrc|\.markdownlint|babel\.config|appsettings[^/]*)\.json$"
    r"|(?:^|/)\.(?:vscode|devcontainer|rush)/"
)


class _Duplicates(Exception):  # noqa: N818 (a signal, no failure)
    pass


def check_json(path: str, text: str) -> Iterator[Hit]:
    """Yield the first error of syntax, or every key that stands twice."""
    if not text.strip():
        return  # A placeholder; nobody can mean anything else by it.
    try:
        json.loads(text, object_pairs_hook=_refuse_duplicates)
    except _Duplicates:
        yield from _find_duplicates(text)
    except json.JSONDecodeError as exc:
        if not _is_accepted_elsewhere(path, text):
            error = _move_to_comma(exc)
            yield Hit(
                rule="invalid-json",
                start=(error.lineno, error.colno),
                end=(error.lineno, error.colno + 1),
                message=f"This is not JSON: {error.msg}.",
            )


def _move_to_comma(error: json.JSONDecodeError) -> json.JSONDecodeError:
    """Return an error as Python 3.13 has it: a comma too much is named, and not what follows."""
    kind = _AFTER_COMMA.get((error.msg, error.doc[error.pos : error.pos + 1]))
    before = error.doc[: error.pos].rstrip()
    if kind is None or not before.endswith(","):
        return error
    message = f"Illegal trailing comma before end of {kind}"
    return json.JSONDecodeError(message, error.doc, len(before) - 1)


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) < len(pairs):
        raise _Duplicates


def _is_accepted_elsewhere(path: str, text: str) -> bool:
    """Tell whether somebody's reader takes what the strict one refuses."""
    if text.lstrip().startswith("#"):  # Not in any JSON, so its reader is another one.
        text = _HASHED.sub("", text)
        if _parses(text):
            return True
    plain = _TOKEN.sub(lambda token: " " if _is_comment(token[0]) else token[0], text)
    has_comments = plain != text
    if has_comments or _LENIENT.search(path):
        relaxed = re.sub(r",(\s*[}\]])", r"\1", plain)
        return _parses(relaxed) or not plain.strip()
    lines = [line for line in text.splitlines() if line.strip()]
    return len(lines) > 1 and all(_parses(line) for line in lines)  # One document a line.


def _is_comment(token: str) -> bool:
    """Tell whether a token is a comment that has an end."""
    return token.startswith("//") or (token.startswith("/*") and token[2:].endswith("*/"))


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _find_duplicates(text: str) -> Iterator[Hit]:
    """Find keys that stand twice in one object; `//` is how package.json holds comments."""
    stack: list[set[str] | None] = []
    line, line_start, position = 1, 0, 0
    tokens = list(_TOKEN.finditer(text))
    for token, following in pairwise(tokens):
        piece = token[0]
        if piece in _OPENING:
            stack.append(set() if piece == "{" else None)
        elif piece in _CLOSING:
            stack.pop()
        elif piece.startswith('"') and following[0] == ":" and stack[-1] is not None:
            key = _read_key(piece)
            if key in stack[-1] and not key.startswith(("//", "$comment", "_comment")):
                line += text.count("\n", position, token.start())
                line_start = max(line_start, text.rfind("\n", position, token.start()) + 1)
                position = token.start()
                column = position - line_start + 1
                yield Hit(
                    rule="duplicate-key",
                    start=(line, column),
                    end=(line, column + len(piece)),
                    message=f"The key {piece} stands twice: its first value is lost.",
                )
            stack[-1].add(key)


def _read_key(piece: str) -> str:
    """Return a key; as it stands where it cannot be read, behind the place that was refused."""
    try:
        key: str = json.loads(piece)
    except ValueError:
        return piece
    return key
