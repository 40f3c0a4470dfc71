"""Outages of the services that the twins stand for."""

from __future__ import annotations

from typing import ClassVar

from kova.shared.exceptions import DatabaseUnavailableError, UnavailableError


class Switchable:
    """A twin that is away while `available` is False: then every call says so."""

    outage: ClassVar[type[UnavailableError]] = DatabaseUnavailableError
    available = True

    def check(self) -> None:
        """Do nothing where the twin is available; otherwise raise its error."""
        if not self.available:
            raise self.outage
