"""Creates, lists and revokes API keys for whoever may invoke it: `kova keys --stack NAME`."""

import logging
from typing import Any

from kova.bootstrap.environment import environment
from kova.bootstrap.event_loop import event_loop
from kova.bootstrap.keys import answer_key_request
from kova.shared.exceptions import KovaError
from kova.web.logs import configure_logging

_LOG = logging.getLogger("kova.keys")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer a request of `answer_key_request`, or `error` with a sentence."""
    try:
        variables = environment()
        configure_logging(variables.get("KOVA_LOG_LEVEL", ""))
        answer = answer_key_request(variables, event, actor="stack")
        return event_loop().run_until_complete(answer)
    except KovaError as exc:
        _LOG.warning("request refused", extra={"reason": exc.reason})
        return {"error": exc.message}
