"""KOVA_ALLOWED_OWNERS holds on the name that GitHub has today, at every door."""

from __future__ import annotations

import ast
import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from kova.access.identity import GOOGLE, Identity
from kova.access.person import csrf_token
from kova.bootstrap.core import Core
from kova.bootstrap.people import PeopleRoot
from kova.bootstrap.settings import load_settings
from kova.commands.chat import ChatJob, ChatKind
from kova.commands.chat_message import encode_chat_job
from kova.commands.comment import CommentJob, Verb
from kova.commands.message import encode_comment_job
from kova.events.event import EventJob, EventKind
from kova.events.message import event_message
from kova.fixes.message import encode_publish_job
from kova.scans.message import ScanJob, encode_scan_job
from kova.scans.scan import ScanTarget, Trigger
from kova_fakes.openai.server import FakeOpenAI, serve_openai
from kova_fakes.slack.web_api import FakeSlackApi, serve_slack_api
from tests.server.conftest import Kova, run_kova_with_github
from tests.support.eventually import eventually
from tests.support.queues import depth

OLD, NEW = "octo/sample", "evil/sample"
# The fix of this one waits for a person.
BAD = b"def f(x, seen=[]):\n    return seen\n"
REASON = "owner_not_allowed"
SENTENCE = "KOVA_ALLOWED_OWNERS does not name the owner"


@dataclass(kw_only=True)
class Moved:
    """The product, with errors and a fix of a repository that has left its allowed owner."""

    kova: Kova
    openai: FakeOpenAI
    slack: FakeSlackApi
    session: str
    error: str
    fix: str
    sha: str

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.kova.client.request(method, path, **options)

    def submit(self, path: str, **fields: str) -> httpx.Response:
        """Send a form of a page as somebody who is signed in."""
        with httpx.Client(
            base_url=self.kova.address, cookies={"kova": self.session}, timeout=60
        ) as browser:
            headers = {"X-CSRF-Token": csrf_token(self.session)}
            return browser.post(path, data=fields, headers=headers)

    def send_job(self, queue: str, body: str) -> None:
        """Put a job into a queue, and wait until a worker has done with it."""
        url = self.kova.environment[f"KOVA_{queue}_QUEUE_URL"]
        client = boto3.client("sqs")
        client.send_message(QueueUrl=url, MessageBody=body)
        client.close()
        eventually(lambda: depth(url) == 0, 60, otherwise=lambda: self.kova.logs()[-2_000:])

    def chat(self, kind: ChatKind, **fields: str) -> None:
        job = ChatJob(
            id=uuid.uuid4().hex,
            kind=kind,
            team="T00000001",
            user="U1",
            channel="C0000001",
            **fields,
        )
        self.send_job("COMMAND", encode_chat_job(job))

    def comment(self, verb: Verb, argument: str) -> None:
        job = CommentJob(
            repository=OLD,
            installation_id=self.kova.github.installation_id,
            number=1,
            pull_request=False,
            comment_id=uuid.uuid4().int % 1_000_000,
            author="writer",
            verb=verb,
            argument=argument,
        )
        self.send_job("COMMAND", encode_comment_job(job))

    def scan_failures(self) -> list[str]:
        return [str(scan["failure"]) for scan in self.kova.all("/api/scans") if scan["failure"]]


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moved]:
    with serve_openai() as openai, serve_slack_api() as slack:
        slack.add_channel("C0000001")
        slack.add_user("U1", "member@example.com")
        variables = {
            "KOVA_ALLOWED_OWNERS": "octo",
            "KOVA_MEMBERS": "member@example.com",
            "GOOGLE_CLIENT_ID": "id",
            "GOOGLE_CLIENT_SECRET": "secret",
            "OPENAI_API_KEY": openai.script.api_key,
            "OPENAI_BASE_URL": openai.url,
            "SLACK_BOT_TOKEN": slack.token,
            "KOVA_SLACK_API_URL": slack.url,
        }
        folder = tmp_path_factory.mktemp("moved")
        with run_kova_with_github(folder, **variables) as kova:
            kova.start_worker()
            sha = kova.push(OLD, {"pkg/a.py": BAD})
            kova.wait_for_scans(1)
            (error, *_) = kova.all("/api/errors", repository=OLD)
            (fix, *_) = kova.all("/api/fixes", repository=OLD, status="verified")
            kova.github.state.transfer(OLD, NEW)
            yield Moved(
                kova=kova,
                openai=openai,
                slack=slack,
                session=asyncio.run(sign_in(kova)),
                error=error["id"],
                fix=fix["id"],
                sha=sha,
            )


async def sign_in(kova: Kova) -> str:
    core = Core(load_settings(kova.environment))
    member = Identity(provider=GOOGLE, actor="google:member@example.com", name="M")
    opened = await PeopleRoot(core).sign_in.begin(member, "a test")
    await core.close()
    return opened.token


def refused(answer: httpx.Response) -> None:
    assert answer.status_code == 403, answer.text
    assert SENTENCE in answer.text


