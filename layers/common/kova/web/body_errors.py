"""Why a body is not taken; web/problem_table.py has the statuses."""

from __future__ import annotations

from kova.shared.exceptions import InvalidInputError, KovaError, MediaTypeError, UnavailableError


class BodyRefusedError(KovaError):
    """The body is not taken."""


class BodyTooLargeError(BodyRefusedError):
    """The body is too large."""

    reason = "too_large"


class BodyFramingError(BodyRefusedError, InvalidInputError):
    """Content-Length and Transfer-Encoding exclude each other."""

    reason = "bad_framing"


class BodyCutError(BodyRefusedError, InvalidInputError):
    """The connection ended before the body did."""

    reason = "body_cut"


class BodyTooSlowError(BodyRefusedError):
    """The body did not arrive in time."""

    reason = "body_too_slow"


class BodyKindError(BodyRefusedError, MediaTypeError):
    """The body must be application/json."""


class FormKindError(BodyKindError):
    """The body must be a form."""


class BodyBusyError(BodyRefusedError, UnavailableError):
    """Too many large bodies arrive at this moment: send it again later."""

    reason = "bodies_busy"


class BadJsonError(InvalidInputError):
    """The body is not JSON."""

    reason = "bad_json"
