"""Signing in over twins: with Google alone, which is never asked again."""

from __future__ import annotations

from typing import NoReturn

from kova.access.identity import GOOGLE
from kova.access.sign_in import SignIn
from kova.access.sign_in_rules import SignInRules
from kova.adapters.memory.clock import Clock
from kova.adapters.memory.people import MemoryOneTimeValues, MemoryPeopleSessions


def memory_sign_in(rules: SignInRules) -> SignIn:
    """Return the use case over sessions and links in memory."""

    def no_github() -> NoReturn:
        raise AssertionError("There is no GitHub to ask here.")

    return SignIn(
        sessions=MemoryPeopleSessions(),
        links=MemoryOneTimeValues(),
        rules=rules,
        providers=[GOOGLE],
        confirm=no_github,
        now=Clock(),
    )
