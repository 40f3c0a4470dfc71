"""Which pages belong to which API, and what an address may be."""

from __future__ import annotations

import json

import pytest

from kova.setup.manifest import (
    AppRequest,
    apps_address,
    build_manifest,
    is_local,
    read_request,
    registration_address,
    web_address_of,
)
from kova.shared.exceptions import InvalidInputError
from kova_fakes.github.manifest import ManifestError, read_manifest


@pytest.mark.parametrize(
    ("api", "web"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://github.example.com/api/v3", "https://github.example.com"),
        ("https://github.example.com:8443/api/v3/", "https://github.example.com:8443"),
        ("https://api.acme.ghe.com", "https://acme.ghe.com"),
        ("http://127.0.0.1:4000", "http://127.0.0.1:4000"),
        ("https://api.acme.ghe.com.evil.example", "https://api.acme.ghe.com.evil.example"),
    ],
)
def test_pages_follow_from_the_api(api: str, web: str) -> None:
    assert web_address_of(api) == web


def test_an_organisations_app_is_made_among_its_apps() -> None:
    assert (
        registration_address("https://github.com", "acme", "s")
        == "https://github.com/organizations/acme/settings/apps/new?state=s"
    )
    assert apps_address("https://github.com", None) == "https://github.com/settings/apps"


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://localhost:8000", True),
        ("http://kova", True),
        ("http://10.0.0.5", True),
        ("http://kova.local", True),
        ("https://kova.example.com", False),
        ("https://8.8.8.8", False),
    ],
)
def test_an_address_of_ones_own_is_known(address: str, local: bool) -> None:
    assert is_local(address) is local


def test_github_com_is_not_sent_an_address_that_it_refuses() -> None:
    with pytest.raises(InvalidInputError, match="cannot reach"):
        read_request("Kova", "", "http://127.0.0.1:8000", web_address="https://github.com")
    server = "https://github.corp.example.com"  # It stands in the same network, perhaps.
    assert read_request("Kova", "", "http://10.0.0.5", web_address=server).organization is None
    near = read_request("Kova", "", "http://127.0.0.1:8000/", web_address="http://127.0.0.1:1")
    assert near.public_address == "http://127.0.0.1:8000"


def test_our_manifest_is_one_that_github_takes() -> None:
    request = AppRequest(name="Kova", organization=None, public_address="https://k.example.com")
    manifest = build_manifest(request, redirect_url="http://127.0.0.1:1/setup/callback")
    assert read_manifest(_json(manifest), [], on_internet=True) == manifest


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"url": None}, '"url" wasn\'t supplied.'),
        ({"hook_attributes": {"active": False}}, '"url" wasn\'t supplied.'),
        ({"hook_attributes": {"url": "http://localhost/"}}, "isn't reachable over the public"),
        ({"hook_attributes": {"url": "x"}}, "Hook url is not a valid URL"),
        ({"hook_attributes": {"url": "https://k.example.com", "secret": "s"}}, "not a permitted"),
        ({"name": "x" * 35}, "Name is too long (maximum is 34 characters)"),
        ({"name": " "}, "Name can't be blank"),
        ({"url": {"type": "git"}}, "is not a string."),
        ({"default_permissions": {"check": "write"}}, "not included in the list: ['check']"),
        ({"default_permissions": {"checks": "all"}}, "action is not included"),
        ({"default_events": ["installation"]}, "Default events unsupported: installation"),
        ({"default_events": ["check_run"], "default_permissions": {}}, "not supported by perm"),
        ({"redirect_url": "ftp://x"}, "Redirect url must be a valid URL"),
        ({"hooks": {}}, '"hooks" is not a permitted key.'),
    ],
)
def test_the_practice_github_refuses_what_github_refuses(
    change: dict[str, object], sentence: str
) -> None:
    request = AppRequest(name="Kova", organization=None, public_address="https://k.example.com")
    manifest = build_manifest(request, redirect_url="http://127.0.0.1:1/") | change
    with pytest.raises(ManifestError) as error:
        read_manifest(
            _json({key: text for key, text in manifest.items() if text is not None}),
            [],
            on_internet=True,
        )
    assert sentence in str(error.value)


def _json(value: object) -> str:
    return json.dumps(value)
