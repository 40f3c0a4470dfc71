"""Arguments that open what is closed unless somebody says so."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kova.adapters.analyzers.python_rules.ast_helpers import (
    is_constant,
    keyword,
    last_name,
    positional,
)
from kova.adapters.analyzers.python_rules.module_index import ModuleIndex
from kova.adapters.analyzers.python_rules.problem import CodeProblem

_PARSERS = frozenset({"lxml.etree.XMLParser", "lxml.etree.ETCompatXMLParser"})


def check_flags(index: ModuleIndex) -> Iterator[CodeProblem]:
    """Yield cookies that go over unencrypted lines, and XML parsers that fetch what XML names."""
    for call in (place.call for place in index.calls):
        if last_name(call.func) == "set_cookie" and is_constant(keyword(call, "secure"), False):
            yield CodeProblem(
                rule="cookie-without-tls",
                node=call,
                message="secure=False sends the cookie over unencrypted connections too.",
            )
        if _opens_entities(index, call):
            yield CodeProblem(
                rule="external-entities",
                node=call,
                message="The XML may name files and addresses, and this parser reads them.",
            )


def _opens_entities(index: ModuleIndex, call: ast.Call) -> bool:
    if index.called_name(call) in _PARSERS:
        return is_constant(keyword(call, "resolve_entities"), True)
    plain = positional(call)
    return (
        last_name(call.func) == "setFeature"
        and len(plain) > 1
        and last_name(plain[0]) in {"feature_external_ges", "feature_external_pes"}
        and is_constant(plain[1], True)
    )
