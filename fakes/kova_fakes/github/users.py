"""People who sign in with GitHub, and what a code or a token of theirs stands for."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(kw_only=True)
class GitHubUser:
    """A person: `permissions` are by full name, such as `pull` or `push`."""

    login: str
    name: str | None = None
    permissions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class UserGrant:
    """What a code stands for."""

    user: GitHubUser
    redirect_uri: str
    challenge: str


@dataclass(kw_only=True)
class UserSignIn:
    """The sign-in of one GitHub: who consents (nobody cancels), codes and tokens."""

    user: GitHubUser | None = None
    callback_urls: list[str] = field(default_factory=list)
    grants: dict[str, UserGrant] = field(default_factory=dict)
    tokens: dict[str, GitHubUser] = field(default_factory=dict)
