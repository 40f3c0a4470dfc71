"""What the pages' routes ask for: somebody signed in, a page of a list."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Depends, Query, Request

from kova.access.api_key import Scope
from kova.shared.exceptions import InvalidInputError
from kova.shared.page import PageRequest
from kova.web.dependencies import CURSOR_PATTERN, capability, decode_cursor
from kova.web.pages.session import People, SignedIn, needs_session
from kova.web.services import PageServices

ROWS: Final = 50
_CURSOR: Final = re.compile(CURSOR_PATTERN)


def person(scope: Scope) -> Callable[..., Awaitable[SignedIn]]:
    """Return a dependency on somebody with a scope; an error's page shows their navigation."""
    admit = needs_session(scope)

    async def remember(request: Request, people: People) -> SignedIn:
        signed_in = await admit(request, people)
        request.state.signed_in = signed_in
        return signed_in

    return remember


async def rows_request(cursor: Annotated[str, Query(max_length=100)] = "") -> PageRequest:
    """Read the place in a list.

    Raises:
        InvalidInputError: no page of ours has such an address.
    """
    if cursor and not _CURSOR.fullmatch(cursor):
        raise InvalidInputError("This address is not complete: begin with the list's first page.")
    return PageRequest(limit=ROWS, after=decode_cursor(cursor) if cursor else None)


Pages = Annotated[PageServices, Depends(capability("pages"))]
RowsRequest = Annotated[PageRequest, Depends(rows_request)]
Reader = Annotated[SignedIn, Depends(person(Scope.READ))]
Member = Annotated[SignedIn, Depends(person(Scope.SCAN))]
Asker = Annotated[SignedIn, Depends(person(Scope.AI))]
Administrator = Annotated[SignedIn, Depends(person(Scope.ADMIN))]
