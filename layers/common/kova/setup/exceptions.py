"""The errors of the setup."""

from __future__ import annotations

from kova.shared.exceptions import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    UnavailableError,
)


class SetupTokenError(ForbiddenError):
    """This is not the one-time token. Copy the whole link that was printed at the start."""

    reason = "setup_token"


class SetupSessionError(ForbiddenError):
    """The setup was not begun in this browser, or more than an hour ago. Begin anew."""

    reason = "setup_session"


class SetupOriginError(ForbiddenError):
    """The form comes from another site."""

    reason = "setup_origin"


class SetupCodeError(InvalidInputError):
    """GitHub does not accept this code: it was used before, or it is older than an hour."""

    reason = "setup_code"


class AppConfiguredError(ConflictError):
    """A GitHub App is configured already."""

    reason = "app_configured"


class AppLostError(ConflictError):
    """GitHub made the App, but its credentials could not be stored: delete it and begin anew."""

    reason = "app_lost"


class StoreUnavailableError(UnavailableError):
    """The store of the App's credentials does not answer."""

    reason = "store_unavailable"
