"""A way to sign in with an account elsewhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SignInProvider:
    """A way to sign in: `id` is the one of its identities, `name` the one for people."""

    id: str
    name: str

    @property
    def path(self) -> str:
        """The page of ours where it begins."""
        return f"/auth/{self.id}/login"
