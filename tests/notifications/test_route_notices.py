from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kova.notifications.notice import Notice, NoticeKind
from kova.notifications.quiet_hours import parse_quiet_hours
from kova.notifications.route_notices import NoticeRules, RouteNotices
from kova.shared.exceptions import InvalidInputError
from kova.shared.severity import Severity

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
SLACK = NoticeRules(slack=True, slack_channel="C000000001")


def notice(number: int = 1, **fields: object) -> Notice:
    values: dict[str, object] = {
        "id": str(number),
        "kind": NoticeKind.ERROR_OPENED,
        "subject": str(number),
        "thread_key": f"error:{number}",
        "group_key": "scan:1",
        "created_at": NOON,
        "repository": "octo/sample",
        "severity": Severity.HIGH,
    }
    return Notice(**{**values, **fields})  # type: ignore[arg-type]


def channels(rules: NoticeRules, *notices: Notice) -> list[str]:
    planned = RouteNotices(rules, now=lambda: NOON).plan(notices)
    return [message.channel for message in planned]


def test_without_a_channel_nobody_is_told() -> None:
    assert channels(NoticeRules(), notice()) == []
    assert channels(NoticeRules(slack=True), notice()) == []
    assert channels(NoticeRules(slack_channel="C000000001"), notice()) == []


def test_each_chat_is_told() -> None:
    assert channels(replace(SLACK, google_chat=True), notice()) == [
        "slack:C000000001",
        "google_chat",
    ]


def test_a_repositorys_own_channel_goes_before_that_of_all() -> None:
    assert channels(SLACK, notice(slack_channel="C000000002")) == ["slack:C000000002"]


@pytest.mark.parametrize(
    ("limit", "severity", "told"),
    [
        ("high", Severity.HIGH, True),
        ("critical", Severity.HIGH, False),
        ("critical", Severity.CRITICAL, True),
        ("off", Severity.CRITICAL, False),
        ("critical", None, True),
        ("off", None, False),
    ],
)
def test_a_repository_says_from_which_severity_on(
    limit: str, severity: Severity | None, told: bool
) -> None:
    assert bool(channels(SLACK, notice(severity=severity, notify_severity=limit))) is told
    rules = replace(SLACK, severity=limit)
    assert bool(channels(rules, notice(severity=severity))) is told


def test_five_errors_are_five_messages_and_six_are_one() -> None:
    plan = RouteNotices(SLACK, now=lambda: NOON).plan
    assert len(plan([notice(number) for number in range(5)])) == 5
    (message,) = plan([notice(number) for number in range(6)])
    assert (len(message.notices), message.thread_key) == (6, "scan:1")


def test_what_happened_in_other_repositories_is_another_message() -> None:
    plan = RouteNotices(SLACK, now=lambda: NOON).plan
    own = [notice(number) for number in range(6)]
    others = [notice(number, repository="octo/other") for number in range(6, 12)]
    assert len(plan([*own, *others])) == 2


@pytest.mark.parametrize(
    ("hours", "moment", "until"),
    [
        ("22:00-07:00", datetime(2026, 11, 29, 23, tzinfo=UTC), datetime(2026, 11, 30, 7, tzinfo=UTC)),
        ("22:00-07:00", datetime(2026, 11, 29, 6, 59, tzinfo=UTC), datetime(2026, 11, 29, 7, tzinfo=UTC)),
        ("22:00-07:00", datetime(2026, 11, 29, 7, tzinfo=UTC), None),
        ("22:00-07:00", datetime(2026, 11, 29, 21, 59, tzinfo=UTC), None),
        ("09:00-17:00", NOON, datetime(2026, 11, 29, 17, tzinfo=UTC)),
        ("22:00-07:00 Europe/Berlin", datetime(2026, 11, 29, 21, 30, tzinfo=UTC), datetime(2026, 11, 30, 6, tzinfo=UTC)),
        # The night in which Berlin's clocks go back has an hour more.
        ("02:10-02:50 Europe/Berlin", datetime(2026, 10, 25, 0, 15, tzinfo=UTC), datetime(2026, 10, 25, 0, 50, tzinfo=UTC)),
        ("02:10-02:50 Europe/Berlin", datetime(2026, 10, 25, 1, 15, tzinfo=UTC), datetime(2026, 10, 25, 1, 50, tzinfo=UTC)),
        ("22:00-07:00 Europe/Berlin", datetime(2026, 10, 24, 21, tzinfo=UTC), datetime(2026, 10, 25, 6, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_in_quiet_hours_people_are_told_at_their_end(
    hours: str, moment: datetime, until: datetime | None
) -> None:
    rules = replace(SLACK, quiet_hours=hours)
    (message,) = RouteNotices(rules, now=lambda: moment).plan([notice()])
    assert message.due_at == (until or moment)


def test_a_repository_may_have_no_quiet_hours() -> None:
    rules = replace(SLACK, quiet_hours="00:00-23:59")
    (message,) = RouteNotices(rules, now=lambda: NOON).plan([notice(quiet_hours="off")])
    assert message.due_at == NOON


@pytest.mark.parametrize(
    "text",
    ["", "22-7", "24:00-07:00", "22:00-07:60", "22:00-22:00", "22:00-07:00 Mars/Olympus",
     "22:00-07:00 ../../etc/passwd", "22:00-07:00 /etc/passwd", "22:00-07:00 UTC x", "22:00-07:00\nx",
     "\uff12\uff12:00-07:00"],
)  # fmt: skip
def test_other_texts_are_no_quiet_hours(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_quiet_hours(text)
