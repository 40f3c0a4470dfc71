"""Slack's requests: verify the signature, read the few fields that matter.

Pure functions over bytes. Whatever Slack, or somebody who knows the secret, sends: nothing raises
but SignatureError and NotConfiguredError.
https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from kova.commands.chat import TEXT_LIMIT, ChatJob, ChatKind
from kova.shared.exceptions import NotConfiguredError, SignatureError
from kova.shared.json_text import parse_json
from kova.shared.text import clean

CLOCK_SECONDS: Final = 300
_SIGNATURE: Final = re.compile(r"v0=[0-9a-f]{64}")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MENTION: Final = re.compile(r"<@[A-Z0-9]{1,30}(?:\|[^>]{0,100})?>")
_MOST_LINKS: Final = 10
_PRESSED: Final = {"kova_publish": ChatKind.PUBLISH, "kova_ignore": ChatKind.IGNORE}
_VIEW: Final = "kova_ignore"
_REASON: Final = "reason"


@dataclass(frozen=True, kw_only=True)
class ReasonQuestion:
    """Somebody wants to ignore an error: they are asked why, within three seconds."""

    trigger_id: str
    error_id: str
    channel: str
    message: str


@dataclass(frozen=True, kw_only=True)
class SlackRequest:
    """What a request is: a job, a question, a challenge to repeat, or nothing for Kova.

    `kind` labels a metric: there are few of them.
    """

    kind: str
    job: ChatJob | None = None
    question: ReasonQuestion | None = None
    challenge: str | None = None


def verify_slack_signature(
    body: bytes,
    *,
    timestamp: str | None,
    signature: str | None,
    secrets: Sequence[str],
    now: float,
) -> None:
    """Check X-Slack-Signature over the raw bytes, in constant time, and how old the request is.

    Args:
        body: the body exactly as it arrived.
        timestamp: X-Slack-Request-Timestamp.
        signature: X-Slack-Signature.
        secrets: every secret that is valid now.
        now: seconds since the epoch.

    Raises:
        NotConfiguredError: no secret is configured; then no signature is valid.
        SignatureError: something is missing, malformed, too old or from the future, or wrong.
    """
    usable = [secret for secret in secrets if secret]
    if not usable:
        raise NotConfiguredError("No signing secret of Slack is configured.")
    if timestamp is None or signature is None:
        raise SignatureError
    if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
        raise SignatureError
    if abs(now - int(timestamp)) > CLOCK_SECONDS:
        raise SignatureError
    signed = b"v0:" + timestamp.encode() + b":" + body
    matches = False
    for secret in usable:
        expected = "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        matches |= hmac.compare_digest(expected.encode(), signature.encode())
    if not matches:
        raise SignatureError


def read_slack_request(content_type: str | None, body: bytes) -> SlackRequest:
    """Read a verified request; what Kova does not know, or cannot read, is `ignored`."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return _read_event(_json_object(body))
    if kind == "application/x-www-form-urlencoded":
        return _read_form(_form(body), body)
    return SlackRequest(kind="ignored")


def _read_event(payload: Mapping[str, Any]) -> SlackRequest:
    if payload.get("type") == "url_verification":
        challenge = payload.get("challenge")
        if not isinstance(challenge, str) or len(challenge) > TEXT_LIMIT:
            return SlackRequest(kind="ignored")
        return SlackRequest(kind="challenge", challenge=clean(challenge))
    event, event_id = _object(payload, "event"), _id(payload.get("event_id"))
    if payload.get("type") != "event_callback" or not event_id:
        return SlackRequest(kind="ignored")
    values = {
        "id": event_id,
        "team": _id(event.get("user_team")) or _id(payload.get("team_id")),
        "user": _id(event.get("user")),
        "channel": _id(event.get("channel")),
    }
    if not all(values.values()):
        return SlackRequest(kind="ignored")
    if event.get("type") == "link_shared":
        return _read_links(event, values)
    return _read_mention(event, values)


def _read_mention(event: Mapping[str, Any], values: dict[str, str]) -> SlackRequest:
    """Read a mention, or a message to Kova alone; never one that a program wrote."""
    is_direct = event.get("type") == "message" and event.get("channel_type") == "im"
    from_program = event.get("bot_id") or event.get("subtype") or event.get("app_id")
    ts, text = _id(event.get("ts")), event.get("text")
    if from_program or not (is_direct or event.get("type") == "app_mention"):
        return SlackRequest(kind="ignored")
    if not ts or not isinstance(text, str):
        return SlackRequest(kind="ignored")
    job = ChatJob(
        kind=ChatKind.MENTION,
        text=_unescape(_MENTION.sub(" ", text)),
        thread=_id(event.get("thread_ts")) or ts,
        message=ts,
        **values,
    )
    return SlackRequest(kind="mention", job=job)


