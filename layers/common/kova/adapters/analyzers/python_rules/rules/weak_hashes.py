"""Weak hashes, judged by what they are used for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from kova.adapters.analyzers.python_rules.ast_helpers import (
    contains,
    is_constant,
    keyword,
    last_name,
    positional,
    targets,
    text_of,
)
from kova.adapters.analyzers.python_rules.module_index import CallPlace, ModuleIndex
from kova.adapters.analyzers.python_rules.problem import CodeProblem
from kova.adapters.analyzers.python_rules.secret_names import words_of

_WEAK: Final = frozenset(
    {"hashlib.md5", "hashlib.sha1", "Crypto.Hash.MD5.new", "md5.new", "sha.new"}
)
_NAMED: Final = frozenset({"md5", "sha1", "sha", "md4"})
# For a hash, fewer words: nobody guesses a long random secret or token from its SHA-1, and what is
# hashed is often meant to be shown.
HASHED: Final = frozenset({"password", "passwd", "passphrase", "pwd", "signature"})
_SAYS_NOTHING: Final = frozenset(
    "h m d hash hashed hasher hashing digest md md5 sha sha1 result value ret res out x".split()
)
# A function that speaks of these keeps to a protocol or format, whose other side says how.
_AGREED: Final = frozenset({"challenge", "realm", "mysql", "postgres"})


def check_hashes(index: ModuleIndex) -> Iterator[CodeProblem]:
    """Yield weak hashes of what must not be guessed; checksums and cache keys may have them."""
    purposes: dict[str, str | None] = {}
    agreed: dict[str, bool] = {}
    for call_place in index.calls:
        weak = _weak_hash_name(index, call_place.call)
        if weak is None or is_constant(keyword(call_place.call, "usedforsecurity"), False):
            continue
        reason, scope = _find_purpose(index, call_place, purposes), call_place.place.scope
        if reason and scope not in agreed:
            agreed[scope] = scope in index.functions and _is_agreed(index.functions[scope])
        if reason and not agreed[scope]:
            yield CodeProblem(
                rule="weak-hash",
                node=call_place.call,
                message=f"{weak} can be broken, and this is about {reason!r}: use a hash made "
                "for it, such as hashlib.scrypt for passwords and SHA-256 for signatures.",
            )


def _weak_hash_name(index: ModuleIndex, call: ast.Call) -> str | None:
    called = index.called_name(call)
    if called in _WEAK:
        return called.removesuffix(".new").rpartition(".")[2].upper()
    plain = positional(call)
    if called == "hashlib.new" and plain and (text_of(plain[0]) or "").lower() in _NAMED:
        return (text_of(plain[0]) or "").upper()
    return None


def _find_purpose(
    index: ModuleIndex, call_place: CallPlace, purposes: dict[str, str | None]
) -> str | None:
    """Return the name that tells the purpose: in the arguments, the target or the function.

    A target whose own name says something else (`etag`) is believed. `purposes` caches, by
    function, the first name in it that is about a secret.
    """
    named = [*_names_in(call_place.call)]
    if "iv" in named:  # How a format makes a key of a passphrase.
        return None
    for name in named:
        if _is_about_secret(name):
            return name
    target = _target_name(call_place)
    if target and (_is_about_secret(target) or words_of(target)[0] not in _SAYS_NOTHING):
        return target if _is_about_secret(target) else None
    scope = call_place.place.scope
    if scope not in purposes:
        names = _names_in(index.functions[scope]) if scope in index.functions else ()
        purposes[scope] = next(filter(_is_about_secret, names), None)
    return purposes[scope]


def _is_agreed(node: ast.AST) -> bool:
    return any(not _AGREED.isdisjoint(words_of(name)) for name in _names_in(node))


def _target_name(call_place: CallPlace) -> str:
    """Return the name that the statement around a call binds."""
    node = call_place.place.node
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return ""
    return last_name(targets(node)[0]) if contains(node.value, call_place.call) else ""


def _is_about_secret(name: str) -> bool:
    return not HASHED.isdisjoint(words_of(name))


def _names_in(node: ast.AST) -> Iterator[str]:
    """Yield identifiers, and short strings that are keys or file names, in a node."""
    if isinstance(node, ast.Constant):
        text = text_of(node) or ""
        if re.fullmatch(r"[\w./-]{3,40}", text):
            yield text
        return
    if isinstance(node, ast.Attribute):
        yield node.attr
        yield from _names_in(node.value)
        return
    for _, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, str):
                yield from reversed(child.split("."))  # Modules are dotted.
            elif isinstance(child, ast.AST):
                yield from _names_in(child)
