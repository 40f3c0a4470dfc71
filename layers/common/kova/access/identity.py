"""What a provider says of somebody who proved to it who they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from kova.shared.exceptions import ForbiddenError, UnavailableError
from kova.shared.reach import EVERYTHING, Reach

GOOGLE: Final = "google"
GITHUB: Final = "github"
LOCAL: Final = "local"
"""The machine that Kova runs on: whoever reads there what Kova prints."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Somebody, as a provider knows them.

    Attributes:
        provider: GOOGLE, GITHUB or LOCAL.
        actor: `google:ADDRESS` in lower case, `github:LOGIN`, or `local:owner`.
        name: the name for people.
        address_verified: whether the provider says that the address is theirs.
        hosted_domain: the Google Workspace that the account belongs to.
        reach: the repositories that the provider lets them see.
    """

    provider: str
    actor: str
    name: str
    address_verified: bool = True
    hosted_domain: str | None = None
    reach: Reach = EVERYTHING


@dataclass(frozen=True, kw_only=True)
class ProvenIdentity:
    """Somebody who just proved who they are.

    Attributes:
        identity: what the provider says of them.
        token: theirs, where the provider can be asked with it again; None otherwise.
    """

    identity: Identity
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class SignInAttempt:
    """One way to a provider and back, begun in one browser.

    Attributes:
        state: goes to the provider and comes back; names the attempt.
        nonce: must stand in the provider's token.
        verifier: the secret of PKCE (RFC 7636), of which the provider first sees a hash.
        redirect_uri: where the provider sends the browser back.
    """

    state: str
    nonce: str
    verifier: str
    redirect_uri: str


class SignInRefusedError(ForbiddenError):
    """Signing in did not work. Begin anew."""

    reason = "sign_in_refused"


class IdentityTokenError(SignInRefusedError):
    """The provider's answer cannot be trusted. Begin anew, or ask whoever runs this Kova."""

    reason = "identity_token"


class ProviderUnavailableError(UnavailableError):
    """The provider of the sign-in does not answer. Try again in a minute."""

    reason = "provider_unavailable"
