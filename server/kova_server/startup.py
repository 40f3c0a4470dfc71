"""What is checked before a process of the server form begins."""

from __future__ import annotations

import logging

from kova.bootstrap.core import Core
from kova.bootstrap.settings import Settings
from kova.shared.exceptions import DatabaseUnavailableError, SchemaOutdatedError

_LOG = logging.getLogger("kova.startup")


async def require_schema(settings: Settings) -> None:
    """Do nothing where the tables are those of this version, or the database is away.

    Webhooks are accepted and jobs wait while it is away, so that is no reason not to start.

    Raises:
        SchemaOutdatedError: `kova migrate` has to be run first.
    """
    core = Core(settings)
    try:
        await core.database.ping()
    except SchemaOutdatedError:
        raise
    except DatabaseUnavailableError as exc:
        _LOG.warning("the database does not answer yet", extra={"reason": exc.reason})
    finally:
        await core.close()
