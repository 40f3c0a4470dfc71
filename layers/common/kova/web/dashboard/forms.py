"""Forms of our own pages; their session's token is checked by needs_session()."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from kova.shared.text import clean
from kova.web.dashboard.dependencies import Pages
from kova.web.own_host import is_own_origin
from kova.web.pages.form import read_form
from kova.web.pages.session import ForeignFormError


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


async def own_form(request: Request, pages: Pages) -> BrowserForm:
    """Return a form that a page of this Kova posted.

    Raises:
        ForeignFormError: a browser says that another site sent it.
        InvalidInputError: it is no form.
    """
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if origin is not None and not is_own_origin(origin, host=host, public_url=pages.public_url):
        raise ForeignFormError
    return BrowserForm(fields=await read_form(request))


OwnForm = Annotated[BrowserForm, Depends(own_form)]
