"""What is there: read by Kova's API, from its queues, and from GitHub."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import httpx
import psycopg

from kova_fakes.github.state import State
from tests.chaos.stack import KovaStack

Row: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class GitHubView:
    """What GitHub has of one repository.

    `parents` are those of the ends of branches, `history` the commits of the default branch.
    """

    id: int
    full_name: str
    check_runs: Sequence[Row] = ()
    pulls: Sequence[Row] = ()
    comments: Sequence[Row] = ()
    branches: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, Sequence[str]] = field(default_factory=dict)
    history: Collection[str] = ()


@dataclass(frozen=True, kw_only=True)
class Actual:
    """Everything that the oracle compares.

    Attributes:
        unanswered: the ids of deliveries that were never answered 2xx, and whose work is not done.
        depths: messages by queue.
        alive: the product's processes are there.
    """

    scans: Sequence[Row]
    errors: Sequence[Row]
    fixes: Sequence[Row]
    repositories: Sequence[Row]
    github: Sequence[GitHubView]
    unanswered: Sequence[str]
    depths: Mapping[str, int]
    alive: bool = True


def read_actual(stack: KovaStack, state: State) -> Actual:
    """Read all of it; nothing else may happen meanwhile."""
    return Actual(
        scans=read_rows(stack, "/api/scans"),
        errors=read_rows(stack, "/api/errors", status="open"),
        fixes=read_rows(stack, "/api/fixes"),
        repositories=read_rows(stack, "/api/repositories"),
        github=[_view(state, repository.full_name) for repository in state.repositories()],
        unanswered=not_done(stack, state),
        depths=stack.depths(),
        alive=stack.is_alive,
    )


def read_rows(stack: KovaStack, path: str, **params: str) -> list[Row]:
    """Return all rows of one of the API's lists.

    Raises:
        httpx.HTTPError: it does not answer, or not with 200.
    """
    rows: list[Row] = []
    headers = {"Authorization": f"Bearer {stack.settings['KOVA_API_KEY']}"}
    cursor: dict[str, str] = {}
    with httpx.Client(base_url=stack.address, headers=headers, timeout=60) as client:
        while True:
            answer = client.get(path, params={"limit": "100", **params, **cursor})
            answer.raise_for_status()
            page = answer.json()
            rows += page["items"]
            if page["next_cursor"] is None:
                return rows
            cursor = {"cursor": page["next_cursor"]}


def unanswered(state: State) -> list[str]:
    """Return the ids of the deliveries of which no attempt was answered 2xx."""
    guids = dict.fromkeys(delivery["guid"] for delivery in list(state.deliveries))
    for delivery in list(state.deliveries):
        if 200 <= delivery["status_code"] < 300:
            guids.pop(delivery["guid"], None)
    return list(guids)


def not_done(stack: KovaStack, state: State) -> list[str]:
    """Return those of the unanswered deliveries whose work Kova does not remember as done.

    An API that is killed after it queued a job has answered nothing.

    Raises:
        psycopg.OperationalError: the database does not answer.
    """
    guids = unanswered(state)
    with psycopg.connect(stack.settings["KOVA_DATABASE_URL"]) as connection:
        rows = connection.execute("SELECT id FROM deliveries WHERE id = ANY(%s)", [guids])
        handled = {guid for (guid,) in rows}
    return [guid for guid in guids if guid not in handled]


def _view(state: State, full_name: str) -> GitHubView:
    with state.lock:
        repository = state.repository(full_name)
        refs = repository.git.refs
        branches = {
            name.removeprefix("heads/"): sha
            for name, sha in refs.items()
            if name.startswith("heads/")
        }
        return GitHubView(
            id=repository.id,
            full_name=repository.full_name,
            check_runs=[dict(run) for run in repository.check_runs],
            pulls=[dict(pull) for pull in repository.pulls],
            comments=[dict(comment) for comment in repository.comments],
            branches=branches,
            parents={sha: repository.git.commits[sha].parents for sha in branches.values()},
            history=repository.git.ancestors(branches[repository.default_branch]),
        )
