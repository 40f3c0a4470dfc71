"""Whoever speaks raw HTTP gets one answer for one request, and never another's rights.

Each case sends bytes, and behind them a last request that ends the connection: what stands between
is the answers to the attack. A request that was smuggled in a body would have an answer of its own.
"""

from __future__ import annotations

import json

import pytest

from tests.rights.conftest import INSIDE, Rights
from tests.security.conftest import Unchanged, assert_hidden
from tests.support import raw_http
from tests.support.eventually import eventually
from tests.support.raw_http import RawAnswer

LAST = b"GET /setup/none HTTP/1.1\r\nHost: kova\r\nConnection: close\r\n\r\n"
LAST_ANSWER = 404


def talk(rights: Rights, sent: bytes) -> list[RawAnswer]:
    """Send bytes and the last request, and return all answers until the server closes."""
    return raw_http.talk(rights.kova.address, sent + LAST)


def statuses(answers: list[RawAnswer]) -> list[int]:
    return [answer.status for answer in answers]


def fill(rights: Rights, template: bytes) -> bytes:
    """Return a case's bytes with `@KEY@`, `@READ@` and `@INSIDE@` for keys of some rights."""
    for name, key in (("KEY", "everything"), ("READ", "only read"), ("INSIDE", "inside")):
        template = template.replace(f"@{name}@".encode(), rights.keys[key].encode())
    return template.replace(b"@NAME@", INSIDE.encode())


def scan(*framing: bytes, body: bytes = b"") -> bytes:
    """Return a request for a scan with these lines of framing."""
    head = [
        b"POST /api/scan HTTP/1.1",
        b"Host: kova",
        b"X-API-Key: @KEY@",
        b"Content-Type: application/json",
    ]
    return b"\r\n".join([*head, *framing, b"", body])


def get(*lines: bytes, target: bytes = b"/api/errors", version: bytes = b"1.1") -> bytes:
    return b"\r\n".join([b"GET " + target + b" HTTP/" + version, b"Host: kova", *lines, b"", b""])


WISH = json.dumps({"repository": INSIDE}).encode()
# A whole request, to be hidden in the body of another one.
HIDDEN = scan(b"Content-Length: " + str(len(WISH)).encode(), body=WISH)
CHUNKED = b"Transfer-Encoding: chunked"