def told_in_slack(moved: Moved) -> None:
    assert SENTENCE in json.dumps(moved.slack.webhook_answers[-1])


def scan_by_api(moved: Moved) -> None:
    refused(moved.call("POST", "/api/scan", json={"repository": OLD}))


def scan_by_page(moved: Moved) -> None:
    refused(moved.submit("/ui/scans", repository=OLD))


def publish_by_api(moved: Moved) -> None:
    refused(moved.call("POST", f"/api/fixes/{moved.fix}/publish"))


def publish_by_page(moved: Moved) -> None:
    refused(moved.submit(f"/ui/fixes/{moved.fix}/publish"))


def ask_about_the_repository(moved: Moved) -> None:
    body = {"command": "what does f do?", "repository": OLD}
    refused(moved.call("POST", "/ai/command", json=body))


def ask_about_an_error(moved: Moved) -> None:
    refused(moved.call("POST", "/ai/command", json={"command": "why?", "error_id": moved.error}))


def ask_about_a_file(moved: Moved) -> None:
    body = {"command": "why?", "repository": OLD, "path": "pkg/a.py"}
    refused(moved.call("POST", "/ai/command", json=body))


def ask_by_page(moved: Moved) -> None:
    assert SENTENCE in moved.submit("/ui/ask", question="why?", repository=OLD).text


