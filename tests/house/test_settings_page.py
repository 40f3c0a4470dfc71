"""The check of the page of settings sees what has drifted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checks import settings


def test_the_page_is_that_of_the_code() -> None:
    assert settings.check_settings() == []


def test_a_changed_default_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "settings.md"
    page.write_text(settings.render().replace("`6000`", "`60`"))
    monkeypatch.setattr(settings, "PAGE", page)
    assert settings.check_settings() == [f"{page} has drifted: run `make export`"]


@pytest.mark.parametrize(
    ("part", "planted"), [("KOVA_RUFF |", "KOVA_RUF |"), ("KOVA_ENV |", "KOVA_ENVIRONMENT |")]
)
def test_a_setting_without_a_meaning_is_seen(
    part: str, planted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "MEANINGS", settings.MEANINGS.replace(part, planted))
    assert len(settings.check_settings()) == 2


def test_secrets_are_told() -> None:
    secrets = {setting.name for setting in settings.list_settings() if setting.secret}
    assert {"KOVA_DATABASE_PASSWORD", "KOVA_SECRETS_KEY", "OPENAI_API_KEY"} <= secrets
    assert not {"KOVA_ENV", "KOVA_OPENAI_MODEL", "KOVA_GITHUB_APP_ID"} & secrets
