"""Mutations of texts and of JSON: what a broken or hostile sender makes of a right message."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any, Final

_TOKENS: Final = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\\u0000", b"\\ud800", b"\xc3", b"NaN", b"Infinity",
    b"-", b"1e999", b"9" * 400, b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"[" * 3_000,
    b'{"a":' * 2_000, b"null", b"true", b"\r\n", b"\t", b"#", b"=", b"'" * 3, b"%00", b"&", b"+",
    b"payload=", b"../", b"\xe2\x80\xae",
)  # fmt: skip
_VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, 1, -1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**30, 1.5, -0.0, 1e308,
    "", " ", "\x00", "\ud800", "x" * 70_000, "0", "-1", "null", "../../etc/passwd", "a/b/c", "/",
    "owner/name\n", "http://169.254.169.254/", "javascript:alert(1)", "<img src=x>", "\u202e",
    "refs/heads/main", "0" * 40, "f" * 40, "F" * 40, "2026-11-30T00:00:00Z", "9999-99-99",
    [], {}, [[]], [None], {"": None}, [{}] * 500, {"id": {}}, [1, "a", None, {"b": []}],
)  # fmt: skip


def mutate_bytes(random_: random.Random, body: bytes) -> bytes:
    """Change a text in one to four places."""
    for _ in range(random_.randint(1, 4)):
        body = random_.choice(_BYTE_MUTATIONS)(random_, body)
    return body


def mutate_json(random_: random.Random, document: Any) -> Any:
    """Return a copy that differs in one to four of its values, keys or shapes."""
    document = copy.deepcopy(document)
    for _ in range(random_.randint(1, 4)):
        places = list(_places(document))
        if not places:
            return _value(random_)
        container, key = random_.choice(places)
        random_.choice(_JSON_MUTATIONS)(random_, container, key, document)
    return document


def encode(document: Any) -> bytes:
    """Return JSON, also of what is no text: lone surrogates become escapes."""
    return json.dumps(document).encode()


def mutate_document(random_: random.Random, document: Any) -> bytes:
    """Return JSON that is wrong in its values, in its text, or in both."""
    kind = random_.random()
    if kind < 0.6:
        return encode(mutate_json(random_, document))
    if kind < 0.9:
        return mutate_bytes(random_, encode(document))
    return mutate_bytes(random_, encode(mutate_json(random_, document)))


def _value(random_: random.Random) -> Any:
    return copy.deepcopy(random_.choice(_VALUES))


def _places(document: Any, depth: int = 0) -> Any:
    """Yield every container with every key of it."""
    if depth > 20:
        return
    pairs: Any = ()
    if isinstance(document, dict):
        pairs = document.items()
    elif isinstance(document, list):
        pairs = enumerate(document[:20])
    for key, value in pairs:
        yield document, key
        yield from _places(value, depth + 1)


def _flip(random_: random.Random, body: bytes) -> bytes:
    if not body:
        return body
    place = random_.randrange(len(body))
    return body[:place] + bytes([body[place] ^ (1 << random_.randrange(8))]) + body[place + 1 :]


def _cut(random_: random.Random, body: bytes) -> bytes:
    first, last = sorted(random_.randint(0, len(body)) for _ in range(2))
    return body[:first] + body[min(last, first + 200) :]


def _end(random_: random.Random, body: bytes) -> bytes:
    return body[: random_.randint(0, len(body))]


def _insert(random_: random.Random, body: bytes) -> bytes:
    place = random_.randint(0, len(body))
    return body[:place] + random_.choice(_TOKENS) + body[place:]


def _repeat(random_: random.Random, body: bytes) -> bytes:
    first, last = sorted(random_.randint(0, len(body)) for _ in range(2))
    part = body[first : min(last, first + 200)]
    return body[:last] + part * random_.randint(1, 50) + body[last:]


def _replace(random_: random.Random, container: Any, key: Any, _: Any) -> None:
    container[key] = _value(random_)


def _delete(_: random.Random, container: Any, key: Any, _document: Any) -> None:
    del container[key]


def _nest(random_: random.Random, container: Any, key: Any, _: Any) -> None:
    for _step in range(random_.choice((1, 2, 60))):
        container[key] = [container[key]] if random_.random() < 0.5 else {"a": container[key]}


def _graft(random_: random.Random, container: Any, key: Any, document: Any) -> None:
    """Put another part of the document here."""
    source, name = random_.choice(list(_places(document)))
    container[key] = copy.deepcopy(source[name])


def _add(random_: random.Random, container: Any, _key: Any, _document: Any) -> None:
    if isinstance(container, dict):
        container[random_.choice(("", "__proto__", "a" * 300, "\x00", "\ud800"))] = 1
    else:
        container += [_value(random_) for _ in range(random_.randint(1, 100))]


_BYTE_MUTATIONS: Final[tuple[Callable[..., bytes], ...]] = (_flip, _cut, _end, _insert, _repeat)
_JSON_MUTATIONS: Final[tuple[Callable[..., None], ...]] = (
    *(_replace, _replace, _replace),
    *(_delete, _nest, _graft, _add),
)
