"""Weak hashes, judged by what they are used for; and which names speak of secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import libcst as cst

from kova.adapters.analyzers.python_rules.hits import Problem
from kova.adapters.analyzers.python_rules.index import (
    Index,
    dotted_name,
    holds,
    is_constant,
    keyword,
    last_name,
    parts_of,
    positional,
    targets,
    text_of,
)

TEXT: Final = re.compile(r"\b(?:md5|sha1|MD5|SHA1|sha)\b")
_WEAK: Final = frozenset(
    {"hashlib.md5", "hashlib.sha1", "Crypto.Hash.MD5.new", "md5.new", "sha.new"}
)
_NAMED: Final = frozenset({"md5", "sha1", "sha", "md4"})
_WORDS: Final = frozenset(
    """
    password passwd passphrase pwd secret secrets token tokens otp totp nonce salt csrf xsrf
    credential credentials captcha apikey signature sessionid passcode pin cookie rememberme
    """.split()
)
_PAIRS: Final = frozenset(
    """
    session_id api_key secret_key private_key auth_key access_key reset_code verification_code
    verify_code activation_code confirmation_code invite_code signing_key encryption_key
    remember_me auth_code login_code reset_key activation_key
    """.split()
)
SECRET_TEXT: Final = re.compile(
    "|".join(sorted(_WORDS | {pair.replace("_", "_?") for pair in _PAIRS})), re.IGNORECASE
)
# For a hash, fewer words: a token may be hashed only to make it shorter.
_HASHED: Final = frozenset(
    {"password", "passwd", "passphrase", "pwd", "secret", "credential", "credentials", "signature"}
)
_SAYS_NOTHING: Final = frozenset(
    "h m d hash hashed hasher hashing digest md md5 sha sha1 result value ret res out x".split()
)
# `cookie_name` says something about a cookie, and is none.
_ABOUT: Final = frozenset(
    """
    name names prefix suffix type field path url header length size domain expires expiry age
    label index idx delay interval timeout policy
    """.split()
)
_NOT_SECRET: Final = frozenset({"tokenizer", "tokenize", "max", "num", "count", "n", "len", "ids"})


def words_of(name: str) -> list[str]:
    """Split an identifier into lower-case words."""
    return [one.lower() for one in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def is_secret_name(name: str) -> bool:
    """Tell whether a name says that its value must not be guessed."""
    words = words_of(name)
    if not words or not _NOT_SECRET.isdisjoint(words) or words[-1] in _ABOUT:
        return False
    pairs = {f"{one}_{two}" for one, two in pairwise(words)}
    return not _WORDS.isdisjoint(words) or not _PAIRS.isdisjoint(pairs)


def check_hashes(index: Index) -> Iterator[Problem]:
    """Yield weak hashes of what must not be guessed; checksums and cache keys are let be."""
    for call, scope in index.calls:
        weak = _weak_hash(index, call)
        if weak is None or is_constant(keyword(call, "usedforsecurity"), "False"):
            continue
        reason = _purpose(index, call, scope)
        if reason:
            yield Problem(
                rule="weak-hash",
                node=call,
                message=f"{weak} can be broken, and this is about {reason!r}: use a hash made "
                "for it, such as hashlib.scrypt for passwords and SHA-256 for signatures.",
            )


def _weak_hash(index: Index, call: cst.Call) -> str | None:
    called = index.called(call)
    if called in _WEAK:
        return called.removesuffix(".new").rpartition(".")[2].upper()
    given = positional(call)
    if called == "hashlib.new" and given and (text_of(given[0]) or "").lower() in _NAMED:
        return (text_of(given[0]) or "").upper()
    return None


def _purpose(index: Index, call: cst.Call, scope: str) -> str | None:
    """Return the name that tells the purpose: in the arguments, the target or the function.

    A target whose own name says something else (`etag`) is believed.
    """
    for name in _names_in(call):
        if _speaks(name):
            return name
    target = _target(index, call, scope)
    if target and (_speaks(target) or words_of(target)[0] not in _SAYS_NOTHING):
        return target if _speaks(target) else None
    function = index.functions.get(scope)
    if function is None:
        return None
    names = (function.name.value, *_names_in(function))
    return next((name for name in names if _speaks(name)), None)


def _target(index: Index, call: cst.Call, scope: str) -> str:
    """Return the name that the statement around a call binds."""
    for assign, place in index.assigns:
        if place == scope and assign.value is not None and holds(assign.value, call):
            return last_name(targets(assign)[0])
    return ""


def _speaks(name: str) -> bool:
    return not _HASHED.isdisjoint(words_of(name))


def _names_in(node: cst.CSTNode) -> Iterator[str]:
    """Yield identifiers, and short strings that are keys or file names, below a node."""
    if isinstance(node, cst.Name):
        yield node.value
    elif isinstance(node, cst.SimpleString):
        text = text_of(node) or ""
        if re.fullmatch(r"[\w./-]{3,40}", text):
            yield text
    elif isinstance(node, cst.Attribute):
        yield dotted_name(node).rpartition(".")[2]
        yield from _names_in(node.value)
        return
    for child in parts_of(node):
        yield from _names_in(child)
