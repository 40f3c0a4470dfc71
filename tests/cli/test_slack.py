from __future__ import annotations

import json
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import pytest

from kova.adapters.slack.manifest import EVENTS, SCOPES, app_manifest

URL = "https://kova.example.com"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kova_server", "slack", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_manifest_leads_slack_to_the_one_webhook() -> None:
    done = run("manifest", "--url", URL + "/")
    manifest = json.loads(done.stdout)
    assert manifest == app_manifest(URL)
    settings = manifest["settings"]
    addresses = {
        settings["event_subscriptions"]["request_url"],
        settings["interactivity"]["request_url"],
        manifest["features"]["slash_commands"][0]["url"],
    }
    assert addresses == {URL + "/webhooks/slack"}


def test_the_link_carries_the_manifest() -> None:
    (manifest,) = parse_qs(urlsplit(run("link", "--url", URL).stdout.strip()).query)[
        "manifest_json"
    ]
    assert json.loads(manifest) == app_manifest(URL)


@pytest.mark.parametrize("url", ["http://kova.example.com", "kova.example.com", "https://"])
def test_slack_calls_https_alone(url: str) -> None:
    done = run("manifest", "--url", url)
    assert (done.returncode, "https://" in done.stderr) == (2, True)


def test_each_event_has_its_scope() -> None:
    needed = {
        "app_mention": "app_mentions:read",
        "message.im": "im:history",
        "link_shared": "links:read",
    }
    assert {needed[event] for event in EVENTS} <= SCOPES.keys()
