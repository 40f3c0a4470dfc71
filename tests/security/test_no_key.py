"""Somebody without a key gets nothing and changes nothing, whatever they present in its place."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Mapping

import httpx
import psycopg
import pytest

from kova.access.person import csrf_token
from tests.rights.conftest import INSIDE, Rights
from tests.security.conftest import METRICS_TOKEN, Unchanged, assert_hidden, nothing_is_queued

ERRORS = "/api/errors"
Headers = Mapping[str, str]


def send(
    rights: Rights, method: str, path: str, headers: Headers | None = None, content: bytes = b""
) -> httpx.Response:
    """Send a request as somebody whose client adds nothing to it."""
    encoded = [(name.encode(), text.encode()) for name, text in (headers or {}).items()]
    address = f"{rights.kova.address}{path}"
    return rights.kova.stranger.request(method, address, headers=encoded, content=content)


def key_of(rights: Rights) -> str:
    return rights.keys["everything"]


def other_base32(key: str) -> str:
    """Return the key with its last letter replaced by one of the same 256 bits."""
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    last = letters.index(key[-1])
    # 52 letters hold 260 bits: the last four say nothing.
    return key[:-1] + letters[last ^ 1]


def stored_hash(rights: Rights) -> str:
    prefix = key_of(rights).split("_")[1]
    with psycopg.connect(rights.kova.environment["KOVA_DATABASE_URL"]) as connection:
        row = connection.execute(
            "SELECT secret_hash FROM api_keys WHERE prefix = %s", (prefix,)
        ).fetchone()
    assert row is not None
    return bytes(row[0]).hex()


def wide(text: str) -> str:
    """Return the text in full-width letters, which some comparisons take for plain ones."""
    return "".join(chr(ord(letter) + 0xFEE0) for letter in text)


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def mixed_key(rights: Rights) -> str:
    """Return the prefix of one key with the secret of another."""
    prefix = rights.keys["everything"].rpartition("_")[0]
    return f"{prefix}_{rights.keys['inside'].rpartition('_')[2]}"


IN_PLACE_OF_A_KEY: dict[str, Callable[[Rights], Headers]] = {
    "nothing": lambda _: {},
    "a scheme alone": lambda _: {"Authorization": "Bearer"},
    "the key without a scheme": lambda rights: {"Authorization": key_of(rights)},
    "another scheme": lambda rights: {"Authorization": f"Token {key_of(rights)}"},
    "the key as a password": lambda rights: basic(f"kova:{key_of(rights)}"),
    "the key as a user": lambda rights: basic(f"{key_of(rights)}:"),
    "the key for a proxy": lambda rights: {"Proxy-Authorization": f"Bearer {key_of(rights)}"},
    "the key in a cookie": lambda rights: {"Cookie": f"kova={key_of(rights)}"},
    "underscores in the header's name": lambda rights: {"X_API_Key": key_of(rights)},
    "the prefix alone": lambda rights: bearer(key_of(rights).rpartition("_")[0]),
    "the secret alone": lambda rights: bearer(key_of(rights).rpartition("_")[2]),
    "a secret of another key": lambda rights: bearer(mixed_key(rights)),
    "two keys, one after the other": lambda rights: bearer(f"{key_of(rights)},{key_of(rights)}"),
    "capitals": lambda rights: bearer(key_of(rights).upper()),
    "full-width letters": lambda rights: bearer(wide(key_of(rights))),
    "a letter more": lambda rights: bearer(key_of(rights) + "a"),
    "a letter less": lambda rights: bearer(key_of(rights)[:-1]),
    "another text of the same bits": lambda rights: bearer(other_base32(key_of(rights))),
    "the hash that the database holds": lambda rights: bearer(
        f"{key_of(rights).rpartition('_')[0]}_{stored_hash(rights)}"
    ),
    "a pattern": lambda rights: bearer(f"{key_of(rights).rpartition('_')[0]}_%"),
    "the token of Prometheus": lambda _: bearer(METRICS_TOKEN),
    "the secret of the webhook": lambda rights: bearer(rights.kova.github.webhook_secret),
    "the cookie of a session": lambda rights: bearer(rights.sessions["admin"].token),
    "the token of a session's forms": lambda rights: {
        "X-CSRF-Token": csrf_token(rights.sessions["admin"].token)
    },
    "the address of this machine": lambda _: {
        "X-Forwarded-For": "127.0.0.1",
        "X-Real-IP": "127.0.0.1",
        "Forwarded": "for=127.0.0.1;by=127.0.0.1",
        "X-Client-IP": "127.0.0.1",
    },
    "a proxy that has checked": lambda _: {
        "X-Forwarded-User": "admin@example.com",
        "Remote-User": "admin@example.com",
        "X-Auth-Request-Email": "admin@example.com",
    },
    "a gateway that has checked": lambda _: {
        "X-Amzn-Oidc-Identity": "admin",
        "X-Apigateway-Event": json.dumps({"requestContext": {"authorizer": {"scopes": "admin"}}}),
    },
}


@pytest.mark.parametrize("name", IN_PLACE_OF_A_KEY)
def test_what_is_no_key_opens_nothing(rights: Rights, name: str) -> None:
    headers = IN_PLACE_OF_A_KEY[name](rights)
    answer = send(rights, "GET", ERRORS, headers)
    assert (answer.status_code, answer.json()["reason"]) == (401, "unauthenticated")
    assert_hidden(rights, answer.text + str(answer.headers))
    if name == "the token of Prometheus":
        return  # Below /metrics it is what it is for.
    assert send(rights, "GET", "/metrics", headers).status_code == 401


@pytest.mark.parametrize(
    "query", ["api_key={}", "access_token={}", "key={}", "X-API-Key={}", "authorization=Bearer {}"]
)
def test_a_key_in_an_address_opens_nothing(rights: Rights, query: str) -> None:
    answer = send(rights, "GET", f"{ERRORS}?{query.format(key_of(rights))}")
    assert answer.status_code == 401
    assert_hidden(rights, answer.text)


WAYS_AROUND: dict[str, tuple[str, str, Headers]] = {
    "HEAD": ("HEAD", ERRORS, {}),
    "OPTIONS": ("OPTIONS", ERRORS, {}),
    "TRACE": ("TRACE", ERRORS, {}),
    "a method of WebDAV": ("PROPFIND", ERRORS, {}),
    "a method in small letters": ("get", ERRORS, {}),
    "a method in a header": ("POST", ERRORS, {"X-HTTP-Method-Override": "GET"}),
    "a preflight": (
        "OPTIONS",
        ERRORS,
        {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"},
    ),
    "a slash at the end": ("GET", f"{ERRORS}/", {}),
    "a slash twice": ("GET", "//api//errors", {}),
    "an encoded slash": ("GET", "/api%2Ferrors", {}),
    "an encoded letter": ("GET", "/%61pi/errors", {}),
    "an encoding of an encoding": ("GET", "/api%252Ferrors", {}),
    "capitals": ("GET", "/API/ERRORS", {}),
    "a parameter of a segment": ("GET", "/api/errors;a=b", {}),
    "a suffix": ("GET", "/api/errors.json", {}),
    "NUL behind the path": ("GET", "/api/errors%00", {}),
    "a line end behind the path": ("GET", "/api/errors%0a", {}),
    "up from a public path": ("GET", "/health/%2e%2e/api/errors", {}),
    "up from the pages": ("GET", "/ui/%2e%2e/api/errors", {}),
    "backslashes": ("GET", "/health/..%5capi%5cerrors", {}),
    "out of the documents": ("GET", "/docs/..%2f..%2f..%2f..%2fetc%2fpasswd", {}),
    "out of the files of the pages": ("GET", "/ui/assets/x/..%2f..%2ftemplates%2fkeys.html", {}),
    "out of the files of the setup": ("GET", "/setup/..%2f..%2fversion.py", {}),
    "another path in a header": (
        "GET",
        "/health",
        {"X-Original-URL": ERRORS, "X-Rewrite-URL": ERRORS, "X-Forwarded-Path": ERRORS},
    ),
    "another path in the host": ("GET", "/health", {"Host": "kova/api/errors?x="}),
    "WebSockets": (
        "GET",
        ERRORS,
        {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        },
    ),
    "HTTP/2 without TLS": (
        "GET",
        ERRORS,
        {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABk"},
    ),
    "the part of a page that a script loads": ("GET", "/ui/errors?part=rows", {"HX-Request": "1"}),
    "a page that is being prefetched": ("GET", "/ui/keys", {"Sec-Purpose": "prefetch"}),
}


@pytest.mark.parametrize("name", WAYS_AROUND)
def test_no_way_around_a_route_s_check_leads_to_data(rights: Rights, name: str) -> None:
    method, path, headers = WAYS_AROUND[name]
    answer = send(rights, method, path, headers)
    expected = {200} if path == "/health" else {303, 401, 404, 405}
    assert answer.status_code in expected, answer.text
    assert "access-control-allow-origin" not in answer.headers
    assert "root:" not in answer.text
    assert "{%" not in answer.text
    assert_hidden(rights, answer.text)


FORGED_SESSIONS: dict[str, Callable[[Rights], Headers]] = {
    # The id stands on the page of one's sessions, and in logs.
    "the session's id": lambda rights: {"Cookie": f"kova={rights.sessions['admin'].session.id}"},
    "the token of its forms": lambda rights: {
        "Cookie": f"kova={csrf_token(rights.sessions['admin'].token)}"
    },
    "another name": lambda rights: {"Cookie": f"session={rights.sessions['admin'].token}"},
    "the name that only TLS has": lambda rights: {
        "Cookie": f"__Host-kova={rights.sessions['admin'].token}"
    },
    "a header": lambda rights: {"kova": rights.sessions["admin"].token},
    "other capitals": lambda rights: {
        "Cookie": f"kova={rights.sessions['admin'].token.swapcase()}"
    },
    "too long a text": lambda rights: {
        "Cookie": f"kova={rights.sessions['admin'].token}{'A' * 600}"
    },
    "a key": lambda rights: {"Cookie": f"kova={key_of(rights)}", **bearer(key_of(rights))},
}


@pytest.mark.parametrize("name", FORGED_SESSIONS)
def test_a_forged_session_shows_no_page_and_presses_no_button(
    rights: Rights, nothing_changes: Unchanged, name: str
) -> None:
    headers = FORGED_SESSIONS[name](rights)
    ids = rights.things[INSIDE]
    with nothing_changes():
        for path in (
            "/",
            "/ui/keys",
            "/ui/reports/errors.csv",
            f"/ui/errors/{ids['error']}/live",
        ):
            answer = send(rights, "GET", path, headers)
            assert answer.status_code == 303
            assert_hidden(rights, answer.text + answer.headers["location"], sent=path)
        form = {
            "csrf_token": csrf_token(rights.sessions["admin"].token),
            "name": "stolen",
            "scope": "admin",
            "repository": INSIDE,
        }
        for path in ("/ui/keys", "/ui/scans", f"/ui/fixes/{ids['fix']}/publish"):
            address = f"{rights.kova.address}{path}"
            posted = rights.kova.stranger.post(address, headers=headers, data=form)
            assert posted.status_code == 303
            assert posted.headers["location"] == "/auth/sign-in"


PUSH = json.dumps({"ref": "refs/heads/main", "repository": {"full_name": INSIDE}}).encode()


def signed(secret: str, body: bytes, method: str = "sha256") -> str:
    return f"{method}=" + hmac.new(secret.encode(), body, method).hexdigest()


def forged_delivery(rights: Rights, signature: Headers, body: bytes = PUSH) -> httpx.Response:
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": str(uuid.uuid4()),
        **signature,
    }
    return send(rights, "POST", "/webhooks/github", headers, body)


FORGED_DELIVERIES: dict[str, Callable[[str], Headers]] = {
    "signed by the older method alone": lambda secret: {
        "X-Hub-Signature": signed(secret, PUSH, "sha1")
    },
    "signed by the older method in the newer header": lambda secret: {
        "X-Hub-Signature-256": signed(secret, PUSH, "sha1")
    },
    "signed with an empty secret": lambda _: {"X-Hub-Signature-256": signed("", PUSH)},
    "signed with a part of the secrets": lambda secret: {
        "X-Hub-Signature-256": signed(f",{secret}", PUSH)
    },
    "a hash without a secret": lambda _: {
        "X-Hub-Signature-256": "sha256=" + hashlib.sha256(PUSH).hexdigest()
    },
    "signed for other spaces": lambda secret: {"X-Hub-Signature-256": signed(secret, PUSH + b"\n")},
    "signed as the value of a form": lambda secret: {
        "X-Hub-Signature-256": signed(secret, b"payload=" + PUSH)
    },
    "a beginning of the signature": lambda secret: {
        "X-Hub-Signature-256": signed(secret, PUSH)[:-1]
    },
    "a key that may do everything": lambda _: {},
}


@pytest.mark.parametrize("name", FORGED_DELIVERIES)
def test_a_forged_delivery_queues_nothing(rights: Rights, name: str) -> None:
    signature = FORGED_DELIVERIES[name](rights.kova.github.webhook_secret)
    if name == "a key that may do everything":
        signature = bearer(key_of(rights))
    with nothing_is_queued(rights):
        answer = forged_delivery(rights, signature)
    assert (answer.status_code, answer.json()["reason"]) == (401, "bad_signature")
    assert_hidden(rights, answer.text)


SLACK = b"command=%2Fkova&text=scan+octo%2Finside&user_id=U1&team_id=T1&channel_id=C1"


def slack_signature(rights: Rights, moment: str, body: bytes = SLACK) -> str:
    secret = rights.kova.environment["SLACK_SIGNING_SECRET"].encode()
    base = f"v0:{moment}:".encode() + body
    return "v0=" + hmac.new(secret, base, "sha256").hexdigest()


FORGED_CHATS: dict[str, Callable[[Rights, str], Headers]] = {
    "a signature for another moment": lambda rights, now: {
        "X-Slack-Request-Timestamp": now,
        "X-Slack-Signature": slack_signature(rights, str(int(now) - 1)),
    },
    # `v0:1:2:body` could be the moment `1` with the body `2:body`.
    "a body that begins in the moment": lambda rights, now: {
        "X-Slack-Request-Timestamp": f"{now}:command=1",
        "X-Slack-Signature": slack_signature(rights, now, b"command=1:" + SLACK),
    },
    "a signature of GitHub's kind": lambda rights, now: {
        "X-Slack-Request-Timestamp": now,
        "X-Slack-Signature": signed(rights.kova.environment["SLACK_SIGNING_SECRET"], SLACK),
    },
    "the secret of another webhook": lambda rights, now: {
        "X-Slack-Request-Timestamp": now,
        "X-Slack-Signature": "v0="
        + hmac.new(
            rights.kova.github.webhook_secret.encode(), f"v0:{now}:".encode() + SLACK, "sha256"
        ).hexdigest(),
    },
}


@pytest.mark.parametrize("name", FORGED_CHATS)
def test_a_forged_command_of_slack_queues_nothing(rights: Rights, name: str) -> None:
    headers = FORGED_CHATS[name](rights, str(int(time.time())))
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    with nothing_is_queued(rights):
        answer = send(rights, "POST", "/webhooks/slack", {**kind, **headers}, SLACK)
    assert answer.status_code == 401
    assert_hidden(rights, answer.text)


@pytest.mark.parametrize("path", ["/api/errors/{error}", "/ui/errors/{error}", "/api/fixes/{fix}"])
def test_a_stranger_does_not_learn_what_there_is(rights: Rights, path: str) -> None:
    """What is there answers as what is not."""
    real = path.format(**rights.things[INSIDE])
    guess = path.format(error=uuid.uuid4(), fix=uuid.uuid4())
    answers = [send(rights, "GET", tried, {"X-Request-Id": "same"}) for tried in (real, guess)]
    first, second = (
        (answer.status_code, answer.text, answer.headers.get("location", "").partition("?")[0])
        for answer in answers
    )
    assert first == second


def test_a_stranger_does_not_learn_which_keys_there_are(rights: Rights) -> None:
    known_prefix = mixed_key(rights)
    texts = {
        send(rights, "GET", ERRORS, {**bearer(key), "X-Request-Id": "same"}).text
        for key in (known_prefix, rights.keys["unknown"], rights.keys["revoked"], "nonsense")
    }
    assert len(texts) == 1


def test_what_the_attacks_imitate_passes(rights: Rights) -> None:
    """Otherwise the refusals above would prove nothing."""
    assert send(rights, "GET", ERRORS, bearer(key_of(rights))).status_code == 200
    cookie = {"Cookie": f"kova={rights.sessions['admin'].token}"}
    assert send(rights, "GET", "/ui/keys", cookie).status_code == 200
    signature = {"X-Hub-Signature-256": signed(rights.kova.github.webhook_secret, PUSH)}
    assert forged_delivery(rights, signature).status_code == 202
    now = str(int(time.time()))
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": now,
        "X-Slack-Signature": slack_signature(rights, now),
    }
    assert send(rights, "POST", "/webhooks/slack", headers, SLACK).status_code == 200
