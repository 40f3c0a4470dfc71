"""What a command says about a setting that is wrong: its name, in one line."""

from __future__ import annotations

import pytest

from tests.cli.test_failures import run


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("migrate", "KOVA_DATABASE_URL"),
        ("worker", "KOVA_SCAN_QUEUE_URL"),
        ("serve", "KOVA_SECRETS_KEY"),
        ("worker", "KOVA_SECRETS_KEY"),
        ("serve", "KOVA_SIGNING_KEY"),
        ("worker", "KOVA_SIGNING_KEY"),
    ],
)
def test_a_blank_setting_is_missing(command: str, name: str) -> None:
    needed = {
        "KOVA_DATABASE_URL": "postgresql://127.0.0.1:1/x",
        "KOVA_SCAN_QUEUE_URL": "http://127.0.0.1:1/x",
        "KOVA_SECRETS_KEY": "k",
        "KOVA_SIGNING_KEY": "k",
    }
    process = run(command, variables=needed | {name: " "})
    assert (process.returncode, process.stderr) == (2, f"kova: {name} is missing.\n")
