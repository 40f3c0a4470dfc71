"""Whether a request came through the CDN in front of Kova, and from which address.

The CDN adds a header with a secret to each request that it passes on. Without a web framework:
the webhook and docs functions check it too.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from kova.shared.exceptions import DirectAddressError

if TYPE_CHECKING:
    from kova.web.gateway import GatewayRequest

HEADER: Final = "x-origin-verify"
_WITH_PORT: Final = "cloudfront-viewer-address"
"""This header ends with the port: also after an address of IPv6, without brackets."""


def require_origin(sent: Sequence[bytes], secrets: Sequence[str]) -> None:
    """Check the header of a request, in constant time.

    Args:
        sent: every value of the header HEADER, as it arrived.
        secrets: those that are valid now, several while one is being rotated; without any, every
            request passes.

    Raises:
        DirectAddressError: the header is missing, is there twice, or holds another value.
    """
    if not secrets:
        return
    value = sent[0] if len(sent) == 1 else b""
    matches = False
    for secret in secrets:
        matches |= hmac.compare_digest(secret.encode(), value)
    if not matches:
        raise DirectAddressError


def require_gateway_origin(request: GatewayRequest, secrets: Sequence[str]) -> None:
    """Check the header of an event of API Gateway as `require_origin` does.

    Raises:
        DirectAddressError: as there.
    """
    sent = request.headers.get(HEADER)
    require_origin([] if sent is None else [sent.encode("utf-8", "replace")], secrets)


def parse_viewer(name: str, value: str) -> str | None:
    """Return the address of the CDN's client.

    Args:
        name: of the header in which the CDN tells it, in lower case.
        value: of that header.

    Returns:
        None where the value is no address.
    """
    text = value.rpartition(":")[0] if name == _WITH_PORT else value
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return None
