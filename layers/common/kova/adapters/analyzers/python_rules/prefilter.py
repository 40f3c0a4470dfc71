"""A look at a file's bytes for the words without which a family of rules can find nothing.

Parsing is what costs, so most files must end here; a file with a finding never may. The first step
of each look is for a few plain letters, which is many times faster than a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from kova.adapters.analyzers.python_rules import secret_names
from kova.adapters.analyzers.python_rules.rules import weak_hashes
from kova.adapters.analyzers.python_rules.taint import model

_GAP: Final = r"[\s)\\]*"  # What may stand between a name and the dot or call after it.


def _any_of(words: Iterable[str]) -> str:
    return f"(?:{'|'.join(sorted(words))})"


def _bytes(pattern: str) -> re.Pattern[bytes]:
    return re.compile(pattern.encode())


_HASHES: Final = _bytes(r"\b(?:md[45]|MD[45]|sha1?|SHA1?)\b")
_HASHED: Final = re.compile(_any_of(weak_hashes.HASHED).encode(), re.IGNORECASE)

_CLIENTS: Final = _bytes(
    r"\b(?:import|from)\s[^\n;]{0,200}?\b(?:requests|httpx|aiohttp|urllib3)\b|CERT_NONE"
)

# One string and nothing else is a query that nobody can write into.
_ONE_STRING: Final = r"\s*[rRbBuU]{0,2}(?:\"\"\"[^\"\\]*\"\"\"|\"[^\"\\\n]*\"|'[^'\\\n]*')\s*[,)]"
_QUERIES: Final = _bytes(
    r"\.[\s\\]*(?:execute|executemany|executescript|raw|read_sql|read_sql_query)"
    rf"{_GAP}\((?!{_ONE_STRING})"
)

_FLAGS: Final = _bytes(r"secure\s*=\s*False|resolve_entities\s*=\s*True|feature_external_[gp]es\b")

_REQUEST: Final = _bytes(rf"req(?:uest)?{_GAP}\.[\s\\]*{_any_of(model.REQUEST_FIELDS)}\b")
_REQUEST_AS: Final = _bytes(r"request\s+as\b")
_ARGUMENT: Final = _bytes(
    rf"get_{_any_of(call.removeprefix('get_') for call in model.REQUEST_CALLS)}"
)
_ROUTE: Final = _bytes(rf"@[^\n@]{{0,200}}\.[\s\\]*{_any_of(model.ROUTES)}\b")
_TYPED: Final = _bytes(rf"\binput{_GAP}\(|argv|stdin")
_RANDOM: Final = _bytes(r"(?:from|import|,)\s*random\b")
_SECRETS: Final = re.compile(
    _any_of(
        [*secret_names.WORDS, *(pair.replace("_", r"[\W_]*") for pair in secret_names.PAIRS)]
    ).encode(),
    re.IGNORECASE,
)

# The last part of these names is everybody's: the module tells more.
_COMMON: Final = frozenset(
    "get post put head delete patch stream load loads copy move select decode".split()
)


def _sink_pattern(kinds: Iterable[str]) -> re.Pattern[bytes]:
    """Return a pattern of the names that do these kinds of harm, as texts have them."""
    names = {name for name, kind in model.SINKS.items() if kind in kinds}
    words = {name.split(".")[0 if name.split(".")[-1] in _COMMON else -1] for name in names}
    words |= {
        name for name, kind in model.METHOD_SINKS.items() if kind.removeprefix("own_") in kinds
    }
    return _bytes(rf"\b(?:{_any_of(words)}|subprocess|yaml|ldap3|(?:exec|spawn)[lv]\w*)\b")


_HARM: Final = _sink_pattern(model.RULES)
_LOCAL_HARM: Final = _sink_pattern(model.LOCAL_KINDS)
_PAGES: Final = _bytes(r"\b(?:flask|bottle|quart)\b")


def may_hash(content: bytes) -> bool:
    """Look for a weak hash and for what must not be hashed with it."""
    named = any(word in content for word in (b"md5", b"sha", b"MD5", b"SHA", b"md4", b"MD4"))
    return named and bool(_HASHES.search(content) and _HASHED.search(content))


def may_request(content: bytes) -> bool:
    """Look for an HTTP client, or for certificates that nobody asks for."""
    clients = (b"requests", b"httpx", b"aiohttp", b"urllib3", b"CERT_NONE")
    return any(word in content for word in clients) and bool(_CLIENTS.search(content))


def may_query(content: bytes) -> bool:
    """Look for a query that is more than one string."""
    named = any(word in content for word in (b"execute", b"raw", b"read_sql"))
    return named and bool(_QUERIES.search(content))


def may_open(content: bytes) -> bool:
    """Look for an argument that opens what is closed."""
    named = any(word in content for word in (b"set_cookie", b"resolve_entities", b"feature_ext"))
    return named and _FLAGS.search(content) is not None


def may_flow(content: bytes) -> bool:
    """Look for an origin of input and for harm that it can do; or for chance and secrets."""
    routed = b"@" in content and _ROUTE.search(content)
    network = (
        routed
        or (b"req" in content and (_REQUEST.search(content) or _REQUEST_AS.search(content)))
        or (b"get_" in content and _ARGUMENT.search(content))
    )
    if network and _HARM.search(content):
        return True
    if routed and _PAGES.search(content):
        return True
    if _may_read_keyboard(content) and _LOCAL_HARM.search(content):
        return True
    return b"random" in content and bool(_RANDOM.search(content) and _SECRETS.search(content))


def _may_read_keyboard(content: bytes) -> bool:
    named = any(word in content for word in (b"input", b"argv", b"stdin"))
    return named and _TYPED.search(content) is not None


def may_find(content: bytes) -> bool:
    """Tell whether any family may find something in a file."""
    return any(may(content) for may in (may_hash, may_request, may_query, may_open, may_flow))