TWO_ENDS: dict[str, bytes] = {
    "a length, then chunks": scan(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n" + HIDDEN),
    "chunks, then a length": scan(CHUNKED, b"Content-Length: 5", body=b"0\r\n\r\n" + HIDDEN),
    "no length, then chunks": scan(b"Content-Length: 0", CHUNKED, body=b"0\r\n\r\n" + HIDDEN),
    "two lengths": scan(b"Content-Length: 0", b"Content-Length: 300", body=HIDDEN),
    "two lengths in one line": scan(b"Content-Length: 0, 300", body=HIDDEN),
    "a length with a sign": scan(b"Content-Length: +2", body=b"{}" + HIDDEN),
    "a length below nothing": scan(b"Content-Length: -2", body=b"{}" + HIDDEN),
    "a length in base 16": scan(b"Content-Length: 0x2", body=b"{}" + HIDDEN),
    "a length with an underscore": scan(b"Content-Length: 0_2", body=b"{}" + HIDDEN),
    "a length of other digits": scan(b"Content-Length: \xb2", body=b"{}" + HIDDEN),
    "a length of five thousand digits": scan(b"Content-Length: " + b"9" * 5_000, body=HIDDEN),
    "an empty length": scan(b"Content-Length: ", body=HIDDEN),
    "a space before the colon": scan(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n" + HIDDEN),
    "a compressed transfer": scan(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n" + HIDDEN),
    "chunks twice": scan(CHUNKED, CHUNKED, body=b"0\r\n\r\n" + HIDDEN),
    "a word like chunks": scan(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + HIDDEN),
    "a control character before it": scan(
        b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n" + HIDDEN
    ),
    "an encoding that is none": scan(b"Transfer-Encoding: identity", body=HIDDEN),
    "a parameter of the encoding": scan(
        b"Transfer-Encoding: chunked;a=b", body=b"0\r\n\r\n" + HIDDEN
    ),
}


@pytest.mark.parametrize("name", TWO_ENDS)
def test_a_body_with_two_ends_closes_the_connection(
    rights: Rights, nothing_changes: Unchanged, name: str
) -> None:
    with nothing_changes():
        answers = talk(rights, fill(rights, TWO_ENDS[name]))
    assert len(answers) == 1
    assert answers[0].status in {400, 413, 501}, answers
    assert_hidden(rights, answers[0].body)


BAD_CHUNKS: dict[str, bytes] = {
    "a size that is no number": b"zz\r\n{}\r\n0\r\n\r\n",
    "a size below nothing": b"-2\r\n{}\r\n0\r\n\r\n",
    "a size with a prefix": b"0x2\r\n{}\r\n0\r\n\r\n",
    "a size beyond 64 bits": b"F" * 21 + b"\r\n{}\r\n0\r\n\r\n",
    "no line end behind the bytes": b"2\r\n{}XX0\r\n\r\n",
    "more bytes than the size": b"2\r\n{} \r\n0\r\n\r\n",
    "a bare line end in an extension": b"2;a=\nb\r\n{}\r\n0\r\n\r\n",
    "a space before the size": b" 2\r\n{}\r\n0\r\n\r\n",
    "no size": b"\r\n{}\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_a_broken_chunk_closes_the_connection(
    rights: Rights, nothing_changes: Unchanged, name: str
) -> None:
    sent = scan(CHUNKED, body=BAD_CHUNKS[name] + HIDDEN)
    with nothing_changes():
        answers = talk(rights, fill(rights, sent))
    assert statuses(answers) in ([400], [])
    assert_hidden(rights, "".join(answer.body for answer in answers))


def post(target: bytes, *lines: bytes, body: bytes) -> bytes:
    head = [b"POST " + target + b" HTTP/1.1", b"Host: kova", *lines]
    return b"\r\n".join([*head, b"", body])


def chunks_of(body: bytes, rights: Rights) -> bytes:
    filled = fill(rights, body)
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(filled), filled)


REFUSED_WITH_A_BODY: dict[str, tuple[bytes, tuple[bytes, ...], int]] = {
    "without a key": (b"POST /api/scan", (b"Content-Type: application/json",), 401),
    "without the scope": (
        b"POST /api/scan",
        (b"X-API-Key: @READ@", b"Content-Type: application/json"),
        403,
    ),
    "to no route": (b"POST /none", (b"X-API-Key: @KEY@",), 404),
    "with another method": (b"PUT /api/scan", (b"X-API-Key: @KEY@",), 405),
    "to a page": (b"POST /ui/scans", (), 303),
    "with a GET": (b"GET /api/errors", (), 401),
    "without a signature": (b"POST /webhooks/github", (), 401),
    "of another kind": (b"POST /api/scan", (b"X-API-Key: @KEY@",), 415),
}


@pytest.mark.parametrize("is_chunked", [False, True], ids=["with a length", "in chunks"])
@pytest.mark.parametrize("name", REFUSED_WITH_A_BODY)
def test_the_body_of_a_refused_request_is_no_request(
    rights: Rights, nothing_changes: Unchanged, name: str, is_chunked: bool
) -> None:
    start, lines, status = REFUSED_WITH_A_BODY[name]
    hidden = fill(rights, HIDDEN)
    framing = CHUNKED if is_chunked else b"Content-Length: %d" % len(hidden)
    body = chunks_of(HIDDEN, rights) if is_chunked else hidden
    head = b"\r\n".join([start + b" HTTP/1.1", b"Host: kova", *lines, framing, b"", b""])
    with nothing_changes():
        answers = talk(rights, fill(rights, head) + body)
    # Who sent a body of another kind is not listened to any more.
    rest = [] if status == 415 else [LAST_ANSWER]
    assert statuses(answers) == [status, *rest]
    assert_hidden(rights, answers[0].body)


MALFORMED: dict[str, bytes] = {
    "a bare carriage return in a header": get(b"X-A: b\rX-API-Key: @KEY@"),
    "NUL in a header": get(b"X-API-Key: @KEY@\x00"),
    "a control character in a header": get(b"X-API-Key: @KEY@\x0b"),
    "a header without a colon": get(b"X-API-Key @KEY@"),
    "a header without a name": get(b": @KEY@"),
    "a space in a header's name": get(b"X-API Key: @KEY@"),
    "other letters in a header's name": get("X-API-Kéy: @KEY@".encode()),
    "a header that begins with a space": b"GET /api/errors HTTP/1.1\r\n X-API-Key: @KEY@\r\n\r\n",
    "NUL in the path": get(b"X-API-Key: @KEY@", target=b"/api/errors\x00"),
    "other letters in the path": get(b"X-API-Key: @KEY@", target="/api/errörs".encode()),
    "a space in the path": get(b"X-API-Key: @KEY@", target=b"/api/ errors"),
    "a tab behind the method": b"GET\t/api/errors HTTP/1.1\r\nHost: kova\r\n\r\n",
    "no path": b"GET HTTP/1.1\r\nHost: kova\r\nX-API-Key: @KEY@\r\n\r\n",
    "no host": b"GET /api/errors HTTP/1.1\r\nX-API-Key: @KEY@\r\n\r\n",
    "two hosts": get(b"Host: other", b"X-API-Key: @KEY@"),
    "HTTP/0.9": b"GET /api/errors\r\n\r\n",
    "a version that is none": get(b"X-API-Key: @KEY@", version=b"1.1.1"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n",
    "a header of a million bytes": get(b"X-A: " + b"a" * 1_000_000),
    "ten thousand headers": get(*([b"X-API-Key: @KEY@"] * 10_000)),
    "a path of a million bytes": get(target=b"/" + b"a" * 1_000_000),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_http_is_refused_and_the_connection_closed(rights: Rights, name: str) -> None:
    answers = talk(rights, fill(rights, MALFORMED[name]))
    assert statuses(answers) in ([400], []), answers
    assert_hidden(rights, "".join(answer.body for answer in answers))


ODD_TARGETS: dict[str, tuple[bytes, int]] = {
    "the address of another host": (get(target=b"http://evil.example/api/errors"), 404),
    "an address of a file": (get(target=b"file:///etc/passwd"), 404),
    "a path without its slash": (get(target=b"api/errors"), 404),
    "all of the server": (b"OPTIONS * HTTP/1.1\r\nHost: kova\r\n\r\n", 404),
    "a fragment": (get(target=b"/health#/api/errors"), 404),
    "a method that is no word": (b"!GET /api/errors HTTP/1.1\r\nHost: kova\r\n\r\n", 405),
    "a method of a thousand letters": (
        b"G" * 1_000 + b" /api/errors HTTP/1.1\r\nHost: kova\r\n\r\n",
        405,
    ),
    "TRACE with a key": (
        b"TRACE /api/errors HTTP/1.1\r\nHost: kova\r\nX-API-Key: @KEY@\r\n\r\n",
        405,
    ),
    "letters that are none": (get(target=b"/api/errors/%ff%fe"), 401),
    "half of a letter": (get(target=b"/api/errors/%c3"), 401),
    "half of an encoding": (get(target=b"/api/errors%2"), 404),
    "an encoded NUL": (get(target=b"/api/errors/%00"), 401),
    "other letters in the key": (get(b"X-API-Key: \xe9\xff"), 401),
    "a host that is none": (
        b"GET /ui/errors HTTP/1.1\r\nHost: [::1/api?x#y@z\r\n\r\n",
        303,
    ),
    "a folded header": (get(b"X-A: b", b" X-API-Key: @KEY@"), 401),
    "a key behind the body": (
        get(CHUNKED)[:-2] + b"\r\n0\r\nX-API-Key: @KEY@\r\n\r\n",
        401,
    ),
    "an expectation": (get(b"Expect: 100-continue"), 401),
    "HTTP/2 at once": (b"PRI * HTTP/2.0\r\n\r\n", 404),
    "a version to come": (get(version=b"9.9"), 401),
    "the old version": (get(b"Connection: keep-alive", version=b"1.0"), 401),
}


@pytest.mark.parametrize("name", ODD_TARGETS)
def test_an_odd_request_is_one_request_without_rights(rights: Rights, name: str) -> None:
    sent, status = ODD_TARGETS[name]
    answers = talk(rights, fill(rights, sent))
    # Those of the old version are alone on their connection.
    rest = [] if b"HTTP/1.0" in sent else [LAST_ANSWER]
    assert statuses(answers) == [status, *rest]
    assert_hidden(rights, answers[0].head + answers[0].body)


def test_chunks_in_the_old_version_end_the_connection(
    rights: Rights, nothing_changes: Unchanged
) -> None:
    """A proxy of that version passes them on as part of the body."""
    old = HIDDEN.replace(b"HTTP/1.1", b"HTTP/1.0").partition(b"Content-Length")[0]
    with nothing_changes():
        answers = talk(rights, fill(rights, old + CHUNKED + b"\r\n\r\n0\r\n\r\n" + HIDDEN))
    assert len(answers) == 1
    assert answers[0].status in {400, 422}


DOUBLED: dict[str, tuple[bytes, int]] = {
    "a wrong bearer before a right one": (
        get(b"Authorization: Bearer kova_none", b"Authorization: Bearer @KEY@"),
        401,
    ),
    "a wrong key before a right one": (get(b"X-API-Key: none", b"X-API-Key: @KEY@"), 401),
    "a wrong bearer beside a right key": (
        get(b"Authorization: Bearer kova_none", b"X-API-Key: @KEY@"),
        401,
    ),
    "two bearers with different rights": (
        get(b"Authorization: Bearer @READ@", b"Authorization: Bearer @KEY@", target=b"/api/keys"),
        403,
    ),
    "two keys with different rights": (
        get(b"X-API-Key: @READ@", b"X-API-Key: @KEY@", target=b"/api/keys"),
        403,
    ),
    "a bearer and a key with different reach": (
        get(b"Authorization: Bearer @INSIDE@", b"X-API-Key: @KEY@", target=b"/api/audit"),
        403,
    ),
}


@pytest.mark.parametrize("name", DOUBLED)
def test_two_credentials_do_not_add_up(rights: Rights, name: str) -> None:
    sent, status = DOUBLED[name]
    answers = talk(rights, fill(rights, sent))
    assert statuses(answers) == [status, LAST_ANSWER]
    assert_hidden(rights, answers[0].body)


def test_a_key_counts_for_its_own_request_of_a_connection_alone(rights: Rights) -> None:
    keyed, bare = get(b"X-API-Key: @KEY@"), get()
    answers = talk(rights, fill(rights, keyed + bare + keyed + bare))
    assert statuses(answers) == [200, 401, 200, 401, LAST_ANSWER]
    for answer in (answers[1], answers[3]):
        assert_hidden(rights, answer.body)
    ids = {value for answer in answers for name, value in answer.headers if name == "x-request-id"}
    assert len(ids) == len(answers)


INJECTIONS: dict[str, bytes] = {
    "an encoded line end in a page's path": get(
        target=b"/ui/errors%0d%0aSet-Cookie:%20evil=1%0d%0a%0d%0a<b>"
    ),
    "an encoded line end in its query": get(target=b"/ui/errors?status=%0d%0aSet-Cookie:%20evil=1"),
    "an encoded line end in the next page": get(
        target=b"/auth/sign-in?next=/ui%0d%0aSet-Cookie:%20evil=1"
    ),
    "an encoded line end in a cursor": get(
        b"X-API-Key: @KEY@", target=b"/api/errors?cursor=%0d%0aSet-Cookie:%20evil=1"
    ),
    "a folded request id": get(b"X-Request-Id: a", b"\tSet-Cookie: evil=1"),
    "a request id in quotes": get(b'X-Request-Id: "a"; Set-Cookie: evil=1'),
    "two request ids": get(b"X-Request-Id: a", b"X-Request-Id: Set-Cookie: evil=1"),
    "a folded idempotency key": scan(
        b"Idempotency-Key: a", b"\tSet-Cookie: evil=1", b"Content-Length: 2", body=b"{}"
    ),
    "a scan of a name with line ends": scan(
        b"Content-Length: 50",
        body=b'{"repository": "o/n\\r\\nSet-Cookie: evil=1"}'.ljust(50),
    ),
    "an origin": get(b"Origin: https://evil=1.example", b"X-API-Key: @KEY@"),
    "a tag of a version": get(b"If-None-Match: evil=1", b"X-API-Key: @KEY@"),
    "a range": get(b"Range: bytes=0-0,evil=1", b"X-API-Key: @KEY@"),
}


@pytest.mark.parametrize("name", INJECTIONS)
def test_no_text_of_a_request_becomes_a_header(rights: Rights, name: str) -> None:
    answers = talk(rights, fill(rights, INJECTIONS[name]))
    assert len(answers) == 2, statuses(answers)
    names = [header for header, _ in answers[0].headers]
    assert "set-cookie" not in names
    assert "etag" not in names
    assert len(names) == len(set(names))
    values = {header: value for header, value in answers[0].headers if header != "location"}
    assert not [value for value in values.values() if "evil=1" in value]
    assert "\r" not in answers[0].head.replace("\r\n", "")


CUT: dict[str, tuple[bytes, bytes]] = {
    "a delivery": (b"/webhooks/github", b"Content-Type: application/json"),
    "a command of Slack": (b"/webhooks/slack", b"Content-Type: application/x-www-form-urlencoded"),
    "a link's form": (b"/auth/link", b"Content-Type: application/x-www-form-urlencoded"),
    "a scan": (b"/api/scan", b"X-API-Key: @KEY@\r\nContent-Type: application/json"),
    "a log": (b"/api/scans/@SCAN@/sarif", b"X-API-Key: @KEY@\r\nContent-Type: application/json"),
    "a key, to be made once": (
        b"/api/keys",
        b"X-API-Key: @KEY@\r\nContent-Type: application/json\r\nIdempotency-Key: cut",
    ),
}


def logged_status(rights: Rights, request_id: str) -> int | None:
    for line in rights.kova.logs().splitlines():
        fields = json.loads(line)
        if fields.get("request_id") == request_id and fields["message"] == "request":
            return int(fields["status"])
    return None


@pytest.mark.parametrize("name", CUT)
def test_who_leaves_in_the_middle_of_a_body_is_no_failure_of_ours(
    rights: Rights, nothing_changes: Unchanged, name: str
) -> None:
    """A 500 calls somebody: nobody without a key may do that by hanging up."""
    path, lines = CUT[name]
    path = path.replace(b"@SCAN@", rights.things[INSIDE]["scan"].encode())
    request_id = f"cut-{name}".replace(" ", "-").replace(",", "").replace("'", "")
    head = [lines, b"X-Request-Id: " + request_id.encode(), b"Content-Length: 100"]
    sent = post(path, *head, body=b'{"repository": ')
    with nothing_changes():
        with raw_http.connect(rights.kova.address) as raw:
            raw.sendall(fill(rights, sent))
        assert eventually(lambda: logged_status(rights, request_id)) == 400


def test_no_attack_was_a_failure_of_ours(rights: Rights) -> None:
    """The last test: what the others sent left no traceback in the log, and the server lives."""
    logs = rights.kova.logs()
    assert "Traceback" not in logs
    assert "unexpected error" not in logs
    assert talk(rights, b"")[0].status == LAST_ANSWER
