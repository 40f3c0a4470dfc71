"""Settings are read in one way, and what is wrong with them is said at the start."""

from __future__ import annotations

import pytest

from kova.bootstrap.settings import SettingsError, fill_from_secret, load_settings

BLANKS = ["", " ", "\t", "\n", " \r\n ", "\u00a0"]


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("name", ["KOVA_SECRETS_KEY", "KOVA_DATABASE_URL", "KOVA_SCAN_QUEUE_URL"])
def test_a_needed_setting_that_is_blank_is_missing(name: str, blank: str) -> None:
    """A blank key of secrets once passed this check, and the public one of local runs was used."""
    with pytest.raises(SettingsError, match=rf"^{name} is missing\.$"):
        load_settings({name: blank}, needed_in_production=(name,))
    with pytest.raises(SettingsError, match=rf"^{name} is missing\.$"):
        load_settings({name: blank, "KOVA_ENV": "local"}, needed=(name,))


@pytest.mark.parametrize("blank", BLANKS)
def test_a_secret_fills_a_variable_that_is_blank(blank: str) -> None:
    variables = fill_from_secret({"KOVA_SECRETS_KEY": blank}, '{"KOVA_SECRETS_KEY": "k"}', "arn")
    assert load_settings(variables).secrets_key == "k"
