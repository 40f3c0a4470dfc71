"""CloudFormation's custom resources: an event becomes a call, and the answer goes to its address.

See https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import json
import logging
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final

from kova.shared.exceptions import KovaError

_SECONDS: Final = 20
_MOST_REASON: Final = 1_000  # Characters; an answer has at most 4,096 bytes.
_LOG = logging.getLogger("kova.custom_resource")


def answer_stack(
    event: Mapping[str, Any], call: Callable[[Mapping[str, Any]], Mapping[str, str]]
) -> dict[str, Any]:
    """Call with an event of CloudFormation, and tell CloudFormation what came of it.

    A stack that hears nothing waits for an hour: every failure is told as one.

    Args:
        event: one without a ResponseURL was sent by hand, and is answered to its sender.
        call: does the work and returns the resource's attributes.

    Returns:
        What was told.

    Raises:
        OSError: the answer could not be sent; Lambda will send the event again.
    """
    answer: dict[str, Any] = {
        "PhysicalResourceId": event.get("PhysicalResourceId") or event.get("LogicalResourceId", ""),
        **{name: event.get(name, "") for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    try:
        answer |= {"Status": "SUCCESS", "Data": dict(call(event))}
    except KovaError as exc:
        _LOG.error("the resource failed: %s", exc, extra={"reason": exc.reason})
        answer |= {"Status": "FAILED", "Reason": exc.message[:_MOST_REASON]}
    except Exception as exc:  # noqa: BLE001 (the boundary: a stack must not wait for an hour)
        # Its text may hold what nobody should read in a console; the log has it.
        _LOG.exception("the resource failed")
        answer |= {"Status": "FAILED", "Reason": f"{type(exc).__name__}: see the function's log."}
    url = event.get("ResponseURL")
    if url:
        _send(url, answer)
    return answer


def _send(url: str, answer: Mapping[str, Any]) -> None:
    """Put the answer at the signed address, which is for a body without content type."""
    request = urllib.request.Request(  # noqa: S310 (CloudFormation chose the address)
        url, data=json.dumps(answer).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310 (as above)
        pass
