"""A channel of Slack with notices and people, over the twins and the stand-in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx

from kova.access.subject import Role
from kova.adapters.memory.audit import MemoryAuditStore
from kova.adapters.memory.chat_claims import MemoryChatClaims
from kova.adapters.memory.code_source import MemoryCodeSource
from kova.adapters.memory.database import MemoryDatabase
from kova.adapters.memory.model import complete
from kova.adapters.metrics.meter import PrometheusMeter
from kova.adapters.slack.client import SlackClient
from kova.adapters.slack.conversation import SlackConversation, SlackPeople
from kova.adapters.slack.messenger import SlackMessenger
from kova.commands.chat import ChatJob, ChatKind
from kova.errors.change_error import ChangeError
from kova.errors.ignore_errors import IgnoreErrors
from kova.fixes.fix import FixStatus, ProvedFix, Strategy
from kova.fixes.request_publish import RequestPublish
from kova.notifications.answer_chat import AnswerChat
from kova.notifications.chat_commands import ChatCommands
from kova.notifications.compose_post import ComposePost
from kova.notifications.press_button import PressButton
from kova.notifications.route_notices import NoticeRules, RouteNotices
from kova.notifications.send_notices import Pace, SendNotices
from kova.scans.request_scan import RequestScan
from kova.shared.exceptions import QueueUnavailableError
from kova.shared.reach import EVERYTHING
from kova_fakes.slack import FakeSlackApi
from tests.notifications.conftest import CHANNEL
from tests.support.commands import CommandDesk
from tests.support.findings import finding
from tests.support.models import answer_json
from tests.support.stores import apply_files, memory_stores, new_claim, new_repository

SHA = "a" * 40
PATCH = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-BAD(x)\n+good(x)\n"
TEAM = "T00000001"
ANSWER = [complete(answer_json("It is **so**. <!here>"))]


class ByAddress:
    """Implements notifications.ports.Roles with a table."""

    def of(self, address: str) -> Role | None:
        return {
            "ada@example.com": Role.MEMBER,
            "bob@example.com": Role.ADMIN,
            "vera@example.com": Role.VIEWER,
        }.get(address)


class Queues:
    """The queues of fixes and scans."""

    def __init__(self) -> None:
        self.fixes: list[str] = []
        self.scans: list[Any] = []
        self.available = True

    def send_fix(self, fix_id: str) -> None:
        if not self.available:
            raise QueueUnavailableError
        self.fixes.append(fix_id)

    def send(self, target: Any) -> None:
        self.scans.append(target)

    def ping(self) -> None:
        return


class Room:
    """A channel of Slack with a notice of an error and one of its fix, and people in it."""

    def __init__(self, slack: FakeSlackApi, client: SlackClient, http: httpx.AsyncClient) -> None:
        self.slack, self.queues = slack, Queues()
        self.database = MemoryDatabase()
        self.stores = memory_stores(self.database)
        self.desk = CommandDesk(
            openai=ANSWER,
            anthropic=ANSWER,
            database=self.database,
            errors=self.stores.errors,  # type: ignore[arg-type]
        )
        stores, claims = self.stores, MemoryChatClaims(self.database)
        audit = MemoryAuditStore(self.database)
        compose = ComposePost(
            errors=stores.errors,
            fixes=stores.fixes,
            scans=stores.scans,
            public_url="https://kova.example",
        )
        conversation = SlackConversation(client, http=http, api_url=slack.url)
        change = ChangeError(errors=stores.errors, now=lambda: datetime.now(UTC))
        self.sender = SendNotices(
            store=stores.notices,
            route=RouteNotices(
                NoticeRules(slack=True, slack_channel=CHANNEL), now=self.database.clock
            ),
            compose=compose,
            messengers={"slack": SlackMessenger(client)},
            meter=PrometheusMeter(),
            pace=Pace(pause=Pace().pause * 0),
        )
        self.answering = AnswerChat(
            people=SlackPeople(client, ByAddress()),
            claims=claims,
            conversation=conversation,
            commands=ChatCommands(
                stores=stores,
                notices=stores.notices,
                scan=lambda: RequestScan(
                    repositories=stores.repositories,
                    scans=stores.scans,
                    recovery=stores.recovery,
                    source=MemoryCodeSource(),  # type: ignore[arg-type]
                    queue=self.queues,
                ),
                ignore=IgnoreErrors(errors=stores.errors),
                run=lambda: self.desk.run,
                commands=self.desk.commands,
            ),
            buttons=PressButton(
                errors=stores.errors,
                fixes=stores.fixes,
                change=change,
                publish=lambda: RequestPublish(
                    fixes=stores.fixes,
                    repositories=stores.repositories,
                    audit=audit,
                    queue=self.queues,
                    source=MemoryCodeSource,
                ),
                notices=stores.notices,
                compose=compose,
                claims=claims,
                conversation=conversation,
            ),
            errors=stores.errors,
            fixes=stores.fixes,
            compose=compose,
            public_url="https://kova.example",
        )
        self.error_id = self.fix_id = ""
        slack.add_user("UADA", "ada@example.com", real_name="Ada <!here>")
        slack.add_user("UBOB", "bob@example.com", real_name="Bob")
        slack.add_user("UVERA", "vera@example.com")
        slack.add_user("UEVE", "eve@evil.example")
        slack.add_user("UCLAIMS", "bob@example.com", is_email_confirmed=False)
        slack.add_user("UVAGUE", "bob@example.com", is_email_confirmed=None)
        slack.add_user("UFLOW", "bob@example.com", is_workflow_bot=True)
        slack.add_user("UGUEST", "ada@example.com", is_restricted=True)
        slack.add_user("UBOT", "bob@example.com", is_bot=True)
        slack.add_user("UGONE", "bob@example.com", deleted=True)

    async def open(self) -> None:
        repository = await new_repository(self.stores)
        claim = await new_claim(self.stores, repository, commit_sha=SHA)
        change = await apply_files(self.stores, repository, SHA, {"a.py": "BAD(x)"}, claim=claim)
        ((fingerprint, self.error_id),) = change.error_ids.items()
        fix = ProvedFix(
            finding=finding(fingerprint=fingerprint),
            strategy=Strategy.DETERMINISTIC,
            status=FixStatus.VERIFIED,
            safe=True,
            patch=PATCH,
            verification=(),
        )
        await self.stores.fixes.save(claim.id, [fix], change.error_ids)
        (self.fix_id,) = self.database.fixes
        assert await self.sender.send() == 2

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.slack.channels[CHANNEL].messages

    def job(self, kind: ChatKind, user: str = "UADA", number: int = 1, **fields: str) -> ChatJob:
        values = {"channel": CHANNEL, "response_url": self.slack.url[:-4] + "/commands/1"}
        return ChatJob(
            id=f"{kind}.{user}.{number}", kind=kind, team=TEAM, user=user, **{**values, **fields}
        )

    def publish(self, user: str = "UADA", number: int = 1) -> ChatJob:
        ts = self.messages[1]["ts"]
        return self.job(ChatKind.PUBLISH, user, number, target=self.fix_id, message=ts)

    def ignore(self, user: str = "UADA", number: int = 1, reason: str = "a test") -> ChatJob:
        ts = self.messages[0]["ts"]
        return self.job(
            ChatKind.IGNORE, user, number, target=self.error_id, message=ts, text=reason
        )

    def command(self, text: str, user: str = "UADA", number: int = 1) -> ChatJob:
        return self.job(ChatKind.COMMAND, user, number, text=text)

    async def say(self, job: ChatJob) -> str:
        """Return what the person alone was told."""
        before = len(self.slack.webhook_answers)
        await self.answering.answer(job)
        (answer,) = self.slack.webhook_answers[before:]
        assert answer.get("response_type", "ephemeral") == "ephemeral"
        return " ".join(self.slack.seen(answer).text)

    def shown(self, number: int) -> str:
        return " ".join(self.slack.seen(self.messages[number]).text)

    async def ignored_reason(self) -> str | None:
        error = await self.stores.errors.get(self.error_id, EVERYTHING)
        assert error is not None
        return error.ignored.reason if error.ignored else None
