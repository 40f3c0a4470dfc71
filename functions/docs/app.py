"""GET /docs and GET /openapi.json: files made at build time, without a web framework."""

import logging
from functools import cache
from typing import Any

from kova.bootstrap.environment import FromEnvironment
from kova.bootstrap.settings import load_cdn_settings
from kova.shared.exceptions import KovaError, NotFoundError
from kova.web.gateway import GatewayRequest, answer, answer_problem
from kova.web.logs import configure_logging
from kova.web.origin import require_gateway_origin
from kova.web.static_pages import static_page

_LOG = logging.getLogger("kova.docs")
_configure_once = cache(configure_logging)
_cdn = FromEnvironment(load_cdn_settings)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer one API Gateway HTTP API event (payload version 2.0)."""
    _configure_once()
    request = GatewayRequest.of(event)
    try:
        require_gateway_origin(request, _cdn().origin_secrets)
    except KovaError as exc:
        _LOG.warning("page refused", extra={"reason": exc.reason, "request_id": request.id})
        return answer_problem(request, exc)
    page = static_page(request.path)
    status = page.status if page else 404
    _LOG.info("page", extra={"status": status, "request_id": request.id})
    if page is None:
        return answer_problem(request, NotFoundError())
    return answer(request, page.status, page.body, page.headers)
