"""The check before a process of the server form starts."""

from __future__ import annotations

import logging

from kova.bootstrap.core import Core
from kova.bootstrap.settings import Settings
from kova.shared.exceptions import DatabaseUnavailableError, SchemaOutdatedError

_LOG = logging.getLogger("kova.startup")


async def require_schema(settings: Settings) -> None:
    """Check that the database has the schema of this version.

    A database that does not answer is only logged: webhooks are accepted and jobs wait meanwhile.

    Raises:
        SchemaOutdatedError: run `kova migrate` first.
    """
    core = Core(settings)
    try:
        await core.database.ping()
    except SchemaOutdatedError:
        raise
    except DatabaseUnavailableError as exc:
        _LOG.warning("the database does not answer yet", extra={"reason": exc.reason, **exc.data})
    finally:
        await core.close()
