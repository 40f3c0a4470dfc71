"""A way to sign in with an account elsewhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SignInProvider:
    """A way to sign in: `path` is the page of ours where it begins."""

    name: str
    path: str
