"""What Kova's app in Slack asks for, and where Slack finds Kova.

https://docs.slack.dev/reference/app-manifest
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote, urlsplit

# Each scope with what needs it; nothing else is asked for.
SCOPES: Final = {
    "chat:write": "send messages, and change its own",
    "commands": "/kova",
    "app_mentions:read": "questions in channels",
    "channels:history": "find a message again whose sending was cut short, in public channels",
    "groups:history": "the same in private channels",
    "im:history": "questions to Kova alone",
    "metadata.message:read": "know its own messages by their id",
    "links:read": "links to Kova's pages",
    "links:write": "show what such a link is about",
    "users:read": "the names of people",
    "users:read.email": "what people may do, by their address",
}
EVENTS: Final = ("app_mention", "message.im", "link_shared")


def app_manifest(public_url: str) -> dict[str, Any]:
    """Return the manifest of the app for a Kova at this address."""
    webhook = f"{public_url.rstrip('/')}/webhooks/slack"
    return {
        "display_information": {
            "name": "Kova",
            "description": "New errors, and their proved fixes",
            "background_color": "#1f2937",
        },
        "features": {
            "app_home": {"messages_tab_enabled": True, "messages_tab_read_only_enabled": False},
            "bot_user": {"display_name": "Kova", "always_online": True},
            "slash_commands": [
                {
                    "command": "/kova",
                    "url": webhook,
                    "description": "Scan, status, questions, fixes",
                    "usage_hint": "status | scan OWNER/NAME | ask QUESTION | help",
                    "should_escape": False,
                }
            ],
            "unfurl_domains": [urlsplit(public_url).hostname or ""],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {"request_url": webhook, "bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True, "request_url": webhook},
            "org_deploy_enabled": False,
            "socket_mode_enabled": False,
            "token_rotation_enabled": False,
        },
    }


def install_link(public_url: str) -> str:
    """Return the page on which Slack makes the app of the manifest."""
    manifest = json.dumps(app_manifest(public_url), separators=(",", ":"))
    return f"https://api.slack.com/apps?new_app=1&manifest_json={quote(manifest, safe='')}"
