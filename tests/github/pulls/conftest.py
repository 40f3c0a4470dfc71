"""A publisher, and GitHub's answers about pull requests of fixes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from kova.adapters.github.client import GitHubClient
from kova.adapters.github.publisher import GitHubPublisher
from kova.code_index.index_repository import blob_sha
from kova.fixes.publisher import FixPullRequest

Connect = Callable[..., GitHubClient]
REPO = "/repos/octo/sample"
BASE, TREE, SRC, NEW_TREE, FIX, OLD = (digit * 40 for digit in "abcdef")
BRANCH = "kova/fix-1"
REF = f"{REPO}/git/ref/heads/{BRANCH}"
CREATE_REF = f"POST {REPO}/git/refs"
MOVE_REF = "POST /graphql"
"""Moves a branch, or deletes it, from where it was seen."""
NOWHERE = "0" * 40
PULLS = f"GET {REPO}/pulls"
CREATE_PULL = f"POST {REPO}/pulls"
UPDATE_PULL = f"PATCH {REPO}/pulls/9"
BLOB = blob_sha(b"new\n")
WITHDRAWN = "<!-- kova:withdrawn -->"
PAGE = "https://github.example/octo/sample/pull/9"


def fix(**changed: Any) -> FixPullRequest:
    fields: dict[str, Any] = {
        "base_branch": "main",
        "base_sha": BASE,
        "branch": BRANCH,
        "title": "Fix it",
        "body": "Proved.",
        "message": "Fix it",
        "files": {"src/a.py": b"new\n"},
    }
    return FixPullRequest(**(fields | changed))


def pull_json(**changed: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "number": 9,
        "state": "open",
        "title": "Fix it",
        "body": "Proved.",
        "html_url": PAGE,
        "head": {"ref": BRANCH, "sha": FIX, "repo": {"id": 1}},
        "base": {"ref": "main", "repo": {"id": 1}},
    }
    return fields | changed


def ref_json(sha: str) -> dict[str, Any]:
    return {"ref": "refs/heads/x", "object": {"type": "commit", "sha": sha}}


def commit(sha: str, email: str = "kova@kova.invalid") -> dict[str, Any]:
    return {"sha": sha, "committer": {"email": email, "date": "2030-01-02T03:04:05Z"}}


@pytest.fixture
def github(script: Any) -> Any:
    """A GitHub whose main is at BASE, and where the fix makes the commit FIX."""
    files = [
        {"path": "a.py", "mode": "100644", "type": "blob", "sha": OLD},
        {"path": "run", "mode": "100755", "type": "blob", "sha": OLD},
        {"path": "link", "mode": "120000", "type": "blob", "sha": OLD},
    ]
    folder = {"path": "src", "mode": "040000", "type": "tree", "sha": SRC}
    script.json(f"{REPO}/git/ref/heads/main", ref_json(BASE))
    script.json(f"{REPO}/git/commits/{BASE}", commit(BASE) | {"tree": {"sha": TREE}})
    script.json(f"{REPO}/git/trees/{TREE}", {"tree": [folder]})
    script.json(f"{REPO}/git/trees/{SRC}", {"tree": files})
    script.json(f"POST {REPO}/git/blobs", {"sha": OLD}, status=201)
    script.json(f"POST {REPO}/git/trees", {"sha": NEW_TREE}, status=201)
    script.json(f"POST {REPO}/git/commits", {"sha": FIX}, status=201)
    script.json(f"GET {REPO}/git/commits/{FIX}", commit(FIX) | {"parents": [{"sha": BASE}]})
    return script


@pytest.fixture
def publisher(script: Any, connect: Connect) -> GitHubPublisher:
    return GitHubPublisher(connect(script.url))


def allow_moves(script: Any, **answer: Any) -> None:
    """Answer to what moves or deletes a branch."""
    script.json(f"GET {REPO}", {"id": 1, "node_id": "R_1"})
    moved = {"data": {"updateRefs": {"clientMutationId": None}}}
    script.json(MOVE_REF, answer or moved)


def list_moves(script: Any) -> list[dict[str, Any]]:
    """What moves or deletes a branch was sent for."""
    bodies = [body for path, body in script.sent("POST") if path == "/graphql"]
    assert all(body["variables"]["input"]["repositoryId"] == "R_1" for body in bodies)
    return [move for body in bodies for move in body["variables"]["input"]["refUpdates"]]


def list_writes(script: Any) -> list[str]:
    """What was written beside git's objects, which are named by content."""
    objects = ("/git/blobs", "/git/trees", "/git/commits")
    return [
        f"{method} {path}"
        for method, path, _, _ in script.requests
        if method != "GET" and not path.endswith(objects)
    ]


def json_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()
