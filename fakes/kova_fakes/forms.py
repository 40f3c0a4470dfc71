"""The forms of a page, as a browser without scripts submits them."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin

import httpx

_FORM: Final = re.compile(r'<form method="post" action="([^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
_INPUT: Final = re.compile(r'<input[^>]*\bname="([^"]*)"[^>]*>')
_VALUE: Final = re.compile(r'\bvalue="([^"]*)"')


@dataclass(frozen=True, kw_only=True)
class PageForm:
    """A form: the address that it goes to, and what stands in its fields."""

    address: str
    fields: dict[str, str]


def form_of(page: httpx.Response) -> PageForm:
    """Return the first form of a page.

    Raises:
        ValueError: there is none.
    """
    match = _FORM.search(page.text)
    if match is None:
        raise ValueError(f"There is no form: {page.text}")
    fields = {}
    for field in _INPUT.finditer(match[2]):
        value = _VALUE.search(field[0])
        fields[field[1]] = html.unescape(value[1]) if value else ""
    return PageForm(address=urljoin(str(page.url), html.unescape(match[1])), fields=fields)
