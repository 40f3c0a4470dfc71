"""What people in a chat ask for, put together: the command worker's job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kova.adapters.postgres.chat_claims import PostgresChatClaims
from kova.adapters.postgres.notices import PostgresNoticeStore
from kova.adapters.slack.conversation import SlackConversation, SlackPeople
from kova.bootstrap.chat.notices import NoticeRoot
from kova.bootstrap.commands import CommandRoot
from kova.bootstrap.core import Core
from kova.bootstrap.errors import ErrorRoot
from kova.bootstrap.fixes import FixRoot
from kova.bootstrap.scans import ScanRoot
from kova.bootstrap.settings import SettingsError
from kova.errors.ignore_errors import IgnoreErrors
from kova.notifications.answer_chat import AnswerChat
from kova.notifications.chat_commands import ChatCommands
from kova.notifications.press_button import PressButton

if TYPE_CHECKING:
    from kova.access.subject import Role
    from kova.notifications.ports import Roles


class NoRoles:
    """Implements notifications.ports.Roles where no rules are configured: nobody has a role."""

    def of(self, _address: str) -> Role | None:
        """Return None."""
        return None


def answer_chat(core: Core, commands: CommandRoot, roles: Roles | None = None) -> AnswerChat:
    """Build the answer to what comes from a chat; SettingsError without Slack's token."""
    root, errors, fixes, scans = NoticeRoot(core), ErrorRoot(core), FixRoot(core), ScanRoot(core)
    client = root.slack_client()
    if client is None:
        raise SettingsError("SLACK_BOT_TOKEN is missing.")
    claims = PostgresChatClaims(core.database)
    notices = PostgresNoticeStore(core.database)
    conversation = SlackConversation(
        client, http=root.http, api_url=core.settings.chat.slack_api_url
    )
    return AnswerChat(
        people=SlackPeople(client, roles or NoRoles()),
        claims=claims,
        conversation=conversation,
        commands=ChatCommands(
            stores=scans.stores,
            notices=notices,
            scan=lambda: scans.request_scan,
            ignore=IgnoreErrors(errors=errors.errors, change=errors.change_error),
            run=lambda: commands.run,
            commands=commands.commands,
        ),
        buttons=PressButton(
            errors=errors.errors,
            fixes=fixes.fixes,
            change=errors.change_error,
            publish=lambda: fixes.request_publish,
            notices=notices,
            compose=root.compose(),
            claims=claims,
            conversation=conversation,
        ),
        errors=errors.errors,
        fixes=fixes.fixes,
        compose=root.compose(),
        public_url=core.settings.public_url,
    )
