"""Forms of our own pages; needs_session() checks their session's token and where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from kova.shared.text import clean
from kova.web.pages.form import read_form


@dataclass(frozen=True, kw_only=True)
class BrowserForm:
    """The fields of a form; texts are storable."""

    fields: dict[str, list[str]]

    def text(self, name: str) -> str:
        """Return the first value without the space around it; empty where there is none."""
        return clean(self.fields.get(name, [""])[0]).strip()

    def texts(self, name: str) -> list[str]:
        """Return all values."""
        return [clean(text) for text in self.fields.get(name, [])]


async def own_form(request: Request) -> BrowserForm:
    """Return the form in the body.

    Raises:
        InvalidInputError: it is no form.
    """
    return BrowserForm(fields=await read_form(request))


OwnForm = Annotated[BrowserForm, Depends(own_form)]
