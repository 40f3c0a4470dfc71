"""App manifests, refused as GitHub refuses them, with its words."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from kova_fakes.github import permissions
from kova_fakes.github.apps import RegisteredApp

NAME_LIMIT = 34
_TYPES: dict[str, type] = {
    "name": str,
    "url": str,
    "hook_attributes": dict,
    "redirect_url": str,
    "callback_urls": list,
    "setup_url": str,
    "description": str,
    "public": bool,
    "default_events": list,
    "default_permissions": dict,
    "request_oauth_on_install": bool,
    "setup_on_update": bool,
}
_HOOK_TYPES: dict[str, type] = {"url": str, "active": bool}
_JSON_TYPES = {str: "a string", dict: "an object", list: "an array", bool: "a boolean"}
_MOST_CALLBACKS = 10
_ALWAYS_SENT = frozenset({"installation", "installation_repositories", "github_app_authorization"})


class ManifestError(Exception):
    """A manifest that GitHub does not take; the argument is a list of its sentences."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def read_manifest(
    text: str, apps: Iterable[RegisteredApp], *, on_internet: bool, name: str | None = None
) -> dict[str, Any]:
    """Return a manifest.

    Args:
        text: the JSON.
        apps: those that exist: names are unique.
        on_internet: refuse webhook addresses that the internet does not reach, as github.com does;
            a GitHub on this machine reaches them.
        name: what the person changed the App's name to.

    Raises:
        ManifestError: GitHub refuses it.
    """
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError):
        raise ManifestError(["Error parsing the manifest as JSON."]) from None
    if not isinstance(manifest, dict):
        raise ManifestError(["For 'properties', the manifest is not an object."])
    if name is not None:
        manifest["name"] = name
    problems = list(_shape_problems(manifest, "properties", _TYPES, {"url"}))
    if not problems and "hook_attributes" in manifest:
        hook = manifest["hook_attributes"]
        problems += _shape_problems(hook, "properties/hook_attributes", _HOOK_TYPES, {"url"})
    if not problems:
        problems += _name_problems(manifest, apps)
        problems += _address_problems(manifest, on_internet=on_internet)
        problems += _permission_problems(manifest.get("default_permissions", {}))
        problems += _event_problems(
            manifest.get("default_events", []), manifest.get("default_permissions", {})
        )
    if problems:
        raise ManifestError(problems)
    return manifest


def slug_of(name: str) -> str:
    """Return a name as it stands in addresses."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _shape_problems(
    value: dict[str, Any], place: str, types: dict[str, type], needed: set[str]
) -> Iterator[str]:
    for key in needed - value.keys():
        yield f'"{key}" wasn\'t supplied.'
    for key, member in value.items():
        kind = types.get(key)
        if kind is None:
            yield f'"{key}" is not a permitted key.'
        elif not isinstance(member, kind):
            yield f"For '{place}/{key}', {json.dumps(member)} is not {_JSON_TYPES[kind]}."


def _name_problems(manifest: dict[str, Any], apps: Iterable[RegisteredApp]) -> Iterator[str]:
    name = manifest.get("name", "").strip()
    if not name or not slug_of(name):
        yield "Name can't be blank"
    if len(name) > NAME_LIMIT:
        yield f"Name is too long (maximum is {NAME_LIMIT} characters)"
    if any(app.slug == slug_of(name) for app in apps):
        yield "Name is already taken"


def _address_problems(manifest: dict[str, Any], *, on_internet: bool) -> Iterator[str]:
    if not _is_address(manifest["url"]):
        yield "Url must be a valid URL"
    hook = manifest.get("hook_attributes")
    if hook is not None:
        if not _is_address(hook["url"]):
            yield "Hook url is not a valid URL"
        elif on_internet and not _is_reachable(hook["url"]):
            host = urlsplit(hook["url"]).hostname
            yield (
                "Hook url is not supported because it isn't reachable over the public Internet"
                f" ({host})"
            )
    for key in ("redirect_url", "setup_url"):
        if key in manifest and not _is_address(manifest[key]):
            yield f"{key.replace('_', ' ').capitalize()} must be a valid URL"
    if len(manifest.get("callback_urls", [])) > _MOST_CALLBACKS:
        yield f"Callback urls are too many (maximum is {_MOST_CALLBACKS})"


def _permission_problems(asked: dict[str, Any]) -> Iterator[str]:
    unknown = sorted(set(asked) - permissions.NAMES)
    if unknown:
        yield f"Default permission records resource is not included in the list: {unknown}"
    wrong = sorted(
        name for name, access in asked.items() if access not in tuple(permissions.LEVELS)
    )
    if wrong:
        yield f"Default permission records action is not included in the list: {wrong}"


def _event_problems(events: list[Any], asked: dict[str, str]) -> Iterator[str]:
    names = [str(event) for event in events]
    unsupported = [name for name in names if name not in permissions.EVENTS]
    if unsupported:
        yield f"Default events unsupported: {_listed(unsupported)}"
    uncovered = [
        name
        for name in names
        if name in _ALWAYS_SENT
        or (name in permissions.EVENTS and not set(permissions.EVENTS[name]) & set(asked))
    ]
    if uncovered:
        yield f"Default events are not supported by permissions: {_listed(uncovered)}"


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _is_address(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and " " not in text


def _is_reachable(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".localhost", ".local"))
