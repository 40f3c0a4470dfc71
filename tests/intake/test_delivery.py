"""The intake's protocol: signatures and payloads, without any I/O."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kova.intake.delivery import Delivery, parse_delivery, parse_json, verify_signature
from kova.scans.message import ScanJob, decode_scan_job, encode_scan_job
from kova.scans.scan import Trigger
from kova.shared.exceptions import (
    InvalidInputError,
    MediaTypeError,
    NotConfiguredError,
    SignatureError,
)

SHA = "a" * 40
REPOSITORY = {"id": 7, "full_name": "octo/sample", "default_branch": "main", "private": True}


def push(**changes: object) -> dict[str, object]:
    payload = {
        "ref": "refs/heads/main",
        "after": SHA,
        "deleted": False,
        "repository": REPOSITORY,
        "installation": {"id": 3},
    }
    return payload | changes


def parse(payload: object, event: str = "push", content_type: str = "application/json") -> Delivery:
    return parse_delivery(
        delivery_id="d-1", event=event, content_type=content_type, body=json.dumps(payload).encode()
    )


def sign(secret: str, body: bytes, kind: str = "sha256") -> str:
    return f"{kind}=" + hmac.new(secret.encode(), body, kind).hexdigest()


def test_a_right_signature_passes_with_any_of_the_rotating_secrets() -> None:
    verify_signature(b"x", sign("old", b"x"), ["new", "old"])
    verify_signature(b"x", sign("new", b"x"), ["new", "old"])


def test_github_documented_example_verifies() -> None:
    # docs.github.com, "Testing the webhook payload validation".
    header = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    verify_signature(b"Hello, World!", header, ["It's a Secret to Everybody"])


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        "sha256=" + "é" * 64,
        "\udcff",
        sign("s", b"x", "sha1"),
        sign("other", b"x"),
        sign("s", b"x") + "0",
        sign("s", b"x").upper(),
    ],
)
def test_a_wrong_signature_is_refused(header: str | None) -> None:
    with pytest.raises(SignatureError):
        verify_signature(b"x", header, ["s"])


@pytest.mark.parametrize("secrets", [[], [""]])
def test_without_a_secret_nothing_is_accepted(secrets: list[str]) -> None:
    with pytest.raises(NotConfiguredError):
        verify_signature(b"x", sign("", b"x"), secrets)


def test_a_push_to_the_default_branch_becomes_a_scan() -> None:
    target = parse(push()).target
    assert target is not None
    assert (target.trigger, target.commit_sha, target.installation_id) == (Trigger.PUSH, SHA, 3)
    assert target.ref == "refs/heads/main"
    job = ScanJob(target=target)
    assert decode_scan_job(encode_scan_job(job)) == job


def pushed(*, pushed_at: object = 1_764_000_000, delivery: str = "d-1", **changes: object) -> Any:
    """Return the target of a push that says how the branch moved."""
    repository = {**REPOSITORY, "pushed_at": pushed_at}
    payload = push(**{"before": "b" * 40, "repository": repository, **changes})
    return parse_delivery(
        delivery_id=delivery,
        event="push",
        content_type="application/json",
        body=json.dumps(payload).encode(),
    ).target


def test_a_push_says_how_the_branch_moved_and_when() -> None:
    target = pushed(forced=True)
    assert (target.before, target.commit_sha, target.forced) == ("b" * 40, SHA, True)
    assert target.pushed_at == 1_764_000_000
    assert pushed(pushed_at="2025-11-24T16:00:00Z").pushed_at == 1_764_000_000


def test_a_push_is_one_by_whatever_delivery_it_comes() -> None:
    first = pushed().dedupe_key
    assert pushed(delivery="d-2").dedupe_key == first
    # A force push back to the same commit is another one, and so is each from another commit.
    assert pushed(pushed_at=1_764_000_001).dedupe_key != first
    assert pushed(before="c" * 40).dedupe_key != first


@pytest.mark.parametrize(
    "pushed_at", [None, 0, -5, 2**70, True, 1.5, "", "yesterday", "2025-11-24T16:00:00", [1], {}]
)
def test_a_push_without_a_usable_time_is_told_apart_by_its_delivery(pushed_at: object) -> None:
    target = pushed(pushed_at=pushed_at)
    assert (target.pushed_at, target.before) == (None, "b" * 40)
    assert target.dedupe_key == pushed(pushed_at=pushed_at).dedupe_key
    assert target.dedupe_key != pushed(pushed_at=pushed_at, delivery="d-2").dedupe_key


@pytest.mark.parametrize("before", [None, 7, "b" * 39, "main"])
def test_a_push_may_not_say_where_the_branch_was(before: object) -> None:
    target = parse(push(before=before)).target
    assert target is not None
    assert target.before is None


def test_a_form_encoded_push_is_the_same_push() -> None:
    body = f"payload={quote_plus(json.dumps(push()))}".encode()
    form = parse_delivery(
        delivery_id="d-1",
        event="push",
        content_type="application/x-www-form-urlencoded",
        body=body,
    )
    assert form.target == parse(push()).target


@pytest.mark.parametrize(
    "changes",
    [
        {"ref": "refs/heads/other"},
        {"ref": "refs/tags/v1"},
        {"after": "0" * 40, "deleted": True},
        {"after": "0" * 40},
        {"after": 5},
        {"repository": None},
        {"repository": {**REPOSITORY, "full_name": "../../etc"}},
        {"repository": {**REPOSITORY, "default_branch": "a\x00b"}},
    ],
)
def test_what_is_not_a_push_to_the_default_branch_is_ignored(changes: dict[str, object]) -> None:
    assert parse(push(**changes)).target is None


def test_a_pull_request_is_scanned_at_its_head_against_its_base() -> None:
    payload = {
        "action": "synchronize",
        "number": 5,
        "repository": REPOSITORY,
        "pull_request": {"head": {"sha": SHA}, "base": {"sha": "b" * 40}},
    }
    target = parse(payload, "pull_request").target
    assert target is not None
    assert (target.pull_request, target.base_sha) == (5, "b" * 40)
    assert parse({**payload, "action": "labeled"}, "pull_request").target is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b'"x"',
        b"null",
        b"{}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": "\xff"}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"\x00",
    ],
)
def test_what_github_could_not_have_sent_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInputError):
        parse_delivery(delivery_id="d", event="push", content_type="application/json", body=body)


@pytest.mark.parametrize(
    "kind", ["text/plain", "text/json", "multipart/form-data; boundary=x", "*"]
)
def test_another_media_type_is_refused(kind: str) -> None:
    with pytest.raises(MediaTypeError):
        parse_delivery(delivery_id="d", event="push", content_type=kind, body=b'{"ref": "x"}')


@pytest.mark.parametrize(
    ("delivery", "event"), [(None, "push"), ("d", None), ("d\n", "push"), ("d", "P!")]
)
def test_malformed_headers_are_refused(delivery: str | None, event: str | None) -> None:
    with pytest.raises(InvalidInputError):
        parse_delivery(delivery_id=delivery, event=event, content_type=None, body=b"{}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        "repository",
        "ref",
        "after",
        "installation",
        "pull_request",
        "number",
        "action",
        "full_name",
        "id",
        "default_branch",
        "head",
        "base",
        "sha",
    ]
)


@given(
    payload=st.dictionaries(
        KEYS, JSON | st.dictionaries(KEYS, JSON, max_size=5), min_size=1, max_size=6
    ),
    event=st.sampled_from(["push", "pull_request", "ping", "star"]),
)
def test_no_payload_makes_it_stumble(payload: dict[str, object], event: str) -> None:
    parse(payload, event)


@given(JSON)
def test_the_strict_parser_agrees_with_the_standard_one(value: object) -> None:
    try:
        body = json.dumps(value).encode()
    except ValueError:
        return
    assert parse_json(body) == json.loads(body)


def test_deep_brackets_inside_of_strings_do_not_count() -> None:
    body = json.dumps({"a": "[" * 1000, "b": ['\\"[' * 300]}).encode()
    assert parse_json(body)["a"] == "[" * 1000


def test_the_signature_is_over_the_raw_bytes() -> None:
    body = b'{ "a":1 }'
    verify_signature(body, "sha256=" + hmac.new(b"s", body, hashlib.sha256).hexdigest(), ["s"])
    with pytest.raises(SignatureError):
        verify_signature(json.dumps(json.loads(body)).encode(), sign("s", body), ["s"])


def rerequest(event: str = "check_run", **check: Any) -> dict[str, Any]:
    suite = {"head_branch": "main"}
    about = {"head_sha": SHA, "external_id": "kova/branch", "check_suite": suite, **check}
    return {"action": "rerequested", event: about, "repository": REPOSITORY}


def test_a_rerun_of_a_branchs_check_names_its_branch_and_commit() -> None:
    target = parse(rerequest(), "check_run").target
    pushed = parse(push()).target
    assert target is not None
    assert pushed is not None
    # The worker looks for the scan of the last push.
    assert (target.ref, target.commit_sha) == (pushed.ref, pushed.commit_sha)
    assert (target.push_id, target.rerun, pushed.rerun) == (None, True, False)
    assert not target.is_incomplete


def test_a_rerun_of_a_pull_requests_check_names_its_base_where_github_does() -> None:
    pulls = [{"number": 4, "base": {"sha": "c" * 40}}, {"number": 5, "base": {"sha": "b" * 40}}]
    payload = rerequest(external_id="kova/pull/5", pull_requests=pulls)
    target = parse(payload, "check_run").target
    assert target is not None
    assert target.dedupe_key == f"pull_request:5:{'b' * 40}:{SHA}"
    of_fork = parse(rerequest(external_id="kova/pull/5", pull_requests=[]), "check_run").target
    assert of_fork is not None
    assert (of_fork.pull_request, of_fork.base_sha, of_fork.is_incomplete) == (5, None, True)


def test_a_rerun_of_all_checks_is_every_scan_of_the_commit() -> None:
    target = parse(rerequest("check_suite"), "check_suite").target
    assert target is not None
    assert (target.commit_sha, target.ref, target.is_incomplete) == (SHA, None, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"external_id": "other/branch"},
        {"external_id": "kova/pull/0"},
        {"external_id": "kova/pull/7; x"},
        {"external_id": None},
        {"head_sha": "main"},
        {"head_sha": None},
    ],
)
def test_a_rerun_of_what_is_no_check_of_kovas_is_ignored(changes: dict[str, Any]) -> None:
    assert parse(rerequest(**changes), "check_run").target is None


@pytest.mark.parametrize("event", ["check_run", "check_suite"])
def test_other_actions_and_odd_payloads_of_checks_are_ignored(event: str) -> None:
    for payload in (
        {**rerequest(event), "action": "completed"},
        {**rerequest(event), event: [1]},
        {"action": "rerequested", "repository": REPOSITORY},
    ):
        assert parse(payload, event).target is None
    odd = {"check_suite": 5, "pull_requests": [None, {"base": 1}, {"base": {"sha": 5}}]}
    target = parse(rerequest(**odd), "check_run").target
    assert target is not None
    assert target.ref is None


def merge_group(**changes: object) -> dict[str, object]:
    group = {
        "head_sha": SHA,
        "head_ref": "refs/heads/gh-readonly-queue/main/pr-7-1a2b",
        "base_sha": "b" * 40,
        "base_ref": "refs/heads/main",
    }
    payload = {"action": "checks_requested", "merge_group": group, "repository": REPOSITORY}
    return payload | changes


def test_a_merge_queue_that_asks_for_checks_is_compared_with_its_base() -> None:
    target = parse(merge_group(), "merge_group").target
    assert target is not None
    assert (target.trigger, target.commit_sha, target.base_sha, target.pull_request) == (
        Trigger.PULL_REQUEST,
        SHA,
        "b" * 40,
        None,
    )
    assert target.ref == "refs/heads/gh-readonly-queue/main/pr-7-1a2b"
    assert target.is_proposal


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "destroyed"},
        {"merge_group": None},
        {"merge_group": {"head_sha": SHA, "head_ref": "refs/heads/x"}},
        {"merge_group": {"head_sha": SHA, "head_ref": 7, "base_sha": SHA}},
        {"merge_group": {"head_sha": SHA, "head_ref": "a..b", "base_sha": SHA}},
    ],
)
def test_another_merge_group_is_nothing_to_scan(changes: dict[str, object]) -> None:
    assert parse(merge_group(**changes), "merge_group").target is None


@pytest.mark.parametrize("event", ["projects_v2_item", "merge_group", "x" * 64])
def test_an_event_s_name_may_hold_digits(event: str) -> None:
    assert parse({"action": "created"}, event).target is None
