"""HTTP calls without a time-out or with an unchecked certificate, also through sessions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from kova.adapters.analyzers.python_rules.ast_helpers import (
    contains,
    dotted_name,
    has_spread,
    is_constant,
    keyword,
    last_name,
    targets,
    text_of,
)
from kova.adapters.analyzers.python_rules.module_index import ModuleIndex
from kova.adapters.analyzers.python_rules.problem import CodeProblem

_OPTION: Final = re.compile(r"verif|insecure|check|cert|ssl|tls|valid", re.IGNORECASE)
_VERBS: Final = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "request"})
_SESSIONS: Final = frozenset({"requests.Session", "requests.session", "requests.sessions.Session"})
_HTTPX: Final = frozenset({"httpx.Client", "httpx.AsyncClient"})
_TLS_CALLS: Final = frozenset({"aiohttp.TCPConnector", "aiohttp.ClientSession"})


def check_requests(index: ModuleIndex) -> Iterator[CodeProblem]:
    """Yield calls that may wait for ever, or speak to anyone."""
    sessions = _session_names(index)
    guarded = _sets_timeout_elsewhere(index)
    for call in (place.call for place in index.calls):
        # A name that nothing imports is the project's own, whatever it is called.
        imported = dotted_name(call.func).partition(".")[0] in index.imports
        called, verb = index.called_name(call) if imported else "", last_name(call.func)
        module = called.rpartition(".")[0]
        session = dotted_name(call.func).rpartition(".")[0] in sessions and verb in _VERBS
        plain = module in {"requests", "requests.api"} and verb in _VERBS
        if (plain or (session and not guarded)) and _has_no_timeout(call):
            yield CodeProblem(
                rule="request-without-timeout",
                node=call,
                message="Without a time-out this waits for ever when the server does not answer.",
            )
        httpx = module == "httpx" and (verb in _VERBS or called in _HTTPX)
        if httpx and is_constant(keyword(call, "timeout"), None):
            yield CodeProblem(
                rule="request-without-timeout",
                node=call,
                message="timeout=None waits for ever when the server does not answer.",
            )
        if (plain or session or httpx or called in _SESSIONS) and is_constant(
            keyword(call, "verify"), False
        ):
            yield _unverified_problem(call, "verify=False")
        if called in _TLS_CALLS or (called.startswith("aiohttp.") and verb in _VERBS):
            for name in ("ssl", "verify_ssl"):
                if is_constant(keyword(call, name), False):
                    yield _unverified_problem(call, f"{name}=False")
        if called.startswith("urllib3.") and _is_cert_none(keyword(call, "cert_reqs")):
            yield _unverified_problem(call, "cert_reqs=CERT_NONE")
    yield from _check_assignments(index, sessions)


def _unverified_problem(node: ast.stmt | ast.expr, flag: str) -> CodeProblem:
    return CodeProblem(
        rule="tls-not-verified",
        node=node,
        message=f"{flag} accepts any certificate: anyone on the way can read and change it all.",
    )


def _check_assignments(index: ModuleIndex, sessions: frozenset[str]) -> Iterator[CodeProblem]:
    """Flags that are set on a session or a context after it was made."""
    for assign in index.assigns:
        if assign.value is None:
            continue
        for target in targets(assign):
            owner, _, flag = dotted_name(target).rpartition(".")
            false = is_constant(assign.value, False)
            if flag == "verify" and false and owner in sessions:
                yield _unverified_problem(assign, "verify = False")
            elif (
                flag == "verify_mode"
                and _is_cert_none(assign.value)
                and not _is_optional(index, assign)
            ):
                yield _unverified_problem(assign, "CERT_NONE")


def _is_optional(index: ModuleIndex, node: ast.stmt | ast.expr) -> bool:
    """Tell whether an option of the user's decides, as `if not verify:` or its `else`."""
    return any(
        isinstance(place.node, ast.If)
        and _OPTION.search(ast.unparse(place.node.test))
        and any(contains(statement, node) for statement in (*place.node.body, *place.node.orelse))
        for place in index.places
    )


def _is_cert_none(node: ast.expr | None) -> bool:
    if node is None:
        return False
    return text_of(node) == "CERT_NONE" or dotted_name(node).rpartition(".")[2] == "CERT_NONE"


def _session_names(index: ModuleIndex) -> frozenset[str]:
    """Return the names that hold a session of requests: `s`, `self.session`."""
    names: set[str] = set()
    for value, bound in _bindings(index):
        if isinstance(value, ast.Call) and index.called_name(value) in _SESSIONS:
            names.add(dotted_name(bound))
    return frozenset(names - {""})


def _bindings(index: ModuleIndex) -> Iterator[tuple[ast.expr | None, ast.expr]]:
    """Yield what is assigned, or entered by `with`, and the name that it gets."""
    for place in index.places:
        if isinstance(place.node, ast.With | ast.AsyncWith):
            for context in place.node.items:
                if context.optional_vars is not None:
                    yield context.context_expr, context.optional_vars
        elif isinstance(place.node, ast.Assign | ast.AnnAssign):
            yield from ((place.node.value, target) for target in targets(place.node))


def _has_no_timeout(call: ast.Call) -> bool:
    timeout = keyword(call, "timeout")
    return (timeout is None and not has_spread(call)) or is_constant(timeout, None)


def _sets_timeout_elsewhere(index: ModuleIndex) -> bool:
    """Tell whether sessions get a default: an adapter is mounted, or `request` is replaced."""
    if any(dotted_name(place.call.func).endswith(".mount") for place in index.calls):
        return True
    return any(
        dotted_name(target).endswith((".request", ".timeout"))
        for assign in index.assigns
        for target in targets(assign)
    )
