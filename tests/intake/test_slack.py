"""POST /webhooks/slack: what is Slack's, what is not, and that nothing raises."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kova.adapters.slack.blocks import ignore_view
from kova.commands.chat import ChatJob, ChatKind, parse_verb, split_repository
from kova.commands.chat_message import decode_chat_job, encode_chat_job
from kova.intake.accept_slack import HELP, AcceptSlack, IncomingSlack, SlackAnswer
from kova.intake.slack_request import (
    ReasonQuestion,
    SlackRequest,
    read_slack_request,
    verify_slack_signature,
)
from kova.shared.exceptions import (
    KovaError,
    MalformedMessageError,
    NotConfiguredError,
    QueueUnavailableError,
    SignatureError,
)

# The example of https://docs.slack.dev/authentication/verifying-requests-from-slack
DOCUMENTED_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
DOCUMENTED_TIME = "1531420618"
DOCUMENTED_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
    b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
    b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
    b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
DOCUMENTED_SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
SECRET, NOW = "s" * 32, 1_800_000_000
ID = "11111111-1111-1111-1111-111111111111"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


class Line:
    """A queue and a dialog in memory."""

    def __init__(self) -> None:
        self.jobs: list[ChatJob] = []
        self.questions: list[ReasonQuestion] = []
        self.available = True

    def send_chat(self, job: ChatJob) -> None:
        if not self.available:
            raise QueueUnavailableError
        self.jobs.append(job)

    def open(self, question: ReasonQuestion) -> None:
        self.questions.append(question)


@pytest.fixture
def line() -> Line:
    return Line()


def sign(body: bytes, timestamp: str = str(NOW), secret: str = SECRET) -> str:
    signed = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def intake(line: Line, *secrets: str, now: float = NOW) -> AcceptSlack:
    return AcceptSlack(secrets=secrets or (SECRET,), queue=line, dialog=line, now=lambda: now)


def send(line: Line, content_type: str, body: bytes, **headers: str | None) -> SlackAnswer:
    values: dict[str, Any] = {
        "timestamp": str(NOW),
        "signature": sign(body),
        "content_type": content_type,
        **headers,
    }
    return intake(line).accept(IncomingSlack(body=body, **values))


def form(**fields: str) -> bytes:
    return urlencode(fields).encode()


def event(**fields: Any) -> bytes:
    inner = {
        "type": "app_mention",
        "user": "U1",
        "channel": "C1",
        "ts": "1.2",
        "text": "<@U0> why?",
    }
    return json.dumps(
        {
            "type": "event_callback",
            "event_id": "Ev1",
            "team_id": "T1",
            "event": {**inner, **fields},
        }
    ).encode()


def interaction(**fields: Any) -> bytes:
    payload = {
        "type": "block_actions",
        "user": {"id": "U1", "team_id": "T1"},
        "trigger_id": "1.2.abc",
        "container": {"channel_id": "C1", "message_ts": "1.2"},
        "response_url": "https://hooks.slack.com/actions/T1/1/x",
        "actions": [{"action_id": "kova_publish", "value": ID}],
        **fields,
    }
    return form(payload=json.dumps(payload))


def command(text: str) -> bytes:
    return form(
        command="/kova", text=text, team_id="T1", user_id="U1", channel_id="C1",
        trigger_id="1.2.abc", response_url="https://hooks.slack.com/commands/T1/1/x",
    )  # fmt: skip


def test_the_documented_signature_is_right() -> None:
    verify_slack_signature(
        DOCUMENTED_BODY,
        timestamp=DOCUMENTED_TIME,
        signature=DOCUMENTED_SIGNATURE,
        secrets=[DOCUMENTED_SECRET],
        now=int(DOCUMENTED_TIME) + 10,
    )
    job = read_slack_request(FORM, DOCUMENTED_BODY).job
    assert job is not None
    assert (job.team, job.channel, job.user) == ("T1DC2JH3J", "G8PSS9T3V", "U2CERLKJA")


@pytest.mark.parametrize(
    ("timestamp", "age"),
    [
        ("1531420618", 301), ("1531420618", -301), ("", 0), ("-1531420618", 0), ("1e9", 0),
        ("nan", 0), ("inf", 0), ("1531420618.0", 0), (" 1531420618", 0), ("1531420618\n", 0),
        ("9" * 400, 0), ("\u0661\u0662\u0663", 0), ("0x5b47", 0), ("\ud800", 0), (None, 0),
    ],
)  # fmt: skip
def test_an_odd_or_old_timestamp_is_refused(timestamp: str | None, age: int) -> None:
    text = (timestamp or "").encode("utf-8", "surrogatepass")
    digest = hmac.new(
        DOCUMENTED_SECRET.encode(), b"v0:" + text + b":" + DOCUMENTED_BODY, hashlib.sha256
    ).hexdigest()
    with pytest.raises(SignatureError):
        verify_slack_signature(
            DOCUMENTED_BODY,
            timestamp=timestamp,
            signature="v0=" + digest,
            secrets=[DOCUMENTED_SECRET],
            now=1531420618 + age,
        )


@pytest.mark.parametrize(
    "signature",
    [None, "", "v0=", "v1=" + DOCUMENTED_SIGNATURE[3:], DOCUMENTED_SIGNATURE.upper(),
     DOCUMENTED_SIGNATURE[:-1] + "4", DOCUMENTED_SIGNATURE + "\n", "v0=" + "\u00e9" * 64,
     "v0=" + "\u0661" * 64, "\ud800"],
)  # fmt: skip
def test_another_signature_is_refused(signature: str | None) -> None:
    with pytest.raises(SignatureError):
        verify_slack_signature(
            DOCUMENTED_BODY,
            timestamp=DOCUMENTED_TIME,
            signature=signature,
            secrets=[DOCUMENTED_SECRET],
            now=int(DOCUMENTED_TIME),
        )


@pytest.mark.parametrize("secrets", [[], [""]])
def test_without_a_secret_nothing_is_accepted(secrets: list[str]) -> None:
    empty = hmac.new(b"", b"v0:1531420618:" + DOCUMENTED_BODY, hashlib.sha256).hexdigest()
    with pytest.raises(NotConfiguredError):
        verify_slack_signature(
            DOCUMENTED_BODY,
            timestamp=DOCUMENTED_TIME,
            signature="v0=" + empty,
            secrets=secrets,
            now=int(DOCUMENTED_TIME),
        )


def test_while_a_secret_is_rotated_both_count(line: Line) -> None:
    body = command("help")
    incoming = IncomingSlack(
        timestamp=str(NOW), signature=sign(body, secret="old"), content_type=FORM, body=body
    )
    assert intake(line, "new", "old").accept(incoming).outcome == "answered"


def test_slack_gets_its_challenge_back(line: Line) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aB"}).encode()
    assert send(line, JSON, body).body == {"challenge": "3eZbrw1aB"}


def test_help_is_answered_at_once_and_anything_unknown_with_help(line: Line) -> None:
    for text in ("", "help", "please", "scanner", "\u0660"):
        answer = send(line, FORM, command(text))
        assert answer.body == {"response_type": "ephemeral", "text": HELP}
    assert line.jobs == []


def test_a_command_is_queued_and_answered_to_its_writer_alone(line: Line) -> None:
    answer = send(line, FORM, command("scan octo/sample"))
    assert answer.body == {"response_type": "ephemeral", "text": "I am on it."}
    (job,) = line.jobs
    assert (job.kind, job.text, job.user) == (ChatKind.COMMAND, "scan octo/sample", "U1")
    assert decode_chat_job(encode_chat_job(job)) == job


def test_a_repeated_delivery_is_the_same_job(line: Line) -> None:
    for _ in range(2):
        send(line, FORM, command("scan octo/sample"))
        send(line, JSON, event())
        send(line, FORM, interaction())
    assert [line.jobs[number].id for number in range(3)] == [job.id for job in line.jobs[3:]]


def test_a_mention_is_asked_in_its_thread(line: Line) -> None:
    send(line, JSON, event(thread_ts="1.1", text="<@U0KOVA> is a &lt; b &amp;&amp; c?"))
    (job,) = line.jobs
    assert (job.kind, job.thread, job.text) == (ChatKind.MENTION, "1.1", "is a < b && c?")


@pytest.mark.parametrize(
    "fields",
    [
        {"bot_id": "B1"}, {"subtype": "message_changed"}, {"type": "message"},
        {"type": "reaction_added"}, {"text": None}, {"ts": 5}, {"user": None}, {"user": "U 1"},
        {"channel": ["C1"]}, {"type": "link_shared"}, {"type": "link_shared", "links": "x"},
        {"type": "link_shared", "links": [5, {"url": 5}], "message_ts": "1.2"},
    ],
)  # fmt: skip
def test_other_events_are_none_of_ours(line: Line, fields: dict[str, Any]) -> None:
    answer = send(line, JSON, event(**fields))
    assert (answer.outcome, answer.body, line.jobs) == ("ignored", None, [])


def test_a_message_to_kova_alone_is_a_question(line: Line) -> None:
    send(line, JSON, event(type="message", channel_type="im", text="why?"))
    assert [job.text for job in line.jobs] == ["why?"]


def test_links_are_queued(line: Line) -> None:
    links = [{"url": "https://kova.example/ui/errors/1", "domain": "kova.example"}]
    send(line, JSON, event(type="link_shared", links=links, message_ts="1.2"))
    (job,) = line.jobs
    assert (job.kind, job.text) == (ChatKind.LINKS, links[0]["url"])


def test_a_button_is_queued(line: Line) -> None:
    assert send(line, FORM, interaction()).outcome == "queued"
    (job,) = line.jobs
    assert (job.kind, job.target, job.message) == (ChatKind.PUBLISH, ID, "1.2")


def test_to_ignore_needs_a_reason_which_is_asked_at_once(line: Line) -> None:
    send(line, FORM, interaction(actions=[{"action_id": "kova_ignore", "value": ID}]))
    (question,) = line.questions
    view = {
        **ignore_view(question.error_id, question.channel, question.message),
        "id": "V1",
        "state": {"values": {"reason": {"reason": {"value": " It is a test. "}}}},
    }
    body = interaction(type="view_submission", view=view)
    assert send(line, FORM, body).body is None
    (job,) = line.jobs
    assert (job.kind, job.target, job.text) == (ChatKind.IGNORE, ID, "It is a test.")
    assert (job.channel, job.message) == ("C1", "1.2")


@pytest.mark.parametrize(
    "fields",
    [
        {"actions": []}, {"actions": None}, {"actions": [5]}, {"user": "U1"}, {"container": 5},
        {"actions": [{"action_id": "kova_publish", "value": "../x"}]}, {"type": "shortcut"},
        {"actions": [{"action_id": "other", "value": ID}]}, {"trigger_id": None},
        {"type": "view_submission", "view": {}}, {"type": "view_closed"},
        {"type": "view_submission", "view": {"callback_id": "kova_ignore", "id": "V1",
         "private_metadata": "x y z", "state": {"values": {"reason": {"reason": {"value": "x"}}}}}},
        {"type": "view_submission", "view": {"callback_id": "kova_ignore", "id": "V1",
         "private_metadata": f"{ID} C1 1.2", "state": {"values": {"reason": 5}}}},
    ],
)  # fmt: skip
def test_other_interactions_are_none_of_ours(line: Line, fields: dict[str, Any]) -> None:
    assert send(line, FORM, interaction(**fields)).outcome == "ignored"
    assert line.jobs == []


def test_when_the_queue_is_away_a_command_is_told_and_the_rest_is_left_to_slack(
    line: Line,
) -> None:
    line.available = False
    answer = send(line, FORM, command("scan octo/sample"))
    assert (answer.outcome, "try again" in str(answer.body)) == ("failed", True)
    for content_type, body in ((JSON, event()), (FORM, interaction())):
        with pytest.raises(QueueUnavailableError):
            send(line, content_type, body)


ODD_BODIES = [
    b"", b"\xff\xfe", b"{", b"[]", b"null", b"5", b'"x"', b"[" * 100_000, b'{"type": NaN}',
    b'{"type": "event_callback", "event_id": "Ev1", "event": []}', b"payload=", b"payload=%ff",
    b"payload=%7B", b"payload=[]&payload=[]", b"command=/kova", b"ssl_check=1&token=x", b"a" * 9_000,
    b"command=%2Fkova&text=%00&team_id=T1&user_id=U1&channel_id=C1", "payload=\u00e9".encode(),
    b"&".join(b"a=%d" % number for number in range(1_000)), b"payload=" + b"%5B" * 50_000,
    b'{"type": "url_verification"}', b'{"type": "url_verification", "challenge": [1]}',
    b'{"type": "url_verification", "challenge": "\\ud800"}', b'{"type": "app_rate_limited"}',
]  # fmt: skip


@pytest.mark.parametrize("body", ODD_BODIES, ids=range(len(ODD_BODIES)))
@pytest.mark.parametrize("content_type", [FORM, JSON, "text/plain", "", "x" * 500, "\u00e9"])
def test_whatever_is_signed_is_answered(line: Line, content_type: str, body: bytes) -> None:
    answer = send(line, content_type, body)
    assert json.dumps(answer.body).encode()


@given(
    content_type=st.sampled_from([FORM, JSON]),
    body=st.binary(max_size=300)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
)
def test_no_body_raises(content_type: str, body: bytes) -> None:
    assert isinstance(read_slack_request(content_type, body), SlackRequest)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.just(ID),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "type event user team view actions state values reason id value".split()
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(value=json_values)
def test_no_payload_raises(value: object) -> None:
    for outer in (
        {"type": "event_callback", "event_id": "Ev1", "team_id": "T1", "event": value},
        {"type": "block_actions", "user": {"id": "U1", "team_id": "T1"}, "actions": [value]},
        {"type": "view_submission", "user": {"id": "U1", "team_id": "T1"}, "view": value},
        value,
    ):
        text = json.dumps(outer)
        read_slack_request(JSON, text.encode())
        read_slack_request(FORM, form(payload=text))


@given(timestamp=st.text(max_size=20) | st.none(), signature=st.text(max_size=80) | st.none())
def test_no_header_raises_anything_but_a_refusal(
    timestamp: str | None, signature: str | None
) -> None:
    with pytest.raises(KovaError):
        verify_slack_signature(
            b"x", timestamp=timestamp, signature=signature, secrets=[SECRET], now=NOW
        )


@pytest.mark.parametrize(
    "body",
    ["{}", '{"version": 1, "kind": "chat"}', '{"version": 1, "kind": "chat", "asked": "other"}',
     '{"version": 1, "kind": "chat", "asked": "command"}',
     '{"version": 1, "kind": "chat", "asked": "command", "id": 5, "team": "T", "user": "U"}',
     '{"version": 2, "kind": "chat", "asked": "command", "id": "1", "team": "T", "user": "U"}'],
)  # fmt: skip
def test_another_message_is_malformed(body: str) -> None:
    with pytest.raises(MalformedMessageError):
        decode_chat_job(body)


def test_a_repository_stands_before_the_rest() -> None:
    assert split_repository("octo/sample why is it so") == ("octo/sample", "why is it so")
    assert split_repository("why is it so") == (None, "why is it so")
    assert parse_verb(" SCAN  octo/sample") == ("scan", "octo/sample")
