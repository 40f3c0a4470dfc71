"""The limits of nginx are Kova's, and a mistake in its files is found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kova.shared.limits import API_BYTES, FORM_BYTES, SARIF_BYTES, WEBHOOK_BYTES
from tests.support.nginx import SOURCE, lay_out

LOCATIONS = (SOURCE / "locations.conf").read_text()


def test_a_body_may_be_as_large_as_kova_says() -> None:
    limits = {
        place.strip(): int(size)
        for place, size in re.findall(
            r"^location ([^{]+)\{\n  client_max_body_size (\d+);", LOCATIONS, re.MULTILINE
        )
    }
    assert limits == {
        "/webhooks/": WEBHOOK_BYTES,
        "= /webhooks/slack": WEBHOOK_BYTES,
        "~ ^/api/scans/[^/]+/sarif$": SARIF_BYTES,
        "/setup": FORM_BYTES,
        "/auth/": FORM_BYTES,
        "/ui/": FORM_BYTES,
    }
    assert f"\nclient_max_body_size {API_BYTES};" in LOCATIONS


def test_a_variable_that_nobody_sets_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.support.nginx.VALUES", {})
    with pytest.raises(KeyError):
        lay_out(tmp_path / "nginx", "plain", {})
