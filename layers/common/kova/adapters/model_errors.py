"""The errors of both official SDKs, which share their names, as the domain's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx2

from kova.models.outcome import Outcome
from kova.shared.exceptions import (
    ModelCutError,
    ModelMisconfiguredError,
    ModelNonsenseError,
    ModelRateLimitedError,
    ModelTimeoutError,
    ModelUnavailableError,
)

_TOO_MANY: Final = 429
_SERVER: Final = 500
_LONGEST_WAIT: Final = 3_600.0


@contextmanager
def translate_errors(sdk: Any, *, answering: bool = False) -> Iterator[None]:
    """Turn an SDK's errors into ours. Our messages repeat nothing of the provider's.

    Args:
        sdk: the module `openai` or `anthropic`.
        answering: the head of the answer has come: a broken connection cuts it off.

    Raises:
        ModelError: one of its kinds.
    """
    try:
        yield
    except (sdk.APITimeoutError, httpx2.TimeoutException) as exc:
        raise ModelTimeoutError from exc
    except sdk.APIStatusError as exc:
        raise _error_of_status(exc) from exc
    except sdk.APIConnectionError as exc:
        raise (ModelCutError if answering else ModelUnavailableError) from exc
    except sdk.APIError as exc:  # An error event, told in the middle of a stream.
        raise ModelCutError from exc
    except (httpx2.TransportError, httpx2.StreamError) as exc:
        raise ModelCutError from exc
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError) as exc:
        raise ModelNonsenseError(outcome=Outcome.WRONG_SHAPE) from exc


def _error_of_status(error: Any) -> Exception:
    status: int = error.status_code
    wait = retry_after(error.response.headers.get("retry-after"))
    if status == _TOO_MANY:
        return ModelRateLimitedError(retry_after=wait, status=status)
    if status >= _SERVER:
        return ModelUnavailableError(retry_after=wait, status=status)
    if status < 400:  # noqa: PLR2004 (an error that a stream told after its head said 200)
        return ModelCutError(status=status)
    return ModelMisconfiguredError(status=status)


def retry_after(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header; dates and nonsense are None."""
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return min(seconds, _LONGEST_WAIT) if seconds >= 0 else None


def check_stream(headers: Any) -> None:
    """See that an answer is a stream of events.

    Raises:
        ModelNonsenseError: it is a page, or JSON that is no stream.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/event-stream":
        json = kind == "application/json"
        raise ModelNonsenseError(outcome=Outcome.WRONG_SHAPE if json else Outcome.NOT_JSON)