def ask_for_later(moved: Moved) -> None:
    body = {"command": "what does f do?", "repository": OLD}
    answer = moved.call("POST", "/ai/command", json=body, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202, answer.text
    path = answer.headers["location"]
    ended = eventually(
        lambda: (row := moved.kova.get(path))["outcome"] not in {"queued", "running"} and row,
        60,
        pause=0.1,
    )
    assert (ended["outcome"], SENTENCE in ended["detail"]) == ("no_context", True)


def deliver_by_the_new_name(moved: Moved) -> None:
    answer = moved.kova.deliver(NEW)
    assert (answer.status_code, answer.json()["status"]) == (202, "ignored")
    assert answer.json()["reason"] == REASON


def deliver_by_the_old_name(moved: Moved) -> None:
    """A delivery that was on its way, or is sent again, has the name of before."""
    payload = moved.kova.github.push_event(NEW)
    payload["repository"] |= {"full_name": OLD}
    payload |= {"after": moved.sha[::-1]}
    hook = f"{moved.kova.address}/webhooks/github"
    assert moved.kova.github.deliver(hook, "push", payload).json()["status"] == "queued"
    url = moved.kova.environment["KOVA_SCAN_QUEUE_URL"]
    eventually(lambda: depth(url) == 0, 60)
    assert any(failure.startswith(REASON) for failure in moved.scan_failures())


def scan_by_job(moved: Moved) -> None:
    before = len(moved.scan_failures())
    target = ScanTarget(
        repository=OLD, trigger=Trigger.API, ref=None, scan_id=str(uuid.uuid4()), full=True
    )
    moved.send_job("SCAN", encode_scan_job(ScanJob(target=target)))
    assert len(moved.scan_failures()) == before + 1


def publish_by_job(moved: Moved) -> None:
    moved.send_job("FIX", encode_publish_job(moved.fix))
    assert moved.kova.get(f"/api/fixes/{moved.fix}")["pull_request_url"] is None


def scan_by_comment(moved: Moved) -> None:
    before = len(moved.kova.all("/api/scans"))
    moved.comment(Verb.SCAN, "")
    assert len(moved.kova.all("/api/scans")) == before


def ask_by_comment(moved: Moved) -> None:
    moved.comment(Verb.ASK, "what does f do?")


def ignore_by_comment(moved: Moved) -> None:
    moved.comment(Verb.IGNORE, "B006 it is meant so")
    assert moved.kova.get(f"/api/errors/{moved.error}")["status"] == "open"


def scan_by_slack(moved: Moved) -> None:
    moved.chat(ChatKind.COMMAND, text=f"scan {OLD}")
    told_in_slack(moved)


def fix_by_slack(moved: Moved) -> None:
    moved.chat(ChatKind.COMMAND, text=f"fix {OLD}")
    told_in_slack(moved)


def ask_by_slack(moved: Moved) -> None:
    moved.chat(ChatKind.COMMAND, text=f"ask {OLD} what does f do?")
    told_in_slack(moved)


def publish_by_slack(moved: Moved) -> None:
    moved.chat(ChatKind.PUBLISH, target=moved.fix)
    told_in_slack(moved)


def event(moved: Moved, kind: EventKind, action: str) -> None:
    job = EventJob(
        kind=kind,
        action=action,
        repository=OLD,
        delivery=str(uuid.uuid4()),
        github_id=moved.kova.github.state.repository(NEW).id,
        installation_id=moved.kova.github.installation_id,
        number=1,
        commit_sha=moved.sha,
        sender="writer",
    )
    moved.send_job("SCAN", encode_scan_job(event_message(job)))


def press_a_check_button(moved: Moved) -> None:
    event(moved, EventKind.BUTTON, "fix")
    event(moved, EventKind.BUTTON, "ignore")
    assert moved.kova.get(f"/api/fixes/{moved.fix}")["pull_request_url"] is None
    assert moved.kova.get(f"/api/errors/{moved.error}")["status"] == "open"


def follow_a_pull_request(moved: Moved) -> None:
    event(moved, EventKind.PULL_REQUEST, "closed")


def hear_of_the_transfer(moved: Moved) -> None:
    event(moved, EventKind.REPOSITORY, "transferred")
    assert moved.kova.get(f"/api/repositories/{OLD}")["problem"] == REASON


DOORS: dict[str, Callable[[Moved], None]] = {
    "POST /api/scan": scan_by_api,
    "POST /ui/scans": scan_by_page,
    "POST /api/fixes/{id}/publish": publish_by_api,
    "POST /ui/fixes/{id}/publish": publish_by_page,
    "POST /ai/command about a repository": ask_about_the_repository,
    "POST /ai/command about an error": ask_about_an_error,
    "POST /ai/command about a file": ask_about_a_file,
    "POST /ai/command for later": ask_for_later,
    "POST /ui/ask": ask_by_page,
    "a delivery by the new name": deliver_by_the_new_name,
    "a delivery by the old name": deliver_by_the_old_name,
    "a job of the scan queue": scan_by_job,
    "a job of the fix queue": publish_by_job,
    "/kova scan in a comment": scan_by_comment,
    "/kova ask in a comment": ask_by_comment,
    "/kova ignore in a comment": ignore_by_comment,
    "/kova scan in Slack": scan_by_slack,
    "/kova fix in Slack": fix_by_slack,
    "/kova ask in Slack": ask_by_slack,
    "Slack's button Publish": publish_by_slack,
    "a button of a check run": press_a_check_button,
    "a pull request that changed": follow_a_pull_request,
    # Last: it is marked by this.
    "a transfer": hear_of_the_transfer,
}


@pytest.mark.parametrize("name", DOORS)
def test_no_door_leads_to_a_repository_that_left_its_owner(moved: Moved, name: str) -> None:
    state = moved.kova.github.state
    state.requests.clear()
    asked = len(moved.openai.script.calls)
    DOORS[name](moved)
    # GitHub was asked for the name and the App's installation alone, and nothing was written.
    read = {
        (request.method, request.path)
        for request in state.requests
        if request.path.startswith(f"/repos/{NEW}")
    }
    assert read <= {("GET", f"/repos/{NEW}"), ("GET", f"/repos/{NEW}/installation")}
    assert (state.repository(NEW).comments, state.pulls(NEW)) == ([], [])
    assert len(moved.openai.script.calls) == asked


# What speaks to GitHub about a repository, and through which of the doors above it is reached.
SCANS = ("POST /api/scan", "a job of the scan queue", "a delivery by the old name")
QUESTIONS = ("POST /ai/command about a repository", "POST /ai/command about a file")
COMMENTS = ("/kova scan in a comment", "/kova ask in a comment", "/kova ignore in a comment")
PUBLISHING = ("POST /api/fixes/{id}/publish", "a job of the fix queue")
SPEAK_TO_GITHUB: dict[str, tuple[str, ...]] = {
    "analysis/analyze_commit.py": SCANS,
    "code_index/index_repository.py": SCANS,
    "commands/answer_comment.py": COMMENTS,
    "commands/gather_context.py": QUESTIONS,
    "commands/read_files.py": QUESTIONS,
    "errors/trace_history.py": SCANS,
    "events/press_check_button.py": ("a button of a check run",),
    "events/refresh_repository.py": ("a transfer",),
    "fixes/follow_pull_requests.py": (*SCANS, "a pull request that changed"),
    "fixes/publish_fix.py": PUBLISHING,
    "fixes/request_publish.py": PUBLISHING,
    "scans/analyze_target.py": SCANS,
    "scans/branch_head.py": SCANS,
    "scans/publish_scan.py": SCANS,
    "scans/replay_scan.py": SCANS,
    "scans/request_scan.py": SCANS,
    "scans/retry_scans.py": SCANS,
    "scans/scan_repository.py": SCANS,
    "scans/supersede_scan.py": SCANS,
    "shared/allowed_owner.py": (*SCANS, *QUESTIONS, *PUBLISHING),
}
PORTS = {"CodeSource", "Publisher", "Conversation"}


def test_whatever_speaks_to_github_is_behind_a_door_of_the_table() -> None:
    core = Path(__file__).parents[2] / "layers/common/kova"
    speakers = set()
    for path in core.rglob("*.py"):
        name = path.relative_to(core).as_posix()
        if name.startswith(("adapters/", "bootstrap/")) or name.endswith("ports.py"):
            continue
        imported = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        if imported & PORTS:
            speakers.add(name)
    assert speakers == set(SPEAK_TO_GITHUB)
    assert {door for doors in SPEAK_TO_GITHUB.values() for door in doors} <= set(DOORS)
