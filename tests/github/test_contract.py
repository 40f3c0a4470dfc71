"""The check itself that conftest.py makes of every request in this folder."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Complain = Callable[[str, str, bytes], str | None]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/repos/o/r/git/trees/main?recursiv=1", b""),
        ("GET", "/repos/o/r/git/tree/main", b""),
        ("PUT", "/repos/o/r/pulls", b"{}"),
        ("POST", "/repos/o/r/pulls", b'{"title": "x"}'),
        ("POST", "/repos/o/r/pulls", b'{"head": "x", "base": "y", "titel": "z"}'),
        ("POST", "/repos/o/r/git/refs", b'{"ref": 5, "sha": "x"}'),
    ],
)
def test_a_request_that_github_does_not_describe_is_complained_of(
    complain: Complain, method: str, path: str, body: bytes
) -> None:
    assert complain(method, path, body) is not None


def test_a_described_request_passes(complain: Complain) -> None:
    body = b'{"head": "x", "base": "y", "title": "z"}'

    assert complain("POST", "/repos/o/r/pulls", body) is None
    assert complain("GET", "/repos/o/r/commits/main/check-runs?filter=all", b"") is None
