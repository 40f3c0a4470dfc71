"""`kova dlq` against the real SQS API: look, send again, drop; nothing is lost on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from subprocess import CompletedProcess
from typing import Any, Final

import boto3
import pytest

from kova.adapters.sqs import sqs_client
from kova.adapters.sqs_consumer import SqsConsumer
from kova.scans.message import ScanJob, ScanRetry, decode_scan_job, encode_scan_job
from tests.support.kova_process import run_command
from tests.support.queues import dead_letter_url, depth, environment, make_queue
from tests.support.stores import scan_target

Run = Callable[..., CompletedProcess[str]]
QUEUES: Final = ("scan", "fix", "command")


@pytest.fixture
def queues() -> dict[str, str]:
    return {name: make_queue(max_receives=1) for name in QUEUES}


@pytest.fixture
def kova(queues: dict[str, str]) -> Run:
    urls = {f"KOVA_{name.upper()}_QUEUE_URL": url for name, url in queues.items()}

    def run(*arguments: str) -> CompletedProcess[str]:
        return run_command("dlq", *arguments, environment=environment() | urls)

    return run


def bury(url: str, body: str, reason: str | None = "malformed_message", group: str = "") -> None:
    """Let a message become a dead letter: by Kova with its reason, or by SQS without one."""
    client: Any = boto3.client("sqs")
    options = {"MessageGroupId": group} if group else {}
    client.send_message(QueueUrl=url, MessageBody=body, **options)
    client.close()
    consumer = SqsConsumer(sqs_client(waits=True), url, wait_seconds=2)
    (message,) = consumer.receive(limit=1, visibility=0 if reason is None else 30)
    if reason is None:
        assert not consumer.receive(limit=1, visibility=0)
    else:
        consumer.bury(message, reason)


def ids_of(process: CompletedProcess[str]) -> list[str]:
    assert process.returncode == 0, process.stderr
    return [line.split()[1] for line in process.stdout.splitlines()[1:]]


def scan_job(**fields: object) -> ScanJob:
    return ScanJob(target=scan_target(**fields), retry=ScanRetry(attempt=3))


def test_without_dead_letters_it_says_so(kova: Run) -> None:
    process = kova("list")
    assert (process.returncode, process.stdout) == (0, "There are no dead letters.\n")


def test_dead_letters_of_all_queues_are_listed_and_stay(kova: Run, queues: dict[str, str]) -> None:
    bury(queues["scan"], encode_scan_job(scan_job(repository="octo/lost")), None)
    bury(queues["command"], '{"version": 1, "kind": "x"}', "malformed_message")
    bury(queues["fix"], "\x9b31mno message\n")
    for _ in range(2):
        process = kova("list")
        assert len(ids_of(process)) == 3
    scan, fix, command = (line.rstrip() for line in process.stdout.splitlines()[1:])
    assert scan.startswith("scan ")
    assert "octo/lost" in scan
    assert scan.endswith("received too often")
    assert command.endswith("malformed_message")
    assert "\x9b" not in fix
    assert len(ids_of(kova("list", "fix"))) == 1


def test_more_dead_letters_than_sqs_gives_at_once_are_each_listed_once(
    kova: Run, queues: dict[str, str]
) -> None:
    client: Any = boto3.client("sqs")
    dead = dead_letter_url(queues["scan"])
    for number in range(23):
        client.send_message(QueueUrl=dead, MessageBody=f"{number}")
    client.close()
    ids = ids_of(kova("list", "scan"))
    assert len(ids) == len(set(ids)) == 23


def test_one_is_shown_whole(kova: Run, queues: dict[str, str]) -> None:
    job = scan_job(repository="octo/lost")
    bury(queues["scan"], encode_scan_job(job), "repository_not_found: No.\x07")
    (letter_id,) = ids_of(kova("list"))
    process = kova("show", "scan", letter_id)
    shown = json.loads(process.stdout)
    assert (shown["id"], shown["queue"], shown["reason"]) == (
        letter_id,
        "scan",
        "repository_not_found: No.\\x07",
    )
    assert shown["message"]["repository"] == "octo/lost"
    assert shown["sent_at"].endswith("+00:00")


def test_one_is_sent_again_as_a_new_wish_in_its_group(kova: Run, queues: dict[str, str]) -> None:
    job = scan_job()
    bury(queues["scan"], encode_scan_job(job), group="octo:sample")
    bury(queues["scan"], "another")
    first, second = ids_of(kova("list", "scan"))
    process = kova("redrive", "scan", first)
    assert process.stdout == "1 sent to the queue scan again.\n"
    consumer = SqsConsumer(sqs_client(waits=True), queues["scan"], wait_seconds=2)
    (message,) = consumer.receive(limit=10, visibility=30)
    assert (decode_scan_job(message.body), message.group) == (
        ScanJob(target=job.target),
        "octo:sample",
    )
    assert ids_of(kova("list", "scan")) == [second]


def test_all_are_sent_again_or_dropped(kova: Run, queues: dict[str, str]) -> None:
    for body in ("a", "b", "c"):
        bury(queues["fix"], body)
        bury(queues["command"], body)
    assert kova("redrive", "fix", "--all").stdout == "3 sent to the queue fix again.\n"
    assert depth(queues["fix"]) == 3
    letters = ids_of(kova("list", "command"))
    assert kova("drop", "command", *letters[:2]).stdout == "2 deleted.\n"
    assert kova("drop", "command", "--all").stdout == "1 deleted.\n"
    assert kova("list").stdout == "There are no dead letters.\n"
    assert depth(queues["command"]) == 0


def test_an_id_that_is_not_there_changes_nothing(kova: Run, queues: dict[str, str]) -> None:
    bury(queues["scan"], "a")
    (letter_id,) = ids_of(kova("list", "scan"))
    for command in ("redrive", "drop"):
        process = kova(command, "scan", letter_id, "none")
        assert (process.returncode, process.stdout) == (2, "")
        assert process.stderr == "kova: There is no dead letter none.\n"
    assert kova("show", "scan", "none").returncode == 2
    assert ids_of(kova("list", "scan")) == [letter_id]
    assert depth(queues["scan"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "scans"], "There is no queue 'scans': scan, fix, command."),
        (["redrive", "scan"], "Name the ids, or --all."),
        (["drop", "scan", "x", "--all"], "Name ids, or --all, and not both."),
    ],
)
def test_what_cannot_be_meant_is_refused(kova: Run, arguments: list[str], message: str) -> None:
    process = kova(*arguments)
    assert (process.returncode, process.stderr) == (2, f"kova: {message}\n")


def test_a_queue_that_is_not_configured_is_named() -> None:
    process = run_command("dlq", "list", "fix", environment=environment())
    assert process.returncode == 2
    assert "KOVA_FIX_QUEUE_URL" in process.stderr
    empty = run_command("dlq", "list", environment=environment())
    assert empty.stdout == "There are no dead letters.\n"


def test_a_queue_that_does_not_answer_is_one_line() -> None:
    away = {"KOVA_SCAN_QUEUE_URL": "http://127.0.0.1:9/000000000000/none"}
    variables = environment() | away | {"AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9"}
    process = run_command("dlq", "list", environment=variables)
    assert process.returncode == 2
    assert process.stderr == "kova: The queue does not accept messages.\n"
