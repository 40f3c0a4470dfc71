"""`kova slack`."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer

from kova.adapters.slack.manifest import app_manifest, install_link
from kova.shared.exceptions import InvalidInputError

EXAMPLES: Final = (
    "kova slack link --url https://kova.example.com",
    "kova slack manifest --url https://kova.example.com",
)
app = typer.Typer(
    help="Make the app of Slack that Kova speaks through.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
UrlOption = Annotated[str, typer.Option("--url", help="The public address of Kova.")]


@app.command("link")
def link(url: UrlOption) -> None:
    """Print the page on which Slack makes the app: open it, and click Create."""
    sys.stdout.write(install_link(_checked(url)) + "\n")


@app.command("manifest")
def manifest(url: UrlOption) -> None:
    """Print the app's manifest, to paste it into Slack's page."""
    sys.stdout.write(json.dumps(app_manifest(_checked(url)), indent=2) + "\n")


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        raise InvalidInputError("Slack needs an address that begins with https://.", field="url")
    return url
