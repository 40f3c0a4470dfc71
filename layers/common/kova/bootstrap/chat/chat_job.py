"""What people in a chat ask for, put together: the command worker's job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kova.access.identity import GOOGLE
from kova.access.sign_in_rules import SignInRules, rules_of
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


class AddressRoles:
    """Implements notifications.ports.Roles by the rules that also say who may sign in."""

    def __init__(self, rules: SignInRules) -> None:
        self._rules = rules

    def of(self, address: str) -> Role | None:
        """Return the role that a rule names for the address; nobody has one by default."""
        return self._rules.role_named(f"{GOOGLE}:{address}")


def answer_chat(core: Core, commands: CommandRoot) -> AnswerChat:
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
        people=SlackPeople(client, _roles(core)),
        claims=claims,
        conversation=conversation,
        commands=ChatCommands(
            stores=scans.stores,
            notices=notices,
            scan=lambda: scans.request_scan,
            ignore=IgnoreErrors(errors=errors.errors),
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


def _roles(core: Core) -> AddressRoles:
    settings = core.settings.sign_in
    return AddressRoles(
        SignInRules(
            admins=rules_of(settings.admins),
            members=rules_of(settings.members),
            viewers=rules_of(settings.viewers),
        )
    )
