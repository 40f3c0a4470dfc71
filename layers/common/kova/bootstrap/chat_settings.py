"""The settings of chats and notices. Without a channel nobody is told anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kova.shared.repository import NotifySeverity

if TYPE_CHECKING:
    from kova.bootstrap.setting_reader import SettingReader

_SEVERITIES: Final = tuple(severity.value for severity in NotifySeverity)


@dataclass(frozen=True, kw_only=True)
class ChatSettings:
    """Where messages go, and who may ask; a repository may have rules of its own.

    `slack_signing_secrets` are all valid: several while one is rotated. `digest_at` is a time of
    the day with a time zone, such as `08:00 Europe/Berlin`.
    """

    slack_bot_token: str | None = field(default=None, repr=False)
    slack_signing_secrets: tuple[str, ...] = field(default=(), repr=False)
    slack_api_url: str = "https://slack.com/api"
    slack_channel: str | None = None
    google_chat_webhook_url: str | None = field(default=None, repr=False)
    notify_severity: str = NotifySeverity.HIGH.value
    quiet_hours: str | None = None
    digest_at: str | None = None

    @property
    def has_chat(self) -> bool:
        """Tell whether there is a chat to send to."""
        return self.slack_bot_token is not None or self.google_chat_webhook_url is not None


def read_chat_settings(reader: SettingReader) -> ChatSettings:
    """Read the settings; the reader notes what is not valid."""
    return ChatSettings(
        slack_bot_token=reader.token("SLACK_BOT_TOKEN"),
        slack_signing_secrets=reader.words("SLACK_SIGNING_SECRET"),
        slack_api_url=(reader.url("KOVA_SLACK_API_URL") or ChatSettings.slack_api_url).rstrip("/"),
        slack_channel=reader.slack_channel("KOVA_SLACK_CHANNEL"),
        google_chat_webhook_url=reader.url("KOVA_GOOGLE_CHAT_WEBHOOK_URL"),
        notify_severity=reader.choice(
            "KOVA_NOTIFY_SEVERITY", _SEVERITIES, ChatSettings.notify_severity
        ),
        quiet_hours=reader.quiet_hours("KOVA_QUIET_HOURS"),
        digest_at=reader.time_of_day("KOVA_DIGEST_AT"),
    )
