"""Migrates the database at each deployment, as a custom resource of CloudFormation."""

import logging
from collections.abc import Mapping
from typing import Any

from kova.bootstrap.environment import environment
from kova.bootstrap.event_loop import event_loop
from kova.bootstrap.migration import migrate_and_make_key
from kova.web.custom_resource import answer_stack
from kova.web.logs import configure_logging

_LOG = logging.getLogger("kova.migrate")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Migrate and make the first key; deleting the stack's resource changes nothing."""
    return answer_stack(event, _migrate)


def _migrate(event: Mapping[str, Any]) -> dict[str, str]:
    if event.get("RequestType") == "Delete":
        return {}
    variables = environment()
    configure_logging(variables.get("KOVA_LOG_LEVEL", ""))
    report = event_loop().run_until_complete(migrate_and_make_key(variables))
    _LOG.info("migrated", extra={"report": report.migration, "first_key": report.key_prefix})
    return {"FirstKeyPrefix": report.key_prefix}