def _read_links(event: Mapping[str, Any], values: dict[str, str]) -> SlackRequest:
    links, ts = event.get("links"), _id(event.get("message_ts"))
    if not isinstance(links, list) or not ts:
        return SlackRequest(kind="ignored")
    urls = [link.get("url") for link in links[:_MOST_LINKS] if isinstance(link, dict)]
    text = "\n".join(url for url in urls if isinstance(url, str) and "\n" not in url)
    if not text:
        return SlackRequest(kind="ignored")
    job = ChatJob(kind=ChatKind.LINKS, text=clean(text)[:TEXT_LIMIT], message=ts, **values)
    return SlackRequest(kind="links", job=job)


def _read_form(form: Mapping[str, str], body: bytes) -> SlackRequest:
    if "payload" in form:
        return _read_interaction(_json_object(form["payload"].encode("utf-8", "replace")))
    if not form.get("command"):
        return SlackRequest(kind="ignored")
    values = {
        "team": _id(form.get("team_id")),
        "user": _id(form.get("user_id")),
        "channel": _id(form.get("channel_id")),
    }
    if not all(values.values()):
        return SlackRequest(kind="ignored")
    job = ChatJob(
        # A repeated delivery has the same trigger; without one the same bytes.
        id=_id(form.get("trigger_id")) or hashlib.sha256(body).hexdigest(),
        kind=ChatKind.COMMAND,
        text=_unescape(form.get("text", "")),
        response_url=_url(form.get("response_url")),
        **values,
    )
    return SlackRequest(kind="command", job=job)


def _read_interaction(payload: Mapping[str, Any]) -> SlackRequest:
    user = _object(payload, "user")
    team = _id(user.get("team_id")) or _id(_object(payload, "team").get("id"))
    person = {"team": team, "user": _id(user.get("id"))}
    if not all(person.values()):
        return SlackRequest(kind="ignored")
    if payload.get("type") == "block_actions":
        return _read_press(payload, person)
    if payload.get("type") == "view_submission":
        return _read_submission(payload, person)
    return SlackRequest(kind="ignored")


def _read_press(payload: Mapping[str, Any], person: dict[str, str]) -> SlackRequest:
    actions = payload.get("actions")
    action = actions[0] if isinstance(actions, list) and actions else None
    if not isinstance(action, dict):
        return SlackRequest(kind="ignored")
    kind, target = _PRESSED.get(str(action.get("action_id"))), action.get("value")
    container, trigger_id = _object(payload, "container"), _id(payload.get("trigger_id"))
    channel, ts = _id(container.get("channel_id")), _id(container.get("message_ts"))
    if kind is None or not isinstance(target, str) or not _UUID.fullmatch(target):
        return SlackRequest(kind="ignored")
    if not trigger_id or not channel or not ts:
        return SlackRequest(kind="ignored")
    if kind is ChatKind.IGNORE:
        question = ReasonQuestion(
            trigger_id=trigger_id, error_id=target, channel=channel, message=ts
        )
        return SlackRequest(kind="question", question=question)
    job = ChatJob(
        id=trigger_id,
        kind=kind,
        channel=channel,
        message=ts,
        target=target,
        response_url=_url(payload.get("response_url")),
        **person,
    )
    return SlackRequest(kind="button", job=job)


def _read_submission(payload: Mapping[str, Any], person: dict[str, str]) -> SlackRequest:
    view = _object(payload, "view")
    parts = str(view.get("private_metadata") or "").split(" ")
    state = _object(_object(_object(view, "state"), "values"), _REASON)
    reason, view_id = _object(state, _REASON).get("value"), _id(view.get("id"))
    if view.get("callback_id") != _VIEW or len(parts) != 3 or not view_id:  # noqa: PLR2004
        return SlackRequest(kind="ignored")
    error_id, channel, ts = parts
    if not _UUID.fullmatch(error_id) or not isinstance(reason, str) or not reason.strip():
        return SlackRequest(kind="ignored")
    job = ChatJob(
        id=view_id,
        kind=ChatKind.IGNORE,
        channel=_id(channel),
        message=_id(ts),
        target=error_id,
        text=clean(reason).strip()[:1_000],
        **person,
    )
    return SlackRequest(kind="reason", job=job)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = parse_json(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _form(body: bytes) -> dict[str, str]:
    """Return the fields of a form that occur once; bytes that are no UTF-8 are replaced."""
    try:
        fields = parse_qs(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=64, errors="replace"
        )
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items() if len(values) == 1}


def _object(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}


def _id(value: Any) -> str:
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def _url(value: Any) -> str:
    is_url = isinstance(value, str) and len(value) <= 1_000 and value.startswith("http")  # noqa: PLR2004
    return value if is_url else ""


def _unescape(text: str) -> str:
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, character)
    return clean(text).strip()[:TEXT_LIMIT]
