"""The practice GitHub of a run: late and stale answers, and nothing forgotten after a kill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kova_fakes.github import FakeGitHub, Fault, people, serve_github
from kova_fakes.github.server import new_context
from tests.chaos.practice import DurableState, Ledger, RandomFaults

NAME = "octo/sample"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "chaos.db")
    yield opened
    opened.close()


@pytest.fixture
def github(ledger: Ledger) -> Iterator[FakeGitHub]:
    context = new_context()
    context.state = DurableState(ledger)
    with serve_github(context=context) as fake:
        yield fake


def get(github: FakeGitHub, path: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {github.token}"}
    return httpx.get(f"{github.url}/repos/{NAME}{path}", headers=headers)


@pytest.mark.parametrize("path", ["/commits/heads/main", "/git/ref/heads/main"])
def test_a_stale_answer_shows_the_branch_as_it_was(github: FakeGitHub, path: str) -> None:
    first = github.state.create_repository(NAME, files={"a.py": b"x = 1\n"})
    second = github.state.push(NAME, {"a.py": b"x = 2\n"})
    github.inject(Fault(kind="stale", path=path))
    assert first in get(github, path).text.partition('"parents"')[0]
    assert second in get(github, path).text


def test_a_late_answer_is_as_it_was_when_it_was_made(github: FakeGitHub) -> None:
    github.state.create_repository(NAME, files={"a.py": b"x = 1\n"})
    github.inject(Fault(kind="late", seconds=0.3))
    answer = get(github, "/commits/heads/main")
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() >= 0.3


def test_what_is_answered_is_there_after_a_kill(github: FakeGitHub, ledger: Ledger) -> None:
    state = github.state
    sha = state.create_repository(NAME, files={"a.py": b"x = 1\n"})
    state.push(NAME, {"b.py": b"x = 1\n"}, branch="topic")
    number = state.open_pull(NAME, head="topic", base="main", title="Topic")
    headers = {"authorization": f"Bearer {github.token}"}
    body = {"ref": "refs/heads/kova/fix-main", "sha": sha}
    httpx.post(f"{github.url}/repos/{NAME}/git/refs", json=body, headers=headers)
    state.transfer(NAME, "octo/renamed")
    state.save("octo/renamed")
    again = DurableState(ledger)
    repository = again.repository("octo/renamed")
    assert repository.git.refs["heads/kova/fix-main"] == sha
    assert [pull["number"] for pull in repository.pulls] == [number]
    assert again.moved(NAME) == repository.id
    assert again.number() > repository.id - 1_000_000


def test_a_closed_pull_request_stays_where_it_was(github: FakeGitHub) -> None:
    state = github.state
    state.create_repository(NAME, files={"a.py": b"x = 1\n"})
    head = state.push(NAME, {"b.py": b"x = 1\n"}, branch="topic")
    number = state.open_pull(NAME, head="topic", base="main", title="Topic")
    repository = state.repository(NAME)
    people.delete_branch(repository, "topic")
    pull = get(github, f"/pulls/{number}").json()
    assert (pull["state"], pull["head"]["sha"]) == ("closed", head)


def test_faults_come_at_their_rate_and_only_where_they_can() -> None:
    faults = RandomFaults(1, 0.05, without=["cut"])
    taken = [faults.take("GET", f"/repos/{NAME}/commits/main") for _ in range(4_000)]
    kinds = {fault.kind for fault in taken if fault}
    assert 100 < sum(fault is not None for fault in taken) < 300
    assert not kinds & {"cut", "stale", "404", "422"}
    faults.note_push(NAME, "1" * 40)
    path = f"/repos/{NAME}/commits/heads/main"
    fresh = {fault.kind for _ in range(400) if (fault := faults.take("GET", path))}
    assert "stale" in fresh
